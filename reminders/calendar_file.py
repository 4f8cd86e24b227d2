"""Calendars as operators write them: ``calendars.toml`` text to ``reminders.calendar`` values.

Pure: takes the text, or one calendar out of it, reads no file.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from reminders.calendar import Calendar, ClosingDay, EasterDay, FixedDay, SingleDay
from reminders.configuration import ConfigurationRefused, Table, parse_toml

__all__ = ["read_calendar", "read_calendars"]

_Rule = FixedDay | EasterDay | SingleDay

_KINDS: Final = ("fixed", "easter", "on")
_LEAP_YEAR: Final = 2024


def read_calendars(text: str) -> tuple[Calendar, ...]:
    """Read every calendar of a ``calendars.toml`` text, in its order.

    Raises ConfigurationRefused with all mistakes: CALENDAR-DUPLICATE, CALENDAR-NO-BUSINESS-DAY,
    CALENDAR-CLOSING-KIND, CALENDAR-YEARS and the CONFIG codes of ``reminders.configuration``.
    """
    top = parse_toml(text)
    calendars: dict[str, Calendar] = {}
    for table in top.tables("calendar"):
        calendar = _calendar(table)
        if calendar.id in calendars:
            table.fault("CALENDAR-DUPLICATE", "id", f"'{calendar.id}' is given twice.")
        calendars[calendar.id] = calendar
    top.finish()
    if top.faults:
        raise ConfigurationRefused(tuple(top.faults))
    return tuple(calendars.values())


def read_calendar(content: Mapping[str, object]) -> Calendar:
    """Read one calendar as it stands in ``calendars.toml``. Raises ConfigurationRefused."""
    table = Table(content, where="", faults=[])
    calendar = _calendar(table)
    if table.faults:
        raise ConfigurationRefused(tuple(table.faults))
    return calendar


def _calendar(table: Table) -> Calendar:
    weekend = frozenset(table.integers("weekend", low=1, high=7))
    if len(weekend) == 7:
        table.fault("CALENDAR-NO-BUSINESS-DAY", "weekend", "Leave at least one working day.")
    calendar = Calendar(
        id=table.text("id"),
        title=table.text("title"),
        weekend=weekend,
        closing_days=tuple(_closing_day(one) for one in table.tables("closing")),
    )
    table.finish()
    return calendar


def _closing_day(table: Table) -> ClosingDay:
    given = [kind for kind in _KINDS if table.has(kind)]
    rule: _Rule = EasterDay(0)
    if len(given) != 1:
        table.fault("CALENDAR-CLOSING-KIND", "", "Give exactly one of fixed, easter and on.")
    for kind in given:
        rule = _RULES[kind](table)
    first = table.number("first_year", high=9999) if table.has("first_year") else None
    last = table.number("last_year", high=9999) if table.has("last_year") else None
    if first is not None and last is not None and last < first:
        table.fault("CALENDAR-YEARS", "last_year", "The last year is before the first.")
    closing = ClosingDay(table.text("name"), rule, first, last)
    table.finish()
    return closing


def _fixed(table: Table) -> FixedDay:
    text = table.text("fixed")
    try:
        day = date.fromisoformat(f"{_LEAP_YEAR}-{text}")
    except ValueError:
        table.fault("CONFIG-VALUE", "fixed", 'This must be a month and day, such as "12-25".')
        return FixedDay(1, 1)
    return FixedDay(day.month, day.day)


_RULES: Final[Mapping[str, Callable[[Table], _Rule]]] = {
    "fixed": _fixed,
    "easter": lambda table: EasterDay(table.number("easter", low=-100, high=200)),
    "on": lambda table: SingleDay(table.day("on")),
}
