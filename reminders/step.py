"""The next step for one open item on a business date, or why there is none.

Pure. Looks at one item only; what is sent together and whether it is worth it is the planner's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reminders.account import Hold, HoldReason, Rulebook, StepTaken
from reminders.calendar import Calendar, roll, shift
from reminders.ledger import ItemState, OpenItem, state_of
from reminders.policy import Anchor, Level, PartialDispute, Policy

__all__ = ["Because", "Due", "Waiting", "Why", "next_business_day", "next_step"]


class Why(StrEnum):
    """Why nothing is done about an item."""

    NOT_YET_OPEN = "not-yet-open"
    SETTLED = "settled"
    PAUSED = "paused"
    DISPUTED = "disputed"
    PAYMENT_PLAN = "payment-plan"
    PAYMENT_UNDER_WAY = "payment-under-way"
    PAYMENT_ANNOUNCED = "payment-announced"
    UNDELIVERED = "undelivered"
    NO_DUE_DATE = "no-due-date"
    NOT_YET = "not-yet"
    NOT_A_BUSINESS_DAY = "not-a-business-day"
    ALL_STEPS_TAKEN = "all-steps-taken"
    ALREADY_SENT = "already-sent"
    BELOW_MINIMUM = "below-minimum"
    COVERED_BY_CREDIT = "covered-by-credit"
    ANOTHER_LEVEL = "another-level"


_SENTENCES: Final[Mapping[Why, str]] = MappingProxyType(
    {
        Why.NOT_YET_OPEN: "the item does not exist yet on this date",
        Why.SETTLED: "nothing of it is open",
        Why.PAUSED: "reminders are paused",
        Why.DISPUTED: "it is disputed",
        Why.PAYMENT_PLAN: "a payment plan covers it",
        Why.PAYMENT_UNDER_WAY: "a payment is under way",
        Why.UNDELIVERED: "its invoice was not delivered",
        Why.PAYMENT_ANNOUNCED: "the customer announced a payment",
        Why.NO_DUE_DATE: "it states no due date",
        Why.NOT_YET: "the next step is not due yet",
        Why.NOT_A_BUSINESS_DAY: "steps are taken on business days only",
        Why.ALL_STEPS_TAKEN: "the policy has no further step",
        Why.ALREADY_SENT: "this step was already taken for the customer",
        Why.BELOW_MINIMUM: "the total is below the minimum of the policy",
        Why.COVERED_BY_CREDIT: "credits of the customer cover it",
        Why.ANOTHER_LEVEL: "it has since reached another level",
    }
)
_OF_HOLD: Final[Mapping[HoldReason, Why]] = MappingProxyType(
    {
        HoldReason.PAUSED: Why.PAUSED,
        HoldReason.DISPUTE: Why.DISPUTED,
        HoldReason.PAYMENT_PLAN: Why.PAYMENT_PLAN,
        HoldReason.PAYMENT_UNDER_WAY: Why.PAYMENT_UNDER_WAY,
        HoldReason.UNDELIVERED: Why.UNDELIVERED,
    }
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is done about an item, and why; ``until`` is when to look again, if that is known."""

    item: str
    why: Why
    until: date | None = None

    def __str__(self) -> str:
        again = f" (until {self.until})" if self.until else ""
        return f"nothing for {self.item}, because {_SENTENCES[self.why]}{again}"


@dataclass(frozen=True, slots=True)
class Because:
    """Why a step is due: the day it counts from, and the day since when it is due."""

    anchor: Anchor
    anchor_date: date
    since: date

    def __str__(self) -> str:
        return f"due since {self.since}, counted from the {self.anchor} {self.anchor_date}"


@dataclass(frozen=True, slots=True)
class Due:
    """An item for which a level is due: the amount to ask for in minor units, and why."""

    item: OpenItem
    state: ItemState
    policy: Policy
    level: Level
    amount: int
    because: Because


def next_step(
    item: OpenItem,
    steps: tuple[StepTaken, ...],
    holds: Iterable[Hold],
    *,
    rulebook: Rulebook,
    on: date,
) -> Due | Waiting:
    """Return the level that is due for a claim on a business date, or why none is.

    ``steps`` are those taken for the claim, oldest first. Raises PlanRefused if the policy or
    calendar of its case is not in the rulebook.
    """
    policy = rulebook.policy_for(steps)
    calendar = rulebook.calendar_of(policy)
    state = state_of(item, on)
    waiting = _nothing_to_chase(item, state) or _held(item, holds, state, policy, on)
    if waiting or state.due_date is None:
        return waiting or Waiting(item.id, Why.NO_DUE_DATE)
    due = roll(state.due_date, calendar, policy.due_date_roll)
    found = _level(item, state, due, steps, policy)
    if found is None:
        return Waiting(item.id, Why.ALL_STEPS_TAKEN)
    level, because = found
    if on < because.since:
        return Waiting(item.id, Why.NOT_YET, _open_day(because.since, policy, calendar))
    if _open_day(on, policy, calendar) != on:
        return Waiting(item.id, Why.NOT_A_BUSINESS_DAY, roll(on, calendar))
    return Due(item, state, policy, level, state.open - state.disputed, because)


