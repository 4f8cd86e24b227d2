"""A report as SVRL (ISO/IEC 19757-3:2016, annex D), for tools that read nothing else.

One active pattern per rule set. The tests themselves are not repeated: ``test`` names the rule.
What SVRL has no word for is a property: line, column, value, business term. A rule set that
stopped before its end carries a failed assertion of its own (``ENGINE-FAILED``, role
``engine-error``): to a reader of SVRL silence would mean a pass.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lxml import etree

from schematron.location import PREFIXES
from schematron.report.words import label, reword, unfinished

__all__ = ["render_svrl"]

_NAMESPACE: Final = "http://purl.oclc.org/dsdl/svrl"
_SVRL: Final = f"{{{_NAMESPACE}}}"
_EDITION: Final = "iso-2016"
_PROPERTIES: Final = ("line", "column", "value")
_DOCUMENT: Final = "/*"
_GENERAL: Final = "document"
_NOT_NAMING: Final = re.compile(r"[^A-Za-z0-9._-]")

Json = Mapping[str, Any]


def render_svrl(report: Json, *, lang: str) -> bytes:
    """Give the report object as an SVRL document in UTF-8, sentences in a language.

    Findings that belong to no rule set (reading, recognition) stand under the pattern
    ``document``. Releases that do not decide are left out: SVRL cannot say that a failed
    assertion does not count. Raises KeyError for a language without texts.
    """
    root = etree.Element(
        f"{_SVRL}schematron-output",
        {"title": label("TITLE", lang=lang), "schemaVersion": _EDITION},
        nsmap={"svrl": _NAMESPACE},
    )
    _text(root, " ".join(_statement(report, lang=lang)))
    for prefix, uri in PREFIXES.items():
        etree.SubElement(
            root, f"{_SVRL}ns-prefix-in-attribute-values", {"prefix": prefix, "uri": uri}
        )
    findings = report["findings"]
    runs = [run for run in report["rulesets"] if run.get("decides", True)]
    known = {run["id"] for run in report["rulesets"]}
    _pattern(root, _GENERAL, label("IDENTITY", lang=lang), role=report["verdict"])
    _assertions(root, (one for one in findings if one.get("ruleset") not in known), lang=lang)
    for run in runs:
        _pattern(root, run["id"], run.get("title") or run["id"], role=run["verdict"])
        own = [one for one in findings if one.get("ruleset") == run["id"]]
        if run["verdict"] in ("engine-error", "not-run"):
            _unfinished(root, run, findings, lang=lang)
        _assertions(root, own, lang=lang)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _statement(report: Json, *, lang: str) -> Iterable[str]:
    name = report["verdict"].upper()
    yield f"{label(name, lang=lang)}. {label(f'SAID-{name}', lang=lang)}"
    if report.get("file"):
        yield f"{label('FILE', lang=lang)}: {report['file']}."
    yield f"SHA-256: {report['sha256']}."


def _pattern(root: etree._Element, id: str, name: str, *, role: str) -> None:
    attributes = {"id": _token(id), "name": _legal(name), "role": role}
    etree.SubElement(root, f"{_SVRL}active-pattern", attributes)
    etree.SubElement(root, f"{_SVRL}fired-rule", {"context": _DOCUMENT})


def _assertions(root: etree._Element, findings: Iterable[Json], *, lang: str) -> None:
    for finding in findings:
        sentence = reword(finding, lang=lang)
        failed = _failed(root, finding["rule"], finding.get("location"), finding["severity"])
        for name, text in (("hint", sentence.hint), ("official", sentence.official)):
            if text:
                _text(_child(failed, "diagnostic-reference", {"diagnostic": name}), text)
        for name in _PROPERTIES:
            if finding.get(name):
                _property(failed, name, str(finding[name]))
        for term in finding.get("terms") or ():
            _property(failed, "term", term)
        _text(failed, sentence.message)


def _unfinished(root: etree._Element, run: Json, findings: Iterable[Json], *, lang: str) -> None:
    """Say as a failed assertion that these rules were not all applied."""
    verdict = run["verdict"]
    failed = _failed(root, verdict.upper(), None, "fatal")
    failed.set("role", verdict)
    _text(failed, unfinished(run, findings, lang=lang))


def _failed(root: etree._Element, rule: str, location: str | None, severity: str) -> etree._Element:
    attributes = {
        "id": _token(rule),
        "location": _legal(location or _DOCUMENT),
        "test": _legal(rule),
        "flag": severity,
    }
    return etree.SubElement(root, f"{_SVRL}failed-assert", attributes)


def _property(failed: etree._Element, name: str, text: str) -> None:
    _text(_child(failed, "property-reference", {"property": name}), text)


def _child(parent: etree._Element, name: str, attributes: Mapping[str, str]) -> etree._Element:
    return etree.SubElement(parent, f"{_SVRL}{name}", dict(attributes))


def _text(parent: etree._Element, text: str) -> None:
    etree.SubElement(parent, f"{_SVRL}text").text = _legal(text)


def _token(name: str) -> str:
    """Make an identifier a name that XML allows as an ID; rule ids nearly always are."""
    kept = _NOT_NAMING.sub("_", name)
    return kept if kept[:1].isalpha() or kept[:1] == "_" else f"_{kept}"


def _legal(text: str) -> str:
    """Leave out what XML 1.0 cannot carry, and what steers a terminal; keep every kind of space."""
    return "".join(
        char
        for char in text
        if char in "\t\n\r" or char.isprintable() or unicodedata.category(char) == "Zs"
    )
