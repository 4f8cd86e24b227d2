"""The first job of an accepted document: find where its receiver takes it, and in which format."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError, Retry
from gateway.core.jobs.registry import JobContext
from gateway.exchange import timeline
from gateway.exchange.delivery_policies import DeliveryPolicies
from gateway.exchange.departure import Departures
from gateway.exchange.events import DocumentEvents
from gateway.exchange.failures import failure_of
from gateway.exchange.ports import OtherChannels
from gateway.exchange.reformatting import Reformatting, Rewritten
from gateway.exchange.states import TransportEvent, TransportState, terminal
from gateway.exchange.tables import Document, EventGroup
from gateway.network.errors import DOCUMENT_TYPE, NOT_REGISTERED, PROCESS, LookupFailed
from gateway.network.smp_client import Found, Lookup

__all__ = [
    "UNREGISTERED",
    "LookupJob",
    "find_endpoint",
    "record_failure",
]

UNREGISTERED: Final = frozenset({NOT_REGISTERED.code, DOCUMENT_TYPE.code, PROCESS.code})
"""The network's own word that the buyer does not take this document there: no fault, no doubt."""

_TAKES_OTHERS: Final = frozenset({DOCUMENT_TYPE.code, PROCESS.code})
"""The buyer is on Peppol, and may take the same invoice in another format."""


async def find_endpoint(
    lookup: Lookup, document: Document, now: MachineClock, *, fresh: bool = False
) -> Found:
    """Ask the network where this document goes; ``fresh`` believes no cached answer.

    Raises LookupFailed.
    """
    return await lookup.find(
        ParticipantId.parse(document.receiver),
        DocumentTypeId.parse(document.document_type),
        ProcessId.parse(document.process),
        at=now(),
        fresh=fresh,
    )


async def record_failure(
    session: AsyncSession,
    events: DocumentEvents,
    document_id: UUID,
    failure: GatewayError,
    *,
    at: datetime,
) -> None:
    """Record what keeps a document waiting; what ends its way is recorded where that is done."""
    if failure.retry is Retry.NO:
        return
    document = await session.get_one(Document, document_id, with_for_update=True)
    if terminal(document.transport):
        return
    facts = {
        "code": failure.code,
        "text": failure.message,
        "class": failure_of(failure.code).failure_class.value,
    }
    await events.step(session, document, TransportEvent.ATTEMPT_FAILED, facts, at=at)
    kind = "lookup.failed" if isinstance(failure, LookupFailed) else "attempt.failed"
    timeline.record(session, document, EventGroup.TRANSPORT, kind, at=at, facts=facts)


class LookupJob:
    """Finds the endpoint and sends the document off, in another format or by another channel."""

    def __init__(
        self,
        *,
        database: Database,
        departures: Departures,
        lookup: Lookup,
        policies: DeliveryPolicies,
        channels: OtherChannels,
        reformatting: Reformatting,
        events: DocumentEvents,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._departures = departures
        self._lookup = lookup
        self._policies = policies
        self._channels = channels
        self._reformatting = reformatting
        self._events = events
        self._now = now

    async def __call__(self, job: JobContext) -> None:
        """Run once for one document; LookupFailed decides whether it is tried again."""
        document_id = UUID(job.payload["document_id"])
        async with self._database.read() as session:
            document = await session.get_one(Document, document_id)
        if document.transport is not TransportState.ACCEPTED:
            return
        try:
            await self._find_way(job, document)
        except GatewayError as failure:
            async with self._database.write() as session:
                await record_failure(session, self._events, document_id, failure, at=self._now())
            await self._policies.apply(job, failure)
            raise

    async def _find_way(self, job: JobContext, document: Document) -> None:
        """Over Peppol as it is, else in another format, else by another channel.

        Raises what keeps it waiting or ends its way.
        """
        rewritten = None
        try:
            found = await find_endpoint(
                self._lookup, document, self._now, fresh=document.sending_round > 0
            )
        except GatewayError as failure:
            if failure.code not in UNREGISTERED or not await self._may_leave(document.id):
                raise
            if failure.code in _TAKES_OTHERS:
                rewritten = await self._reformatting.find(document, failure)
            if rewritten is None:
                await self._elsewhere(job, document.id, failure)
                return
            found = rewritten.found
        await self._over_peppol(job, document, found, rewritten)

    async def _over_peppol(
        self, job: JobContext, document: Document, found: Found, rewritten: Rewritten | None
    ) -> None:
        departure = await self._departures.prepare(document, found)
        async with self._database.write() as session:
            # The job before the document, as everybody does it who takes hold of both.
            await job.fence(session)
            document = await session.get_one(Document, document.id, with_for_update=True)
            if document.transport is not TransportState.ACCEPTED:
                return
            if rewritten is not None:
                await rewritten.take_over(session, document)
            await self._departures.set_out(
                session, document, departure, since=job.first_at, at=self._now()
            )

    async def _may_leave(self, document_id: UUID) -> bool:
        """Whether the document is for whatever way reaches its buyer."""
        async with self._database.read() as session:
            document = await session.get_one(Document, document_id)
            return await self._channels.waits_for(session, document)

    async def _elsewhere(self, job: JobContext, document_id: UUID, failure: GatewayError) -> None:
        """Hand the document to another channel together with the end of its lookup."""
        async with self._database.write() as session:
            # The job before the books before the document, as everybody does it.
            await job.fence(session)
            document = await session.get_one(Document, document_id)
            await self._channels.unregistered(session, document, failure, at=self._now())
