"""Alarms about what waits too long: queues, documents, access points that are away.

Looks every few minutes; an alarm is cleared by the same look when its cause is gone. Also ends
hand-overs that nobody fetched in time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.alarms import AlarmKind, Severity, clear_alarm, open_alarms, raise_alarm
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.jobs.tables import IS_ACTIVE, Job, Lane
from gateway.exchange.delivery_tables import Channel, HandOver, HandOverState
from gateway.exchange.handover import HandOvers
from gateway.exchange.lanes import ACCESS_POINTS, AGEING
from gateway.exchange.states import TransportState, terminal
from gateway.exchange.tables import Direction, Document

__all__ = [
    "ACCESS_POINT_DOWN",
    "DOCUMENT_STUCK",
    "QUEUE_AGEING",
    "AccessPoint",
    "Ageing",
    "access_points",
    "register",
]

QUEUE_AGEING: Final = AlarmKind(
    "QUEUE-AGEING",
    Severity.WARNING,
    "Work is due for longer than it should be",
    "Look whether workers are running and keep up; raise jobs.concurrency or add a process.",
)
DOCUMENT_STUCK: Final = AlarmKind(
    "DOCUMENT-STUCK",
    Severity.WARNING,
    "A document has not reached its receiver for long",
    "Open the document: its last failure says who can help.",
)
ACCESS_POINT_DOWN: Final = AlarmKind(
    "ACCESS-POINT-DOWN",
    Severity.WARNING,
    "An access point does not answer",
    "Nothing else is held up; it is probed by itself. If it lasts, ask its operator.",
)
NOT_FETCHED: Final = JobError(
    "HANDOVER-NOT-ACKNOWLEDGED",
    "Nobody fetched and acknowledged the document in time. Ask why; it can still be acknowledged.",
)
_SHOWN: Final = 100
_ON_THE_WAY: Final = tuple(
    one for one in TransportState if not terminal(one) and one is not TransportState.DISPATCHING
)
"""What should move by itself. Outside Peppol a document may wait for a person to pass on a link."""


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """A receiving access point as the deliveries to it see it.

    ``failures`` in a row; ``shut`` after too many, then nothing is sent before ``probe_at``.
    ``waiting`` counts the documents queued for it.
    """

    name: str
    failures: int
    shut: bool
    probe_at: datetime | None
    waiting: int


@dataclass(frozen=True, slots=True)
class _Cause:
    """What an alarm is about: its facts, and the document where it is about one."""

    facts: dict[str, Any]
    document: Document | None = None


async def access_points(session: AsyncSession, *, break_after: int) -> list[AccessPoint]:
    """Those with trouble or work, the worst first."""
    waiting = (
        select(Job.lane, func.count().label("jobs"))
        .where(IS_ACTIVE, col(Job.lane).startswith(ACCESS_POINTS))
        .group_by(col(Job.lane))
        .subquery()
    )
    found = await session.exec(
        select(Lane, func.coalesce(waiting.c.jobs, 0))
        .join(waiting, waiting.c.lane == col(Lane.name), isouter=True)
        .where(
            col(Lane.name).startswith(ACCESS_POINTS),
            (col(Lane.failures) > 0) | waiting.c.jobs.is_not(None),
        )
        .order_by(col(Lane.failures).desc(), col(Lane.name))
    )
    return [
        AccessPoint(
            lane.name.removeprefix(ACCESS_POINTS),
            lane.failures,
            lane.failures >= break_after,
            lane.paused_until,
            jobs,
        )
        for lane, jobs in found
    ]


class Ageing:
    """One look at everything that may wait too long."""

    def __init__(
        self,
        *,
        database: Database,
        handovers: HandOvers,
        queue_age: timedelta,
        stuck_after: timedelta,
        break_after: int,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._handovers = handovers
        self._queue_age = queue_age
        self._stuck_after = stuck_after
        self._break_after = break_after
        self._now = now

    async def __call__(self, _job: JobContext) -> None:
        """Raise what is to be raised, clear what is gone."""
        at = self._now()
        async with self._database.write() as session:
            await _settle(session, QUEUE_AGEING, await self._old_queues(session, at), at=at)
            await _settle(session, DOCUMENT_STUCK, await self._stuck(session, at), at=at)
            await _settle(session, ACCESS_POINT_DOWN, await self._down(session), at=at)
        await self._end_unfetched(at)

    async def _old_queues(self, session: AsyncSession, at: datetime) -> Mapping[str, _Cause]:
        """Kinds of work whose oldest due job waits too long, those behind a shut lane aside."""
        shut = select(Lane.name).where(col(Lane.paused_until) > at)
        found = await session.exec(
            select(Job.kind, func.min(Job.run_at), func.count())
            .where(
                IS_ACTIVE,
                col(Job.run_at) < at - self._queue_age,
                col(Job.lane).not_in(shut),
            )
            .group_by(col(Job.kind))
        )
        return {
            kind: _Cause({"oldest": oldest.isoformat(), "jobs": jobs})
            for kind, oldest, jobs in found
        }

    async def _stuck(self, session: AsyncSession, at: datetime) -> Mapping[str, _Cause]:
        found = await session.exec(
            select(Document)
            .where(
                Document.direction == Direction.OUT,
                col(Document.transport).in_(_ON_THE_WAY),
                col(Document.created_at) < at - self._stuck_after,
            )
            .order_by(col(Document.id))
            .limit(_SHOWN)
        )
        return {
            str(one.id): _Cause({"number": one.number, "state": one.transport.value}, one)
            for one in found
        }

    async def _down(self, session: AsyncSession) -> Mapping[str, _Cause]:
        return {
            one.name: _Cause({"failures": one.failures, "waiting": one.waiting})
            for one in await access_points(session, break_after=self._break_after)
            if one.shut
        }

    async def _end_unfetched(self, at: datetime) -> None:
        """Give up hand-overs by fetching whose time is over; other channels have jobs for that."""
        async with self._database.read() as session:
            found = await session.exec(
                select(HandOver.document_id)
                .where(
                    HandOver.state == HandOverState.HANDED_OVER,
                    HandOver.channel == Channel.PULL,
                    col(HandOver.ack_by) < at,
                )
                .limit(_SHOWN)
            )
            late = found.all()
        for document_id in late:
            async with self._database.write() as session:
                await self._handovers.expire(session, document_id, NOT_FETCHED, at=at)


async def _settle(
    session: AsyncSession, kind: AlarmKind, causes: Mapping[str, _Cause], *, at: datetime
) -> None:
    """Let exactly these causes of one kind have an open alarm."""
    for subject, cause in causes.items():
        tenant_id = cause.document.tenant_id if cause.document else None
        await raise_alarm(session, kind, subject, at=at, facts=cause.facts, tenant_id=tenant_id)
    known = {one.subject for one in await open_alarms(session) if one.code == kind.code}
    for subject in _gone(known, causes):
        await clear_alarm(session, kind, subject, at=at)


def _gone(known: Iterable[str], causes: Mapping[str, _Cause]) -> list[str]:
    return sorted(set(known) - set(causes))


def register(registry: Registry, ageing: Ageing, *, every_s: int) -> None:
    """Look every so many seconds."""
    registry.add(AGEING, ageing)
    registry.every(AGEING, f"every {every_s} seconds")
