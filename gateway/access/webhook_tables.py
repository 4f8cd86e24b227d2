"""Rows of webhooks: who is told, what is told, and how each telling went."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id
from gateway.core.vault import SealedText, place_of

__all__ = [
    "DeliveryState",
    "DisabledBecause",
    "EndpointState",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
]


class EndpointState(StrEnum):
    """Whether an endpoint is told anything."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DisabledBecause(StrEnum):
    """Why an endpoint is not told anything: somebody said so, it is gone (410), it kept failing."""

    SWITCHED_OFF = "switched-off"
    GONE = "gone"
    FAILING = "failing"


class DeliveryState(StrEnum):
    """How a delivery stands; all but ``pending`` are final.

    ``failed`` was tried until patience ran out, ``skipped`` met an endpoint that was disabled.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


class WebhookEndpoint(SQLModel, table=True):
    """An address that is told what happens in one account.

    ``event_types`` empty means every type. ``secret`` signs; ``former_secret`` signs too until
    ``former_until``, so that the receiver can change over. Both are sealed (`gateway.core.vault`).
    ``failing_since`` is when the first of the failures began that nothing has got through since.
    """

    __tablename__ = "webhook_endpoint"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    url: str = Field(max_length=2000)
    description: str = Field(default="", max_length=200)
    event_types: list[str] = Field(sa_column=Column(Json, nullable=False))
    secret: str = Field(sa_column=Column(SealedText, nullable=False), repr=False)
    former_secret: str | None = Field(default=None, sa_column=Column(SealedText), repr=False)
    former_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    state: EndpointState = Field(sa_column=Column(EnumText(EndpointState), nullable=False))
    disabled_because: DisabledBecause | None = Field(
        default=None, sa_column=Column(EnumText(DisabledBecause))
    )
    failing_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))

    @property
    def place(self) -> str:
        """What its secrets are sealed for."""
        return place_of(self.__tablename__, self.id)


class WebhookMessage(SQLModel, table=True):
    """One thing that happened, in the very bytes every endpoint is sent.

    ``id`` is the receiver's idempotency key: a repetition carries the same.
    """

    __tablename__ = "webhook_message"
    __table_args__ = (Index("ix_webhook_message_created_at", "created_at"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    event_type: str = Field(max_length=80)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))

    @property
    def webhook_id(self) -> str:
        """The message's name in the header ``webhook-id``."""
        return f"msg_{self.id.hex}"

    @property
    def content(self) -> dict[str, Any]:
        """The message as a value: ``type``, ``timestamp``, ``data``."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class WebhookDelivery(SQLModel, table=True):
    """One message to one endpoint, with its attempts.

    ``attempts`` is a list of ``{"at", "status", "code", "elapsed_ms"}``, oldest first; ``status``
    is the HTTP status or null, ``code`` the stable code of a failure or null. A replay is a
    delivery of its own.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_list", "tenant_id", "id"),
        Index("ix_webhook_delivery_endpoint", "endpoint_id", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    endpoint_id: UUID = Field(foreign_key="webhook_endpoint.id")
    message_id: UUID = Field(foreign_key="webhook_message.id", index=True)
    state: DeliveryState = Field(sa_column=Column(EnumText(DeliveryState), nullable=False))
    attempts: list[dict[str, Any]] = Field(sa_column=Column(Json, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
