"""Reminder policies and calendars in use: seeded from files once, then kept in the database.

A version that is there is never touched again, neither by a newer release nor by a second process
that starts at the same time.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.jobs.dialect import insert_or_skip
from gateway.dunning.tables import CalendarRow, PolicyRow
from reminders.account import Rulebook
from reminders.calendar_file import read_calendar, read_calendars
from reminders.configuration import ConfigurationRefused
from reminders.policy import Policy, in_force
from reminders.policy_file import read_policies, read_policy

__all__ = [
    "POLICY_FILE",
    "POLICY_NONE",
    "RELEASE",
    "STANDARD",
    "Seed",
    "read_seed",
    "rulebook",
    "seed_policies",
]

POLICY_FILE: Final = ErrorKind("POLICY-FILE", "The reminder policies cannot be read", 500)
POLICY_NONE: Final = ErrorKind("POLICY-NONE", "No reminder policy is in force", 409)

STANDARD: Final = "standard"
"""The policy that customers of every account run under."""
RELEASE: Final = "release"
"""The origin of what came with the product."""

_ROOT: Final = Path(__file__).resolve().parents[2]
_PLACES: Final = (_ROOT / "config", _ROOT / "gateway" / "defaults")
_POLICIES: Final = "policies.toml"
_CALENDARS: Final = "calendars.toml"
_NAMES: Final = UUID("8b0f4f0e-5c0a-5d3c-9a55-0a7d3c1f2e64")
_DAYS: Final = frozenset({"valid_from", "on"})


class Seed:
    """Policies and calendars as a configuration folder has them, checked."""

    def __init__(
        self, policies: Sequence[Mapping[str, Any]], calendars: Sequence[Mapping[str, Any]]
    ) -> None:
        self.policies = policies
        self.calendars = calendars


def read_seed(folder: Path | None) -> Seed:
    """Read ``policies.toml`` and ``calendars.toml`` of a folder, None for the one shipped.

    A file the folder lacks is taken from the shipped ones. Raises GatewayError POLICY-FILE, naming
    every mistake.
    """
    policies, calendars = _text(folder, _POLICIES), _text(folder, _CALENDARS)
    try:
        known = [one.id for one in read_calendars(calendars)]
        read_policies(policies, calendars=known)
    except ConfigurationRefused as refused:
        raise GatewayError(POLICY_FILE, f"Correct {_POLICIES} or {_CALENDARS}: {refused}") from None
    return Seed(tomllib.loads(policies)["policy"], tomllib.loads(calendars)["calendar"])


async def seed_policies(session: AsyncSession, seed: Seed, *, at: datetime) -> None:
    """Add the policy versions and calendars that the database has not got.

    Identifiers follow from names, so several processes may do this at once.
    """
    for policy in seed.policies:
        name = f"{policy['id']}@{policy['version']}"
        await session.exec(
            insert_or_skip(session, PolicyRow).values(
                id=uuid5(_NAMES, name),
                tenant_id=None,
                policy=policy["id"],
                version=policy["version"],
                valid_from=policy["valid_from"],
                definition=_plain(policy),
                origin=RELEASE,
                created_at=at,
            )
        )
    for calendar in seed.calendars:
        await session.exec(
            insert_or_skip(session, CalendarRow).values(
                calendar=calendar["id"],
                definition=_plain(calendar),
                origin=RELEASE,
                created_at=at,
            )
        )


async def rulebook(session: AsyncSession, tenant_id: UUID, on: date) -> Rulebook:
    """The policy an account's new cases get on a business date, every version, the calendars.

    Where the account has versions of its own of a policy, new cases get one of those. Raises
    GatewayError POLICY-NONE when none is in force yet.
    """
    rows = await session.exec(
        select(PolicyRow)
        .where(or_(col(PolicyRow.tenant_id).is_(None), PolicyRow.tenant_id == tenant_id))
        .order_by(col(PolicyRow.policy), col(PolicyRow.version))
    )
    known = [(row.tenant_id is not None, read_policy(_dated(row.definition))) for row in rows]
    own = [policy for is_own, policy in known if is_own]
    shipped = [policy for is_own, policy in known if not is_own]
    current = in_force(own if _has(own, STANDARD) else shipped, STANDARD, on)
    if current is None:
        raise GatewayError(
            POLICY_NONE,
            f"No version of the reminder policy '{STANDARD}' is in force on {on}. Add one whose "
            "valid_from is not later.",
        )
    calendars = await session.exec(select(CalendarRow).order_by(col(CalendarRow.calendar)))
    return Rulebook(
        current=current,
        # The account's own come first: where both have a version, it is the one that was meant.
        versions=(*own, *shipped),
        calendars=tuple(read_calendar(_dated(row.definition)) for row in calendars),
    )


def _has(policies: Sequence[Policy], name: str) -> bool:
    return any(one.id == name for one in policies)


def _text(folder: Path | None, name: str) -> str:
    for place in (*([folder] if folder else []), *_PLACES):
        if (place / name).is_file():
            try:
                return (place / name).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise GatewayError(POLICY_FILE, f"{place / name} cannot be read: {error}") from None
    raise GatewayError(POLICY_FILE, f"There is no {name} in {_PLACES[0]}.")


def _plain(value: Any) -> Any:
    """What TOML knows and JSON does not, as text: dates."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def _dated(value: Any) -> Any:
    """The inverse of ``_plain``; which keys hold dates is what the files say."""
    if isinstance(value, Mapping):
        return {
            key: date.fromisoformat(one) if key in _DAYS else _dated(one)
            for key, one in value.items()
        }
    return [_dated(one) for one in value] if isinstance(value, list) else value
