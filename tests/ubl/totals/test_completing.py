"""What complete() computes: worked examples of each sum, and what it leaves alone."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from ubl.amounts import Amount
from ubl.model import (
    AllowanceCharge,
    CurrencyExchange,
    DocumentTotals,
    Invoice,
    InvoiceLine,
    LineVat,
    LogisticsCharge,
    Price,
    Quantity,
    ThirdPartyPayment,
    VatBreakdown,
)
from ubl.model.extension_line import LineTotals
from ubl.model.extension_payment import AdvancePayment
from ubl.totals import complete

Maker = Callable[..., Invoice]
LineMaker = Callable[..., InvoiceLine]
Eur = Callable[[str], Amount]


def totals(invoice: Invoice) -> dict[str, str]:
    """The totals of a completed invoice as texts, without those that are missing."""
    done = complete(invoice).totals
    assert done is not None
    names = ("lines", "allowances", "charges", "without_vat", "vat", "with_vat", "paid", "due")
    return {
        name: str(getattr(done, name).value) for name in names if getattr(done, name) is not None
    }


def test_two_rates_with_allowance_and_charge(invoice: Maker, line: LineMaker, eur: Eur) -> None:
    """3 x 33.33 + 2 x 10 = 119.99, less 10 at 20 %, plus 5 at 5.5 %."""
    start = invoice(
        line("3", "33.33"),
        line("2", "10", rate="5.5"),
        allowances=(AllowanceCharge(amount=eur("10"), vat_category="S", vat_rate=Decimal(20)),),
        charges=(AllowanceCharge(amount=eur("5"), vat_category="S", vat_rate=Decimal("5.5")),),
    )
    assert totals(start) == {
        "lines": "119.99",
        "allowances": "10.00",
        "charges": "5.00",
        "without_vat": "114.99",
        "vat": "19.38",
        "with_vat": "134.37",
        "due": "134.37",
    }
    groups = [
        (entry.category, str(entry.rate), str(entry.taxable_amount), str(entry.tax_amount))
        for entry in complete(start).vat_breakdown
    ]
    assert groups == [("S", "5.5", "25.00 EUR", "1.38 EUR"), ("S", "20", "89.99 EUR", "18.00 EUR")]


@pytest.mark.parametrize(
    ("quantity", "price", "base", "net"),
    [
        ("1000", "12.50", "100", "125.00"),
        ("1", "1", "3", "0.33"),
        ("0", "99", None, "0.00"),
        ("-2", "10.005", None, "-20.01"),
        ("1", "0.005", None, "0.01"),
        ("-1", "0.005", None, "-0.01"),
        ("1", "0.00499999999999", None, "0.00"),
        ("12345678901234567890", "0.01", None, "123456789012345678.90"),
    ],
)
def test_net_amount_of_a_line(
    invoice: Maker, line: LineMaker, quantity: str, price: str, base: str | None, net: str
) -> None:
    (done,) = complete(invoice(line(quantity, price, base=base))).lines
    assert done.net_amount == Amount(Decimal(net), "EUR")


def test_net_price_from_gross_price(invoice: Maker, eur: Eur) -> None:
    price = Price(gross=eur("10.00"), discount=eur("2.505"))
    start = InvoiceLine(quantity=Quantity(Decimal(2)), price=price)
    (done,) = complete(invoice(start)).lines
    assert done.price is not None
    assert done.price.net == eur("7.495")
    assert done.net_amount == eur("14.99")


def test_gross_price_for_another_quantity_gives_no_net_price(invoice: Maker, eur: Eur) -> None:
    price = Price(gross=eur("10"), gross_base_quantity=Quantity(Decimal(100)))
    (done,) = complete(invoice(InvoiceLine(quantity=Quantity(Decimal(1)), price=price))).lines
    assert done.price == price
    assert done.net_amount is None


def test_percentages_take_their_base_from_the_line_and_the_document(
    invoice: Maker, line: LineMaker, eur: Eur
) -> None:
    tenth = AllowanceCharge(percentage=Decimal(10))
    done = complete(
        invoice(
            line("3", "33.33", allowances=(tenth,)),
            charges=(replace(tenth, vat_category="S", vat_rate=Decimal(20)),),
        )
    )
    (allowance,) = done.lines[0].allowances
    assert (allowance.base_amount, allowance.amount) == (eur("99.99"), eur("10.00"))
    assert done.lines[0].net_amount == eur("89.99")
    (charge,) = done.charges
    assert (charge.base_amount, charge.amount) == (eur("89.99"), eur("9.00"))


@pytest.mark.parametrize(
    ("category", "code"),
    [
        ("AE", "VATEX-EU-AE"),
        ("K", "VATEX-EU-IC"),
        ("G", "VATEX-EU-G"),
        ("O", "VATEX-EU-O"),
        ("E", None),
        ("Z", None),
    ],
)
def test_untaxed_categories(
    invoice: Maker, line: LineMaker, category: str, code: str | None
) -> None:
    rate = None if category == "O" else "0"
    done = complete(invoice(line("2", "50", category=category, rate=rate)))
    (entry,) = done.vat_breakdown
    assert entry.exemption_reason_code == code
    assert entry.rate == (None if category == "O" else Decimal(0))
    assert entry.tax_amount == Amount(Decimal("0.00"), "EUR")
    assert done.totals is not None
    assert done.totals.due == Amount(Decimal("100.00"), "EUR")


@pytest.mark.parametrize("category", ["S", "L", "M", "B"])
def test_taxed_categories(invoice: Maker, line: LineMaker, category: str) -> None:
    (entry,) = complete(invoice(line("2", "50", category=category, rate="7"))).vat_breakdown
    assert (entry.tax_amount, entry.exemption_reason_code) == (Amount(Decimal("7.00"), "EUR"), None)


def test_exemption_reason_of_the_line(invoice: Maker, line: LineMaker) -> None:
    vat = LineVat(category="E", rate=Decimal(0), exemption_reason_code="VATEX-EU-132-1I")
    (entry,) = complete(invoice(line(vat=vat))).vat_breakdown
    assert entry.exemption_reason_code == "VATEX-EU-132-1I"


def test_stated_reason_is_kept_and_stale_entries_go(invoice: Maker, line: LineMaker) -> None:
    exempt = VatBreakdown(category="E", rate=Decimal(0), exemption_reason="Education")
    stale = VatBreakdown(category="S", rate=Decimal(7))
    start = invoice(line(category="E", rate="0"), vat_breakdown=(stale, exempt))
    kept = complete(start)
    assert [entry.category for entry in kept.vat_breakdown] == ["S", "E"]
    (entry,) = complete(start, recompute=True).vat_breakdown
    assert (entry.exemption_reason, str(entry.taxable_amount)) == ("Education", "10.00 EUR")


def test_stated_amounts_stay_unless_recomputed(invoice: Maker, line: LineMaker, eur: Eur) -> None:
    wrong = DocumentTotals(lines=eur("1"), vat=eur("1"), paid=eur("5"), rounding=eur("0.02"))
    start = invoice(line("2", "50"), totals=wrong)
    kept = complete(start).totals
    assert kept is not None
    assert (kept.lines, kept.without_vat, kept.with_vat) == (eur("1"), eur("1.00"), eur("2.00"))
    assert kept.due == eur("-2.98")
    done = complete(start, recompute=True).totals
    assert done is not None
    assert (done.with_vat, done.paid, done.rounding) == (eur("120.00"), eur("5"), eur("0.02"))
    assert done.due == eur("115.02")


def test_what_is_unknown_stays_away(invoice: Maker, line: LineMaker, eur: Eur) -> None:
    """A line without a price leaves every sum open that hangs on it, and none else."""
    open_line = InvoiceLine(quantity=Quantity(Decimal(1)), vat=LineVat(category="S"))
    done = complete(invoice(line("2", "50"), open_line))
    assert done.lines[0].net_amount == eur("100.00")
    assert done.lines[1].net_amount is None
    assert done.totals is None
    assert done.vat_breakdown == ()


def test_allowance_without_vat_leaves_the_tax_open(
    invoice: Maker, line: LineMaker, eur: Eur
) -> None:
    done = complete(invoice(line(), allowances=(AllowanceCharge(amount=eur("1")),)))
    assert done.totals == DocumentTotals(
        lines=eur("10.00"), allowances=eur("1.00"), without_vat=eur("9.00")
    )


def test_an_amount_in_other_money_is_not_added(invoice: Maker, line: LineMaker) -> None:
    start = invoice(line(), line(net_amount=Amount(Decimal(5), "USD")))
    assert complete(start).totals is None


@pytest.mark.parametrize(("currency", "net"), [("JPY", "3"), ("HUF", "3.33"), ("KWD", "3.33")])
def test_decimals_of_the_currency(invoice: Maker, currency: str, net: str) -> None:
    """Never more than two decimals (BR-DEC-23), none where the currency has none."""
    price = Price(net=Amount(Decimal("3.333"), currency))
    start = invoice(InvoiceLine(quantity=Quantity(Decimal(1)), price=price), currency=currency)
    assert complete(start).lines[0].net_amount == Amount(Decimal(net), currency)


def test_an_invoice_without_lines_keeps_its_bases(invoice: Maker, eur: Eur) -> None:
    """MINIMUM and BASIC WL have no lines: what is taxed is what they state."""
    start = invoice(
        vat_breakdown=(VatBreakdown(category="S", rate=Decimal(20), taxable_amount=eur("100.00")),),
        totals=DocumentTotals(lines=eur("100.00")),
    )
    done = complete(start)
    assert done.vat_breakdown[0].tax_amount == eur("20.00")
    assert done.totals is not None
    assert done.totals.due == eur("120.00")


def test_logistics_charge_counts_as_charge(invoice: Maker, line: LineMaker, eur: Eur) -> None:
    charge = LogisticsCharge(amount=eur("5"), vat_category="S", vat_rate=Decimal(20))
    found = totals(invoice(line("2", "50"), logistics_charges=(charge,)))
    assert (found["charges"], found["vat"], found["due"]) == ("5.00", "21.00", "126.00")


def test_payment_for_others_is_in_the_amount_due_only(
    invoice: Maker, line: LineMaker, eur: Eur
) -> None:
    """XRechnung BR-DEX-09."""
    start = invoice(line("2", "50"), third_party_payments=(ThirdPartyPayment(amount=eur("9.5")),))
    found = totals(start)
    assert (found["with_vat"], found["due"]) == ("120.00", "129.50")


def test_advances_are_what_was_paid(invoice: Maker, line: LineMaker, eur: Eur) -> None:
    advances = (AdvancePayment(amount=eur("20")), AdvancePayment(amount=eur("30.5")))
    found = totals(invoice(line("2", "50"), advance_payments=advances))
    assert (found["paid"], found["due"]) == ("50.50", "69.50")


def test_groups_and_information_are_not_counted_twice(
    invoice: Maker, line: LineMaker, eur: Eur
) -> None:
    group = InvoiceLine(identifier="1", subtype="GROUP")
    inner = InvoiceLine(identifier="2", subtype="GROUP", parent_line="1")
    detail = line("2", "50", identifier="3", subtype="DETAIL", parent_line="2")
    other = line("1", "7", identifier="4", subtype="DETAIL", parent_line="1")
    note = line("9", "9", identifier="5", subtype="INFORMATION", parent_line="3")
    done = complete(invoice(group, inner, detail, other, note))
    assert [one.net_amount for one in done.lines] == [
        eur("107.00"),
        eur("100.00"),
        eur("100.00"),
        eur("7.00"),
        None,
    ]
    assert done.totals is not None
    assert done.totals.lines == eur("107.00")


def test_a_group_that_holds_itself_has_no_sum(invoice: Maker) -> None:
    """BR-FXEXT-11 asks for another line; a circle must not send anybody round for ever."""
    one = InvoiceLine(identifier="1", subtype="GROUP", parent_line="2")
    two = InvoiceLine(identifier="2", subtype="GROUP", parent_line="1")
    assert [line.net_amount for line in complete(invoice(one, two)).lines] == [None, None]


def test_groups_are_worked_out_once_however_they_are_nested(invoice: Maker) -> None:
    """Many groups of one name that hold each other: tried one by one this would never end."""
    same = tuple(InvoiceLine(identifier="1", subtype="GROUP", parent_line="1") for _ in range(60))
    assert {line.net_amount for line in complete(invoice(*same)).lines} == {None}
    chain = tuple(
        InvoiceLine(identifier=str(n), subtype="GROUP", parent_line=str(n - 1))
        for n in range(1, 2000)
    )
    assert complete(invoice(*chain)).lines[0].net_amount is None


def test_sub_lines_make_their_line(invoice: Maker, line: LineMaker, eur: Eur) -> None:
    """XRechnung BR-DEX-02."""
    whole = InvoiceLine(
        vat=LineVat(category="S", rate=Decimal(20)), sub_lines=(line("1", "60"), line("2", "20"))
    )
    done = complete(invoice(whole))
    assert done.lines[0].net_amount == eur("100.00")
    assert done.lines[0].sub_lines[1].net_amount == eur("40.00")
    assert done.totals is not None
    assert done.totals.due == eur("120.00")


def test_vat_in_the_accounting_currency_needs_a_rate(invoice: Maker, line: LineMaker) -> None:
    start = invoice(line("2", "50"), vat_accounting_currency="SEK")
    assert complete(start).totals is not None
    assert complete(start).totals.vat_in_accounting_currency is None  # type: ignore[union-attr]  # asserted above
    exchange = CurrencyExchange(
        source_currency="EUR", target_currency="SEK", rate=Decimal("11.2345")
    )
    done = complete(replace(start, currency_exchange=exchange)).totals
    assert done is not None
    assert done.vat_in_accounting_currency == Amount(Decimal("224.69"), "SEK")


def test_sums_of_a_line_are_renewed_where_it_states_them(
    invoice: Maker, line: LineMaker, eur: Eur
) -> None:
    """EXTENDED lines repeat their VAT and sums: after a change they must not stay behind."""
    stale = line(
        "2",
        "50",
        vat=LineVat(category="S", rate=Decimal(20), amount=eur("1")),
        charges=(AllowanceCharge(amount=eur("5")),),
        totals=LineTotals(charges=eur("1"), vat=eur("1"), with_vat=eur("1")),
    )
    kept = complete(invoice(stale)).lines[0]
    assert (kept.totals, kept.vat) == (stale.totals, stale.vat)
    anew = complete(invoice(stale), recompute=True).lines[0]
    assert anew.totals == LineTotals(charges=eur("5.00"), vat=eur("21.00"), with_vat=eur("126.00"))
    assert anew.vat is not None
    assert anew.vat.amount == eur("21.00")
