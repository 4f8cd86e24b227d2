"""Policies: what the product ships, what is refused, and which version is in force."""

import tomllib
from collections.abc import Collection
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from reminders.calendar import Calendar
from reminders.configuration import ConfigurationRefused
from reminders.policy import (
    Anchor,
    Channel,
    DayUnit,
    Deadline,
    Level,
    LevelKind,
    Policy,
    Release,
    Tone,
    check_policy,
    in_force,
)
from reminders.policy_file import read_policies, read_policy


def test_the_shipped_policy_is_the_one_described(policy: Policy) -> None:
    assert check_policy(policy) == ()
    assert [(one.id, one.kind, one.anchor, one.days) for one in policy.levels] == [
        ("before-due", LevelKind.ADVICE, Anchor.DUE_DATE, -5),
        ("first-reminder", LevelKind.REMINDER, Anchor.DUE_DATE, 1),
        ("firm-reminder", LevelKind.FIRM_REMINDER, Anchor.PREVIOUS_STEP, 14),
        ("call", LevelKind.CALL, Anchor.PREVIOUS_DEADLINE, 1),
        ("formal-notice", LevelKind.FORMAL_NOTICE, Anchor.PREVIOUS_STEP, 5),
        ("hand-over", LevelKind.HAND_OVER, Anchor.PREVIOUS_DEADLINE, 1),
    ]
    assert policy.levels[1].channels == (Channel.PEPPOL, Channel.EMAIL, Channel.POST)
    assert policy.levels[2].deadline == Deadline(5, DayUnit.BUSINESS)
    assert policy.minimum("EUR") == 500
    assert policy.minimum("SEK") == 1


def test_nothing_leaves_without_approval_from_the_formal_notice_on(policy: Policy) -> None:
    released = {one.id: one.release for one in policy.levels}
    assert released["formal-notice"] is released["hand-over"] is Release.APPROVAL
    assert set(list(released.values())[:4]) == {Release.AUTOMATIC}


def test_a_deadline_counts_calendar_or_business_days(calendars: dict[str, Calendar]) -> None:
    maundy_thursday, target = date(2026, 4, 2), calendars["TARGET"]
    assert Deadline(5).after(maundy_thursday, target) == date(2026, 4, 7)
    assert Deadline(5, DayUnit.BUSINESS).after(maundy_thursday, target) == date(2026, 4, 13)


def test_new_cases_get_the_newest_version_in_force(policy: Policy) -> None:
    second = replace(policy, version=2, valid_from=date(2026, 7, 1))
    third = replace(policy, version=3, valid_from=date(2026, 7, 1))
    other = replace(policy, id="other", version=9)
    known = (third, policy, other, second)
    assert in_force(known, "standard", date(2025, 12, 31)) is None
    assert in_force(known, "standard", date(2026, 6, 30)) is policy
    assert in_force(known, "standard", date(2026, 7, 1)) is third
    assert in_force(known, "none", date(2026, 7, 1)) is None


def level(kind: LevelKind, *, days: int = 5, **more: object) -> Level:
    facts: dict[str, object] = {
        "id": f"{kind}-{days}",
        "kind": kind,
        "anchor": Anchor.PREVIOUS_STEP,
        "days": days,
        "tone": Tone.FIRM,
        "release": Release.AUTOMATIC,
        "channels": (Channel.EMAIL,),
        "deadline": Deadline(8),
    }
    return Level(**{**facts, **more})


CONFIG = Path(__file__).parents[2] / "config"
FIRST = level(LevelKind.REMINDER, anchor=Anchor.DUE_DATE, days=1)
ADVICE = level(LevelKind.ADVICE, anchor=Anchor.DUE_DATE, days=-5, deadline=None)
CALL = level(LevelKind.CALL, channels=(Channel.PHONE,), deadline=None)
FORMAL = level(LevelKind.FORMAL_NOTICE, channels=(Channel.REGISTERED_POST,))
HAND_OVER = level(LevelKind.HAND_OVER, channels=(Channel.CASE_FILE,), deadline=None)


