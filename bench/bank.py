"""Bank messages: a camt.054 taken in at the desk, durably, beside reading and matching alone.

The desk keeps the file, reads it twice, finds what its payments may be about, locks customers,
matches, and books; reading and matching alone are the pure library on the same bytes and the same
open items, in memory. That is the floor, and the ratio is what being durable costs.
"""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC
from typing import Final

from sqlmodel import func, select

from bench.books import Account, Told, notification, open_account, told_by
from bench.figures import Section, median
from gateway.app import Gateway
from gateway.receivables.bank_api import BANK_DESK
from gateway.receivables.bank_messages import BATCH
from gateway.receivables.bank_reading import read_payments
from gateway.receivables.tables import BankOrigin, BankPayment, BankPaymentState
from reminders.matching import match
from reminders.matching_values import KnownCustomer, MatchableItem, Matched, Proposed
from reminders.payments import Payment

__all__ = ["ITEMS_EACH", "measure"]

ITEMS_EACH: Final = 5
"""Open items of a customer; the file pays every second one."""
_OPEN: Final = 2
_READING: Final = "reading alone"
_MATCHING: Final = "matching alone"


async def measure(gateways: Mapping[str, Gateway], *, rounds: int, payments: int) -> Section:
    """Payments per second through the desk of each gateway, and in memory."""
    took: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, gateway in gateways.items():
            items = payments * _OPEN
            account = await open_account(gateway, customers=items // ITEMS_EACH, items=items)
            content = notification(account, payments=payments)
            # In memory on every database's account, so that the things compared take turns.
            read, seconds = _read(content)
            took.setdefault(_READING, []).append(seconds)
            took.setdefault(_MATCHING, []).append(_match(account, read))
            began = time.monotonic()
            await gateway.web[BANK_DESK].take(
                account.tenant_id, content, origin=BankOrigin.UPLOAD, file_name="credits.xml"
            )
            took.setdefault(name, []).append(time.monotonic() - began)
            await _check(gateway, account, payments)
    return _table({name: median(found) for name, found in took.items()}, rounds, payments)


def _read(content: bytes) -> tuple[list[Payment], float]:
    began = time.monotonic()
    payments = list(read_payments(content, UTC))
    return payments, time.monotonic() - began


def _match(account: Account, payments: list[Payment]) -> float:
    """Seconds to match the payments with all open items of the account."""
    items = [
        MatchableItem(
            id=str(one.id),
            customer=str(one.customer_id),
            number=one.number,
            open_minor=one.open_minor,
            currency=one.currency,
            due=one.due_date or one.opened_on,
            references=(one.reference or "",),
        )
        for one in account.items
    ]
    customers = [KnownCustomer(str(one.id), one.name) for one in account.customers]
    began = time.monotonic()
    results = match(payments, items=items, customers=customers)
    seconds = time.monotonic() - began
    kinds = Counter(type(one) for one in results)
    if (kinds[Matched], kinds[Proposed]) != _expected(len(payments)):
        raise RuntimeError(f"the matcher alone came to something else: {kinds}")
    return seconds


def _expected(payments: int) -> tuple[int, int]:
    """How many payments are certain, and how many wait for a person with a proposal."""
    proposed = sum(told_by(place) is Told.NOTHING for place in range(payments))
    return payments - proposed, proposed


async def _check(gateway: Gateway, account: Account, payments: int) -> None:
    """Every payment is in the books as it should be, or the figures mean nothing."""
    async with gateway.platform.database.read() as session:
        found = await session.exec(
            select(BankPayment.state, func.count())
            .where(BankPayment.tenant_id == account.tenant_id)
            .group_by(BankPayment.state)
        )
        states = dict(found.all())
    matched, proposed = _expected(payments)
    wanted = {BankPaymentState.MATCHED: matched, BankPaymentState.PROPOSED: proposed}
    if states != wanted:
        raise RuntimeError(f"the desk came to {states} instead of {wanted}")


def _table(took: Mapping[str, float], rounds: int, payments: int) -> Section:
    section = Section(
        f"Bank messages: a camt.054 of {payments} credits on {payments * _OPEN} open items",
        ("what", "payments/s", "ms each", "of pure"),
    )
    pure = took[_READING] + took[_MATCHING]
    memory = (_READING, _MATCHING)
    rows = {one: took[one] for one in memory} | {"both, in memory (pure)": pure}
    rows |= {f"desk, {one}": took[one] for one in took if one not in memory}
    for name, seconds in rows.items():
        section.add(name, payments / seconds, seconds * 1000 / payments, f"{seconds / pure:.2f} x")
    section.notes = [
        f"Medians of {rounds} rounds, each on an account of its own with {ITEMS_EACH} items a "
        "customer; one thread.",
        f"A third each: {', '.join(Told)}.",
        "The last are proposed to a person, the others booked; the outcome is checked.",
        f"Desk: file kept with fsync, read twice, customers locked, one transaction per {BATCH} "
        "payments.",
    ]
    return section
