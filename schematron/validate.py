"""Validates one document: bytes in, report out.

The order is fixed: readable, recognised, built by its schema, right by its rules. Where the
schema fails the rules are left out, since they would abort or misread. A layer that could not
finish never counts as passed. No network, and no clock but a stop-watch.
"""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date

from lxml import etree

from schematron.finding import (
    Document,
    Finding,
    Layer,
    Report,
    RulesetRun,
    Severity,
    decide,
)
from schematron.layers import Draft, LayerResult, check_rules, check_schema, not_run
from schematron.location import positions, short_path
from schematron.manifest import XSD, Ruleset
from schematron.recognition import Recognised, recognise
from schematron.registry import Chosen, Plan, Registry
from schematron.texts import require
from ubl.safexml import Limits, XmlRefused, parse

__all__ = ["Options", "validate"]


@dataclass(frozen=True, slots=True)
class Options:
    """How to validate.

    ``as_of`` is the business date whose rules apply. ``rules`` names exactly the rule sets to
    run (``xsd`` among them); None lets the document's own identifiers choose. ``lang`` is the
    language of messages: en, fr, nl or de.
    """

    as_of: date
    rules: tuple[str, ...] | None = None
    lang: str = "en"
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True)
class _Examination:
    """What is known about the document so far; lives for one call."""

    lang: str
    document: Document = field(default_factory=Document)
    complete: bool = True
    runs: list[RulesetRun] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    withheld: Counter[Severity] = field(default_factory=Counter)

    def note(
        self,
        code: str,
        severity: Severity,
        *,
        ruleset: str | None = None,
        value: str | None = None,
        line: int | None = None,
        column: int | None = None,
        **words: object,
    ) -> None:
        """Add a finding of the input layer; ``words`` fill the placeholders of its text."""
        text = require(code, lang=self.lang, **words)
        finding = Finding(
            rule=code,
            severity=severity,
            layer=Layer.INPUT,
            ruleset=ruleset,
            value=value,
            line=line,
            column=column,
            message=text.message,
            hint=text.hint,
        )
        self.drafts.append(Draft(finding))

    def take(self, result: LayerResult) -> None:
        """Add what a layer found."""
        self.runs.append(result.run)
        self.drafts.extend(result.drafts)
        self.withheld.update(result.withheld)


def validate(data: bytes, *, options: Options, registry: Registry) -> Report:
    """Validate one document as received and report everything found.

    Bad input never raises: it is a verdict. Raises UnknownRuleset if ``options.rules`` names a
    rule set the registry does not have, KeyError for a language without texts.
    """
    started = time.perf_counter()
    chosen = _named(options, registry)
    examination = _Examination(options.lang)
    root = _read(data, options.limits, examination)
    if root is not None:
        _examine(root, chosen, options, registry, examination)
    findings = _placed(data, root, examination.drafts)
    counts = Counter(finding.severity for finding in findings)
    counts.update(examination.withheld)
    verdict = decide(
        examination.runs,
        complete=examination.complete,
        fatal=any(_condemns(finding) for finding in findings),
        readable=root is not None,
    )
    return Report(
        verdict=verdict,
        sha256=hashlib.sha256(data).hexdigest(),
        document=examination.document,
        rulesets=tuple(examination.runs),
        findings=tuple(findings),
        counts=dict(counts),
        elapsed_ms=(time.perf_counter() - started) * 1000,
    )


def _condemns(finding: Finding) -> bool:
    return finding.severity is Severity.FATAL and finding.layer in (Layer.XSD, Layer.RULES)


def _named(options: Options, registry: Registry) -> tuple[Ruleset, ...] | None:
    if options.rules is None:
        return None
    return tuple(registry.ruleset(name) for name in options.rules if name != XSD)


def _read(data: bytes, limits: Limits, examination: _Examination) -> etree._Element | None:
    try:
        return parse(data, limits)
    except XmlRefused as error:
        examination.note(
            error.code,
            Severity.FATAL,
            line=error.line or None,
            column=error.column or None,
            detail=error.message,
        )
        return None


