"""A report as plain text, for a terminal or the detail of an error answer. Pure."""

from collections.abc import Iterator

from schematron.report.view import ReportView, RuleView
from schematron.report.words import label, printable

__all__ = ["render_text"]


def render_text(view: ReportView, *, rules: int = 20) -> str:
    """Write a report in a few lines, the gravest findings first and at most ``rules`` of them.

    Characters that steer a terminal are replaced.
    """
    return "".join(f"{printable(line)}\n" for line in _lines(view, rules))


def _lines(view: ReportView, limit: int) -> Iterator[str]:
    name = f"{view.file}: " if view.file else ""
    yield f"{name}{view.headline}. {_say(view, 'COUNTED', fatal=view.fatal, warning=view.warnings)}"
    ran = ", ".join(f"{run.id} ({run.verdict_label})" for run in view.rulesets)
    taken = label("CONTAINER", lang=view.lang)
    yield from (f"  {one.label}: {one.text}" for one in view.facts if one.label == taken)
    yield f"  {_say(view, 'RAN', rules=ran) if ran else view.labels['no_rules']}"
    found = [rule for severity in view.groups for group in severity.groups for rule in group.rules]
    for rule in found[:limit]:
        yield from _rule(rule, view)
    if len(found) > limit:
        yield f"  {_say(view, 'MORE', count=len(found) - limit)}"
    for other in view.others:
        yield f"  {other.sentence}"
        for rule in other.rules[:limit]:
            yield f"    {_weight(rule)}: {rule.message}"
    for sentence in view.unchecked:
        yield f"  {_say(view, 'NOT-CHECKED', what=sentence)}"


def _rule(rule: RuleView, view: ReportView) -> Iterator[str]:
    yield f"  {_weight(rule)}: {rule.message}"
    if rule.official_only:
        yield f"    ({view.labels['official_only']})"
    for place in rule.places:
        value = f"{view.labels['value']} '{place.value}'" if place.value else ""
        parts = [part for part in (place.where, place.location, value) if part]
        if parts:
            yield f"    {', '.join(parts)}"
        yield from (f"    {said}" for said in (place.figures, place.parts) if said)
    if rule.more:
        yield f"    {rule.more_label}"
    if rule.hint:
        yield f"    {view.labels['hint']} {rule.hint}"


def _weight(rule: RuleView) -> str:
    """Name a rule with its severity; one without an id by its rule set."""
    return f"{rule.severity_label} {rule.rule or rule.ruleset_title}"


def _say(view: ReportView, name: str, **values: object) -> str:
    return label(name, lang=view.lang, **values)
