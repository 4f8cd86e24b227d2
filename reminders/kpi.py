"""Figures of receivables management, each by one fixed formula.

Pure. Amounts are minor units of one currency: never mix currencies in one call. A figure is a
Decimal rounded to two decimals, half away from zero; None where its formula would divide by zero
or the facts given do not reach far enough, so that nobody takes a missing figure for nought.
Percentages are of 100.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

__all__ = [
    "MonthOfSales",
    "PaidAmount",
    "average_days_to_pay",
    "average_delay",
    "best_possible_dso",
    "collection_effectiveness",
    "dso",
    "dso_countback",
    "overdue_percent",
    "promises_kept_percent",
    "recovery_percent",
    "unpaid_percent",
]


@dataclass(frozen=True, slots=True)
class MonthOfSales:
    """Credit sales of a month, VAT included, and how many days the month has."""

    sales: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidAmount:
    """An amount paid on an invoice: issue date (BT-2), due date (BT-9), value date of the money."""

    amount: int
    issued: date
    due: date
    paid: date


def dso(*, receivables: int, sales: int, days: int) -> Decimal | None:
    """Return days sales outstanding: receivables at the end / credit sales of the period x days."""
    return _ratio(receivables * days, sales)


def best_possible_dso(*, not_due: int, sales: int, days: int) -> Decimal | None:
    """Return the DSO there would be if nothing were overdue."""
    return _ratio(not_due * days, sales)


def dso_countback(receivables: int, months: Iterable[MonthOfSales]) -> Decimal | None:
    """Return DSO by counting back: how many days of sales, newest first, the receivables are.

    ``months`` starts with the newest. None if the receivables outlast the months given.
    """
    left, days = receivables, Fraction(0)
    for month in months:
        if left <= 0:
            break
        if month.sales > left:
            days += Fraction(left * month.days, month.sales)
            left = 0
        else:
            days += month.days
            left -= month.sales
    return None if left > 0 else _figure(days)


def average_days_to_pay(payments: Iterable[PaidAmount]) -> Decimal | None:
    """Return the days from issue to payment, weighted by amount."""
    return _weighted((one.amount, (one.paid - one.issued).days) for one in payments)


def average_delay(payments: Iterable[PaidAmount]) -> Decimal | None:
    """Return the days from due date to payment, weighted by amount; negative: paid early."""
    return _weighted((one.amount, (one.paid - one.due).days) for one in payments)


def overdue_percent(*, overdue: int, open_amount: int) -> Decimal | None:
    """Return how much of what is open is overdue."""
    return _ratio(overdue * 100, open_amount)


def collection_effectiveness(
    *, open_before: int, sales: int, open_after: int, not_due_after: int
) -> Decimal | None:
    """Return the collection effectiveness index: what was collected of what could have been."""
    start = open_before + sales
    return _ratio((start - open_after) * 100, start - not_due_after)


def recovery_percent(*, reminded: int, paid_in_time: int) -> Decimal | None:
    """Return how much of what a reminder level asked for was paid within the days looked at."""
    return _ratio(paid_in_time * 100, reminded)


def promises_kept_percent(*, promises: int, kept: int) -> Decimal | None:
    """Return how many of the promises to pay were kept, by number."""
    return _ratio(kept * 100, promises)


def unpaid_percent(*, written_off: int, over_90_days: int, sales: int) -> Decimal | None:
    """Return what was given up or is due for more than 90 days, of the sales of the period."""
    return _ratio((written_off + over_90_days) * 100, sales)


def _weighted(pairs: Iterable[tuple[int, int]]) -> Decimal | None:
    known = list(pairs)
    return _ratio(
        sum(weight * value for weight, value in known), sum(weight for weight, _ in known)
    )


def _ratio(numerator: int, denominator: int) -> Decimal | None:
    return _figure(Fraction(numerator, denominator)) if denominator > 0 else None


def _figure(exact: Fraction) -> Decimal:
    """Round exactly: the quotient is taken in whole hundredths, so no digit is lost before."""
    hundredths, rest = divmod(abs(exact.numerator) * 100, exact.denominator)
    if rest * 2 >= exact.denominator:
        hundredths += 1
    signed = -hundredths if exact < 0 else hundredths
    return Decimal(signed).scaleb(-2)
