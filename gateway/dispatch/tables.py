"""Rows of dispatch: what went to buyers outside Peppol, and the keys of the links."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, UtcDateTime
from gateway.core.ids import new_id
from gateway.core.vault import SealedText
from gateway.dispatch.states import DispatchState, Reason
from gateway.dispatch.wording import TextKind
from gateway.exchange.channels import Channel, DispatchFormat

__all__ = ["Dispatch", "DispatchKey", "DispatchText"]


class Dispatch(SQLModel, table=True):
    """One document on its way to a buyer outside Peppol, once; sent again it is another row.

    ``channel`` is EMAIL or LINK. ``token`` is random: it is in the Message-ID and in the return
    path, where a bounce brings it back. ``link_id`` is what the signed link names, good until
    ``link_expires_at`` in its ``link_version``. ``content_id`` is the e-mail as it went out,
    ``pdf_id`` what the buyer reads. The e-mail's last word, good or bad, is in ``failure_*``.
    ``fetched_at`` is when something first asked for the link's address, a person or a mail scanner;
    ``opened_at`` when somebody first pressed a button on its page.
    """

    __tablename__ = "dispatch"
    __table_args__ = (
        UniqueConstraint("document_id", "number"),
        Index("ix_dispatch_list", "tenant_id", "state", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    document_id: UUID = Field(foreign_key="document.id")
    customer_id: UUID | None = Field(default=None, foreign_key="customer.id", index=True)
    number: int
    channel: Channel = Field(sa_column=Column(EnumText(Channel), nullable=False))
    reason: Reason = Field(sa_column=Column(EnumText(Reason), nullable=False))
    recipient: str | None = Field(default=None, max_length=254)
    locale: str = Field(max_length=10)
    format: DispatchFormat = Field(sa_column=Column(EnumText(DispatchFormat), nullable=False))
    state: DispatchState = Field(sa_column=Column(EnumText(DispatchState), nullable=False))
    token: str = Field(max_length=40, unique=True)
    link_id: UUID = Field(unique=True)
    link_version: int = 1
    link_expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    subject: str | None = Field(default=None, sa_column=Column(Text))
    content_id: UUID | None = Field(default=None, foreign_key="stored_blob.id")
    pdf_id: UUID | None = Field(default=None, foreign_key="stored_blob.id")
    bounce_id: UUID | None = Field(default=None, foreign_key="stored_blob.id")
    failure_code: str | None = Field(default=None, max_length=60)
    failure_text: str | None = Field(default=None, sa_column=Column(Text))
    created_by: str | None = Field(default=None, max_length=300)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    fetched_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    opened_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    bounced_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class DispatchKey(SQLModel, table=True):
    """A key that signs links to download documents, sealed (`gateway.core.vault`)."""

    __tablename__ = "dispatch_key"

    number: int = Field(primary_key=True)
    secret: str = Field(sa_column=Column(SealedText, nullable=False), repr=False)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class DispatchText(SQLModel, table=True):
    """What an account's e-mails of one kind say in one language, in place of our own words."""

    __tablename__ = "dispatch_text"

    tenant_id: UUID = Field(foreign_key="tenant.id", primary_key=True)
    kind: TextKind = Field(sa_column=Column(EnumText(TextKind), primary_key=True))
    language: str = Field(max_length=2, primary_key=True)
    subject: str = Field(sa_column=Column(Text, nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    closing: str = Field(sa_column=Column(Text, nullable=False))
    updated_by: str = Field(max_length=300)
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
