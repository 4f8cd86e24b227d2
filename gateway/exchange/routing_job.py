"""From an acknowledged AS4 message to the business: inbox, MLS, correlation.

Runs once per reception; what it decides commits together with the end of the job, so a crash
anywhere leaves either nothing or everything done.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import ParticipantId, spid_of_seat
from gateway.as4.sbdh import MlsType
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.faults import Faults
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.arrival import Arrival, ArrivalReader
from gateway.exchange.correlation import apply_invoice_response, apply_mls, apply_reminder
from gateway.exchange.encoding import ANSWERED_BY_MLS
from gateway.exchange.facts import ReminderFacts
from gateway.exchange.mls import mls_document, write_mls_for
from gateway.exchange.outbound import enqueue_lookup
from gateway.exchange.ports import Bookkeeper
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import (
    Direction,
    Document,
    DocumentKind,
    EventGroup,
    Reception,
    StoredBlob,
)
from gateway.validation.service import ValidationService

__all__ = ["RoutingJob"]


class RoutingJob:
    """Hands what was received to the inbox, and answers or correlates it."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        validation: ValidationService,
        books: Bookkeeper,
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._reader = ArrivalReader(archive=archive, validation=validation, now=now)
        self._books = books
        self._now = now
        self._faults = faults

    async def __call__(self, job: JobContext) -> None:
        """Route one reception."""
        reception_id = UUID(job.payload["reception_id"])
        async with self._database.read() as session:
            reception = await session.get_one(Reception, reception_id)
            envelope = await self._archive.row(session, reception.envelope_id)
        arrival = await self._reader.read(reception, envelope, job.attempt)
        wanted = self._wants_mls(arrival)
        answer = await self._keep_mls(arrival) if wanted else None
        async with self._database.write() as session:
            await job.fence(session)
            reception = await session.get_one(Reception, reception_id, with_for_update=True)
            known, reused = await _known_document(session, reception, arrival.fingerprint)
            if known is not None:
                reception.flagged, reception.document_id = True, known.id
                timeline.record(
                    session,
                    known,
                    EventGroup.TRANSPORT,
                    "document.repeated",
                    at=self._now(),
                    facts={"message_id": reception.message_id},
                )
                return
            reception.flagged = reused
            document = await self._hand_over(session, reception, arrival)
            if answer is not None:
                session.add(answer)
                await session.flush()
                reply = mls_document(arrival.header, document, reception, answer, at=self._now())
                session.add(reply)
                await session.flush()
                await enqueue_lookup(session, self._queue, reply)
        self._faults.reach("inbox-committed")

    def _wants_mls(self, arrival: Arrival) -> bool:
        if arrival.kind not in ANSWERED_BY_MLS and arrival.kind is not DocumentKind.OTHER:
            return False
        if self._faults.cuts("mls"):
            return False
        return arrival.header.mls_type is MlsType.ALWAYS_SEND or not arrival.valid

    async def _keep_mls(self, arrival: Arrival) -> StoredBlob:
        return await self._archive.keep(
            write_mls_for(arrival.header, arrival.reception, arrival.report, at=self._now()),
            purpose="document",
            media_type="application/xml",
            tenant_id=arrival.reception.tenant_id,
        )

    async def _hand_over(
        self, session: AsyncSession, reception: Reception, arrival: Arrival
    ) -> Document:
        """Write the document into the inbox of the tenant it concerns, and correlate it."""
        session.add(arrival.stored)
        if arrival.run is not None:
            session.add(arrival.run)
        await session.flush()
        document = _document(arrival, at=self._now())
        if arrival.content is None:
            pass  # no answer, or one that is too large to be one; its report says so
        elif arrival.kind is DocumentKind.MLS:
            await apply_mls(
                session,
                document,
                arrival.content,
                signer_seat=reception.signer_seat,
                at=self._now(),
            )
            # What an MLS says is read by the account whose document it is about.
            arrival.stored.tenant_id = document.tenant_id
        elif arrival.kind is DocumentKind.INVOICE_RESPONSE:
            await apply_invoice_response(
                session, document, arrival.content, books=self._books, at=self._now()
            )
        session.add(document)
        await session.flush()
        if isinstance(arrival.facts, ReminderFacts) and arrival.valid:
            await apply_reminder(session, document, arrival.facts, at=self._now())
        reception.document_id = document.id
        timeline.record(
            session,
            document,
            EventGroup.TRANSPORT,
            "document.received",
            at=reception.received_at,
            facts={"seat": reception.signer_seat, "message_id": reception.message_id},
            evidence_id=reception.receipt_id,
        )
        if not arrival.valid and arrival.report is not None:
            timeline.record(
                session,
                document,
                EventGroup.NETWORK,
                "document.rejected",
                at=self._now(),
                facts={"fatal": arrival.report["counts"]["fatal"]},
            )
        return document


def _document(arrival: Arrival, *, at: datetime) -> Document:
    header, facts = arrival.header, arrival.facts
    return Document(
        tenant_id=arrival.reception.tenant_id,
        direction=Direction.IN,
        kind=arrival.kind,
        number=facts.number if facts else header.instance_identifier,
        issue_date=facts.issue_date if facts else None,
        due_date=facts.due_date if facts else None,
        currency=facts.currency if facts else None,
        amount_minor=facts.amount_minor if facts else None,
        sender=str(header.sender),
        sender_name=facts.sender_name if facts else "",
        receiver=str(header.receiver),
        receiver_name=facts.receiver_name if facts else "",
        document_type=str(header.document_type),
        process=str(header.process),
        sbdh_id=header.instance_identifier,
        fingerprint=arrival.fingerprint,
        content_id=arrival.stored.id,
        validation_id=arrival.run.id if arrival.run else None,
        transport=TransportState.RECEIVED,
        network=NetworkState.NONE if arrival.valid else NetworkState.REJECTED,
        business=BusinessState.UNANSWERED,
        payment=PaymentState.NONE,
        mls_to=str(header.mls_to or _provider(arrival.reception)),
        created_at=at,
        updated_at=at,
    )


def _provider(reception: Reception) -> ParticipantId:
    return spid_of_seat(reception.signer_seat)


async def _known_document(
    session: AsyncSession, reception: Reception, fingerprint: str
) -> tuple[Document | None, bool]:
    """The same document under another MessageId, and whether its SBDH identifier was used before.

    Only the same sender's same content is a repetition. Anything else under a used identifier is
    another document and is handed over, flagged. Also found by its reception, because an MLS
    moves to the tenant it concerns.
    """
    earlier = select(Reception.document_id).where(
        Reception.tenant_id == reception.tenant_id, Reception.sbdh_id == reception.sbdh_id
    )
    own = and_(
        col(Document.tenant_id) == reception.tenant_id,
        col(Document.sbdh_id) == reception.sbdh_id,
    )
    found = await session.exec(
        select(Document).where(
            Document.direction == Direction.IN, or_(own, col(Document.id).in_(earlier))
        )
    )
    documents = found.all()
    same = next((one for one in documents if one.fingerprint == fingerprint), None)
    return same, bool(documents)
