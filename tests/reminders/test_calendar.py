"""Business days of banks and countries, and how dates move to them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminders.calendar import (
    Calendar,
    CalendarExhausted,
    ClosingDay,
    FixedDay,
    Roll,
    add_business_days,
    easter_sunday,
    roll,
    shift,
)
from reminders.calendar_file import read_calendars
from reminders.configuration import ConfigurationRefused

PLAIN = Calendar("plain", "weekends only", frozenset({6, 7}))
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [
        (1818, 3, 22),
        (1943, 4, 25),
        (1954, 4, 18),
        (1981, 4, 19),
        (2000, 4, 23),
        (2008, 3, 23),
        (2024, 3, 31),
        (2026, 4, 5),
        (2038, 4, 25),
        (2049, 4, 18),
        (2285, 3, 22),
    ],
)
def test_easter(year: int, month: int, day: int) -> None:
    assert easter_sunday(year) == date(year, month, day)


@given(st.integers(1583, 9999))
def test_easter_is_a_sunday_between_22_march_and_25_april(year: int) -> None:
    easter = easter_sunday(year)
    assert easter.isoweekday() == 7
    assert date(year, 3, 22) <= easter <= date(year, 4, 25)


def by_epact(year: int) -> date:
    """Easter by the church's own tables: golden number, epact, Sunday letter."""
    golden, century = year % 19 + 1, year // 100 + 1
    solar, lunar = 3 * century // 4 - 12, (8 * century + 5) // 25 - 5
    epact = (11 * golden + 20 + lunar - solar) % 30
    if epact == 24 or (epact == 25 and golden > 11):
        epact += 1
    full_moon = 44 - epact + (30 if epact > 23 else 0)
    sunday = full_moon + 7 - (5 * year // 4 - solar - 10 + full_moon) % 7
    return date(year, 3, 1) + timedelta(days=sunday - 1)


def test_easter_agrees_with_the_tables_of_the_church() -> None:
    for year in range(1583, 4000):
        assert easter_sunday(year) == by_epact(year)


CLOSED_2026 = {
    "TARGET": "01-01 04-03 04-06 05-01 12-25",
    "FR": "01-01 04-06 05-01 05-08 05-14 05-25 07-14 11-11 12-25",
    "BE": "01-01 04-06 05-01 05-14 05-25 07-21 11-11 12-25",
    "NL": "01-01 04-03 04-06 04-27 05-05 05-14 05-25 12-25",
    "DE": "01-01 04-03 04-06 05-01 05-14 05-25 12-25",
    "LU": "01-01 04-06 05-01 05-14 05-25 06-23 12-25",
}


@pytest.mark.parametrize("name", CLOSED_2026)
def test_weekdays_closed_in_2026(calendars: dict[str, Calendar], name: str) -> None:
    calendar = calendars[name]
    year = (date(2026, 1, 1) + timedelta(days=n) for n in range(365))
    closed = [day for day in year if day.isoweekday() < 6 and not calendar.is_business_day(day)]
    assert [day.strftime("%m-%d") for day in closed] == CLOSED_2026[name].split()


def test_every_shipped_calendar_is_tested(calendars: dict[str, Calendar]) -> None:
    assert set(calendars) == set(CLOSED_2026)


def test_rules_have_their_years(calendars: dict[str, Calendar]) -> None:
    assert calendars["LU"].closing_day(date(2018, 5, 9)) is None
    assert calendars["LU"].closing_day(date(2019, 5, 9)) is not None
    assert calendars["DE"].closing_day(date(2017, 10, 31)) is not None
    assert calendars["DE"].closing_day(date(2018, 10, 31)) is None


def test_a_rule_ends_with_its_last_year() -> None:
    closing = ClosingDay("fair", FixedDay(3, 4), last_year=2026)
    assert closing.falls_on(date(2026, 3, 4))
    assert not closing.falls_on(date(2027, 3, 4))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Roll.NONE, date(2026, 5, 31)),
        (Roll.FOLLOWING, date(2026, 6, 1)),
        (Roll.MODIFIED_FOLLOWING, date(2026, 5, 29)),
        (Roll.PRECEDING, date(2026, 5, 29)),
    ],
)
def test_a_sunday_at_the_end_of_a_month_rolls(rule: Roll, expected: date) -> None:
    assert roll(date(2026, 5, 31), PLAIN, rule) == expected


def test_a_saturday_goes_back_one_day() -> None:
    assert roll(date(2026, 5, 30), PLAIN, Roll.PRECEDING) == date(2026, 5, 29)
    assert roll(date(2026, 5, 30), PLAIN, Roll.MODIFIED_FOLLOWING) == date(2026, 5, 29)


