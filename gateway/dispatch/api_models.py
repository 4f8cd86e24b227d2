"""Shapes of the dispatch API."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.dispatch.bounce_message import Verdict
from gateway.dispatch.bounces import Outcome
from gateway.dispatch.states import DispatchState, Reason
from gateway.dispatch.tables import Dispatch
from gateway.exchange.channels import Channel, DispatchFormat

__all__ = [
    "BounceOut",
    "DispatchIn",
    "DispatchList",
    "DispatchOut",
    "DispatchPage",
    "DispatchQuery",
]


class DispatchIn(BaseModel):
    """How to send a document once more; what is left out is the customer's."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel = Field(description="email, link or peppol.")
    email: str = Field("", max_length=254, description="Another address, for this time only.")
    locale: str | None = Field(None, max_length=10)
    format: DispatchFormat | None = None


class DispatchOut(BaseModel):
    """One dispatch. ``link`` opens the document without sign-in: it is a secret to be passed on.

    ``sent_at`` is when the mail server took the e-mail, which says nothing of the customer.
    ``fetched_at`` is when something first asked for the link, a person or a mail scanner;
    ``opened_at`` when somebody pressed a button on its page.
    """

    id: UUID
    document_id: UUID
    number: int
    channel: Channel
    reason: Reason
    state: DispatchState
    recipient: str | None
    locale: str
    format: DispatchFormat
    link: str | None
    link_expires_at: datetime
    failure_code: str | None
    failure_text: str | None
    created_at: datetime
    sent_at: datetime | None
    fetched_at: datetime | None
    opened_at: datetime | None
    bounced_at: datetime | None

    @classmethod
    def of(cls, row: Dispatch, link: str | None) -> Self:
        """The row as the API shows it."""
        named = {name: getattr(row, name) for name in cls.model_fields if name != "link"}
        return cls(link=link, **named)


class DispatchList(BaseModel):
    """Every dispatch of a document, the newest first."""

    items: list[DispatchOut]


class DispatchPage(BaseModel):
    """A page of dispatches, newest first; without their links."""

    items: list[DispatchOut]
    next_cursor: str | None


class DispatchQuery(BaseModel):
    """Which dispatches to list."""

    model_config = ConfigDict(extra="forbid")

    state: DispatchState | None = None
    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class BounceOut(BaseModel):
    """What a message from a mail server was, and whether it changed anything."""

    verdict: Verdict
    dispatch_id: UUID | None
    document_id: UUID | None
    changed: bool

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """The outcome as the API shows it."""
        return cls.model_validate(outcome, from_attributes=True)
