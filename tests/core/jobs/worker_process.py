"""A worker as a process of its own, for tests that kill, freeze or double it.

Usage: worker_process.py DATABASE_URL GO_FILE [ticking]. Jobs of kind ``effect`` announce
themselves, wait for the file and then write one row together with their end. Who is ``ticking``
starts one of kind ``tick`` every second; nobody else writes unasked, so that a process that is
frozen while its jobs wait has nothing locked.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from gateway.core.database import Database
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext, LeaseLost, Registry
from gateway.core.jobs.tables import Lane
from gateway.core.jobs.worker import Worker
from gateway.core.settings import JobSettings


async def main(url: str, go: Path, *, ticking: bool) -> None:
    database = Database(url)
    queue = JobQueue(database)

    async def effect(context: JobContext) -> None:
        print(f"started {context.id}", flush=True)
        try:
            while not go.exists():
                await asyncio.sleep(0.02)
            async with database.write() as session:
                session.add(Lane(name=f"effect {context.id} by {os.getpid()}"))
                await context.fence(session)
        except (asyncio.CancelledError, LeaseLost):
            print(f"lost {context.id}", flush=True)
            raise

    async def tick(_context: JobContext) -> None:
        print("ticked", flush=True)

    registry = Registry()
    registry.add("effect", effect)
    if ticking:
        registry.add("tick", tick)
        registry.every("tick", "every 1 seconds")
    worker = Worker(
        database=database,
        queue=queue,
        registry=registry,
        settings=JobSettings(poll_s=0.05),
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.run()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), ticking="ticking" in sys.argv[3:]))
