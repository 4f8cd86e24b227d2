"""What holds for every invoice: complete() leaves nothing to object to, whatever it starts from."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ubl.amounts import Amount
from ubl.model import (
    AllowanceCharge,
    DocumentKind,
    DocumentTotals,
    Invoice,
    InvoiceLine,
    LineVat,
    Price,
    Quantity,
)
from ubl.totals import check_totals, complete

CURRENCIES = st.sampled_from(["EUR", "JPY", "HUF", "KWD"])
VATS = st.sampled_from(
    [
        *(("S", Decimal(rate)) for rate in ("19", "20.0", "20", "5.5", "0.1")),
        *((category, Decimal(0)) for category in ("Z", "E", "AE", "K", "G")),
        *(("O", None), ("L", Decimal(7)), ("M", Decimal(4)), ("B", Decimal(22))),
    ]
)


def decimals(places: int, least: int = -(10**6), most: int = 10**6) -> st.SearchStrategy[Decimal]:
    return st.integers(least * 10**places, most * 10**places).map(
        lambda value: Decimal(value).scaleb(-places)
    )


@st.composite
def entries(draw: st.DrawFn, currency: str, *, on_document: bool) -> AllowanceCharge:
    vat = draw(VATS) if on_document else (None, None)
    by_percentage = draw(st.booleans())
    return AllowanceCharge(
        amount=None if by_percentage else Amount(draw(decimals(2, 0, 1000)), currency),
        percentage=draw(decimals(2, 0, 100)) if by_percentage else None,
        vat_category=vat[0],
        vat_rate=vat[1],
    )


@st.composite
def lines(draw: st.DrawFn, currency: str) -> InvoiceLine:
    category, rate = draw(VATS)
    price = Amount(draw(decimals(4, 0, 10**5)), currency)
    discount = Amount(draw(decimals(4, 0, 100)), currency)
    has_gross = draw(st.booleans())
    base = draw(st.none() | decimals(3, 1, 1000))
    return InvoiceLine(
        quantity=Quantity(draw(decimals(3, -1000, 1000)), "C62"),
        price=Price(
            net=None if has_gross else price,
            gross=price if has_gross else None,
            discount=discount if has_gross else None,
            base_quantity=None if base is None else Quantity(base, "C62"),
        ),
        vat=LineVat(category=category, rate=rate),
        allowances=tuple(draw(st.lists(entries(currency, on_document=False), max_size=2))),
        charges=tuple(draw(st.lists(entries(currency, on_document=False), max_size=2))),
    )


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    currency = draw(CURRENCIES)
    stated = draw(st.booleans())
    return Invoice(
        kind=draw(st.sampled_from(DocumentKind)),
        currency=currency,
        lines=tuple(draw(st.lists(lines(currency), min_size=1, max_size=5))),
        allowances=tuple(draw(st.lists(entries(currency, on_document=True), max_size=2))),
        charges=tuple(draw(st.lists(entries(currency, on_document=True), max_size=2))),
        totals=DocumentTotals(
            paid=Amount(draw(decimals(2, 0, 1000)), currency),
            rounding=Amount(draw(decimals(2, -1, 1)), currency),
        )
        if stated
        else None,
    )


@settings(max_examples=60)
@given(invoices())
def test_a_completed_invoice_has_no_differences(invoice: Invoice) -> None:
    assert check_totals(complete(invoice)) == ()


@settings(max_examples=40)
@given(invoices())
def test_completing_again_changes_nothing(invoice: Invoice) -> None:
    done = complete(invoice)
    assert complete(done) == done
    assert complete(done, recompute=True) == done


@settings(max_examples=40)
@given(invoices(), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(invoice: Invoice, random: object) -> None:
    shuffled = list(invoice.lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types it as object
    one, other = complete(invoice), complete(replace(invoice, lines=tuple(shuffled)))
    assert one.totals == other.totals
    assert one.vat_breakdown == other.vat_breakdown


@settings(max_examples=40)
@given(invoices())
def test_every_sum_is_exact(invoice: Invoice) -> None:
    """Told apart from the product: plain additions of what the completed invoice states."""
    done = complete(invoice)
    totals = done.totals
    assert totals is not None
    lines = sum((line.net_amount.value for line in done.lines if line.net_amount), Decimal(0))
    taxable = sum(
        (e.taxable_amount.value for e in done.vat_breakdown if e.taxable_amount), Decimal(0)
    )
    taxes = sum((e.tax_amount.value for e in done.vat_breakdown if e.tax_amount), Decimal(0))
    values = {
        name: getattr(totals, name).value if getattr(totals, name) else Decimal(0)
        for name in ("allowances", "charges", "without_vat", "vat", "with_vat", "paid", "rounding")
    }
    assert totals.lines is not None
    assert totals.due is not None
    assert totals.lines.value == lines
    assert values["without_vat"] == lines - values["allowances"] + values["charges"] == taxable
    assert values["vat"] == taxes
    assert values["with_vat"] == taxable + taxes
    assert totals.due.value == taxable + taxes - values["paid"] + values["rounding"]


@settings(max_examples=40)
@given(invoices(), st.integers(1, 10**6))
def test_a_total_that_is_off_is_reported(invoice: Invoice, cents: int) -> None:
    done = complete(invoice)
    assert done.totals is not None
    assert done.totals.due is not None
    wrong = replace(done.totals.due, value=done.totals.due.value + Decimal(cents).scaleb(-2))
    (found,) = check_totals(replace(done, totals=replace(done.totals, due=wrong)))
    assert (found.term, found.computed) == ("BT-115", done.totals.due)
    assert not found.tolerated
