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
    Identifier,
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


def test_identifiers_of_somebody_have_no_order() -> None:
    def seller(*identifiers: Identifier) -> Invoice:
        return Invoice(kind=DocumentKind.INVOICE, seller=Seller(identifiers=identifiers))

    one, other = Identifier("1", "0088"), Identifier("2")
    assert differences(seller(one, other), seller(other, one)) == ()
    assert differences(seller(one, other), seller(other)) != ()
    assert differences(seller(one, other), seller(other, one, one)) != ()


def test_long_texts_are_shortened_for_people() -> None:
    (found,) = differences(with_notes("a" * 500), with_notes("b"))
    assert found.before is not None
    assert len(found.before) == 200
    assert found.before.endswith("…")


def test_long_texts_that_part_late_are_not_the_same() -> None:
    """An attachment or a note cut or garbled behind its beginning is a loss like any other."""
    (found,) = differences(with_notes("a" * 300 + "b"), with_notes("a" * 300 + "c"))
    assert (found.before, found.after) == (f"…{'a' * 50}b", f"…{'a' * 50}c")
    (cut,) = differences(with_notes("a" * 5000 + "b" * 900), with_notes("a" * 5000))
    assert cut.before is not None
    assert (len(cut.before), cut.before[51:53], cut.after) == (200, "bb", f"…{'a' * 50}")


def invoice_of(*lines: InvoiceLine) -> Invoice:
    return Invoice(kind=DocumentKind.INVOICE, lines=lines)


@pytest.mark.parametrize("count", [500, 5000])
def test_lines_are_known_by_their_identifier_when_some_go_and_all_change(count: int) -> None:
    lines = [InvoiceLine(identifier=str(n), note="lost") for n in range(count)]
    kept = [InvoiceLine(identifier=str(n)) for n in range(count) if n % 100 != 7]
    listed = differences(invoice_of(*lines), invoice_of(*kept))
    gone = [one.before for one in listed if one.path.endswith(".identifier")]
    assert gone == [str(n) for n in range(7, count, 100)]
    assert len(listed) == count + count // 100
    assert {one.after for one in listed} == {None}
    back = differences(invoice_of(*kept), invoice_of(*lines))
    assert [(one.before, one.after) for one in back] == [(None, one.before) for one in listed]


def test_one_line_lost_among_many_is_one_difference() -> None:
    lines = [InvoiceLine(item=Item(name=str(n))) for n in range(5000)]
    (found,) = differences(invoice_of(*lines), invoice_of(*lines[:2000], *lines[2001:]))
    assert (found.path, found.before, found.after) == ("lines[2000].item.name", "2000", None)


def test_many_lines_that_all_differ_are_compared_one_by_one() -> None:
    def invoice(prefix: str, count: int) -> Invoice:
        names = (f"{prefix}{n}" for n in range(count))
        return invoice_of(*(InvoiceLine(item=Item(name=name)) for name in names))

    assert len(differences(invoice("a", 1500), invoice("b", 1501))) == 1501


@settings(max_examples=100)
@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_no_difference_means_equal(before: str, after: str) -> None:
    listed = differences(with_notes(*before), with_notes(*after))
    assert (listed == ()) is (before == after)
    # At worst everything before is told as gone and everything after as added.
    assert len(listed) <= len(before) + len(after)
