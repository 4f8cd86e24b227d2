"""The open items while payments are being matched with them: lookups, and what is still open.

Mutable and short-lived; one is made for each run of the matcher.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reminders.matching_values import Allocation, KnownCustomer, MatchableItem
from reminders.payments import Payment
from reminders.references import KnownNumbers, normal_form

__all__ = ["Book", "Split", "payment_order"]


def payment_order(payment: Payment) -> tuple[object, ...]:
    """Order payments as the money came, so that the result hangs on no order of input."""
    day = payment.valued or payment.booked
    return (day is None, day, payment.id) if day else (True, payment.id)


@dataclass(frozen=True, slots=True)
class Split:
    """A payment shared out over items; the rest is credit of the customer."""

    allocations: tuple[Allocation, ...]
    unapplied_minor: int


@dataclass(slots=True)
class Book:
    """Items by everything a payer may call them, and what is open on each."""

    items: dict[str, MatchableItem] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    by_end_to_end_id: dict[str, list[MatchableItem]] = field(default_factory=dict)
    by_reference: dict[str, list[MatchableItem]] = field(default_factory=dict)
    by_number: dict[str, list[MatchableItem]] = field(default_factory=dict)
    by_customer: dict[str, list[MatchableItem]] = field(default_factory=dict)
    customers: dict[str, KnownCustomer] = field(default_factory=dict)
    by_iban: dict[str, set[str]] = field(default_factory=dict)
    numbers: KnownNumbers = field(default_factory=lambda: KnownNumbers(()))
    references: KnownNumbers = field(default_factory=lambda: KnownNumbers(()))

    @classmethod
    def of(cls, items: Iterable[MatchableItem], customers: Iterable[KnownCustomer]) -> "Book":
        """Enter items and customers. Items are kept in the order debts are paid: oldest first."""
        book = cls()
        book.by_end_to_end_id = defaultdict(list)
        book.by_reference = defaultdict(list)
        book.by_number = defaultdict(list)
        book.by_customer = defaultdict(list)
        book.by_iban = defaultdict(set)
        for item in sorted(items, key=lambda one: (one.due, one.id)):
            book.items[item.id] = item
            book.open[item.id] = item.open_minor
            book.by_number[normal_form(item.number)].append(item)
            book.by_customer[item.customer].append(item)
            for identifier in set(item.end_to_end_ids):
                book.by_end_to_end_id[identifier].append(item)
            for reference in {normal_form(one) for one in item.references}:
                book.by_reference[reference].append(item)
        book.numbers = KnownNumbers(item.number for item in book.items.values())
        book.references = KnownNumbers(book.by_reference)
        for customer in sorted(customers, key=lambda one: one.id):
            book.customers[customer.id] = customer
            for iban in customer.ibans:
                book.by_iban[normal_form(iban)].add(customer.id)
        return book

    def payer(self, payment: Payment) -> str | None:
        """Return the customer that alone is known to pay from the payment's account."""
        if payment.party_iban is None:
            return None
        owners = self.by_iban.get(normal_form(payment.party_iban), set())
        return next(iter(owners)) if len(owners) == 1 else None

    def net(self, items: Iterable[MatchableItem]) -> int:
        """What is open on the items: invoices less credit notes."""
        return sum(-self.open[one.id] if one.credit else self.open[one.id] for one in items)

    def open_of(self, customer: str, currency: str) -> list[MatchableItem]:
        """The customer's items with something open in the currency, oldest first."""
        return [
            one
            for one in self.by_customer.get(customer, [])
            if one.currency == currency and self.open[one.id]
        ]

    def split(self, items: Sequence[MatchableItem], minor: int) -> Split:
        """Share a sum out over the items in their order, together with their credit notes."""
        invoices = [one for one in items if not one.credit]
        owed = sum(self.open[one.id] for one in invoices)
        credit = min(owed, -self.net([one for one in items if one.credit]))
        paid = min(minor, owed - credit)
        allocations = self._spread(invoices, paid + credit)
        uses = self._spread([one for one in items if one.credit], credit)
        return Split(
            (*allocations, *(Allocation(use.item, -use.minor) for use in uses)), minor - paid
        )

    def _spread(self, items: Sequence[MatchableItem], minor: int) -> list[Allocation]:
        shares = []
        for item in items:
            share = min(minor, self.open[item.id])
            if share:
                shares.append(Allocation(item.id, share))
                minor -= share
        return shares

    def take(self, split: Split) -> None:
        """Book a split: what it allocates is open no longer."""
        for allocation in split.allocations:
            self.open[allocation.item] -= abs(allocation.minor)