def codes(policy: Policy) -> list[tuple[str, str]]:
    return [(one.code, one.where) for one in check_policy(policy)]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((ADVICE, FIRST, CALL, FORMAL, HAND_OVER), []),
        ((ADVICE,), [("POLICY-LEVELS-MISSING", "level")]),
        ((FIRST, replace(FORMAL, id=FIRST.id)), [("POLICY-LEVEL-DUPLICATE", "level")]),
        ((FIRST, ADVICE), [("POLICY-ADVICE", "level[1]")]),
        ((replace(ADVICE, days=0), FIRST), [("POLICY-ADVICE", "level[0]")]),
        ((replace(ADVICE, days=-366), FIRST), [("POLICY-ADVICE", "level[0]")]),
        (
            (replace(ADVICE, anchor=Anchor.PREVIOUS_STEP), FIRST),
            [("POLICY-ADVICE", "level[0]")],
        ),
        ((ADVICE, replace(ADVICE, id="2"), FIRST), [("POLICY-ORDER", "level[1].days")]),
        ((FORMAL,), [("POLICY-ANCHOR", "level[0].after")]),
        (
            (FIRST, CALL, replace(FORMAL, anchor=Anchor.PREVIOUS_DEADLINE)),
            [("POLICY-ANCHOR", "level[2].after")],
        ),
        ((replace(FIRST, days=0),), [("POLICY-DAYS", "level[0].days")]),
        ((replace(FIRST, days=366),), [("POLICY-DAYS", "level[0].days")]),
        ((FIRST, FORMAL, level(LevelKind.FIRM_REMINDER)), [("POLICY-ORDER", "level[2].kind")]),
        ((FIRST, FORMAL, CALL, HAND_OVER), []),
        (
            (replace(FIRST, kind=LevelKind.FIRM_REMINDER), level(LevelKind.REMINDER)),
            [("POLICY-ORDER", "level[1].kind")],
        ),
        ((FIRST, HAND_OVER, FORMAL), [("POLICY-ORDER", "level[2].kind")]),
        ((replace(ADVICE, days=-1), replace(FIRST, days=365)), []),
        ((replace(ADVICE, days=-365), FIRST), []),
        ((replace(FIRST, deadline=Deadline(1)),), []),
        ((replace(FIRST, deadline=Deadline(365)),), []),
        ((replace(FIRST, deadline=Deadline(366)),), [("POLICY-DEADLINE", "level[0].deadline")]),
        ((replace(FIRST, channels=()),), [("POLICY-CHANNELS", "level[0].channels")]),
        (
            (replace(FIRST, channels=(Channel.POST, Channel.POST)),),
            [("POLICY-CHANNELS", "level[0].channels")],
        ),
        (
            (replace(FIRST, channels=(Channel.EMAIL, Channel.PHONE)),),
            [("POLICY-CHANNELS", "level[0].channels")],
        ),
        (
            (FIRST, replace(FORMAL, channels=(Channel.EMAIL,))),
            [("POLICY-CHANNELS", "level[1].channels")],
        ),
        ((replace(FIRST, deadline=None),), [("POLICY-DEADLINE", "level[0].deadline")]),
        ((replace(FIRST, deadline=Deadline(0)),), [("POLICY-DEADLINE", "level[0].deadline")]),
        (
            (FIRST, replace(CALL, deadline=Deadline(3))),
            [("POLICY-DEADLINE", "level[1].deadline")],
        ),
        (
            (FIRST, replace(FORMAL, deadline=Deadline(7))),
            [("POLICY-FORMAL-NOTICE", "level[1].deadline")],
        ),
        (
            (FIRST, replace(FORMAL, deadline=Deadline(16))),
            [("POLICY-FORMAL-NOTICE", "level[1].deadline")],
        ),
        (
            (FIRST, replace(FORMAL, deadline=Deadline(10, DayUnit.BUSINESS))),
            [("POLICY-FORMAL-NOTICE", "level[1].deadline")],
        ),
        ((FIRST, replace(FORMAL, deadline=Deadline(8))), []),
        ((FIRST, replace(FORMAL, deadline=Deadline(15))), []),
        ((FIRST, replace(FORMAL, deadline=Deadline(30, override_reason="contract"))), []),
    ],
)
def test_levels_that_make_no_sense_are_refused(
    policy: Policy, levels: tuple[Level, ...], expected: list[tuple[str, str]]
) -> None:
    assert codes(replace(policy, levels=levels)) == expected


def test_the_level_without_a_deadline_is_named(policy: Policy) -> None:
    levels = (FIRST, CALL, replace(FORMAL, anchor=Anchor.PREVIOUS_DEADLINE))
    (fault,) = check_policy(replace(policy, levels=levels))
    assert f"'{CALL.id}'" in fault.message


def test_figures_at_their_bounds_are_accepted(policy: Policy) -> None:
    bounds = replace(policy, grace_days=0, gap_days=365, minimums=(("EUR", 1),))
    assert codes(bounds) == []


def test_figures_out_of_range_are_refused(policy: Policy) -> None:
    wrong = replace(policy, grace_days=-1, gap_days=366, minimums=(("EUR", 0),))
    assert codes(wrong) == [
        ("POLICY-DAYS", "grace_days"),
        ("POLICY-DAYS", "gap_days"),
        ("POLICY-MINIMUM", "minimums.EUR"),
    ]


TEXT = """
[[policy]]
id = "short"
version = 1
title = "Short"
valid_from = 2026-01-01
calendar = "TARGET"
grouping = "item"
partial_dispute = "chase-rest"
grace_days = 2
gap_days = 3
announcement_days = 4
due_date_roll = "following"
business_days_only = false
minimums = { EUR = "5", JPY = "500", TND = "1.250" }

[[policy.level]]
id = "one"
kind = "reminder"
after = "due-date"
days = 1
tone = "neutral"
release = "approval"
channels = ["post"]
deadline = { days = 7 }
"""


