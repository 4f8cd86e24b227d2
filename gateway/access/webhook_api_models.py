"""Shapes of the webhook API: endpoints, types of events, the log of deliveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.access.webhook_events import EventType
from gateway.access.webhook_service import Sent
from gateway.access.webhook_tables import (
    DeliveryState,
    DisabledBecause,
    EndpointState,
    WebhookEndpoint,
)
from gateway.core.api_values import Instant
from gateway.core.paging import Cut

__all__ = [
    "DeliveryOut",
    "DeliveryPage",
    "DeliveryQuery",
    "EndpointChange",
    "EndpointCreated",
    "EndpointIn",
    "EndpointList",
    "EndpointOut",
    "EventTypeList",
    "MissedIn",
    "MissedOut",
]

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=8, max_length=2000)]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
TypeName = Annotated[str, StringConstraints(max_length=80)]
TypeNames = Annotated[list[TypeName], Field(max_length=100)]


class EndpointIn(BaseModel):
    """An address to tell; no ``event_types`` means every type."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    event_types: TypeNames = []
    description: Description = ""


class EndpointChange(BaseModel):
    """What to change on an endpoint; what is absent stays as it is."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    event_types: TypeNames | None = None
    description: Description | None = None
    active: bool | None = None


class EndpointOut(BaseModel):
    """An endpoint without its secret, which was shown when it was drawn.

    ``failing_since`` is when the first of the failures began that nothing got through since;
    ``former_secret_until`` is how long the secret before the present one signs beside it.
    """

    id: UUID
    url: str
    description: str
    event_types: list[str]
    state: EndpointState
    disabled_because: DisabledBecause | None
    failing_since: datetime | None
    former_secret_until: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: WebhookEndpoint) -> Self:
        """The API's view of a row."""
        return cls(
            id=row.id,
            url=row.url,
            description=row.description,
            event_types=row.event_types,
            state=row.state,
            disabled_because=row.disabled_because,
            failing_since=row.failing_since,
            former_secret_until=row.former_until,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class EndpointCreated(BaseModel):
    """An endpoint with a new secret (``whsec_...``), shown this once."""

    endpoint: EndpointOut
    secret: str


class EndpointList(BaseModel):
    """The account's endpoints, newest first."""

    items: list[EndpointOut]


class EventTypeOut(BaseModel):
    """A type of event and what it says."""

    name: str
    meaning: str


class EventTypeList(BaseModel):
    """Every type of event, by name."""

    items: list[EventTypeOut]

    @classmethod
    def of(cls, types: Sequence[EventType]) -> Self:
        """Show the types."""
        return cls(items=[EventTypeOut(name=one.name, meaning=one.meaning) for one in types])


class DeliveryQuery(BaseModel):
    """Which page of the log of deliveries."""

    model_config = ConfigDict(extra="forbid")

    endpoint: UUID | None = None
    state: DeliveryState | None = None
    event_type: TypeName | None = None
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class AttemptOut(BaseModel):
    """One attempt: the HTTP status of the answer if there was one, a code if it failed."""

    at: datetime
    status: int | None
    code: str | None
    elapsed_ms: int


class DeliveryOut(BaseModel):
    """One message to one endpoint. ``webhook_id`` is the same for a replay."""

    id: UUID
    webhook_id: str
    event_type: str
    endpoint_id: UUID
    url: str
    state: DeliveryState
    attempts: list[AttemptOut]
    created_at: datetime
    ended_at: datetime | None
    payload: dict[str, Any]

    @classmethod
    def of(cls, sent: Sent) -> Self:
        """The API's view of a delivery."""
        delivery = sent.delivery
        return cls(
            id=delivery.id,
            webhook_id=sent.message.webhook_id,
            event_type=sent.message.event_type,
            endpoint_id=sent.endpoint.id,
            url=sent.endpoint.url,
            state=delivery.state,
            attempts=[AttemptOut.model_validate(one) for one in delivery.attempts],
            created_at=delivery.created_at,
            ended_at=delivery.ended_at,
            payload=sent.message.content,
        )


class DeliveryPage(BaseModel):
    """Deliveries, newest first; send ``next_cursor`` as ``cursor`` for older ones."""

    items: list[DeliveryOut]
    next_cursor: UUID | None

    @classmethod
    def of(cls, rows: Sequence[Sent], *, limit: int) -> Self:
        """A page from up to ``limit + 1`` rows; the one too many says that there are more."""
        page = Cut.at(rows, limit)
        return cls(
            items=[DeliveryOut.of(row) for row in page.shown],
            next_cursor=page.cursor(lambda row: row.delivery.id),
        )


class MissedIn(BaseModel):
    """From when on missed messages are sent again."""

    model_config = ConfigDict(extra="forbid")

    since: Instant


class MissedOut(BaseModel):
    """How many messages are on their way again; call once more while it is 500."""

    replayed: int
