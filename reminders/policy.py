"""Reminder policies: the steps a customer with open items goes through, when and by which channel.

Pure values and their rules. A policy version never changes once steps were taken under it: an
edit makes a new version, and running cases keep theirs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reminders.calendar import Calendar, Roll, add_business_days, shift
from reminders.configuration import Fault

__all__ = [
    "Anchor",
    "Channel",
    "DayUnit",
    "Deadline",
    "Grouping",
    "Level",
    "LevelKind",
    "PartialDispute",
    "Policy",
    "Release",
    "Tone",
    "check_policy",
    "in_force",
]

FORMAL_NOTICE_DAYS: Final = range(8, 16)
"""Calendar days a formal notice usually gives (receivables practice in France and Belgium)."""


class LevelKind(StrEnum):
    """What a step is, in the words of receivables management."""

    ADVICE = "advice"
    """A friendly note before the due date."""
    REMINDER = "reminder"
    FIRM_REMINDER = "firm-reminder"
    CALL = "call"
    """A task for a person to telephone."""
    FORMAL_NOTICE = "formal-notice"
    """Mise en demeure, ingebrekestelling, letzte Mahnung."""
    HAND_OVER = "hand-over"
    """The case file for recovery, amicable or in court."""


class Channel(StrEnum):
    """How a step reaches the customer; of several the first that can be used is taken."""

    PEPPOL = "peppol"
    EMAIL = "email"
    POST = "post"
    REGISTERED_EMAIL = "registered-email"
    REGISTERED_POST = "registered-post"
    PHONE = "phone"
    CASE_FILE = "case-file"


class Anchor(StrEnum):
    """From which day a level counts its days."""

    DUE_DATE = "due-date"
    PREVIOUS_STEP = "previous-step"
    PREVIOUS_DEADLINE = "previous-deadline"


class Tone(StrEnum):
    """How the text speaks."""

    NEUTRAL = "neutral"
    FRIENDLY = "friendly"
    FIRM = "firm"
    FORMAL = "formal"


class Release(StrEnum):
    """Whether a step is sent by itself or waits for a person's approval."""

    AUTOMATIC = "automatic"
    APPROVAL = "approval"


class Grouping(StrEnum):
    """What one reminder covers."""

    CUSTOMER = "customer"
    """All items of the customer in one currency that have reached the same level."""
    ITEM = "item"


class PartialDispute(StrEnum):
    """What happens to an item of which only a part is disputed."""

    HOLD_ITEM = "hold-item"
    CHASE_REST = "chase-rest"


class DayUnit(StrEnum):
    """Which days a deadline counts."""

    CALENDAR = "calendar"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True)
