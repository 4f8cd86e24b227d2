"""One process that validates and measures itself: this product, or bare Saxon on the same rules.

Arguments: ``product`` or ``saxon``, and a folder of fetched rules or nothing. Reads lines
"repeats path" on standard input and answers each with one JSON object: ``seconds`` of processor
time of one validation from the bytes on, and ``errors``, how many fatal findings there were.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

from saxonche import PySaxonProcessor

from schematron import registry, worker
from schematron.svrl import read

__all__ = ["DAY", "RULES"]

RULES: Final = ("cen-ubl-1.3.16", "peppol-ubl-2026.5")
DAY: Final = date(2026, 11, 2)
"""A day on which these rules are in force."""


def main() -> None:
    """Serve orders until the input is closed."""
    kind, store = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    validate, errors = {"product": product, "saxon": saxon}[kind](store)
    for order in sys.stdin:
        repeats, path = order.rstrip("\n").split(" ", 1)
        content = Path(path).read_bytes()
        began = time.process_time()
        for _ in range(int(repeats)):
            result = validate(content)
        seconds = (time.process_time() - began) / int(repeats)
        print(json.dumps({"seconds": seconds, "errors": errors(result)}), flush=True)


def product(store: str | None) -> tuple[Callable[[bytes], Any], Callable[[Any], int]]:
    """Validate as a worker process of the gateway does; the result is the report."""
    worker.initialise(None, store, warm=RULES)

    def validate(content: bytes) -> dict[str, Any]:
        return worker.run(content, as_of=DAY.isoformat())

    def errors(report: dict[str, Any]) -> int:
        ran = {one["id"] for one in report["rulesets"] if one["verdict"] in {"valid", "invalid"}}
        if ran != {"xsd", *RULES}:
            raise RuntimeError(f"the rules that ran to their end were {sorted(ran)}")
        return int(report["counts"]["fatal"])

    return validate, errors


def saxon(store: str | None) -> tuple[Callable[[bytes], Any], Callable[[Any], int]]:
    """Run the stylesheets as published; the result is their reports as text."""
    known = registry.load(None, Path(store) if store else None)
    processor = PySaxonProcessor(license=False)
    compiler = processor.new_xslt30_processor()
    stylesheets = [
        compiler.compile_stylesheet(
            stylesheet_text=known.artefacts.stylesheet(
                known.artefacts.choose(known.ruleset(name))
            ).decode("utf-8-sig"),
            encoding="utf-8",
        )
        for name in RULES
    ]

    def validate(content: bytes) -> list[str]:
        document = processor.parse_xml(xml_text=content.decode(), encoding="utf-8")
        return [str(one.transform_to_string(xdm_node=document)) for one in stylesheets]

    def errors(reports: list[str]) -> int:
        found = [one for report in reports for one in read(report.encode()).assertions]
        return sum(one.severity.value == "fatal" for one in found)

    return validate, errors


if __name__ == "__main__":
    main()
