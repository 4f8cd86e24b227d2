"""The audit log as a chain: every entry carries the hash of the one before it.

One chain per instance, numbered from 1. Entries wait in the session and are numbered and hashed
while it commits, behind everything else it writes: the head of the chain is the last row that any
transaction locks, and for the shortest time. Knows nothing of who may read the log.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.orm import Session
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.tables import AuditEntry, AuditHead
from gateway.core.clock import now
from gateway.core.errors import ErrorKind, GatewayError

__all__ = [
    "Anchor",
    "AuditVerdict",
    "audit",
    "audit_head",
    "entry_hash",
    "noting",
    "record",
    "verify_chain",
]

ANCHOR_UNREADABLE: Final = ErrorKind("AUDIT-ANCHOR", "This is no anchor of an audit log", 422)

GENESIS: Final = "0" * 64
"""What the first entry carries in place of a predecessor's hash."""

_HEAD: Final = 1
_WAITING: Final = "gateway.audit"
_BATCH: Final = 1000
_NOTED: Final[ContextVar[list[str] | None]] = ContextVar("audit_noted", default=None)


@dataclass(frozen=True, slots=True)
class Anchor:
    """How long the chain was and the hash of its last entry; written ``NUMBER:HASH``.

    Kept outside the instance, it proves later that nothing up to there was changed or cut off.
    """

    number: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """Read what ``str`` wrote; raises GatewayError AUDIT-ANCHOR."""
        number, _, digest = text.strip().partition(":")
        good = number.isascii() and number.isdecimal() and len(digest) == len(GENESIS)
        if not good or set(digest) - set("0123456789abcdef"):
            raise GatewayError(
                ANCHOR_UNREADABLE,
                "An anchor is written NUMBER:HASH, as the log line 'audit.anchor' shows it.",
            )
        return cls(int(number), digest)

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What recomputing the chain found: how far it holds, and the first place where it does not.

    ``broken_at`` is the number of the first entry that is wrong; ``reason`` says in which way:
    ``changed``, ``missing``, ``added``, ``cut-off`` or ``anchor``.
    """

    checked: int
    head: Anchor
    broken_at: int | None = None
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether every entry is as it was written."""
        return self.broken_at is None


@contextmanager
def noting() -> Iterator[list[str]]:
    """Note the actions recorded while this lasts, in this task and those it starts."""
    noted: list[str] = []
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


def audit(
    session: AsyncSession, caller: Principal, *, action: str, object: str, **facts: str | int
) -> None:
    """Add an entry to the audit log within the transaction of the thing done, at the present time.

    ``action`` is a stable name (``participant.registered``), ``object`` what it was done to as
    people name it, ``facts`` what else tells one from another; none of them may hold a secret.
    """
    record(
        session,
        tenant_id=caller.tenant_id,
        actor=caller.actor,
        action=action,
        object=object,
        facts=facts,
        at=now(),
    )


def record(
    session: AsyncSession,
    *,
    tenant_id: UUID,
    actor: str,
    action: str,
    object: str,
    facts: Mapping[str, str | int],
    at: datetime,
) -> None:
    """Add an entry for somebody who is no caller: the gateway itself, a command, a payer.

    ``at`` is a machine time; the rest is as for `audit`. The entry is written when the
    transaction commits.
    """
    if (noted := _NOTED.get()) is not None:
        noted.append(action)
    waiting = session.sync_session.info.setdefault(_WAITING, [])
    if not waiting:
        event.listen(session.sync_session, "before_commit", _append, once=True)
    waiting.append(
        {
            "tenant_id": tenant_id,
            "actor": actor[:340],
            "action": action,
            "object": object[:300],
            "facts": dict(facts),
            "at": at.astimezone(UTC),
        }
    )


def _append(session: Session) -> None:
    """Number and hash the waiting entries behind the head of the chain, which stays locked."""
    waiting: list[dict[str, Any]] = session.info.pop(_WAITING, [])
    session.flush()
    head = session.get_one(AuditHead, _HEAD, with_for_update=True, populate_existing=True)
    for values in waiting:
        entry = AuditEntry(number=head.number + 1, hash="", **values)
        entry.hash = entry_hash(entry, head.hash)
        session.add(entry)
        head.number, head.hash = entry.number, entry.hash


def entry_hash(entry: AuditEntry, previous: str) -> str:
    """SHA-256 (hex) over an entry and its predecessor's hash, as canonical JSON.

    Keys sorted, no white space, UTF-8; ``at`` in UTC with microseconds. The migration that began
    the chain has the same recipe: a new one needs a new chain.
    """
    canonical = json.dumps(
        {
            "previous": previous,
            "number": entry.number,
            "id": str(entry.id),
            "tenant_id": str(entry.tenant_id),
            "actor": entry.actor,
            "action": entry.action,
            "object": entry.object,
            "facts": entry.facts,
            "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


async def audit_head(session: AsyncSession) -> Anchor:
    """The chain's present end, to be kept elsewhere as an anchor."""
    head = await session.get_one(AuditHead, _HEAD)
    return Anchor(head.number, head.hash)


async def verify_chain(session: AsyncSession, *, anchor: Anchor | None = None) -> AuditVerdict:
    """Recompute the whole chain and compare it with its head and, where given, with an anchor.

    Finds entries that were edited, removed, inserted or put in another order. That the end was
    cut off together with the head only an anchor shows. Reads in batches.
    """
    head = await audit_head(session)
    end = Anchor(0, GENESIS)
    while batch := await _after(session, end.number):
        for entry in batch:
            if fault := _fault(entry, end, head, anchor):
                return AuditVerdict(end.number, head, end.number + 1, fault)
            end = Anchor(entry.number, entry.hash)
        session.expunge_all()
    if end != head:
        return AuditVerdict(end.number, head, end.number + 1, "cut-off")
    if anchor is not None and anchor.number > end.number:
        return AuditVerdict(end.number, head, end.number + 1, "anchor")
    return AuditVerdict(end.number, head)


def _fault(entry: AuditEntry, end: Anchor, head: Anchor, anchor: Anchor | None) -> str:
    """What is wrong with the entry that should follow ``end``; empty where nothing is."""
    if entry.number != end.number + 1:
        return "missing"
    if entry.number > head.number:
        return "added"
    if entry_hash(entry, end.hash) != entry.hash:
        return "changed"
    if anchor is not None and anchor.number == entry.number and anchor.hash != entry.hash:
        return "anchor"
    return ""


async def _after(session: AsyncSession, number: int) -> list[AuditEntry]:
    found = await session.exec(
        select(AuditEntry)
        .where(col(AuditEntry.number) > number)
        .order_by(col(AuditEntry.number))
        .limit(_BATCH)
    )
    return list(found)
