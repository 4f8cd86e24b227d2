"""A report as plain text, for a terminal or the detail of an error answer."""

from schematron.finding import Finding, Report, Severity
from schematron.texts import require

__all__ = ["render"]

_ORDER = (Severity.FATAL, Severity.WARNING, Severity.INFORMATION)


def render(report: Report, *, lang: str = "en", file: str | None = None, limit: int = 20) -> str:
    """Write a report in a few lines, the gravest findings first and at most ``limit`` of them.

    ``file`` is the name the caller knows the document by. Raises KeyError for a language
    without texts.
    """
    counts = {severity.value: report.counts.get(severity, 0) for severity in Severity}
    headline = require(f"REPORT-{report.verdict.name.replace('_', '-')}", lang=lang, **counts)
    lines = [f"{file}: {headline.message}" if file else headline.message]
    ordered = sorted(report.findings, key=lambda finding: _ORDER.index(finding.severity))
    for finding in ordered[:limit]:
        lines.extend(_lines(finding, lang=lang))
    if len(ordered) > limit:
        lines.append(require("REPORT-MORE", lang=lang, count=len(ordered) - limit).message)
    return "\n".join(lines) + "\n"


def _lines(finding: Finding, *, lang: str) -> list[str]:
    severity = require(f"REPORT-{finding.severity.name}", lang=lang).message
    lines = [f"  {severity} {finding.rule}: {_printable(finding.message)}"]
    where = []
    if finding.line is not None:
        where.append(require("REPORT-LINE", lang=lang, line=finding.line).message)
    if finding.location:
        where.append(finding.location)
    if where:
        lines.append(f"    {', '.join(where)}")
    if finding.hint:
        lines.append(f"    {_printable(finding.hint)}")
    return lines


def _printable(text: str) -> str:
    """Keep control characters of a document out of the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
