"""Jobs by the clock: when they are due, and that they come once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from gateway.core.database import Database
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.jobs.schedule import Plan, install, parse_spec, tick
from gateway.core.jobs.tables import Job, JobState, Missed, Schedule
from gateway.core.jobs.worker import Worker

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
INSTANTS = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    datetime(2035, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)


@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=30)), st.integers(1, 90_000))
def test_an_interval_stays_on_its_grid(due: datetime, late: timedelta, seconds: int) -> None:
    following = parse_spec(f"every {seconds} seconds").next_due(due, due + late)
    assert timedelta(0) < following - (due + late) <= timedelta(seconds=seconds)
    assert (following - due) % timedelta(seconds=seconds) == timedelta(0)


@given(INSTANTS, st.sampled_from(["UTC", "Europe/Brussels", "America/St_Johns", "Asia/Tokyo"]))
def test_a_daily_run_comes_within_a_day_and_an_hour(now: datetime, zone: str) -> None:
    following = parse_spec(f"daily 02:30 {zone}").next_due(now, now)
    assert timedelta(0) < following - now <= timedelta(hours=25)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-28T12:00", "2026-03-29T01:30"),  # 02:30 is skipped that night: 03:30 CEST
        ("2026-03-29T12:00", "2026-03-30T00:30"),
        ("2026-10-24T12:00", "2026-10-25T00:30"),  # 02:30 comes twice that night: the first
        ("2026-10-25T00:30", "2026-10-26T01:30"),
    ],
)
def test_summer_time_is_minded(now: str, due: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    following = parse_spec("daily 02:30 Europe/Brussels").next_due(moment, moment)
    assert following == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "spec", ["", "every 0 seconds", "every -5 seconds", "daily 24:00 UTC", "daily 02:30", "hourly"]
)
def test_a_wrong_spec_is_refused_where_it_is_written(spec: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        Plan("work", spec, Missed.SKIP)


async def jobs(database: Database) -> list[Job]:
    async with database.read() as session:
        return list((await session.exec(select(Job))).all())


async def plan(database: Database, spec: str, *, now: datetime, missed: Missed) -> datetime:
    async with database.write() as session:
        await install(session, [Plan("report", spec, missed)], now=now)
    async with database.read() as session:
        return (await session.exec(select(Schedule.next_due))).one()


async def test_installing_again_keeps_the_rhythm(database: Database) -> None:
    due = await plan(database, "every 3600 seconds", now=NOW, missed=Missed.SKIP)
    assert due == NOW + HOUR
    again = await plan(database, "every 3600 seconds", now=NOW + HOUR / 2, missed=Missed.SKIP)
    assert again == due
    changed = await plan(database, "every 60 seconds", now=NOW, missed=Missed.SKIP)
    assert changed == NOW + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("missed", "late", "runs"),
    [
        (Missed.RUN_ONCE, timedelta(minutes=5), 1),
        (Missed.RUN_ONCE, 3 * HOUR, 1),
        (Missed.SKIP, timedelta(minutes=5), 1),
        (Missed.SKIP, 3 * HOUR, 0),
    ],
)
async def test_missed_runs(database: Database, missed: Missed, late: timedelta, runs: int) -> None:
    queue = JobQueue(database)
    due = await plan(database, "every 3600 seconds", now=NOW, missed=missed)
    for _ in range(2):
        async with database.write() as session:
            await tick(session, queue, now=due + late)
    assert len(await jobs(database)) == runs
    async with database.read() as session:
        following = (await session.exec(select(Schedule.next_due))).one()
    assert due + late < following <= due + late + HOUR


async def test_many_processes_start_a_run_once(database: Database) -> None:
    due = await plan(database, "every 3600 seconds", now=NOW, missed=Missed.RUN_ONCE)
    engines = [Database(database.url) for _ in range(4)]

    async def look(engine: Database) -> list[str]:
        async with engine.write() as session:
            return await tick(session, JobQueue(engine), now=due)

    started = await asyncio.gather(*(look(engine) for engine in engines))
    for engine in engines:
        await engine.close()
    assert sorted(map(len, started)) == [0, 0, 0, 1]
    (job,) = await jobs(database)
    assert (job.kind, job.dedupe_key) == ("report", f"report@{due.isoformat()}")


async def test_a_worker_installs_and_runs_what_is_registered(
    database: Database, queue: JobQueue, registry: Registry, worker: Worker
) -> None:
    ran = asyncio.Event()

    async def handler(context: JobContext) -> None:
        ran.set()

    registry.add("report", handler)
    registry.every("report", "every 1 seconds")
    loop = asyncio.create_task(worker.run())
    await asyncio.wait_for(ran.wait(), 30)
    worker.stop()
    await loop
    assert (await jobs(database))[0].state is JobState.DONE


def test_only_known_kinds_come_by_the_clock(registry: Registry) -> None:
    with pytest.raises(ValueError, match="no handler"):
        registry.every("unknown", "every 5 seconds")
