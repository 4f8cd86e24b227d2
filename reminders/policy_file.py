"""Policies as operators write them: ``policies.toml`` text to ``reminders.policy`` values.

Pure: takes the text, or one policy out of it, reads no file.
"""

from collections.abc import Collection, Mapping

from reminders.calendar import Roll
from reminders.configuration import ConfigurationRefused, Fault, Table, parse_toml
from reminders.policy import (
    Anchor,
    Channel,
    DayUnit,
    Deadline,
    Grouping,
    Level,
    LevelKind,
    PartialDispute,
    Policy,
    Release,
    Tone,
    check_policy,
)
from ubl.amounts import Amount, AmountUnreadable, parse_decimal, to_minor

__all__ = ["read_policies", "read_policy"]


def read_policies(text: str, *, calendars: Collection[str]) -> tuple[Policy, ...]:
    """Read every policy version of a ``policies.toml`` text, in its order.

    ``calendars`` are the ids of the calendars there are. Raises ConfigurationRefused with all
    mistakes: POLICY-VERSION-DUPLICATE, POLICY-CALENDAR-UNKNOWN, those of ``check_policy`` and the
    CONFIG codes of ``reminders.configuration``.
    """
    top = parse_toml(text)
    policies: dict[tuple[str, int], Policy] = {}
    for table in top.tables("policy"):
        policy = _policy(table)
        if (policy.id, policy.version) in policies:
            sentence = f"Version {policy.version} of '{policy.id}' is given twice."
            table.fault("POLICY-VERSION-DUPLICATE", "version", sentence)
        if policy.calendar not in calendars:
            sentence = f"There is no calendar '{policy.calendar}'."
            table.fault("POLICY-CALENDAR-UNKNOWN", "calendar", sentence)
        policies[policy.id, policy.version] = policy
    top.finish()
    if top.faults:
        raise ConfigurationRefused(tuple(top.faults))
    return tuple(policies.values())


def read_policy(content: Mapping[str, object]) -> Policy:
    """Read one policy version as it stands in ``policies.toml``, kept somewhere else since.

    Its calendar is looked for when it is used. Raises ConfigurationRefused.
    """
    table = Table(content, where="", faults=[])
    policy = _policy(table)
    if table.faults:
        raise ConfigurationRefused(tuple(table.faults))
    return policy


def _policy(table: Table) -> Policy:
    readable = len(table.faults)
    policy = Policy(
        id=table.text("id"),
        version=table.number("version", low=1),
        title=table.text("title"),
        valid_from=table.day("valid_from"),
        calendar=table.text("calendar"),
        grouping=table.word("grouping", Grouping),
        partial_dispute=table.word("partial_dispute", PartialDispute),
        grace_days=table.number("grace_days"),
        gap_days=table.number("gap_days"),
        announcement_days=table.number("announcement_days"),
        due_date_roll=table.word("due_date_roll", Roll),
        business_days_only=table.flag("business_days_only"),
        minimums=_minimums(table),
        levels=tuple(_level(one) for one in table.tables("level")),
    )
    table.finish()
    if len(table.faults) == readable:
        # Stand-ins for unreadable values would only bring up faults nobody made.
        table.faults += (
            Fault(one.code, f"{table.where}.{one.where}".removeprefix("."), one.message)
            for one in check_policy(policy)
        )
    return policy


def _minimums(table: Table) -> tuple[tuple[str, int], ...]:
    minimums: list[tuple[str, int]] = []
    for currency, text in table.texts("minimums"):
        try:
            minimums.append((currency, to_minor(Amount(parse_decimal(text), currency))))
        except AmountUnreadable as error:
            table.fault(error.code, f"minimums.{currency}", error.message)
    return tuple(sorted(minimums))


def _level(table: Table) -> Level:
    level = Level(
        id=table.text("id"),
        kind=table.word("kind", LevelKind),
        anchor=table.word("after", Anchor),
        days=table.number("days"),
        tone=table.word("tone", Tone),
        release=table.word("release", Release),
        channels=table.words("channels", Channel),
        copies=table.words("copy", Channel) if table.has("copy") else (),
        deadline=_deadline(table.table("deadline")) if table.has("deadline") else None,
    )
    table.finish()
    return level


def _deadline(table: Table) -> Deadline:
    deadline = Deadline(
        days=table.number("days"),
        unit=table.word("unit", DayUnit, DayUnit.CALENDAR),
        override_reason=table.text("override_reason", ""),
    )
    table.finish()
    return deadline
