"""Months in UTC, and what a duty asks for at each hour of the following month."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.exchange.states import IllegalTransition, advance
from gateway.exchange.statistics.period import Period, PeriodInvalid, Timetable
from gateway.exchange.statistics.planning import (
    Latest,
    Standing,
    Step,
    Urgency,
    next_step,
    standing_of,
    urgency_of,
)
from gateway.exchange.statistics.states import REPORT, ReportEvent, ReportState

MONTH, TABLE = Period(2026, 10), Timetable(day=2, hour=6)


def day(number: int, hour: int = 0, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, number, hour, minute, tzinfo=UTC)


def test_a_month_is_its_utc_days():
    assert (MONTH.start, MONTH.end) == (day(1, month=10), day(1))
    assert (str(MONTH), str(MONTH.first_day), str(MONTH.last_day)) == (
        "2026-10",
        "2026-10-01",
        "2026-10-31",
    )
    last = datetime(2026, 10, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert Period.of(last) == MONTH
    assert Period.of(last + timedelta(microseconds=1)) == MONTH.next
    # It is November in Brussels already, and still October in UTC.
    brussels = timezone(timedelta(hours=1))
    assert Period.of(datetime(2026, 11, 1, 0, 30, tzinfo=brussels)) == MONTH
    assert Period(2024, 2).last_day.day == 29


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2_400_000_000))
def test_every_instant_lies_in_its_month(seconds):
    at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    period = Period.of(at)
    assert period.start <= at < period.end
    assert period.next.previous == period.previous.next == period
    assert Period.parse(str(period)) == period
    assert list(period.previous.through(period.next)) == [period.previous, period, period.next]


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-00", "26-10", "2026-1", "1999-01"])
def test_what_is_no_month_is_refused(text):
    with pytest.raises(PeriodInvalid):
        Period.parse(text)


@pytest.mark.parametrize(
    ("at", "latest", "step"),
    [
        (day(31, 23, month=10), None, Step.WAIT),
        (day(2, 5, 59), None, Step.WAIT),
        (day(2, 6), None, Step.SEND),
        (day(2, 6), Latest(ReportState.ON_ITS_WAY, day(2, 6)), Step.WAIT),
        (day(3, 6), Latest(ReportState.ON_ITS_WAY, day(2, 6)), Step.WAIT),
        (day(3, 6), Latest(ReportState.DELIVERED, day(2, 6)), Step.WAIT),
        (day(2, 9), Latest(ReportState.FAILED, day(2, 6)), Step.WAIT),
        (day(3, 0, 1), Latest(ReportState.FAILED, day(2, 6)), Step.SEND),
        (day(3, 0, 1), Latest(ReportState.REFUSED, day(2, 6)), Step.SEND),
        (day(15, 23, 59), Latest(ReportState.FAILED, day(14, 6)), Step.SEND),
        (day(16), None, Step.WAIT),
    ],
)
def test_when_a_report_is_sent(at, latest, step):
    assert next_step(MONTH, TABLE, latest, at=at) is step


@pytest.mark.parametrize(
    ("at", "delivered", "urgency"),
    [
        (day(9, 23, 59), False, Urgency.NONE),
        (day(10), False, Urgency.LATE),
        (day(15, 23, 59), False, Urgency.LATE),
        (day(16), False, Urgency.MISSED),
        (day(16), True, Urgency.NONE),
    ],
)
def test_when_an_operator_must_know(at, delivered, urgency):
    assert urgency_of(MONTH, TABLE, delivered, at=at) is urgency


@pytest.mark.parametrize(
    ("at", "state", "delivered", "standing"),
    [
        (day(20, month=10), None, False, Standing.OPEN),
        (day(1), None, False, Standing.DUE),
        (day(2), ReportState.ON_ITS_WAY, False, Standing.ON_ITS_WAY),
        (day(2), ReportState.DELIVERED, True, Standing.DELIVERED),
        (day(3), ReportState.FAILED, False, Standing.FAILED),
        (day(3), ReportState.REFUSED, False, Standing.REFUSED),
        (day(3), ReportState.FAILED, True, Standing.DELIVERED),
        (day(16), ReportState.FAILED, False, Standing.MISSED),
        (day(16), None, False, Standing.MISSED),
    ],
)
def test_the_one_word_for_a_month(at, state, delivered, standing):
    latest = Latest(state, day(2)) if state else None
    assert standing_of(MONTH, TABLE, latest, owed=True, delivered=delivered, at=at) is standing


def test_a_report_that_ended_stays_as_it_is_unless_it_arrives_after_all():
    assert advance(REPORT, ReportState.ON_ITS_WAY, ReportEvent.DELIVERED) is ReportState.DELIVERED
    assert advance(REPORT, ReportState.ON_ITS_WAY, ReportEvent.FAILED) is ReportState.FAILED
    assert advance(REPORT, ReportState.FAILED, ReportEvent.DELIVERED) is ReportState.DELIVERED
    assert len(REPORT) == 3
    for state in (ReportState.REFUSED, ReportState.DELIVERED):
        for event in ReportEvent:
            with pytest.raises(IllegalTransition):
                advance(REPORT, state, event)


@pytest.mark.parametrize(
    ("at", "state", "standing"),
    [
        (day(20, month=10), None, Standing.OPEN),
        (day(2), None, Standing.NOT_OWED),
        (day(16), None, Standing.NOT_OWED),
        (day(16), ReportState.FAILED, Standing.FAILED),
    ],
)
def test_what_nobody_collects_is_not_missed(at, state, standing):
    latest = Latest(state, day(2)) if state else None
    assert standing_of(MONTH, TABLE, latest, owed=False, delivered=False, at=at) is standing
