"""Every valid CII document of the corpus, and of the PDFs in it, through the model and back.

Written again it says the same, and the rule sets it was judged by fire the same rules. Through UBL
and back it says what UBL could hold. What differs is listed in round_trip_cii.toml with its
reason; a listed difference that no longer occurs fails as well.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schematron import registry as registries
from schematron.finding import Layer, Verdict
from schematron.manifest import XSD
from schematron.pdf import PdfRefused
from schematron.pdf import read as read_pdf
from schematron.pdfcheck import choose
from schematron.registry import Registry
from schematron.validate import Options, validate
from ubl.cii.reader import CII_ROOT
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
OUT_OF_SCOPE = "peppol-cii-3.0.19"


def _cases() -> dict[str, list[dict[str, Any]]]:
    suites: dict[str, list[dict[str, Any]]] = {}
    path = CORPUS / "index.jsonl"
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        case = json.loads(line)
        is_valid = case["expected"].get("valid") and case.get("xsd_valid")
        if case["syntax"] == "pdf" or (case["syntax"] == "cii-d16b" and is_valid):
            suites.setdefault(case["suite"], []).append(case)
    return suites


SUITES = _cases()


@dataclass
class Tally:
    """What one suite showed."""

    cases: int = 0
    equal: int = 0
    same_rules: int = 0
    better: int = 0
    through_ubl: int = 0
    ubl_lacks: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    differing: dict[str, str] = field(default_factory=dict)


TABLE: dict[str, Any] = tomllib.loads((HERE / "round_trip_cii.toml").read_text("utf-8"))
# Rules of form a written document does not break, whatever its source did.
FORM = {rule for entry in TABLE["form"] for rule in entry["rules"]}
LISTED = {f"{case} {entry['what']}" for entry in TABLE["difference"] for case in entry["cases"]}


@pytest.fixture(scope="session")
def registry(official_rules: Path) -> Registry:
    return registries.load(store=official_rules)


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_suite(suite: str, registry: Registry, tell: Any) -> None:
    tally = Tally()
    for case in SUITES[suite]:
        for root in _documents(case, tally):
            tally.cases += 1
            _there_and_back(case, root, registry, tally)
    tell("round trips CII", suite, _line(suite, tally))
    names = {case["id"] for case in SUITES[suite]}
    expected = {key for key in LISTED if key.split(" ")[0] in names}
    assert {key: why for key, why in tally.differing.items() if key not in expected} == {}
    assert sorted(expected - tally.differing.keys()) == []


def _documents(case: dict[str, Any], tally: Tally) -> Iterator[etree._Element]:
    """Yield the CII of a case: the file itself, or what a PDF carries, or why there is none."""
    data = (CORPUS / case["file"]).read_bytes()
    if case["syntax"] != "pdf":
        yield parse(data)
        return
    try:
        attachment, _ = choose(read_pdf(data))
    except PdfRefused as refusal:
        tally.refused[refusal.code] += 1
        return
    if attachment is None:
        tally.refused["PDF-NO-INVOICE"] += 1
        return
    root = parse(attachment.data)
    if str(root.tag) == CII_ROOT:
        yield root
    else:
        tally.refused[etree.QName(root).localname] += 1


def _there_and_back(
    case: dict[str, Any], root: etree._Element, registry: Registry, tally: Tally
) -> None:
    invoice = read_invoice(root).invoice
    written = etree.tostring(write_cii(invoice), xml_declaration=True, encoding="UTF-8")
    again = read_invoice(parse(written))
    if again.invoice == invoice and again.unread == ():
        tally.equal += 1
    else:
        found = differences(invoice, again.invoice)
        tally.differing[f"{case['id']} values"] = ", ".join(entry.path for entry in found)
    source = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    rules = [name for name in case["rulesets"] if name not in (XSD, OUT_OF_SCOPE)]
    before, after = (_fired(data, rules, registry) for data in (source, written))
    if before - FORM == after - FORM and after & FORM <= before:
        tally.same_rules += 1
        tally.better += before != after
    else:
        tally.differing[f"{case['id']} rules"] = (
            f"no longer {sorted(before - after)}, now also {sorted(after - before)}"
        )
    _through_ubl(case, invoice, tally)


def _fired(data: bytes, rules: list[str], registry: Registry) -> set[str]:
    """The rules that fire; that the run came to no verdict stands for a rule of its own."""
    if not rules:
        return set()
    report = validate(data, options=Options(as_of=DAY, rules=tuple(rules)), registry=registry)
    judged = (Layer.XSD, Layer.RULES)
    fired = {finding.rule for finding in report.findings if finding.layer in judged}
    return fired | ({"engine-error"} if report.verdict is Verdict.ENGINE_ERROR else set())


def _through_ubl(case: dict[str, Any], invoice: Invoice, tally: Tally) -> None:
    """What UBL holds of the invoice comes back from CII unchanged; what it lacks is counted."""
    in_ubl = read_invoice(parse(etree.tostring(write_ubl(invoice)))).invoice
    back = read_invoice(parse(etree.tostring(write_cii(in_ubl)))).invoice
    lacking = {entry.path.split("[")[0].split(".")[0] for entry in differences(invoice, in_ubl)}
    tally.ubl_lacks.update(lacking)
    found = differences(replace(in_ubl, kind=back.kind), back)
    if not found:
        tally.through_ubl += 1
    else:
        tally.differing[f"{case['id']} ubl"] = ", ".join(
            f"{entry.path}: {entry.before} -> {entry.after}" for entry in found
        )


def _line(suite: str, tally: Tally) -> str:
    refused = ", ".join(f"{why} {count}" for why, count in sorted(tally.refused.items()))
    lacks = ", ".join(f"{name} {count}" for name, count in tally.ubl_lacks.most_common(4))
    return (
        f"{suite:22} {tally.cases:3} documents   equal {tally.equal:3}   same rules "
        f"{tally.same_rules:3} (form mended {tally.better:2})   "
        f"through UBL {tally.through_ubl:3}   UBL lacks: {lacks or '-'}   "
        f"no CII: {refused or '-'}"
    )