def next_business_day(policy: Policy, calendar: Calendar, on: date) -> date:
    """Return the next day after a date on which a policy lets steps be taken."""
    return _open_day(shift(on, 1), policy, calendar)


def _nothing_to_chase(item: OpenItem, state: ItemState) -> Waiting | None:
    if not state.exists:
        return Waiting(item.id, Why.NOT_YET_OPEN, item.opened_on)
    return Waiting(item.id, Why.SETTLED) if state.closed else None


def _held(
    item: OpenItem, holds: Iterable[Hold], state: ItemState, policy: Policy, on: date
) -> Waiting | None:
    """Find what forbids any step, the customer's pause first."""
    active = [one for one in holds if one.item in ("", item.id) and one.active(on)]
    for reason, why in _OF_HOLD.items():
        ends = [one.last_day for one in active if one.reason is reason]
        if ends:
            return Waiting(item.id, why, _day_after_last(ends))
    whole = policy.partial_dispute is PartialDispute.HOLD_ITEM or state.disputed == state.open
    if state.disputed and whole:
        return Waiting(item.id, Why.DISPUTED)
    if state.announced_on is not None:
        until = shift(state.announced_on, policy.announcement_days)
        if on < until:
            return Waiting(item.id, Why.PAYMENT_ANNOUNCED, until)
    return None


def _day_after_last(ends: Iterable[date | None]) -> date | None:
    """Return the first day after several holds, None if one of them is open-ended."""
    days: list[date] = []
    for end in ends:
        if end is None:
            return None
        days.append(end)
    return shift(max(days), 1)


def _level(
    item: OpenItem, state: ItemState, due: date, steps: tuple[StepTaken, ...], policy: Policy
) -> tuple[Level, Because] | None:
    """Return the next level of an item, and since when it is due; None after the last one.

    A level that a person left out is not made up for: the case never goes back.
    """
    taken = {step.key.level: step for step in steps}
    reached = [at for at, level in enumerate(policy.steps) if level.id in taken]
    if not reached:
        if state.on < due and not item.kind.is_accessory:
            advice = _advice(state.on, due, frozenset(taken), policy)
            if advice is not None:
                return advice
        return policy.steps[0], _since(policy.steps[0], state, due, None, policy)
    ahead = policy.steps[reached[-1] + 1 :]
    if not ahead:
        return None
    last = taken[policy.steps[reached[-1]].id]
    return ahead[0], _since(ahead[0], state, due, last, policy)


def _advice(
    on: date, due: date, taken: frozenset[str], policy: Policy
) -> tuple[Level, Because] | None:
    """Return the note before the due date whose time it is, else the next one.

    One whose time passed unused is dropped for the later one: two notes at once help nobody.
    """
    dated = [(level, shift(due, level.days)) for level in policy.advice]
    begun = [(level, since) for level, since in dated if since <= on]
    ahead = [(level, since) for level, since in dated if since > on]
    usable = [*begun[-1:], *ahead]
    for level, since in usable:
        if level.id not in taken:
            return level, Because(Anchor.DUE_DATE, due, since)
    return None


def _since(
    level: Level, state: ItemState, due: date, last: StepTaken | None, policy: Policy
) -> Because:
    """Return from which day a level after the due date is due, given the step before it."""
    anchor_date = due
    if last is not None and level.anchor is Anchor.PREVIOUS_STEP:
        anchor_date = last.on
    elif last is not None and level.anchor is Anchor.PREVIOUS_DEADLINE:
        anchor_date = last.deadline or last.on
    since = max(shift(anchor_date, level.days), shift(due, policy.grace_days + 1))
    if last is not None:
        since = max(since, shift(last.on, policy.gap_days))
        if state.reopened_on is not None:
            # Money that went back after the last step gives the customer the same time again.
            since = max(since, shift(state.reopened_on, (since - last.on).days))
    return Because(level.anchor, anchor_date, since)


def _open_day(day: date, policy: Policy, calendar: Calendar) -> date:
    """Move a day to one on which the policy lets steps be taken."""
    return roll(day, calendar) if policy.business_days_only else day