def _examine(
    root: etree._Element,
    chosen: tuple[Ruleset, ...] | None,
    options: Options,
    registry: Registry,
    examination: _Examination,
) -> None:
    recognised = recognise(root)
    examination.document = recognised.document
    if chosen is None:
        plan = _plan_by_document(root, recognised, options, registry, examination)
    else:
        plan = _plan_by_name(recognised, chosen, examination)
    built = True
    if options.rules is None or XSD in options.rules:
        built = _check_structure(root, registry, examination)
    serialised = etree.tostring(root, encoding="unicode") if built and plan.rulesets else ""
    for ruleset in plan.rulesets:
        if built:
            examination.take(
                check_rules(root, serialised, ruleset, registry.artefacts, lang=options.lang)
            )
        else:
            examination.runs.append(not_run(ruleset, registry.artefacts))


def _check_structure(root: etree._Element, registry: Registry, examination: _Examination) -> bool:
    """Apply the schema, and tell whether the document is built well enough for the rules."""
    schema = registry.schemas_for(examination.document.syntax, examination.document.customization)
    if schema is None:
        examination.complete = False
        return True
    result = check_schema(root, schema, registry.artefacts, lang=examination.lang)
    examination.take(result)
    return not result.drafts


def _plan_by_name(
    recognised: Recognised, chosen: tuple[Ruleset, ...], examination: _Examination
) -> Plan:
    """Take the rule sets asked for, less those made for another kind of document."""
    document = recognised.document
    fitting = tuple(item for item in chosen if document.syntax in item.syntax)
    for item in chosen:
        if item not in fitting:
            examination.complete = False
            examination.note(
                "RULES-NOT-APPLICABLE",
                Severity.FATAL,
                ruleset=item.id,
                title=item.title,
                root=document.root,
            )
    return Plan(tuple(Chosen(item) for item in fitting), complete=examination.complete)


def _plan_by_document(
    root: etree._Element,
    recognised: Recognised,
    options: Options,
    registry: Registry,
    examination: _Examination,
) -> Plan:
    """Choose by what the document says it is, noting when no rules or not all are known."""
    document = recognised.document
    plan = registry.plan(
        root, syntax=document.syntax, customization=document.customization, day=options.as_of
    )
    if plan is None:
        examination.complete = False
        _note_unknown(recognised, registry, examination)
        return Plan((), complete=False)
    examination.complete = plan.complete
    if not plan.complete:
        examination.note(
            "RULES-PARTIAL",
            Severity.WARNING,
            value=document.customization,
            customization=document.customization,
        )
    for item in plan.outside_dates:
        examination.note(
            "RULES-OUTSIDE-DATES",
            Severity.INFORMATION,
            ruleset=item.id,
            title=item.title,
            day=options.as_of.isoformat(),
        )
    return plan


def _note_unknown(recognised: Recognised, registry: Registry, examination: _Examination) -> None:
    document = recognised.document
    if recognised.title is None:
        code = "INPUT-ROOT-UNKNOWN"
    elif registry.schemas_for(document.syntax, document.customization) is None:
        code = "INPUT-TYPE-UNSUPPORTED"
    elif document.customization is None:
        code = "INPUT-CUSTOMIZATION-MISSING"
    else:
        code = "INPUT-CUSTOMIZATION-UNKNOWN"
    examination.note(
        code,
        Severity.FATAL,
        value=document.customization,
        root=document.root,
        title=recognised.title,
        customization=document.customization,
    )


def _placed(data: bytes, root: etree._Element | None, drafts: list[Draft]) -> list[Finding]:
    """Fill in location, line and column of the findings that have a place in the tree."""
    if root is None:
        return [draft.finding for draft in drafts]
    where = positions(data, root, (draft.place.element for draft in drafts if draft.place))
    findings: list[Finding] = []
    for draft in drafts:
        if draft.place is None:
            findings.append(draft.finding)
            continue
        line, column = where[draft.place.element]
        findings.append(
            replace(draft.finding, location=short_path(draft.place), line=line, column=column)
        )
    return findings
