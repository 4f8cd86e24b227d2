"""The aged balance: what customers owe on a date, by how long it has been due.

Pure. One set of buckets for the console, exports and figures alike. Disputed amounts stay in it:
a dispute stops reminders, not the clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from reminders.ledger import ItemState, OpenItem, state_of

__all__ = ["AgedBalance", "AgedRow", "Bucket", "aged_balance", "bucket_of"]


class Bucket(StrEnum):
    """How long something has been due, in days after its due date."""

    NOT_DUE = "not-due"
    DAYS_1_30 = "1-30"
    DAYS_31_60 = "31-60"
    DAYS_61_90 = "61-90"
    OVER_90 = "over-90"


@dataclass(frozen=True, slots=True)
class AgedRow:
    """What is open, in minor units of one currency, of a customer or of all (``customer`` empty).

    ``buckets`` follows the order of ``Bucket``. ``credits`` (0 or less) is what is in the
    customer's favour and not yet set against a claim; it has no age. ``disputed`` is a part of the
    buckets. ``oldest_days`` are the days late of the oldest overdue claim, 0 if none is overdue.
    """

    customer: str
    currency: str
    buckets: tuple[int, ...]
    credits: int
    disputed: int
    oldest_days: int

    def __getitem__(self, bucket: Bucket) -> int:
        """Return the amount in one bucket."""
        return self.buckets[list(Bucket).index(bucket)]

    @property
    def open(self) -> int:
        """Everything claimed and not paid, without the credits."""
        return sum(self.buckets)

    @property
    def overdue(self) -> int:
        """What should have been paid by now."""
        return self.open - self[Bucket.NOT_DUE]

    @property
    def balance(self) -> int:
        """What is open less the credits."""
        return self.open + self.credits


@dataclass(frozen=True, slots=True)
class AgedBalance:
    """The aged balance at the end of a business date: rows per customer, totals per currency."""

    on: date
    rows: tuple[AgedRow, ...]
    totals: tuple[AgedRow, ...]


def bucket_of(days_late: int) -> Bucket:
    """Return the bucket of a claim; one due today or without a due date is not due."""
    if days_late <= 0:
        return Bucket.NOT_DUE
    if days_late <= 30:
        return Bucket.DAYS_1_30
    if days_late <= 60:
        return Bucket.DAYS_31_60
    return Bucket.DAYS_61_90 if days_late <= 90 else Bucket.OVER_90


def aged_balance(items: Iterable[OpenItem], on: date) -> AgedBalance:
    """Age every open item at the end of a business date.

    Rows are sorted by customer and currency; whoever has neither claims nor credits has no row.
    Amounts of different currencies are never added.
    """
    rows: dict[tuple[str, str], _Sums] = {}
    totals: dict[str, _Sums] = {}
    for item in items:
        state = state_of(item, on)
        if state.open == 0:
            continue
        for sums in (
            rows.setdefault((item.customer, item.currency), _Sums()),
            totals.setdefault(item.currency, _Sums()),
        ):
            sums.add(state)
    return AgedBalance(
        on=on,
        rows=tuple(rows[key].row(*key) for key in sorted(rows)),
        totals=tuple(totals[currency].row("", currency) for currency in sorted(totals)),
    )


@dataclass(slots=True)
class _Sums:
    """A row that is still being added up."""

    buckets: dict[Bucket, int] = field(default_factory=lambda: dict.fromkeys(Bucket, 0))
    credits: int = 0
    disputed: int = 0
    oldest_days: int = 0

    def add(self, state: ItemState) -> None:
        if state.open < 0:
            self.credits += state.open
            return
        self.buckets[bucket_of(state.days_late)] += state.open
        self.disputed += state.disputed
        self.oldest_days = max(self.oldest_days, state.days_late)

    def row(self, customer: str, currency: str) -> AgedRow:
        buckets = tuple(self.buckets[bucket] for bucket in Bucket)
        return AgedRow(customer, currency, buckets, self.credits, self.disputed, self.oldest_days)
