"""What becomes of a job, by what its handler does."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.jobs.backoff import JobError, Ladder, Reschedule
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext, LeaseLost, Registry
from gateway.core.jobs.tables import Job, JobState, Lane
from gateway.core.jobs.worker import Worker

ReadJob = Callable[[UUID], Awaitable[Job]]
MakeWorker = Callable[..., Worker]

BUSY = ErrorKind("TEST-BUSY", "Try later", 503, Retry.BACKOFF)
WRONG = ErrorKind("TEST-WRONG", "Never", 400)
AT_ONCE = Ladder(steps=(timedelta(0),), patience=timedelta(minutes=5))


async def add(database: Database, queue: JobQueue, kind: str = "work", **options: object) -> UUID:
    async with database.write() as session:
        return await queue.enqueue(session, kind=kind, payload={"row": 7}, **options)  # type: ignore[arg-type] # options of the one call


async def test_a_job_runs_once_and_is_done(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    seen: list[JobContext] = []

    async def handler(context: JobContext) -> None:
        seen.append(context)

    registry.add("work", handler)
    job_id = await add(database, queue)
    assert await worker.run_due() == 1
    assert await worker.run_due() == 0
    job = await read_job(job_id)
    assert (job.state, job.attempt, job.worker) == (JobState.DONE, 1, worker.name)
    assert job.finished_at is not None
    assert (seen[0].id, seen[0].payload, seen[0].attempt) == (job_id, {"row": 7}, 1)


async def test_a_rolled_back_transaction_leaves_no_job(database: Database, queue: JobQueue) -> None:
    async def stumble() -> None:
        async with database.write() as session:
            await queue.enqueue(session, kind="work", payload={})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stumble()
    async with database.read() as session:
        assert (await session.exec(select(Job))).all() == []


async def test_a_dedupe_key_is_used_once(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker
) -> None:
    async def handler(context: JobContext) -> None:
        pass

    registry.add("work", handler)
    first = await add(database, queue, dedupe_key="timeout:1")
    await worker.run_due()
    assert await add(database, queue, dedupe_key="timeout:1") == first
    assert await worker.run_due() == 0


async def test_a_job_waits_for_its_time(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker
) -> None:
    async def handler(context: JobContext) -> None:
        pass

    registry.add("work", handler)
    await add(database, queue, run_at=now() + timedelta(hours=1))
    assert await worker.run_due() == 0


async def test_kinds_of_other_processes_are_left_alone(
    database: Database, queue: JobQueue, worker: Worker, read_job: ReadJob
) -> None:
    job_id = await add(database, queue, kind="unknown")
    assert await worker.run_due() == 0
    assert (await read_job(job_id)).state is JobState.READY


async def test_reschedule_is_no_failure(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    later = now() + timedelta(hours=2)

    async def handler(context: JobContext) -> None:
        raise Reschedule(later)

    registry.add("work", handler)
    job_id = await add(database, queue)
    await worker.run_due()
    job = await read_job(job_id)
    assert (job.state, job.run_at, job.attempt) == (JobState.READY, later, 0)
    assert (job.error_code, job.started_at) == (None, None)


async def test_a_passing_failure_is_tried_again(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    async def handler(context: JobContext) -> None:
        if context.attempt < 3:
            raise GatewayError(BUSY, "The partner is busy; this is tried again.")

    registry.add("work", handler, policy=AT_ONCE)
    job_id = await add(database, queue)
    assert await worker.run_due() == 3
    job = await read_job(job_id)
    assert (job.state, job.attempt, job.error_code) == (JobState.DONE, 3, "TEST-BUSY")


@pytest.mark.parametrize(
    ("failure", "attempts", "code"),
    [
        (GatewayError(WRONG, "The document cannot be sent."), 1, "TEST-WRONG"),
        (ZeroDivisionError("BE0123456789 owes 12.50"), 5, "JOB-FAULT"),
    ],
)
async def test_a_lasting_failure_buries_the_job_together_with_its_rows(
    failure: Exception,
    attempts: int,
    code: str,
    database: Database,
    queue: JobQueue,
    registry: Registry,
    worker: Worker,
    read_job: ReadJob,
) -> None:
    async def handler(context: JobContext) -> None:
        raise failure

    async def on_dead(session: AsyncSession, job: Job, error: JobError) -> None:
        session.add(Lane(name=f"failed {job.id} {error.code}"))

    registry.add("work", handler, policy=AT_ONCE, on_dead=on_dead)
    job_id = await add(database, queue)
    assert await worker.run_due() == attempts
    job = await read_job(job_id)
    assert (job.state, job.error_code) == (JobState.DEAD, code)
    assert "owes" not in (job.error_text or "")
    async with database.read() as session:
        assert await session.get(Lane, f"failed {job_id} {code}") is not None


async def test_a_burial_that_fails_leaves_the_job_alive(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    async def handler(context: JobContext) -> None:
        raise GatewayError(WRONG, "The document cannot be sent.")

    async def on_dead(session: AsyncSession, job: Job, error: JobError) -> None:
        session.add(Lane(name="half-written"))
        await session.flush()
        raise ZeroDivisionError

    registry.add("work", handler, on_dead=on_dead)
    job_id = await add(database, queue)
    await worker.run_due()
    assert (await read_job(job_id)).state is JobState.LEASED
    async with database.read() as session:
        assert await session.get(Lane, "half-written") is None


async def test_no_attempt_starts_after_the_deadline(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    async def handler(context: JobContext) -> None:
        raise AssertionError

    registry.add("work", handler)
    job_id = await add(database, queue, deadline=now() - timedelta(seconds=1))
    await worker.run_due()
    job = await read_job(job_id)
    assert (job.state, job.error_code) == (JobState.DEAD, "JOB-DEADLINE")


async def test_the_deadline_ends_retries(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    async def handler(context: JobContext) -> None:
        raise GatewayError(BUSY, "The partner is busy; this is tried again.")

    policy = Ladder(steps=(timedelta(hours=4),), patience=timedelta(days=3))
    registry.add("work", handler, policy=policy)
    job_id = await add(database, queue, deadline=now() + timedelta(hours=1))
    await worker.run_due()
    job = await read_job(job_id)
    assert (job.state, job.error_code) == (JobState.DEAD, "TEST-BUSY")


async def test_a_fence_commits_with_the_rows_of_the_handler(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    async def handler(context: JobContext) -> None:
        async with database.write() as session:
            await context.fence(session)
            session.add(Lane(name=f"effect {context.attempt}"))
            await session.flush()
            if context.attempt == 1:
                raise GatewayError(BUSY, "The first try is lost half-way.")

    registry.add("work", handler, policy=AT_ONCE)
    job_id = await add(database, queue)
    await worker.run_due()
    assert (await read_job(job_id)).state is JobState.DONE
    async with database.read() as session:
        assert list((await session.exec(select(Lane.name))).all()) == ["effect 2"]


async def test_a_swallowed_rollback_does_not_pass_for_an_end(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    async def handler(context: JobContext) -> None:
        with suppress(ZeroDivisionError):
            async with database.write() as session:
                await context.fence(session)
                raise ZeroDivisionError

    registry.add("work", handler)
    job_id = await add(database, queue)
    assert await worker.run_due() == 1
    assert (await read_job(job_id)).state is JobState.DONE


async def test_what_goes_wrong_after_the_fence_changes_nothing(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    async def handler(context: JobContext) -> None:
        async with database.write() as session:
            await context.fence(session)
        raise GatewayError(WRONG, "Too late to matter.")

    registry.add("work", handler)
    job_id = await add(database, queue)
    await worker.run_due()
    assert (await read_job(job_id)).state is JobState.DONE


async def test_a_worker_that_lost_its_lease_cannot_write(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    refused = []

    async def handler(context: JobContext) -> None:
        async with database.write() as session:
            job = await session.get(Job, context.id)
            assert job is not None
            job.token = uuid4()  # somebody else claimed it
        try:
            async with database.write() as session:
                session.add(Lane(name="written too late"))
                await context.fence(session)
        except LeaseLost:
            refused.append(context.id)
            raise

    registry.add("work", handler)
    job_id = await add(database, queue)
    await worker.run_due()
    assert refused == [job_id]
    assert (await read_job(job_id)).state is JobState.LEASED
    async with database.read() as session:
        assert (await session.exec(select(Lane))).all() == []


async def test_a_waiting_job_is_cancelled_at_once(
    database: Database, queue: JobQueue, read_job: ReadJob
) -> None:
    job_id = await add(database, queue, dedupe_key="timeout:1")
    async with database.write() as session:
        assert await queue.cancel(session, "timeout:1")
    async with database.write() as session:
        assert not await queue.cancel(session, job_id)
    job = await read_job(job_id)
    assert job.state is JobState.CANCELLED
    assert job.finished_at is not None


def with_a_quick_heart(make_worker: MakeWorker) -> Worker:
    """Beats ten times a second over leases that outlive the longest halt of a busy machine."""
    worker: Worker = make_worker(lease_s=0.3)
    worker._lease = timedelta(minutes=5)
    return worker


async def test_a_running_job_is_cancelled_by_the_heartbeat(
    database: Database,
    queue: JobQueue,
    registry: Registry,
    make_worker: MakeWorker,
    read_job: ReadJob,
) -> None:
    told = []

    async def handler(context: JobContext) -> None:
        async with database.write() as session:
            await queue.cancel(session, context.id)
        try:
            await asyncio.sleep(60)
        finally:
            told.append(context.cancelled.is_set())

    registry.add("work", handler)
    job_id = await add(database, queue)
    await with_a_quick_heart(make_worker).run_due()
    assert told == [True]
    assert (await read_job(job_id)).state is JobState.CANCELLED


async def test_the_heartbeat_keeps_a_long_job(
    database: Database,
    queue: JobQueue,
    registry: Registry,
    make_worker: MakeWorker,
    read_job: ReadJob,
) -> None:
    async def handler(context: JobContext) -> None:
        claimed_until = (await read_job(context.id)).run_at
        while (await read_job(context.id)).run_at == claimed_until:
            await asyncio.sleep(0.02)

    registry.add("work", handler)
    job_id = await add(database, queue)
    await with_a_quick_heart(make_worker).run_due()
    job = await read_job(job_id)
    assert (job.state, job.attempt) == (JobState.DONE, 1)


async def test_a_stopped_worker_hands_unfinished_jobs_back(
    database: Database,
    queue: JobQueue,
    registry: Registry,
    make_worker: MakeWorker,
    read_job: ReadJob,
) -> None:
    started, quick_may_end = asyncio.Event(), asyncio.Event()

    async def slow(context: JobContext) -> None:
        started.set()
        await asyncio.sleep(60)

    async def quick(context: JobContext) -> None:
        await quick_may_end.wait()

    registry.add("slow", slow)
    registry.add("quick", quick)
    slow_id = await add(database, queue, kind="slow")
    quick_id = await add(database, queue, kind="quick")
    worker = make_worker(release_grace_s=0.5)
    running = asyncio.create_task(worker.run())
    await started.wait()
    worker.stop()
    quick_may_end.set()
    await running
    handed_back = await read_job(slow_id)
    assert (handed_back.state, handed_back.attempt) == (JobState.READY, 0)
    assert handed_back.run_at <= now() + timedelta(seconds=5)
    assert (await read_job(quick_id)).state is JobState.DONE


async def test_a_commit_wakes_the_worker(
    database: Database, queue: JobQueue, registry: Registry, make_worker: MakeWorker
) -> None:
    done = asyncio.Event()

    async def handler(context: JobContext) -> None:
        done.set()

    registry.add("work", handler)
    worker = make_worker(poll_s=3600)
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0.1)
    await add(database, queue)
    await asyncio.wait_for(done.wait(), 30)
    worker.stop()
    await running


async def lapse(database: Database, job_id: UUID, *, times: int) -> None:
    """Leave a job as that many workers in a row leave it that die with it in hand."""
    async with database.write() as session:
        job = await session.get_one(Job, job_id)
        job.state, job.lapses, job.token = JobState.LEASED, times - 1, uuid4()


@pytest.mark.parametrize(("settings", "jobs"), [({"lane_cap": 1}, 3), ({"concurrency": 2}, 7)])
async def test_the_end_of_a_job_lets_the_next_one_in_without_a_poll(
    queue: JobQueue,
    registry: Registry,
    make_worker: Callable[..., Worker],
    database: Database,
    settings: dict[str, int],
    jobs: int,
) -> None:
    """What waited for room in its lane, or for a free hand, starts when there is some."""
    done: list[int] = []
    all_done = asyncio.Event()

    async def work(job: JobContext) -> None:
        await asyncio.sleep(0.01)
        done.append(job.payload["number"])
        if len(done) == jobs:
            all_done.set()

    registry.add("work", work)
    worker = make_worker(poll_s=3600, **settings)
    running = asyncio.create_task(worker.run())
    async with database.write() as session:
        for number in range(jobs):
            await queue.enqueue(session, kind="work", payload={"number": number}, lane="one")
    await asyncio.wait_for(all_done.wait(), 30)
    worker.stop()
    await running
    assert sorted(done) == list(range(jobs))


async def test_a_job_that_kills_its_workers_is_buried(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    async def handler(context: JobContext) -> None:
        raise AssertionError

    registry.add("work", handler)
    job_id = await add(database, queue)
    await lapse(database, job_id, times=10)
    await worker.run_due()
    job = await read_job(job_id)
    assert (job.state, job.error_code) == (JobState.DEAD, "JOB-CRASH")


async def test_a_job_outlives_workers_that_die_of_something_else(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker, read_job: ReadJob
) -> None:
    async def handler(context: JobContext) -> None:
        assert context.attempt == 1

    registry.add("work", handler)
    job_id = await add(database, queue)
    await lapse(database, job_id, times=9)
    await worker.run_due()
    assert (await read_job(job_id)).state is JobState.DONE
