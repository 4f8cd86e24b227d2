"""What follows from a bounce: the dispatch it is about, its document, what to do next."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.jobs.backoff import JobError
from gateway.dispatch.bounce_message import Bounce, Verdict, read_bounce
from gateway.dispatch.states import DispatchEvent, DispatchState
from gateway.dispatch.steps import Steps, facts_of
from gateway.dispatch.tables import Dispatch
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.channels import MAIL_BOUNCED
from gateway.exchange.tables import Document, Event, EventGroup, StoredBlob

__all__ = ["Bounces", "Outcome"]

_PURPOSE: Final = "bounce"
_ENOUGH: Final = 50
"""Delays of one document that are told; more than that says nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a message was: the dispatch it is about, if any, and whether it changed anything."""

    verdict: Verdict
    dispatch_id: UUID | None
    document_id: UUID | None
    changed: bool


class Bounces:
    """Takes messages that mail servers sent back, from every door."""

    def __init__(
        self, *, database: Database, archive: Archive, steps: Steps, now: MachineClock
    ) -> None:
        self._database = database
        self._archive = archive
        self._steps = steps
        self._now = now

    async def take(self, content: bytes, *, tenant_id: UUID | None = None) -> Outcome:
        """Read one message and write down what it means; the same message again changes nothing.

        With ``tenant_id`` only dispatches of that account are found. Raises GatewayError
        BOUNCE-UNREADABLE.
        """
        bounce = await asyncio.to_thread(read_bounce, content)
        async with self._database.read() as session:
            row = await _named(session, bounce, tenant_id)
            old = row is not None and await _is_old(session, row, bounce, content)
        if row is None or old or bounce.verdict is Verdict.OTHER:
            return Outcome(
                verdict=bounce.verdict,
                dispatch_id=row.id if row else None,
                document_id=row.document_id if row else None,
                changed=False,
            )
        at = self._now()
        stored = await self._archive.keep(
            content, purpose=_PURPOSE, media_type="message/rfc822", tenant_id=row.tenant_id
        )
        async with self._database.write() as session:
            document, row = await self._steps.locked(session, row.id)
            changed = not await _is_old(session, row, bounce, content)
            if changed:
                session.add(stored)
                await session.flush()
            if changed and bounce.verdict is Verdict.DELAYED:
                facts = _facts(row, bounce)
                _tell(session, document, "dispatch.delayed", facts, stored, at=at)
            elif changed:
                changed = await self._bounced(session, document, row, bounce, stored, at=at)
        return Outcome(
            verdict=bounce.verdict, dispatch_id=row.id, document_id=document.id, changed=changed
        )

    async def _bounced(
        self,
        session: AsyncSession,
        document: Document,
        row: Dispatch,
        bounce: Bounce,
        stored: StoredBlob,
        *,
        at: datetime,
    ) -> bool:
        """Take the dispatch back; who opened it has it, so that a bounce after that is only told.

        A server that looks into links before it delivers opens them too, and a message passed on
        may come back: a person has to judge.
        """
        if row.state is DispatchState.OPENED:
            _tell(session, document, "dispatch.bounced", _facts(row, bounce), stored, at=at)
        elif not await self._steps.happen(
            session,
            document,
            row,
            DispatchEvent.BOUNCED,
            at=at,
            fault=JobError(MAIL_BOUNCED.code, _text(row, bounce)),
            evidence_id=stored.id,
        ):
            return False
        row.bounced_at, row.bounce_id = at, stored.id
        session.add(row)
        return True


async def _is_old(session: AsyncSession, row: Dispatch, bounce: Bounce, content: bytes) -> bool:
    """Whether a message says nothing new: it came back once already, or was told like this."""
    if bounce.verdict is not Verdict.DELAYED:
        return row.bounce_id is not None
    found = await session.exec(
        select(StoredBlob.sha256)
        .join(Event, col(Event.evidence_id) == col(StoredBlob.id))
        .where(Event.document_id == row.document_id, StoredBlob.purpose == _PURPOSE)
        .limit(_ENOUGH)
    )
    taken = found.all()
    return len(taken) >= _ENOUGH or hashlib.sha256(content).hexdigest() in taken


async def _named(session: AsyncSession, bounce: Bounce, tenant_id: UUID | None) -> Dispatch | None:
    """The dispatch whose token the message holds, the most trusted place first."""
    if not bounce.tokens:
        return None
    query = select(Dispatch).where(col(Dispatch.token).in_(bounce.tokens))
    if tenant_id is not None:
        query = query.where(Dispatch.tenant_id == tenant_id)
    found = {one.token: one for one in (await session.exec(query)).all()}
    return next((found[one] for one in bounce.tokens if one in found), None)


def _text(row: Dispatch, bounce: Bounce) -> str:
    said = " ".join(one for one in (bounce.status, bounce.text) if one)
    whom = bounce.recipient or row.recipient or ""
    return (
        f"The e-mail to {whom} came back{f': {said}' if said else ''}. Ask the customer for the "
        "right address, or choose another channel."
    )


def _facts(row: Dispatch, bounce: Bounce) -> dict[str, Any]:
    return facts_of(row) | {"text": " ".join((bounce.status, bounce.text)).strip()}


def _tell(
    session: AsyncSession,
    document: Document,
    kind: str,
    facts: dict[str, Any],
    stored: StoredBlob,
    *,
    at: datetime,
) -> None:
    """Write down what is worth knowing and changes no state, as that a server still tries."""
    timeline.record(
        session,
        document,
        EventGroup.TRANSPORT,
        kind,
        at=at,
        facts=facts,
        evidence_id=stored.id,
    )
