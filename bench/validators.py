"""Validators at work, each in a process of its own that measures itself; ours and the others.

The others are no dependency of anything here. Those from PyPI live in one environment, phive in
another, both in the user's cache folder outside the checkout; each is made on first use.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.java_project import CACHE, build
from bench.peer import PeerMissing
from bench.talk import Talker

__all__ = [
    "PYPI_PEERS",
    "Answer",
    "PeerMissing",
    "Validator",
    "environment",
    "own",
    "phive",
    "pypi",
]

PYPI_PEERS: Final = {"mock-einvoice": "0.4.0", "verifyhash-einvoice": "0.2.9"}
_JAVA: Final = Path(__file__).with_name("java")
_INSTALL_LIMIT_S: Final = 120
_READY: Final = "ready"


@dataclass(frozen=True, slots=True)
class Answer:
    """Seconds of processor time of one validation, and how many fatal findings there were."""

    seconds: float
    errors: int


class Validator(Talker):
    """A process that validates a file as often as it is told to and says how long that took."""

    def validate(self, document: Path, repeats: int) -> Answer:
        """Have the document validated so often, one after the other."""
        answer = self.ask(f"{repeats} {document}")
        return Answer(answer["seconds"], answer["errors"])


def own(kind: str, store: Path | None) -> list[str]:
    """The command for ``product`` or ``saxon``, with the rules fetched into ``store`` if any."""
    return [sys.executable, "-m", "bench.validator_own", kind, *([str(store)] if store else [])]


def environment(name: str, wanted: Sequence[str]) -> str:
    """The Python of an environment with exactly these packages; raises PeerMissing.

    Made on first use, in the user's cache folder.
    """
    digest = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{digest}-{sys.version_info.minor}"
    python = str(folder / "bin" / "python")
    if not (folder / _READY).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)], limit=_INSTALL_LIMIT_S)
        _run([python, "-m", "pip", "install", "--quiet", *wanted], limit=_INSTALL_LIMIT_S)
        (folder / _READY).touch()
    return python


def pypi() -> dict[str, list[str]]:
    """The commands of the peers from PyPI, by name; raises PeerMissing."""
    python = environment("validators", [f"{name}=={of}" for name, of in PYPI_PEERS.items()])
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
