"""A hint that work is due, so that nobody waits for the next poll. Polling stays the truth."""

import asyncio
from contextlib import suppress
from typing import Final

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.core.database import Database

__all__ = ["WakeUp"]

log = structlog.get_logger(__name__)

_CHANNEL: Final = "gateway_job"
_PAUSE_S: Final = 5.0


class WakeUp:
    """Wakes the worker of this process and, on PostgreSQL, those of the others.

    The other processes are told from a connection of its own, after the commit: a NOTIFY inside
    the business transaction would make all commits of the database wait for each other.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._due = asyncio.Event()
        self._untold = asyncio.Event()

    def ring(self) -> None:
        """Say that work may be due."""
        self._due.set()
        self._untold.set()

    async def wait(self, seconds: float) -> bool:
        """Return when somebody rings, at the latest after ``seconds``; whether anybody rang."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), seconds)
        rung = self._due.is_set()
        self._due.clear()
        return rung

    async def run(self) -> None:
        """Pass rings on between processes until cancelled; returns at once on SQLite."""
        if not self._database.is_postgresql:
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._tell())

    async def _listen(self) -> None:
        address = self._database.url.set(drivername="postgresql")
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    address.render_as_string(hide_password=False), autocommit=True
                )
                async with connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    async for _ in connection.notifies():
                        self._due.set()
            except psycopg.Error as error:
                log.warning("jobs.listen_failed", error=type(error).__name__)
            await asyncio.sleep(_PAUSE_S)

    async def _tell(self) -> None:
        while True:
            await self._untold.wait()
            self._untold.clear()
            try:
                async with self._database.engine.connect() as connection:
                    await connection.execution_options(isolation_level="AUTOCOMMIT")
                    await connection.exec_driver_sql(f"NOTIFY {_CHANNEL}")
            except SQLAlchemyError as error:
                log.warning("jobs.notify_failed", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_S)
