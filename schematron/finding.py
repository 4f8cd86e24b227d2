"""What validation says about one document: findings, verdicts and the report.

Plain values without behaviour beyond counting and turning into JSON; nothing here reads a file,
knows a rule set or runs an engine.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from schematron.figures import Figures

__all__ = [
    "NAMELESS",
    "Authority",
    "Container",
    "Document",
    "Finding",
    "Layer",
    "Report",
    "RulesetRun",
    "RunVerdict",
    "Severity",
    "Verdict",
    "decide",
]


NAMELESS: Final = "no-id"
"""The rule of a finding whose publisher gave the rule no id; for programs, not for people."""


class Severity(StrEnum):
    """How much a finding weighs: only ``fatal`` makes a document invalid."""

    FATAL = "fatal"
    WARNING = "warning"
    INFORMATION = "information"


class Layer(StrEnum):
    """Where in the examination a finding was made."""

    INPUT = "input"
    PDF = "pdf"
    XSD = "xsd"
    RULES = "rules"


class Authority(StrEnum):
    """Whose text decided.

    ``official``: the publisher's own artefact, known to this release by its hash.
    ``re-implementation``: this project's. ``operator``: a file that an operator imported, on whose
    word it is whatever its title and publisher say.
    """

    OFFICIAL = "official"
    REIMPLEMENTATION = "re-implementation"
    OPERATOR = "operator"


class RunVerdict(StrEnum):
    """How one rule set ended on one document."""

    VALID = "valid"
    INVALID = "invalid"
    ENGINE_ERROR = "engine-error"
    NOT_RUN = "not-run"


class Verdict(StrEnum):
    """The answer for the whole document.

    ``undetermined``: it is XML, but no complete set of rules for it is known here.
    ``unreadable``: the bytes are not XML that is accepted, nor do they carry any.
    ``engine-error``: an engine stopped before its end, so nothing can be promised.
    """

    VALID = "valid"
    INVALID = "invalid"
    UNDETERMINED = "undetermined"
    UNREADABLE = "unreadable"
    ENGINE_ERROR = "engine-error"


@dataclass(frozen=True, slots=True)
class Document:
    """What the document says it is (EN 16931 BT-24, BT-23, BT-1, BT-2).

    ``title`` names its kind for people, in English; ``sender`` is the seller's (or sending
    party's) name or, without one, its identifier.
    """

    syntax: str | None = None
    root: str | None = None
    customization: str | None = None
    profile: str | None = None
    id: str | None = None
    issue_date: date | None = None
    title: str | None = None
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """What the document was wrapped in when it came, outermost first.

    ``kind`` is ``pdf``, ``sbdh``, or another envelope's short name; ``title`` names it for people;
    ``part`` is what was taken out, for example the attachment ``factur-x.xml``.
    """

    kind: str
    title: str
    part: str | None = None

    def to_json(self) -> dict[str, object]:
        """Give the container as a JSON object with stable keys."""
        return {"kind": self.kind, "title": self.title, "part": self.part}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about the document, and where it is.

    ``location`` is an XPath using the prefixes of ``schematron.location.PREFIXES``; ``line`` and
    ``column`` count from 1 in the file as received (in the XML inside, where that was packed in a
    PDF or in base64) and are None where unknown. ``terms`` are the EN 16931 business terms the rule
    speaks of, ``group`` the business group it is about (``BG-4``). ``value`` is the text found at
    the location, ``excerpt`` the start of that line as received. ``official`` is the publisher's
    own sentence, whatever its language; ``message`` is ours where we have one. ``words`` are the
    values that fill the placeholders of our texts, so that the report can be worded again in
    another language. ``figures`` stand behind a finding about an amount that does not add up.
    """

    rule: str
    severity: Severity
    layer: Layer
    message: str
    ruleset: str | None = None
    location: str | None = None
    line: int | None = None
    column: int | None = None
    terms: tuple[str, ...] = ()
    value: str | None = None
    hint: str | None = None
    group: str | None = None
    official: str | None = None
    excerpt: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    figures: Figures | None = None

    def to_json(self) -> dict[str, object]:
        """Give the finding as a JSON object with stable keys."""
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "ruleset": self.ruleset,
            "layer": self.layer.value,
            "location": self.location,
            "line": self.line,
            "column": self.column,
            "terms": list(self.terms),
            "value": self.value,
            "message": self.message,
            "hint": self.hint,
            "group": self.group,
            "official": self.official,
            "excerpt": self.excerpt,
            "words": dict(self.words),
            "figures": self.figures.to_json() if self.figures else None,
        }


