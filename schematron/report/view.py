"""A report laid out for people: the one view that text, HTML, PDF and the console show.

Pure: the report's JSON object and a language in, words in their order out. Findings of one rule
stand together with all their places, the gravest first, by business group. What releases say
that do not decide stands apart, and what was not checked is said in so many words.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schematron.finding import NAMELESS, Authority
from schematron.report.words import (
    Sentence,
    amount,
    day,
    figures_said,
    label,
    moment,
    number,
    reword,
    unfinished,
)
from schematron.terms import group_name, term_name
from schematron.texts.titles import title_in

__all__ = [
    "Fact",
    "FindingGroup",
    "OtherRelease",
    "PlaceView",
    "ReportView",
    "RuleView",
    "RulesetView",
    "SeverityView",
    "report_view",
]

_SEVERITIES: Final = ("fatal", "warning", "information")
_LAYERS: Final = ("input", "pdf", "xsd", "rules")
_REPEATED: Final = "RULES-REPEATED"
_OMITTED: Final = "RULES-NOT-CHECKED"
_POSITION: Final = re.compile(r"\[\d+\]$")
_NUMBERS: Final = re.compile(r"\d+")
PLACES: Final = 25
_NAMED: Final = 3

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what stands behind it; ``code`` marks identifiers, shown in fixed width."""

    label: str
    text: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class PlaceView:
    """One place where a rule is broken; ``where`` words line and column, empty if unknown.

    ``figures`` says what an amount is and what it should be, ``parts`` what that is the sum of.
    """

    where: str
    location: str
    value: str
    excerpt: str
    figures: str = ""
    parts: str = ""


@dataclass(frozen=True, slots=True)
class RuleView:
    """One broken rule with its places.

    ``more`` counts the places that are not listed and ``more_label`` says so (empty for none).
    ``rule`` is empty for a rule to which its publisher gave no id.
    ``official`` is the publisher's sentence beside ours; with ``official_only`` it is the
    message itself, because there is no text of ours. ``terms`` are business terms with their names.
    """

    rule: str
    severity: str
    severity_label: str
    layer: str
    ruleset: str
    ruleset_title: str
    message: str
    hint: str
    official: str
    official_only: bool
    terms: tuple[str, ...]
    places: tuple[PlaceView, ...]
    more: int
    more_label: str


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """The broken rules about one business group (``BG-4``), or of one layer before the rules."""

    id: str
    title: str
    rules: tuple[RuleView, ...]


@dataclass(frozen=True, slots=True)
class SeverityView:
    """All findings of one severity, by group."""

    severity: str
    title: str
    groups: tuple[FindingGroup, ...]


@dataclass(frozen=True, slots=True)
class RulesetView:
    """One rule set that was applied: whose it is, its release and how it ended.

    ``verdict`` and ``authority`` are the report's own words for programs, the others are for
    people. ``decides`` is False for a release that was run beside the one in force.
    """

    id: str
    title: str
    verdict: str
    verdict_label: str
    authority: str
    basis: str
    newer: str
    facts: tuple[Fact, ...]
    decides: bool


