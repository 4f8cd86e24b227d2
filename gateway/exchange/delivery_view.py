"""What a document's page shows of its way: failure and remedy, cancelling, the hand-over."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exchange.delivery_tables import HandOver
from gateway.exchange.failures import Failure, failure_of
from gateway.exchange.handover import handover_of
from gateway.exchange.states import CANCELLING, Cancelling, TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind

__all__ = ["Way", "way_of"]


@dataclass(frozen=True, slots=True)
class Way:
    """What can be done about a document on its way, and where it is on its way to the business.

    ``failure`` is set for a document that was given up, which can be sent again.
    """

    cancellable: bool
    failure: Failure | None
    hand_over: HandOver | None


async def way_of(session: AsyncSession, document: Document) -> Way:
    """The way of one document."""
    if document.direction is Direction.IN:
        return Way(
            cancellable=False, failure=None, hand_over=await handover_of(session, document.id)
        )
    failed = document.transport is TransportState.FAILED
    return Way(
        cancellable=document.kind is not DocumentKind.MLS
        and CANCELLING[document.transport] is Cancelling.IF_NOTHING_ARRIVED,
        failure=failure_of(document.failure_code or "") if failed else None,
        hand_over=None,
    )
