"""SQLite behind the asynchronous engine, with one change of threads for each statement.

aiosqlite runs a connection in a thread of its own and hands every step of a cursor over to it:
opening, executing, fetching, closing. Our statements are short, so that handing over is most of
what they cost. Here a statement goes over once and comes back with its rows, and the BEGIN of a
transaction travels with its first statement.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aiosqlite

__all__ = ["connect"]

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=10000",
    "foreign_keys=ON",
)


class _Cursor:
    """A statement and its whole result, as SQLAlchemy's asynchronous adapter asks for it."""

    arraysize = 1

    def __init__(self, connection: "_Connection") -> None:
        self._connection = connection
        self._rows: Sequence[Any] = ()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> "_Cursor":
        return self

    async def execute(self, sql: str, parameters: Any = ()) -> "_Cursor":
        """Run a statement; a BEGIN waits for the statement after it."""
        if sql.startswith("BEGIN"):
            self._connection.begin = sql
        else:
            await self._connection.run(self._execute, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Any) -> "_Cursor":
        """Run a statement once for every set of parameters."""
        await self._connection.run(self._execute_many, sql, parameters)
        return self

    async def fetchall(self) -> Sequence[Any]:
        """The rows, which are here already."""
        return self._rows

    async def close(self) -> None:
        """Nothing is left open."""

    def _execute(self, connection: sqlite3.Connection, sql: str, parameters: Any) -> None:
        self._keep(connection.execute(sql, parameters))

    def _execute_many(self, connection: sqlite3.Connection, sql: str, parameters: Any) -> None:
        self._keep(connection.executemany(sql, parameters))

    def _keep(self, cursor: sqlite3.Cursor) -> None:
        self.description = cursor.description
        # Rows first: what RETURNING changed is counted only when all of them were fetched.
        self._rows = cursor.fetchall() if cursor.description else ()
        self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        cursor.close()


class _Connection(aiosqlite.Connection):
    """A connection whose transactions begin with their first statement.

    ``begin`` waits for that statement; ``_spoken`` tells that one was sent, whatever became of it,
    so that the end of a cancelled transaction still waits behind it in the connection's thread.
    """

    begin: str = ""
    _spoken: bool = False

    def cursor(self) -> _Cursor:  # type: ignore[override]  # the adapter's interface, less its hops
        return _Cursor(self)

    async def run(self, work: Any, *arguments: Any) -> None:
        """Do a statement's work in the connection's thread, after the BEGIN that waits for it."""
        begin, self.begin, self._spoken = self.begin, "", True
        await self._execute(self._after, begin, work, *arguments)  # type: ignore[no-untyped-call]

    def _after(self, begin: str, work: Any, *arguments: Any) -> None:
        if begin:
            self._conn.execute(begin)
        work(self._conn, *arguments)

    async def commit(self) -> None:
        """Commit; a transaction in which nothing was said never began."""
        self.begin = ""
        if self._spoken:
            await super().commit()
            self._spoken = False

    async def rollback(self) -> None:
        """Roll back, if there may be anything to roll back."""
        self.begin = ""
        if self._spoken:
            await super().rollback()
            self._spoken = False


def connect(file: Path) -> aiosqlite.Connection:
    """A connection to await: commits reach the disk before they return (``synchronous=FULL``)."""

    def open_file() -> sqlite3.Connection:
        # We write BEGIN ourselves. The adapter sets functions from the event loop's thread.
        connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    connection = _Connection(open_file, iter_chunk_size=64)
    connection._thread.daemon = True  # as SQLAlchemy does: an open engine must not hold the exit
    return connection
