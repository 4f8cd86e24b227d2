"""What a duty asks for now: wait, send, or raise an alarm. Pure; the instant is handed in."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from gateway.exchange.statistics.period import Period, Timetable
from gateway.exchange.statistics.states import ReportState

__all__ = ["Latest", "Standing", "Step", "Urgency", "next_step", "standing_of", "urgency_of"]


class Standing(StrEnum):
    """Where the report of a month is, for people: not due yet, due, or what became of it."""

    NOT_OWED = "not-owed"
    OPEN = "open"
    DUE = "due"
    REFUSED = "refused"
    ON_ITS_WAY = "on-its-way"
    DELIVERED = "delivered"
    FAILED = "failed"
    MISSED = "missed"


class Step(StrEnum):
    """What the scheduled job does about a report now."""

    WAIT = "wait"
    SEND = "send"


class Urgency(StrEnum):
    """Whether an operator must know: nothing, the report is late, or the last day has passed."""

    NONE = "none"
    LATE = "late"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest report of a month: how it stands, when it was made."""

    state: ReportState
    created_at: datetime


def next_step(period: Period, timetable: Timetable, latest: Latest | None, *, at: datetime) -> Step:
    """Send once the timetable opens, again each day after a failure, never after the last day."""
    if not timetable.opens(period) <= at < timetable.closes(period):
        return Step.WAIT
    if latest is None:
        return Step.SEND
    if latest.state in (ReportState.DELIVERED, ReportState.ON_ITS_WAY):
        return Step.WAIT
    tried_today = latest.created_at.astimezone(UTC).date() == at.astimezone(UTC).date()
    return Step.WAIT if tried_today else Step.SEND


def urgency_of(period: Period, timetable: Timetable, delivered: bool, *, at: datetime) -> Urgency:
    """How pressing a report is that was (not) delivered."""
    if delivered or at < timetable.alarms(period):
        return Urgency.NONE
    return Urgency.LATE if at < timetable.closes(period) else Urgency.MISSED


def standing_of(
    period: Period,
    timetable: Timetable,
    latest: Latest | None,
    *,
    owed: bool,
    delivered: bool,
    at: datetime,
) -> Standing:
    """The one word a person sees.

    ``owed`` is whether the seat had to report that month to anybody, ``delivered`` whether any
    report of the month was.
    """
    if latest is not None and latest.state is ReportState.ON_ITS_WAY:
        return Standing.ON_ITS_WAY
    if delivered:
        return Standing.DELIVERED
    if owed and at >= timetable.closes(period):
        return Standing.MISSED
    if latest is not None:
        return Standing(latest.state.value)
    if at < period.end:
        return Standing.OPEN
    return Standing.DUE if owed else Standing.NOT_OWED
