"""One database behind every process: SQLite in a file by default, PostgreSQL at scale.

Conventions for tables everywhere in the gateway:

* SQLModel classes with ``table=True`` live in ``tables.py`` of their package and nowhere else;
  they are never used as API models.
* Primary keys are UUIDv7 (``gateway.core.ids.new_id``); every tenant-owned row has ``tenant_id``.
* Instants use ``UtcDateTime``, vocabularies ``EnumText``, documents ``Json``; money is integer
  minor units plus currency.
* No lazy relationships. A module of queries takes the session first and the tenant second.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiosqlite
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core import sqlite_driver
from gateway.core.errors import ErrorKind, GatewayError

__all__ = ["DATABASE_PLACE", "Database"]

DATABASE_PLACE: Final = ErrorKind("DATABASE-PLACE", "The database cannot be kept there", 500)

NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs"}
)


class Database:
    """The engine of one process and its two kinds of transaction: read and write.

    On SQLite a write transaction starts with ``BEGIN IMMEDIATE`` (at its first statement) on the
    single writing connection, because a deferred one that later wants to write fails at once
    under load; commits reach the disk before they return (``synchronous=FULL``), because
    receipts are signed on the strength of them. Errors of the database name the statement but
    not its parameters, which may be anybody's names and amounts.
    """

    def __init__(self, url: str | URL) -> None:
        """Raises GatewayError DATABASE-PLACE for an address of any other database."""
        self.url = make_url(url)
        self.is_postgresql = self.url.get_backend_name() == "postgresql"
        if self.is_postgresql:
            self._writer = self._reader = _postgresql_engine(self.url)
        else:
            _refuse_foreign_backend(self.url)
            _refuse_network_file_system(self.url)
            self._writer = _sqlite_engine(self.url, begin="BEGIN IMMEDIATE", connections=1)
            self._reader = _sqlite_engine(self.url, begin="BEGIN", connections=4)
        self._write_sessions = _sessions(self._writer)
        self._read_sessions = _sessions(self._reader)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A transaction that may change rows; commits on leaving, rolls back on an error."""
        async with self._write_sessions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A consistent view that changes nothing."""
        async with self._read_sessions() as session, session.begin():
            yield session

    @property
    def engine(self) -> AsyncEngine:
        """The writing engine, for migrations and notifications."""
        return self._writer

    async def ping(self) -> None:
        """Answer a question that needs a working connection; raises what the driver raises."""
        async with self.read() as session:
            await session.exec(text("SELECT 1"))  # type: ignore[call-overload]

    async def close(self) -> None:
        """Close every connection of this process."""
        await self._writer.dispose()
        await self._reader.dispose()


def _sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


def _postgresql_engine(url: URL) -> AsyncEngine:
    return create_async_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=10,
        max_overflow=5,
        pool_pre_ping=True,
        hide_parameters=True,
        # Server-side prepared statements do not survive a transaction pooler in between.
        connect_args={"prepare_threshold": None},
    )


def _sqlite_engine(url: URL, *, begin: str, connections: int) -> AsyncEngine:
    file = Path(url.database or "")

    async def connection() -> aiosqlite.Connection:
        return await sqlite_driver.connect(file)

    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        async_creator=connection,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=60,
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _refuse_foreign_backend(url: URL) -> None:
    backend = url.get_backend_name()
    if backend != "sqlite":
        raise GatewayError(
            DATABASE_PLACE,
            f"database.url names the database '{backend}'. Set it to postgresql://user@host/name, "
            "or leave it empty for SQLite.",
        )


def _refuse_network_file_system(url: URL) -> None:
    """SQLite's write-ahead log needs shared memory, which network file systems do not give."""
    if not url.database or url.database == ":memory:":
        raise GatewayError(
            DATABASE_PLACE, "SQLite needs a file: set database.url to sqlite:////path/gateway.db."
        )
    folder = Path(url.database).absolute().parent
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return
    best = ("", "")
    for line in mounts.read_text().splitlines():
        _, place, kind, *_ = line.split(" ")
        if folder.is_relative_to(place) and len(place) > len(best[0]):
            best = (place, kind)
    if best[1] in NETWORK_FILE_SYSTEMS:
        raise GatewayError(
            DATABASE_PLACE,
            f"SQLite cannot be kept on the network file system {best[0]} ({best[1]}). "
            "Use a local disk, or PostgreSQL.",
        )
