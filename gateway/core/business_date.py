"""Moving the business date, in a demonstration or a test and nowhere else.

The shift is a row, so that every process of the instance follows; each looks at it now and then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import BusinessClock, now
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.settings import Stage
from gateway.core.tables import BusinessDateShift

__all__ = ["BusinessDates", "Moved"]

log = structlog.get_logger(__name__)

BUSINESS_DATE_FIXED: Final = ErrorKind(
    "BUSINESS-DATE-FIXED", "The business date is not moved here", 403
)
BUSINESS_DATE_BACK: Final = ErrorKind("BUSINESS-DATE-BACK", "The date only moves forward", 422)

_LOOK_S: Final = 2.0
_FURTHEST: Final = timedelta(days=3660)

Moved = Callable[[AsyncSession, date], Awaitable[None]]
"""What is to happen when the date was moved; runs in the transaction that moves it."""


class BusinessDates:
    """The one way to move the business date of an instance."""

    def __init__(
        self,
        *,
        database: Database,
        clock: BusinessClock,
        stage: Stage,
        then: Sequence[Moved] = (),
    ) -> None:
        self._database = database
        self._clock = clock
        self._stage = stage
        self._then = tuple(then)

    @property
    def days_ahead(self) -> int:
        """How many days the business date is ahead of the calendar; 0 in production."""
        return self._clock.moved_by.days

    def today(self) -> date:
        """What the books of this instance call today, the days it was moved by included."""
        return self._clock.today()

    async def move(self, to: date) -> int:
        """Make ``to`` the business date; returns by how many days it is ahead of the calendar.

        Raises GatewayError BUSINESS-DATE-FIXED in production, BUSINESS-DATE-BACK for a day that
        has passed or lies more than ten years ahead.
        """
        if self._stage is Stage.PRODUCTION:
            raise GatewayError(
                BUSINESS_DATE_FIXED,
                "In production the business date is the calendar's. Use the stage demo or test.",
            )
        today = self._clock.today()
        if not today <= to <= today + _FURTHEST:
            raise GatewayError(BUSINESS_DATE_BACK, f"Give {today} or a later day within ten years.")
        days = (to - today).days + self.days_ahead
        async with self._database.write() as session:
            await session.merge(BusinessDateShift(id=1, days=days, moved_at=now()))
            for one in self._then:
                await one(session, to)
        self._clock.moved_by = timedelta(days=days)
        log.warning("business_date.moved", to=to.isoformat(), days_ahead=days)
        return days

    async def refresh(self) -> None:
        """Take over where another process moved the date."""
        if self._stage is Stage.PRODUCTION:
            return
        async with self._database.read() as session:
            row = await session.get(BusinessDateShift, 1)
        self._clock.moved_by = timedelta(days=row.days if row else 0)

    async def follow(self) -> None:
        """Keep following the row until cancelled; a database that is away is asked again."""
        while self._stage is not Stage.PRODUCTION:
            await asyncio.sleep(_LOOK_S)
            try:
                await self.refresh()
            except (SQLAlchemyError, OSError) as error:
                log.warning("business_date.not_read", error=type(error).__name__)
