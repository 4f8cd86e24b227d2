"""Handing received documents to the business (C3 to C4): begin, acknowledge, fail, replay.

Every step moves one row by the table of ``handover_states``, tells webhooks and timeline, and
reports the outcome that an MLS may follow from, all in the caller's transaction.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit
from gateway.access.principal import Principal
from gateway.core.alarms import AlarmKind, Severity, clear_alarm, raise_alarm
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.queue import JobQueue
from gateway.exchange import timeline
from gateway.exchange.answer_outcome import Outcomes
from gateway.exchange.delivery_tables import (
    Acknowledgement,
    Channel,
    HandOver,
    HandOverState,
)
from gateway.exchange.events import (
    HANDED_OVER,
    HANDOVER_ACKNOWLEDGED,
    HANDOVER_FAILED,
    DocumentEvents,
)
from gateway.exchange.handover_policies import HandOverPolicies
from gateway.exchange.handover_states import HANDOVER, HandOverEvent
from gateway.exchange.lanes import HAND_OVER, job_key
from gateway.exchange.states import NetworkState, advance
from gateway.exchange.tables import Direction, Document, DocumentKind, EventGroup

__all__ = ["HANDOVER_ALARM", "HANDOVER_NONE", "HandOvers", "handover_of"]

HANDOVER_NONE: Final = ErrorKind(
    "HANDOVER-NONE", "This document is not handed to the business", 409
)
HANDOVER_ALARM: Final = AlarmKind(
    "HANDOVER-FAILED",
    Severity.CRITICAL,
    "Received documents do not reach the business",
    "Look at the account's hand-over settings and at the other side, then hand over again.",
)
_NOT_HANDED: Final = frozenset({DocumentKind.MLS, DocumentKind.MLR})
"""Answers of access points: the business sees them on the document they are about."""
_BY_CHANNEL: Final = "hand-over"


class HandOvers:
    """Where received documents are on their way to the business."""

    def __init__(
        self,
        *,
        database: Database,
        queue: JobQueue,
        policies: HandOverPolicies,
        events: DocumentEvents,
        outcomes: Outcomes,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._queue = queue
        self._policies = policies
        self._events = events
        self._outcomes = outcomes
        self._now = now

    async def begin(self, session: AsyncSession, document: Document, *, at: datetime) -> None:
        """Start the way of a document that was just written into the inbox."""
        if document.kind in _NOT_HANDED:
            return
        policy = await self._policies.of(session, document.tenant_id)
        rejected = document.network is NetworkState.REJECTED
        if rejected and not (policy and policy.with_rejected):
            return
        row = HandOver(
            tenant_id=document.tenant_id,
            document_id=document.id,
            channel=policy.channel if policy else Channel.PULL,
            acknowledgement=policy.acknowledgement if policy else Acknowledgement.EXPLICIT,
            state=HandOverState.WAITING,
            created_at=at,
        )
        session.add(row)
        await session.flush()
        await self.start(session, row, document, at=at)

    async def start(
        self, session: AsyncSession, row: HandOver, document: Document, *, at: datetime
    ) -> None:
        """Lay the document out, or queue the job that does; the row is WAITING."""
        if row.channel is Channel.PULL:
            await self.laid_out(session, row, document, at=at)
            return
        await self._queue.enqueue(
            session,
            kind=HAND_OVER,
            payload={"handover_id": str(row.id)},
            lane=f"handover:{row.tenant_id}",
            dedupe_key=job_key(HAND_OVER, row.id, row.round),
        )

    async def laid_out(
        self, session: AsyncSession, row: HandOver, document: Document, *, at: datetime
    ) -> None:
        """The document lies where the business takes it."""
        policy = await self._policies.of(session, row.tenant_id)
        row.state = advance(HANDOVER, row.state, HandOverEvent.LAID_OUT)
        row.handed_over_at, row.error_code, row.error_text = at, None, None
        waits = policy is not None and row.acknowledgement is Acknowledgement.EXPLICIT
        row.ack_by = at + timedelta(seconds=policy.ack_within_s) if policy and waits else None
        facts = {"channel": row.channel.value}
        row.message_id = await self._events.announce(session, document, HANDED_OVER, facts, at=at)
        if row.channel is not Channel.PULL:
            _record(session, document, "handover.laid-out", facts, at=at)

    async def acknowledged(
        self, session: AsyncSession, row: HandOver, document: Document, *, by: str, at: datetime
    ) -> None:
        """The business has the document; saying so again changes nothing."""
        if row.state is HandOverState.ACKNOWLEDGED:
            return
        row.state = advance(HANDOVER, row.state, HandOverEvent.ACKNOWLEDGED)
        row.acknowledged_at, row.acknowledged_by, row.ack_by = at, by[:200], None
        row.error_code = row.error_text = None
        facts = {"channel": row.channel.value, "by": by}
        _record(session, document, "handover.acknowledged", facts, at=at)
        await self._events.publish(session, document, HANDOVER_ACKNOWLEDGED, facts, at=at)
        if document.network is not NetworkState.REJECTED:
            await self._outcomes.report_outcome(session, document, "delivered", at=at, by=by)
        await clear_alarm(session, HANDOVER_ALARM, str(row.tenant_id), at=at)

    async def failed(
        self,
        session: AsyncSession,
        row: HandOver,
        document: Document,
        error: JobError,
        *,
        at: datetime,
    ) -> None:
        """The document is given up until somebody hands it over again."""
        row.state = advance(HANDOVER, row.state, HandOverEvent.GIVEN_UP)
        row.error_code, row.error_text, row.ack_by = error.code, error.text, None
        facts = {"channel": row.channel.value, "code": error.code, "text": error.text}
        _record(session, document, "handover.failed", facts, at=at)
        await self._events.publish(session, document, HANDOVER_FAILED, facts, at=at)
        if document.network is not NetworkState.REJECTED:
            await self._outcomes.report_outcome(session, document, "failed", at=at, by=_BY_CHANNEL)
        await raise_alarm(
            session,
            HANDOVER_ALARM,
            str(row.tenant_id),
            at=at,
            facts={"channel": row.channel.value, "code": error.code, "document": str(document.id)},
            tenant_id=row.tenant_id,
        )

    async def expire(
        self, session: AsyncSession, document_id: UUID, error: JobError, *, at: datetime
    ) -> None:
        """Give up a document that nobody fetched in time, unless somebody just did."""
        document = await session.get_one(Document, document_id, with_for_update=True)
        row = await handover_of(session, document_id)
        if row is None:
            return
        await session.refresh(row, with_for_update=True)
        if row.state is HandOverState.HANDED_OVER and row.ack_by is not None and row.ack_by < at:
            await self.failed(session, row, document, error, at=at)

    async def acknowledge(self, caller: Principal, document_id: UUID) -> HandOver:
        """The business says by itself that it has a document; raises NOT-FOUND, HANDOVER-NONE."""
        caller.require("responses:send")
        async with self._database.write() as session:
            document, row = await self._held(session, caller, document_id)
            await self.acknowledged(session, row, document, by=caller.actor, at=self._now())
        return row

    async def replay(self, caller: Principal, document_id: UUID) -> HandOver:
        """Hand a document over again by the channel of today; raises NOT-FOUND, HANDOVER-NONE."""
        caller.require("responses:send")
        async with self._database.write() as session:
            document, row = await self._held(session, caller, document_id)
            at = self._now()
            policy = await self._policies.of(session, row.tenant_id)
            row.state = advance(HANDOVER, row.state, HandOverEvent.REPLAYED)
            row.channel = policy.channel if policy else Channel.PULL
            row.acknowledgement = policy.acknowledgement if policy else Acknowledgement.EXPLICIT
            row.round, row.attempts = row.round + 1, 0
            row.message_id = row.place = None
            row.acknowledged_at = row.acknowledged_by = row.handed_over_at = row.ack_by = None
            _record(session, document, "handover.replayed", {"who": caller.actor}, at=at)
            audit(session, caller, action="document.handed-over-again", object=str(document.id))
            await self.start(session, row, document, at=at)
        return row

    async def _held(
        self, session: AsyncSession, caller: Principal, document_id: UUID
    ) -> tuple[Document, HandOver]:
        """A received document and its way, locked; its job is stopped, which comes first."""
        document = await session.get(Document, document_id)
        if (
            document is None
            or document.tenant_id != caller.tenant_id
            or document.direction is not Direction.IN
        ):
            raise GatewayError(NOT_FOUND, "No received document of this account has that id.")
        row = await handover_of(session, document_id)
        if row is None:
            raise GatewayError(
                HANDOVER_NONE,
                "This document stays in the inbox: answers of access points and rejected documents "
                "are not handed over, unless the account's settings say so.",
            )
        await self._queue.cancel(session, job_key(HAND_OVER, row.id, row.round))
        await session.refresh(document, with_for_update=True)
        await session.refresh(row, with_for_update=True)
        return document, row


async def handover_of(session: AsyncSession, document_id: UUID) -> HandOver | None:
    """Where a received document is on its way to the business; None where it has none to go."""
    found = await session.exec(select(HandOver).where(HandOver.document_id == document_id))
    return found.first()


def _record(
    session: AsyncSession, document: Document, kind: str, facts: dict[str, Any], *, at: datetime
) -> None:
    timeline.record(session, document, EventGroup.TRANSPORT, kind, at=at, facts=facts)
