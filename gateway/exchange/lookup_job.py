"""The first job of an accepted document: find where its receiver takes it, and in which format."""

import hashlib
from datetime import datetime
from io import BytesIO
from typing import Final
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError, Retry
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.delivery_policies import DeliveryPolicies
from gateway.exchange.events import DocumentEvents
from gateway.exchange.failures import failure_of
from gateway.exchange.lanes import DELIVER, delivery_lane, job_key
from gateway.exchange.ports import OtherChannels
from gateway.exchange.reformatting import Reformatting, Rewritten
from gateway.exchange.states import TransportEvent, TransportState, terminal
from gateway.exchange.tables import Document, EventGroup, StoredBlob
from gateway.network.errors import DOCUMENT_TYPE, NOT_REGISTERED, PROCESS, LookupFailed
from gateway.network.revocation import evidence_of_revocation
from gateway.network.smp_client import Found, Lookup

__all__ = [
    "UNREGISTERED",
    "LookupJob",
    "digest_of_lookup",
    "evidence_of_lookup",
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


def evidence_of_lookup(found: Found) -> bytes:
    """The SMP's answers as received, in one zip: what was published at that moment.

    Under ``revocation/`` is what the authorities said about the certificates involved.
    """
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as bundle:
        for number, answer in enumerate(found.evidence, start=1):
            bundle.writestr(f"{number:02}-smp-answer.xml", answer.body)
            bundle.writestr(f"{number:02}-smp-answer.url", f"{answer.status} {answer.url}\n")
        if found.revocation:
            with ZipFile(BytesIO(evidence_of_revocation(found.revocation))) as answers:
                for name in answers.namelist():
                    bundle.writestr(f"revocation/{name}", answers.read(name))
    return packed.getvalue()


def digest_of_lookup(found: Found) -> str:
    """Tells one set of answers from another; the same set need not be kept twice for a document."""
    answers = [
        *((one.url, one.fetched_at, one.body) for one in found.evidence),
        *((one.url, one.fetched_at, one.body) for one in found.revocation),
    ]
    digest = hashlib.sha256()
    for url, fetched_at, body in answers:
        digest.update(f"{url} {fetched_at.isoformat()} {len(body)}\n".encode())
        digest.update(body)
    return digest.hexdigest()


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
    """Finds the endpoint, keeps the SMP's answers as evidence, queues the delivery."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        lookup: Lookup,
        policies: DeliveryPolicies,
        channels: OtherChannels,
        reformatting: Reformatting,
        events: DocumentEvents,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
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
        evidence = await self._archive.keep(
            evidence_of_lookup(found),
            purpose="lookup",
            media_type="application/zip",
            tenant_id=document.tenant_id,
        )
        async with self._database.write() as session:
            # The job before the document, as everybody does it who takes hold of both.
            await job.fence(session)
            document = await session.get_one(Document, document.id, with_for_update=True)
            if document.transport is not TransportState.ACCEPTED:
                return
            if rewritten is not None:
                await rewritten.take_over(session, document)
            await self._routed(session, job, document, found, evidence)

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

    async def _routed(
        self,
        session: AsyncSession,
        job: JobContext,
        document: Document,
        found: Found,
        evidence: StoredBlob,
    ) -> None:
        at = self._now()
        session.add(evidence)
        await session.flush()
        facts = {
            "smp": found.smp.url,
            "endpoint": found.endpoint.url,
            "seat": found.endpoint.seat_id,
        }
        await self._events.step(session, document, TransportEvent.LOOKED_UP, facts, at=at)
        timeline.record(
            session,
            document,
            EventGroup.TRANSPORT,
            "receiver.found",
            at=at,
            facts=facts,
            evidence_id=evidence.id,
        )
        await self._queue.enqueue(
            session,
            kind=DELIVER,
            payload={
                "document_id": str(document.id),
                "since": job.first_at.isoformat(),
                "lookup": {"blob": str(evidence.id), "digest": digest_of_lookup(found)},
            },
            lane=delivery_lane(found.endpoint.url),
            dedupe_key=job_key(DELIVER, document.id, document.sending_round),
        )
