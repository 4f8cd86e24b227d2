"""What check_totals() finds: one difference for one wrong amount, with the rule that bounds it."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from ubl.amounts import Amount
from ubl.localized import LANGUAGES, Localized
from ubl.model import AllowanceCharge, Invoice, InvoiceLine, Price, Quantity, VatBreakdown
from ubl.totals import check_totals, complete
from ubl.totals.words import explain

Maker = Callable[..., Invoice]
LineMaker = Callable[..., InvoiceLine]
Eur = Callable[[str], Amount]

EXTENDED = "urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended"
XRECHNUNG = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"


@pytest.fixture
def whole(invoice: Maker, line: LineMaker, eur: Eur) -> Invoice:
    share = {"vat_category": "S", "vat_rate": Decimal(20)}
    return complete(
        invoice(
            line("3", "33.33", charges=(AllowanceCharge(amount=eur("1")),)),
            line("2", "10", category="E", rate="0"),
            allowances=(AllowanceCharge(percentage=Decimal(10), **share),),
            charges=(AllowanceCharge(amount=eur("5"), **share),),
        )
    )


def test_a_completed_invoice_has_no_differences(whole: Invoice) -> None:
    assert check_totals(whole) == ()


@pytest.mark.parametrize(
    ("field", "term", "rule", "explanation"),
    [
        ("lines", "BT-106", "BR-CO-10", "sum-of-lines"),
        ("allowances", "BT-107", "BR-CO-11", "sum-of-allowances"),
        ("charges", "BT-108", "BR-CO-12", "sum-of-charges"),
        ("without_vat", "BT-109", "BR-CO-13", "without-vat"),
        ("vat", "BT-110", "BR-CO-14", "sum-of-taxes"),
        ("with_vat", "BT-112", "BR-CO-15", "with-vat"),
        ("due", "BT-115", "BR-CO-16", "amount-due"),
    ],
)
def test_a_wrong_total_is_found(
    whole: Invoice, field: str, term: str, rule: str, explanation: str
) -> None:
    """The wrong total itself, with its parts; the one after it, which is made of it."""
    assert whole.totals is not None
    stated = getattr(whole.totals, field)
    wrong = replace(stated, value=stated.value + Decimal("0.01"))
    found = check_totals(replace(whole, totals=replace(whole.totals, **{field: wrong})))
    first = next(entry for entry in found if entry.term == term)
    assert (first.path, first.stated, first.computed) == (f"totals.{field}", wrong, stated)
    assert (first.difference, first.tolerated) == (Decimal("0.01"), False)
    assert (first.tolerance.rule, first.explanation) == (rule, explanation)
    assert len(found) <= 2


def test_a_wrong_line_is_found(whole: Invoice, eur: Eur) -> None:
    wrong = replace(whole.lines[0], net_amount=eur("100.97"))
    found = check_totals(replace(whole, lines=(wrong, *whole.lines[1:])))
    assert [entry.term for entry in found] == ["BT-106", "BT-116", "BT-131"]
    line = found[-1]
    assert (line.path, line.computed, line.tolerated) == (
        "lines[0].net_amount",
        eur("100.99"),
        True,
    )
    assert found[1].tolerated


def test_cen_lets_a_tax_be_less_than_one_off(whole: Invoice, eur: Eur) -> None:
    (exempt, taxed) = whole.vat_breakdown
    assert taxed.tax_amount is not None
    for more, tolerated in (("0.99", True), ("1.00", False)):
        wrong = replace(taxed, tax_amount=eur(str(taxed.tax_amount.value + Decimal(more))))
        found = check_totals(replace(whole, vat_breakdown=(exempt, wrong)))
        tax = next(entry for entry in found if entry.term == "BT-117")
        assert (tax.tolerance.rule, tax.tolerated) == ("BR-CO-17", tolerated)


def test_an_untaxed_category_bears_no_tax(whole: Invoice, eur: Eur) -> None:
    (exempt, taxed) = whole.vat_breakdown
    found = check_totals(
        replace(whole, vat_breakdown=(replace(exempt, tax_amount=eur("0.01")), taxed))
    )
    tax = next(entry for entry in found if entry.term == "BT-117")
    assert (tax.tolerance.rule, tax.tolerated, tax.explanation) == ("BR-E-09", False, "no-tax")


def test_extended_allows_a_cent_for_each_part(whole: Invoice, eur: Eur) -> None:
    assert whole.totals is not None
    assert whole.totals.lines is not None
    for more, tolerated in (("0.02", True), ("0.03", False)):
        lines = eur(str(whole.totals.lines.value + Decimal(more)))
        totals = replace(whole.totals, lines=lines)
        found = check_totals(replace(whole, specification=EXTENDED, totals=totals))
        assert (found[0].tolerance.rule, found[0].tolerated) == ("BR-FXEXT-CO-10", tolerated)


def test_xrechnung_allows_half_a_forint(invoice: Maker) -> None:
    def found_in(specification: str, net: str) -> bool:
        line = InvoiceLine(
            quantity=Quantity(Decimal(1)),
            price=Price(net=Amount(Decimal("10.40"), "HUF")),
            net_amount=Amount(Decimal(net), "HUF"),
        )
        start = invoice(line, currency="HUF", specification=specification)
        return all(entry.tolerated for entry in check_totals(start))

    assert found_in(XRECHNUNG, "10")
    assert not found_in(XRECHNUNG, "9")
    assert not found_in("urn:cen.eu:en16931:2017", "10")


def test_entries_told_apart_by_their_reasons_are_left_alone(
    invoice: Maker, line: LineMaker, eur: Eur
) -> None:
    """Which line is exempt for which reason is not known where lines do not say."""
    entries = tuple(
        VatBreakdown(
            category="E",
            rate=Decimal(0),
            taxable_amount=eur(amount),
            tax_amount=eur("0"),
            exemption_reason=reason,
        )
        for amount, reason in (("4", "Education"), ("6", "Health"))
    )
    start = invoice(line("1", "10", category="E", rate="0"), vat_breakdown=entries)
    assert check_totals(start) == ()
    assert complete(start, recompute=True).vat_breakdown == entries


def test_wrong_gross_price_and_group(invoice: Maker, line: LineMaker, eur: Eur) -> None:
    price = Price(gross=eur("10"), discount=eur("1"), net=eur("9.50"))
    detail = line("1", "5", identifier="2", parent_line="1", price=price, net_amount=eur("9.5"))
    group = InvoiceLine(identifier="1", subtype="GROUP", net_amount=eur("9"))
    found = check_totals(invoice(group, detail))
    assert [(entry.path, entry.tolerance.rule) for entry in found] == [
        ("lines[0].net_amount", "BR-FXEXT-08"),
        ("lines[1].price.net", "PEPPOL-EN16931-R046"),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_difference_is_explained_in_every_language(
    invoice: Maker, line: LineMaker, eur: Eur, language: str
) -> None:
    """Everything wrong at once: each explanation is written, with its amounts, in each language."""
    share = {"vat_category": "S", "vat_rate": Decimal(20)}
    percentage = AllowanceCharge(
        percentage=Decimal(10), base_amount=eur("100"), amount=eur("7"), **share
    )
    price = Price(gross=eur("10"), discount=eur("1"), net=eur("8"))
    start = complete(
        invoice(
            line("2", "8", price=price, identifier="2", parent_line="1", net_amount=eur("7")),
            line("1", "1", category="E", rate="0"),
            InvoiceLine(identifier="1", subtype="GROUP", net_amount=eur("3")),
            allowances=(percentage,),
            charges=(AllowanceCharge(amount=eur("5"), **share),),
        )
    )
    wrong = replace(
        start,
        totals=replace(
            start.totals,
            **dict.fromkeys(("lines", "allowances", "charges"), eur("1")),
            **{"without_vat": eur("77"), "vat": eur("88"), "with_vat": eur("99"), "due": eur("2")},
        ),
        vat_breakdown=tuple(
            replace(entry, taxable_amount=eur("50"), tax_amount=eur("3"))
            for entry in start.vat_breakdown
        ),
    )
    found = check_totals(wrong)
    assert {entry.explanation for entry in found} == {
        *("net-price", "line-net", "percentage", "group-net", "taxable-amount", "tax", "no-tax"),
        *("sum-of-lines", "sum-of-allowances", "sum-of-charges"),
        *("without-vat", "sum-of-taxes", "with-vat", "amount-due"),
    }
    localized = Localized(language)
    for entry in found:
        text = explain(entry, localized)
        assert localized.amount(entry.stated) in text
        assert localized.amount(entry.computed) in text
        assert entry.tolerance.rule in text