def test_modified_following_stays_following_inside_a_month() -> None:
    assert roll(date(2026, 5, 17), PLAIN, Roll.MODIFIED_FOLLOWING) == date(2026, 5, 18)


def test_five_working_days_over_easter(calendars: dict[str, Calendar]) -> None:
    thursday = date(2026, 4, 2)
    assert add_business_days(thursday, 5, calendars["TARGET"]) == date(2026, 4, 13)
    assert add_business_days(thursday, 5, calendars["FR"]) == date(2026, 4, 10)
    assert add_business_days(date(2026, 4, 13), -5, calendars["TARGET"]) == thursday


@given(DAYS, st.integers(1, 60))
def test_counting_business_days_there_and_back(
    calendars: dict[str, Calendar], day: date, count: int
) -> None:
    target = calendars["TARGET"]
    end = add_business_days(day, count, target)
    between = (day + timedelta(days=n) for n in range(1, (end - day).days + 1))
    assert sum(target.is_business_day(one) for one in between) == count
    start = roll(day, target, Roll.PRECEDING)
    assert add_business_days(end, -count, target) == start


@given(DAYS, st.sampled_from(Roll))
def test_rolling_twice_is_rolling_once(
    calendars: dict[str, Calendar], day: date, rule: Roll
) -> None:
    rolled = roll(day, calendars["FR"], rule)
    assert roll(rolled, calendars["FR"], rule) == rolled
    assert rule is Roll.NONE or calendars["FR"].is_business_day(rolled)


def test_dates_do_not_leave_time() -> None:
    assert shift(date.max, 1) == date.max
    assert shift(date(9999, 12, 30), 400) == date.max
    assert shift(date.min, -1) == date.min
    assert roll(date.max, Calendar("c", "c", frozenset({date.max.isoweekday()}))) == date.max
    assert add_business_days(date.max, 3, PLAIN) == date.max


def test_a_calendar_without_business_days_is_named() -> None:
    closed = tuple(
        ClosingDay("closed", FixedDay(month, day)) for month in range(1, 13) for day in range(1, 32)
    )
    with pytest.raises(CalendarExhausted, match="'shut' has no business day") as refused:
        roll(date(2026, 1, 1), Calendar("shut", "", frozenset(), closed))
    assert refused.value.code == "CALENDAR-NO-BUSINESS-DAY"


GOOD = '[[calendar]]\nid = "X"\ntitle = "X"\nweekend = [6, 7]\n'


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("[[calendar", "CONFIG-NOT-TOML", ""),
        ("calendar = 3", "CONFIG-VALUE", "calendar"),
        ("calendar = [3]", "CONFIG-NOT-A-TABLE", "calendar[0]"),
        ("other = 1", "CONFIG-KEY-UNKNOWN", "other"),
        (GOOD + GOOD, "CALENDAR-DUPLICATE", "calendar[1].id"),
        (GOOD.replace("[6, 7]", "[1,2,3,4,5,6,7]"), "CALENDAR-NO-BUSINESS-DAY", "weekend"),
        (GOOD.replace("[6, 7]", "[0]"), "CONFIG-VALUE", "weekend"),
        (GOOD.replace("[6, 7]", "[true]"), "CONFIG-VALUE", "weekend"),
        (GOOD.replace('id = "X"', 'id = ""'), "CONFIG-VALUE", "calendar[0].id"),
        (GOOD.replace('id = "X"\n', ""), "CONFIG-KEY-MISSING", "calendar[0].id"),
        (GOOD + 'closing = [{name = "n"}]', "CALENDAR-CLOSING-KIND", "closing[0]"),
        (
            GOOD + 'closing = [{name = "n", easter = 1, fixed = "01-01"}]',
            "CALENDAR-CLOSING-KIND",
            "closing[0]",
        ),
        (GOOD + 'closing = [{name = "n", fixed = "02-30"}]', "CONFIG-VALUE", "closing[0].fixed"),
        (GOOD + 'closing = [{name = "n", on = "2026-01-01"}]', "CONFIG-VALUE", "closing[0].on"),
        (
            GOOD + 'closing = [{name = "n", easter = 1, first_year = 2030, last_year = 2020}]',
            "CALENDAR-YEARS",
            "closing[0].last_year",
        ),
        (GOOD + 'closing = [{name = "n", easter = 1, x = 1}]', "CONFIG-KEY-UNKNOWN", "[0].x"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, code: str, where: str) -> None:
    with pytest.raises(ConfigurationRefused) as refused:
        read_calendars(text)
    assert [one.code for one in refused.value.faults] == [code]
    assert refused.value.faults[0].where.endswith(where)


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationRefused) as refused:
        read_calendars("[[calendar]]\nweekend = [9]\nx = 1")
    assert len(refused.value.faults) == 4
