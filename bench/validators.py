"""Validators at work, each in a process of its own that measures itself; ours and the others.

The others are no dependency of anything here. Those from PyPI live in one environment, phive in
another, both in the user's cache folder outside the checkout; each is made on first use.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bench.java_project import CACHE, build
from bench.peer import PeerMissing

__all__ = ["PYPI_PEERS", "Answer", "PeerMissing", "Validator", "own", "phive", "pypi"]

PYPI_PEERS: Final = {"mock-einvoice": "0.4.0", "verifyhash-einvoice": "0.2.9"}
_JAVA: Final = Path(__file__).with_name("java")
_INSTALL_LIMIT_S: Final = 120
_READY: Final = "ready"


@dataclass(frozen=True, slots=True)
class Answer:
    """Seconds of processor time of one validation, and how many fatal findings there were."""

    seconds: float
    errors: int


class Validator:
    """A process that validates a file as often as it is told to and says how long that took."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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

    def validate(self, document: Path, repeats: int) -> Answer:
        """Have the document validated so often, one after the other."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{repeats} {document}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a validator's process ended; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return Answer(answer["seconds"], answer["errors"])

    def peak_megabytes(self) -> float:
        """The most memory the process has held so far, as the kernel counts it (VmHWM)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6


def own(kind: str, store: Path | None) -> list[str]:
    """The command for ``product`` or ``saxon``, with the rules fetched into ``store`` if any."""
    return [sys.executable, "-m", "bench.validator_own", kind, *([str(store)] if store else [])]


def pypi() -> dict[str, list[str]]:
    """The commands of the peers from PyPI, by name; raises PeerMissing."""
    wanted = [f"{name}=={version}" for name, version in PYPI_PEERS.items()]
    digest = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:12]
    folder = CACHE / f"validators-{digest}-{sys.version_info.minor}"
    python = str(folder / "bin" / "python")
    if not (folder / _READY).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)], limit=_INSTALL_LIMIT_S)
        _run([python, "-m", "pip", "install", "--quiet", *wanted], limit=_INSTALL_LIMIT_S)
        (folder / _READY).touch()
    script = str(Path(__file__).with_name("validator_peer.py"))
    return {name: [python, script, name] for name in PYPI_PEERS}


def phive() -> tuple[list[str], list[Path]]:
    """The command of phive and the jars it runs on; raises PeerMissing.

    The virtual machine gets its own defaults: a quarter of the memory for its heap, and the
    collector it chooses for the machine.
    """
    java, path = build(_JAVA, "phive")
    jars = path.split(os.pathsep)[1:]
    return [java, "-cp", path, "peer.PhiveValidator"], [Path(one) for one in jars]


def _run(command: list[str], *, limit: int) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=limit,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        words = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise PeerMissing(words[-1] if words else type(error).__name__) from None
