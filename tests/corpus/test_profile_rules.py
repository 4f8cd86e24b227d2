"""Whole invoices of the corpus written for every profile: its official rules find no fault.

A profile that holds less leaves things out, and says so; what is left must still follow its rules.
The few that cannot are in profile_rules.toml with the reason; one that no longer occurs fails as
well.
"""

import json
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from schematron import registry as registries
from schematron.finding import Layer, Severity
from schematron.registry import Registry
from schematron.validate import Options, validate
from ubl.formats import FORMATS
from ubl.invoice import read_invoice, write_invoice
from ubl.safexml import parse

pytestmark = pytest.mark.corpus

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parents[2] / "shared" / "corpus"
DAY = date(2026, 11, 2)
SUITES = {
    *("cen-examples", "facturx-xml", "peppol-examples", "phive-cen", "xrechnung-testsuite"),
    "zugferd-corpus-xml",
}
SYNTAXES = {"cii-d16b", "ubl-invoice", "ubl-creditnote"}
RULES = {
    "facturx-minimum": ("facturx-minimum-1.09.2",),
    "facturx-basic-wl": ("facturx-basic-wl-1.09.2",),
    "facturx-basic": ("facturx-basic-1.09.2",),
    "facturx-en16931": ("cen-cii-1.3.16", "facturx-en16931-1.09.2"),
    "facturx-extended": ("facturx-extended-1.09.2",),
    "fr-extended-ctc-cii": ("extended-ctc-fr-cii-1.4.0.04",),
}
LISTED = {
    (format_id, rule, case)
    for entry in tomllib.loads((HERE / "profile_rules.toml").read_text("utf-8"))["difference"]
    for format_id in entry["formats"]
    for rule in entry["rules"]
    for case in entry["cases"]
}


def _cases() -> list[dict[str, Any]]:
    path = CORPUS / "index.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return [
        case
        for case in map(json.loads, lines)
        if case["suite"] in SUITES
        and case["syntax"] in SYNTAXES
        and case["expected"].get("valid")
        and case.get("xsd_valid")
        and not case.get("fragment")
    ]


@pytest.fixture(scope="module")
def registry(official_rules: Path) -> Registry:
    return registries.load(store=official_rules)


@pytest.mark.parametrize("format_id", sorted(RULES))
def test_profile(format_id: str, registry: Registry, tell: Any) -> None:
    options = Options(as_of=DAY, rules=RULES[format_id])
    tally: Counter[str] = Counter()
    found: dict[tuple[str, str, str], str] = {}
    for case in _cases():
        invoice = read_invoice(parse((CORPUS / case["file"]).read_bytes())).invoice
        # An invoice of MINIMUM or BASIC WL lacks what every other profile demands.
        if not (invoice.lines and invoice.vat_breakdown):
            continue
        written = write_invoice(invoice, FORMATS[format_id])
        report = validate(written.xml, options=options, registry=registry)
        faults = {
            finding.rule: finding.message
            for finding in report.findings
            if finding.severity is Severity.FATAL and finding.layer in (Layer.XSD, Layer.RULES)
        }
        tally["documents"] += 1
        tally["without fault"] += not faults
        tally["nothing lost"] += not _lost(written.lost)
        found |= {(format_id, rule, case["id"]): text for rule, text in faults.items()}
    if not tally:
        pytest.skip("0 documents: the corpus is not beside the checkout (../shared/corpus)")
    tell("profiles", format_id, "   ".join(f"{name} {count}" for name, count in tally.items()))
    expected = {key for key in LISTED if key[0] == format_id}
    assert {key: text for key, text in found.items() if key not in expected} == {}
    assert sorted(expected - found.keys()) == []


def _lost(lost: tuple[Any, ...]) -> list[Any]:
    return [entry for entry in lost if entry.before is not None]
