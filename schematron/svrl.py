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
from schematron.finding import Severity
from ubl.safexml import XmlRefused, parse

__all__ = ["Assertion", "SvrlResult", "lean", "read", "terms_in"]

_SVRL: Final = "{http://purl.oclc.org/dsdl/svrl}"
_FIRED: Final = (f"{_SVRL}failed-assert", f"{_SVRL}successful-report")
_XSL: Final = "{http://www.w3.org/1999/XSL/Transform}"
_LOCATION_MODE: Final = "schematron-select-full-path"
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


def lean(stylesheet: bytes) -> bytes:
    """Make a published stylesheet write reports whose size and cost stay in bounds.

    The text of a failed test is left out: code lists make it 10 kB per finding. Locations come
    from ``fn:path``: the usual template counts all preceding siblings again for every finding,
    which is quadratic in invoice lines. Tests, ids, flags, messages and the places meant stay as
    published. Raises XmlRefused if this is no XML.
    """
    root = parse(stylesheet)
    for element in root.iter(*_FIRED):
        if "test" in element.attrib:
            del element.attrib["test"]
    for template in root.findall(f"{_XSL}template[@match='*'][@mode='{_LOCATION_MODE}']"):
        for child in list(template):
            template.remove(child)
        template.text = None
        etree.SubElement(template, f"{_XSL}value-of", {"select": "path(.)"})
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def read(svrl: bytes, *, overrides: Mapping[str, Severity] | None = None) -> SvrlResult:
    """Read a report; ``overrides`` gives rules another severity than the rule set does.

    A missing or unknown flag counts as fatal. Raises EngineFailed if this is no SVRL.
    """
    try:
        root = parse(svrl)
    except XmlRefused as error:
        raise EngineFailed(f"The rules gave no readable report: {error.message}") from None
    if root.tag != f"{_SVRL}schematron-output":
        raise EngineFailed("The rules gave something else than a validation report.")
    assertions: list[Assertion] = []
    fired: Counter[tuple[str, Severity]] = Counter()
    kept: Counter[str] = Counter()
    for element in root.iter(*_FIRED):
        rule = element.get("id") or "no-id"
        severity = (overrides or {}).get(rule) or _severity(element)
        fired[rule, severity] += 1
        kept[rule] += 1
        if kept[rule] <= MAX_PER_RULE:
            text = _text(element)
            assertions.append(Assertion(rule, severity, element.get("location", ""), text))
    return SvrlResult(tuple(assertions), fired)


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
