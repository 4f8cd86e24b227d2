"""Jobs that come by the clock, started exactly once however many processes look at it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.jobs.dialect import insert_or_skip
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.tables import Missed, Schedule

__all__ = ["Daily", "Every", "Plan", "anything_scheduled", "install", "parse_spec", "tick"]

_EVERY: Final = re.compile(r"every ([1-9]\d{0,6}) seconds")
_DAILY: Final = re.compile(r"daily ([01]\d|2[0-3]):([0-5]\d) (\S+)")


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval; runs stay on the grid of the first one."""

    interval: timedelta

    def next_due(self, due: datetime, now: datetime) -> datetime:
        """The first run after ``now`` on the grid that ``due`` lies on."""
        return due + self.interval * max((now - due) // self.interval + 1, 0)


@dataclass(frozen=True, slots=True)
class Daily:
    """A time of day in a time zone; one that summer time skips comes as much later."""

    at: time
    zone: ZoneInfo

    def next_due(self, due: datetime, now: datetime) -> datetime:
        """The first run after ``now``; the same whatever ``due`` was."""
        day = now.astimezone(self.zone).date() - timedelta(days=1)
        while (run := datetime.combine(day, self.at, self.zone).astimezone(UTC)) <= now:
            day += timedelta(days=1)
        return run


def parse_spec(spec: str) -> Every | Daily:
    """Read ``every N seconds`` or ``daily HH:MM ZONE``; raises ValueError."""
    if found := _EVERY.fullmatch(spec):
        return Every(timedelta(seconds=int(found[1])))
    if found := _DAILY.fullmatch(spec):
        return Daily(time(int(found[1]), int(found[2])), ZoneInfo(found[3]))
    raise ValueError(f"'{spec}' is neither 'every N seconds' nor 'daily HH:MM ZONE'")


@dataclass(frozen=True, slots=True)
class Plan:
    """A kind of job and when it is to run."""

    kind: str
    spec: str
    missed: Missed

    def __post_init__(self) -> None:
        parse_spec(self.spec)


async def install(session: AsyncSession, plans: Iterable[Plan], *, now: datetime) -> None:
    """Write the plans into the database; a changed one starts anew, an unchanged one goes on."""
    for plan in plans:
        due = parse_spec(plan.spec).next_due(now, now)
        await session.exec(
            insert_or_skip(session, Schedule).values(
                name=plan.kind, spec=plan.spec, next_due=due, missed=plan.missed
            )
        )
        await session.exec(
            update(Schedule)
            .where(col(Schedule.name) == plan.kind, col(Schedule.spec) != plan.spec)
            .values(spec=plan.spec, next_due=due)
        )
        await session.exec(
            update(Schedule).where(col(Schedule.name) == plan.kind).values(missed=plan.missed)
        )


async def anything_scheduled(session: AsyncSession, *, now: datetime) -> bool:
    """Whether a tick would find a schedule due; reads only."""
    due = select(Schedule.name).where(col(Schedule.next_due) <= now)
    return (await session.exec(due.limit(1))).first() is not None


async def tick(session: AsyncSession, queue: JobQueue, *, now: datetime) -> list[str]:
    """Enqueue what is due and move each schedule on; returns the kinds enqueued.

    Whoever moves ``next_due`` from the value it read enqueues the job, in the same transaction;
    everybody else finds nothing to move.
    """
    started = []
    for row in (await session.exec(select(Schedule).where(col(Schedule.next_due) <= now))).all():
        timing = parse_spec(row.spec)
        moved = await session.exec(
            update(Schedule)
            .where(col(Schedule.name) == row.name, col(Schedule.next_due) == row.next_due)
            .values(next_due=timing.next_due(row.next_due, now)),
            execution_options={"synchronize_session": False},
        )
        one_period_late = timing.next_due(row.next_due, row.next_due) <= now
        if moved.rowcount == 0 or (one_period_late and row.missed is Missed.SKIP):
            continue
        key = f"{row.name}@{row.next_due.isoformat()}"
        await queue.enqueue(session, kind=row.name, payload={}, dedupe_key=key)
        started.append(row.name)
    return started
