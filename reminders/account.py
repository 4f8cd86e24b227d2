"""What the planner knows of a customer: open items, steps taken, holds, and the policies in use.

Pure values. Everything is as of the moment it was read; nothing here changes it.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from reminders.calendar import Calendar
from reminders.ledger import OpenItem
from reminders.policy import Policy

__all__ = ["Account", "Hold", "HoldReason", "PlanRefused", "Rulebook", "StepKey", "StepTaken"]


class PlanRefused(ValueError):
    """The facts handed to the planner contradict each other; ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class HoldReason(StrEnum):
    """Why nothing is sent, in the order in which it is told."""

    PAUSED = "paused"
    DISPUTE = "dispute"
    PAYMENT_PLAN = "payment-plan"
    PAYMENT_UNDER_WAY = "payment-under-way"
    UNDELIVERED = "undelivered"
    """The invoice has not reached the customer, or its access point refused it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A time in which a customer (``item`` empty) or one item is left alone.

    ``since`` and ``last_day`` are business dates, both inclusive; None: until it is lifted.
    """

    reason: HoldReason
    since: date
    last_day: date | None = None
    item: str = ""

    def active(self, on: date) -> bool:
        """Tell whether the hold is in force on a business date."""
        return self.since <= on and (self.last_day is None or on <= self.last_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKey:
    """What makes a step unique: however often it is planned, it is taken once.

    ``period`` is the business date it was planned for: a customer gets at most one reminder of a
    level a day. ``currency`` is part of the key because a reminder has one currency; ``item`` is
    empty where a reminder covers all items of the customer.
    """

    customer: str
    policy: str
    version: int
    level: str
    period: date
    currency: str
    item: str = ""

    def __str__(self) -> str:
        parts = (f"{self.policy}@{self.version}", self.level, self.period.isoformat())
        item = (self.item,) if self.item else ()
        return "/".join((self.customer, *parts, self.currency, *item))


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """A step that was sent: for which items, on which business date, with which deadline."""

    key: StepKey
    items: frozenset[str]
    on: date
    deadline: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One customer of one creditor: items, all steps taken for them, and holds."""

    customer: str
    items: tuple[OpenItem, ...]
    history: tuple[StepTaken, ...] = ()
    holds: tuple[Hold, ...] = ()

    def check(self) -> None:
        """Refuse facts that do not belong together.

        Raises PlanRefused: PLAN-FOREIGN-ITEM, PLAN-DUPLICATE-ITEM, PLAN-FOREIGN-STEP.
        """
        if any(item.customer != self.customer for item in self.items):
            raise PlanRefused("PLAN-FOREIGN-ITEM", "An item belongs to another customer.")
        if len({item.id for item in self.items}) != len(self.items):
            raise PlanRefused("PLAN-DUPLICATE-ITEM", "An item is given twice.")
        if any(step.key.customer != self.customer for step in self.history):
            raise PlanRefused("PLAN-FOREIGN-STEP", "A step was taken for another customer.")

    def steps_by_item(self) -> dict[str, tuple[StepTaken, ...]]:
        """Return the steps taken for each item that had any, oldest first."""
        steps: dict[str, tuple[StepTaken, ...]] = {}
        for step in sorted(self.history, key=lambda one: (one.on, str(one.key))):
            for item in step.items:
                steps[item] = (*steps.get(item, ()), step)
        return steps


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The policy for new cases, the versions that running cases keep, and the calendars."""

    current: Policy
    versions: tuple[Policy, ...]
    calendars: tuple[Calendar, ...]

    def policy_for(self, steps: tuple[StepTaken, ...]) -> Policy:
        """Return the policy of an item with these steps: the one its case runs under.

        Raises PlanRefused (PLAN-POLICY-UNKNOWN).
        """
        if not steps:
            return self.current
        key = steps[-1].key
        for policy in (self.current, *self.versions):
            if (policy.id, policy.version) == (key.policy, key.version):
                return policy
        raise PlanRefused(
            "PLAN-POLICY-UNKNOWN",
            f"A running case was begun under version {key.version} of policy '{key.policy}', "
            "which is not among the versions given.",
        )

    def calendar_of(self, policy: Policy) -> Calendar:
        """Return the calendar a policy counts business days by.

        Raises PlanRefused (PLAN-CALENDAR-UNKNOWN).
        """
        for calendar in self.calendars:
            if calendar.id == policy.calendar:
                return calendar
        raise PlanRefused(
            "PLAN-CALENDAR-UNKNOWN",
            f"Policy '{policy.id}' needs calendar '{policy.calendar}', which is not given.",
        )
