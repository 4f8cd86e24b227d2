"""Money in tables: integer minor units of a currency, exact on every database."""

from decimal import Decimal

from babel.numbers import get_currency_precision

__all__ = ["from_minor", "to_minor"]


def to_minor(value: Decimal, currency: str) -> int | None:
    """The amount in minor units (cents for EUR, yen for JPY).

    ``None`` when the amount is finer than the currency's minor unit: rounding it here would
    silently change what a document says.
    """
    scaled = value.scaleb(get_currency_precision(currency))
    return int(scaled) if scaled == scaled.to_integral_value() else None


def from_minor(minor: int, currency: str) -> Decimal:
    """The amount in whole currency units, with the currency's own number of decimals."""
    return Decimal(minor).scaleb(-get_currency_precision(currency))
