"""The report on a document whose examination was ended from outside: by time, memory or a crash.

Written by whoever watches the examining process, so this module imports no engine.
"""

from datetime import date

from schematron.finding import Document, Finding, Layer, Report, Severity, Verdict
from schematron.texts import require

__all__ = ["unfinished"]


def unfinished(sha256: str, code: str, *, lang: str, as_of: date | None = None) -> Report:
    """Say that nothing is known about a document, and why.

    ``code`` is ENGINE-TIMEOUT, ENGINE-MEMORY or ENGINE-CRASHED; ``sha256`` is that of the bytes as
    received. Raises KeyError for another code or a language without texts.
    """
    text = require(code, lang=lang)
    finding = Finding(
        rule=code,
        severity=Severity.FATAL,
        layer=Layer.RULES,
        message=text.message,
        hint=text.hint,
    )
    return Report(
        verdict=Verdict.ENGINE_ERROR,
        sha256=sha256,
        document=Document(),
        rulesets=(),
        findings=(finding,),
        counts={Severity.FATAL: 1},
        as_of=as_of,
    )
