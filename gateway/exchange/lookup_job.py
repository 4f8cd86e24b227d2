"""The first job of an accepted document: find where its receiver takes it."""

from collections.abc import Sequence
from io import BytesIO
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.lanes import DELIVER, delivery_lane
from gateway.exchange.states import TRANSPORT, TransportEvent, TransportState, advance
from gateway.exchange.tables import Document, EventGroup
from gateway.network.smp_client import Found, Lookup, SmpAnswer

__all__ = ["LookupJob", "evidence_of_lookup", "find_endpoint"]


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


def evidence_of_lookup(answers: Sequence[SmpAnswer]) -> bytes:
    """The SMP's answers as received, in one zip: what was published at that moment."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as bundle:
        for number, answer in enumerate(answers, start=1):
            bundle.writestr(f"{number:02}-smp-answer.xml", answer.body)
            bundle.writestr(f"{number:02}-smp-answer.url", f"{answer.status} {answer.url}\n")
    return packed.getvalue()


class LookupJob:
    """Finds the endpoint, keeps the SMP's answers as evidence, queues the delivery."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        lookup: Lookup,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._lookup = lookup
        self._now = now

    async def __call__(self, job: JobContext) -> None:
        """Run once for one document; LookupFailed decides whether it is tried again."""
        document_id = UUID(job.payload["document_id"])
        async with self._database.read() as session:
            document = await session.get_one(Document, document_id)
        if document.transport is not TransportState.ACCEPTED:
            return
        found = await find_endpoint(self._lookup, document, self._now)
        evidence = await self._archive.keep(
            evidence_of_lookup(found.evidence),
            purpose="lookup",
            media_type="application/zip",
            tenant_id=document.tenant_id,
        )
        async with self._database.write() as session:
            document = await session.get_one(Document, document_id)
            await job.fence(session)
            if document.transport is not TransportState.ACCEPTED:
                return
            session.add(evidence)
            await session.flush()
            document.transport = advance(TRANSPORT, document.transport, TransportEvent.LOOKED_UP)
            document.updated_at = self._now()
            timeline.record(
                session,
                document,
                EventGroup.TRANSPORT,
                "receiver.found",
                at=document.updated_at,
                facts={
                    "smp": found.smp.url,
                    "endpoint": found.endpoint.url,
                    "seat": found.endpoint.seat_id,
                },
                evidence_id=evidence.id,
            )
            await self._queue.enqueue(
                session,
                kind=DELIVER,
                payload={"document_id": str(document.id)},
                lane=delivery_lane(found.endpoint.url),
                dedupe_key=f"{DELIVER}:{document.id}",
            )
