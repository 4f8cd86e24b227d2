"""Money and numbers as documents write them: strict reading, exact arithmetic, one rounding rule.

Works on values only. A document amount is a Decimal with its currency; floats never appear.
Currency facts (number of minor digits) are those of ISO 4217.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final

__all__ = [
    "NO_CURRENCY",
    "Amount",
    "AmountUnreadable",
    "decimal_text",
    "from_minor",
    "minor_digits",
    "parse_decimal",
    "round_half_away",
    "to_minor",
]

NO_CURRENCY: Final = "XXX"
MAX_DIGITS: Final = 60

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_WITHOUT_DECIMALS: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"}
    | {"RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DECIMALS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_FOUR_DECIMALS: Final = frozenset({"CLF", "UYW"})
_MINOR_DIGITS: Final = {
    **dict.fromkeys(_WITHOUT_DECIMALS, 0),
    **dict.fromkeys(_THREE_DECIMALS, 3),
    **dict.fromkeys(_FOUR_DECIMALS, 4),
}


class AmountUnreadable(ValueError):
    """The text is no decimal number a business document may carry.

    ``code`` is stable: AMOUNT-EMPTY, AMOUNT-TOO-LONG, AMOUNT-NOT-DECIMAL or AMOUNT-TOO-PRECISE.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum of money as a document states it: exact value and ISO 4217 currency code.

    ``currency`` is ``XXX`` (ISO 4217: no currency) where the document names none.
    """

    value: Decimal
    currency: str

    def __str__(self) -> str:
        """Return the machine form, for instance ``1250.00 EUR``."""
        return f"{decimal_text(self.value)} {self.currency}"


def parse_decimal(text: str) -> Decimal:
    """Read an xs:decimal exactly: optional sign, ASCII digits, at most one point, no exponent.

    White space around the number is ignored, as the schema type collapses it. Trailing zeros are
    kept, because the number of decimals is itself a rule. Raises AmountUnreadable.
    """
    stripped = text.strip(" \t\r\n")
    if not stripped:
        raise AmountUnreadable("AMOUNT-EMPTY", "The number is empty. Give its value.")
    if len(stripped) > MAX_DIGITS:
        raise AmountUnreadable(
            "AMOUNT-TOO-LONG",
            f"The number has {len(stripped)} characters; at most {MAX_DIGITS} are accepted.",
        )
    if not _DECIMAL.fullmatch(stripped):
        raise AmountUnreadable(
            "AMOUNT-NOT-DECIMAL",
            f"'{stripped}' is not a decimal number. Write digits with a point before the "
            "decimals, without thousands separators, letters or exponent.",
        )
    return Decimal(stripped)


def decimal_text(value: Decimal) -> str:
    """Write a number the way documents need it: plain digits, never an exponent.

    The decimals it has are kept, and minus zero becomes zero. Raises AmountUnreadable for
    NaN and infinity.
    """
    if not value.is_finite():
        raise AmountUnreadable("AMOUNT-NOT-DECIMAL", "A document cannot carry NaN or infinity.")
    return format(abs(value) if value == 0 else value, "f")


def minor_digits(currency: str) -> int:
    """Return how many decimals the currency's smallest unit has (ISO 4217), 2 where unlisted."""
    return _MINOR_DIGITS.get(currency, 2)


def round_half_away(value: Decimal, digits: int) -> Decimal:
    """Round half away from zero, the rule of EN 16931-1 for amounts, with exactly those decimals.

    The precision of the caller's decimal context plays no part.
    """
    with localcontext(prec=max(MAX_DIGITS, value.adjusted() + digits + 2) + digits + 2):
        return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def to_minor(amount: Amount) -> int:
    """Turn an amount into whole minor units of its currency (cents for EUR, yen for JPY).

    Raises AmountUnreadable (AMOUNT-TOO-PRECISE) rather than losing a fraction of a minor unit.
    """
    digits = minor_digits(amount.currency)
    rounded = round_half_away(amount.value, digits)
    if rounded != amount.value:
        raise AmountUnreadable(
            "AMOUNT-TOO-PRECISE",
            f"{amount} has more than the {digits} decimals of its currency. Round it first.",
        )
    with localcontext(prec=MAX_DIGITS * 2):
        return int(rounded.scaleb(digits))


def from_minor(minor_units: int, currency: str) -> Amount:
    """Turn whole minor units into an amount with the decimals of its currency."""
    digits = minor_digits(currency)
    with localcontext(prec=max(MAX_DIGITS, len(str(minor_units))) + 4):
        return Amount(Decimal(minor_units).scaleb(-digits), currency)
