"""The planner takes the steps of the policy, one by one, and leaves alone what must be left."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reminders.account import Account, Hold, HoldReason, PlanRefused, Rulebook, StepKey, StepTaken
from reminders.calendar import Calendar, Roll
from reminders.entries import EntryKind, ItemKind
from reminders.ledger import OpenItem, open_item
from reminders.plan import Action, Plan, plan, still_due
from reminders.policy import Anchor, Grouping, PartialDispute
from reminders.step import Waiting, Why

Make = Callable[..., OpenItem]

ISSUED = date(2026, 3, 2)
DUE = date(2026, 3, 16)
DAY_15 = date(2026, 3, 17)


@pytest.fixture
def invoice(item: Make) -> OpenItem:
    """An invoice of Monday, 2 March 2026, payable within 14 days."""
    return item("i1", on=ISSUED)


def account(*items: OpenItem, **more: object) -> Account:
    return Account(customer="c1", items=items, **more)


def send(of: Account, planned: Plan) -> Account:
    taken = tuple(action.taken() for action in planned.actions)
    return replace(of, history=(*of.history, *taken))


def walk(of: Account, rulebook: Rulebook, start: date, end: date) -> tuple[Account, list[Action]]:
    """Run the planner every day and send whatever it says."""
    sent: list[Action] = []
    for day in (start + timedelta(days=n) for n in range((end - start).days + 1)):
        planned = plan(of, rulebook=rulebook, on=day)
        sent += planned.actions
        of = send(of, planned)
    return of, sent


def steps(sent: Sequence[Action]) -> list[tuple[str, str]]:
    return [(action.key.level, action.on.isoformat()) for action in sent]


def only(waiting: Sequence[Waiting]) -> tuple[Why, date | None]:
    assert len(waiting) == 1
    return waiting[0].why, waiting[0].until


def test_an_unpaid_invoice_goes_through_every_step(invoice: OpenItem, rulebook: Rulebook) -> None:
    done, sent = walk(account(invoice), rulebook, ISSUED, date(2026, 8, 1))
    assert [(*step, action.deadline) for step, action in zip(steps(sent), sent, strict=True)] == [
        ("before-due", "2026-03-11", None),
        ("first-reminder", "2026-03-17", date(2026, 3, 27)),
        # Five working days over Easter, when TARGET is closed on Friday and Monday.
        ("firm-reminder", "2026-03-31", date(2026, 4, 9)),
        ("call", "2026-04-10", None),
        ("formal-notice", "2026-04-15", date(2026, 4, 30)),
        # The day after the deadline is 1 May, a Friday.
        ("hand-over", "2026-05-04", None),
    ]
    last = plan(done, rulebook=rulebook, on=date(2026, 8, 3))
    assert last.actions == ()
    assert only(last.waiting) == (Why.ALL_STEPS_TAKEN, None)


def test_an_action_says_what_it_asks_for_and_why(invoice: OpenItem, rulebook: Rulebook) -> None:
    (action,) = plan(account(invoice), rulebook=rulebook, on=DAY_15).actions
    assert str(action.key) == "c1/standard@1/first-reminder/2026-03-17/EUR"
    assert (action.total, action.items) == (10_000, frozenset({"i1"}))
    (line,) = action.lines
    assert (line.number, line.amount, line.due_date, line.days_late) == ("N-i1", 10_000, DUE, 1)
    assert str(line.because) == "due since 2026-03-17, counted from the due-date 2026-03-16"


def test_until_a_step_is_due_the_plan_says_when(invoice: OpenItem, rulebook: Rulebook) -> None:
    for day, until in (
        (ISSUED, date(2026, 3, 11)),
        (date(2026, 3, 10), date(2026, 3, 11)),
    ):
        planned = plan(account(invoice), rulebook=rulebook, on=day)
        assert only(planned.waiting) == (Why.NOT_YET, until)
    early = plan(account(invoice), rulebook=rulebook, on=date(2026, 3, 1))
    assert only(early.waiting) == (Why.NOT_YET_OPEN, ISSUED)
    text = str(plan(account(invoice), rulebook=rulebook, on=ISSUED).waiting[0])
    assert text == "nothing for i1, because the next step is not due yet (until 2026-03-11)"


def test_nothing_is_sent_on_a_day_banks_are_closed(item: Make, rulebook: Rulebook) -> None:
    late = account(item("i1", on=ISSUED, due=date(2026, 4, 2)))
    planned = plan(late, rulebook=rulebook, on=date(2026, 4, 3))
    assert only(planned.waiting) == (Why.NOT_A_BUSINESS_DAY, date(2026, 4, 7))
    any_day = replace(rulebook, current=replace(rulebook.current, business_days_only=False))
    assert len(plan(late, rulebook=any_day, on=date(2026, 4, 3)).actions) == 1


def test_an_old_invoice_starts_with_the_first_reminder(item: Make, rulebook: Rulebook) -> None:
    old = account(item("old", on=date(2025, 1, 2)))
    _, sent = walk(old, rulebook, DAY_15, date(2026, 4, 1))
    assert steps(sent) == [("first-reminder", "2026-03-17"), ("firm-reminder", "2026-03-31")]


def test_one_reminder_for_all_items_of_a_level_and_currency(item: Make, rulebook: Rulebook) -> None:
    of = account(
        item("a", 100_00, on=ISSUED),
        item("b", 50_00, on=ISSUED, due=date(2026, 3, 10)),
        item("s", 70_00, on=ISSUED, currency="SEK"),
    )
    euro, krona = plan(of, rulebook=rulebook, on=DAY_15).actions
    assert [line.item for line in euro.lines] == ["b", "a"], "the oldest first"
    assert (euro.total, euro.key.currency) == (150_00, "EUR")
    assert (krona.total, krona.key.currency) == (70_00, "SEK")


def test_item_grouping_sends_one_reminder_each(item: Make, rulebook: Rulebook) -> None:
    alone = replace(rulebook, current=replace(rulebook.current, grouping=Grouping.ITEM))
    of = account(item("a", on=ISSUED), item("b", on=ISSUED))
    first, second = plan(of, rulebook=alone, on=DAY_15).actions
    assert (first.key.item, second.key.item) == ("a", "b")
    assert str(second.key).endswith("/EUR/b")


def test_a_reminded_item_does_not_silence_the_others(item: Make, rulebook: Rulebook) -> None:
    of = account(item("a", on=ISSUED), item("b", on=ISSUED, due=date(2026, 3, 18)))
    _, sent = walk(of, rulebook, DAY_15, date(2026, 3, 19))
    assert [(action.key.level, sorted(action.items)) for action in sent] == [
        ("first-reminder", ["a"]),
        ("before-due", ["b"]),
        ("first-reminder", ["b"]),
    ]


def test_a_level_is_written_once_a_day(item: Make, rulebook: Rulebook) -> None:
    of = account(item("a", on=ISSUED))
    of = send(of, plan(of, rulebook=rulebook, on=DAY_15))
    more = replace(of, items=(*of.items, item("late-booked", on=ISSUED)))
    planned = plan(more, rulebook=rulebook, on=DAY_15)
    assert planned.actions == ()
    waiting = {one.item: one for one in planned.waiting}
    assert waiting["late-booked"] == Waiting("late-booked", Why.ALREADY_SENT, date(2026, 3, 18))
    assert plan(more, rulebook=rulebook, on=date(2026, 3, 18)).actions[0].items == {"late-booked"}


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (HoldReason.PAUSED, Why.PAUSED),
        (HoldReason.DISPUTE, Why.DISPUTED),
        (HoldReason.PAYMENT_PLAN, Why.PAYMENT_PLAN),
        (HoldReason.PAYMENT_UNDER_WAY, Why.PAYMENT_UNDER_WAY),
    ],
)
def test_a_hold_lasts_to_its_last_day(
    item: Make, rulebook: Rulebook, reason: HoldReason, why: Why
) -> None:
    last = date(2026, 3, 18)
    held = Hold(reason=reason, since=DAY_15, last_day=last, item="a")
    of = account(item("a", on=ISSUED), item("b", on=ISSUED), holds=(held,))
    planned = plan(of, rulebook=rulebook, on=DAY_15)
    assert planned.actions[0].items == {"b"}
    assert planned.waiting == (Waiting("a", why, date(2026, 3, 19)),)
    resumed = plan(send(of, planned), rulebook=rulebook, on=date(2026, 3, 19))
    assert resumed.actions[0].items == {"a"}
    earlier = replace(of, holds=(replace(held, since=date(2026, 3, 18)),))
    assert plan(earlier, rulebook=rulebook, on=DAY_15).actions[0].items == {"a", "b"}


def test_a_pause_covers_the_whole_customer_and_has_no_end(item: Make, rulebook: Rulebook) -> None:
    holds = (
        Hold(reason=HoldReason.PAUSED, since=ISSUED),
        Hold(reason=HoldReason.PAUSED, since=ISSUED, last_day=date(2026, 3, 18)),
        Hold(reason=HoldReason.PAYMENT_UNDER_WAY, since=ISSUED, last_day=DAY_15, item="a"),
    )
    of = account(item("a", on=ISSUED), item("b", on=ISSUED), holds=holds)
    planned = plan(of, rulebook=rulebook, on=DAY_15)
    assert planned == Plan((), (Waiting("a", Why.PAUSED), Waiting("b", Why.PAUSED)))


def test_after_a_pause_levels_do_not_jump(invoice: OpenItem, rulebook: Rulebook) -> None:
    pause = Hold(reason=HoldReason.PAUSED, since=date(2026, 3, 18), last_day=date(2026, 6, 30))
    _, sent = walk(account(invoice, holds=(pause,)), rulebook, DAY_15, date(2026, 7, 10))
    assert steps(sent) == [
        ("first-reminder", "2026-03-17"),
        ("firm-reminder", "2026-07-01"),
        ("call", "2026-07-09"),
    ]


def test_a_dispute_stops_reminders_until_it_is_resolved(
    invoice: OpenItem, post: Make, rulebook: Rulebook
) -> None:
    part = post(invoice, EntryKind.DISPUTE_OPENED, 4_000, dispute="d", on=date(2026, 3, 10))
    assert only(plan(account(part), rulebook=rulebook, on=DAY_15).waiting) == (Why.DISPUTED, None)
    rest = replace(rulebook.current, partial_dispute=PartialDispute.CHASE_REST)
    chasing = replace(rulebook, current=rest)
    assert plan(account(part), rulebook=chasing, on=DAY_15).actions[0].total == 6_000
    whole = post(part, EntryKind.DISPUTE_OPENED, dispute="e", on=date(2026, 3, 11))
    assert only(plan(account(whole), rulebook=chasing, on=DAY_15).waiting)[0] is Why.DISPUTED
    solved = post(part, EntryKind.DISPUTE_RESOLVED, dispute="d", on=date(2026, 3, 16))
    assert plan(account(solved), rulebook=rulebook, on=DAY_15).actions[0].total == 10_000


def test_an_announced_payment_is_waited_for(
    invoice: OpenItem, post: Make, rulebook: Rulebook
) -> None:
    told = post(invoice, EntryKind.PAYMENT_ANNOUNCED, on=date(2026, 3, 18))
    planned = plan(account(told), rulebook=rulebook, on=date(2026, 3, 20))
    assert only(planned.waiting) == (Why.PAYMENT_ANNOUNCED, date(2026, 3, 23))
    assert plan(account(told), rulebook=rulebook, on=date(2026, 3, 23)).actions[0].total == 10_000


def test_of_several_holds_the_last_end_counts(invoice: OpenItem, rulebook: Rulebook) -> None:
    holds = tuple(
        Hold(reason=HoldReason.PAUSED, since=ISSUED, last_day=date(2026, 3, day))
        for day in (18, 24, 20)
    )
    planned = plan(account(invoice, holds=holds), rulebook=rulebook, on=DAY_15)
    assert only(planned.waiting) == (Why.PAUSED, date(2026, 3, 25))


def test_a_later_level_may_count_from_the_due_date(invoice: OpenItem, rulebook: Rulebook) -> None:
    firm = replace(rulebook.current.levels[2], anchor=Anchor.DUE_DATE, days=8)
    levels = (*rulebook.current.levels[:2], firm)
    book = replace(rulebook, current=replace(rulebook.current, levels=levels))
    _, sent = walk(account(invoice), book, ISSUED, date(2026, 4, 30))
    assert steps(sent)[1:] == [
        ("first-reminder", "2026-03-17"),
        ("firm-reminder", "2026-03-24"),
    ]
    _, late = walk(account(invoice), book, date(2026, 4, 7), date(2026, 4, 30))
    assert steps(late) == [
        ("first-reminder", "2026-04-07"),
        ("firm-reminder", "2026-04-13"),
    ], "the gap holds"


def test_a_returned_payment_resumes_after_the_level_reached(
    invoice: OpenItem, post: Make, rulebook: Rulebook
) -> None:
    of = account(invoice)
    of = send(of, plan(of, rulebook=rulebook, on=DAY_15))
    paid = post(invoice, EntryKind.PAYMENT_ALLOCATED, 10_000, on=date(2026, 3, 20))
    assert only(
        plan(replace(of, items=(paid,)), rulebook=rulebook, on=date(2026, 5, 4)).waiting
    ) == (
        Why.SETTLED,
        None,
    )
    back = post(paid, EntryKind.PAYMENT_RETURNED, 10_000, on=date(2026, 5, 4))
    _, sent = walk(replace(of, items=(back,)), rulebook, date(2026, 5, 4), date(2026, 5, 20))
    assert steps(sent) == [("firm-reminder", "2026-05-18")], "the same 14 days again"


def test_grace_roll_and_gap_move_a_step(item: Make, rulebook: Rulebook) -> None:
    saturday = account(item("i1", on=ISSUED, due=date(2026, 3, 14)))
    for changes, first in (
        ({}, "2026-03-16"),
        ({"due_date_roll": Roll.FOLLOWING}, "2026-03-17"),
        ({"due_date_roll": Roll.PRECEDING, "grace_days": 5}, "2026-03-19"),
        ({"grace_days": 5}, "2026-03-20"),
    ):
        changed = replace(rulebook, current=replace(rulebook.current, **changes))
        _, sent = walk(saturday, changed, date(2026, 3, 14), date(2026, 3, 27))
        assert steps(sent)[-1:] == [("first-reminder", first)], changes
    patient = replace(rulebook, current=replace(rulebook.current, gap_days=20))
    _, sent = walk(saturday, patient, date(2026, 3, 16), date(2026, 4, 30))
    assert steps(sent)[:2] == [("first-reminder", "2026-03-16"), ("firm-reminder", "2026-04-07")]


def test_a_case_keeps_the_version_it_began_with(invoice: OpenItem, rulebook: Rulebook) -> None:
    first = rulebook.current
    of = account(invoice)
    of = send(of, plan(of, rulebook=rulebook, on=DAY_15))
    firm = replace(first.levels[2], days=30)
    second = replace(first, version=2, levels=(*first.levels[:2], firm, *first.levels[3:]))
    edited = replace(rulebook, current=second, versions=(first,))
    _, sent = walk(of, edited, DAY_15, date(2026, 4, 2))
    assert steps(sent) == [("firm-reminder", "2026-03-31")]
    assert sent[0].key.version == 1
    with pytest.raises(PlanRefused, match="version 1 of policy 'standard'") as refused:
        plan(of, rulebook=replace(edited, versions=()), on=DAY_15)
    assert refused.value.code == "PLAN-POLICY-UNKNOWN"


def test_a_level_a_person_left_out_is_not_made_up_for(
    invoice: OpenItem, rulebook: Rulebook
) -> None:
    key = StepKey(
        customer="c1",
        policy="standard",
        version=1,
        level="formal-notice",
        period=DAY_15,
        currency="EUR",
    )
    notice = StepTaken(key=key, items=frozenset({"i1"}), on=DAY_15, deadline=date(2026, 4, 1))
    _, sent = walk(account(invoice, history=(notice,)), rulebook, DAY_15, date(2026, 6, 1))
    assert steps(sent) == [("hand-over", "2026-04-02")]


def test_advice_that_was_missed_is_dropped(item: Make, rulebook: Rulebook) -> None:
    early = replace(rulebook.current.levels[0], id="long-before", days=-10)
    twice = replace(rulebook.current, levels=(early, *rulebook.current.levels))
    book = replace(rulebook, current=twice)
    of = account(item("i1", on=ISSUED, due=date(2026, 3, 16)))
    _, sent = walk(of, book, date(2026, 3, 12), date(2026, 3, 17))
    assert steps(sent) == [("before-due", "2026-03-12"), ("first-reminder", "2026-03-17")]
    _, sent = walk(of, book, ISSUED, date(2026, 3, 16))
    assert steps(sent) == [("long-before", "2026-03-06"), ("before-due", "2026-03-11")]
    assert plan(of, rulebook=book, on=DUE).actions == (), "on the due date it is too late for it"


def test_a_fee_is_never_advised_but_asked_for_when_due(item: Make, rulebook: Rulebook) -> None:
    fee = item("f", 4_000, on=ISSUED, kind=ItemKind.COMPENSATION)
    _, sent = walk(account(fee), rulebook, ISSUED, DAY_15)
    assert steps(sent) == [("first-reminder", "2026-03-17")]
    assert sent[0].lines[0].kind is ItemKind.COMPENSATION


def test_an_item_without_due_date_is_left_alone(
    entry: Callable[..., object], rulebook: Rulebook
) -> None:
    bare = open_item(
        id="i1",
        customer="c1",
        kind=ItemKind.INVOICE,
        number="1",
        opening=entry(EntryKind.INVOICED, 100),
    )
    assert only(plan(account(bare), rulebook=rulebook, on=DAY_15).waiting) == (
        Why.NO_DUE_DATE,
        None,
    )


def test_due_dates_at_the_end_of_time_are_planned_too(item: Make, rulebook: Rulebook) -> None:
    never = account(item("i1", on=ISSUED, due=date.max))
    why, until = only(plan(never, rulebook=rulebook, on=DAY_15).waiting)
    assert why is Why.NOT_YET
    assert until is not None
    assert until > date(9999, 1, 1)


def test_credits_are_set_against_the_firmest_level_once(item: Make, rulebook: Rulebook) -> None:
    of = account(item("a", 100_00, on=ISSUED))
    of = send(of, plan(of, rulebook=rulebook, on=DAY_15))
    of = replace(
        of,
        items=(
            *of.items,
            item("b", 80_00, on=date(2026, 3, 16), due=date(2026, 3, 30)),
            item("n2", 90_00, on=date(2026, 3, 20), kind=ItemKind.CREDIT_NOTE),
            item("n1", 30_00, on=date(2026, 3, 10), kind=ItemKind.UNAPPLIED_PAYMENT),
            item("sek", 90_00, on=ISSUED, kind=ItemKind.CREDIT_NOTE, currency="SEK"),
        ),
    )
    planned = plan(of, rulebook=rulebook, on=date(2026, 3, 31))
    (first,) = planned.actions
    assert (first.key.level, first.total) == ("first-reminder", 60_00)
    assert [(line.item, line.amount) for line in first.lines] == [("b", 80_00), ("n2", -20_00)]
    assert planned.waiting == (Waiting("a", Why.COVERED_BY_CREDIT),)


def test_a_credit_of_one_cent_counts_and_has_no_age(item: Make, rulebook: Rulebook) -> None:
    of = account(item("a", on=ISSUED), item("n", 1, on=ISSUED, kind=ItemKind.CREDIT_NOTE))
    (action,) = plan(of, rulebook=rulebook, on=DAY_15).actions
    credit = action.lines[1]
    assert (action.total, credit.amount) == (9_999, -1)
    assert (credit.due_date, credit.days_late, credit.because) == (None, 0, None)


def test_a_total_below_the_minimum_is_not_worth_a_reminder(item: Make, rulebook: Rulebook) -> None:
    small = account(item("a", 499, on=ISSUED))
    assert only(plan(small, rulebook=rulebook, on=DAY_15).waiting) == (Why.BELOW_MINIMUM, None)
    enough = account(item("a", 499, on=ISSUED), item("b", 1, on=ISSUED))
    assert plan(enough, rulebook=rulebook, on=DAY_15).actions[0].total == 500


def test_facts_that_contradict_each_other_are_refused(
    invoice: OpenItem, item: Make, rulebook: Rulebook
) -> None:
    done = send(account(invoice), plan(account(invoice), rulebook=rulebook, on=DAY_15))
    step = replace(done.history[0], key=replace(done.history[0].key, customer="c2"))
    for code, wrong in (
        ("PLAN-FOREIGN-ITEM", account(item("x", customer="c2"))),
        ("PLAN-DUPLICATE-ITEM", account(invoice, invoice)),
        ("PLAN-FOREIGN-STEP", account(invoice, history=(step,))),
    ):
        with pytest.raises(PlanRefused) as refused:
            plan(wrong, rulebook=rulebook, on=DAY_15)
        assert refused.value.code == code
    with pytest.raises(PlanRefused) as refused:
        plan(account(invoice), rulebook=replace(rulebook, calendars=()), on=DAY_15)
    assert refused.value.code == "PLAN-CALENDAR-UNKNOWN"


ITEMS = st.lists(
    st.tuples(
        st.integers(1, 3_000),
        st.integers(0, 40),
        st.integers(0, 30),
        st.sampled_from(["EUR", "SEK"]),
        st.sampled_from(
            [ItemKind.INVOICE, ItemKind.INVOICE, ItemKind.INTEREST, ItemKind.CREDIT_NOTE]
        ),
    ),
    max_size=8,
)
GROUPINGS = st.sampled_from(Grouping)


def build(item: Make, facts: list[tuple[int, int, int, str, ItemKind]]) -> list[OpenItem]:
    return [
        item(
            f"i{at}",
            amount,
            on=ISSUED + timedelta(days=day),
            due=ISSUED + timedelta(days=day + term),
            currency=currency,
            kind=kind,
        )
        for at, (amount, day, term, currency, kind) in enumerate(facts)
    ]


@settings(max_examples=60, deadline=None)
@given(ITEMS, GROUPINGS, st.integers(0, 80), st.randoms(use_true_random=False))
def test_a_plan_is_sound_repeatable_and_indifferent_to_order(
    item: Make,
    rulebook: Rulebook,
    facts: list[tuple[int, int, int, str, ItemKind]],
    grouping: Grouping,
    day: int,
    rng: object,
) -> None:
    book = replace(rulebook, current=replace(rulebook.current, grouping=grouping))
    items = build(item, facts)
    on = ISSUED + timedelta(days=day)
    of, _ = walk(account(*items), book, ISSUED, on - timedelta(days=1))
    planned = plan(of, rulebook=book, on=on)
    shuffled, steps_ = list(of.items), list(of.history)
    rng.shuffle(shuffled)
    rng.shuffle(steps_)
    mixed = replace(of, items=tuple(shuffled), history=tuple(steps_))
    assert plan(mixed, rulebook=book, on=on) == planned
    for action in planned.actions:
        assert action.total == sum(line.amount for line in action.lines) >= 1
        currencies = {one.currency for one in items if one.id in {x.item for x in action.lines}}
        assert currencies == {action.key.currency}
        assert still_due(action, mixed, rulebook=book, on=on) == action
    claims = sorted(one.id for one in items if not one.kind.is_credit)
    asked = [item_id for action in planned.actions for item_id in action.items]
    assert sorted([*asked, *(one.item for one in planned.waiting)]) == claims
    again = plan(send(of, planned), rulebook=book, on=on)
    assert again.actions == ()


@settings(max_examples=40, deadline=None)
@given(ITEMS, GROUPINGS, st.integers(0, 60))
def test_what_is_due_stays_due_until_it_is_sent(
    item: Make,
    rulebook: Rulebook,
    calendars: dict[str, Calendar],
    facts: list[tuple[int, int, int, str, ItemKind]],
    grouping: Grouping,
    day: int,
) -> None:
    current = replace(rulebook.current, grouping=grouping, minimums=())
    book = replace(rulebook, current=current)
    debts = [one for one in build(item, facts) if not one.kind.is_credit]
    of, _ = walk(account(*debts), book, ISSUED, ISSUED + timedelta(days=day))
    before: dict[str, str] = {}
    for later in range(day + 1, day + 40):
        on = ISSUED + timedelta(days=later)
        actions = plan(of, rulebook=book, on=on).actions
        if not calendars["TARGET"].is_business_day(on):
            assert actions == ()
            continue
        now = {one: action.level.id for action in actions for one in action.items}
        for one, level in before.items():
            advised = level == "before-due" and now.get(one) in (None, "first-reminder")
            assert now.get(one) == level or advised
        before = now
