"""Forgetting jobs that ended long ago; what they did is told by the domain's own rows."""

from datetime import timedelta
from typing import Final

from sqlalchemy import delete
from sqlmodel import col, select

from gateway.core.database import Database
from gateway.core.jobs.dialect import machine_now
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.jobs.tables import Job, JobState

__all__ = ["KEPT_FOR", "PRUNE", "register"]

PRUNE: Final = "jobs.prune"
KEPT_FOR: Final = timedelta(days=14)
_BATCH: Final = 1000


def register(registry: Registry, database: Database) -> None:
    """Prune every night. Dead jobs stay until somebody has looked into them."""

    async def prune(_context: JobContext) -> None:
        while await _prune_some(database) == _BATCH:
            pass

    registry.add(PRUNE, prune)
    registry.every(PRUNE, "daily 03:10 UTC")


async def _prune_some(database: Database) -> int:
    async with database.write() as session:
        old = (
            select(Job.id)
            .where(
                col(Job.state).in_([JobState.DONE, JobState.CANCELLED]),
                col(Job.finished_at) < await machine_now(session) - KEPT_FOR,
            )
            .limit(_BATCH)
        )
        gone = await session.exec(
            delete(Job).where(col(Job.id).in_(old)),
            execution_options={"synchronize_session": False},
        )
        return gone.rowcount
