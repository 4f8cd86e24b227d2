"""What people type into the pages: amounts and days are understood or refused, never guessed."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.receivables.pages_forms import day, minor, text
from gateway.receivables.pages_looks import booked
from reminders.entries import Entry, EntryKind, ItemKind, Source
from reminders.ledger import append, open_item, state_of
from ubl.amounts import from_minor

SEPARATORS = {"en": (",", "."), "fr": ("\N{NARROW NO-BREAK SPACE}", ","), "de": (".", ",")}
START = date(2026, 9, 1)


def written(cents: int, thousands: str, point: str) -> str:
    """An amount as a language writes it."""
    return f"{from_minor(cents, 'EUR').value:,.2f}".translate(
        str.maketrans({",": thousands, ".": point})
    )


@settings(max_examples=60)
@given(st.integers(0, 10**11), st.sampled_from(sorted(SEPARATORS)))
def test_an_amount_is_read_as_the_language_writes_it(cents: int, language: str) -> None:
    assert minor({"amount": written(cents, *SEPARATORS[language])}, "amount", "EUR") == cents


@pytest.mark.parametrize(
    ("typed", "currency", "expected"),
    [
        ("", "EUR", None),
        ("  ", "EUR", None),
        ("12", "EUR", 1200),
        ("12,5", "EUR", 1250),
        ("1'234.50", "CHF", 123450),
        ("-3.20", "EUR", -320),
        ("500", "JPY", 500),
    ],
)
def test_an_amount_may_be_short(typed: str, currency: str, expected: int | None) -> None:
    assert minor({"amount": typed}, "amount", currency) == expected


@pytest.mark.parametrize(
    "typed", ["1,234", "1.234", "1.000", "1,500", "1.2.3", "ten", "1e3", "NaN", "€5", "--1"]
)
def test_an_amount_that_could_be_two_is_refused(typed: str) -> None:
    with pytest.raises(GatewayError) as refused:
        minor({"amount": typed}, "amount", "EUR")
    assert refused.value.kind.code == "AMOUNT-UNREADABLE"


@settings(max_examples=40)
@given(st.text(max_size=40))
def test_whatever_is_typed_is_answered(typed: str) -> None:
    form, codes = {"field": typed}, set[str]()
    for read in (lambda: day(form, "field"), lambda: minor(form, "field", "EUR")):
        try:
            read()
        except GatewayError as refused:
            codes.add(refused.kind.code)
    assert codes <= {"AMOUNT-UNREADABLE", "DAY-UNREADABLE"}
    assert len(text(form, "field", length=5)) <= 5


@given(st.dates(date(1990, 1, 1), date(2199, 12, 31)))
def test_a_day_is_read_as_browsers_send_it(value: date) -> None:
    assert day({"on": value.isoformat()}, "on") == value


@pytest.mark.parametrize("typed", ["0001-01-01", "9999-12-31", "2026-02-30", "14/09/2026"])
def test_a_day_outside_of_the_books_is_refused(typed: str) -> None:
    with pytest.raises(GatewayError) as refused:
        day({"on": typed}, "on")
    assert refused.value.kind.code == "DAY-UNREADABLE"


def entry(kind: EntryKind, amount: int | None, number: int, after: int, **more: str) -> Entry:
    return Entry(
        kind=kind,
        currency="EUR",
        amount=amount,
        business_date=START + timedelta(days=after),
        recorded_at=datetime(2026, 9, 1, tzinfo=UTC) + timedelta(minutes=number),
        source=Source("test", str(number)),
        **more,  # type: ignore[arg-type] # dispute and reason are texts
    )


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 20)), max_size=8), st.integers(0, 25))
def test_the_running_balance_ends_at_what_is_open(
    payments: list[tuple[int, int]], until: int
) -> None:
    item = open_item(
        id="i",
        customer="c",
        kind=ItemKind.INVOICE,
        number="F1",
        opening=entry(EntryKind.INVOICED, 1_000, 0, 0),
    )
    for number, (amount, after) in enumerate(payments, start=1):
        item = append(item, entry(EntryKind.PAYMENT_ALLOCATED, amount, number, after))
    item = append(item, entry(EntryKind.DISPUTE_OPENED, None, 99, 3, dispute="d"))
    on = START + timedelta(days=until)
    shown = booked(item.entries, on)
    assert shown[-1].balance == state_of(item, on).open
    assert [one.entry.business_date for one in shown] == sorted(
        one.business_date for one in item.entries if one.business_date <= on
    )
    assert [one.change for one in shown if one.entry.kind is EntryKind.DISPUTE_OPENED] in (
        [],
        [None],
    )
