"""How many jobs may run at once towards one partner, and a pause for partners that are down."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    case,
    func,
    or_,
    union_all,
    update,
)
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.jobs.dialect import insert_or_skip, is_postgresql
from gateway.core.jobs.tables import IS_LEASED, Job, Lane

__all__ = ["USUAL", "Breaker", "admit", "admit_seen", "failed", "failures_of", "recovered"]


@dataclass(frozen=True, slots=True)
class Breaker:
    """After how many failures in a row a lane is shut, and for how long.

    The pause doubles with every failure more, up to the longest. What comes after a pause is one
    job to probe with; its success opens the lane.
    """

    after: int
    first_pause: timedelta
    longest_pause: timedelta

    def pause(self, failures: int) -> timedelta | None:
        """How long a lane stays shut after this many failures; None while it stays open."""
        if failures < self.after:
            return None
        doublings = min(failures - self.after, 10)
        return min(self.first_pause * (1 << doublings), self.longest_pause)


USUAL: Final = Breaker(5, timedelta(minutes=1), timedelta(minutes=15))


async def admit(
    session: AsyncSession,
    *,
    due: ColumnElement[bool],
    now: datetime,
    limit: int,
    default_cap: int,
    breaker: Breaker = USUAL,
) -> Sequence[tuple[datetime, UUID]]:
    """Due jobs of lanes with room, as (due since, id), after locking those lanes.

    Two steps on purpose: only a statement that starts after the lane is locked sees every lease
    another claimant has committed in it. A lane that failed too often gets one job to probe with.
    """
    await _open_new_lanes(session, due)
    cap = _cap(default_cap, breaker)
    waiting = select(func.min(Job.run_at)).where(due, col(Job.lane) == col(Lane.name))
    locked = await session.exec(
        select(Lane.name, cap)
        .where(
            col(Lane.name).in_(select(Job.lane).where(due, col(Job.lane) != "")),
            or_(col(Lane.paused_until).is_(None), col(Lane.paused_until) <= now),
            cap > _busy(now).where(col(Job.lane) == col(Lane.name)).scalar_subquery(),
        )
        .order_by(waiting.scalar_subquery())
        .limit(limit)
        .with_for_update(skip_locked=True, of=Lane)
    )
    caps = dict(locked.all())
    busy = await _running(session, caps, now)
    heads = [
        select(
            select(Job.run_at, Job.id)
            .where(due, col(Job.lane) == name)
            .order_by(col(Job.run_at))
            .limit(room)
            .subquery()
        )
        for name, full in caps.items()
        if (room := min(full - busy.get(name, 0), limit)) > 0
    ]
    if not heads:
        return []
    found = union_all(*heads).subquery()
    return (await session.exec(select(found.c.run_at, found.c.id))).all()


async def admit_seen(
    session: AsyncSession,
    waiting: Sequence[tuple[str, datetime, UUID]],
    *,
    now: datetime,
    default_cap: int,
    breaker: Breaker = USUAL,
) -> Sequence[tuple[datetime, UUID]]:
    """The same where ``waiting`` (lane, due since, id; oldest first) is everything that is due."""
    names = {lane for lane, _, _ in waiting}
    if not names:
        return []
    rooms = await _lock(session, names, now, default_cap, breaker)
    if len(rooms) < len(names) and await _open(session, names - set(rooms)):
        rooms |= await _lock(session, names - set(rooms), now, default_cap, breaker)
    chosen = []
    for lane, run_at, job_id in waiting:
        if rooms.get(lane, 0) > 0:
            rooms[lane] -= 1
            chosen.append((run_at, job_id))
    return chosen


async def _lock(
    session: AsyncSession,
    names: Collection[str],
    now: datetime,
    default_cap: int,
    breaker: Breaker,
) -> dict[str, int]:
    """Lock those of the lanes that are open, and tell how much room each has."""
    busy = _busy(now).where(col(Job.lane) == col(Lane.name)).scalar_subquery()
    locked = await session.exec(
        select(Lane.name, _cap(default_cap, breaker), busy)
        .where(
            col(Lane.name).in_(names),
            or_(col(Lane.paused_until).is_(None), col(Lane.paused_until) <= now),
        )
        .order_by(col(Lane.name))
        .with_for_update(skip_locked=True, of=Lane)
    )
    found = {name: (cap, running) for name, cap, running in locked.all()}
    if not is_postgresql(session):
        return {name: cap - running for name, (cap, running) in found.items()}
    counted = await _running(session, found, now)
    return {name: cap - counted.get(name, 0) for name, (cap, _) in found.items()}


async def _open(session: AsyncSession, names: Collection[str]) -> bool:
    """Make rows for lanes nobody used before; whether there were any."""
    known = set((await session.exec(select(Lane.name).where(col(Lane.name).in_(names)))).all())
    for name in sorted(set(names) - known):
        await session.exec(insert_or_skip(session, Lane).values(name=name, failures=0))
    return set(names) > known


def _cap(default_cap: int, breaker: Breaker) -> ColumnElement[int]:
    return case(
        (col(Lane.failures) >= breaker.after, 1), else_=func.coalesce(Lane.cap, default_cap)
    )


async def _running(session: AsyncSession, names: Collection[str], now: datetime) -> dict[str, int]:
    counted = await session.exec(
        select(Job.lane, func.count())
        .where(IS_LEASED, col(Job.run_at) > now, col(Job.lane).in_(names))
        .group_by(col(Job.lane))
    )
    return dict(counted.all())


def _busy(now: datetime) -> SelectOfScalar[int]:
    return select(func.count()).select_from(Job).where(IS_LEASED, col(Job.run_at) > now)


async def _open_new_lanes(session: AsyncSession, due: ColumnElement[bool]) -> None:
    known = select(Lane.name).where(col(Lane.name) == col(Job.lane)).exists()
    new = select(Job.lane).where(due, col(Job.lane) != "", ~known).distinct()
    for name in sorted((await session.exec(new)).all()):
        await session.exec(insert_or_skip(session, Lane).values(name=name, failures=0))


async def failed(
    session: AsyncSession, name: str, now: datetime, *, breaker: Breaker = USUAL
) -> None:
    """Count a failure of the partner behind this lane; shut the lane when they pile up."""
    counted = await session.exec(
        update(Lane)
        .where(col(Lane.name) == name)
        .values(failures=Lane.failures + 1)
        .returning(col(Lane.failures))
    )
    pause = breaker.pause(counted.scalar_one())
    if pause:
        shut = update(Lane).where(col(Lane.name) == name)
        await session.exec(shut.values(paused_until=now + pause))


def failures_of(name: ColumnElement[str]) -> ScalarSelect[int]:
    """How many failures in a row are counted in a lane: a value for another statement."""
    rows = Lane.metadata.tables["lane"]
    return select(rows.c.failures).where(rows.c.name == name).scalar_subquery()


async def recovered(session: AsyncSession, name: str) -> None:
    """The partner answered: forget its failures."""
    await session.exec(
        update(Lane)
        .where(col(Lane.name) == name, col(Lane.failures) > 0)
        .values(failures=0, paused_until=None)
    )
