"""The SQLite connection behind the engine: transactions, results, contention, cancellation."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CursorResult, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.database import Database


async def say(session: AsyncSession, statement: str, **values: str) -> CursorResult[Any]:
    return await (await session.connection()).execute(text(statement), values)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'driver.db'}")
    async with opened.write() as session:
        await say(session, "CREATE TABLE coin (id INTEGER PRIMARY KEY, worth INTEGER)")
        await say(session, "INSERT INTO coin VALUES (1, 10), (2, 20), (3, 30)")
    yield opened
    await opened.close()


async def worths(database: Database) -> list[int]:
    async with database.read() as session:
        return list((await say(session, "SELECT worth FROM coin ORDER BY id")).scalars())


async def test_what_is_written_is_read_and_an_error_takes_all_back(database: Database) -> None:
    async with database.write() as session:
        await say(session, "UPDATE coin SET worth = 11 WHERE id = 1")

    async def break_off() -> None:
        async with database.write() as session:
            await say(session, "UPDATE coin SET worth = 99")
            await say(session, "INSERT INTO coin VALUES (1, 1)")

    with pytest.raises(IntegrityError):
        await break_off()
    assert await worths(database) == [11, 20, 30]


async def test_rows_that_return_are_counted(database: Database) -> None:
    async with database.write() as session:
        changed = await say(
            session, "UPDATE coin SET worth = worth + 1 WHERE worth > 10 RETURNING id"
        )
        assert (changed.scalars().all(), changed.rowcount) == ([2, 3], 2)
        none = await say(session, "UPDATE coin SET worth = 0 WHERE id = 9")
        assert none.rowcount == 0


async def test_a_transaction_in_which_nothing_is_said_locks_nothing(
    database: Database, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "driver.db", isolation_level=None, timeout=0)
    async with database.write():
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    async with database.write() as session:
        await say(session, "SELECT 1")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    other.close()


async def test_a_reader_sees_one_moment(database: Database) -> None:
    async with database.read() as session:
        before = (await say(session, "SELECT sum(worth) FROM coin")).scalar_one()
        async with database.write() as writer:
            await say(writer, "UPDATE coin SET worth = 0")
        assert (await say(session, "SELECT sum(worth) FROM coin")).scalar_one() == before
    assert await worths(database) == [0, 0, 0]


async def test_the_next_transaction_does_not_inherit_a_cancelled_one(database: Database) -> None:
    counting = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) "
        "SELECT count(*) FROM n"
    )

    begun = asyncio.Event()

    async def long() -> None:
        async with database.write() as session:
            await say(session, "UPDATE coin SET worth = 77")
            begun.set()
            await say(session, counting)

    task = asyncio.create_task(long())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.write() as session:
        await say(session, "UPDATE coin SET worth = 12 WHERE id = 1")
    assert await worths(database) == [12, 20, 30]


async def test_an_error_names_no_values(database: Database) -> None:
    with pytest.raises(OperationalError) as caught:
        async with database.write() as session:
            await say(session, "INSERT INTO nowhere VALUES (:x)", x="Dupont SA")
    assert "Dupont" not in str(caught.value)


LONG = (
    "SELECT count(*) FROM (WITH RECURSIVE n(i) AS "
    "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n)"
)


async def turns(task: asyncio.Task[Any]) -> int:
    """How often the event loop turned while the task was at work."""
    counted = 0
    while not task.done():
        counted += 1
        await asyncio.sleep(0)
    return counted


async def test_a_long_question_is_broken_off_and_answered_from_the_thread(
    database: Database,
) -> None:
    async def ask() -> tuple[int, int]:
        async with database.write() as session:
            await say(session, "UPDATE coin SET worth = 40 WHERE id = 3")
            long = (await say(session, LONG)).scalar_one()
            kept = (await say(session, "SELECT worth FROM coin WHERE id = 3")).scalar_one()
            return long, kept

    task = asyncio.create_task(ask())
    # One turn for the UPDATE, one for the question and one for the commit, had it not left.
    assert await turns(task) > 10
    assert task.result() == (300000, 40)
    assert await worths(database) == [10, 20, 40]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE coin SET worth = 7 WHERE worth < 9",
        "INSERT INTO coin SELECT id + 1000000, worth FROM coin",
    ],
)
async def test_a_change_of_many_rows_is_made_in_the_thread(database: Database, change: str) -> None:
    filling = (
        "INSERT INTO coin WITH RECURSIVE n(i) AS "
        "(SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i, 1 FROM n"
    )
    async with database.write() as session:
        await say(session, filling)
        task = asyncio.create_task(say(session, change))
        assert await turns(task) > 10


async def test_many_short_statements_let_the_loop_turn(database: Database) -> None:
    async def write() -> None:
        async with database.write() as session:
            for number in range(4, 1000):
                await say(session, f"INSERT INTO coin VALUES ({number}, 1)")

    task = asyncio.create_task(write())
    assert await turns(task) > 3
    await task
    assert len(await worths(database)) == 999


async def test_a_lock_of_another_process_is_waited_for_in_the_thread(
    database: Database, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "driver.db", isolation_level=None, timeout=0)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with database.write() as session:
            await say(session, "UPDATE coin SET worth = 5 WHERE id = 1")

    task = asyncio.create_task(write())
    await asyncio.sleep(0.05)
    assert not task.done()
    other.execute("COMMIT")
    other.close()
    await task
    assert await worths(database) == [5, 20, 30]
