"""The other AS4 implementation, PyPI ``as4``, in a throw-away virtual environment.

Not a dependency: it pins versions of its own. The environment is kept in the user's cache
folder, outside the checkout, and made anew when the pinned version changes.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

__all__ = ["PEER_VERSION", "Peer", "PeerMissing"]

PEER_VERSION: Final = "0.2.0"
_INSTALL_LIMIT_S: Final = 120
_READY: Final = "ready"


class PeerMissing(Exception):
    """The peer cannot be installed here; the message says why."""


def _environment() -> Path:
    """The Python that has the peer; makes it on first use."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "peppol-gateway-bench" / f"as4-{PEER_VERSION}-{sys.version_info.minor}"
    python = folder / "bin" / "python"
    if (folder / _READY).exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", f"as4=={PEER_VERSION}"],
    ):
        try:
            subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=_INSTALL_LIMIT_S
            )
        except (OSError, subprocess.SubprocessError) as error:
            words = str(getattr(error, "stderr", "") or error).strip().splitlines()
            raise PeerMissing(words[-1] if words else type(error).__name__) from None
    (folder / _READY).touch()
    return python


class Peer:
    """The peer at work in a process of its own; it measures itself."""

    def __init__(self, *, files: dict[str, str], addresses: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [str(_environment()), str(Path(__file__).with_name("as4_peer.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._tell({"files": files, "addresses": addresses})

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

    def measure(self, payload: Path, repeats: int) -> dict[str, float]:
        """Seconds of processor time for one ``send``, ``receive`` and ``read_answer``."""
        self._tell({"payload": str(payload), "repeats": repeats})
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the peer's process ended; its error is above")
        measured: dict[str, float] = json.loads(answer)
        return measured

    def _tell(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
