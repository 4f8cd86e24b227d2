"""What keeps an invoice from having its sums is named by place and business term."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ubl.amounts import Amount
from ubl.model import AllowanceCharge, DocumentTotals, LineVat, Price, Quantity
from ubl.totals import complete, gaps

HEAD = {"number": "1", "issue_date": date(2026, 11, 23)}


def found(invoice):
    return [(one.pointer, one.term) for one in gaps(complete(invoice))]


def test_an_invoice_whose_sums_follow_lacks_nothing(invoice, line):
    assert found(invoice(line(), line(category="E", rate=None), **HEAD)) == []


LINES = {
    "quantity": ({"quantity": None}, [("/lines/1/quantity", "BT-129")]),
    "price": ({"price": None}, [("/lines/1/price/net", "BT-146")]),
    "vat": ({"vat": None}, [("/lines/1/vat/category", "BT-151")]),
    "rate": ({"vat": LineVat(category="S")}, [("/lines/1/vat/rate", "BT-152")]),
    "unit": (
        {"price": Price(net=Amount(Decimal(1), "EUR"), base_quantity=Quantity(Decimal(1), "KGM"))},
        [("/lines/1/price/base_quantity/unit", "BT-150")],
    ),
    "no units": (
        {"price": Price(net=Amount(Decimal(1), "EUR"), base_quantity=Quantity(Decimal(0), "C62"))},
        [("/lines/1/price/base_quantity/value", "BT-149")],
    ),
    "currency": (
        {"price": Price(net=Amount(Decimal(1), "USD"))},
        [("/lines/1/price/net", "BT-146")],
    ),
    "allowance": (
        {"allowances": (AllowanceCharge(reason="Early"),)},
        [("/lines/1/allowances/0/amount", "BT-136")],
    ),
    "nothing": (
        {"quantity": None, "price": None, "vat": None},
        [
            ("/lines/1/quantity", "BT-129"),
            ("/lines/1/price/net", "BT-146"),
            ("/lines/1/vat/category", "BT-151"),
        ],
    ),
    "a part": ({"sub_lines": ()}, []),
}


@pytest.mark.parametrize("name", LINES)
def test_what_a_line_lacks(invoice, line, name):
    changes, expected = LINES[name]
    assert found(invoice(line(), replace(line(), **changes), **HEAD)) == expected


def test_a_line_made_of_lines_lacks_what_those_lack(invoice, line):
    whole = replace(line(), price=None, sub_lines=(line(), replace(line(), quantity=None)))
    assert found(invoice(whole, **HEAD)) == [("/lines/0/sub_lines/1/quantity", "BT-129")]


def test_an_allowance_of_the_document_needs_its_vat(invoice, line, eur):
    entries = (
        AllowanceCharge(amount=eur("1")),
        AllowanceCharge(vat_category="S", amount=eur("1")),
        AllowanceCharge(vat_category="E"),
    )
    assert found(invoice(line(), allowances=entries, **HEAD)) == [
        ("/allowances/0/vat_category", "BT-95"),
        ("/allowances/1/vat_rate", "BT-96"),
        ("/allowances/2/amount", "BT-92"),
    ]


def test_an_empty_invoice_lacks_its_facts_and_its_lines(invoice):
    assert found(invoice(currency=None)) == [
        ("/number", "BT-1"),
        ("/issue_date", "BT-2"),
        ("/currency", "BT-5"),
        ("/lines", "BG-25"),
    ]


def test_totals_that_are_stated_are_left_to_the_rules(invoice, eur):
    stated = invoice(totals=DocumentTotals(due=eur("5")), **HEAD)
    assert gaps(stated) == ()


def test_where_the_reason_lies_in_the_totals_they_are_to_be_stated(invoice, line):
    odd = invoice(line(), totals=DocumentTotals(rounding=Amount(Decimal(1), "USD")), **HEAD)
    assert found(odd) == [("/totals", "BG-22")]
