"""Every valid UBL document of the corpus, written again by our writer: nothing is lost on the way.

Each document is read, written and read again: the two readings are equal, the written document
fits the schema, and under every rule set the document was judged by exactly the same rules fire,
as often. Then it goes the long way, UBL to CII to UBL. What differs and may is listed in
round_trip_ubl.toml with its reason; an entry that no longer occurs fails as well.
"""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schematron import registry as registries
from schematron.finding import Layer
from schematron.manifest import XSD
from schematron.registry import Registry
from schematron.validate import Options, validate
from ubl.cii.writer import write_cii
from ubl.differences import differences
from ubl.invoice import read_invoice
from ubl.model import Invoice
from ubl.safexml import parse
from ubl.ubl21.writer import write_ubl

pytestmark = pytest.mark.corpus

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parents[2] / "shared" / "corpus"
DAY = date(2026, 11, 2)
SYNTAXES = ("ubl-invoice", "ubl-creditnote")


def _is_valid(case: dict[str, Any]) -> bool:
    """Said to be valid, or judged by official artefacts without a fatal finding."""
    expected = case["expected"]
    if case.get("fragment") or case["syntax"] not in SYNTAXES or case.get("xsd_valid") is False:
        return False
    judged = bool(case.get("oracle")) and not case.get("fatal")
    return bool(expected.get("valid") or (judged and not expected.get("engine_error")))


def _suites() -> dict[str, list[dict[str, Any]]]:
    index = CORPUS / "index.jsonl"
    suites: dict[str, list[dict[str, Any]]] = {}
    for line in index.read_text(encoding="utf-8").splitlines() if index.is_file() else ():
        case = json.loads(line)
        if _is_valid(case):
            suites.setdefault(case["suite"], []).append(case)
    return suites


SUITES = _suites()
LISTED = tomllib.loads((HERE / "round_trip_ubl.toml").read_text(encoding="utf-8"))


@dataclass
class Tally:
    """What one suite showed."""

    equal: int = 0
    sets: int = 0
    sets_equal: int = 0
    across: int = 0
    across_listed: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def registry(official_rules: Path) -> Registry:
    return registries.load(store=official_rules)


def test_the_corpus_is_here(tell: Any) -> None:
    if not SUITES:
        tell("round trips of UBL", "none", "0 cases: the corpus is not beside the checkout")
        pytest.skip("0 cases judged: the corpus is not beside the checkout (../shared/corpus)")
    assert sum(map(len, SUITES.values())) > 250


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_suite(
    suite: str, registry: Registry, schema_valid: Callable[[bytes], bool], tell: Any
) -> None:
    tally = Tally()
    rules_listed = {case for entry in LISTED.get("rules", []) for case in entry["cases"]}
    differing: dict[str, str] = {}
    for case in SUITES[suite]:
        data = (CORPUS / case["file"]).read_bytes()
        invoice = read_invoice(parse(data)).invoice
        written = etree.tostring(write_ubl(invoice))
        again = read_invoice(parse(written))
        assert differences(invoice, again.invoice) == (), case["id"]
        assert again.unread == (), case["id"]
        assert schema_valid(written), case["id"]
        tally.equal += 1
        for name in _rule_sets(case):
            tally.sets += 1
            before, after = _fired(data, name, registry), _fired(written, name, registry)
            if before == after:
                tally.sets_equal += 1
            else:
                differing[case["id"]] = f"{name}: {before - after} no more, {after - before} new"
        _across(case["id"], invoice, tally)
    tell("round trips of UBL", suite, _line(suite, tally))
    assert {case: why for case, why in differing.items() if case not in rules_listed} == {}
    expected = {case["id"] for case in SUITES[suite]} & rules_listed
    assert sorted(expected - differing.keys()) == []


def test_every_listed_loss_occurs() -> None:
    """So that the list of what CII cannot hold stays true."""
    if not SUITES:
        pytest.skip("the corpus is not beside the checkout (../shared/corpus)")
    tally = Tally()
    for case in (case for cases in SUITES.values() for case in cases):
        invoice = read_invoice(parse((CORPUS / case["file"]).read_bytes())).invoice
        _across(case["id"], invoice, tally)
    assert {entry["path"] for entry in LISTED["across"]} == set(tally.across_listed)


def _across(case: str, invoice: Invoice, tally: Tally) -> None:
    """Go from UBL to CII and back; what differs must be listed with its reason."""
    by_way_of_cii = read_invoice(parse(etree.tostring(write_cii(invoice)))).invoice
    back = read_invoice(parse(etree.tostring(write_ubl(by_way_of_cii)))).invoice
    found = differences(invoice, back)
    tally.across += not found
    reasons = set()
    for difference in found:
        path = re.sub(r"\[\d+\]", "", difference.path)
        listed = [e["path"] for e in LISTED["across"] if re.fullmatch(e["path"], path)]
        assert listed, f"{case}: {difference}"
        reasons.add(listed[0])
    tally.across_listed.update(reasons)


def _rule_sets(case: dict[str, Any]) -> list[str]:
    names = dict.fromkeys([*case["rulesets"], *(case.get("oracle") or {})])
    return [name for name in names if name != XSD]


def _fired(data: bytes, name: str, registry: Registry) -> Counter[str]:
    report = validate(data, options=Options(as_of=DAY, rules=(name,)), registry=registry)
    return Counter(
        finding.rule
        for finding in report.findings
        if finding.layer is Layer.RULES and finding.ruleset == name
    )


def _line(suite: str, tally: Tally) -> str:
    listed = ", ".join(f"{path} {count}" for path, count in sorted(tally.across_listed.items()))
    return (
        f"{suite:26} {len(SUITES[suite]):4} cases   read-write-read equal {tally.equal:4}   "
        f"same rules {tally.sets_equal:4}/{tally.sets:<4} UBL-CII-UBL equal {tally.across:4}"
        + (f", differing {listed}" if listed else "")
    )
