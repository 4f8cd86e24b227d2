"""``gateway serve``: the server, the background work, or both, until a signal ends it."""

import argparse
import asyncio
import logging
from contextlib import AsyncExitStack

import structlog

from gateway.commands.instance import opened
from gateway.commands.settings import declare_config, explained, read_settings
from gateway.core import telemetry
from gateway.core.settings import Settings
from gateway.web.server import listening, stop_signal

__all__ = ["declare"]

log = structlog.get_logger(__name__)


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    declare_config(parser)
    parser.add_argument(
        "--only", choices=("web", "work"), help="run just one half, for several processes"
    )
    parser.set_defaults(command=_serve)


def _serve(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)
    telemetry.configure(level=settings.log_level)
    asyncio.run(_serving(settings, options.only))
    return 0


async def _serving(settings: Settings, only: str | None) -> None:
    async with opened(settings) as gateway:
        # From here on it would tell of every look at the schema, one per readiness probe.
        logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
        gateway.platform.pool.start()
        working = asyncio.create_task(gateway.worker.run()) if only != "web" else None
        try:
            async with AsyncExitStack() as serving:
                stop = serving.enter_context(stop_signal())
                if only != "work":
                    host, port = settings.http.host, settings.http.port
                    with explained(f"http.host {host} with http.port {port}"):
                        await serving.enter_async_context(
                            listening(gateway.web, host=host, port=port)
                        )
                log.info("gateway.ready", stage=settings.stage.value, url=settings.public_url)
                await _until_stopped(stop, working)
                # No new work from here on, while the requests that are under way still end.
                gateway.worker.stop()
        finally:
            gateway.worker.stop()
            if working is not None:
                await working


async def _until_stopped(stop: asyncio.Event, working: asyncio.Task[None] | None) -> None:
    """Wait for a signal; a worker that ends by itself ends the process with its error."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait(
        {waiting, working} if working else {waiting}, return_when=asyncio.FIRST_COMPLETED
    )
    waiting.cancel()
