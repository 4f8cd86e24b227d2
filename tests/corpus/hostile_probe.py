"""Runs documents one after the other in one worker process and measures each.

``python hostile_probe.py STORE FILE...``: for each file one line of JSON with verdict, codes,
wall seconds and how far resident memory rose above where it stood before. STORE may be empty.
"""

import json
import sys
import time
from pathlib import Path

from schematron import worker

KILO = 1024


def resident(field: str) -> int:
    """Read a line of /proc/self/status in kB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise LookupError(field)


def measure(data: bytes) -> dict[str, object]:
    """Validate one document; the peak is reset first, so that it is this document's own."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, started = resident("VmRSS"), time.perf_counter()
    report = worker.run(data, as_of="2026-11-02")
    seconds = time.perf_counter() - started
    findings = report["findings"]
    assert isinstance(findings, list)
    return {
        "verdict": report["verdict"],
        "rules": [finding["rule"] for finding in findings][:5],
        "seconds": round(seconds, 3),
        "growth_mb": round((resident("VmHWM") - before) / KILO, 1),
    }


def main() -> None:
    """Start as the gateway's workers do, warmed up by the first file."""
    store, first, *rest = sys.argv[1:]
    worker.initialise(None, store or None, warm=("cen-ubl-1.3.16", "peppol-ubl-2026.5"))
    for _ in range(20):
        worker.run(Path(first).read_bytes(), as_of="2026-11-02")
    for name in rest:
        data = Path(name).read_bytes()
        sys.stdout.write(json.dumps({"name": Path(name).stem, **measure(data)}) + "\n")
        sys.stdout.flush()
        del data


if __name__ == "__main__":
    main()
