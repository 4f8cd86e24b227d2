"""Validates one document: bytes in, report out.

The order is fixed: unwrapped, readable, recognised, built by its schema, right by its rules.
Where the schema fails the rules are left out, since they would abort or misread. A layer that
could not finish never counts as passed. No network, and no clock but a stop-watch.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from lxml import etree

from schematron.container import Contents, open_document
from schematron.figures import Reckon
from schematron.finding import (
    Document,
    Finding,
    Layer,
    Report,
    RulesetRun,
    RunVerdict,
    Severity,
    decide,
)
from schematron.layers import (
    Draft,
    LayerResult,
    Target,
    check_rules,
    check_schema,
    not_run,
    worded,
)
from schematron.location import Spot, Tree
from schematron.manifest import XSD, Ruleset
from schematron.notes import Note
from schematron.recognition import Recognised
from schematron.registry import Chosen, Plan, Registry
from ubl.safexml import Limits

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

    options: Options
    registry: Registry
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
        **words: str,
    ) -> None:
        """Add a finding of the input layer; ``words`` fill the placeholders of its text."""
        note = Note(code, severity, ruleset=ruleset, value=value, words=words)
        self.drafts.append(worded(note, lang=self.options.lang))

    def take(self, result: LayerResult) -> None:
        """Add what a layer found."""
        self.runs.append(result.run)
        self.drafts.extend(result.drafts)
        self.withheld.update(result.withheld)


def validate(
    data: bytes, *, options: Options, registry: Registry, reckon: Reckon | None = None
) -> Report:
    """Validate one document as received and report everything found.

    ``reckon`` works out the amounts behind the rules that were broken. Bad input never raises: it
    is a verdict. Raises UnknownRuleset if ``options.rules`` names a rule set the registry does not
    have, KeyError for a language without texts.
    """
    started = time.perf_counter()
    named = _named(options, registry)
    examination = _Examination(options, registry)
    contents = open_document(data, options.limits)
    examination.drafts += [worded(note, lang=options.lang) for note in contents.notes]
    examination.document = Document(title=contents.title)
    tree: Tree | None = None
    if contents.root is not None and contents.recognised is not None:
        tree = Tree(contents.root, contents.data, skipped=contents.skipped)
        target = Target(tree, registry.artefacts, options.lang)
        _examine(target, contents.recognised, named, examination)
        if reckon is not None:
            examination.drafts = _reckoned(contents.root, examination.drafts, reckon)
    report = _report(contents, tree, examination)
    return replace(
        report,
        sha256=hashlib.sha256(data).hexdigest(),
        elapsed_ms=(time.perf_counter() - started) * 1000,
    )


def _reckoned(root: etree._Element, drafts: list[Draft], reckon: Reckon) -> list[Draft]:
    """Put the figures behind the findings of rules."""
    asked = [
        (number, (draft.finding.rule, draft.place.element))
        for number, draft in enumerate(drafts)
        if draft.place is not None and draft.finding.layer is Layer.RULES
    ]
    found = reckon(root, [question for _, question in asked])
    done = list(drafts)
    for (number, _), figures in zip(asked, found, strict=True):
        if figures is not None:
            draft = drafts[number]
            done[number] = replace(draft, finding=replace(draft.finding, figures=figures))
    return done


def _report(contents: Contents, tree: Tree | None, examination: _Examination) -> Report:
    silent = {run.id for run in examination.runs if not run.decides}
    findings = _placed(tree, examination.drafts)
    counts = Counter(finding.severity for finding in findings if finding.ruleset not in silent)
    counts.update(examination.withheld)
    verdict = decide(
        examination.runs,
        complete=examination.complete,
        fatal=any(_condemns(finding, silent) for finding in findings),
        readable=tree is not None,
    )
    return Report(
        verdict=verdict,
        sha256="",
        document=examination.document,
        rulesets=tuple(examination.runs),
        findings=tuple(findings),
        counts=dict(counts),
        containers=contents.containers,
        as_of=examination.options.as_of,
    )


def _condemns(finding: Finding, silent: set[str]) -> bool:
    """Tell whether a finding makes the document invalid: fatal, of a layer and set that decide."""
    decides = finding.layer is not Layer.INPUT and finding.ruleset not in silent
    return decides and finding.severity is Severity.FATAL


def _named(options: Options, registry: Registry) -> tuple[Ruleset, ...] | None:
    if options.rules is None:
        return None
    # Named twice is run once: its findings must not count twice.
    names = dict.fromkeys(options.rules)
    return tuple(registry.ruleset(name) for name in names if name != XSD)


def _examine(
    target: Target,
    recognised: Recognised,
    named: tuple[Ruleset, ...] | None,
    examination: _Examination,
) -> None:
    examination.document = recognised.document
    if named is None:
        plan = _plan_by_document(target, recognised, examination)
    else:
        plan = _plan_by_name(recognised, named, examination)
    built = True
    if named is None or XSD in (examination.options.rules or ()):
        built = _check_structure(target, examination)
    for chosen in plan.chosen:
        if not target.artefacts.available(chosen.ruleset):
            examination.note(
                "RULES-NOT-AT-HAND",
                Severity.WARNING,
                ruleset=chosen.ruleset.id,
                title=_called(chosen.ruleset),
            )
            examination.runs.append(not_run(target, chosen))
        elif not built:
            examination.runs.append(not_run(target, chosen))
        else:
            result = check_rules(target, chosen)
            if not chosen.decides:
                result = replace(result, withheld={})
            examination.take(result)


def _called(ruleset: Ruleset) -> str:
    """Name a rule set for people: its releases share one title."""
    return f"{ruleset.title} {ruleset.version}".strip()


def _check_structure(target: Target, examination: _Examination) -> bool:
    """Apply the schema, and tell whether the document is built well enough for the rules."""
    document = examination.document
    schema = examination.registry.schemas_for(document.syntax, document.customization)
    if schema is None:
        examination.complete = False
        return True
    if not target.artefacts.schema_available(schema):
        examination.complete = False
        examination.note("RULES-NOT-AT-HAND", Severity.WARNING, ruleset=XSD, title=schema.title)
        return True
    result = check_schema(target, schema)
    examination.take(result)
    return result.run.verdict is RunVerdict.VALID


def _plan_by_name(
    recognised: Recognised, named: tuple[Ruleset, ...], examination: _Examination
) -> Plan:
    """Take the rule sets asked for, less those made for another kind of document."""
    document = recognised.document
    fitting = tuple(item for item in named if document.syntax in item.syntax)
    for item in named:
        if item not in fitting:
            examination.complete = False
            examination.note(
                "RULES-NOT-APPLICABLE",
                Severity.FATAL,
                ruleset=item.id,
                title=_called(item),
                root=document.root or "",
            )
    chosen = tuple(Chosen(item, item.severity) for item in fitting)
    return Plan(chosen, complete=examination.complete)


def _plan_by_document(target: Target, recognised: Recognised, examination: _Examination) -> Plan:
    """Choose by what the document says it is, noting when no rules or not all are known."""
    document, options = recognised.document, examination.options
    plan = examination.registry.plan(
        target.tree.root,
        syntax=document.syntax,
        customization=document.customization,
        day=options.as_of,
    )
    if plan is None:
        examination.complete = False
        _note_unknown(recognised, examination)
        return Plan((), complete=False)
    # What another release says is not what the rules of the day say.
    examination.complete = plan.complete and not plan.outside_dates
    if not plan.complete:
        examination.note(
            "RULES-PARTIAL",
            Severity.WARNING,
            value=document.customization,
            customization=document.customization or "",
        )
    for code in plan.notices:
        profile = document.profile or ""
        examination.note(code, Severity.WARNING, value=document.profile, profile=profile)
    for item in plan.outside_dates:
        examination.note(
            "RULES-OUTSIDE-DATES",
            Severity.WARNING,
            ruleset=item.id,
            title=_called(item),
            day=options.as_of.isoformat(),
        )
    return plan


def _note_unknown(recognised: Recognised, examination: _Examination) -> None:
    document, registry = recognised.document, examination.registry
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
        root=document.root or "",
        title=recognised.title or "",
        customization=document.customization or "",
    )


def _placed(tree: Tree | None, drafts: list[Draft]) -> list[Finding]:
    """Fill in line, column and excerpt of the findings that have a place in the tree."""
    if tree is None:
        return [draft.finding for draft in drafts]
    spots = tree.spots(draft.place.element for draft in drafts if draft.place)
    return [_with_spot(draft, spots) for draft in drafts]


def _with_spot(draft: Draft, spots: Mapping[etree._Element, Spot]) -> Finding:
    if draft.place is None:
        return draft.finding
    spot = spots[draft.place.element]
    return replace(draft.finding, line=spot.line, column=spot.column, excerpt=spot.excerpt)
