"""What statistics say: overview, preview, the rows behind a line, the history of reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.exchange.archive import Archive
from gateway.exchange.statistics import queries
from gateway.exchange.statistics.counting import ReportKind
from gateway.exchange.statistics.difference import Difference, difference
from gateway.exchange.statistics.duties import change_duty, require_duty
from gateway.exchange.statistics.errors import PERIOD_WRONG
from gateway.exchange.statistics.figures import (
    Figures,
    Line,
    count_end_users,
    count_transactions,
)
from gateway.exchange.statistics.judging import Judgement, judge
from gateway.exchange.statistics.period import Period, PeriodInvalid, Timetable
from gateway.exchange.statistics.planning import Latest, Standing, standing_of
from gateway.exchange.statistics.recount import Recount, recount
from gateway.exchange.statistics.states import ReportState
from gateway.exchange.statistics.tables import ReportingDuty, StatisticsReport
from gateway.exchange.statistics.writing import write_report
from gateway.network.identification import IdentificationRules
from gateway.validation.service import ValidationService

__all__ = ["Month", "Preview", "Statistics", "figures_of", "latest_of", "read_period"]

MONTHS_SHOWN: Final = 13
SHOWN_WITHOUT_COUNTRY: Final = 100


@dataclass(frozen=True, slots=True)
class Month:
    """One report that a seat owes or owed, and where it is."""

    seat_id: str
    kind: ReportKind
    period: Period
    standing: Standing
    latest: StatisticsReport | None
    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """What the report of a month would say now.

    ``changes`` compares it with the newest delivered report, None where there is none;
    ``nameless`` are counted rows without a country that the reports know, the first hundred.
    """

    month: Month
    figures: Figures
    content: bytes
    judgement: Judgement
    delivered: StatisticsReport | None
    changes: Difference | None
    nameless: Sequence[queries.TrafficRow]
    recount: Recount


class Statistics:
    """What was exchanged, as the reports count it.

    ``timetable`` says when reports are due, ``rules`` who is the same end user, ``collected``
    whether anybody takes reports here. Seats belong to the instance; callers are the operator's
    (scopes ``operations:...``).
    """

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        validation: ValidationService,
        timetable: Timetable,
        rules: IdentificationRules,
        collected: bool,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._validation = validation
        self.timetable = timetable
        self._rules = rules
        self._collected = collected
        self._now = now

    async def months(self, seat_id: str | None = None) -> list[Month]:
        """The newest thirteen months of every active duty (or one seat's), newest first.

        The running month comes first: its report is not due yet, but can be looked at.
        """
        at, found = self._now(), []
        async with self._database.read() as session:
            for duty in await queries.duties(session):
                if not duty.active or seat_id not in (None, duty.seat_id):
                    continue
                periods = list(Period.parse(duty.since).through(Period.of(at)))[-MONTHS_SHOWN:]
                if periods:
                    found += await self._months(session, duty, periods, at)
        return found

    async def _months(
        self, session: AsyncSession, duty: ReportingDuty, periods: Sequence[Period], at: datetime
    ) -> list[Month]:
        reports = await queries.reports_from(session, duty.seat_id, periods[0])
        return [
            self._month(
                duty,
                kind,
                period,
                [one for one in reports if (one.kind, one.period) == (kind, str(period))],
                at,
            )
            for period in reversed(periods)
            for kind in ReportKind
        ]

    def _month(
        self,
        duty: ReportingDuty,
        kind: ReportKind,
        period: Period,
        editions: Sequence[StatisticsReport],
        at: datetime,
    ) -> Month:
        """``editions`` are the reports of this month, oldest first."""
        newest = editions[-1] if editions else None
        owed = self._collected and duty.active and period >= Period.parse(duty.since)
        return Month(
            seat_id=duty.seat_id,
            kind=kind,
            period=period,
            standing=standing_of(
                period,
                self.timetable,
                latest_of(newest),
                owed=owed,
                delivered=any(one.state is ReportState.DELIVERED for one in editions),
                at=at,
            ),
            latest=newest,
            opens=self.timetable.opens(period),
            closes=self.timetable.closes(period),
        )

    async def preview(
        self, caller: Principal, seat_id: str, period: Period, kind: ReportKind
    ) -> Preview:
        """What the report of a month would say now, and how that differs from what was sent.

        Raises GatewayError STATISTICS-SEAT, or what checking raises.
        """
        async with self._database.read() as session:
            duty = await require_duty(session, seat_id)
            figures = await figures_of(session, seat_id, period, kind, self._rules)
            newest_first = await queries.reports_of(session, seat_id, period=period, kind=kind)
            nameless = await queries.without_country(
                session, seat_id, period, kind, limit=SHOWN_WITHOUT_COUNTRY
            )
            counted_again = await recount(session, period)
        delivered = next((one for one in newest_first if one.state is ReportState.DELIVERED), None)
        content = write_report(figures)
        judged = await judge(self._validation, caller.tenant_id, kind, content)
        return Preview(
            month=self._month(duty, kind, period, newest_first[::-1], self._now()),
            figures=figures,
            content=content,
            judgement=judged.judgement,
            delivered=delivered,
            changes=difference(Figures.from_json(delivered.figures), figures)
            if delivered
            else None,
            nameless=nameless,
            recount=counted_again,
        )

    async def changes(self, seat_id: str, period: Period, kind: ReportKind) -> Difference | None:
        """How a month differs from its newest delivered report; None where none was delivered.

        Raises GatewayError STATISTICS-SEAT.
        """
        async with self._database.read() as session:
            await require_duty(session, seat_id)
            found = await queries.reports_of(session, seat_id, period=period, kind=kind)
            delivered = _delivered(found)
            if delivered is None:
                return None
            now = await figures_of(session, seat_id, period, kind, self._rules)
        return difference(Figures.from_json(delivered.figures), now)

    async def content(self, seat_id: str, period: Period, kind: ReportKind) -> bytes:
        """The report of a month as it would be sent now. Raises GatewayError STATISTICS-SEAT."""
        async with self._database.read() as session:
            await require_duty(session, seat_id)
            return write_report(await figures_of(session, seat_id, period, kind, self._rules))

    async def rows(
        self,
        seat_id: str,
        period: Period,
        *,
        kind: ReportKind | None,
        line_id: str | None,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[queries.TrafficRow]:
        """The exchanges behind a month, its report, or one line of it, in order of exchange.

        Raises GatewayError STATISTICS-SEAT, and NOT-FOUND for a line the report does not have.
        """
        async with self._database.read() as session:
            await require_duty(session, seat_id)
            line: Line | None = None
            if line_id is not None:
                figures = await figures_of(
                    session, seat_id, period, kind or ReportKind.TSR, self._rules
                )
                line = next((one for one in figures.lines if one.id == line_id), None)
                if line is None:
                    raise GatewayError(
                        NOT_FOUND, "The report of this month has no such line; look at it again."
                    )
                kind = figures.kind
            return await queries.traffic_rows(
                session, seat_id, period, kind=kind, line=line, after=after, limit=limit
            )

    async def reports(
        self,
        seat_id: str,
        *,
        period: Period | None = None,
        kind: ReportKind | None = None,
        before: UUID | None = None,
        limit: int = 50,
    ) -> list[StatisticsReport]:
        """The reports made for a seat, newest first. Raises GatewayError STATISTICS-SEAT."""
        async with self._database.read() as session:
            await require_duty(session, seat_id)
            return await queries.reports_of(
                session, seat_id, period=period, kind=kind, before=before, limit=limit
            )

    async def report(self, report_id: UUID) -> StatisticsReport:
        """One report. Raises GatewayError NOT-FOUND."""
        async with self._database.read() as session:
            return await _report(session, report_id)

    async def report_content(self, report_id: UUID) -> bytes:
        """The bytes of a report as made. Raises GatewayError NOT-FOUND."""
        async with self._database.read() as session:
            row = await _report(session, report_id)
            return await self._archive.fetch(session, row.content_id)

    async def duties(self) -> list[ReportingDuty]:
        """Which seats report, sorted."""
        async with self._database.read() as session:
            return await queries.duties(session)

    async def set_duty(
        self, caller: Principal, seat_id: str, *, active: bool, since: Period
    ) -> ReportingDuty:
        """Say whether this instance reports for a seat. Raises GatewayError STATISTICS-SEAT."""
        async with self._database.write() as session:
            return await change_duty(
                session, caller, seat_id, active=active, since=since, at=self._now()
            )


async def figures_of(
    session: AsyncSession,
    seat_id: str,
    period: Period,
    kind: ReportKind,
    rules: IdentificationRules,
) -> Figures:
    """The figures of a seat's month as the rows, and the records of end users, say now."""
    if kind is ReportKind.TSR:
        found = await queries.exchanges(session, seat_id, period)
        return count_transactions(found, period=period, seat_id=seat_id)
    uses = await queries.end_user_uses(session, seat_id, period, rules)
    return count_end_users(uses, period=period, seat_id=seat_id)


def _delivered(newest_first: Sequence[StatisticsReport]) -> StatisticsReport | None:
    return next((one for one in newest_first if one.state is ReportState.DELIVERED), None)


def latest_of(row: StatisticsReport | None) -> Latest | None:
    """What planning needs to know of the newest report."""
    return None if row is None else Latest(row.state, row.created_at)


def read_period(text: str) -> Period:
    """A month as a caller wrote it. Raises GatewayError STATISTICS-PERIOD."""
    try:
        return Period.parse(text)
    except PeriodInvalid as error:
        raise GatewayError(PERIOD_WRONG, str(error)) from None


async def _report(session: AsyncSession, report_id: UUID) -> StatisticsReport:
    row = await session.get(StatisticsReport, report_id)
    if row is None:
        raise GatewayError(NOT_FOUND, "There is no statistics report with that id.")
    return row
