"""Business days: which days banks or a country work, and how a date moves to one of them.

Pure. Closing days come as data (``config/calendars.toml``, later the database); this module knows
only how such rules fall on days. A date never leaves what ``datetime.date`` can hold, because
documents do state due dates like 9999-12-31.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

__all__ = [
    "Calendar",
    "CalendarExhausted",
    "ClosingDay",
    "EasterDay",
    "FixedDay",
    "Roll",
    "SingleDay",
    "add_business_days",
    "easter_sunday",
    "roll",
    "shift",
]

_LONGEST_CLOSURE: Final = 370


class CalendarExhausted(ValueError):
    """The calendar has no business day within a year, so no date can move to one.

    ``code`` is ``CALENDAR-NO-BUSINESS-DAY``.
    """

    def __init__(self, calendar: str, day: date) -> None:
        self.code = "CALENDAR-NO-BUSINESS-DAY"
        self.message = (
            f"Calendar '{calendar}' has no business day near {day.isoformat()}. "
            "Correct its weekend and closing days."
        )
        super().__init__(self.message)


class Roll(StrEnum):
    """Where a date goes that is no business day."""

    NONE = "none"
    """It stays."""
    FOLLOWING = "following"
    """The next business day."""
    MODIFIED_FOLLOWING = "modified-following"
    """The next business day, but the last one of the month rather than one of the next month."""
    PRECEDING = "preceding"
    """The last business day before."""


@dataclass(frozen=True, slots=True)
class FixedDay:
    """The same month and day every year."""

    month: int
    day: int

    def falls_on(self, day: date) -> bool:
        """Tell whether the rule means this day."""
        return (day.month, day.day) == (self.month, self.day)


@dataclass(frozen=True, slots=True)
class EasterDay:
    """A number of days after (negative: before) Easter Sunday of the Gregorian calendar."""

    offset: int

    def falls_on(self, day: date) -> bool:
        """Tell whether the rule means this day."""
        return day - easter_sunday(day.year) == timedelta(days=self.offset)


@dataclass(frozen=True, slots=True)
class SingleDay:
    """One day, for instance of national mourning or a closing announced for one year."""

    on: date

    def falls_on(self, day: date) -> bool:
        """Tell whether the rule means this day."""
        return day == self.on


@dataclass(frozen=True, slots=True)
class ClosingDay:
    """A day without business and the years for which the rule is in force, both inclusive."""

    name: str
    rule: FixedDay | EasterDay | SingleDay
    first_year: int | None = None
    last_year: int | None = None

    def falls_on(self, day: date) -> bool:
        """Tell whether this closing day is on the given day."""
        begun = self.first_year is None or self.first_year <= day.year
        ended = self.last_year is not None and self.last_year < day.year
        return begun and not ended and self.rule.falls_on(day)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working days of a country or of the euro payment system.

    ``weekend`` holds ISO weekdays, Monday being 1.
    """

    id: str
    title: str
    weekend: frozenset[int]
    closing_days: tuple[ClosingDay, ...] = ()

    def closing_day(self, day: date) -> ClosingDay | None:
        """Return the closing day on a date, None for an ordinary day or weekend."""
        return next((one for one in self.closing_days if one.falls_on(day)), None)

    def is_business_day(self, day: date) -> bool:
        """Tell whether business is done on a day."""
        return day.isoweekday() not in self.weekend and self.closing_day(day) is None


@lru_cache(maxsize=128)
def easter_sunday(year: int) -> date:
    """Return Easter Sunday of a year, by the arithmetic of Oudin (1940)."""
    golden = year % 19
    century = year // 100
    lunar = (19 * golden + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    moon = lunar - (lunar // 28) * (1 - (29 // (lunar + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    from_march = moon - weekday + 28
    return date(year, 3, 1) + timedelta(days=from_march - 1)


def shift(day: date, days: int) -> date:
    """Move a date by calendar days; past the last possible date it stays there."""
    room = (date.max - day).days if days > 0 else (day - date.min).days
    return day + timedelta(days=max(-room, min(room, days)))


def roll(day: date, calendar: Calendar, rule: Roll = Roll.FOLLOWING) -> date:
    """Move a date to a business day. Raises CalendarExhausted."""
    if rule is Roll.NONE:
        return day
    if rule is Roll.PRECEDING:
        return _seek(day, calendar, -1)
    following = _seek(day, calendar, 1)
    if rule is Roll.MODIFIED_FOLLOWING and following.month != day.month:
        return _seek(day, calendar, -1)
    return following


def add_business_days(day: date, count: int, calendar: Calendar) -> date:
    """Return the ``count``-th business day after a date (before it, if negative).

    Zero returns the date itself, business day or not. Raises CalendarExhausted.
    """
    step = 1 if count > 0 else -1
    for _ in range(abs(count)):
        day = _seek(shift(day, step), calendar, step)
    return day


def _seek(day: date, calendar: Calendar, step: int) -> date:
    """Walk day by day until business is done; the ends of time count as open."""
    start = day
    for _ in range(_LONGEST_CLOSURE):
        if day in (date.min, date.max) or calendar.is_business_day(day):
            return day
        day = shift(day, step)
    raise CalendarExhausted(calendar.id, start)
