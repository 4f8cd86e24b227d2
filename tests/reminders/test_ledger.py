"""An open item is the sum of its entries, on every day and as known at every moment."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reminders.entries import RULES, Column, Entry, EntryKind, ItemKind, LedgerRefused, Source
from reminders.ledger import (
    ItemState,
    OpenItem,
    append,
    open_by_currency,
    open_item,
    replay,
    state_of,
)

Kind = EntryKind
DAY = date(2026, 1, 1)
DUE = date(2026, 1, 15)
LATER = date(2026, 12, 31)

Make = Callable[..., OpenItem]
Book = Callable[..., Entry]


def refused(code: str, act: Callable[[], object]) -> str:
    with pytest.raises(LedgerRefused) as error:
        act()
    assert error.value.code == code
    return error.value.message


def test_an_invoice_is_open_and_paid_in_parts(item: Make, post: Make) -> None:
    invoice = item(amount=10_000)
    state = state_of(invoice, DAY)
    assert (state.open, state.original, state.due_date, state.closed) == (
        10_000,
        10_000,
        DUE,
        False,
    )
    part = post(invoice, Kind.PAYMENT_ALLOCATED, 4_000, on=date(2026, 1, 10))
    full = post(part, Kind.PAYMENT_ALLOCATED, 6_000, on=date(2026, 1, 20))
    assert state_of(full, date(2026, 1, 19)).open == 6_000
    state = state_of(full, date(2026, 1, 20))
    assert (state.open, state.paid, state.closed) == (0, 10_000, True)
    assert state.closed_on == date(2026, 1, 20)
    assert state_of(invoice, LATER).open == 10_000, "a value once given out never changes"


def test_before_its_date_an_item_does_not_exist(item: Make) -> None:
    state = state_of(item(), DAY - timedelta(days=1))
    assert (state.exists, state.open, state.closed) == (False, 0, False)
    assert state == ItemState(item="i1", currency="EUR", on=state.on)
    assert (state.original, state.paid, state.credited, state.discounted) == (0, 0, 0, 0)
    assert (state.written_off, state.disputed, state.announced, state.days_late) == (0, 0, 0, 0)


def test_a_late_discovered_payment_changes_the_past_but_not_what_was_known(
    item: Make, post: Make
) -> None:
    told = datetime(2026, 2, 1, tzinfo=UTC)
    paid = post(item(), Kind.PAYMENT_ALLOCATED, 10_000, on=date(2026, 1, 5), recorded=told)
    assert state_of(paid, date(2026, 1, 20)).closed
    before = told - timedelta(microseconds=1)
    assert state_of(paid, date(2026, 1, 20), known_at=before).open == 10_000
    assert state_of(paid, date(2026, 1, 20), known_at=told).closed


def test_every_way_an_amount_goes_has_its_column(item: Make, post: Make) -> None:
    invoice = item(amount=1_000)
    for kind, amount in (
        (Kind.CREDIT_APPLIED, 300),
        (Kind.CREDIT_WITHDRAWN, 100),
        (Kind.DISCOUNT_TAKEN, 20),
        (Kind.WRITTEN_OFF, 30),
        (Kind.WRITE_OFF_REVERSED, 10),
        (Kind.PAYMENT_ALLOCATED, 500),
        (Kind.PAYMENT_RETURNED, 400),
    ):
        invoice = post(invoice, kind, amount)
    state = state_of(invoice, DAY)
    assert (state.credited, state.discounted, state.written_off, state.paid) == (200, 20, 20, 100)
    assert state.open == 1_000 - 200 - 20 - 20 - 100


def test_a_returned_payment_opens_the_item_again(item: Make, post: Make) -> None:
    paid = post(item(), Kind.PAYMENT_ALLOCATED, 10_000, on=date(2026, 1, 10))
    back = post(paid, Kind.PAYMENT_RETURNED, 10_000, on=date(2026, 1, 25))
    state = state_of(back, LATER)
    assert (state.open, state.closed_on, state.reopened_on) == (10_000, None, date(2026, 1, 25))
    assert state_of(back, date(2026, 1, 24)).closed


def test_a_credit_note_is_used_released_and_refunded(item: Make, post: Make) -> None:
    note = item(amount=900, kind=ItemKind.CREDIT_NOTE)
    assert state_of(note, DAY).open == -900
    note = post(note, Kind.CREDIT_USED, 500)
    note = post(note, Kind.CREDIT_RELEASED, 200)
    note = post(note, Kind.REFUNDED, 600)
    state = state_of(note, DAY)
    assert (state.open, state.credited, state.paid, state.closed) == (0, 300, 600, True)
    refused("LEDGER-OVERDRAWN", lambda: post(note, Kind.REFUNDED, 1))


def test_a_dispute_covers_its_part_until_it_is_resolved(item: Make, post: Make) -> None:
    part = post(item(), Kind.DISPUTE_OPENED, 3_000, dispute="d1")
    whole = post(part, Kind.DISPUTE_OPENED, None, dispute="d2", on=date(2026, 1, 3))
    assert state_of(part, DAY).disputed == 3_000
    assert state_of(whole, LATER).disputed == 10_000
    solved = post(whole, Kind.DISPUTE_RESOLVED, dispute="d2", on=date(2026, 1, 5))
    assert state_of(solved, LATER).disputed == 3_000
    paid = post(solved, Kind.PAYMENT_ALLOCATED, 8_000)
    assert state_of(paid, LATER).disputed == 2_000, "never more than what is open"
    refused(
        "LEDGER-DISPUTE-UNKNOWN", lambda: post(solved, Kind.DISPUTE_RESOLVED, dispute="elsewhere")
    )


def test_an_announced_payment_is_no_payment(item: Make, post: Make) -> None:
    invoice = post(item(), Kind.PAYMENT_ANNOUNCED, on=date(2026, 1, 10))
    state = state_of(invoice, LATER)
    assert (state.open, state.announced, state.announced_on) == (10_000, 10_000, date(2026, 1, 10))
    part = post(invoice, Kind.PAYMENT_ALLOCATED, 4_000, on=date(2026, 1, 11))
    assert state_of(part, LATER).announced == 6_000
    paid = post(part, Kind.PAYMENT_ALLOCATED, 6_000, on=date(2026, 1, 12))
    assert state_of(paid, LATER).announced_on is None
    back = post(paid, Kind.PAYMENT_RETURNED, 6_000, on=date(2026, 1, 13))
    assert state_of(back, LATER).announced == 0


def test_a_part_announced_is_used_up_by_what_is_paid(item: Make, post: Make) -> None:
    told = post(item(), Kind.PAYMENT_ANNOUNCED, 5_000)
    assert state_of(told, DAY).announced == 5_000
    assert state_of(post(told, Kind.CREDIT_APPLIED, 2_000), DAY).announced == 5_000
    part = post(told, Kind.PAYMENT_ALLOCATED, 4_000)
    assert state_of(part, DAY).announced == 1_000
    assert state_of(post(part, Kind.PAYMENT_ALLOCATED, 2_000), DAY).announced == 0


def test_of_a_closed_item_nothing_is_disputed_or_announced(item: Make, post: Make) -> None:
    paid = post(item(), Kind.PAYMENT_ALLOCATED, 10_000)
    for amount in (None, 50):
        noted = post(paid, Kind.DISPUTE_OPENED, amount, dispute="d")
        noted = post(noted, Kind.PAYMENT_ANNOUNCED, 70)
        state = state_of(noted, DAY)
        assert (state.disputed, state.announced, state.announced_on) == (0, 0, None)


def test_a_changed_due_date_holds_from_its_date(item: Make, post: Make) -> None:
    moved = post(item(), Kind.DUE_DATE_CHANGED, due=LATER, on=date(2026, 1, 10))
    assert state_of(moved, date(2026, 1, 9)).due_date == DUE
    assert state_of(moved, date(2026, 1, 10)).due_date == LATER
    assert state_of(moved, date(2026, 1, 10)).days_late == -355


def test_a_fee_outlives_the_invoice_it_arose_from(item: Make, post: Make) -> None:
    fee = item("fee", 4_000, kind=ItemKind.COMPENSATION)
    paid = post(item(), Kind.PAYMENT_ALLOCATED, 10_000)
    assert fee.arises_from == "i0"
    assert open_by_currency([state_of(paid, DAY), state_of(fee, DAY)]) == {"EUR": 4_000}
    assert state_of(post(fee, Kind.WRITTEN_OFF, 4_000), DAY).closed


def test_currencies_are_never_added(item: Make) -> None:
    items = [item("a", 1), item("b", 2, currency="SEK"), item("c", 4, kind=ItemKind.CREDIT_NOTE)]
    assert open_by_currency(state_of(one, DAY) for one in items) == {"EUR": -3, "SEK": 2}


def test_booking_the_same_entry_again_changes_nothing(item: Make, entry: Book) -> None:
    payment = entry(Kind.PAYMENT_ALLOCATED, 1_000, source="bank-1")
    once = append(item(), payment)
    again = replace(payment, recorded_at=payment.recorded_at + timedelta(days=3))
    assert append(once, again) is once
    refused("LEDGER-SOURCE-REUSED", lambda: append(once, replace(payment, amount=999)))


def test_what_cannot_be_booked_is_refused(item: Make, entry: Book) -> None:
    invoice = item()
    for code, wrong in (
        ("LEDGER-CURRENCY", entry(Kind.PAYMENT_ALLOCATED, 1, currency="SEK")),
        ("LEDGER-SECOND-OPENING", entry(Kind.INVOICED, 1, source="2")),
        ("LEDGER-BEFORE-OPENING", entry(Kind.PAYMENT_ALLOCATED, 1, on=date(2025, 12, 31))),
        ("LEDGER-WRONG-KIND", entry(Kind.REFUNDED, 1)),
        ("LEDGER-AMOUNT", entry(Kind.PAYMENT_ALLOCATED)),
        ("LEDGER-AMOUNT", entry(Kind.PAYMENT_ALLOCATED, 0)),
        ("LEDGER-AMOUNT", entry(Kind.PAYMENT_ALLOCATED, -5)),
        ("LEDGER-AMOUNT", entry(Kind.DUE_DATE_CHANGED, 5, due=DUE)),
        ("LEDGER-DUE-DATE", entry(Kind.DUE_DATE_CHANGED)),
        ("LEDGER-DUE-DATE", entry(Kind.PAYMENT_ALLOCATED, 5, due=DUE)),
        ("LEDGER-DISPUTE", entry(Kind.DISPUTE_OPENED)),
        ("LEDGER-SOURCE", entry(Kind.PAYMENT_ALLOCATED, 5, source="")),
        ("LEDGER-OVERDRAWN", entry(Kind.PAYMENT_ALLOCATED, 10_001)),
        ("LEDGER-NOTHING-TO-UNDO", entry(Kind.PAYMENT_RETURNED, 1)),
        ("LEDGER-NOTHING-TO-UNDO", entry(Kind.CREDIT_WITHDRAWN, 1)),
        ("LEDGER-NOTHING-TO-UNDO", entry(Kind.WRITE_OFF_REVERSED, 1)),
    ):
        later = replace(wrong, recorded_at=datetime(2026, 2, 1, tzinfo=UTC))
        assert refused(code, lambda later=later: append(invoice, later))
    early = entry(Kind.PAYMENT_ALLOCATED, 1, recorded=datetime(2025, 1, 1, tzinfo=UTC))
    refused("LEDGER-RECORDED-EARLIER", lambda: append(invoice, early))


def test_a_backdated_entry_may_not_overdraw_any_day(item: Make, post: Make) -> None:
    written_off = post(item(), Kind.WRITTEN_OFF, 10_000, on=date(2026, 3, 1))
    message = refused(
        "LEDGER-OVERDRAWN",
        lambda: post(written_off, Kind.PAYMENT_ALLOCATED, 500, on=date(2026, 2, 1)),
    )
    assert "2026-03-01" in message
    reversed_ = post(written_off, Kind.WRITE_OFF_REVERSED, 10_000, on=date(2026, 3, 1))
    refused(
        "LEDGER-OVERDRAWN",
        lambda: post(reversed_, Kind.PAYMENT_ALLOCATED, 500, on=date(2026, 2, 1)),
    )


def test_what_cannot_be_opened_is_refused(entry: Book) -> None:
    def opening(**more: object) -> Callable[[], object]:
        facts: dict[str, object] = {
            "id": "i",
            "customer": "c",
            "kind": ItemKind.INVOICE,
            "number": "n",
            "opening": entry(Kind.INVOICED, 1),
        }
        return lambda: open_item(**{**facts, **more})

    refused("LEDGER-ITEM-UNNAMED", opening(customer=""))
    refused("LEDGER-NOT-AN-OPENING", opening(opening=entry(Kind.PAYMENT_ALLOCATED, 1)))
    refused("LEDGER-CLAIM-WITHOUT-INVOICE", opening(arises_from="x"))
    refused("LEDGER-CLAIM-WITHOUT-INVOICE", opening(kind=ItemKind.COST))
    refused("LEDGER-WRONG-KIND", opening(opening=entry(Kind.CLAIMED, 1)))
    refused("LEDGER-CURRENCY-CODE", opening(opening=entry(Kind.INVOICED, 1, currency="eur")))
    naive = replace(entry(Kind.INVOICED, 1), recorded_at=datetime(2026, 1, 1))  # noqa: DTZ001 -- the point
    refused("LEDGER-INSTANT-NAIVE", opening(opening=naive))
    zone = timezone(timedelta(hours=1))
    abroad = replace(entry(Kind.INVOICED, 1), recorded_at=datetime(2026, 1, 1, tzinfo=zone))
    refused("LEDGER-INSTANT-NAIVE", opening(opening=abroad))


def test_replay_needs_entries_and_checks_them(item: Make, post: Make) -> None:
    paid = post(item(), Kind.PAYMENT_ALLOCATED, 10_000)
    facts = {"id": paid.id, "customer": "c1", "kind": paid.kind, "number": paid.number}
    assert replay(**facts, entries=paid.entries) == paid
    refused("LEDGER-EMPTY", lambda: replay(**facts, entries=()))
    spoilt = (*paid.entries, replace(paid.entries[1], source=Source("test", "again")))
    refused("LEDGER-OVERDRAWN", lambda: replay(**facts, entries=spoilt))


def test_the_table_has_a_row_for_every_kind() -> None:
    assert set(RULES) == set(EntryKind)
    for kind, rule in RULES.items():
        assert rule.opens == (rule.column is Column.ORIGINAL), kind
        assert (rule.sign == 0) == (rule.column is Column.NONE), kind
        one_side = {item.is_credit for item in rule.items}
        assert len(one_side) == 1, kind


STEPS = st.lists(
    st.tuples(
        st.sampled_from([kind for kind in Kind if not RULES[kind].opens]),
        st.integers(1, 1_200),
        st.integers(0, 20),
        st.sampled_from(["d1", "d2"]),
    ),
    max_size=14,
)


@settings(max_examples=120)
@given(st.sampled_from(ItemKind), STEPS)
def test_entries_always_add_up(
    item: Make, entry: Book, kind: ItemKind, steps: list[tuple[EntryKind, int, int, str]]
) -> None:
    current = item(amount=1_000, kind=kind)
    for at, (what, amount, day, dispute) in enumerate(steps):
        rule = RULES[what]
        booked = entry(
            what,
            amount if rule.column is not Column.NONE else None,
            on=DAY + timedelta(days=day),
            source=str(at),
            recorded=datetime(2026, 2, 1, tzinfo=UTC) + timedelta(hours=at),
            due=DUE if what is Kind.DUE_DATE_CHANGED else None,
            dispute=dispute if what in (Kind.DISPUTE_OPENED, Kind.DISPUTE_RESOLVED) else "",
        )
        try:
            current = append(current, booked)
        except LedgerRefused:
            continue
        assert append(current, booked) is current
    for known in (None, *(one.recorded_at for one in current.entries)):
        for day in range(22):
            check_sums(current, DAY + timedelta(days=day), known)
    assert (
        replay(
            id=current.id,
            customer=current.customer,
            kind=kind,
            number=current.number,
            entries=current.entries,
            arises_from=current.arises_from,
        )
        == current
    )


def check_sums(current: OpenItem, on: date, known: datetime | None) -> None:
    counted = [
        one
        for one in current.entries
        if one.business_date <= on and (known is None or one.recorded_at <= known)
    ]
    state = state_of(current, on, known_at=known)
    assert state.open == sum(RULES[one.kind].sign * (one.amount or 0) for one in counted)
    assert state.closed == (bool(counted) and state.open == 0)
    assert (state.closed_on is not None) == state.closed
    sign = -1 if current.kind.is_credit else 1
    assert 0 <= sign * state.open <= state.original
    reductions = state.paid + state.credited + state.discounted + state.written_off
    assert state.original - reductions == sign * state.open
    assert min(state.paid, state.credited, state.discounted, state.written_off) >= 0
    assert 0 <= state.disputed <= max(state.open, 0)
    assert 0 <= state.announced <= max(state.open, 0)
    assert (state.announced_on is not None) == (state.announced > 0)
    kinds = {one.kind for one in counted}
    assert not state.announced or Kind.PAYMENT_ANNOUNCED in kinds
    assert not state.disputed or Kind.DISPUTE_OPENED in kinds
