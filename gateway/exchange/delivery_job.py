"""The second job of an accepted document: hand it to the receiving access point.

Every attempt is a row before the first byte leaves. What an attempt proves decides the next
one: delivery_policy says when the same bytes may travel again.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.errors import PeerAs4Error
from gateway.as4.outgoing import Encoded, ErrorReceived, read_answer
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.faults import Faults
from gateway.core.ids import new_id
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.registry import JobContext
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.as4_client import Answer, As4Client, OutcomeUnknown
from gateway.exchange.delivery_policy import (
    PEER_SILENT,
    RECEIPT_INVALID,
    TransmissionHistory,
    error_kind,
    may_resend,
    proves_delivery,
)
from gateway.exchange.encoding import ANSWERED_BY_MLS, Encoder
from gateway.exchange.lookup_job import evidence_of_lookup, find_endpoint
from gateway.exchange.states import (
    TRANSPORT,
    NetworkState,
    TransportEvent,
    advance,
    terminal,
)
from gateway.exchange.tables import (
    Attempt,
    AttemptOutcome,
    Document,
    EventGroup,
    StoredBlob,
    Transmission,
)
from gateway.network.smp_client import Found, Lookup

__all__ = ["DeliveryJob", "bury"]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What one attempt came to: its outcome, and the failure if it was none."""

    outcome: AttemptOutcome
    answer: Answer | None
    failure: GatewayError | None
    delivered: bool


