"""How many jobs may run at once towards one partner, and a pause for partners that are down."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, or_, union_all, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.jobs.dialect import insert_or_skip
from gateway.core.jobs.tables import IS_LEASED, Job, Lane

__all__ = ["BREAK_AFTER", "admit", "failed", "pause_after", "recovered"]

BREAK_AFTER: Final = 5
"""Failures in a row after which a lane is shut for a while."""

_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(minutes=15)


def pause_after(failures: int) -> timedelta | None:
    """How long a lane stays shut after this many failures in a row; None while it stays open."""
    if failures < BREAK_AFTER:
        return None
    doublings = min(failures - BREAK_AFTER, 10)
    return min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)


async def admit(
    session: AsyncSession,
    *,
    due: ColumnElement[bool],
    now: datetime,
    limit: int,
    default_cap: int,
) -> Sequence[tuple[datetime, UUID]]:
    """Due jobs of lanes with room, as (due since, id), after locking those lanes.

    Two steps on purpose: only a statement that starts after the lane is locked sees every lease
    another claimant has committed in it. A lane that failed too often gets one job to probe with.
    """
    await _open_new_lanes(session, due)
    cap = case((col(Lane.failures) >= BREAK_AFTER, 1), else_=func.coalesce(Lane.cap, default_cap))
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
    counted = await session.exec(
        select(Job.lane, func.count())
        .where(IS_LEASED, col(Job.run_at) > now, col(Job.lane).in_(caps))
        .group_by(col(Job.lane))
    )
    busy = dict(counted.all())
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


def _busy(now: datetime) -> SelectOfScalar[int]:
    return select(func.count()).select_from(Job).where(IS_LEASED, col(Job.run_at) > now)


async def _open_new_lanes(session: AsyncSession, due: ColumnElement[bool]) -> None:
    known = select(Lane.name).where(col(Lane.name) == col(Job.lane)).exists()
    new = select(Job.lane).where(due, col(Job.lane) != "", ~known).distinct()
    for name in sorted((await session.exec(new)).all()):
        await session.exec(insert_or_skip(session, Lane).values(name=name, failures=0))


async def failed(session: AsyncSession, name: str, now: datetime) -> None:
    """Count a failure of the partner behind this lane; shut the lane when they pile up."""
    counted = await session.exec(
        update(Lane)
        .where(col(Lane.name) == name)
        .values(failures=Lane.failures + 1)
        .returning(col(Lane.failures))
    )
    pause = pause_after(counted.scalar_one())
    if pause:
        shut = update(Lane).where(col(Lane.name) == name)
        await session.exec(shut.values(paused_until=now + pause))


async def recovered(session: AsyncSession, name: str) -> None:
    """The partner answered: forget its failures."""
    await session.exec(
        update(Lane)
        .where(col(Lane.name) == name, col(Lane.failures) > 0)
        .values(failures=0, paused_until=None)
    )
