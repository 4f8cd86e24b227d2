"""The amounts behind broken rules: from the document, at the right place, or not at all."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.validation.figures import reckon
from schematron.finding import Report
from schematron.registry import load
from schematron.report.formats import ReportFormat, render
from schematron.texts import LANGUAGES
from schematron.validate import Options, validate
from ubl.amounts import Amount
from ubl.formats import FORMATS
from ubl.invoice import write_invoice
from ubl.model import (
    AllowanceCharge,
    DocumentKind,
    Invoice,
    InvoiceLine,
    LineVat,
    Price,
    Quantity,
)
from ubl.safexml import parse
from ubl.totals import complete

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
AT = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
MUTANTS = ("mut-cen-ubl-inv", "mut-cen-cii", "mut-peppol-ubl", "mut-ext-ctc-fr-cii")


@pytest.fixture
def check() -> Callable[[str], Report]:
    registry = load(None, None)
    options = Options(as_of=date(2026, 11, 2), rules=("cen-ubl-1.3.16", "peppol-ubl-2026.5"))
    return lambda text: validate(text.encode(), options=options, registry=registry, reckon=reckon)


@pytest.fixture
def invoice() -> str:
    """An invoice with one line, whose amounts are right."""
    eur, rate = "EUR", Decimal(21)
    line = InvoiceLine(
        identifier="1",
        quantity=Quantity(Decimal(3), "C62"),
        price=Price(net=Amount(Decimal("33.50"), eur)),
        vat=LineVat(category="S", rate=rate),
    )
    charge = AllowanceCharge(
        amount=Amount(Decimal(5), eur), reason="Freight", vat_category="S", vat_rate=rate
    )
    made = Invoice(kind=DocumentKind.INVOICE, currency=eur, lines=(line,), charges=(charge,))
    written = write_invoice(complete(made), FORMATS["peppol-bis-3"])
    return written.xml.decode()


def stated(text: str, element: str, amount: str, *, nth: int = 0) -> str:
    """The document with the nth such element stating another amount."""
    found = list(re.finditer(rf"(<cbc:{element}\b[^>]*>)[^<]*", text))[nth]
    return f"{text[: found.start()]}{found[1]}{amount}{text[found.end() :]}"


def test_a_right_invoice_has_no_figures(check: Callable[[str], Report], invoice: str) -> None:
    assert [one for one in check(invoice).findings if one.figures] == []


def test_a_wrong_total_shows_both_amounts_and_their_difference(
    check: Callable[[str], Report], invoice: str
) -> None:
    right = re.search(r"<cbc:TaxInclusiveAmount[^>]*>([^<]*)", invoice)
    assert right is not None
    findings = check(stated(invoice, "TaxInclusiveAmount", "99999")).findings
    figures = {one.rule: one.figures for one in findings}
    found = figures["BR-CO-15"]
    assert found is not None
    assert (found.term, found.stated, Decimal(found.computed)) == (
        "BT-112",
        "99999",
        Decimal(right[1]),
    )
    assert Decimal(found.difference) == Decimal(99999) - Decimal(right[1])
    assert [part.term for part in found.parts][:1] == ["BT-109"]
    assert set(found.explanations) == set(LANGUAGES)
    assert len(set(found.explanations.values())) == len(LANGUAGES)
    # What is due is made of the wrong total, so the rule about it has figures of its own.
    assert figures["BR-CO-16"] is not None
    assert figures["BR-CO-16"].computed.startswith("99999")


def test_a_wrong_line_is_told_by_its_own_figures(
    check: Callable[[str], Report], two_lines: str
) -> None:
    found = check(stated(two_lines, "LineExtensionAmount", "0.07", nth=2)).findings
    (line,) = [one for one in found if one.rule == "PEPPOL-EN16931-R120"]
    assert line.figures is not None
    assert (line.figures.term, line.figures.stated) == ("BT-131", "0.07")
    assert "InvoiceLine[2]" in (line.location or "")
    (total,) = [one for one in found if one.rule == "BR-CO-10"]
    assert total.figures is not None
    assert [part.name for part in total.figures.parts] == ["1", "2"]


@pytest.fixture
def two_lines(invoice: str) -> str:
    """The invoice with its line a second time, under another number."""
    line = re.search(r"<cac:InvoiceLine>.*?</cac:InvoiceLine>", invoice, re.DOTALL)
    assert line is not None
    second = re.sub(r"(<cac:InvoiceLine>\s*<cbc:ID>)[^<]*", r"\g<1>2", line[0])
    return invoice.replace(line[0], line[0] + second)


def test_many_parts_are_counted_not_listed(check: Callable[[str], Report], invoice: str) -> None:
    line = re.search(r"<cac:InvoiceLine>.*?</cac:InvoiceLine>", invoice, re.DOTALL)
    assert line is not None
    lines = [
        re.sub(r"(<cac:InvoiceLine>\s*<cbc:ID>)[^<]*", rf"\g<1>{number}", line[0])
        for number in range(2, 32)
    ]
    findings = check(invoice.replace(line[0], line[0] + "".join(lines))).findings
    (total,) = [one for one in findings if one.rule == "BR-CO-10"]
    assert total.figures is not None
    assert (len(total.figures.parts), total.figures.more) == (20, 11)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_form_for_people_says_the_amounts(
    check: Callable[[str], Report], invoice: str, lang: str
) -> None:
    report = check(stated(invoice, "TaxInclusiveAmount", "4321.09")).to_json(file="a.xml")
    for form in (ReportFormat.TEXT, ReportFormat.HTML):
        text = render(report, form, lang=lang, checked_at=AT).decode()
        assert re.search(r"4[.,\s\u202f]?321[.,]09", text)
        assert "BT-109" in text
    assert b"4321" in render(report, ReportFormat.JSON, lang=lang, checked_at=AT)
    svrl = render(report, ReportFormat.SVRL, lang=lang, checked_at=AT).decode()
    assert not re.search(r"4[.,\s\u202f]?321[.,]09", svrl)


def test_withholding_tax_is_no_entry_of_the_vat_breakdown(invoice: str) -> None:
    root = parse(invoice.encode())
    total = root.find(f"{CAC}TaxTotal")
    assert total is not None
    (entry,) = total.findall(f"{CAC}TaxSubtotal")
    entry[1].text = "0.55"
    rule = "BR-CO-17"
    assert reckon(root, [(rule, entry)])[0] is not None
    total.tag = f"{CAC}WithholdingTaxTotal"
    assert reckon(root, [(rule, entry)]) == [None]


def test_other_rules_and_other_documents_have_none(invoice: str) -> None:
    root = parse(invoice.encode())
    assert reckon(root, [("BR-01", root)]) == [None]
    other = parse(b"<Order/>")
    assert reckon(other, [("BR-CO-10", other)]) == [None]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="NOT CHECKED: needs ../shared/corpus")
def test_parts_add_up_to_what_was_computed() -> None:
    """Over mutants of the corpus: no figure contradicts itself, and most rules have theirs."""
    registry = load(None, None)
    options = Options(as_of=date(2026, 11, 2))
    seen = summed = 0
    for suite in MUTANTS:
        wanted = [*sorted((CORPUS / suite).rglob("*Amount*.xml"))][:12]
        for file in wanted:
            found = validate(file.read_bytes(), options=options, registry=registry, reckon=reckon)
            for figures in (one.figures for one in found.findings if one.figures):
                seen += 1
                stated, computed = Decimal(figures.stated), Decimal(figures.computed)
                assert stated - computed == Decimal(figures.difference) != 0
                if figures.parts and not figures.more:
                    summed += 1
                    assert sum(Decimal(part.amount) for part in figures.parts) == computed
    assert seen >= 15
    assert summed >= 10
