"""A process that does a task as often as it is told to, and says how long that took.

One line in is one order, one line out its answer, as a JSON object. Ends with its input.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Talker"]


class Talker:
    """The process behind a command, for as long as the context lasts."""

    def __init__(self, command: Sequence[str], *, quiet: bool = False) -> None:
        """Start the command; ``quiet`` drops what it says beside its answers."""
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, order: str) -> dict[str, Any]:
        """Give one order and wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process ended; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def peak_megabytes(self) -> float:
        """The most memory the process has held so far, as the kernel counts it (VmHWM)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
