"""What people do about documents on their way out: cancel them, or have them sent again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit
from gateway.access.principal import Principal
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND
from gateway.core.jobs.queue import JobQueue
from gateway.exchange import timeline
from gateway.exchange.events import DocumentEvents
from gateway.exchange.lanes import DELIVER, LOOKUP, job_key
from gateway.exchange.mls_queries import record_of
from gateway.exchange.outbound import enqueue_lookup
from gateway.exchange.ports import Bookkeeper, OtherChannels
from gateway.exchange.states import CANCELLING, Cancelling, TransportEvent, TransportState
from gateway.exchange.tables import (
    Attempt,
    AttemptOutcome,
    Direction,
    Document,
    DocumentKind,
    EventGroup,
    Transmission,
)

__all__ = [
    "CANCEL_IN_FLIGHT",
    "CANCEL_OWED",
    "CANCEL_TOO_LATE",
    "CANCEL_UNKNOWN",
    "RESEND_NOT_FAILED",
    "RESEND_REPLACED",
    "DeliveryDesk",
    "Resent",
]

CANCEL_UNKNOWN: Final = ErrorKind(
    "CANCEL-OUTCOME-UNKNOWN", "It is unknown whether the document has arrived", 409
)
CANCEL_IN_FLIGHT: Final = ErrorKind(
    "CANCEL-IN-FLIGHT", "The document is being sent at this moment", 409
)
CANCEL_OWED: Final = ErrorKind("CANCEL-OWED", "The network is owed this document", 409)
CANCEL_TOO_LATE: Final = ErrorKind(
    "CANCEL-TOO-LATE", "The document can be cancelled no longer", 409
)
RESEND_NOT_FAILED: Final = ErrorKind(
    "RESEND-NOT-FAILED", "Only a document that was given up is sent again", 409
)
RESEND_REPLACED: Final = ErrorKind(
    "RESEND-REPLACED", "Another document has taken the place of this one", 409
)


@dataclass(frozen=True, slots=True)
class Resent:
    """What a resend of many came to: the documents on their way again, and how many are left."""

    documents: tuple[UUID, ...]
    left: int


class DeliveryDesk:
    """The use cases of cancelling and sending again; every door comes through here."""

    def __init__(
        self,
        *,
        database: Database,
        queue: JobQueue,
        events: DocumentEvents,
        books: Bookkeeper,
        channels: OtherChannels,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._queue = queue
        self._events = events
        self._books = books
        self._channels = channels
        self._now = now

    async def cancel(self, caller: Principal, document_id: UUID, *, reason: str = "") -> Document:
        """Stop a document of which nothing can have arrived; its claim leaves the books.

        Raises GatewayError NOT-FOUND, CANCEL-OUTCOME-UNKNOWN, CANCEL-IN-FLIGHT, CANCEL-OWED
        or CANCEL-TOO-LATE.
        """
        caller.require("documents:send")
        async with self._database.write() as session:
            document = await _sent(session, document_id, tenant_id=caller.tenant_id)
            # Jobs before books before the document, as those do it who end a job.
            for kind in (LOOKUP, DELIVER):
                key = job_key(kind, document.id, document.sending_round)
                await self._queue.cancel(session, key)
            await self._books.hold(session, document)
            await session.refresh(document, with_for_update=True)
            await _require_cancellable(session, document)
            at = self._now()
            if document.transport is TransportState.DISPATCHING:
                await self._channels.cancelled(session, document, at=at)
            facts = {"reason": reason[:500], "who": caller.actor}
            await self._events.step(session, document, TransportEvent.CANCELLED, facts, at=at)
            timeline.record(
                session, document, EventGroup.TRANSPORT, "document.cancelled", at=at, facts=facts
            )
            await self._books.withdrawn(session, document, at=at)
            audit(
                session,
                caller,
                action="document.cancelled",
                object=str(document.id),
                number=document.number,
            )
        return document

    async def resend(self, caller: Principal, document_id: UUID) -> Document:
        """Send a document that was given up once more: a new lookup, the same SBDH identifier.

        Raises GatewayError NOT-FOUND, RESEND-NOT-FAILED or RESEND-REPLACED.
        """
        caller.require("documents:send")
        async with self._database.write() as session:
            document = await _sent(session, document_id, tenant_id=caller.tenant_id)
            return await self._again(session, caller, document)

    async def resend_many(
        self,
        caller: Principal,
        codes: Collection[str],
        *,
        since: datetime | None = None,
        limit: int,
    ) -> Resent:
        """Send again what was given up for one of these causes, of all accounts, oldest first.

        For operators; each document in a transaction of its own. What somebody else sends again
        at the same moment, and what was replaced, is passed over.
        """
        caller.require("operations:write")
        async with self._database.read() as session:
            found = await _given_up(session, codes, since)
        sent = []
        for document_id in found[:limit]:
            try:
                async with self._database.write() as session:
                    await self._again(session, caller, await _sent(session, document_id))
            except GatewayError as error:
                if error.kind not in (RESEND_NOT_FAILED, RESEND_REPLACED):
                    raise
            else:
                sent.append(document_id)
        return Resent(tuple(sent), len(found) - min(len(found), limit))

    async def _again(
        self, session: AsyncSession, caller: Principal, document: Document
    ) -> Document:
        await self._books.hold(session, document)
        await session.refresh(document, with_for_update=True)
        if document.transport is not TransportState.FAILED:
            raise GatewayError(
                RESEND_NOT_FAILED,
                f"The document stands at '{document.transport}'. What waits is tried again by "
                "itself; a cancelled or refused document is submitted as a new one.",
                state=document.transport.value,
            )
        await _require_current(session, document)
        at = self._now()
        facts = {"code": document.failure_code or "", "who": caller.actor}
        document.failure_code = document.failure_text = None
        document.sending_round += 1
        await self._events.step(session, document, TransportEvent.RESENT, facts, at=at)
        timeline.record(
            session, document, EventGroup.TRANSPORT, "document.resent", at=at, facts=facts
        )
        await self._books.reinstated(session, document, at=at)
        if not await self._channels.at_once(session, document, at=at):
            await enqueue_lookup(session, self._queue, document)
        audit(
            session,
            caller,
            action="document.resent",
            object=str(document.id),
            number=document.number,
        )
        return document


async def _sent(
    session: AsyncSession, document_id: UUID, *, tenant_id: UUID | None = None
) -> Document:
    document = await session.get(Document, document_id)
    foreign = tenant_id is not None and document is not None and document.tenant_id != tenant_id
    if document is None or foreign or document.direction is not Direction.OUT:
        raise GatewayError(NOT_FOUND, "No sent document of this account has that id.")
    return document


async def _require_current(session: AsyncSession, document: Document) -> None:
    """Refuse an MLS in whose place another one was sent: a document has one MLS."""
    if document.kind is not DocumentKind.MLS or document.related_id is None:
        return
    record = await record_of(session, document.tenant_id, document.related_id, lock=True)
    if record is not None and record.mls_id != document.id:
        raise GatewayError(
            RESEND_REPLACED,
            "This MLS was replaced by one to another address, and a document has one MLS only. "
            "Look at that one.",
            document=str(document.related_id),
        )


async def _require_cancellable(session: AsyncSession, document: Document) -> None:
    if document.kind is DocumentKind.MLS:
        raise GatewayError(
            CANCEL_OWED,
            "An MLS is owed to whoever sent the document it is about, and within 20 minutes. It "
            "cannot be taken back.",
        )
    rule = CANCELLING[document.transport]
    if rule is Cancelling.IN_FLIGHT:
        raise GatewayError(
            CANCEL_IN_FLIGHT,
            "An attempt to send the document is running. Wait until it has ended and look again.",
        )
    if rule is Cancelling.TOO_LATE:
        raise GatewayError(
            CANCEL_TOO_LATE,
            f"The document stands at '{document.transport}'. What has arrived is taken back by a "
            "credit note.",
            state=document.transport.value,
        )
    doubtful = await session.exec(
        select(Attempt.id)
        .join(Transmission, col(Transmission.id) == col(Attempt.transmission_id))
        .where(Transmission.document_id == document.id, Attempt.outcome == AttemptOutcome.UNKNOWN)
        .limit(1)
    )
    if doubtful.first() is not None:
        raise GatewayError(
            CANCEL_UNKNOWN,
            "An attempt ended without an answer, so the receiver may have the document. It is "
            "tried again until that is known; if it turns out delivered, take it back by a "
            "credit note.",
        )


async def _given_up(
    session: AsyncSession, codes: Collection[str], since: datetime | None
) -> Sequence[UUID]:
    query = (
        select(Document.id)
        .where(
            Document.direction == Direction.OUT,
            Document.transport == TransportState.FAILED,
            col(Document.failure_code).in_(codes),
        )
        .order_by(col(Document.id))
    )
    if since is not None:
        query = query.where(col(Document.updated_at) >= since)
    return (await session.exec(query)).all()
