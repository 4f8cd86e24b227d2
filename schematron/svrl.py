"""From an engine's SVRL to findings.

Reads Schematron Validation Report Language only. What it does not understand it counts as
fatal, and what is not a complete SVRL report it refuses.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from schematron.errors import EngineFailed
from schematron.finding import NAMELESS, Severity
from ubl.safexml import Limits, XmlRefused, parse

__all__ = ["CEILING", "Assertion", "SvrlResult", "read", "terms_in"]

_SVRL: Final = "{http://purl.oclc.org/dsdl/svrl}"
_FIRED: Final = (f"{_SVRL}failed-assert", f"{_SVRL}successful-report")
CEILING: Final = "*"
"""The id under which overrides name the most that any rule not named itself may weigh."""

MAX_PER_RULE: Final = 100
MAX_TEXT: Final = 1000
_TERM: Final = re.compile(r"\bB[TG]-\d+(?:-\d+)?\b")
_RULE_PREFIX: Final = re.compile(r"^\s*\[[^\]]+\]\s*[-–:]?\s*")

_SEVERITIES: Final[Mapping[str, Severity]] = {
    "fatal": Severity.FATAL,
    "error": Severity.FATAL,
    "warning": Severity.WARNING,
    "warn": Severity.WARNING,
    "information": Severity.INFORMATION,
    "info": Severity.INFORMATION,
}


_ORDER: Final = (Severity.FATAL, Severity.WARNING, Severity.INFORMATION)
# What our own engine wrote about one document: large where a document of many lines is all wrong.
_LIMITS: Final = Limits(
    max_bytes=256 * 1024 * 1024, max_markup=20_000_000, max_attributes=20_000_000
)


@dataclass(frozen=True, slots=True)
class Assertion:
    """One failed assertion (or successful report) as the rule set worded and placed it."""

    rule: str
    severity: Severity
    location: str
    text: str


@dataclass(frozen=True, slots=True)
class SvrlResult:
    """Assertions in report order, at most 100 per rule, and how often each rule fired in all."""

    assertions: tuple[Assertion, ...]
    fired: Mapping[tuple[str, Severity], int]

    @property
    def withheld(self) -> dict[str, int]:
        """Count, per rule, the assertions beyond the cap."""
        totals: Counter[str] = Counter()
        for (rule, _), count in self.fired.items():
            totals[rule] += count
        return {rule: n - MAX_PER_RULE for rule, n in totals.items() if n > MAX_PER_RULE}


def read(svrl: bytes, *, overrides: Mapping[str, Severity] | None = None) -> SvrlResult:
    """Read a report; ``overrides`` gives rules another severity than the rule set does.

    A missing or unknown flag counts as fatal; the override under CEILING lowers what weighs more.
    Raises EngineFailed if this is no SVRL, tells of an error, or of not one pattern applied.
    """
    try:
        root = parse(svrl, _LIMITS)
    except XmlRefused as error:
        raise EngineFailed(f"The rules gave no readable report: {error.message}") from None
    if root.tag != f"{_SVRL}schematron-output":
        raise EngineFailed("The rules gave something else than a validation report.")
    fault = root.find(f"{_SVRL}error")
    if fault is not None:
        reason = " ".join(str(fault.xpath("string()")).split())[:MAX_TEXT]
        raise EngineFailed(f"The rules met an error: {fault.get('code', '')} {reason}".strip())
    if root.find(f"{_SVRL}active-pattern") is None:
        raise EngineFailed("The rules say of not one pattern that it was applied.")
    weigh = _Scale(overrides or {})
    assertions: list[Assertion] = []
    fired: Counter[tuple[str, Severity]] = Counter()
    kept: Counter[str] = Counter()
    for element in root.iter(*_FIRED):
        rule = element.get("id") or NAMELESS
        severity = weigh(rule, element)
        fired[rule, severity] += 1
        kept[rule] += 1
        if kept[rule] <= MAX_PER_RULE:
            text = _text(element)
            assertions.append(Assertion(rule, severity, element.get("location", ""), text))
    return SvrlResult(tuple(assertions), fired)


class _Scale:
    """What a failed rule weighs, the overrides considered."""

    def __init__(self, overrides: Mapping[str, Severity]) -> None:
        self._own = overrides
        self._ceiling = overrides.get(CEILING)

    def __call__(self, rule: str, element: etree._Element) -> Severity:
        if rule in self._own:
            return self._own[rule]
        said = _severity(element)
        if self._ceiling is not None and _ORDER.index(said) < _ORDER.index(self._ceiling):
            return self._ceiling
        return said


def _severity(element: etree._Element) -> Severity:
    flag = element.get("flag") or element.get("role") or ""
    return _SEVERITIES.get(flag.strip().lower(), Severity.FATAL)


def _text(element: etree._Element) -> str:
    text = element.find(f"{_SVRL}text")
    words = " ".join(str(text.xpath("string()")).split()) if text is not None else ""
    words = _RULE_PREFIX.sub("", words)
    return words if len(words) <= MAX_TEXT else words[: MAX_TEXT - 1] + "…"


def terms_in(text: str) -> tuple[str, ...]:
    """List the EN 16931 business terms a text speaks of, each once, in order."""
    return tuple(dict.fromkeys(_TERM.findall(text)))