def read(text: str, calendars: Collection[str] = ("TARGET",)) -> Policy:
    return read_policies(text, calendars=calendars)[0]


def test_minimums_are_read_in_the_units_of_their_currency() -> None:
    assert read(TEXT).minimums == (("EUR", 500), ("JPY", 500), ("TND", 1250))


@pytest.mark.parametrize(
    ("old", "new", "code", "where"),
    [
        ('"5"', '"5.001"', "AMOUNT-TOO-PRECISE", "policy[0].minimums.EUR"),
        ('"5"', '"five"', "AMOUNT-NOT-DECIMAL", "policy[0].minimums.EUR"),
        ('"5"', "5", "CONFIG-VALUE", "policy[0].minimums"),
        ('"item"', '"items"', "CONFIG-VALUE", "policy[0].grouping"),
        ('["post"]', '["pigeon"]', "CONFIG-VALUE", "policy[0].level[0].channels"),
        ('["post"]', '["phone"]', "POLICY-CHANNELS", "policy[0].level[0].channels"),
        (
            "days = 7",
            "dayz = 7, days = 7",
            "CONFIG-KEY-UNKNOWN",
            "policy[0].level[0].deadline.dayz",
        ),
        ("{ days = 7 }", "7", "CONFIG-NOT-A-TABLE", "policy[0].level[0].deadline"),
        ("= false", '= "no"', "CONFIG-VALUE", "policy[0].business_days_only"),
        ("version = 1", "version = 0", "CONFIG-VALUE", "policy[0].version"),
        ("2026-01-01", "2026-01-01T00:00:00", "CONFIG-VALUE", "policy[0].valid_from"),
        ('"TARGET"', '"MOON"', "POLICY-CALENDAR-UNKNOWN", "policy[0].calendar"),
        ("grace_days = 2\n", "", "CONFIG-KEY-MISSING", "policy[0].grace_days"),
        ("grace_days = 2", "grace_days = 2\ngrace = 1", "CONFIG-KEY-UNKNOWN", "policy[0].grace"),
    ],
)
def test_a_mistake_is_named_with_its_place(old: str, new: str, code: str, where: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigurationRefused) as refused:
        read(TEXT.replace(old, new))
    assert [(one.code, one.where) for one in refused.value.faults] == [(code, where)]


def test_a_version_is_given_once() -> None:
    with pytest.raises(ConfigurationRefused, match="POLICY-VERSION-DUPLICATE"):
        read(TEXT + TEXT)
    two = TEXT + TEXT.replace("version = 1", "version = 2")
    assert [one.version for one in read_policies(two, calendars=["TARGET"])] == [1, 2]


@pytest.mark.parametrize(
    ("kind", "channels", "copies", "is_sound"),
    [
        (LevelKind.REMINDER, (Channel.PEPPOL, Channel.EMAIL), (Channel.EMAIL,), True),
        (LevelKind.REMINDER, (Channel.EMAIL,), (Channel.PEPPOL,), True),
        (LevelKind.REMINDER, (Channel.EMAIL,), (Channel.EMAIL,), False),
        (LevelKind.REMINDER, (Channel.PEPPOL,), (Channel.EMAIL, Channel.EMAIL), False),
        (LevelKind.REMINDER, (Channel.EMAIL,), (Channel.POST,), False),
        (LevelKind.FORMAL_NOTICE, (Channel.REGISTERED_POST,), (Channel.EMAIL,), True),
        (LevelKind.CALL, (Channel.PHONE,), (Channel.EMAIL,), False),
        (LevelKind.HAND_OVER, (Channel.CASE_FILE,), (Channel.EMAIL,), False),
    ],
)
def test_a_copy_goes_out_by_itself_beside_the_channel(
    policy: Policy,
    kind: LevelKind,
    channels: tuple[Channel, ...],
    copies: tuple[Channel, ...],
    is_sound: bool,
) -> None:
    deadline = None if kind in (LevelKind.CALL, LevelKind.HAND_OVER) else Deadline(8)
    copied = level(kind, channels=channels, copies=copies, deadline=deadline)
    faults = check_policy(replace(policy, levels=(FIRST, copied)))
    expected = [] if is_sound else [("POLICY-COPIES", "level[1].copy")]
    assert [(one.code, one.where) for one in faults] == expected


def test_the_shipped_reminders_go_to_the_person_as_well(policy: Policy) -> None:
    copies = {one.id: one.copies for one in policy.levels}
    assert copies["first-reminder"] == copies["firm-reminder"] == (Channel.EMAIL,)
    assert copies["formal-notice"] == ()


def test_one_policy_is_read_from_where_it_was_kept(policy: Policy) -> None:
    (content,) = tomllib.loads((CONFIG / "policies.toml").read_text("utf-8"))["policy"]
    assert read_policy(content) == policy
    with pytest.raises(ConfigurationRefused) as refusal:
        read_policy(content | {"grace_days": 400})
    assert [(one.code, one.where) for one in refusal.value.faults] == [
        ("POLICY-DAYS", "grace_days")
    ]
