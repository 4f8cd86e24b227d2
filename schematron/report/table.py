"""Reports as rows of a table, one per document, for spreadsheets (RFC 4180). Pure.

The first row names the columns; their names are stable and the same in every language.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["COLUMNS", "csv_line", "table_row"]

COLUMNS: Final = (
    "file",
    "verdict",
    "kind",
    "number",
    "issue_date",
    "sender",
    "customization",
    "fatal",
    "warning",
    "fatal_rules",
    "rulesets",
    "as_of",
    "sha256",
    "elapsed_ms",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def table_row(report: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the cells of a report object in the order of ``COLUMNS``; lists by blanks.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    document = report.get("document") or {}
    decided = [run["id"] for run in report["rulesets"] if run.get("decides", True)]
    aside = {run["id"] for run in report["rulesets"]}.difference(decided)
    broken = dict.fromkeys(
        finding["rule"]
        for finding in report["findings"]
        if finding["severity"] == "fatal" and finding.get("ruleset") not in aside
    )
    cells = (
        report.get("file"),
        report["verdict"],
        document.get("title") or document.get("root"),
        document.get("id"),
        document.get("issue_date"),
        document.get("sender"),
        document.get("customization"),
        report["counts"]["fatal"],
        report["counts"]["warning"],
        " ".join(broken),
        " ".join(decided),
        report.get("as_of"),
        report["sha256"],
        report["elapsed_ms"],
    )
    return tuple(_cell(cell) for cell in cells)


def csv_line(cells: Sequence[str]) -> str:
    """Write one row, with its line end."""
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
