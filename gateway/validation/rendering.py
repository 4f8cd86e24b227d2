"""A kept report in the format and language somebody asks for.

Writing takes processor time (a PDF some tens of milliseconds, a long report more), so it happens
in a thread.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from gateway.validation.negotiation import CSV, JSON, Format
from gateway.validation.tables import ValidationRun
from schematron.report.formats import ReportFormat, render
from schematron.report.table import COLUMNS, csv_line
from schematron.report.words import reword

__all__ = ["file_stem", "report_json", "write_report"]


async def write_report(run: ValidationRun, wanted: Format, *, lang: str) -> bytes:
    """The report of a run in a format, its sentences in a language (en, fr, nl, de)."""
    return await asyncio.to_thread(_written, run, wanted, lang)


def _written(run: ValidationRun, wanted: Format, lang: str) -> bytes:
    if wanted is JSON:
        return json.dumps(report_json(run, lang=lang), ensure_ascii=False).encode()
    form = ReportFormat(wanted.name)
    written = render(run.report, form, lang=lang, checked_at=run.created_at)
    return csv_line(COLUMNS).encode() + written if wanted is CSV else written


def report_json(run: ValidationRun, *, lang: str) -> dict[str, Any]:
    """The report object with its id and time, findings worded in a language where we have words."""
    findings = [_worded(one, lang) for one in run.report["findings"]]
    return {
        **run.report,
        "findings": findings,
        "id": str(run.id),
        "created_at": run.created_at.isoformat(),
    }


def _worded(finding: Mapping[str, Any], lang: str) -> dict[str, Any]:
    sentence = reword(finding, lang=lang)
    return {**finding, "message": sentence.message, "hint": sentence.hint}


def file_stem(run: ValidationRun) -> str:
    """What a downloaded report is called, without suffix: letters of the file's own name."""
    stem = run.file_name.rpartition(".")[0] or run.file_name or str(run.id)
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in stem)
    return f"{kept.strip('-')[:80] or run.id}-report"
