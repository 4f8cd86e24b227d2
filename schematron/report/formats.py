"""The forms a report comes in, and the one function that gives any of them. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from schematron.report.html import render_html
from schematron.report.pdf import render_pdf
from schematron.report.svrl import render_svrl
from schematron.report.table import csv_line, table_row
from schematron.report.text import render_text
from schematron.report.view import report_view

__all__ = ["ReportFormat", "render"]

_PLACES_IN_TEXT = 3


class ReportFormat(StrEnum):
    """How a report is written.

    ``json`` (and ``jsonl``, its other name) is one object per line; ``csv`` one row;
    ``svrl``, ``html`` and ``pdf`` make a file per document.
    """

    JSON = "json"
    JSONL = "jsonl"
    TEXT = "text"
    CSV = "csv"
    SVRL = "svrl"
    HTML = "html"
    PDF = "pdf"

    @property
    def whole_file(self) -> bool:
        """Tell whether each report is a file of its own rather than lines of a stream."""
        return self in (ReportFormat.SVRL, ReportFormat.HTML, ReportFormat.PDF)


def render(
    report: Mapping[str, Any], form: ReportFormat, *, lang: str, checked_at: datetime
) -> bytes:
    """Give a report object in a form and a language; texts are UTF-8.

    ``checked_at`` (timezone-aware) is when the check was made.
    """
    match form:
        case ReportFormat.JSON | ReportFormat.JSONL:
            return json.dumps(report, ensure_ascii=False).encode() + b"\n"
        case ReportFormat.CSV:
            return csv_line(table_row(report)).encode()
        case ReportFormat.SVRL:
            return render_svrl(report, lang=lang)
        case ReportFormat.TEXT:
            return render_text(report_view(report, lang=lang, places=_PLACES_IN_TEXT)).encode()
        case ReportFormat.HTML:
            return render_html(report_view(report, lang=lang, checked_at=checked_at)).encode()
        case ReportFormat.PDF:
            view = report_view(report, lang=lang, checked_at=checked_at)
            return render_pdf(view, report=report, created_at=checked_at)
