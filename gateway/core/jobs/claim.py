"""The life of a lease in SQL: claim, renew, report.

Claiming moves ``run_at`` to the end of the lease, so "due" and "lease ran out" are one predicate
and no reaper is needed. Every claim draws a token; a report that does not show the row's present
token changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    func,
    literal,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.columns import EnumText, UtcDateTime
from gateway.core.jobs import lanes
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.dialect import is_postgresql, machine_now, machine_time
from gateway.core.jobs.tables import IS_ACTIVE, Job, JobState

__all__ = [
    "Claimed",
    "Held",
    "anything_due",
    "bury",
    "claim",
    "complete",
    "ended",
    "give_up",
    "hand_back",
    "held",
    "renew",
]

_SEEN: Final = 64
"""Due jobs a claim looks at, however few it may take: when these are all there are, no further
question is needed. On PostgreSQL it would hide what it does not take from others who claim."""

Held = tuple[UUID, UUID]
"""A lease in the hand of a worker: job id and token."""


def held(job: Job) -> Held:
    """The lease a claimed job came with."""
    if job.token is None:
        raise ValueError(f"job {job.id} was not claimed")
    return job.id, job.token


def _due(now: datetime, kinds: Collection[str]) -> ColumnElement[bool]:
    return and_(IS_ACTIVE, col(Job.run_at) <= now, col(Job.kind).in_(kinds))


async def anything_due(session: AsyncSession, *, now: datetime, kinds: Collection[str]) -> bool:
    """Whether a claim might find something; reads only, so idle workers take no lock."""
    return (await session.exec(select(Job.id).where(_due(now, kinds)).limit(1))).first() is not None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a worker got, and whether more was due than it could take (then ends are news)."""

    jobs: Sequence[Job]
    more: bool


async def claim(
    session: AsyncSession,
    *,
    now: datetime,
    lease: timedelta,
    worker: str,
    kinds: Collection[str],
    limit: int,
    lane_cap: int,
    breaker: lanes.Breaker = lanes.USUAL,
) -> Claimed:
    """Lease up to ``limit`` due jobs, oldest first, never more per lane than its cap."""
    due = _due(now, kinds)
    seen = limit if is_postgresql(session) else max(limit, _SEEN)
    first = (
        await session.exec(
            select(Job.run_at, Job.id, Job.lane)
            .where(due)
            .order_by(col(Job.run_at))
            .limit(seen)
            .with_for_update(skip_locked=True)
        )
    ).all()
    if len(first) < seen:
        # Everything that is due: which lane holds what needs no further question.
        free: Sequence[tuple[datetime, UUID]] = [
            (run_at, job_id) for run_at, job_id, lane in first if not lane
        ]
        laned = [(lane, run_at, job_id) for run_at, job_id, lane in first if lane]
        admitted = await lanes.admit_seen(
            session, laned, now=now, default_cap=lane_cap, breaker=breaker
        )
    else:
        free = await _free(session, due, limit)
        admitted = await lanes.admit(
            session, due=due, now=now, limit=limit, default_cap=lane_cap, breaker=breaker
        )
    chosen = [job_id for _, job_id in sorted([*free, *admitted])[:limit]]
    if not chosen:
        return Claimed((), more=bool(first))
    jobs = await _take(session, chosen, now=now, lease=lease, worker=worker)
    return Claimed(jobs, more=len(first) == seen or len(first) > len(jobs))


async def _take(
    session: AsyncSession,
    chosen: Collection[UUID],
    *,
    now: datetime,
    lease: timedelta,
    worker: str,
) -> Sequence[Job]:
    """Lease the chosen jobs as far as they are still due, in the order of their ids."""
    # Once more due: a lane's candidates are not locked yet and may just have been renewed.
    still_due = select(Job.id).where(col(Job.id).in_(chosen), IS_ACTIVE, col(Job.run_at) <= now)
    claimed = await session.exec(
        update(Job)
        .where(col(Job.id).in_(still_due.with_for_update(skip_locked=True)))
        .values(
            state=JobState.LEASED,
            run_at=now + lease,
            attempt=Job.attempt + 1,
            lapses=case((col(Job.state) == JobState.LEASED, Job.lapses + 1), else_=Job.lapses),
            token=uuid4(),
            worker=worker,
            started_at=func.coalesce(Job.started_at, now),
        )
        .returning(Job),
        execution_options={"synchronize_session": False},
    )
    return sorted(claimed.scalars().all(), key=lambda job: job.id)


