"""Ports and processes of the demonstration, all on the loopback interface."""

import asyncio
import fcntl
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Self

from gateway.core.errors import ErrorKind, GatewayError

__all__ = ["DEMO_NOT_UP", "LOOPBACK", "Ports", "running"]

DEMO_NOT_UP: Final = ErrorKind("DEMO-NOT-UP", "A part of the demonstration did not start", 500)

LOOPBACK: Final = "127.0.0.1"
_STOP_LIMIT_S: Final = 30
_TRIES: Final = 20


class Ports:
    """Ports of the loopback interface, each claimed by one demonstration until it leaves.

    A port is free until its process listens, which is seconds after it was chosen: the claim is
    a lock that other demonstrations of the same user see at once.
    """

    def __init__(self) -> None:
        self._claims = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._claims.close()

    def claim(self, preferred: int) -> int:
        """The preferred port, or any free one where somebody uses or claims it.

        Raises GatewayError DEMO-NOT-UP where there is none.
        """
        for wanted in (preferred, *[0] * _TRIES):
            port = _free(wanted)
            if port is not None and self._lock(port):
                return port
        raise GatewayError(DEMO_NOT_UP, "There is no free port on the loopback interface.")

    def _lock(self, port: int) -> bool:
        name = f"gateway-demo-{os.getuid()}-{port}.lock"
        file = (Path(tempfile.gettempdir()) / name).open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._claims.callback(file.close)
        return True


def _free(wanted: int) -> int | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError:
            return None
        return int(probe.getsockname()[1])


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
