"""The dunning of an office as a process that dies: one child after the other, forked ready-made.

Usage: dunning_process.py DATABASE_URL BLOBS SMTP_PORT. Each line on standard input is one life, as
JSON: ``day``, ``kill_at`` (a named point), ``after`` (seconds until it is killed). A life with
neither works until nothing is left to do. How it ended is written as a word: see ``wait``.
"""

import asyncio
import json
import os
import signal
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import structlog
from dunning_office import Office
from sqlalchemy import update
from sqlmodel import col, func, select

import gateway.network.tables
import gateway.validation.tables  # noqa: F401 - rows refer to them
from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.jobs.tables import Job, JobState

REGISTERED = ("0", "3", "6")


async def live(url: str, blobs: Path, port: int, life: dict[str, Any]) -> None:
    database = Database(url)
    office = Office(
        database,
        blobs,
        smtp_port=port,
        day=date.fromisoformat(life["day"]),
        kill_at=life.get("kill_at", ""),
    )
    office.peppol.endings = REGISTERED
    await bury(database)
    if life.get("kill_at") or life.get("after") is not None:
        await office.worker.run()
    while await unfinished(database):
        # Waits between attempts are for servers, not for tests.
        await office.later()
        await asyncio.sleep(0.02)
    await database.close()


async def bury(database: Database) -> None:
    """Let the leases of the child before lapse: it is dead, and a busy machine only seems so."""
    async with database.write() as session:
        await session.exec(
            update(Job).where(col(Job.state) == JobState.LEASED).values(run_at=now())
        )


async def unfinished(database: Database) -> int:
    async with database.read() as session:
        found = await session.exec(
            select(func.count())
            .select_from(Job)
            .where(
                col(Job.kind).startswith("dunning."),
                col(Job.state).in_((JobState.READY, JobState.LEASED)),
            )
        )
        return found.one()


def main() -> None:
    # Standard output is for what the test hears.
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    url, blobs, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    print("ready", flush=True)
    for line in sys.stdin:
        life = json.loads(line)
        child = os.fork()
        if child == 0:
            asyncio.run(live(url, blobs, port, life))
            os._exit(0)
        print(wait(child, life.get("after")), flush=True)


def wait(child: int, after: float | None) -> str:
    """How the child ended: its work done, dead at its point, or killed when its time was up."""
    began = time.monotonic()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG if after is not None else 0)
        if ended:
            return "died" if os.WIFSIGNALED(status) else "done"
        if after is not None and time.monotonic() - began > after:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "killed"
        time.sleep(0.01)


if __name__ == "__main__":
    main()
