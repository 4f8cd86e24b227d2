"""What CII wraps in elements of its own: days, indicators and identifiers of two names.

Reads through the cursor, so that what is handed out is covered and the rest stays listed.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from ubl.cii.codes import DAY_FORMAT, MINUTE_FORMAT
from ubl.cursor import Cursor, string_value
from ubl.model import Identifier, Period

__all__ = [
    "read_day",
    "read_identifiers",
    "read_indicator",
    "read_period",
    "unaccounted",
]

_DAY_WRAPPERS: Final = ("udt:DateTimeString", "qdt:DateTimeString", "udt:DateString")
_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_MINUTE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})[0-9]{4}")
_INDICATORS: Final = {"true": True, "1": True, "false": False, "0": False}


def unaccounted(place: Cursor) -> Cursor:
    """Stand in the same place without covering what is read there, to look before deciding."""
    return Cursor(place.element, currency=place.currency)


def read_day(place: Cursor, *path: str) -> date | None:
    """Read a day at the end of the path (UNTDID 2379 format 102).

    One given to the minute (format 203) is read too, and stays uncovered for its time.
    """
    holder = place.first(*path)
    if holder is None:
        return None
    for wrapper in _DAY_WRAPPERS:
        text = holder.first(wrapper)
        if text is not None:
            return _day_in(text)
    return None


def _day_in(place: Cursor) -> date | None:
    text = string_value(place.element).strip(" \t\r\n")
    form = place.element.get("format", DAY_FORMAT).strip()
    pattern = {DAY_FORMAT: _DAY, MINUTE_FORMAT: _MINUTE}.get(form)
    found = None if pattern is None else pattern.fullmatch(text)
    if found is None:
        return None
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
    if form == DAY_FORMAT:
        place.cover()
        place.attribute("format")
    return day


def read_period(settlement: Cursor, name: str = "ram:BillingSpecifiedPeriod") -> Period | None:
    """Read the first and last day of BG-14 or BG-26."""
    period = settlement.first(name)
    if period is None:
        return None
    return Period(
        start=read_day(period, "ram:StartDateTime"), end=read_day(period, "ram:EndDateTime")
    )


def read_indicator(place: Cursor | None, name: str) -> bool | None:
    """Read a yes or no; None where it is missing or neither, which leaves it uncovered."""
    indicator = None if place is None else place.first(name, "udt:Indicator")
    if indicator is None:
        return None
    value = _INDICATORS.get(string_value(indicator.element).strip(" \t\r\n"))
    if value is not None:
        indicator.cover()
    return value


def read_identifiers(party: Cursor) -> Iterator[Identifier]:
    """Read what CII keeps in two elements: ``ID`` has no scheme, ``GlobalID`` one of ICD."""
    for name in ("ram:ID", "ram:GlobalID"):
        for place in party.all(name):
            if found := place.identifier():
                yield found
