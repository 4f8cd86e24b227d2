"""The scheduled job of statistics: every seat's months are reported in time, or somebody knows.

Runs often and decides from the rows alone, so a missed run, a second worker or a restart changes
nothing.
"""

from typing import Final

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.alarms import AlarmKind, clear_alarm, raise_alarm
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError, Retry
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.jobs.tables import Missed
from gateway.exchange.statistics import queries
from gateway.exchange.statistics.counting import ReportKind
from gateway.exchange.statistics.difference import difference
from gateway.exchange.statistics.duties import ensure_duties
from gateway.exchange.statistics.errors import (
    CHANGED,
    DUE,
    INVALID,
    MISCOUNTED,
    MISSED,
    REFUSED,
)
from gateway.exchange.statistics.figures import Figures
from gateway.exchange.statistics.period import Period, Timetable
from gateway.exchange.statistics.planning import Step, Urgency, next_step, urgency_of
from gateway.exchange.statistics.recount import recount
from gateway.exchange.statistics.sending import Reporting
from gateway.exchange.statistics.service import figures_of, latest_of
from gateway.exchange.statistics.states import ReportState
from gateway.exchange.statistics.tables import ReportingDuty, StatisticsReport

__all__ = ["STATISTICS", "StatisticsJob", "register"]

log = structlog.get_logger(__name__)

STATISTICS: Final = "exchange.statistics"
_EVERY: Final = "every 900 seconds"
_LOOK_BACK: Final = 3
"""Months before the running one that are looked at; the oldest only to clear its alarms."""


class StatisticsJob:
    """Settles what was sent, sends what is due, and raises or clears the alarms of each month."""

    def __init__(
        self,
        *,
        database: Database,
        reporting: Reporting,
        timetable: Timetable,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._reporting = reporting
        self._timetable = timetable
        self._now = now

    async def __call__(self, _job: JobContext) -> None:
        """One round over all duties. Without a receiver nothing is owed here."""
        await self._reporting.settle()
        async with self._database.write() as session:
            await ensure_duties(session, at=self._now())
            owed = await queries.duties(session)
        if self._reporting.receiver is None:
            return
        postponed: GatewayError | None = None
        for duty in owed:
            for period in self._periods(duty):
                for kind in ReportKind:
                    try:
                        await self._attend(duty, period, kind)
                    except GatewayError as error:
                        # One report must not keep the others from being sent.
                        log.warning("statistics.not_sent", code=error.code, period=str(period))
                        postponed = postponed or error
        if postponed is not None and postponed.retry is Retry.BACKOFF:
            raise postponed

    def _periods(self, duty: ReportingDuty) -> list[Period]:
        first = max(self._oldest(), Period.parse(duty.since))
        return list(first.through(Period.of(self._now()).previous))

    async def _attend(self, duty: ReportingDuty, period: Period, kind: ReportKind) -> None:
        async with self._database.read() as session:
            newest_first = await queries.reports_of(session, duty.seat_id, period=period, kind=kind)
        at = self._now()
        latest = latest_of(newest_first[0]) if newest_first else None
        failure: GatewayError | None = None
        if duty.active and next_step(period, self._timetable, latest, at=at) is Step.SEND:
            try:
                await self._reporting.send(duty.seat_id, period, kind)
            except GatewayError as error:
                failure = error
        await self._tell(duty, period, kind)
        if failure is not None and failure.kind is not REFUSED:
            raise failure

    async def _tell(self, duty: ReportingDuty, period: Period, kind: ReportKind) -> None:
        """Bring the alarms of one report to what is true now."""
        async with self._database.write() as session:
            newest_first = await queries.reports_of(session, duty.seat_id, period=period, kind=kind)
            causes = await self._causes(session, duty, period, kind, newest_first)
            subject = f"{kind.upper()} {period} {duty.seat_id}"
            facts = {"seat": duty.seat_id, "period": str(period), "kind": kind.value}
            for alarm, there in causes.items():
                if there:
                    await raise_alarm(session, alarm, subject, at=self._now(), facts=facts)
                else:
                    await clear_alarm(session, alarm, subject, at=self._now())

    async def _causes(
        self,
        session: AsyncSession,
        duty: ReportingDuty,
        period: Period,
        kind: ReportKind,
        newest_first: list[StatisticsReport],
    ) -> dict[AlarmKind, bool]:
        at = self._now()
        causes = dict.fromkeys((DUE, MISSED, INVALID, CHANGED, MISCOUNTED), False)
        if not duty.active or period <= self._oldest():
            return causes
        open_still = at < self._timetable.closes(period)
        delivered = next((one for one in newest_first if one.state is ReportState.DELIVERED), None)
        urgency = urgency_of(period, self._timetable, delivered is not None, at=at)
        causes[DUE] = urgency is Urgency.LATE
        causes[MISSED] = urgency is Urgency.MISSED
        refused = bool(newest_first) and newest_first[0].state is ReportState.REFUSED
        causes[INVALID] = refused and open_still
        if delivered is not None and open_still:
            figures = await figures_of(session, duty.seat_id, period, kind, self._reporting.rules)
            causes[CHANGED] = not difference(Figures.from_json(delivered.figures), figures).none
        if kind is ReportKind.TSR and open_still:
            causes[MISCOUNTED] = not (await recount(session, period)).agrees
        return causes

    def _oldest(self) -> Period:
        one = Period.of(self._now())
        for _ in range(_LOOK_BACK):
            one = one.previous
        return one


def register(registry: Registry, job: StatisticsJob) -> None:
    """Say how often the timetable is looked at."""
    registry.add(STATISTICS, job)
    registry.every(STATISTICS, _EVERY, missed=Missed.SKIP)
