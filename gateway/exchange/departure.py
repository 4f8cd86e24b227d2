"""Where a document goes, once the network has said so: evidence, state and delivery job together.

For the lookup job, and for a submission whose answer is remembered. Asks the network nothing.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.core.clock import MachineClock
from gateway.core.jobs.queue import JobQueue
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.events import DocumentEvents
from gateway.exchange.lanes import DELIVER, delivery_lane, job_key
from gateway.exchange.states import TransportEvent
from gateway.exchange.tables import Document, EventGroup, StoredBlob
from gateway.network.revocation import evidence_of_revocation
from gateway.network.smp_client import Found, Lookup

__all__ = ["Departure", "Departures", "digest_of_lookup", "evidence_of_lookup"]


@dataclass(frozen=True, slots=True)
class Departure:
    """What the network said about one document; the bytes of ``evidence`` are durable."""

    found: Found
    evidence: StoredBlob


class Departures:
    """Sends documents off to the endpoint that was found for them."""

    def __init__(
        self,
        *,
        archive: Archive,
        queue: JobQueue,
        lookup: Lookup,
        events: DocumentEvents,
        now: MachineClock,
    ) -> None:
        self._archive = archive
        self._queue = queue
        self._lookup = lookup
        self._events = events
        self._now = now

    async def prepare(self, document: Document, found: Found) -> Departure:
        """Make durable what the network said, before a row names it."""
        evidence = await self._archive.keep(
            evidence_of_lookup(found),
            purpose="lookup",
            media_type="application/zip",
            tenant_id=document.tenant_id,
        )
        return Departure(found, evidence)

    async def remembered(self, document: Document) -> Departure | None:
        """The departure of a document whose endpoint this process remembers; None where it is
        to be looked up.

        What is remembered is what a lookup at this moment would answer with, and the delivery
        asks again. Other processes remember answers of their own.
        """
        found = self._lookup.remembered(
            ParticipantId.parse(document.receiver),
            DocumentTypeId.parse(document.document_type),
            ProcessId.parse(document.process),
            at=self._now(),
        )
        return await self.prepare(document, found) if found is not None else None

    async def set_out(
        self,
        session: AsyncSession,
        document: Document,
        departure: Departure,
        *,
        since: datetime,
        at: datetime,
    ) -> None:
        """Record the endpoint of an accepted document and queue its delivery, both or neither.

        ``since`` is when its way began, from which the deadline of its delivery counts.
        """
        found, evidence = departure.found, departure.evidence
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
                "since": since.isoformat(),
                "lookup": {"blob": str(evidence.id), "digest": digest_of_lookup(found)},
            },
            lane=delivery_lane(found.endpoint.url),
            dedupe_key=job_key(DELIVER, document.id, document.sending_round),
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