async def _free(
    session: AsyncSession, due: ColumnElement[bool], limit: int
) -> Sequence[tuple[datetime, UUID]]:
    """Due jobs of no lane: behind a long queue in a full lane they still have their turn."""
    found = await session.exec(
        select(Job.run_at, Job.id)
        .where(due, col(Job.lane) == "")
        .order_by(col(Job.run_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return found.all()


async def renew(
    session: AsyncSession, leases: Collection[Held], *, lease: timedelta
) -> dict[Held, bool]:
    """Extend the leases that are still ours; returns them with "cancellation was requested".

    A lease that ran out is lost even if nobody took the job yet: a claim may already have
    counted its place in the lane as free. A row that a handler's transaction has locked right
    now is left to that transaction.
    """
    now = await machine_now(session)
    ids, tokens = [job_id for job_id, _ in leases], [token for _, token in leases]
    ours = and_(col(Job.id).in_(ids), col(Job.token).in_(tokens))
    running = select(Job.id).where(ours, col(Job.state) == JobState.LEASED, col(Job.run_at) > now)
    await session.exec(
        update(Job)
        .where(col(Job.id).in_(running.with_for_update(skip_locked=True)))
        .values(run_at=now + lease),
        execution_options={"synchronize_session": False},
    )
    kept = await session.exec(
        select(Job.id, Job.token, Job.cancel_requested).where(
            ours,
            # A final state under our token is our own handler's doing.
            and_(col(Job.state) == JobState.LEASED, col(Job.run_at) > now)
            | col(Job.state).not_in([JobState.READY, JobState.LEASED]),
        )
    )
    return {(job_id, token): cancel for job_id, token, cancel in kept.all() if token}


async def ended(session: AsyncSession, job: Job) -> bool:
    """Whether a claimed job has reached a final state under its token."""
    found = await session.exec(
        select(Job.state).where(col(Job.id) == job.id, col(Job.token) == job.token)
    )
    return found.first() not in (None, JobState.READY, JobState.LEASED)


async def complete(session: AsyncSession, job: Job) -> bool:
    """Mark a leased job done; False when the lease is no longer ours."""
    await session.flush()
    on_postgresql = is_postgresql(session)
    lease = {"job_id": job.id, "held": job.token}
    at = {} if on_postgresql else {"at": machine_time(session)}
    ended = await session.exec(_completion(on_postgresql), params=lease | at)
    failures: int | None = ended.scalar_one_or_none()
    if failures:
        await lanes.recovered(session, job.lane)
    return failures is not None


@cache
def _completion(on_postgresql: bool) -> ReturningUpdate[tuple[int]]:
    """Every job ends by this statement, so it is built once and at the level of the table.

    It tells how many failures in a row its lane counts, which are seldom any.
    """
    rows = Job.metadata.tables["job"]
    at = func.clock_timestamp(type_=UtcDateTime) if on_postgresql else bindparam("at")
    return (
        update(rows)
        .where(
            rows.c.id == bindparam("job_id"),
            rows.c.token == bindparam("held"),
            rows.c.state == JobState.LEASED,
        )
        .values(state=JobState.DONE, finished_at=at)
        .returning(func.coalesce(lanes.failures_of(rows.c.lane), 0))
    )


async def bury(session: AsyncSession, job: Job, error: JobError) -> bool:
    """Give a leased job up; False when the lease is no longer ours."""
    return await _report(
        session,
        job,
        state=JobState.DEAD,
        finished_at=machine_time(session),
        error_code=error.code,
        error_text=error.text,
    )


async def give_up(session: AsyncSession, job: Job) -> bool:
    """End a leased job because somebody cancelled it; False when the lease is no longer ours."""
    at = machine_time(session)
    return await _report(session, job, state=JobState.CANCELLED, finished_at=at)


async def hand_back(
    session: AsyncSession, job: Job, *, at: datetime, error: JobError | None
) -> bool:
    """Hand a leased job back to run at ``at``; without an error the attempt does not count.

    A job somebody has cancelled meanwhile ends here. False when the lease is no longer ours.
    """
    stop = col(Job.cancel_requested)
    failed = {"error_code": error.code, "error_text": error.text} if error else {}
    return await _report(
        session,
        job,
        state=case((stop, _state(JobState.CANCELLED)), else_=_state(JobState.READY)),
        finished_at=case((stop, machine_time(session))),
        run_at=at,
        lapses=0,
        attempt=Job.attempt if error else Job.attempt - 1,
        # An attempt that does not count does not start the clock of the policy either.
        started_at=Job.started_at if error else case((col(Job.attempt) > 1, Job.started_at)),
        **failed,
    )


def _state(state: JobState) -> ColumnElement[JobState]:
    return literal(state, EnumText(JobState))


async def _report(session: AsyncSession, job: Job, **values: Any) -> bool:
    result = await session.exec(
        update(Job)
        .where(
            col(Job.id) == job.id,
            col(Job.token) == job.token,
            col(Job.state) == JobState.LEASED,
        )
        .values(**values),
        execution_options={"synchronize_session": False},
    )
    return result.rowcount == 1
