"""Putting work into the job table, inside the transaction of the rows it is about."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import event, literal, update
from sqlmodel import case, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.columns import EnumText
from gateway.core.database import Database
from gateway.core.ids import new_id
from gateway.core.jobs.dialect import insert_once, machine_time
from gateway.core.jobs.tables import IS_ACTIVE, Job, JobState
from gateway.core.jobs.wakeup import WakeUp

__all__ = ["JobQueue"]


class JobQueue:
    """The way into the job table; ``wake`` is rung after every commit that brought work."""

    def __init__(self, database: Database) -> None:
        self.wake = WakeUp(database)

    async def enqueue(
        self,
        session: AsyncSession,
        *,
        kind: str,
        payload: Mapping[str, Any],
        lane: str = "",
        run_at: datetime | None = None,
        dedupe_key: str | None = None,
        deadline: datetime | None = None,
    ) -> UUID:
        """Add a job in the caller's transaction; returns its id.

        ``payload`` holds identifiers, never documents. Jobs of one ``lane`` run at most so many
        at a time. ``run_at`` defaults to at once; no attempt starts after ``deadline``. A second
        job with the same ``dedupe_key`` is not added, whatever became of the first: its id is
        returned.
        """
        moment = machine_time(session)
        job_id = new_id()
        added = await insert_once(
            session,
            Job,
            id=job_id,
            kind=kind,
            lane=lane,
            dedupe_key=dedupe_key,
            payload=dict(payload),
            state=JobState.READY,
            run_at=run_at or moment,
            deadline=deadline,
            traceparent=structlog.contextvars.get_contextvars().get("traceparent"),
            created_at=moment,
        )
        if not added:
            return (await session.exec(select(Job.id).where(Job.dedupe_key == dedupe_key))).one()
        event.listen(session.sync_session, "after_commit", self._ring, once=True)
        return job_id

    async def cancel(self, session: AsyncSession, which: UUID | str) -> bool:
        """Cancel a job by its id or its dedupe key; False when it has ended or never was.

        A job that waits ends at once. A running one is stopped by its worker's next heartbeat,
        unless it ends before.
        """
        named = col(Job.id if isinstance(which, UUID) else Job.dedupe_key) == which
        waits = col(Job.state) == JobState.READY
        ended = await session.exec(
            update(Job)
            .where(named, IS_ACTIVE)
            .values(
                cancel_requested=True,
                state=case(
                    (waits, literal(JobState.CANCELLED, EnumText(JobState))), else_=Job.state
                ),
                finished_at=case((waits, machine_time(session))),
            ),
            execution_options={"synchronize_session": False},
        )
        return ended.rowcount == 1

    def _ring(self, _session: object) -> None:
        self.wake.ring()
