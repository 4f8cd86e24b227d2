"""Reading the whole instance: traffic, queues, failures, peers, alarms. For the operator only.

These queries know no tenant on purpose; every door to them asks for the scope ``operations:read``.
All are bounded in time or number, so that none grows with the archive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import case, func
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, IdentifierInvalid
from gateway.core.alarms import Alarm
from gateway.core.jobs.tables import IS_ACTIVE, IS_LEASED, Job, JobState, Lane
from gateway.exchange.failures import Failure, failure_of
from gateway.exchange.states import TransportState
from gateway.exchange.statistics.tables import Traffic
from gateway.exchange.tables import (
    Attempt,
    AttemptOutcome,
    Direction,
    Document,
    Reception,
    Transmission,
)
from gateway.network.tables import Seat

__all__ = [
    "DeadJobs",
    "FailureGroup",
    "Peer",
    "Queue",
    "TrafficRow",
    "WireFound",
    "alarms",
    "dead_jobs",
    "failure_groups",
    "find_messages",
    "queues",
    "traffic",
    "troubled_peers",
]

MOST_ROWS: Final = 200
WEEK: Final = timedelta(days=7)
FAILURES_KEPT: Final = timedelta(days=30)

_FAILED: Final = (AttemptOutcome.NOT_SENT, AttemptOutcome.ERROR, AttemptOutcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class TrafficRow:
    """Exchanges with a verified receipt of one kind of document; ``kind`` is its root's name."""

    kind: str
    sent_today: int
    received_today: int
    sent_week: int
    received_week: int


@dataclass(frozen=True, slots=True)
class Peer:
    """An access point with attempts that failed since a moment, and how many succeeded."""

    seat_id: str
    failed: int
    delivered: int
    last_at: datetime
    last_code: str | None


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits in one lane for one kind of work. ``paused_until`` keeps the lane shut."""

    kind: str
    lane: str
    waiting: int
    running: int
    due_since: datetime
    failures: int
    paused_until: datetime | None


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Documents that were given up for one cause."""

    failure: Failure
    count: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class DeadJobs:
    """Background work that was given up for one reason, and one example of it."""

    kind: str
    code: str
    count: int
    newest: datetime
    example: str


@dataclass(frozen=True, slots=True)
class WireFound:
    """One AS4 message that an identifier names, of any account."""

    direction: Direction
    id: UUID
    tenant_id: UUID
    document_id: UUID | None
    message_id: str
    from_seat: str
    to_seat: str
    at: datetime


