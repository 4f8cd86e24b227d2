"""Old jobs are forgotten, dead ones are not."""

from collections import Counter
from datetime import timedelta

from sqlmodel import select

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.jobs.prune import KEPT_FOR, PRUNE, register
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.tables import Job, JobState
from gateway.core.jobs.worker import Worker


async def test_ended_jobs_go_after_a_fortnight(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker
) -> None:
    old, young = now() - KEPT_FOR - timedelta(hours=1), now() - KEPT_FOR + timedelta(hours=1)
    async with database.write() as session:
        for state in JobState:
            for finished_at in (old, young):
                session.add(
                    Job(
                        kind="work",
                        payload={},
                        state=state,
                        run_at=now() + timedelta(days=1),
                        created_at=old,
                        finished_at=None if state in ("ready", "leased") else finished_at,
                    )
                )
        await queue.enqueue(session, kind=PRUNE, payload={})
    register(registry, database)
    assert [plan.kind for plan in registry.plans] == [PRUNE]
    await worker.run_due()
    async with database.read() as session:
        left = (await session.exec(select(Job).where(Job.kind == "work"))).all()
    assert Counter(job.state for job in left) == {
        JobState.READY: 2,
        JobState.LEASED: 2,
        JobState.DONE: 1,
        JobState.DEAD: 2,
        JobState.CANCELLED: 1,
    }
