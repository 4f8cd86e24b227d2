"""The period of a statistics report: a calendar month in UTC, and when its report is due. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Self

__all__ = ["ALARM_DAY", "LAST_DAY", "Period", "PeriodInvalid", "Timetable"]

LAST_DAY: Final = 15
"""The last day of the following month on which a report is still processed."""
ALARM_DAY: Final = 10
"""From this day of the following month on, a missing report is worth an alarm."""

_TEXT: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_FIRST_YEAR: Final = 2020


class PeriodInvalid(ValueError):
    """A text is no month; the message says how to write one."""


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One calendar month, 00:00:00 of its first day to 24:00:00 of its last, UTC."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``2026-10``. Raises PeriodInvalid."""
        found = _TEXT.fullmatch(text)
        if found is None or int(found[1]) < _FIRST_YEAR:
            raise PeriodInvalid(f"'{text[:20]}' is no month to report; write it as 2026-10.")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, at: datetime) -> Self:
        """The month an instant lies in."""
        there = at.astimezone(UTC)
        return cls(there.year, there.month)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def start(self) -> datetime:
        """The first instant of the month."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant that is not of the month any more."""
        return self.next.start

    @property
    def first_day(self) -> date:
        """The first day."""
        return self.start.date()

    @property
    def last_day(self) -> date:
        """The last day."""
        return self.end.date() - timedelta(days=1)

    @property
    def next(self) -> "Period":
        """The following month."""
        return Period(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def previous(self) -> "Period":
        """The month before."""
        return Period(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    def through(self, last: "Period") -> Iterator["Period"]:
        """This month and those after it, up to ``last``; none when ``last`` is earlier."""
        one = self
        while one <= last:
            yield one
            one = one.next


@dataclass(frozen=True, slots=True)
class Timetable:
    """When reports are sent by themselves: a day of the following month and an hour, UTC."""

    day: int
    hour: int

    def opens(self, period: Period) -> datetime:
        """When the report of a month is sent."""
        return period.end.replace(day=self.day, hour=self.hour)

    def alarms(self, period: Period) -> datetime:
        """From when on a report that is not delivered is worth an alarm."""
        return period.end.replace(day=ALARM_DAY)

    def closes(self, period: Period) -> datetime:
        """From when on a report is not processed any more."""
        return period.end.replace(day=LAST_DAY) + timedelta(days=1)
