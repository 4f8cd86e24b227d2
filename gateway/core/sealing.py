"""Which stored secrets are sealed under which key; sealing all of them under the present one.

Finds the secrets by the type of their column (`SealedText`), whichever package the table is of.
A key that is missing raises an alarm and nothing else: what it sealed stays as it is. So does a
text that opens nowhere, which keeps no other from being sealed.
"""

import asyncio
import platform
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Column, Table, select, text, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.alarms import AlarmKind, Severity, clear_alarm, open_alarms, raise_alarm
from gateway.core.clock import MachineClock
from gateway.core.columns import metadata
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.settings import Settings
from gateway.core.vault import (
    SECRET_DAMAGED,
    SealedText,
    Vault,
    key_id,
    key_id_of,
    place_of,
    unsealed,
)
from gateway.core.vault_keys import create_keys, keys_of, made_by_a_start

__all__ = [
    "KEY_MISSING",
    "SECRET_KEY_FOREIGN",
    "Sealed",
    "check_keys",
    "count_by_key",
    "follow",
    "look_through",
    "open_vault",
    "seal_all",
]

SECRET_KEY_FOREIGN: Final = ErrorKind(
    "SECRET-KEY-FOREIGN", "The secrets in the database are sealed under another machine's key", 500
)

KEY_MISSING: Final = AlarmKind(
    "SECRET-KEY-MISSING",
    Severity.CRITICAL,
    "A key that opens stored secrets is missing",
    "Webhooks, SFTP and links wait for it: restore secrets.key_file from its backup, or give this "
    "machine the key in secrets.keys, and start it again.",
)
_LOOK_S: Final = 3600
_UNSEEN: Final = timedelta(seconds=3 * _LOOK_S)
"""A machine that was not heard of for so long is gone, and its alarm with it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    column: Column[Any]
    key: Any
    text: str

    @property
    def place(self) -> str:
        return place_of(self.column.table.name, self.key)


async def open_vault(settings: Settings, database: Database, *, now: MachineClock) -> Vault:
    """The vault of this process; everything it can open is sealed under its present key.

    The first key is made where nothing is sealed yet. Where something is, a key is never made up:
    the vault stays shut and an alarm says so. Raises GatewayError SECRET-KEY-FILE, and
    SECRET-KEY-FOREIGN on a machine that made a key of its own while another was first.
    """
    keys = keys_of(settings)
    async with database.read() as session:
        counts = await count_by_key(session)
    if not keys and not counts:
        keys = create_keys(settings)
    elif keys and counts:
        _refuse_foreign(settings, keys, counts)
    vault = Vault(keys, reload=lambda: keys_of(settings))
    await seal_all(database, vault)
    with suppress(IntegrityError):  # another process of this machine raised the alarm just now
        await check_keys(database, vault, at=now())
    return vault


def _refuse_foreign(settings: Settings, keys: Sequence[bytes], counts: Mapping[str, int]) -> None:
    """Keep two machines from sealing under a key each, of which neither has the other's.

    A key that a person made or handed in may stand for one that is lost; it is let in, and the
    alarm tells of the other.
    """
    own = tuple(key_id(one) for one in keys)
    if counts.keys() & set(own) or not made_by_a_start(settings):
        return
    raise GatewayError(
        SECRET_KEY_FOREIGN,
        f"This machine's first start made the key {own[0]}, but the secrets in the database are "
        f"sealed under {', '.join(sorted(counts))}: another machine was first. Put that machine's "
        f"secrets.key_file in place of {settings.secret_key_file}, or give both the same "
        "secrets.keys. If its key is lost for good, run 'gateway secrets rotate' here.",
        key_name=own[0],
    )


async def count_by_key(session: AsyncSession) -> Mapping[str, int]:
    """How many stored secrets each key has sealed, by the key's name."""
    return Counter([name async for one in _stored(session) if (name := key_id_of(one.text))])


@dataclass(frozen=True, slots=True)
class Sealed:
    """What became of trying to open every stored secret with the keys at hand.

    ``opened`` is how many open; ``missing`` how many wait for a key that is not here, by its name;
    ``damaged`` names the rows (``table/key``) whose secrets open with no key.
    """

    opened: int
    missing: Mapping[str, int]
    damaged: Sequence[str]


