"""Moving a dispatch: its row, its document's transport, timeline and webhooks in one step.

Only the newest dispatch of a document moves the document; an older one that bounces or is opened
late is told, and changes nothing else.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.jobs.backoff import JobError
from gateway.dispatch.states import DISPATCH as TABLE
from gateway.dispatch.states import DispatchEvent, DispatchState
from gateway.dispatch.tables import Dispatch
from gateway.exchange import timeline
from gateway.exchange.delivery_policies import DeliveryPolicies
from gateway.exchange.delivery_tables import OnFailure
from gateway.exchange.events import DISPATCH, DocumentEvents
from gateway.exchange.ports import Bookkeeper
from gateway.exchange.states import TRANSPORT, TransportEvent, advance
from gateway.exchange.tables import Document, EventGroup

__all__ = ["Steps", "facts_of", "last_of"]

_MOVES: Final[Mapping[DispatchState, TransportEvent]] = {
    DispatchState.SENT: TransportEvent.DISPATCHED,
    DispatchState.OPENED: TransportEvent.DISPATCHED,
    DispatchState.FAILED: TransportEvent.GIVEN_UP,
    DispatchState.BOUNCED: TransportEvent.BOUNCED,
}
_TOLD: Final[Mapping[DispatchState, str]] = {
    DispatchState.SENT: "dispatch.sent",
    DispatchState.OFFERED: "dispatch.offered",
    DispatchState.UNKNOWN: "dispatch.unknown",
    DispatchState.OPENED: "dispatch.opened",
    DispatchState.BOUNCED: "dispatch.bounced",
    DispatchState.FAILED: "dispatch.failed",
    DispatchState.WITHDRAWN: "dispatch.withdrawn",
}
_BAD: Final = (DispatchState.FAILED, DispatchState.BOUNCED)


async def last_of(session: AsyncSession, document_id: UUID) -> Dispatch | None:
    """The newest dispatch of a document."""
    found = await session.exec(
        select(Dispatch)
        .where(Dispatch.document_id == document_id)
        .order_by(col(Dispatch.number).desc())
        .limit(1)
    )
    return found.first()


def facts_of(row: Dispatch) -> dict[str, Any]:
    """What timeline and webhooks say of a dispatch; never its link."""
    return {
        "dispatch_id": str(row.id),
        "channel": row.channel.value,
        "reason": row.reason.value,
        "recipient": row.recipient or "",
        "format": row.format.value,
        "state": row.state.value,
    }


class Steps:
    """How dispatches move, with what hangs on it: ``policies`` say whether a claim is withdrawn."""

    def __init__(
        self, *, events: DocumentEvents, books: Bookkeeper, policies: DeliveryPolicies
    ) -> None:
        self._events = events
        self._books = books
        self._policies = policies

    async def locked(self, session: AsyncSession, dispatch_id: UUID) -> tuple[Document, Dispatch]:
        """A dispatch and its document: books before document before dispatch, as everywhere."""
        found = await session.get_one(Dispatch, dispatch_id)
        document = await session.get_one(Document, found.document_id)
        await self._books.hold(session, document)
        await session.refresh(document, with_for_update=True)
        rows = await session.exec(
            select(Dispatch)
            .where(Dispatch.id == dispatch_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return document, rows.one()

    def fetched(
        self, session: AsyncSession, document: Document, row: Dispatch, *, at: datetime
    ) -> None:
        """Tell that a link was fetched, which moves nothing: a mail scanner may have done it."""
        row.fetched_at = at
        session.add(row)
        timeline.record(
            session,
            document,
            EventGroup.TRANSPORT,
            "dispatch.fetched",
            at=at,
            facts=facts_of(row),
        )

    async def happen(
        self,
        session: AsyncSession,
        document: Document,
        row: Dispatch,
        event: DispatchEvent,
        *,
        at: datetime,
        fault: JobError | None = None,
        evidence_id: UUID | None = None,
    ) -> bool:
        """Move a dispatch and what hangs on it; False where the event says nothing new.

        Both rows are locked. ``fault`` says what went wrong, in English.
        """
        if (row.state, event) not in TABLE:
            return False
        row.state = advance(TABLE, row.state, event)
        if fault is not None:
            row.failure_code, row.failure_text = fault.code, fault.text
        session.add(row)
        kind = _TOLD.get(row.state)
        if kind is None:
            return True
        facts = facts_of(row) | ({"code": fault.code, "text": fault.text} if fault else {})
        timeline.record(
            session,
            document,
            EventGroup.TRANSPORT,
            kind,
            at=at,
            facts=facts,
            evidence_id=evidence_id,
        )
        await self._move(session, document, row, facts, at=at)
        await self._events.publish(session, document, DISPATCH, facts, at=at)
        return True

    async def _move(
        self,
        session: AsyncSession,
        document: Document,
        row: Dispatch,
        facts: Mapping[str, Any],
        *,
        at: datetime,
    ) -> None:
        """Let the document follow its newest dispatch."""
        move = _MOVES.get(row.state)
        newest = await last_of(session, document.id)
        if move is None or newest is None or newest.id != row.id:
            return
        if (document.transport, move) not in TRANSPORT:
            return
        if row.state in _BAD:
            document.failure_code, document.failure_text = row.failure_code, row.failure_text
        session.add(document)
        await self._events.step(session, document, move, facts, at=at)
        if row.state not in _BAD:
            return
        policy = await self._policies.of(session, document.tenant_id)
        if policy.on_failure is OnFailure.WITHDRAW:
            await self._books.withdrawn(session, document, at=at)