def first_id_at(moment: datetime) -> UUID:
    """The smallest identifier of a row made at a moment: identifiers begin with the time."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)


async def traffic(
    session: AsyncSession, *, today: datetime, now: datetime
) -> tuple[TrafficRow, ...]:
    """Traffic since the beginning of ``today`` and in the last seven days, the busiest first."""
    # Naming the seats lets the index by seat and moment answer.
    seats = (await session.exec(select(Seat.seat_id))).all()
    is_today = case((col(Traffic.exchanged_at) >= today, 1), else_=0)
    found = await session.exec(
        select(Traffic.document_type, Traffic.direction, func.count(), func.sum(is_today))
        .where(col(Traffic.own_seat).in_(seats), col(Traffic.exchanged_at) >= now - WEEK)
        .group_by(Traffic.document_type, Traffic.direction)
    )
    rows: dict[str, list[int]] = {}
    for document_type, direction, week, day in found:
        counts = rows.setdefault(_root_of(document_type), [0, 0, 0, 0])
        offset = 0 if direction is Direction.OUT else 1
        counts[offset] += int(day)
        counts[offset + 2] += week
    busiest = sorted(rows.items(), key=lambda row: (-sum(row[1]), row[0]))
    return tuple(TrafficRow(kind, *counts) for kind, counts in busiest)


def _root_of(document_type: str) -> str:
    try:
        parsed = DocumentTypeId.parse(f"busdox-docid-qns::{document_type}")
    except IdentifierInvalid:
        return document_type
    return parsed.root or document_type


async def troubled_peers(session: AsyncSession, *, since: datetime) -> tuple[Peer, ...]:
    """Access points with failed attempts since a moment, those with the most first."""
    failed = case((col(Attempt.outcome).in_(_FAILED), 1), else_=0)
    number = func.sum(failed)
    found = await session.exec(
        select(
            Transmission.peer_seat,
            number,
            func.sum(case((col(Attempt.outcome) == AttemptOutcome.RECEIPT, 1), else_=0)),
            func.max(case((col(Attempt.outcome).in_(_FAILED), Attempt.started_at))),
        )
        .join(Transmission, col(Transmission.id) == col(Attempt.transmission_id))
        .where(col(Attempt.id) >= first_id_at(since), col(Attempt.ended_at).is_not(None))
        .group_by(Transmission.peer_seat)
        .having(number > 0)
        .order_by(number.desc())
        .limit(20)
    )
    return tuple(
        [
            Peer(seat, int(bad), int(good), last, await _last_code(session, seat, since))
            for seat, bad, good, last in found
        ]
    )


async def _last_code(session: AsyncSession, seat_id: str, since: datetime) -> str | None:
    found = await session.exec(
        select(Attempt.code)
        .join(Transmission, col(Transmission.id) == col(Attempt.transmission_id))
        .where(
            Transmission.peer_seat == seat_id,
            col(Attempt.id) >= first_id_at(since),
            col(Attempt.outcome).in_(_FAILED),
            col(Attempt.ended_at).is_not(None),
        )
        .order_by(col(Attempt.id).desc())
        .limit(1)
    )
    return found.first()


async def queues(session: AsyncSession) -> tuple[Queue, ...]:
    """Every lane with work, the one that waits longest first; at most 200."""
    due = func.min(Job.run_at)
    active = await session.exec(
        select(Job.kind, Job.lane, func.count(), due)
        .where(IS_ACTIVE)
        .group_by(Job.kind, Job.lane)
        .order_by(due)
        .limit(MOST_ROWS)
    )
    found = active.all()
    leased = await session.exec(
        select(Job.kind, Job.lane, func.count()).where(IS_LEASED).group_by(Job.kind, Job.lane)
    )
    running = {(kind, lane): number for kind, lane, number in leased}
    names = {lane for _, lane, _, _ in found}
    known = await session.exec(select(Lane).where(col(Lane.name).in_(names)))
    lanes = {one.name: one for one in known}
    return tuple(
        _queue((kind, lane), total, running.get((kind, lane), 0), first, lanes.get(lane))
        for kind, lane, total, first in found
    )


def _queue(
    where: tuple[str, str], total: int, running: int, due_since: datetime, row: Lane | None
) -> Queue:
    return Queue(
        kind=where[0],
        lane=where[1],
        waiting=total - running,
        running=running,
        due_since=due_since,
        failures=row.failures if row else 0,
        paused_until=row.paused_until if row else None,
    )


async def failure_groups(session: AsyncSession, *, now: datetime) -> tuple[FailureGroup, ...]:
    """Documents of the last thirty days that were given up, by cause, the most frequent first."""
    number = func.count()
    found = await session.exec(
        select(
            Document.failure_code,
            number,
            func.min(Document.updated_at),
            func.max(Document.updated_at),
        )
        .where(
            col(Document.id) >= first_id_at(now - FAILURES_KEPT),
            Document.transport == TransportState.FAILED,
        )
        .group_by(col(Document.failure_code))
        .order_by(number.desc())
        .limit(MOST_ROWS)
    )
    return tuple(
        FailureGroup(failure_of(code or ""), count, oldest, newest)
        for code, count, oldest, newest in found
    )


async def dead_jobs(session: AsyncSession) -> tuple[DeadJobs, ...]:
    """Background work that nobody will try again by itself, by kind and reason; at most 50."""
    newest = func.max(Job.finished_at)
    found = await session.exec(
        select(Job.kind, Job.error_code, func.count(), newest)
        .where(Job.state == JobState.DEAD)
        .group_by(Job.kind, col(Job.error_code))
        .order_by(newest.desc())
        .limit(50)
    )
    return tuple(
        [
            DeadJobs(kind, code or "", count, last, await _example(session, kind, code))
            for kind, code, count, last in found.all()
            if last is not None
        ]
    )


async def _example(session: AsyncSession, kind: str, code: str | None) -> str:
    """What the last one of a kind said when it was given up."""
    found = await session.exec(
        select(Job.error_text)
        .where(Job.state == JobState.DEAD, Job.kind == kind, Job.error_code == code)
        .order_by(col(Job.finished_at).desc())
        .limit(1)
    )
    return (found.first() or "")[:300]


async def alarms(
    session: AsyncSession, *, cleared: bool = False, limit: int = MOST_ROWS
) -> Sequence[Alarm]:
    """Alarms that are open (or were cleared), critical ones first, then the newest."""
    gone = col(Alarm.cleared_at)
    severity = case((col(Alarm.severity) == "critical", 0), else_=1)
    order = (gone.desc(),) if cleared else (severity, col(Alarm.id).desc())
    found = await session.exec(
        select(Alarm)
        .where(gone.is_not(None) if cleared else gone.is_(None))
        .order_by(*order)
        .limit(limit)
    )
    return found.all()


async def find_messages(session: AsyncSession, identifier: str) -> tuple[WireFound, ...]:
    """The messages, of all accounts, that an AS4 MessageId or SBDH identifier names exactly."""
    sent = await session.exec(
        select(Transmission)
        .join(Document, col(Document.id) == col(Transmission.document_id))
        .where(or_(Transmission.message_id == identifier, Document.sbdh_id == identifier))
        .order_by(col(Transmission.id))
        .limit(MOST_ROWS)
    )
    received = await session.exec(
        select(Reception)
        .where(or_(Reception.message_id == identifier, Reception.sbdh_id == identifier))
        .order_by(col(Reception.id))
        .limit(MOST_ROWS)
    )
    return (
        *(
            WireFound(
                Direction.OUT,
                one.id,
                one.tenant_id,
                one.document_id,
                one.message_id,
                one.own_seat,
                one.peer_seat,
                one.created_at,
            )
            for one in sent
        ),
        *(
            WireFound(
                Direction.IN,
                one.id,
                one.tenant_id,
                one.document_id,
                one.message_id,
                one.signer_seat,
                one.own_seat,
                one.received_at,
            )
            for one in received
        ),
    )
