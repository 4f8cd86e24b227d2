"""The reminder planner: what to send a customer on a business date, and why the rest is left alone.

Pure: the caller brings the facts and the date, stores the actions, and calls ``still_due`` again
inside the transaction that sends. Planning twice gives the same keys, so nothing goes out twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from reminders.account import Account, PlanRefused, Rulebook, StepKey, StepTaken
from reminders.entries import ItemKind
from reminders.ledger import OpenItem, state_of
from reminders.policy import Grouping, Level, Policy
from reminders.step import Because, Due, Waiting, Why, next_business_day, next_step

__all__ = ["Action", "Cancelled", "Line", "Plan", "plan", "still_due"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a reminder: a claim asked for, or a credit set against it (negative amount).

    ``amount`` is in minor units of the action's currency. ``days_late`` is negative before the due
    date. ``because`` is None for a credit.
    """

    item: str
    number: str
    kind: ItemKind
    amount: int
    due_date: date | None
    days_late: int
    because: Because | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One step to take: a reminder in one currency, or a task, at one level of a policy.

    ``total`` is the sum of the lines, in minor units and above zero. ``deadline`` is the last day
    for payment that the step states.
    """

    key: StepKey
    level: Level
    on: date
    deadline: date | None
    lines: tuple[Line, ...]
    total: int

    @property
    def items(self) -> frozenset[str]:
        """The claims the step is about, without the credits."""
        return frozenset(line.item for line in self.lines if line.because is not None)

    def taken(self) -> StepTaken:
        """Return the entry for the history once the step is sent."""
        return StepTaken(key=self.key, items=self.items, on=self.on, deadline=self.deadline)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to do about a customer on a business date, and for each other claim why not."""

    actions: tuple[Action, ...]
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A planned step that must not be sent any more, and why, claim by claim."""

    key: StepKey
    because: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """Claims that go into one action."""

    key: StepKey
    policy: Policy
    level: Level
    dues: tuple[Due, ...]

    @property
    def urgency(self) -> tuple[str, int, str, int, str]:
        """Sort by currency, the firmest level first: credits go to it before the others."""
        key = self.key
        firmness = -self.policy.levels.index(self.level)
        return (key.currency, firmness, key.policy, key.version, key.item)


def plan(account: Account, *, rulebook: Rulebook, on: date) -> Plan:
    """Plan every step that is due for a customer on a business date.

    A claim is in at most one action. An action still waiting for approval is planned again under
    the new date: keep the newest of the same level, and ``still_due`` stops the other. Raises
    PlanRefused.
    """
    groups, waiting = _groups(account, rulebook, on)
    actions = _settle(groups, account, rulebook, on, waiting)
    return Plan(tuple(actions), tuple(sorted(waiting, key=lambda one: one.item)))


def still_due(
    action: Action, account: Account, *, rulebook: Rulebook, on: date
) -> Action | Cancelled:
    """Check a planned step against the facts of this moment, inside the transaction that sends it.

    Returns the action to send, under its old key: the same one, or with what is left of its claims
    at today's amounts and deadline; claims it did not have are not added. Returns Cancelled if the
    step was already sent or nothing of it is due. Raises PlanRefused, with PLAN-ITEM-MISSING if
    the account lacks one of its items.
    """
    if not action.items <= {item.id for item in account.items}:
        raise PlanRefused("PLAN-ITEM-MISSING", "The account lacks an item of the planned step.")
    if any(step.key == action.key for step in account.history):
        sent = tuple(Waiting(item, Why.ALREADY_SENT) for item in sorted(action.items))
        return Cancelled(action.key, sent)
    groups, waiting = _groups(account, rulebook, on)
    kept: list[_Group] = []
    for group in groups:
        if replace(group.key, period=action.key.period) == action.key:
            dues = tuple(due for due in group.dues if due.item.id in action.items)
            kept += [replace(group, key=action.key, dues=dues)] if dues else []
        else:
            waiting += [Waiting(due.item.id, Why.ANOTHER_LEVEL) for due in group.dues]
            kept.append(group)
    for found in _settle(kept, account, rulebook, on, waiting):
        if found.key == action.key:
            return found
    because = {one.item: one for one in waiting if one.item in action.items}
    return Cancelled(action.key, tuple(because[item] for item in sorted(because)))


def _groups(account: Account, rulebook: Rulebook, on: date) -> tuple[list[_Group], list[Waiting]]:
    """Put every claim where it belongs: with others of the same level, or among the waiting."""
    account.check()
    steps = account.steps_by_item()
    dues: dict[StepKey, list[Due]] = {}
    waiting: list[Waiting] = []
    for item in sorted(account.items, key=lambda one: one.id):
        if item.kind.is_credit:
            continue
        found = next_step(item, steps.get(item.id, ()), account.holds, rulebook=rulebook, on=on)
        if isinstance(found, Waiting):
            waiting.append(found)
        else:
            dues.setdefault(_key(found, account, on), []).append(found)
    sent = {step.key for step in account.history}
    groups: list[_Group] = []
    for key, of in dues.items():
        group = _Group(key, of[0].policy, of[0].level, tuple(sorted(of, key=_oldest_first)))
        if key in sent:
            calendar = rulebook.calendar_of(group.policy)
            until = next_business_day(group.policy, calendar, on)
            waiting += [Waiting(due.item.id, Why.ALREADY_SENT, until) for due in of]
        else:
            groups.append(group)
    return sorted(groups, key=lambda group: group.urgency), waiting


def _key(due: Due, account: Account, on: date) -> StepKey:
    alone = due.policy.grouping is Grouping.ITEM
    return StepKey(
        customer=account.customer,
        policy=due.policy.id,
        version=due.policy.version,
        level=due.level.id,
        period=on,
        currency=due.item.currency,
        item=due.item.id if alone else "",
    )


def _oldest_first(due: Due) -> tuple[date, str]:
    return (due.state.due_date or date.max, due.item.id)


def _settle(
    groups: Iterable[_Group],
    account: Account,
    rulebook: Rulebook,
    on: date,
    waiting: list[Waiting],
) -> list[Action]:
    """Set the customer's credits against the groups, and keep those that are worth a step."""
    credits = _Credits(account.items, on)
    actions: list[Action] = []
    for group in groups:
        claims = tuple(_claim_line(due) for due in group.dues)
        asked = sum(line.amount for line in claims)
        lines = (*claims, *credits.use(group.key.currency, asked))
        total = sum(line.amount for line in lines)
        if total < group.policy.minimum(group.key.currency):
            why = Why.BELOW_MINIMUM if total else Why.COVERED_BY_CREDIT
            waiting += [Waiting(due.item.id, why) for due in group.dues]
            continue
        deadline = group.level.deadline
        calendar = rulebook.calendar_of(group.policy)
        actions.append(
            Action(
                key=group.key,
                level=group.level,
                on=on,
                deadline=deadline.after(on, calendar) if deadline else None,
                lines=lines,
                total=total,
            )
        )
    return actions


def _claim_line(due: Due) -> Line:
    return Line(
        item=due.item.id,
        number=due.item.number,
        kind=due.item.kind,
        amount=due.amount,
        due_date=due.state.due_date,
        days_late=due.state.days_late,
        because=due.because,
    )


class _Credits:
    """The open credits of a customer, used oldest first and never twice."""

    def __init__(self, items: Iterable[OpenItem], on: date) -> None:
        credits = sorted(
            (item for item in items if item.kind.is_credit),
            key=lambda one: (one.opened_on, one.id),
        )
        self._left = [(item, -state_of(item, on).open) for item in credits]

    def use(self, currency: str, most: int) -> tuple[Line, ...]:
        """Take up to ``most`` minor units of one currency, as lines with negative amounts."""
        lines: list[Line] = []
        for at, (item, left) in enumerate(self._left):
            part = min(left, most)
            if item.currency != currency or part <= 0:
                continue
            most -= part
            self._left[at] = (item, left - part)
            lines.append(
                Line(
                    item=item.id,
                    number=item.number,
                    kind=item.kind,
                    amount=-part,
                    due_date=None,
                    days_late=0,
                    because=None,
                )
            )
        return tuple(lines)
