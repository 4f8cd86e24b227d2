"""What the sending transaction finds out at the last moment about a planned step."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from reminders.account import Account, Hold, HoldReason, PlanRefused, Rulebook
from reminders.entries import EntryKind, ItemKind
from reminders.ledger import OpenItem
from reminders.plan import Action, Cancelled, plan, still_due
from reminders.step import Waiting, Why

Make = Callable[..., OpenItem]

ISSUED = date(2026, 3, 2)
DAY_15 = date(2026, 3, 17)


@pytest.fixture
def of(item: Make) -> Account:
    items = (item("a", on=ISSUED), item("b", 2_000, on=ISSUED))
    return Account(customer="c1", items=items)


@pytest.fixture
def action(of: Account, rulebook: Rulebook) -> Action:
    (action,) = plan(of, rulebook=rulebook, on=DAY_15).actions
    return action


def check(action: Action, of: Account, book: Rulebook, on: date = DAY_15) -> object:
    return still_due(action, of, rulebook=book, on=on)


def test_unchanged_facts_send_the_same(action: Action, of: Account, rulebook: Rulebook) -> None:
    assert check(action, of, rulebook) == action


def test_sent_once_is_sent(action: Action, of: Account, rulebook: Rulebook) -> None:
    sent = replace(of, history=(action.taken(),))
    for day in (DAY_15, date(2026, 3, 18)):
        found = check(action, sent, rulebook, day)
        assert isinstance(found, Cancelled)
        assert {one.why for one in found.because} == {Why.ALREADY_SENT}


def test_a_payment_takes_its_item_out(
    action: Action, of: Account, post: Make, rulebook: Rulebook
) -> None:
    paid = post(of.items[0], EntryKind.PAYMENT_ALLOCATED, 10_000, on=DAY_15)
    found = check(action, replace(of, items=(paid, of.items[1])), rulebook)
    assert isinstance(found, Action)
    assert (found.key, found.total, found.items) == (action.key, 2_000, {"b"})
    both = post(of.items[1], EntryKind.PAYMENT_ALLOCATED, 2_000, on=DAY_15)
    gone = check(action, replace(of, items=(paid, both)), rulebook)
    waiting = (Waiting("a", Why.SETTLED), Waiting("b", Why.SETTLED))
    assert gone == Cancelled(action.key, waiting)


def test_a_part_payment_lowers_the_amount(
    action: Action, of: Account, post: Make, rulebook: Rulebook
) -> None:
    part = post(of.items[0], EntryKind.PAYMENT_ALLOCATED, 9_000, on=DAY_15)
    found = check(action, replace(of, items=(part, of.items[1])), rulebook)
    assert isinstance(found, Action)
    assert found.total == 3_000


def test_a_hold_or_dispute_stops_it(
    action: Action, of: Account, post: Make, rulebook: Rulebook
) -> None:
    paused = replace(of, holds=(Hold(reason=HoldReason.PAUSED, since=DAY_15),))
    found = check(action, paused, rulebook)
    assert isinstance(found, Cancelled)
    assert {one.why for one in found.because} == {Why.PAUSED}
    disputed = post(of.items[0], EntryKind.DISPUTE_OPENED, dispute="d", on=DAY_15)
    left = check(action, replace(of, items=(disputed, of.items[1])), rulebook)
    assert isinstance(left, Action)
    assert left.items == {"b"}


def test_items_nobody_approved_are_not_added(
    action: Action, of: Account, item: Make, rulebook: Rulebook
) -> None:
    more = replace(of, items=(*of.items, item("c", on=ISSUED)))
    assert check(action, more, rulebook) == action


def test_a_credit_that_came_meanwhile_counts(
    action: Action, of: Account, item: Make, rulebook: Rulebook
) -> None:
    note = item("n", 11_800, on=ISSUED, kind=ItemKind.CREDIT_NOTE)
    found = check(action, replace(of, items=(*of.items, note)), rulebook)
    assert isinstance(found, Cancelled)
    assert {one.why for one in found.because} == {Why.BELOW_MINIMUM}


def test_approved_a_day_later_it_keeps_its_key(
    action: Action, of: Account, rulebook: Rulebook
) -> None:
    found = check(action, of, rulebook, date(2026, 3, 18))
    assert isinstance(found, Action)
    assert found.key == action.key
    assert (found.on, found.deadline) == (date(2026, 3, 18), date(2026, 3, 28))
    assert found.lines[0].days_late == 2
    weekend = check(action, of, rulebook, date(2026, 3, 21))
    assert isinstance(weekend, Cancelled)
    assert weekend.because[0] == Waiting("a", Why.NOT_A_BUSINESS_DAY, date(2026, 3, 23))


def test_planned_twice_over_days_it_is_sent_once(
    action: Action, of: Account, rulebook: Rulebook
) -> None:
    next_day = date(2026, 3, 18)
    (again,) = plan(of, rulebook=rulebook, on=next_day).actions
    assert again.key != action.key
    sent = replace(of, history=(again.taken(),))
    assert isinstance(check(action, sent, rulebook, next_day), Cancelled)


def test_an_item_at_another_level_leaves_it(
    action: Action, of: Account, post: Make, rulebook: Rulebook
) -> None:
    later = date(2026, 3, 30)
    moved = post(of.items[0], EntryKind.DUE_DATE_CHANGED, due=date(2026, 4, 1), on=DAY_15)
    found = check(action, replace(of, items=(moved, of.items[1])), rulebook, later)
    assert isinstance(found, Action)
    assert found.items == {"b"}
    alone = replace(action, lines=action.lines[:1])
    gone = check(alone, replace(of, items=(moved,)), rulebook, later)
    assert gone == Cancelled(action.key, (Waiting("a", Why.ANOTHER_LEVEL),))


def test_a_vanished_item_is_an_error(action: Action, of: Account, rulebook: Rulebook) -> None:
    with pytest.raises(PlanRefused) as refused:
        check(action, replace(of, items=of.items[:1]), rulebook)
    assert refused.value.code == "PLAN-ITEM-MISSING"
