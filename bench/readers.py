"""Reading a camt.054: ours beside PyPI ``camt053`` and ``bankstatementparser``, on the same bytes.

The two are installed into a throw-away environment in the benchmark's own folder, if that is
quickly done; they are no dependency of anything here.
"""

import json
import subprocess
import sys
import time
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from bench.figures import Section, median
from gateway.receivables.bank_reading import read_payments

__all__ = ["measure"]

_PEERS: Final = {"camt053": "0.0.20", "bankstatementparser": "0.0.29"}
_KEPT: Final = {
    "camt053": "entries as dicts, without what the payer wrote",
    "bankstatementparser": "transactions as dicts",
}
_OURS: Final = "this product"
_INSTALL_LIMIT_S: Final = 30
_READ_LIMIT_S: Final = 60


def measure(
    folder: Path, content: bytes, *, payments: int, rounds: int, repeats: int, peers: bool
) -> Section:
    """Milliseconds of processor time to read the file; without ``peers`` ours alone."""
    section = Section(
        f"Reading alone: a camt.054 of {payments} credits, {len(content) / 1000:.0f} kB",
        ("reader", "credits/s", "ms", "of ours", "what it keeps"),
    )
    python, missing = _environment(folder) if peers else (None, "a quick run installs nothing")
    file = folder / "credits.xml"
    file.write_bytes(content)
    took: dict[str, list[float]] = {_OURS: []}
    for _ in range(rounds):
        took[_OURS].append(_read(content, payments, repeats))
        if python is not None:
            for name, found in _peers(python, file, repeats).items():
                if found["credits"] != payments:
                    raise RuntimeError(f"{name} found {found['credits']} of {payments} credits")
                took.setdefault(name, []).append(found["seconds"])
    ours = median(took[_OURS])
    for name, seconds in took.items():
        version = f" {_PEERS[name]}" if name in _PEERS else ""
        kept = _KEPT.get(name, "payments, as the matcher needs them")
        spent = median(seconds)
        section.add(name + version, payments / spent, spent * 1000, f"{spent / ours:.2f} x", kept)
    section.notes = [f"Processor time, medians of {rounds} rounds of {repeats}, in turn."]
    if python is None:
        section.notes.append(f"NO OTHER READER IN THIS RUN: {missing}.")
    return section


def _read(content: bytes, payments: int, repeats: int) -> float:
    """Seconds of processor time of one reading."""
    began = time.process_time()
    for _ in range(repeats):
        count = sum(1 for _ in read_payments(content, UTC))
        if count != payments:
            raise RuntimeError(f"{count} of {payments} credits were read")
    return (time.process_time() - began) / repeats


def _environment(folder: Path) -> tuple[Path | None, str]:
    """The Python that has the other readers, or None and the reason why there is none."""
    home = folder / "readers"
    python = home / "bin" / "python"
    wanted = [f"{name}=={version}" for name, version in _PEERS.items()]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    for command in (
        [sys.executable, "-m", "venv", "--without-pip", str(home)],
        [*pip, "install", "--quiet", "--no-compile", *wanted],
    ):
        try:
            subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=_INSTALL_LIMIT_S
            )
        except (OSError, subprocess.SubprocessError) as error:
            words = str(getattr(error, "stderr", "") or error).strip().splitlines()
            return None, words[-1] if words else type(error).__name__
    return python, ""


def _peers(python: Path, file: Path, repeats: int) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [str(python), str(Path(__file__).with_name("camt_peer.py")), str(file), str(repeats)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_READ_LIMIT_S,
    )
    answer: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return answer
