"""``python -m bench``: run the benchmarks, print their tables, keep them as JSON."""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import accept, as4_layer, delivery, formats, money, shares, validation, wire
from bench.figures import Section, load, machine, show
from gateway.core import telemetry

RESULTS: Final = Path(__file__).parent / "results"
PARTS: Final = ("as4", "wire", "accept", "delivery", "shares", "money", "validation", "formats")


def main() -> None:
    """Run what was asked for; a benchmark that does not do what it measures ends with an error."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, SQLite only")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be given repeatedly")
    options = parser.parse_args()
    telemetry.configure(level="WARNING")
    about = {
        **machine(),
        "started": datetime.now(UTC).isoformat(),
        "quick": options.quick,
        "load_before": load(),
    }
    print(f"{about['cores']} cores, Python {about['python']}, load {about['load_before']} so far")
    began = time.monotonic()
    sections: list[Section] = []
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder:
        for part in dict.fromkeys(options.only or PARTS):
            done = _run(part, Path(folder) / part, quick=options.quick)
            print(*map(show, done), sep="\n", flush=True)
            sections += done
    about["seconds"] = round(time.monotonic() - began, 1)
    about["load_after"] = load()
    print(f"\n{about['seconds']} s; load {about['load_after']} at the end.")
    print("Across machines and busy hours compare ratios, not rates.")
    print(f"Kept in {_keep(about, sections)}")


def _run(part: str, folder: Path, *, quick: bool) -> Sequence[Section]:
    folder.mkdir()
    if part == "as4":
        return as4_layer.measure(folder, rounds=2 if quick else 7, repeats=10 if quick else 40)
    if part == "wire":
        return asyncio.run(wire.measure(folder, count=40 if quick else 200))
    if part == "accept":
        rounds, count = (2, 12) if quick else (3, 40)
        return asyncio.run(accept.measure(folder, rounds=rounds, count=count, postgresql=not quick))
    if part == "delivery":
        return asyncio.run(delivery.measure(folder, count=20 if quick else 120))
    if part == "money":
        return asyncio.run(
            money.measure(
                folder,
                rounds=2 if quick else 3,
                payments=45 if quick else 150,
                customers=20 if quick else 40,
                requests=40 if quick else 60,
                postgresql=not quick,
                peers=not quick,
            )
        )
    if part == "validation":
        return validation.measure(folder, rounds=2 if quick else 3, peers=not quick)
    if part == "formats":
        return formats.measure(folder, rounds=2 if quick else 3, peers=not quick)
    return asyncio.run(shares.measure(folder, count=6 if quick else 25, postgresql=not quick))


def _keep(about: dict[str, object], sections: Sequence[Section]) -> Path:
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    body = {"about": about, "sections": [one.to_json() for one in sections]}
    file.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")
    return file


if __name__ == "__main__":
    main()
