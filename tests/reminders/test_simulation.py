"""Ninety days of customers who pay, dispute, return and promise, judged by a second bookkeeping.

The judge keeps its own balances, holds and record of what was sent, and never asks the planner.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from reminders.account import Account, Hold, HoldReason, Rulebook, StepKey
from reminders.entries import Entry, EntryKind, ItemKind, Source
from reminders.ledger import OpenItem, append, open_by_currency, state_of
from reminders.plan import Action, still_due
from reminders.plan import plan as plan_steps
from reminders.policy import Release

Kind = EntryKind
START = date(2026, 3, 2)
CLOSED = {date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1)}
EVENTS = ["invoice", "credit", "fee", "pay", "pay", "return"]
EVENTS += ["dispute", "solve", "announce", "pause", "under-way"]
LEVELS = ["before-due", "first-reminder", "firm-reminder", "call", "formal-notice", "hand-over"]


@dataclass
class Judge:
    """What must hold, from facts noted when they happened."""

    balance: dict[str, int] = field(default_factory=dict)
    paid: dict[str, int] = field(default_factory=dict)
    disputes: dict[str, set[str]] = field(default_factory=dict)
    announced: dict[str, date] = field(default_factory=dict)
    held_until: dict[str, date] = field(default_factory=dict)
    sent: dict[str, list[str]] = field(default_factory=dict)
    keys: set[StepKey] = field(default_factory=set)
    credits_used: int = 0

    def allows(self, item: str, customer: str, today: date) -> bool:
        held = max(self.held_until.get(item, START), self.held_until.get(customer, START))
        announced = self.announced.get(item)
        waiting = announced is not None and today < announced + timedelta(days=5)
        return not (self.disputes.get(item) or today < held or waiting)

    def check(self, action: Action, today: date) -> None:
        assert today.isoweekday() < 6
        assert today not in CLOSED
        assert action.key not in self.keys
        self.keys.add(action.key)
        assert action.items
        assert action.total == sum(line.amount for line in action.lines)
        assert action.total >= 500
        for line in action.lines:
            assert line.item.endswith(action.key.currency)
            if line.because is None:
                assert 0 < -line.amount <= -self.balance[line.item]
                self.credits_used += 1
                continue
            assert line.amount == self.balance[line.item] > 0
            assert self.allows(line.item, action.key.customer, today)
            before = self.sent.setdefault(line.item, [])
            ranks = [LEVELS.index(level) for level in (*before, action.key.level)]
            assert ranks == sorted(set(ranks)), "every level once, never back"
            assert before or ranks[-1] < 2, "no level is left out"
            assert not before or ranks[-1] == ranks[-2] + 1, "no level is left out"
            before.append(action.key.level)


class Town:
    """Customers, their money and their moods."""

    def __init__(self, seed: int, make: Callable[..., OpenItem], rulebook: Rulebook) -> None:
        self.random = random.Random(seed)
        self.make = make
        self.rulebook = rulebook
        self.judge = Judge()
        self.today = START
        self.accounts = {
            name: Account(customer=name, items=()) for name in ("ada", "bo", "cleo", "dov")
        }
        self.approvals: list[tuple[date, Action]] = []
        self.number = 0
        self.cancelled = 0
        self.peace = False

    def book(self, item: OpenItem, kind: EntryKind, amount: int | None = None, **more: Any) -> None:
        self.number += 1
        entry = Entry(
            kind=kind,
            amount=amount,
            currency=item.currency,
            business_date=self.today,
            recorded_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=400, seconds=self.number),
            source=Source("town", str(self.number)),
            **more,
        )
        account = self.accounts[item.customer]
        items = tuple(append(one, entry) if one.id == item.id else one for one in account.items)
        self.accounts[item.customer] = replace(account, items=items)

    def open(self, customer: str, kind: ItemKind) -> None:
        self.number += 1
        currency = self.random.choice(["EUR", "EUR", "SEK"])
        amount = self.random.choice([300, 2_000, 12_345, 999_999])
        item = self.make(
            f"{self.number}-{currency}",
            amount,
            on=self.today,
            due=self.today + timedelta(days=self.random.choice([0, 7, 14, 30])),
            kind=kind,
            customer=customer,
            currency=currency,
        )
        account = self.accounts[customer]
        self.accounts[customer] = replace(account, items=(*account.items, item))
        self.judge.balance[item.id] = -amount if kind.is_credit else amount

    def hold(self, customer: str, item: str = "") -> None:
        reason = HoldReason.PAYMENT_UNDER_WAY if item else HoldReason.PAUSED
        last = self.today + timedelta(days=self.random.randint(0, 12))
        held = Hold(reason=reason, since=self.today, last_day=last, item=item)
        account = self.accounts[customer]
        self.accounts[customer] = replace(account, holds=(*account.holds, held))
        key, end = item or customer, last + timedelta(days=1)
        self.judge.held_until[key] = max(self.judge.held_until.get(key, START), end)

    def event(self) -> None:
        customer = self.random.choice(list(self.accounts))
        items = self.accounts[customer].items
        what = self.random.choice(EVENTS)
        if what in ("invoice", "credit", "fee"):
            kinds = {"credit": ItemKind.CREDIT_NOTE, "fee": ItemKind.COMPENSATION}
            self.open(customer, kinds.get(what, ItemKind.INVOICE))
        elif what == "pause":
            self.hold(customer)
        elif claims := [one for one in items if not one.kind.is_credit]:
            self.happen(what, self.random.choice(claims))

    def happen(self, what: str, item: OpenItem) -> None:
        judge, open_amount = self.judge, self.judge.balance[item.id]
        if what == "pay" and open_amount:
            amount = self.random.choice([open_amount, self.random.randint(1, open_amount)])
            self.book(item, Kind.PAYMENT_ALLOCATED, amount)
            judge.balance[item.id] -= amount
            judge.paid[item.id] = judge.paid.get(item.id, 0) + amount
        elif what == "return" and judge.paid.get(item.id):
            self.book(item, Kind.PAYMENT_RETURNED, judge.paid[item.id])
            judge.balance[item.id] += judge.paid.pop(item.id)
            judge.announced.pop(item.id, None)
        elif what == "dispute":
            part = self.random.choice([None, 1, 5_000])
            self.book(item, Kind.DISPUTE_OPENED, part, dispute=str(self.number))
            judge.disputes.setdefault(item.id, set()).add(str(self.number - 1))
        elif what == "solve" and judge.disputes.get(item.id):
            self.book(item, Kind.DISPUTE_RESOLVED, dispute=judge.disputes[item.id].pop())
        elif what == "announce" and open_amount:
            self.book(item, Kind.PAYMENT_ANNOUNCED)
            judge.announced[item.id] = self.today
        elif what == "under-way":
            self.hold(item.customer, item.id)

    def run_scheduler(self) -> None:
        """Plan and send for everybody, with trouble in between: events, crashes, approvals."""
        for customer in list(self.accounts):
            planned = plan_steps(self.accounts[customer], rulebook=self.rulebook, on=self.today)
            for action in planned.actions:
                if action.level.release is Release.APPROVAL and self.random.random() < 0.5:
                    wait = timedelta(days=self.random.randint(0, 4))
                    self.approvals.append((self.today + wait, action))
                    continue
                if not self.peace and self.random.random() < 0.2:
                    self.event()
                if self.peace or self.random.random() < 0.9:
                    self.send(action)
        ready = [action for day, action in self.approvals if day <= self.today]
        self.approvals = [(day, action) for day, action in self.approvals if day > self.today]
        for action in ready:
            self.send(action)

    def send(self, action: Action) -> None:
        account = self.accounts[action.key.customer]
        checked = still_due(action, account, rulebook=self.rulebook, on=self.today)
        if not isinstance(checked, Action):
            self.cancelled += 1
            return
        self.judge.check(checked, self.today)
        assert checked.items <= action.items
        history = (*account.history, checked.taken())
        self.accounts[action.key.customer] = replace(account, history=history)

    def compare_books(self) -> None:
        for account in self.accounts.values():
            for item in account.items:
                assert state_of(item, self.today).open == self.judge.balance[item.id]
        states = [
            state_of(item, self.today)
            for account in self.accounts.values()
            for item in account.items
        ]
        for currency, total in open_by_currency(states).items():
            of = [one for key, one in self.judge.balance.items() if key.endswith(currency)]
            assert total == sum(of)

    def make_peace(self) -> None:
        """End every dispute and hold, and pay back every credit."""
        for account in list(self.accounts.values()):
            for item in account.items:
                for dispute in sorted(self.judge.disputes.pop(item.id, ())):
                    self.book(item, Kind.DISPUTE_RESOLVED, dispute=dispute)
                if item.kind.is_credit and self.judge.balance[item.id]:
                    self.book(item, Kind.REFUNDED, -self.judge.balance[item.id])
                    self.judge.balance[item.id] = 0
            current = self.accounts[account.customer]
            self.accounts[account.customer] = replace(current, holds=())
        self.judge.held_until.clear()
        self.peace = True


@pytest.mark.parametrize("seed", range(10))
def test_ninety_days(seed: int, item: Callable[..., OpenItem], rulebook: Rulebook) -> None:
    minimums = (("EUR", 500), ("SEK", 500))
    policy = replace(rulebook.current, minimums=minimums)
    town = Town(seed, item, replace(rulebook, current=policy))
    for _ in range(90):
        for _ in range(town.random.randint(0, 4)):
            town.event()
        for _ in range(town.random.randint(1, 3)):
            town.run_scheduler()
        town.compare_books()
        town.today += timedelta(days=1)
    assert town.judge.keys, "a town in which nothing was sent proves nothing"
    town.make_peace()
    for _ in range(150):
        town.run_scheduler()
        town.today += timedelta(days=1)
    for account in town.accounts.values():
        for one in account.items:
            if town.judge.balance[one.id] >= 500:
                assert town.judge.sent[one.id][-1] == "hand-over", "nobody is forgotten"