class Deadline:
    """By when a step asks for payment, counted from the day it is sent.

    ``override_reason`` says why a formal notice leaves the usual range.
    """

    days: int
    unit: DayUnit = DayUnit.CALENDAR
    override_reason: str = ""

    def after(self, day: date, calendar: Calendar) -> date:
        """Return the last day for payment of a step sent on a day."""
        if self.unit is DayUnit.BUSINESS:
            return add_business_days(day, self.days, calendar)
        return shift(day, self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One step of a policy: ``days`` after ``anchor`` (before it, if negative).

    Of ``channels`` the first that can be used carries the step. Each of ``copies`` that can be
    used and is not that one carries it as well, in the same words, and never in its place.
    """

    id: str
    kind: LevelKind
    anchor: Anchor
    days: int
    tone: Tone
    release: Release
    channels: tuple[Channel, ...]
    copies: tuple[Channel, ...] = ()
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of a policy, in force for new cases from ``valid_from`` on.

    ``levels``: advice before the due date first, then the steps after it, taken one by one in this
    order. ``minimums``: smallest total worth a step, in minor units per currency.
    ``grace_days``: days after the due date in which money may still be on its way.
    ``gap_days``: least days between two steps after the due date for one item.
    ``announcement_days``: how long an announced payment holds an item. ``due_date_roll``: where a
    due date that is no business day goes. ``business_days_only``: no steps on other days.
    """

    id: str
    version: int
    title: str
    valid_from: date
    calendar: str
    grouping: Grouping
    partial_dispute: PartialDispute
    grace_days: int
    gap_days: int
    announcement_days: int
    due_date_roll: Roll
    business_days_only: bool
    levels: tuple[Level, ...]
    minimums: tuple[tuple[str, int], ...] = ()

    @property
    def advice(self) -> tuple[Level, ...]:
        """The levels before the due date, earliest first."""
        return tuple(one for one in self.levels if one.kind is LevelKind.ADVICE)

    @property
    def steps(self) -> tuple[Level, ...]:
        """The levels after the due date, in their order."""
        return tuple(one for one in self.levels if one.kind is not LevelKind.ADVICE)

    def minimum(self, currency: str) -> int:
        """Return the smallest total worth a step, in minor units; 1 where none is set."""
        return dict(self.minimums).get(currency, 1)


def in_force(policies: Iterable[Policy], policy: str, day: date) -> Policy | None:
    """Return the version of a policy that new cases get on a business date."""
    versions = [one for one in policies if one.id == policy and one.valid_from <= day]
    return max(versions, key=lambda one: (one.valid_from, one.version), default=None)


_WRITTEN: Final = frozenset(
    {
        Channel.PEPPOL,
        Channel.EMAIL,
        Channel.POST,
        Channel.REGISTERED_EMAIL,
        Channel.REGISTERED_POST,
    }
)
_PROVEN: Final = frozenset({Channel.REGISTERED_EMAIL, Channel.REGISTERED_POST})
# What goes out by itself: a copy must not put work on a person.
_COPIES: Final = frozenset({Channel.PEPPOL, Channel.EMAIL})
_CHANNELS: Final[Mapping[LevelKind, frozenset[Channel]]] = MappingProxyType(
    {
        LevelKind.ADVICE: _WRITTEN - _PROVEN,
        LevelKind.REMINDER: _WRITTEN,
        LevelKind.FIRM_REMINDER: _WRITTEN,
        LevelKind.CALL: frozenset({Channel.PHONE}),
        # Its receipt must be provable (receivables 4.3), which none of the others can promise.
        LevelKind.FORMAL_NOTICE: _PROVEN,
        LevelKind.HAND_OVER: frozenset({Channel.CASE_FILE}),
    }
)
_RANK: Final[Mapping[LevelKind, int]] = MappingProxyType(
    {
        LevelKind.REMINDER: 1,
        LevelKind.FIRM_REMINDER: 2,
        LevelKind.FORMAL_NOTICE: 3,
        LevelKind.HAND_OVER: 4,
    }
)
_STATES_DEADLINE: Final = frozenset(
    {LevelKind.REMINDER, LevelKind.FIRM_REMINDER, LevelKind.FORMAL_NOTICE}
)


def check_policy(policy: Policy) -> tuple[Fault, ...]:
    """Return everything that makes a policy unusable, empty for a sound one.

    Codes: POLICY-LEVELS-MISSING, POLICY-LEVEL-DUPLICATE, POLICY-DAYS, POLICY-MINIMUM,
    POLICY-ADVICE, POLICY-ANCHOR, POLICY-ORDER, POLICY-CHANNELS, POLICY-COPIES, POLICY-DEADLINE,
    POLICY-FORMAL-NOTICE. Places are relative to the policy (``level[2].days``).
    """
    faults: list[Fault] = []
    if not policy.steps:
        faults.append(
            Fault("POLICY-LEVELS-MISSING", "level", "Give at least one level after the due date.")
        )
    if len({one.id for one in policy.levels}) != len(policy.levels):
        faults.append(Fault("POLICY-LEVEL-DUPLICATE", "level", "Every level has its own id."))
    for name in ("grace_days", "gap_days", "announcement_days"):
        if not 0 <= getattr(policy, name) <= 365:
            faults.append(Fault("POLICY-DAYS", name, "Give 0 to 365 days."))
    faults += (
        Fault("POLICY-MINIMUM", f"minimums.{currency}", "A minimum is above zero.")
        for currency, least in policy.minimums
        if least < 1
    )
    for at, level in enumerate(policy.levels):
        earlier = policy.levels[:at]
        place = f"level[{at}]"
        faults += _check_place(level, earlier, place)
        faults += _check_channels(level, place)
        faults += _check_copies(level, f"{place}.copy")
        faults += _check_deadline(level, place)
    return tuple(faults)


def _check_place(level: Level, earlier: tuple[Level, ...], place: str) -> Iterable[Fault]:
    """Check when a level comes, given the levels before it."""
    steps = [one for one in earlier if one.kind is not LevelKind.ADVICE]
    if level.kind is LevelKind.ADVICE:
        if steps or level.anchor is not Anchor.DUE_DATE or not -365 <= level.days <= -1:
            sentence = "Advice stands first and comes 1 to 365 days before the due date."
            yield Fault("POLICY-ADVICE", place, sentence)
        elif any(one.days >= level.days for one in earlier):
            yield Fault("POLICY-ORDER", f"{place}.days", "Order advice from early to late.")
        return
    if not steps and level.anchor is not Anchor.DUE_DATE:
        sentence = "The first level after the due date counts from the due date."
        yield Fault("POLICY-ANCHOR", f"{place}.after", sentence)
    if steps and level.anchor is Anchor.PREVIOUS_DEADLINE and steps[-1].deadline is None:
        sentence = f"The level before, '{steps[-1].id}', states no deadline to count from."
        yield Fault("POLICY-ANCHOR", f"{place}.after", sentence)
    if not 1 <= level.days <= 365:
        yield Fault("POLICY-DAYS", f"{place}.days", "A level comes 1 to 365 days later.")
    reached = max((_RANK.get(one.kind, 0) for one in steps), default=0)
    if _RANK.get(level.kind, reached) < reached:
        sentence = "Levels grow firmer: reminder, firm reminder, formal notice, hand-over."
        yield Fault("POLICY-ORDER", f"{place}.kind", sentence)


def _check_channels(level: Level, place: str) -> Iterable[Fault]:
    """Check that the channels can carry the level."""
    fit = _CHANNELS[level.kind]
    if not level.channels or not fit.issuperset(level.channels):
        allowed = ", ".join(sorted(fit))
        sentence = f"A level of kind '{level.kind}' needs one or more of: {allowed}."
        yield Fault("POLICY-CHANNELS", f"{place}.channels", sentence)
    elif len(set(level.channels)) != len(level.channels):
        yield Fault("POLICY-CHANNELS", f"{place}.channels", "Name every channel once.")


def _check_copies(level: Level, where: str) -> Iterable[Fault]:
    """Check that copies are of something written and can go out without a person."""
    if not level.copies:
        return
    if _WRITTEN.isdisjoint(_CHANNELS[level.kind]):
        yield Fault("POLICY-COPIES", where, f"A level of kind '{level.kind}' is not written.")
    elif not _COPIES.issuperset(level.copies):
        allowed = ", ".join(sorted(_COPIES))
        yield Fault("POLICY-COPIES", where, f"A copy goes by one of: {allowed}.")
    elif len(set(level.copies)) != len(level.copies):
        yield Fault("POLICY-COPIES", where, "Name every channel once.")
    elif level.channels == level.copies:
        sentence = "The channel itself needs no copy. Name another one, or leave copy out."
        yield Fault("POLICY-COPIES", where, sentence)


def _check_deadline(level: Level, place: str) -> Iterable[Fault]:
    """Check that a deadline is stated where, and as, the kind of level needs it."""
    where = f"{place}.deadline"
    if level.deadline is None:
        if level.kind in _STATES_DEADLINE:
            sentence = f"A level of kind '{level.kind}' says by when to pay."
            yield Fault("POLICY-DEADLINE", where, sentence)
        return
    if level.kind not in _STATES_DEADLINE:
        sentence = f"A level of kind '{level.kind}' sets no deadline."
        yield Fault("POLICY-DEADLINE", where, sentence)
    if not 1 <= level.deadline.days <= 365:
        yield Fault("POLICY-DEADLINE", where, "A deadline is 1 to 365 days.")
    if level.kind is not LevelKind.FORMAL_NOTICE or level.deadline.override_reason:
        return
    if level.deadline.unit is DayUnit.BUSINESS or level.deadline.days not in FORMAL_NOTICE_DAYS:
        sentence = "A formal notice gives 8 to 15 calendar days. Give override_reason otherwise."
        yield Fault("POLICY-FORMAL-NOTICE", where, sentence)