@dataclass(frozen=True, slots=True)
class RulesetRun:
    """One rule set applied to the document: which artefact, by which engine, with what end.

    ``not_checked`` names the official rules that concern this document and that a
    re-implementation does not contain, so that a ``valid`` is never read as more than it is.
    ``publisher``, ``version``, ``valid_from`` and ``valid_until`` are the rule set's own;
    ``sha256`` is that of the artefact's file. ``decides`` is False for a release that is not yet
    in force on the date asked for and was run beside the one that is, so that its verdict is
    known in advance. ``newer`` names a later release that is known and not in use. ``elapsed_ms``
    is the wall time this set took.
    """

    id: str
    source: str
    authority: Authority
    engine: str
    verdict: RunVerdict
    not_checked: tuple[str, ...] = ()
    title: str = ""
    publisher: str = ""
    version: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    sha256: str = ""
    decides: bool = True
    newer: str | None = None
    proven_equal: str | None = None
    elapsed_ms: float = 0.0

    def to_json(self) -> dict[str, object]:
        """Give the run as a JSON object with stable keys."""
        return {
            "id": self.id,
            "source": self.source,
            "authority": self.authority.value,
            "engine": self.engine,
            "verdict": self.verdict.value,
            "not_checked": list(self.not_checked),
            "title": self.title,
            "publisher": self.publisher,
            "version": self.version,
            "valid_from": self.valid_from.isoformat() if self.valid_from else None,
            "valid_until": self.valid_until.isoformat() if self.valid_until else None,
            "sha256": self.sha256,
            "decides": self.decides,
            "newer": self.newer,
            "proven_equal": self.proven_equal,
            "elapsed_ms": round(self.elapsed_ms, 1),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Everything validation found out about one document.

    ``counts`` holds the number of findings per severity before any cap on repeated findings.
    ``sha256`` is that of the bytes as received, ``containers`` what was unwrapped, outermost
    first. ``elapsed_ms`` is wall time spent in this process.
    """

    verdict: Verdict
    sha256: str
    document: Document
    rulesets: tuple[RulesetRun, ...]
    findings: tuple[Finding, ...]
    counts: Mapping[Severity, int] = field(default_factory=dict)
    elapsed_ms: float = 0.0
    containers: tuple[Container, ...] = ()
    as_of: date | None = None

    @property
    def valid(self) -> bool:
        """Tell whether every layer that applies ran to its end and found nothing fatal."""
        return self.verdict is Verdict.VALID

    def to_json(self, *, file: str | None = None) -> dict[str, object]:
        """Give the report as the JSON object of ``gateway validate`` and ``POST /v1/validations``.

        ``file`` is the name the caller knows the document by.
        """
        issued = self.document.issue_date
        return {
            "file": file,
            "verdict": self.verdict.value,
            "valid": self.valid,
            "sha256": self.sha256,
            "document": {
                "syntax": self.document.syntax,
                "root": self.document.root,
                "customization": self.document.customization,
                "profile": self.document.profile,
                "id": self.document.id,
                "issue_date": issued.isoformat() if issued else None,
                "title": self.document.title,
                "sender": self.document.sender,
            },
            "containers": [container.to_json() for container in self.containers],
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "rulesets": [run.to_json() for run in self.rulesets],
            "findings": [finding.to_json() for finding in self.findings],
            "counts": {
                "fatal": self.counts.get(Severity.FATAL, 0),
                "warning": self.counts.get(Severity.WARNING, 0),
            },
            "elapsed_ms": round(self.elapsed_ms, 1),
        }


def decide(
    runs: Iterable[RulesetRun], *, complete: bool, fatal: bool, readable: bool = True
) -> Verdict:
    """Turn what happened into the one verdict, never calling an unfinished examination valid.

    ``complete`` says that every layer which applies to this kind of document was at hand;
    ``fatal`` that at least one fatal finding was made by a layer that decides. Rule sets that
    are not yet in force do not decide.
    """
    ends = [run.verdict for run in runs if run.decides]
    if not readable:
        return Verdict.UNREADABLE
    if RunVerdict.ENGINE_ERROR in ends:
        return Verdict.ENGINE_ERROR
    if fatal or RunVerdict.INVALID in ends:
        return Verdict.INVALID
    if not complete or not ends or RunVerdict.NOT_RUN in ends:
        return Verdict.UNDETERMINED
    return Verdict.VALID
