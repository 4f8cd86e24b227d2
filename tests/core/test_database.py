"""The two kinds of transaction, on both databases."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core import database as module
from gateway.core.database import Database
from gateway.core.errors import GatewayError


async def run(session: AsyncSession, statement: str) -> None:
    await (await session.connection()).execute(text(statement))


async def count(database: Database) -> int:
    async with database.read() as session:
        result = await (await session.connection()).execute(text("SELECT max(n) FROM counter"))
        return int(result.scalar_one())


@pytest.fixture
async def counter(database: Database) -> Database:
    async with database.write() as session:
        await run(session, "CREATE TABLE counter (n INTEGER NOT NULL)")
        await run(session, "INSERT INTO counter VALUES (0)")
    return database


async def test_a_write_commits_on_leaving(counter: Database) -> None:
    async with counter.write() as session:
        await run(session, "UPDATE counter SET n = 1")
    assert await count(counter) == 1


async def test_an_error_rolls_a_write_back(counter: Database) -> None:
    async def stumble() -> None:
        async with counter.write() as session:
            await run(session, "UPDATE counter SET n = 1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stumble()
    assert await count(counter) == 0


async def test_read_then_write_never_finds_the_database_locked(counter: Database) -> None:
    async def add() -> None:
        async with counter.write() as session:
            await (await session.connection()).execute(text("SELECT n FROM counter"))
            await run(session, "UPDATE counter SET n = n + 1")

    await asyncio.gather(*(add() for _ in range(25)))
    assert await count(counter) == 25


async def test_two_processes_may_write_to_one_database(counter: Database) -> None:
    other = Database(counter.url)

    async def add(database: Database) -> None:
        for _ in range(10):
            async with database.write() as session:
                await run(session, "UPDATE counter SET n = n + 1")

    await asyncio.gather(add(counter), add(other))
    await other.close()
    assert await count(counter) == 20


async def test_ping_answers(database: Database) -> None:
    await database.ping()


def test_sqlite_wants_a_file() -> None:
    with pytest.raises(GatewayError, match="DATABASE-PLACE"):
        Database("sqlite://")


def test_sqlite_refuses_network_file_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NETWORK_FILE_SYSTEMS", _Everything())
    with pytest.raises(GatewayError, match="Use a local disk, or PostgreSQL"):
        Database(f"sqlite:///{tmp_path}/gateway.db")


class _Everything:
    """Any file system at all counts as a network one."""

    def __contains__(self, kind: object) -> bool:
        return True


@pytest.mark.parametrize(
    "url", ["postgres://gateway:s3cret@db/books", "mysql://gateway:s3cret@db/books"]
)
def test_another_database_is_refused_without_quoting_its_address(url: str) -> None:
    with pytest.raises(GatewayError, match="DATABASE-PLACE") as caught:
        Database(url)
    assert "s3cret" not in str(caught.value)


async def test_an_error_of_the_database_does_not_quote_what_was_written(counter: Database) -> None:
    statement = text("INSERT INTO counter (n, gone) VALUES (1, :name)")
    async with counter.read() as session:
        connection = await session.connection()
        with pytest.raises(DBAPIError, match="counter") as caught:
            await connection.execute(statement, {"name": "Fictional Foods"})
    assert "Fictional Foods" not in str(caught.value)
