"""Rows of authoring: invoices that are being written."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Uuid
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id

__all__ = ["Draft", "DraftKey", "Once", "Origin"]


class Origin(StrEnum):
    """What a draft was made from."""

    BLANK = "blank"
    COPY = "copy"
    CREDIT = "credit"
    UPLOAD = "upload"
    CONFLICT = "conflict"


class Draft(SQLModel, table=True):
    """An invoice being written; gone once it is sent or thrown away.

    ``invoice`` is the invoice as JSON (`ubl.model_json`), half filled in as it may be; money has
    no currency where it is the invoice's own. ``version`` counts the times it was saved and
    ``tab`` is the page that saved it last: another page with an older version does not overwrite
    it. ``wanted`` is the format to send it in (``auto``: as the receiver can take it),
    ``document_id`` what it was copied from or credits, ``unread`` what an upload said that was
    not understood. ``number`` and ``buyer_name`` repeat the invoice for lists.
    """

    __tablename__ = "draft"
    __table_args__ = (Index("ix_draft_list", "tenant_id", "updated_at", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    version: int = 1
    tab: str = Field(default="", max_length=60)
    origin: Origin = Field(sa_column=Column(EnumText(Origin), nullable=False))
    document_id: UUID | None = Field(default=None, foreign_key="document.id")
    invoice: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    wanted: str = Field(default="auto", max_length=60)
    unread: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    number: str = Field(default="", max_length=200)
    buyer_name: str = Field(default="", max_length=300)
    created_by: str = Field(max_length=300)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


@dataclass(frozen=True, slots=True)
class Once:
    """A caller's key for one beginning; ``fingerprint`` (SHA-256, hex) tells what it began from."""

    key: str
    fingerprint: str


class DraftKey(SQLModel, table=True):
    """Which draft a key began; it outlives the draft, so that none is begun twice."""

    __tablename__ = "draft_key"

    tenant_id: UUID = Field(foreign_key="tenant.id", primary_key=True)
    key: str = Field(max_length=200, primary_key=True)
    fingerprint: str = Field(max_length=64)
    draft_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
