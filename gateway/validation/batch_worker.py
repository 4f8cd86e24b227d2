"""What a process of a batch runs: read one document, check it, write its report.

All three happen in the process, so that what a document costs is bounded and a document that
kills its process takes nothing else with it. The engine is imported in the process only.
"""

import hashlib
import os
import stat
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.validation.batch_inputs import BatchInput
from schematron.finding import NAMELESS, Document, Finding, Layer, Report, Severity, Verdict
from schematron.report.formats import ReportFormat, render
from schematron.texts import require

if TYPE_CHECKING:
    from schematron.registry import Registry

__all__ = ["BatchOrder", "Outcome", "check", "failed", "initialise", "read_stdin"]

LARGEST: Final = 256 * 1024 * 1024
_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """What is asked of every document of a batch.

    ``as_of`` is the business date whose rules apply, ``rules`` names rule sets (None: the
    document's own identifiers choose), ``checked_at`` (timezone-aware) stands in the reports.
    """

    as_of: date
    rules: tuple[str, ...] | None
    lang: str
    form: ReportFormat
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one document ended: its report in the form asked for, and what a summary counts.

    ``fired`` holds, per rule and severity, the number of findings that are listed.
    """

    source: BatchInput
    verdict: str
    sender: str
    fired: Mapping[tuple[str, str], int]
    written: bytes


def initialise(config_dir: str | None, store: str | None) -> "Registry":
    """Load the rule-set manifests; rule sets are compiled when a document first needs them."""
    from schematron import registry  # noqa: PLC0415 - see the module's text

    return registry.load(Path(config_dir) if config_dir else None, Path(store) if store else None)


def check(
    registry: "Registry", source: BatchInput, content: bytes | None, order: BatchOrder
) -> Outcome:
    """Check one document and write its report; ``content`` is given where it is not a file's."""
    from gateway.validation.figures import reckon  # noqa: PLC0415 - see the module's text
    from schematron.validate import Options, validate  # noqa: PLC0415 - see the module's text

    try:
        data = _read(source.path) if content is None else content
    except OSError as error:
        detail = error.strerror or type(error).__name__
        report = _unread(order, "FILE-UNREADABLE", sha256="", words={"detail": detail})
        return _outcome(source, report, order)
    if len(data) > LARGEST:
        del data
        digest = "" if content is not None else _digest(source.path)
        limit = str(LARGEST // (1024 * 1024))
        report = _unread(order, "FILE-TOO-LARGE", sha256=digest, words={"limit": limit})
        return _outcome(source, report, order)
    options = Options(as_of=order.as_of, rules=order.rules, lang=order.lang)
    report = validate(data, options=options, registry=registry, reckon=reckon)
    return _outcome(source, report, order)


def failed(source: BatchInput, content: bytes | None, order: BatchOrder, *, code: str) -> Outcome:
    """Report that no process could finish this document; ``code`` says why (``POOL-…``)."""
    digest = _digest(source.path) if content is None else hashlib.sha256(content).hexdigest()
    report = _unread(order, code, sha256=digest, words={}, verdict=Verdict.ENGINE_ERROR)
    return _outcome(source, report, order)


def read_stdin() -> bytes:
    """Read standard input to its end, or to one byte more than any document may have."""
    return sys.stdin.buffer.read(LARGEST + 1)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(LARGEST + 1)


def _digest(path: str) -> str:
    """Give the SHA-256 of a file of any size, empty for what is not a file that ends."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return ""
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


def _unread(
    order: BatchOrder,
    code: str,
    *,
    sha256: str,
    words: Mapping[str, str],
    verdict: Verdict = Verdict.UNREADABLE,
) -> Report:
    text = require(code, lang=order.lang, **words)
    finding = Finding(
        rule=code,
        severity=Severity.FATAL,
        layer=Layer.INPUT,
        message=text.message,
        hint=text.hint,
        words=words,
    )
    return Report(
        verdict, sha256, Document(), (), (finding,), {Severity.FATAL: 1}, as_of=order.as_of
    )


def _outcome(source: BatchInput, report: Report, order: BatchOrder) -> Outcome:
    data: dict[str, Any] = report.to_json(file=source.name)
    aside = {run.id for run in report.rulesets if not run.decides}
    fired = Counter(
        (_named(finding), finding.severity.value)
        for finding in report.findings
        if finding.ruleset not in aside
    )
    return Outcome(
        source=source,
        verdict=report.verdict.value,
        sender=report.document.sender or "",
        fired=dict(fired),
        written=render(data, order.form, lang=order.lang, checked_at=order.checked_at),
    )


def _named(finding: Finding) -> str:
    """Name a rule in a summary; one without an id by its rule set."""
    return finding.ruleset or finding.rule if finding.rule == NAMELESS else finding.rule