@dataclass(frozen=True, slots=True)
class OtherRelease:
    """What a release that does not decide says, and the rules broken only there."""

    ruleset: RulesetView
    sentence: str
    validity: str
    rules: tuple[RuleView, ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report in one language. Empty texts and tuples are what does not apply.

    ``name`` is that of the file without its folders. ``rulesets`` are those that decided;
    ``unchecked`` says what of the examination is missing, ``caution`` what no examination of
    this kind can tell. ``labels`` holds the headings, by name in lower case.
    """

    lang: str
    verdict: str
    valid: bool
    headline: str
    said: str
    file: str
    name: str
    sha256: str
    document: Json
    facts: tuple[Fact, ...]
    fatal: int
    warnings: int
    notes: int
    rulesets: tuple[RulesetView, ...]
    groups: tuple[SeverityView, ...]
    others: tuple[OtherRelease, ...]
    unchecked: tuple[str, ...]
    caution: str
    elapsed_ms: int
    labels: Mapping[str, str]


_BASES: Final = {
    Authority.OFFICIAL: "OFFICIAL",
    Authority.REIMPLEMENTATION: "REIMPLEMENTATION",
    Authority.OPERATOR: "OPERATOR",
}
_LABELS: Final = (
    "TITLE",
    "IDENTITY",
    "RULES",
    "NO-RULES",
    "FINDINGS",
    "NO-FINDINGS",
    "OTHER-RELEASES",
    "UNCHECKED",
    "COUNT-FATAL",
    "COUNT-WARNING",
    "COUNT-INFORMATION",
    "VALUE",
    "HINT",
    "OFFICIAL-SENTENCE",
    "OFFICIAL-ONLY",
)


def report_view(
    report: Json, *, lang: str, places: int = PLACES, checked_at: datetime | None = None
) -> ReportView:
    """Lay out the report object of ``gateway validate`` in a language.

    At most ``places`` places are listed per rule. ``checked_at`` (timezone-aware) is when the
    check was made, where the caller keeps that. Reports of earlier versions, with fewer keys,
    are shown as far as they go. Raises KeyError for a language without texts.
    """
    runs = [_ruleset(run, lang=lang) for run in report["rulesets"]]
    titles = {run.id: run.title for run in runs}
    aside = {run.id for run in runs if not run.decides}
    findings = report["findings"]
    deciding = [finding for finding in findings if finding.get("ruleset") not in aside]
    folded = _rules(deciding, titles, places=places, lang=lang)
    counts = report["counts"]
    return ReportView(
        lang=lang,
        verdict=report["verdict"],
        valid=report["valid"],
        headline=label(report["verdict"].upper(), lang=lang),
        said=label(f"SAID-{report['verdict'].upper()}", lang=lang),
        file=report.get("file") or "",
        name=(report.get("file") or "").rpartition("/")[2],
        sha256=report["sha256"],
        document=report.get("document") or {},
        facts=_facts(report, checked_at, lang=lang),
        fatal=counts["fatal"],
        warnings=counts["warning"],
        notes=sum(rule.severity == "information" for rule, _ in folded),
        rulesets=tuple(run for run in runs if run.decides),
        groups=_severities(folded, lang=lang),
        others=_others(report, runs, titles, places=places, lang=lang),
        unchecked=_unchecked(report, titles, lang=lang),
        caution=label("UNCHECKED-FACTS", lang=lang),
        elapsed_ms=round(report["elapsed_ms"]),
        labels={name.lower().replace("-", "_"): label(name, lang=lang) for name in _LABELS},
    )


def _facts(report: Json, checked_at: datetime | None, *, lang: str) -> tuple[Fact, ...]:
    """Say which document this is: what it calls itself, how it came, when it was judged."""
    document = report.get("document") or {}
    containers = report.get("containers") or ()
    wrapped = " › ".join(_container(one, lang=lang) for one in containers)
    kind = document.get("title") or document.get("root") or ""
    facts = (
        ("FILE", report.get("file"), False),
        ("KIND", title_in(kind, lang=lang), False),
        ("NUMBER", document.get("id"), False),
        ("ISSUED", day(document.get("issue_date"), lang=lang), False),
        ("SENDER", document.get("sender"), False),
        ("CONTAINER", wrapped, False),
        ("SPECIFICATION", document.get("customization"), True),
        ("PROCESS", document.get("profile"), True),
        ("AS-OF", day(report.get("as_of"), lang=lang), False),
        ("CHECKED", moment(checked_at, lang=lang) if checked_at else "", False),
        ("FINGERPRINT", report["sha256"], True),
    )
    return tuple(Fact(label(name, lang=lang), text, code) for name, text, code in facts if text)


def _container(container: Json, *, lang: str) -> str:
    title, part = title_in(container["title"], lang=lang), container.get("part")
    return f"{title} ({part})" if part else title


def _ruleset(run: Json, *, lang: str) -> RulesetView:
    facts = (
        ("PUBLISHER", run.get("publisher"), False),
        ("RELEASE", run.get("version"), False),
        ("VALIDITY", _validity(run, lang=lang), False),
        ("ORIGIN", run.get("source"), True),
        ("PROVEN", run.get("proven_equal"), False),
        ("ENGINE", run.get("engine"), False),
    )
    shown = [Fact(label(name, lang=lang), text, code) for name, text, code in facts if text]
    if run.get("sha256"):
        shown.append(Fact("SHA-256", run["sha256"], code=True))
    newer = run.get("newer")
    return RulesetView(
        id=run["id"],
        title=title_in(run.get("title") or run["id"], lang=lang),
        verdict=run["verdict"],
        verdict_label=label(f"RUN-{run['verdict'].upper()}", lang=lang),
        authority=run["authority"],
        basis=label(_BASES[run["authority"]], lang=lang),
        newer=label("NEWER", lang=lang, newer=newer) if newer else "",
        facts=tuple(shown),
        decides=run.get("decides", True),
    )


def _validity(run: Json, *, lang: str) -> str:
    begin, end = (day(run.get(name), lang=lang) for name in ("valid_from", "valid_until"))
    if begin and end:
        return label("FROM-UNTIL", lang=lang, begin=begin, end=end)
    if begin:
        return label("FROM", lang=lang, begin=begin)
    return label("UNTIL", lang=lang, end=end) if end else ""


def _rules(
    findings: Sequence[Json], titles: Mapping[str, str], *, places: int, lang: str
) -> list[tuple[RuleView, str]]:
    """Fold findings of one rule and one sentence; each with the group it belongs to."""
    together: dict[tuple[str, str, str, str], list[Json]] = {}
    sentences: dict[tuple[str, str, str, str], Sentence] = {}
    withheld = _withheld(findings)
    for finding in findings:
        if finding["rule"] == _OMITTED or _is_count(finding):
            continue  # said under what was not checked, and beside the places of the rule
        sentence = reword(finding, lang=lang)
        ruleset: str = finding.get("ruleset") or ""
        key = (ruleset, finding["rule"], finding["severity"], sentence.message)
        together.setdefault(key, []).append(finding)
        sentences.setdefault(key, sentence)
    folded = []
    for key, found in together.items():
        first, sentence = found[0], sentences[key]
        more = len(found[places:]) + withheld.pop((key[0], key[1]), 0)
        rule = RuleView(
            rule="" if first["rule"] == NAMELESS else first["rule"],
            severity=first["severity"],
            severity_label=label(first["severity"].upper(), lang=lang),
            layer=first["layer"],
            ruleset=key[0],
            ruleset_title=titles.get(key[0], key[0]),
            message=sentence.message,
            hint=sentence.hint or "",
            official=sentence.official or "",
            official_only=sentence.official_only,
            terms=_terms(first.get("terms") or (), lang=lang),
            places=tuple(_place(one, lang=lang) for one in found[:places]),
            more=more,
            more_label=label("MORE-PLACES", lang=lang, count=number(more, lang=lang))
            if more
            else "",
        )
        folded.append((rule, _group_of(first)))
    return folded


def _terms(terms: Sequence[str], *, lang: str) -> tuple[str, ...]:
    """Name the terms, unless there are so many that the names would bury the message."""
    if len(terms) > _NAMED:
        return tuple(terms)
    return tuple(_named(term, lang=lang) for term in terms)


def _withheld(findings: Iterable[Json]) -> dict[tuple[str, str], int]:
    """Count, by rule set and rule, the findings that the engine capped."""
    return {
        (finding.get("ruleset") or "", finding["words"]["rule"]): int(finding["words"]["count"])
        for finding in findings
        if _is_count(finding)
    }


def _is_count(finding: Json) -> bool:
    """Tell whether this says how often a rule fired beyond those listed."""
    words = finding.get("words") or {}
    return finding["rule"] == _REPEATED and {"rule", "count"} <= words.keys()


def _place(finding: Json, *, lang: str) -> PlaceView:
    line, column = finding.get("line"), finding.get("column")
    where = ""
    if line and column:
        where = label("PLACE", lang=lang, line=line, column=column)
    elif line:
        where = label("LINE", lang=lang, line=line)
    location = finding.get("location") or ""
    excerpt = (finding.get("excerpt") or "").strip()
    element = _POSITION.sub("", location.rpartition("/")[2])
    if location.count("/") == 1 or excerpt == f"<{element}>":
        excerpt = ""  # no more than the location says
    return PlaceView(
        where=where,
        location=location,
        value=(finding.get("value") or "").strip(),
        excerpt=excerpt,
        figures=figures_said(finding, lang=lang),
        parts=_parts(finding.get("figures") or {}, lang=lang),
    )


def _parts(figures: Json, *, lang: str) -> str:
    """List what a sum is made of, each term named once."""
    listed: dict[str, list[str]] = {}
    for part in figures.get("parts") or ():
        text = amount(part["amount"], figures["currency"], lang=lang)
        shown = f"{part['name']}: {text}" if part["name"] else text
        listed.setdefault(part["term"], []).append(shown)
    said = [f"{_named(term, lang=lang)} {' · '.join(texts)}" for term, texts in listed.items()]
    if figures.get("more"):
        said.append(label("MORE-PARTS", lang=lang, count=number(figures["more"], lang=lang)))
    return label("PARTS", lang=lang, parts="; ".join(said)) if said else ""


def _named(term: str, *, lang: str) -> str:
    name = term_name(term, lang=lang)
    return term if name == term else f"{term} {name}"


def _group_of(finding: Json) -> str:
    return finding.get("group") or "" if finding["layer"] == "rules" else finding["layer"]


def _severities(folded: Sequence[tuple[RuleView, str]], *, lang: str) -> tuple[SeverityView, ...]:
    shown = []
    for severity in _SEVERITIES:
        groups: dict[str, list[RuleView]] = {}
        for rule, group in folded:
            if rule.severity == severity:
                groups.setdefault(group, []).append(rule)
        if groups:
            ordered = sorted(groups, key=_rank)
            views = (FindingGroup(id, _title(id, lang=lang), tuple(groups[id])) for id in ordered)
            heading = label(f"HEAD-{severity.upper()}", lang=lang)
            shown.append(SeverityView(severity, heading, tuple(views)))
    return tuple(shown)


def _rank(group: str) -> tuple[int, list[int]]:
    """Order groups as the examination and the standard do: layers, the whole, BG-1, BG-2, …"""
    layer = _LAYERS.index(group) if group in _LAYERS else len(_LAYERS)
    return layer, [int(digits) for digits in _NUMBERS.findall(group)]


def _title(group: str, *, lang: str) -> str:
    if group in _LAYERS:
        return label(f"LAYER-{group.upper()}", lang=lang)
    return group_name(group or None, lang=lang)


def _others(
    report: Json, runs: Sequence[RulesetView], titles: Mapping[str, str], *, places: int, lang: str
) -> tuple[OtherRelease, ...]:
    """Say what the releases beside those in force say, without what is broken today as well."""
    aside = {run.id for run in runs if not run.decides}
    today = {_identity(one) for one in report["findings"] if one.get("ruleset") not in aside}
    shown = []
    for run, raw in zip(runs, report["rulesets"], strict=True):
        if run.decides:
            continue
        own = [one for one in report["findings"] if one.get("ruleset") == run.id]
        fresh = [one for one in own if _identity(one) not in today]
        shown.append(
            OtherRelease(
                ruleset=run,
                sentence=label(f"OTHER-{run.verdict.upper()}", lang=lang, title=run.title),
                validity=_validity(raw, lang=lang),
                rules=tuple(rule for rule, _ in _rules(fresh, titles, places=places, lang=lang)),
            )
        )
    return tuple(shown)


def _identity(finding: Json) -> tuple[Any, ...]:
    return finding["rule"], finding["severity"], finding.get("location")


def _unchecked(report: Json, titles: Mapping[str, str], *, lang: str) -> tuple[str, ...]:
    said = []
    for run in report["rulesets"]:
        title = titles[run["id"]]
        if run["verdict"] in ("not-run", "engine-error"):
            said.append(unfinished(run, report["findings"], lang=lang))
        if run.get("not_checked"):
            names = ", ".join(run["not_checked"])
            said.append(label("UNCHECKED-OMITTED", lang=lang, title=title, rules=names))
    if report["verdict"] in ("undetermined", "unreadable"):
        said.append(label(f"UNCHECKED-{report['verdict'].upper()}", lang=lang))
    if any(one["kind"] == "pdf" for one in report.get("containers") or ()):
        said.append(label("UNCHECKED-PDF", lang=lang))
    return tuple(said)
