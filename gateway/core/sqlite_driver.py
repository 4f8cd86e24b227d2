"""SQLite behind the asynchronous engine: short statements at once, everything else in a thread.

aiosqlite runs a connection in a thread of its own and hands every step of a cursor over to it.
Our statements take microseconds and handing one over takes a hundred, so a statement runs where
it is said, on the event loop, as long as nobody has to wait for it:

* A question that takes longer than a turn of the loop may last is broken off and asked again in
  the thread. What changes rows cannot be broken off; only an INSERT of few values and an UPDATE of
  rows it names run here.
* A lock that another process holds, and the disk at the end of a writing transaction, are waited
  for in the thread.
* Many short statements in a row hold the loop up like one long one, so the time is theirs
  together.

The BEGIN of a transaction travels with its first statement.
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import aiosqlite

__all__ = ["connect"]

_PATIENCE: Final = "busy_timeout=10000"
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", _PATIENCE, "foreign_keys=ON")
_AT_ONCE: Final = re.compile(
    r"SELECT |INSERT .* VALUES |UPDATE .* WHERE (?:\w+\.)?(?:id|name) (?:=|IN) ", re.DOTALL
)
_FEW: Final = 300
"""Parameters, or sets of them, of a statement that may run on the loop."""
_TURN_S: Final = 0.005
"""How long statements may keep the loop from turning."""
_STEPS: Final = 2000
"""Instructions of SQLite between two looks at the clock."""


@lru_cache(maxsize=1000)
def _at_once(sql: str) -> bool:
    return _AT_ONCE.match(sql) is not None


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


class _Turn:
    """How long the event loop has not turned since a statement first ran on it."""

    def __init__(self) -> None:
        self._began: float | None = None

    def ends(self) -> float:
        """When the present turn has lasted long enough, by the monotonic clock."""
        if self._began is None:
            self._began = time.monotonic()
            asyncio.get_running_loop().call_soon(self._over)
        return self._began + _TURN_S

    def _over(self) -> None:
        self._began = None


class _Connection(aiosqlite.Connection):
    """A connection whose transactions begin with their first statement.

    ``begin`` waits for that statement; ``_spoken`` tells that one was sent, whatever became of it.
    A cancelled statement may still be at work in the thread: until it is through (``_handed`` and
    ``_through`` count), whatever comes next waits behind it there.
    """

    begin: str = ""
    _spoken: bool = False
    _writes: bool = False
    _handed: int = 0
    _through: int = 0
    _until: float | None = None

    def cursor(self) -> _Cursor:  # type: ignore[override]  # the adapter's interface, less its hops
        return _Cursor(self)

    async def run(self, work: Any, sql: str, parameters: Any) -> None:
        """Do a statement's work, after the BEGIN that waits for it."""
        begin, self.begin, self._spoken = self.begin, "", True
        if begin:
            self._writes = begin != "BEGIN"
        short = len(parameters) <= _FEW and _at_once(sql)
        if short and self._idle and time.monotonic() < (until := self._turn.ends()):
            if begin and self._begin_here(begin):
                begin = ""
            if not begin and self._here(until, work, sql, parameters):
                return
        await self._hand_over(self._after, begin, work, sql, parameters)

    @property
    def _idle(self) -> bool:
        return self._handed == self._through

    def watch(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Break a question on the loop off when its time is over."""
        self._turn = _Turn()
        connection.set_progress_handler(
            lambda: self._until is not None and time.monotonic() > self._until, _STEPS
        )
        return connection

    def _begin_here(self, begin: str) -> bool:
        """Begin a transaction, if no lock has to be waited for."""
        if not self._writes:
            self._conn.execute(begin)
            return True
        self._conn.execute("PRAGMA busy_timeout=0")
        try:
            self._conn.execute(begin)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        finally:
            self._conn.execute(f"PRAGMA {_PATIENCE}")
        return True

    def _here(self, until: float, work: Any, sql: str, parameters: Any) -> bool:
        """Do a statement's work on the loop; False for a question that takes too long for that."""
        # Breaking off a change would roll the whole transaction back.
        self._until = until if sql.startswith("SELECT") else None
        try:
            work(self._conn, sql, parameters)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return False
        finally:
            self._until = None
        return True

    async def _hand_over(self, work: Any, *arguments: Any) -> None:
        def through() -> None:
            try:
                work(*arguments)
            finally:
                self._through += 1

        self._handed += 1
        await self._execute(through)  # type: ignore[no-untyped-call]

    def _after(self, begin: str, work: Any, sql: str, parameters: Any) -> None:
        if begin:
            self._conn.execute(begin)
        work(self._conn, sql, parameters)

    async def commit(self) -> None:
        """Commit; a transaction in which nothing was said never began."""
        await self._end(self._conn.commit)

    async def rollback(self) -> None:
        """Roll back, if there may be anything to roll back."""
        await self._end(self._conn.rollback)

    async def _end(self, how: Any) -> None:
        self.begin = ""
        if not self._spoken:
            return
        if self._writes or not self._idle:
            await self._hand_over(how)
        else:
            how()
        self._spoken = False


def connect(file: Path) -> aiosqlite.Connection:
    """A connection to await: commits reach the disk before they return (``synchronous=FULL``)."""

    def open_file() -> sqlite3.Connection:
        # We write BEGIN ourselves. The adapter sets functions from the event loop's thread.
        connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return awaited.watch(connection)

    awaited = _Connection(open_file, iter_chunk_size=64)
    awaited._thread.daemon = True  # as SQLAlchemy does: an open engine must not hold the exit
    return awaited