async def look_through(session: AsyncSession, vault: Vault) -> Sealed:
    """Try every stored secret; changes nothing, and gives none of them away."""
    opened, missing, damaged = 0, Counter[str](), []
    async for one in _stored(session):
        if unsealed(one.text) is not None:
            opened += 1  # the next start seals it
            continue
        try:
            vault.open(one.text, one.place)
        except GatewayError as error:
            if error.kind == SECRET_DAMAGED:
                damaged.append(one.place)
            else:
                missing[key_id_of(one.text) or ""] += 1
        else:
            opened += 1
    return Sealed(opened, missing, damaged)


async def seal_all(database: Database, vault: Vault) -> int:
    """Seal under the present key what is not; returns how many. What cannot be opened stays."""
    async with database.read() as session:
        due = [
            one
            async for one in _stored(session)
            if key_id_of(one.text) != vault.current
            and (vault.opens(one.text) or unsealed(one.text) is not None)
        ]
    if not due or vault.current is None:
        return 0
    sealed = 0
    async with database.write() as session:
        connection = await session.connection()
        if not database.is_postgresql:
            # Not every build overwrites what it replaces, and the file must not keep it.
            await connection.execute(text("PRAGMA secure_delete=ON"))
        for one in due:
            secret = _secret_of(one, vault)
            if secret is None:
                continue
            table = one.column.table
            # Whoever changed it meanwhile sealed it too.
            await connection.execute(
                update(table)
                .where(_key_of(table) == one.key, one.column == one.text)
                .values({one.column: vault.seal(secret, one.place)})
            )
            sealed += 1
    return sealed


def _secret_of(one: _Found, vault: Vault) -> bytes | None:
    """What to seal anew; None, with a word in the log, for a text that was damaged."""
    secret = unsealed(one.text)
    if secret is not None:
        return secret
    try:
        return vault.open(one.text, one.place)
    except GatewayError as error:
        if error.kind != SECRET_DAMAGED:
            raise
        log.warning("secret.damaged", place=one.place, column=one.column.name)
        return None


async def _stored(session: AsyncSession) -> AsyncIterator[_Found]:
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, SealedText):
                found = await (await session.connection()).execute(
                    select(_key_of(table), column).where(column.is_not(None), column != "")
                )
                for key, text in found:
                    yield _Found(column, key, text)


def _key_of(table: Table) -> Column[Any]:
    (key,) = table.primary_key.columns
    return key


async def check_keys(database: Database, vault: Vault, *, at: datetime) -> None:
    """Raise the alarm for each key another start here would miss, clear those that are over."""
    machine = platform.node()
    lasting = _lasting(vault)
    async with database.read() as session:
        counts = await count_by_key(session)
        alarms = [one for one in await open_alarms(session) if one.code == KEY_MISSING.code]
    missing = {
        f"{name}, {machine}": {"key_name": name, "machine": machine, "secrets": number}
        for name, number in counts.items()
        if name not in lasting
    }
    over = [
        one.subject
        for one in alarms
        if one.subject not in missing
        and (
            one.facts.get("machine") == machine
            or one.facts.get("key_name") not in counts
            or one.last_seen_at < at - _UNSEEN
        )
    ]
    if not missing and not over:
        return
    async with database.write() as session:
        for subject, facts in missing.items():
            await raise_alarm(session, KEY_MISSING, subject, at=at, facts=facts)
        for subject in over:
            await clear_alarm(session, KEY_MISSING, subject, at=at)


def _lasting(vault: Vault) -> tuple[str, ...]:
    try:
        return vault.lasting()
    except GatewayError:
        return ()  # another start could use none of them


async def follow(database: Database, vault: Vault, *, now: MachineClock) -> None:
    """Look every hour whether something needs a key that is not here, until cancelled.

    Every process for itself: each may have been given other keys.
    """
    while True:
        await asyncio.sleep(_LOOK_S)
        try:
            await check_keys(database, vault, at=now())
        except SQLAlchemyError as error:
            log.warning("secret.keys_not_looked_at", error=type(error).__name__)
