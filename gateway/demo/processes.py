"""Ports and processes of the demonstration, all on the loopback interface."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from gateway.core.errors import ErrorKind, GatewayError

__all__ = ["DEMO_NOT_UP", "LOOPBACK", "free_port", "running"]

DEMO_NOT_UP: Final = ErrorKind("DEMO-NOT-UP", "A part of the demonstration did not start", 500)

LOOPBACK: Final = "127.0.0.1"
_STOP_LIMIT_S: Final = 30


def free_port(preferred: int) -> int:
    """The preferred port, or any free one where somebody uses it."""
    for wanted in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise GatewayError(DEMO_NOT_UP, "There is no free port on the loopback interface.")


@asynccontextmanager
async def running(command: Sequence[str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with what it says in a log; asked to stop on leaving, killed if it does not."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GATEWAY__")
    }
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(_STOP_LIMIT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
