"""A validation report as people read it: worst first, findings of one rule together. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["FindingGroup", "ReportView", "Rule", "report_view"]

_SEVERITIES: Final = ("fatal", "warning", "information")


@dataclass(frozen=True, slots=True)
class Rule:
    """One broken rule with every place where it was broken (``places``, finding objects)."""

    rule: str
    layer: str
    ruleset: str
    message: str
    hint: str
    terms: tuple[str, ...]
    places: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """All rules of one severity."""

    severity: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report laid out: the verdict, its numbers, the groups that are not empty."""

    verdict: str
    valid: bool
    fatal: int
    warnings: int
    sha256: str
    document: Mapping[str, Any]
    rulesets: tuple[Mapping[str, Any], ...]
    groups: tuple[FindingGroup, ...]
    elapsed_ms: int


def report_view(report: Mapping[str, Any]) -> ReportView:
    """Lay out the report object of ``gateway validate``."""
    findings = report["findings"]
    groups = (FindingGroup(severity, _rules(findings, severity)) for severity in _SEVERITIES)
    return ReportView(
        verdict=report["verdict"],
        valid=report["valid"],
        fatal=report["counts"]["fatal"],
        warnings=report["counts"]["warning"],
        sha256=report["sha256"],
        document=report.get("document") or {},
        rulesets=tuple(report["rulesets"]),
        groups=tuple(group for group in groups if group.rules),
        elapsed_ms=round(report["elapsed_ms"]),
    )


def _rules(findings: list[Mapping[str, Any]], severity: str) -> tuple[Rule, ...]:
    together: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for finding in findings:
        if finding["severity"] == severity:
            together.setdefault((finding["rule"], finding["message"]), []).append(finding)
    return tuple(
        Rule(
            rule=rule,
            layer=places[0]["layer"],
            ruleset=places[0].get("ruleset") or "",
            message=message,
            hint=places[0].get("hint") or "",
            terms=tuple(places[0].get("terms") or ()),
            places=tuple(places),
        )
        for (rule, message), places in together.items()
    )
