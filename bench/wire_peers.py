"""Access points at work, each in processes of its own that speak in lines of JSON."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bench.java_project import build

__all__ = ["Speaker", "java", "peak_megabytes"]

_INTEROP: Final = Path(__file__).parents[1] / "tests" / "interop" / "java"


class Speaker:
    """A process that reads orders and answers each with a line; ends when its input is closed."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=Path(__file__).parents[1],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    @classmethod
    def ours(cls, role: str, order: dict[str, Any], log: Path) -> Self:
        """The bare layer in a role; see ``bench.bare``."""
        speaker = cls([sys.executable, "-m", "bench.bare", role], log)
        speaker.tell(order)
        return speaker

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def tell(self, order: dict[str, Any]) -> None:
        """Hand over an order that is not answered."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """The next line; an end without one is an error that quotes the log."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a peer ended: {self._log.read_text()[-2000:]}")
        return line

    async def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Hand over an order and wait for its answer."""
        self.tell(order)
        answer: dict[str, Any] = json.loads(await asyncio.to_thread(self.hear))
        return answer


def java(main: str, log: Path, *arguments: str) -> Speaker:
    """A main class of the phase4 peer of the interoperability tests; raises PeerMissing.

    The virtual machine has its own defaults, so both of its compilers, as a server would.
    """
    machine, path = build(_INTEROP, "phase4")
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    return Speaker([machine, quiet, "-cp", path, f"peer.{main}", *arguments], log)


def peak_megabytes(pid: int) -> float:
    """The most memory a process has held so far (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} tells no peak")
