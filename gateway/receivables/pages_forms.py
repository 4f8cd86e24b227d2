"""Reading what people type and choose on the pages of the receivables. Pure but for the request.

An empty field is ``None``; what cannot be understood is refused, never guessed.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Final, TypeVar

from aiohttp import web

from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import BAD_REQUEST
from ubl.amounts import Amount, AmountUnreadable, minor_digits, parse_decimal, to_minor

__all__ = [
    "AMOUNT_UNREADABLE",
    "as_of",
    "chosen",
    "day",
    "minor",
    "text",
]

AMOUNT_UNREADABLE: Final = ErrorKind("AMOUNT-UNREADABLE", "This is no amount", 422)
DAY_UNREADABLE: Final = ErrorKind("DAY-UNREADABLE", "This is no date", 422)

_YEARS: Final = range(1990, 2200)
_SPACES: Final = str.maketrans("", "", " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}'’")

_Code = TypeVar("_Code", bound=StrEnum)


def text(form: Mapping[str, Any], name: str, *, length: int) -> str:
    """A field as plain text, cut to a length."""
    value = form.get(name)
    return value.strip()[:length] if isinstance(value, str) else ""


def day(form: Mapping[str, Any], name: str) -> date | None:
    """A day as browsers send it (ISO 8601); raises GatewayError DAY-UNREADABLE."""
    value = text(form, name, length=20)
    if not value:
        return None
    try:
        found = date.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise GatewayError(DAY_UNREADABLE, "Write the date as year-month-day, 2026-11-22.")
    return found


def as_of(request: web.Request, today: date) -> date:
    """The day the address asks a page for, else today; raises GatewayError DAY-UNREADABLE."""
    return day(request.query, "on") or today


def minor(form: Mapping[str, Any], name: str, currency: str) -> int | None:
    """An amount with decimal point or comma in minor units; raises GatewayError AMOUNT-UNREADABLE.

    Of two separators the last one is the decimal one. A lone separator with more digits behind it
    than the currency has, as in ``1,000`` euro, is refused: it could be a thousand times more.
    """
    typed = text(form, name, length=40).translate(_SPACES)
    if not typed:
        return None
    comma, point = typed.rfind(","), typed.rfind(".")
    is_lone = (comma < 0) != (point < 0)
    if is_lone and len(typed) - 1 - max(comma, point) > minor_digits(currency):
        raise GatewayError(
            AMOUNT_UNREADABLE,
            f"{typed} can be read in two ways. Write it without a separator for thousands.",
        )
    if comma > point:
        typed = typed.replace(".", "").replace(",", ".")
    elif comma >= 0:
        typed = typed.replace(",", "")
    try:
        return to_minor(Amount(parse_decimal(typed), currency))
    except AmountUnreadable as error:
        raise GatewayError(AMOUNT_UNREADABLE, error.message) from None


def chosen(codes: type[_Code], value: object, default: _Code) -> _Code:
    """A word of the address that narrows a list; raises GatewayError REQUEST-INVALID."""
    try:
        return codes(str(value)) if value else default
    except ValueError:
        raise GatewayError(
            BAD_REQUEST, "This list does not know that filter; start from the top."
        ) from None
