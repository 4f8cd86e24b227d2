"""From an acknowledged AS4 message to the business: inbox, MLS, correlation.

Runs once per reception; what it decides commits together with the end of the job, so a crash
anywhere leaves either nothing or everything done.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import (
    INVOICE_RESPONSE,
    MESSAGE_LEVEL_STATUS,
    DocumentTypeId,
    ParticipantId,
    spid_of_seat,
)
from gateway.as4.sbdh import MlsType, Sbdh, extract, read
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.faults import Faults
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.correlation import apply_invoice_response, apply_mls, apply_reminder
from gateway.exchange.encoding import ANSWERED_BY_MLS
from gateway.exchange.facts import InvoiceFacts, ReminderFacts, read_facts, reminder_facts
from gateway.exchange.mls import REJECTING, mls_document, write_mls_for
from gateway.exchange.outbound import enqueue_lookup
from gateway.exchange.ports import Bookkeeper
from gateway.exchange.reminder_check import check_arrived_reminder, is_reminder
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import (
    Direction,
    Document,
    DocumentKind,
    EventGroup,
    Reception,
    StoredBlob,
)
from gateway.validation.service import ValidationService, require_verdict
from gateway.validation.tables import ValidationRun
from ubl.reader import DocumentUnreadable, read_invoice
from ubl.response import ResponseRefused, read_invoice_response
from ubl.safexml import XmlRefused, parse

__all__ = ["RoutingJob"]


PATIENCE_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What arrived, read as far as possible before anything is written."""

    reception: Reception
    header: Sbdh
    content: bytes
    stored: StoredBlob
    kind: DocumentKind
    facts: InvoiceFacts | ReminderFacts | None
    run: ValidationRun | None
    refusal: Mapping[str, Any] | None

    @property
    def fingerprint(self) -> str:
        """What makes this document the same as another one: sender, identifier and content."""
        parts = (self.header.sender, self.header.instance_identifier, self.stored.sha256)
        return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()

    @property
    def report(self) -> Mapping[str, Any] | None:
        """What speaks for or against the document, if it was judged."""
        return self.run.report if self.run is not None else self.refusal

    @property
    def valid(self) -> bool:
        """Whether no rule speaks against handing the document to the business.

        What could not be judged is handed over too: it was acknowledged, so it must arrive.
        """
        return self.report is None or self.report["verdict"] not in REJECTING


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
        self._validation = validation
        self._books = books
        self._now = now
        self._faults = faults

    async def __call__(self, job: JobContext) -> None:
        """Route one reception."""
        reception_id = UUID(job.payload["reception_id"])
        async with self._database.read() as session:
            reception = await session.get_one(Reception, reception_id)
            envelope = await self._archive.fetch(session, reception.envelope_id)
        arrival = await self._read(reception, envelope, job.attempt)
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

    async def _read(self, reception: Reception, envelope: bytes, attempt: int) -> _Arrival:
        header, content = await asyncio.to_thread(_open, envelope)
        stored = await self._archive.keep(
            content,
            purpose="document",
            media_type="application/xml",
            tenant_id=reception.tenant_id,
        )
        kind = _kind(header.document_type)
        facts: InvoiceFacts | ReminderFacts | None = None
        run: ValidationRun | None = None
        refusal: Mapping[str, Any] | None = None
        if kind is DocumentKind.REMINDER:
            reminder, run = await asyncio.to_thread(
                check_arrived_reminder,
                content,
                header.document_type,
                tenant_id=reception.tenant_id,
                at=self._now(),
            )
            facts = reminder_facts(reminder) if reminder is not None else None
        if kind is DocumentKind.INVOICE_RESPONSE:
            refusal = await asyncio.to_thread(_refusal, content)
        if kind is DocumentKind.OTHER:
            run = await self._check(reception.tenant_id, content, attempt)
            facts = invoice = await asyncio.to_thread(_facts, content)
            kind = invoice.kind if invoice else kind
        return _Arrival(reception, header, content, stored, kind, facts, run, refusal)

    async def _check(self, tenant_id: UUID, content: bytes, attempt: int) -> ValidationRun | None:
        """Judge the document, with patience for busy workers but not for ever.

        A document that breaks the engine each time is handed over without a verdict in the end.
        """
        try:
            run = await self._validation.check(tenant_id, content)
            if attempt < PATIENCE_ATTEMPTS:
                require_verdict(run)
        except GatewayError:
            if attempt < PATIENCE_ATTEMPTS:
                raise
            return None
        return run

    def _wants_mls(self, arrival: _Arrival) -> bool:
        if arrival.kind not in ANSWERED_BY_MLS and arrival.kind is not DocumentKind.OTHER:
            return False
        if self._faults.cuts("mls"):
            return False
        return arrival.header.mls_type is MlsType.ALWAYS_SEND or not arrival.valid

    async def _keep_mls(self, arrival: _Arrival) -> StoredBlob:
        return await self._archive.keep(
            write_mls_for(arrival.header, arrival.reception, arrival.report, at=self._now()),
            purpose="document",
            media_type="application/xml",
            tenant_id=arrival.reception.tenant_id,
        )

    async def _hand_over(
        self, session: AsyncSession, reception: Reception, arrival: _Arrival
    ) -> Document:
        """Write the document into the inbox of the tenant it concerns, and correlate it."""
        session.add(arrival.stored)
        if arrival.run is not None:
            session.add(arrival.run)
        await session.flush()
        document = _document(arrival, at=self._now())
        if arrival.kind is DocumentKind.MLS:
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


def _open(envelope: bytes) -> tuple[Sbdh, bytes]:
    header = read(BytesIO(envelope))
    content = BytesIO()
    extract(BytesIO(envelope), content)
    return header, content.getvalue()


def _kind(document_type: DocumentTypeId) -> DocumentKind:
    """The kind by document type; invoices are recognised by what they are, not by their label."""
    if document_type == MESSAGE_LEVEL_STATUS:
        return DocumentKind.MLS
    if document_type == INVOICE_RESPONSE:
        return DocumentKind.INVOICE_RESPONSE
    if is_reminder(document_type):
        return DocumentKind.REMINDER
    return DocumentKind.OTHER


def _facts(content: bytes) -> InvoiceFacts | None:
    try:
        root = parse(content)
        return read_facts(root, read_invoice(root).invoice)
    except (XmlRefused, DocumentUnreadable, GatewayError):
        return None  # the report says what is wrong; the document is still shown in the inbox


def _refusal(content: bytes) -> Mapping[str, Any] | None:
    """Why an Invoice Response cannot be read, in the shape of a report; None if it can."""
    try:
        read_invoice_response(content)
    except (ResponseRefused, XmlRefused) as refused:
        finding = {
            "rule": refused.code,
            "severity": "fatal",
            "layer": "input",
            "message": str(refused),
            "location": None,
        }
        return {
            "valid": False,
            "verdict": "unreadable",
            "counts": {"fatal": 1, "warning": 0},
            "findings": [finding],
        }
    return None


def _document(arrival: _Arrival, *, at: datetime) -> Document:
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
