"""A process that does a task as often as it is told to, and says how long that took.

One line in is one order, one line out its answer, as a JSON object. Ends with its input.
"""

import json
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from bench.figures import seconds_of

__all__ = ["Talker", "TookTooLong"]

_LOOK_EVERY_S: Final = 0.1
_WAITED_FOR: Final = 6
"""How many times its processor time an order may last by the clock on the wall."""


class TookTooLong(Exception):
    """There was no answer within the processor time an order was given."""


class Talker:
    """The process behind a command, for as long as the context lasts."""

    def __init__(self, command: Sequence[str], *, quiet: bool = False) -> None:
        """Start the command; ``quiet`` drops what it says beside its answers."""
        self._command = list(command)
        self._quiet = quiet
        self._peak = 0.0
        self._process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if self._quiet else None,
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
        self._end()

    def _end(self) -> None:
        self._process.kill()
        # Closes the pipes too, once what was under way has come to its end.
        self._process.communicate()

    def ask(self, order: str, *, most: float | None = None) -> dict[str, Any]:
        """Give one order and wait for its answer.

        Raises TookTooLong where the process needs more than ``most`` seconds of processor time,
        or waits for something six times as long. It is ended then, and the next order goes to a
        new one that is as cold as the first was.
        """
        orders, answers = self._process.stdin, self._process.stdout
        assert orders is not None
        assert answers is not None
        orders.write(f"{order}\n")
        orders.flush()
        if most is not None and not self._answers_within(most, answers):
            self._peak = self.peak_megabytes()
            self._end()
            self._process = self._started()
            raise TookTooLong
        line = answers.readline()
        if not line:
            raise RuntimeError("the process ended; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _answers_within(self, most: float, answers: IO[str]) -> bool:
        stat = Path(f"/proc/{self._process.pid}/stat")
        took, began = seconds_of(stat), time.monotonic()
        while not select.select([answers], [], [], _LOOK_EVERY_S)[0]:
            waited = time.monotonic() - began
            if seconds_of(stat) - took > most or waited > most * _WAITED_FOR:
                return False
        return True

    def peak_megabytes(self) -> float:
        """The most memory the process has held so far, as the kernel counts it (VmHWM)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return max(self._peak, int(line.split()[1]) * 1024 / 1e6)
