"""A gateway that dies over an e-mail: one child after the other, forked ready-made.

Each line on standard input is one life, the settings as JSON, with the named point to die at. The
child works off what is due; the answer is one word: ``died`` or ``done``.
"""

import asyncio
import os
import sys
from typing import Any

import structlog

import gateway.assembly.platform as platform
from gateway.app import open_gateway
from gateway.core.settings import Settings
from gateway.validation import worker as validation_worker
from schematron import worker as engine


class InProcess:
    """Stands for the pool of worker processes, which would outlive its killed parent."""

    ready = True

    def __init__(self, *_arguments: Any, **_settings: Any) -> None:
        """Nothing to keep."""

    def start(self) -> None:
        """Nothing to start."""

    async def close(self) -> None:
        """Nothing to close."""

    async def run(self, *arguments: Any) -> Any:
        return validation_worker.run(None, *arguments)


async def live(settings: str) -> None:
    async with open_gateway(Settings.model_validate_json(settings)) as house:
        await house.worker.run_due()


def main() -> None:
    # Standard output is for what the test hears.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    platform.ComputePool = InProcess
    engine.initialise()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(live(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("died" if os.WIFSIGNALED(status) else "done", flush=True)


if __name__ == "__main__":
    main()
