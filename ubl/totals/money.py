"""Exact sums in the currency of one invoice, where one unknown part makes the sum unknown.

Pure arithmetic: it knows no business term. Decimals are never rounded on the way, only where
EN 16931 says that an amount is.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Final

from ubl.amounts import MAX_DIGITS, NO_CURRENCY, Amount, minor_digits, round_half_away
from ubl.model import Invoice

__all__ = ["ZERO", "Money", "add", "exactly", "less"]

ZERO: Final = Decimal(0)
# A quotient of two numbers as long as documents may write them cannot come so near to a half
# that it would be rounded the wrong way with this many digits.
_PRECISION: Final = 5 * MAX_DIGITS
# BR-DEC-01 to BR-DEC-28: no amount of an invoice has more decimals, whatever its currency.
_MOST_DECIMALS: Final = 2


def exactly() -> AbstractContextManager[Context]:
    """Calculate with enough digits for every number a document may carry."""
    return localcontext(prec=_PRECISION)


@dataclass(frozen=True, slots=True)
class Money:
    """The currency an invoice is in (EN 16931 BT-5), and how its amounts are rounded."""

    currency: str

    @classmethod
    def of(cls, invoice: Invoice) -> "Money":
        """Take the currency the invoice states, or the one of its first line, or none."""
        stated = (line.net_amount for line in invoice.lines if line.net_amount is not None)
        first = next(stated, None)
        return cls(invoice.currency or (first.currency if first else NO_CURRENCY))

    @property
    def decimals(self) -> int:
        """How many decimals an amount is rounded to: those of the currency, at most two."""
        return min(minor_digits(self.currency), _MOST_DECIMALS)

    def value(self, amount: Amount | None) -> Decimal | None:
        """Return what an amount adds to a sum; unknown where it is missing or in other money."""
        if amount is None or amount.currency not in (self.currency, NO_CURRENCY):
            return None
        return amount.value

    def rounded(self, value: Decimal) -> Decimal:
        """Round half away from zero, as EN 16931 rounds amounts."""
        return round_half_away(value, self.decimals)

    def amount(self, value: Decimal) -> Amount:
        """Write a product as an amount, rounded."""
        return Amount(self.rounded(value), self.currency)

    def summed(self, value: Decimal) -> Amount:
        """Write a sum as an amount: not rounded but for what is beyond two decimals.

        A document may state fractions its currency does not have, and its sums have them too.
        """
        rounded = self.rounded(value)
        if rounded != value:
            rounded = round_half_away(value, _MOST_DECIMALS)
        return Amount(rounded, self.currency)

    def total(self, amounts: Iterable[Amount | None]) -> Decimal | None:
        """Add amounts up; unknown as soon as one of them is."""
        return add(self.value(amount) for amount in amounts)


def add(values: Iterable[Decimal | None]) -> Decimal | None:
    """Add numbers up; unknown as soon as one of them is."""
    total = ZERO
    for value in values:
        if value is None:
            return None
        total += value
    return total


def less(value: Decimal | None, subtrahend: Decimal | None) -> Decimal | None:
    """Subtract; unknown as soon as one of the two is."""
    return None if value is None or subtrahend is None else value - subtrahend
