"""Caps hold exactly, and partners that are down get a pause."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.jobs.backoff import Ladder
from gateway.core.jobs.lanes import USUAL
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.jobs.tables import Job, JobState, Lane
from gateway.core.jobs.worker import Worker
from gateway.core.settings import JobSettings

DOWN = GatewayError(ErrorKind("TEST-DOWN", "Down", 503, Retry.BACKOFF), "Down; retried.")
AT_ONCE = Ladder(steps=(timedelta(0),), patience=timedelta(minutes=5))


async def fill(database: Database, queue: JobQueue, lane: str, jobs: int) -> None:
    async with database.write() as session:
        for _ in range(jobs):
            await queue.enqueue(session, kind="work", payload={}, lane=lane)


async def lane_of(database: Database, name: str) -> Lane:
    async with database.read() as session:
        lane = await session.get(Lane, name)
    assert lane is not None
    return lane


async def states(database: Database) -> Counter[JobState]:
    async with database.read() as session:
        return Counter(map(JobState, (await session.exec(select(Job.state))).all()))


async def test_no_lane_ever_exceeds_its_cap(database: Database) -> None:
    """Three workers with engines of their own compete for four lanes."""
    running: Counter[str] = Counter()
    highest: Counter[str] = Counter()
    queue = JobQueue(database)

    async def handler(context: JobContext) -> None:
        running[context.lane] += 1
        highest[context.lane] = max(highest[context.lane], running[context.lane])
        await asyncio.sleep(0.01)
        running[context.lane] -= 1

    registry = Registry()
    registry.add("work", handler)
    async with database.write() as session:
        session.add(Lane(name="narrow", cap=1))
    for lane in ("narrow", "b", "c", ""):
        await fill(database, queue, lane, 12)
    engines = [Database(database.url) for _ in range(3)]
    settings = JobSettings(lane_cap=2, concurrency=8, poll_s=0.02)
    workers = [
        Worker(database=engine, queue=JobQueue(engine), registry=registry, settings=settings)
        for engine in engines
    ]
    loops = [asyncio.create_task(worker.run()) for worker in workers]
    while (await states(database))[JobState.DONE] < 48:
        await asyncio.sleep(0.02)
    for worker in workers:
        worker.stop()
    await asyncio.gather(*loops)
    for engine in engines:
        await engine.close()
    assert highest["narrow"] == 1
    assert (highest["b"], highest["c"]) == (2, 2)
    assert highest[""] > 2


@pytest.mark.parametrize("waiting", [20, 100])
async def test_a_full_lane_does_not_hold_up_the_others(
    database: Database,
    queue: JobQueue,
    registry: Registry,
    make_worker: Callable[..., Worker],
    waiting: int,
) -> None:
    gate, reached = asyncio.Event(), asyncio.Event()

    async def handler(context: JobContext) -> None:
        if context.lane == "slow":
            await gate.wait()
        else:
            reached.set()

    registry.add("work", handler)
    await fill(database, queue, "slow", waiting)
    await fill(database, queue, "quick", 1)
    worker = make_worker(lane_cap=2, concurrency=4)
    loop = asyncio.create_task(worker.run())
    await asyncio.wait_for(reached.wait(), 30)
    gate.set()
    worker.stop()
    await loop


async def test_a_partner_that_is_down_gets_a_pause_and_then_one_probe(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker
) -> None:
    healthy = False

    async def handler(context: JobContext) -> None:
        if not healthy:
            raise DOWN

    registry.add("work", handler, policy=AT_ONCE)
    await fill(database, queue, "partner", 8)
    await worker.run_due()
    lane = await lane_of(database, "partner")
    assert lane.failures >= USUAL.after
    assert lane.paused_until is not None
    assert lane.paused_until > now() + timedelta(seconds=30)
    assert await worker.run_due() == 0

    async def pause_ends() -> None:
        async with database.write() as session:
            await session.exec(update(Lane).values(paused_until=now() - timedelta(seconds=1)))

    await pause_ends()
    assert await worker.run_due() == 1  # half-open: one probe, which fails and shuts it again
    assert (await lane_of(database, "partner")).failures == lane.failures + 1
    healthy = True
    await pause_ends()
    assert await worker.run_due() == 8
    lane = await lane_of(database, "partner")
    assert (lane.failures, lane.paused_until) == (0, None)


async def test_a_refusal_says_nothing_about_the_partners_health(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker
) -> None:
    async def handler(context: JobContext) -> None:
        raise GatewayError(ErrorKind("TEST-NO", "No", 400), "Never.")

    registry.add("work", handler)
    await fill(database, queue, "partner", 9)
    assert await worker.run_due() == 9
    assert (await lane_of(database, "partner")).failures == 0


async def test_a_leases_end_frees_its_place(
    database: Database, queue: JobQueue, registry: Registry, make_worker: Callable[..., Worker]
) -> None:
    async def handler(context: JobContext) -> None:
        pass

    registry.add("work", handler)
    await fill(database, queue, "partner", 3)
    async with database.write() as session:  # a worker took one and died
        first = (await session.exec(select(Job.id).limit(1))).one()
        await session.exec(
            update(Job)
            .where(col(Job.id) == first)
            .values(state=JobState.LEASED, run_at=now() - timedelta(seconds=1))
        )
    assert await make_worker(lane_cap=1).run_due() == 3


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, None), (4, None), (5, 1), (6, 2), (8, 8), (9, 15), (999, 15)]
)
def test_pauses_grow_to_a_quarter_of_an_hour(failures: int, minutes: int | None) -> None:
    expected = None if minutes is None else timedelta(minutes=minutes)
    assert USUAL.pause(failures) == expected
