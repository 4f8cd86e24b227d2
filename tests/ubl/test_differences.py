"""Differences between invoices: each named once, by the number of its term."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ubl.amounts import Amount
from ubl.differences import Difference, differences
from ubl.model import (
    Address,
    DocumentKind,
    DocumentTotals,
    Invoice,
    InvoiceLine,
    Item,
    Note,
    Seller,
)


def with_notes(*texts: str) -> Invoice:
    return Invoice(kind=DocumentKind.INVOICE, notes=tuple(Note(text=text) for text in texts))


def test_a_difference_names_its_term_in_its_group() -> None:
    before = Invoice(kind=DocumentKind.INVOICE, seller=Seller(address=Address(city="Gent")))
    after = Invoice(kind=DocumentKind.INVOICE, seller=Seller(address=Address(city="Genk")))
    assert differences(before, after) == (
        Difference("seller.address.city", "BT-37", "Gent", "Genk"),
    )


def test_numbers_are_the_same_by_value() -> None:
    def invoice(text: str) -> Invoice:
        totals = DocumentTotals(due=Amount(Decimal(text), "EUR"))
        return Invoice(kind=DocumentKind.INVOICE, totals=totals)

    assert differences(invoice("10"), invoice("10.00")) == ()
    assert [d.term for d in differences(invoice("10"), invoice("10.01"))] == ["BT-115"]


def test_a_group_of_which_nothing_is_known_is_no_group() -> None:
    before = Invoice(kind=DocumentKind.INVOICE, seller=Seller(address=Address()))
    assert differences(before, Invoice(kind=DocumentKind.INVOICE)) == ()


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("abcd", "acd", [("notes[1].text", "b", None)]),
        ("acd", "abcd", [("notes[1].text", None, "b")]),
        ("abcd", "axcd", [("notes[1].text", "b", "x")]),
        ("abcdef", "acdx", [("notes[1].text", "b", None), ("notes[4].text", "e", "x"),
                            ("notes[5].text", "f", None)]),
        ("", "a", [("notes[0].text", None, "a")]),
    ],
)  # fmt: skip
def test_what_is_lost_is_one_difference_and_not_all_behind_it(
    before: str, after: str, found: list[tuple[str, str | None, str | None]]
) -> None:
    listed = differences(with_notes(*before), with_notes(*after))
    assert [(entry.path, entry.before, entry.after) for entry in listed] == found


def test_order_counts() -> None:
    assert differences(with_notes("a", "b"), with_notes("b", "a")) != ()


def test_long_texts_are_shortened_for_people() -> None:
    (found,) = differences(with_notes("a" * 500), with_notes("b"))
    assert found.before is not None
    assert len(found.before) == 200
    assert found.before.endswith("…")


def test_many_lines_that_all_differ_are_compared_one_by_one() -> None:
    def invoice(prefix: str, count: int) -> Invoice:
        names = (f"{prefix}{n}" for n in range(count))
        lines = tuple(InvoiceLine(item=Item(name=name)) for name in names)
        return Invoice(kind=DocumentKind.INVOICE, lines=lines)

    assert len(differences(invoice("a", 1500), invoice("b", 1501))) == 1501


@settings(max_examples=100)
@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_no_difference_means_equal(before: str, after: str) -> None:
    listed = differences(with_notes(*before), with_notes(*after))
    assert (listed == ()) is (before == after)
    assert len(listed) <= max(len(before), len(after)) + 1
