"""What follows from a bounce: the dispatch it is about, its document, what to do next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.jobs.backoff import JobError
from gateway.dispatch.bounce_message import Bounce, Verdict, read_bounce
from gateway.dispatch.states import DispatchEvent
from gateway.dispatch.steps import Steps, facts_of
from gateway.dispatch.tables import Dispatch
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.channels import MAIL_BOUNCED
from gateway.exchange.tables import Document, EventGroup

__all__ = ["Bounces", "Outcome"]

_DELAYED: Final = "dispatch.delayed"


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
        bounce = read_bounce(content)
        async with self._database.read() as session:
            row = await _named(session, bounce, tenant_id)
        if row is None or bounce.verdict is Verdict.OTHER:
            return Outcome(
                verdict=bounce.verdict,
                dispatch_id=row.id if row else None,
                document_id=row.document_id if row else None,
                changed=False,
            )
        at = self._now()
        stored = await self._archive.keep(
            content, purpose="bounce", media_type="message/rfc822", tenant_id=row.tenant_id
        )
        async with self._database.write() as session:
            document, row = await self._steps.locked(session, row.id)
            session.add(stored)
            await session.flush()
            if bounce.verdict is Verdict.DELAYED:
                changed = _delayed(session, document, row, bounce, at=at)
            else:
                row.bounced_at = row.bounced_at or at
                row.bounce_id = row.bounce_id or stored.id
                session.add(row)
                changed = await self._steps.happen(
                    session,
                    document,
                    row,
                    DispatchEvent.BOUNCED,
                    at=at,
                    fault=JobError(MAIL_BOUNCED.code, _text(row, bounce)),
                    evidence_id=stored.id,
                )
        return Outcome(
            verdict=bounce.verdict, dispatch_id=row.id, document_id=document.id, changed=changed
        )


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


def _delayed(
    session: AsyncSession, document: Document, row: Dispatch, bounce: Bounce, *, at: datetime
) -> bool:
    """The mail server still tries: that is worth knowing, and changes no state."""
    facts = facts_of(row) | {"text": " ".join((bounce.status, bounce.text)).strip()}
    timeline.record(session, document, EventGroup.TRANSPORT, _DELAYED, at=at, facts=facts)
    return True