class DeliveryJob:
    """One attempt per run; the job engine's backoff and deadline decide about the next."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        lookup: Lookup,
        encoder: Encoder,
        client: As4Client,
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._lookup = lookup
        self._encoder = encoder
        self._client = client
        self._now = now
        self._faults = faults

    async def __call__(self, job: JobContext) -> None:
        """Send once; a failure worth another attempt is raised after it is recorded."""
        document_id = UUID(job.payload["document_id"])
        async with self._database.read() as session:
            document = await session.get_one(Document, document_id)
            last, outcomes = await _latest(session, document_id)
        if terminal(document.transport):
            return
        # A failed attempt may mean that the endpoint moved: then no cached answer counts.
        found = await find_endpoint(self._lookup, document, self._now, fresh=bool(outcomes))
        if last is None or not may_resend(
            TransmissionHistory(last.endpoint_url, last.peer_certificate, outcomes),
            endpoint_url=found.endpoint.url,
            peer_certificate=_pem(found.endpoint.certificate),
        ):
            last, outcomes = await self._encode(document, found), []
        attempt = await self._begin(document_id, last)
        if attempt is None:
            return
        self._faults.reach("row-committed")
        verdict = await self._send(last, outcomes)
        if verdict.outcome is AttemptOutcome.RECEIPT:
            self._faults.reach("receipt-read")
        await self._conclude(job, document_id, last, attempt, verdict)
        if verdict.failure is not None:
            raise verdict.failure
        self._faults.reach("receipt-committed")

    async def _encode(self, document: Document, found: Found) -> Transmission:
        """Freeze a new AS4 message: its bytes are durable before its row names them."""
        encoded = await self._encoder.encode(document, found.endpoint)
        self._faults.reach("blob-fsynced")
        lookup = await self._archive.keep(
            evidence_of_lookup(found.evidence),
            purpose="lookup",
            media_type="application/zip",
            tenant_id=document.tenant_id,
        )
        async with self._database.write() as session:
            session.add_all([encoded.envelope, encoded.request, lookup])
            await session.flush()
            transmission = Transmission(
                tenant_id=document.tenant_id,
                document_id=document.id,
                message_id=encoded.message_id,
                endpoint_url=found.endpoint.url,
                peer_seat=found.endpoint.seat_id,
                own_seat=encoded.own_seat,
                peer_certificate=_pem(found.endpoint.certificate),
                lookup_id=lookup.id,
                envelope_id=encoded.envelope.id,
                request_id=encoded.request.id,
                encoded=encoded.wire.to_json(),
                created_at=self._now(),
            )
            session.add(transmission)
        return transmission

    async def _begin(self, document_id: UUID, transmission: Transmission) -> Attempt | None:
        async with self._database.write() as session:
            document = await session.get_one(Document, document_id, with_for_update=True)
            if terminal(document.transport):
                return None
            document.transport = advance(
                TRANSPORT, document.transport, TransportEvent.ATTEMPT_STARTED
            )
            document.updated_at = self._now()
            attempt = Attempt(
                id=new_id(),
                tenant_id=document.tenant_id,
                transmission_id=transmission.id,
                outcome=AttemptOutcome.UNKNOWN,
                started_at=document.updated_at,
            )
            session.add(attempt)
        return attempt

    async def _send(self, transmission: Transmission, earlier: list[AttemptOutcome]) -> _Verdict:
        async with self._database.read() as session:
            request = await self._archive.row(session, transmission.request_id)
        body = await self._archive.open(request)
        try:
            answer = await self._client.post(
                transmission.endpoint_url,
                content_type=Encoded.from_json(transmission.encoded).content_type,
                body=body,
                size=request.size,
            )
        except OutcomeUnknown as failure:
            return _Verdict(AttemptOutcome.UNKNOWN, None, failure, delivered=False)
        except GatewayError as failure:
            return _Verdict(AttemptOutcome.NOT_SENT, None, failure, delivered=False)
        finally:
            await asyncio.to_thread(body.close)
        return self._judge(transmission, answer, earlier)

    def _judge(
        self, transmission: Transmission, answer: Answer, earlier: list[AttemptOutcome]
    ) -> _Verdict:
        """Read the answer: only a receipt that acknowledges every sent digest is a delivery."""
        media_type = answer.content_type.lower()
        soap = "soap+xml" in media_type or "multipart/related" in media_type
        if not answer.body or not soap:
            failure = GatewayError(
                PEER_SILENT,
                f"{transmission.endpoint_url} answered HTTP {answer.status} without an AS4 "
                "message. The same message is sent again later.",
                http_status=answer.status,
            )
            return _Verdict(AttemptOutcome.UNKNOWN, answer, failure, delivered=False)
        try:
            signal = read_answer(
                content_type=answer.content_type,
                body=answer.body,
                message_id=transmission.message_id,
                references=Encoded.from_json(transmission.encoded).references,
                recipient=x509.load_pem_x509_certificate(transmission.peer_certificate.encode()),
                now=self._now(),
            )
        except PeerAs4Error as error:
            failure = GatewayError(
                RECEIPT_INVALID,
                f"The answer of {transmission.endpoint_url} is no valid receipt: {error.message}",
                as4_code=error.code,
            )
            return _Verdict(AttemptOutcome.UNKNOWN, answer, failure, delivered=False)
        if not isinstance(signal, ErrorReceived):
            return _Verdict(AttemptOutcome.RECEIPT, answer, None, delivered=True)
        if signal.duplicate and signal.signed and proves_delivery(earlier):
            return _Verdict(AttemptOutcome.DUPLICATE, answer, None, delivered=True)
        return _Verdict(
            AttemptOutcome.ERROR, answer, _peer_failure(transmission, signal), delivered=False
        )

    async def _conclude(
        self,
        job: JobContext,
        document_id: UUID,
        transmission: Transmission,
        attempt: Attempt,
        verdict: _Verdict,
    ) -> None:
        """Record what the attempt proved, and the delivery if it proved one, in one transaction."""
        kept: StoredBlob | None = None
        if verdict.answer is not None and verdict.answer.body:
            kept = await self._archive.keep(
                verdict.answer.body,
                purpose="answer",
                media_type=verdict.answer.content_type[:200],
                tenant_id=transmission.tenant_id,
            )
        async with self._database.write() as session:
            if verdict.delivered:
                await job.fence(session)
            if kept is not None:
                session.add(kept)
                await session.flush()
            row = await session.get_one(Attempt, attempt.id)
            row.outcome = verdict.outcome
            row.ended_at = self._now()
            row.http_status = verdict.answer.status if verdict.answer else None
            row.answer_id = kept.id if kept else None
            if verdict.failure is not None:
                row.code, row.detail = verdict.failure.code, verdict.failure.message
            document = await session.get_one(Document, document_id, with_for_update=True)
            if terminal(document.transport):
                return
            document.updated_at = row.ended_at
            if verdict.delivered:
                await _delivered(session, document, transmission, verdict, row)
            else:
                _failed(session, document, transmission, verdict, row)


async def _delivered(
    session: AsyncSession,
    document: Document,
    transmission: Transmission,
    verdict: _Verdict,
    attempt: Attempt,
) -> None:
    receipt = verdict.outcome is AttemptOutcome.RECEIPT
    event = TransportEvent.RECEIPT_VERIFIED if receipt else TransportEvent.RECEIPT_PRESUMED
    document.transport = advance(TRANSPORT, document.transport, event)
    if document.network is NetworkState.NONE and document.kind in ANSWERED_BY_MLS:
        document.network = NetworkState.AWAITED
    row = await session.get_one(Transmission, transmission.id)
    row.receipt_id = attempt.answer_id if receipt else None
    row.delivered_at = attempt.ended_at
    timeline.record(
        session,
        document,
        EventGroup.TRANSPORT,
        "receipt.verified" if receipt else "receipt.missing",
        at=document.updated_at,
        facts={"seat": transmission.peer_seat, "message_id": transmission.message_id},
        evidence_id=attempt.answer_id,
    )


def _failed(
    session: AsyncSession,
    document: Document,
    transmission: Transmission,
    verdict: _Verdict,
    attempt: Attempt,
) -> None:
    document.transport = advance(TRANSPORT, document.transport, TransportEvent.ATTEMPT_FAILED)
    timeline.record(
        session,
        document,
        EventGroup.TRANSPORT,
        "attempt.failed",
        at=document.updated_at,
        facts={
            "code": attempt.code or "",
            "text": attempt.detail or "",
            "endpoint": transmission.endpoint_url,
            "outcome": verdict.outcome.value,
        },
        evidence_id=attempt.answer_id,
    )


async def bury(session: AsyncSession, document_id: UUID, error: JobError, *, at: datetime) -> None:
    """Mark a document as failed when its lookup or delivery is given up for good."""
    document = await session.get_one(Document, document_id, with_for_update=True)
    if terminal(document.transport):
        return
    document.transport = advance(TRANSPORT, document.transport, TransportEvent.GIVEN_UP)
    document.failure_code, document.failure_text = error.code, error.text
    document.updated_at = at
    timeline.record(
        session,
        document,
        EventGroup.TRANSPORT,
        "delivery.failed",
        at=at,
        facts={"code": error.code, "text": error.text},
    )


async def _latest(
    session: AsyncSession, document_id: UUID
) -> tuple[Transmission | None, list[AttemptOutcome]]:
    """The document's newest AS4 message and how its attempts ended, oldest first."""
    transmission = (
        await session.exec(
            select(Transmission)
            .where(Transmission.document_id == document_id)
            .order_by(col(Transmission.id).desc())
            .limit(1)
        )
    ).first()
    if transmission is None:
        return None, []
    attempts = await session.exec(
        select(Attempt.outcome)
        .where(Attempt.transmission_id == transmission.id)
        .order_by(col(Attempt.id))
    )
    return transmission, [AttemptOutcome(one) for one in attempts]


def _peer_failure(transmission: Transmission, signal: ErrorReceived) -> GatewayError:
    codes = [one.code for one in signal.errors]
    said = "; ".join(f"{one.code} {one.detail or one.short_description}" for one in signal.errors)
    return GatewayError(
        error_kind(codes, not_serviced=signal.not_serviced, signed=signal.signed),
        f"{transmission.endpoint_url} answered: {said}. Ask the receiver's provider "
        f"({transmission.peer_seat}) with message id {transmission.message_id}.",
        ebms=",".join(codes),
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
