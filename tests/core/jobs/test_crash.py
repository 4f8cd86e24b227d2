"""Workers that really die, freeze or come in twos, on both databases."""

import asyncio
import itertools
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.tables import Job, JobState, Lane

pytestmark = pytest.mark.endurance

PROGRAM = Path(__file__).with_name("worker_process.py")

Launch = Callable[..., Awaitable[Process]]


@pytest.fixture
async def launch(database_url: str) -> AsyncIterator[Launch]:
    """Start a worker process that waits for the given file in its jobs."""
    started: list[Process] = []

    async def start(go: Path, *how: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), database_url, str(go), *how, stdout=PIPE
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def hears(process: Process, word: str, times: int = 1) -> None:
    """Wait until the process has said a word so many times."""
    assert process.stdout is not None
    while times:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert line, "the worker process ended early"
        times -= line.decode().startswith(word)


async def enqueue(database: Database, jobs: int) -> None:
    queue = JobQueue(database)
    async with database.write() as session:
        for _ in range(jobs):
            await queue.enqueue(session, kind="effect", payload={}, lane="partner")


async def lapse(database: Database) -> None:
    """Let every lease run out: by hand, so that only whom the test stopped is taken for dead."""
    async with database.write() as session:
        await session.exec(
            update(Job)
            .where(col(Job.state) == JobState.LEASED)
            .values(run_at=now() - timedelta(seconds=1))
        )


async def effects(database: Database) -> list[str]:
    async with database.read() as session:
        names = select(Lane.name).where(col(Lane.name).startswith("effect"))
        return [name.split(" by ")[0] for name in (await session.exec(names)).all()]


async def finished(database: Database, kind: str, count: int) -> list[Job]:
    """Wait until so many jobs of a kind are done."""
    while True:
        async with database.read() as session:
            done = select(Job).where(Job.kind == kind, Job.state == JobState.DONE)
            jobs = list((await session.exec(done)).all())
        if len(jobs) >= count:
            return jobs
        await asyncio.sleep(0.05)


@asynccontextmanager
async def within_a_minute() -> AsyncIterator[None]:
    async with asyncio.timeout(60):
        yield


async def test_what_a_killed_worker_left_is_done_by_another(
    database: Database, launch: Launch, tmp_path: Path
) -> None:
    await enqueue(database, 3)
    victim = await launch(tmp_path / "never")
    await hears(victim, "started", 3)
    victim.send_signal(signal.SIGKILL)
    await victim.wait()
    await lapse(database)
    (tmp_path / "go").touch()
    await launch(tmp_path / "go")
    async with within_a_minute():
        jobs = await finished(database, "effect", 3)
    assert [(job.attempt, job.lapses) for job in jobs] == [(2, 1)] * 3
    assert sorted(await effects(database)) == sorted(f"effect {job.id}" for job in jobs)


async def test_a_frozen_worker_cannot_write_after_it_lost_its_lease(
    database: Database, launch: Launch, tmp_path: Path
) -> None:
    await enqueue(database, 2)
    frozen = await launch(tmp_path / "later")
    await hears(frozen, "started", 2)
    frozen.send_signal(signal.SIGSTOP)
    await lapse(database)
    (tmp_path / "go").touch()
    await launch(tmp_path / "go")
    async with within_a_minute():
        jobs = await finished(database, "effect", 2)
    (tmp_path / "later").touch()
    frozen.send_signal(signal.SIGCONT)
    await hears(frozen, "lost", 2)
    assert sorted(await effects(database)) == sorted(f"effect {job.id}" for job in jobs)
    assert all(job.worker and not job.worker.endswith(f":{frozen.pid}") for job in jobs)


async def test_a_stopped_worker_ends_by_itself_and_leaves_nothing_leased(
    database: Database, launch: Launch, tmp_path: Path
) -> None:
    await enqueue(database, 1)
    worker = await launch(tmp_path / "go")
    await hears(worker, "started")
    worker.terminate()
    (tmp_path / "go").touch()
    async with within_a_minute():
        assert await worker.wait() == 0
    (job,) = await finished(database, "effect", 1)
    assert (job.attempt, job.lapses) == (1, 0)


async def test_two_processes_start_each_scheduled_run_once(
    database: Database, launch: Launch, tmp_path: Path
) -> None:
    workers = [await launch(tmp_path / "go", "ticking") for _ in range(2)]
    async with within_a_minute():
        await finished(database, "tick", 3)
        for worker in workers:
            worker.terminate()
            await worker.wait()
    async with database.read() as session:
        keys = (await session.exec(select(Job.dedupe_key).where(Job.kind == "tick"))).all()
    due = sorted(datetime.fromisoformat((key or "").removeprefix("tick@")) for key in keys)
    steps = [later - earlier for earlier, later in itertools.pairwise(due)]
    assert all(step % timedelta(seconds=1) == timedelta(0) and step for step in steps)
