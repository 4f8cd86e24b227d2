"""Rows of answers between access points: what an account says when, and every MLS owed or awaited.

One record for each exchanged document that an MLS may speak about, on either side of it.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, Json, UtcDateTime

__all__ = [
    "MLS_TABLE",
    "AnswerPolicy",
    "Confirm",
    "InvalidPolicy",
    "MlsAsked",
    "MlsEvent",
    "MlsRecord",
    "MlsSide",
    "MlsState",
]


class MlsAsked(StrEnum):
    """When C2 wants an MLS: always, or only when the document was not delivered (MLS_TYPE)."""

    ALWAYS = "always"
    FAILURES = "failures"


class Confirm(StrEnum):
    """What has to happen before a received document counts as delivered to the business (AP)."""

    AT_INBOX = "at-inbox"
    ON_HAND_OVER = "on-hand-over"
    BY_API = "by-api"


class InvalidPolicy(StrEnum):
    """What becomes of a received document that breaks rules."""

    REJECT = "reject"
    DELIVER = "deliver-invalid"


class MlsSide(StrEnum):
    """Whether we owe the MLS (we are C3) or await it (we are C2)."""

    OWED = "owed"
    AWAITED = "awaited"


class MlsState(StrEnum):
    """Where the MLS about one document stands; the first five are C3's, the others C2's."""

    WAITING = "waiting"
    SILENT = "silent"
    QUEUED = "queued"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"
    AWAITED = "awaited"
    QUIET = "quiet"
    ANSWERED = "answered"


class MlsEvent(StrEnum):
    """What can happen to the MLS about one document."""

    DECIDED = "decided"
    NOT_ASKED = "not-asked"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"
    RECEIVED = "received"


S, E = MlsState, MlsEvent

MLS_TABLE: Final[Mapping[tuple[MlsState, MlsEvent], MlsState]] = {
    (S.WAITING, E.DECIDED): S.QUEUED,
    (S.WAITING, E.NOT_ASKED): S.SILENT,
    # Nothing was sent so far, so a failure that is learnt of late may still be told.
    (S.SILENT, E.DECIDED): S.QUEUED,
    (S.QUEUED, E.DELIVERED): S.SENT,
    (S.QUEUED, E.GIVEN_UP): S.UNDELIVERABLE,
    # Somebody had the same MLS sent again.
    (S.UNDELIVERABLE, E.DELIVERED): S.SENT,
    (S.AWAITED, E.RECEIVED): S.ANSWERED,
    (S.QUIET, E.RECEIVED): S.ANSWERED,
}
"""At most one MLS about a document leaves this table, and at most one counts."""


class AnswerPolicy(SQLModel, table=True):
    """How one account answers; an account without a row has the defaults.

    ``timer_minutes`` after reception a document whose outcome is not known yet is answered
    "forwarded, no confirmation" (AB): MLS-1 allows 20 minutes.
    """

    __tablename__ = "answer_policy"

    tenant_id: UUID = Field(foreign_key="tenant.id", primary_key=True)
    confirm: Confirm = Field(sa_column=Column(EnumText(Confirm), nullable=False))
    invalid: InvalidPolicy = Field(sa_column=Column(EnumText(InvalidPolicy), nullable=False))
    timer_minutes: int
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_by: str = Field(max_length=340)


class MlsRecord(SQLModel, table=True):
    """The MLS about one document: asked for by whom, said when, in time or not.

    ``began_at`` is when the document was received (owed) or its receipt verified (awaited);
    ``answered_at`` when the MLS had its receipt (owed) or came in (awaited); ``took_s`` the whole
    seconds between. ``statement`` is what the MLS says or is to say: code, text and issues.
    ``address`` is whom an owed MLS goes to. ``outcome`` is what the business reported last, even
    after the MLS had left.
    """

    __tablename__ = "mls_record"
    __table_args__ = (
        Index("ix_mls_record_month", "side", "began_at"),
        Index("ix_mls_record_state", "state", "began_at"),
    )

    document_id: UUID = Field(foreign_key="document.id", primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    side: MlsSide = Field(sa_column=Column(EnumText(MlsSide), nullable=False))
    state: MlsState = Field(sa_column=Column(EnumText(MlsState), nullable=False))
    asked: MlsAsked = Field(sa_column=Column(EnumText(MlsAsked), nullable=False))
    peer_seat: str = Field(max_length=40)
    own_seat: str = Field(max_length=40)
    address: str | None = Field(default=None, max_length=200)
    began_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    timer_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    code: str | None = Field(default=None, max_length=2)
    statement: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    took_s: int | None = None
    late_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    mls_id: UUID | None = Field(default=None, foreign_key="document.id", index=True)
    outcome: str | None = Field(default=None, max_length=20)
    outcome_text: str | None = Field(default=None, sa_column=Column(Text))
    outcome_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    outcome_by: str | None = Field(default=None, max_length=340)
