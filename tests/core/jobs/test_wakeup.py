"""Hints: within a process at once, between processes through PostgreSQL."""

import asyncio

import pytest

from gateway.core.database import Database
from gateway.core.jobs.queue import JobQueue


@pytest.fixture
def url(postgresql_url: str) -> str:
    return postgresql_url


@pytest.mark.postgres
async def test_a_commit_in_one_process_wakes_another(url: str) -> None:
    here, there = Database(url), Database(url)
    sender, receiver = JobQueue(here), JobQueue(there)
    passing_on = [asyncio.create_task(queue.wake.run()) for queue in (sender, receiver)]
    woken = asyncio.create_task(receiver.wake.wait(60))
    while not woken.done():  # the listener may need a moment to connect: a hint may get lost
        async with here.write() as session:
            await sender.enqueue(session, kind="work", payload={})
        await asyncio.wait([woken], timeout=0.2)
    for task in passing_on:
        task.cancel()
    await asyncio.gather(*passing_on, return_exceptions=True)
    await here.close()
    await there.close()


@pytest.mark.postgres
async def test_a_lost_connection_is_made_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.jobs.wakeup._PAUSE_S", 0.05)
    database = Database(url)
    queue = JobQueue(database)
    passing_on = asyncio.create_task(queue.wake.run())

    async def listeners() -> list[int]:
        async with database.engine.connect() as connection:
            found = await connection.exec_driver_sql(
                "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%%'"
                " AND datname = current_database()"
            )
            return [pid for (pid,) in found.all()]

    while not (first := await listeners()):
        await asyncio.sleep(0.02)
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT pg_terminate_backend({first[0]})")
    while not (second := await listeners()) or second == first:
        await asyncio.sleep(0.02)
    passing_on.cancel()
    await asyncio.gather(passing_on, return_exceptions=True)
    await database.close()


async def test_sqlite_has_nobody_to_tell(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    await JobQueue(database).wake.run()
    await database.close()


async def test_a_rollback_rings_nobody(database: Database) -> None:
    queue = JobQueue(database)

    async def stumble() -> None:
        async with database.write() as session:
            await queue.enqueue(session, kind="work", payload={})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stumble()
    waiting = asyncio.create_task(queue.wake.wait(3600))
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.wake.ring()
    await waiting
