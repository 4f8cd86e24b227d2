"""What other programs are told about documents: one webhook per change of a state.

Published in the transaction that makes the change true. ``step`` is the only way a document's
transport moves, so that no change goes untold.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.webhook_events import EventType
from gateway.access.webhook_publishing import Publisher, listened_to, nobody_listens
from gateway.exchange.failures import failure_of
from gateway.exchange.states import (
    TRANSPORT,
    TransportEvent,
    TransportState,
    advance,
    display_status,
)
from gateway.exchange.tables import Document

__all__ = [
    "ANSWERED",
    "DISPATCH",
    "EVENT_TYPES",
    "HANDED_OVER",
    "HANDOVER_ACKNOWLEDGED",
    "HANDOVER_FAILED",
    "MLS",
    "OF_TRANSPORT",
    "DocumentEvents",
    "hold",
    "payload",
    "told_by",
]

_MAX_TEXT: Final = 1000

OF_TRANSPORT: Final[Mapping[TransportState, EventType]] = {
    TransportState.REFUSED: EventType(
        "document.refused", "A submitted document broke rules and will not be sent."
    ),
    TransportState.ACCEPTED: EventType(
        "document.accepted", "A document was accepted and is on its way."
    ),
    TransportState.ROUTED: EventType(
        "document.routed", "The network said where the receiver takes the document."
    ),
    TransportState.SENDING: EventType(
        "document.sending", "An attempt to hand the document to the receiving access point began."
    ),
    TransportState.WAITING: EventType(
        "document.waiting", "An attempt failed; the document waits for the next one."
    ),
    TransportState.DISPATCHING: EventType(
        "document.dispatching",
        "A document goes to its buyer outside Peppol, by e-mail or download link.",
    ),
    TransportState.DISPATCHED: EventType(
        "document.dispatched",
        "A mail server took the document, or the buyer opened its link; no Peppol delivery.",
    ),
    TransportState.DELIVERED: EventType(
        "document.delivered", "The receiving access point took the document."
    ),
    TransportState.FAILED: EventType(
        "document.failed", "The document could not be delivered and is given up."
    ),
    TransportState.CANCELLED: EventType(
        "document.cancelled", "The document was cancelled before anything was sent."
    ),
    TransportState.RECEIVED: EventType(
        "document.received", "A document arrived; fetch it by its id."
    ),
}
"""The event of every transport state, published whenever a document comes into it."""

MLS: Final = EventType(
    "document.mls", "The receiving access point said what became of a document (MLS)."
)
ANSWERED: Final = EventType(
    "document.answered", "The buyer answered an invoice, or we answered one (Invoice Response)."
)
DISPATCH: Final = EventType(
    "document.dispatch",
    "What became of an e-mail or download link that carries a document outside Peppol.",
)
HANDED_OVER: Final = EventType(
    "document.handed-over",
    "A received document is there for the business to take; fetch it by its id.",
)
HANDOVER_ACKNOWLEDGED: Final = EventType(
    "document.acknowledged", "The business said that it has a received document."
)
HANDOVER_FAILED: Final = EventType(
    "document.handover-failed", "A received document could not be handed to the business."
)
EVENT_TYPES: Final = (
    *OF_TRANSPORT.values(),
    MLS,
    ANSWERED,
    DISPATCH,
    HANDED_OVER,
    HANDOVER_ACKNOWLEDGED,
    HANDOVER_FAILED,
)


class DocumentEvents:
    """Tells the webhooks of an account what happened to its documents."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(
        self,
        session: AsyncSession,
        document: Document,
        event_type: EventType,
        facts: Mapping[str, Any] | None = None,
        *,
        at: datetime,
    ) -> None:
        """Tell what happened, in the caller's transaction; ``facts`` are plain JSON values.

        The document's states must be the new ones already. ``at`` is machine time.
        """
        await self._publisher.publish(
            session, document.tenant_id, event_type.name, payload(document, facts, at=at)
        )

    async def announce(
        self,
        session: AsyncSession,
        document: Document,
        event_type: EventType,
        facts: Mapping[str, Any] | None = None,
        *,
        at: datetime,
    ) -> UUID | None:
        """Tell it and return the message's id, or None where no endpoint wants to know."""
        return await self._publisher.announce(
            session, document.tenant_id, event_type.name, payload(document, facts, at=at)
        )

    async def step(
        self,
        session: AsyncSession,
        document: Document,
        event: TransportEvent,
        facts: Mapping[str, Any] | None = None,
        *,
        at: datetime,
    ) -> None:
        """Move a document's transport and tell it; raises IllegalTransition."""
        document.transport = advance(TRANSPORT, document.transport, event)
        document.updated_at = at
        told = {"event": event.value, **(facts or {})}
        await self.publish(session, document, told_by(event, document.transport), told, at=at)

    async def entered(
        self,
        session: AsyncSession,
        document: Document,
        facts: Mapping[str, Any] | None = None,
        *,
        at: datetime,
    ) -> None:
        """Tell that a document came into its present transport state."""
        await self.publish(session, document, OF_TRANSPORT[document.transport], facts, at=at)


async def hold(session: AsyncSession, document_id: UUID) -> Document:
    """Lock a document in order to move it, and ask in the same breath whether anybody listens."""
    found = await session.exec(
        select(Document, listened_to(col(Document.tenant_id)))
        .where(col(Document.id) == document_id)
        .with_for_update(of=Document)
        .execution_options(populate_existing=True)
    )
    document, listened = found.one()
    if not listened:
        nobody_listens(session, document.tenant_id)
    return document


def told_by(event: TransportEvent, state: TransportState) -> EventType:
    """The type that tells of a step: by where it led, a failed attempt by itself."""
    if event is TransportEvent.ATTEMPT_FAILED:
        # A lookup that failed leaves the document where it was, which would say nothing.
        return OF_TRANSPORT[TransportState.WAITING]
    return OF_TRANSPORT[state]


def payload(
    document: Document, facts: Mapping[str, Any] | None = None, *, at: datetime
) -> dict[str, Any]:
    """What every message about a document says; never its content.

    ``failure`` is None unless the document was refused or given up.
    """
    return {
        "document_id": str(document.id),
        "direction": document.direction.value,
        "kind": document.kind.value,
        "number": document.number,
        "sender": document.sender,
        "receiver": document.receiver,
        "related_id": str(document.related_id) if document.related_id else None,
        "status": display_status(
            document.transport, document.network, document.business, document.payment
        ).key,
        "states": {
            "transport": document.transport.value,
            "network": document.network.value,
            "business": document.business.value,
            "payment": document.payment.value,
        },
        "failure": _failure(document),
        "facts": dict(facts or {}),
        "at": at.isoformat(),
    }


def _failure(document: Document) -> dict[str, Any] | None:
    if document.failure_code is None:
        return None
    known = failure_of(document.failure_code)
    return {
        "code": document.failure_code,
        "text": (document.failure_text or "")[:_MAX_TEXT],
        "class": known.failure_class.value,
        "permanent": known.permanent,
        "advice": known.advice,
    }
