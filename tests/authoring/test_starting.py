"""What an invoice starts from."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from gateway.authoring.checking import invoice_of, numbered
from gateway.authoring.starting import blank, credit, duplicate, kind_of_type, next_number
from ubl.amounts import Amount
from ubl.model import (
    Delivery,
    DocumentKind,
    DocumentTotals,
    Invoice,
    InvoiceLine,
    LineVat,
    PaymentInstructions,
    PrecedingInvoice,
    Price,
    Quantity,
    Seller,
)
from ubl.model_json import JsonRefused
from ubl.totals import complete

TODAY = date(2026, 11, 22)
LAST = Invoice(
    kind=DocumentKind.INVOICE,
    number="F-2026-0099",
    type_code="380",
    issue_date=date(2026, 10, 1),
    due_date=date(2026, 10, 15),
    currency="SEK",
    seller=Seller(name="Vlaamse Tuin BV"),
    payment_terms="14 days",
    payment=(PaymentInstructions(means_code="30", remittance_information=("RF18",)),),
    delivery=Delivery(name="Depot", delivered_on=date(2026, 9, 30)),
    totals=DocumentTotals(due=Amount(Decimal(1), "SEK")),
    lines=(InvoiceLine(identifier="1"),),
)


@pytest.mark.parametrize(
    ("number", "after"),
    [
        ("F-2026-0099", "F-2026-0100"),
        ("7", "8"),
        ("2026/12-A", "2026/13-A"),
        ("none", None),
        (None, None),
        ("9" * 30, None),
    ],
)
def test_the_number_after(number, after):
    assert next_number(number) == after


def test_a_blank_invoice_takes_over_the_terms_of_the_last():
    made = blank(seller=None, last=LAST, today=TODAY)
    assert (made.number, made.currency, made.seller) == ("F-2026-0100", "SEK", LAST.seller)
    assert (made.issue_date, made.due_date) == (TODAY, date(2026, 12, 6))
    assert made.payment == (PaymentInstructions(means_code="30"),)
    first = blank(seller=Seller(name="New"), last=None, today=TODAY)
    assert (first.number, first.currency, first.seller) == (None, "EUR", Seller(name="New"))


def test_a_copy_leaves_out_what_belonged_to_the_occasion():
    earlier = (PrecedingInvoice(number="x"),)
    from dataclasses import replace

    made = duplicate(replace(LAST, preceding_invoices=earlier), number="N", today=TODAY)
    assert (made.number, made.totals, made.preceding_invoices) == ("N", None, ())
    assert made.delivery == Delivery(name="Depot")
    assert made.lines == LAST.lines


@pytest.mark.parametrize(("of", "type_code"), [("380", "381"), ("389", "261"), (None, "381")])
def test_a_credit_note_names_what_it_credits(of, type_code):
    from dataclasses import replace

    made = credit(replace(LAST, type_code=of), number=None, today=TODAY)
    assert (made.kind, made.type_code) == (DocumentKind.CREDIT_NOTE, type_code)
    assert made.preceding_invoices == (
        PrecedingInvoice(number="F-2026-0099", issue_date=date(2026, 10, 1)),
    )
    assert made.seller == LAST.seller
    assert kind_of_type(made.type_code) is DocumentKind.CREDIT_NOTE


def test_lines_without_identifier_get_one_nobody_has():
    lines = tuple(InvoiceLine(identifier=one) for one in (None, "1", None, "7"))
    found = [
        line.identifier for line in numbered(Invoice(kind=DocumentKind.INVOICE, lines=lines)).lines
    ]
    assert found == ["2", "1", "3", "7"]


def test_a_draft_is_worked_out_anew():
    held = {
        "type_code": "380",
        "currency": "EUR",
        "totals": {"paid": {"value": "1"}},
        "lines": [
            {
                "quantity": {"value": "2"},
                "price": {"net": {"value": "10"}},
                "net_amount": {"value": "999"},
                "vat": {"category": "S", "rate": "21"},
            }
        ],
    }
    invoice = invoice_of(held)
    assert invoice.totals is not None
    assert invoice.totals.due == Amount(Decimal("23.20"), "EUR")
    assert invoice.lines[0].net_amount == Amount(Decimal("20.00"), "EUR")
    with pytest.raises(JsonRefused):
        invoice_of({"issue_date": "yesterday"})


def test_vat_in_the_accounting_currency_follows_the_rate_of_the_first_invoice():
    """A stale sum would be a wrong tax; none at all could not be sent (BR-53)."""
    line = InvoiceLine(
        identifier="1",
        quantity=Quantity(Decimal(1), "C62"),
        price=Price(net=Amount(Decimal("33.33"), "EUR")),
        vat=LineVat(category="S", rate=Decimal(21)),
    )
    start = Invoice(
        kind=DocumentKind.INVOICE,
        currency="EUR",
        vat_accounting_currency="SEK",
        totals=DocumentTotals(
            vat=Amount(Decimal("7.00"), "EUR"),
            vat_in_accounting_currency=Amount(Decimal("78.63"), "SEK"),
        ),
        lines=(line,),
    )
    same = complete(credit(start, number="C-1", today=TODAY), recompute=True)
    assert same.totals.vat_in_accounting_currency == Amount(Decimal("78.63"), "SEK")
    twice = replace(line, quantity=Quantity(Decimal(2), "C62"))
    more = complete(
        replace(duplicate(start, number="F-2", today=TODAY), lines=(twice,)), recompute=True
    )
    assert more.totals.vat == Amount(Decimal("14.00"), "EUR")
    assert more.totals.vat_in_accounting_currency == Amount(Decimal("157.26"), "SEK")
    nothing = replace(start, totals=replace(start.totals, vat=Amount(Decimal(0), "EUR")))
    assert duplicate(nothing, number="F-3", today=TODAY).currency_exchange is None
