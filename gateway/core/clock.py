"""The two clocks of the gateway.

*Machine time* drives leases, backoff, tokens and certificate validity and is always the real
one. The *business date* decides what is due or overdue and which rule set applies; a
demonstration or a test may move it, production may not.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

__all__ = ["BusinessClock", "MachineClock", "now"]

MachineClock = Callable[[], datetime]


def now() -> datetime:
    """Machine time: the real present instant in UTC."""
    return datetime.now(UTC)


class BusinessClock:
    """The business date of one instance, in the time zone the business keeps its books in.

    ``moved_by`` is by how many days a demonstration has moved the date; zero in production.
    """

    def __init__(
        self,
        *,
        zone: ZoneInfo,
        machine: MachineClock = now,
        moved_by: timedelta = timedelta(0),
    ) -> None:
        self._zone = zone
        self._machine = machine
        self.moved_by = moved_by

    def today(self) -> date:
        """The business date: what the books of this instance call today."""
        # Days of the calendar: across a change of summer time the clock would be an hour off.
        return self._machine().astimezone(self._zone).date() + self.moved_by
