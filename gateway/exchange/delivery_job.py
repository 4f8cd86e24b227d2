"""The second job of an accepted document: hand it to the receiving access point.

Every attempt is a row before the first byte leaves. What an attempt proves decides the next
one: delivery_policy says when the same bytes may travel again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.outgoing import Encoded
from gateway.as4.sbdh import MlsType
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.faults import Faults
from gateway.core.ids import new_id
from gateway.core.jobs import lanes
from gateway.core.jobs.backoff import Reschedule
from gateway.core.jobs.registry import JobContext, LeaseLost
from gateway.exchange import timeline
from gateway.exchange.answer_policy import UNANSWERED_KINDS
from gateway.exchange.answer_tables import MlsAsked
from gateway.exchange.archive import Archive
from gateway.exchange.as4_client import As4Client, OutcomeUnknown
from gateway.exchange.delivery_policies import DeliveryPolicies
from gateway.exchange.delivery_policy import (
    REFUSALS,
    OtherAttempt,
    TransmissionHistory,
    may_resend,
)
from gateway.exchange.delivery_tables import DeliveryPolicyRow
from gateway.exchange.delivery_verdict import Verdict, judge_answer, judge_duplicate
from gateway.exchange.departure import digest_of_lookup, evidence_of_lookup
from gateway.exchange.encoding import Encoder
from gateway.exchange.events import DocumentEvents, hold
from gateway.exchange.failures import failure_of
from gateway.exchange.lookup_job import find_endpoint, record_failure
from gateway.exchange.mls_watch import record_delivery
from gateway.exchange.states import TransportEvent, TransportState, terminal
from gateway.exchange.tables import (
    Attempt,
    AttemptOutcome,
    Document,
    EventGroup,
    StoredBlob,
    Transmission,
)
from gateway.exchange.traffic import record_sent
from gateway.network.smp_client import Found, Lookup

__all__ = ["DeliveryJob"]

_MLS_TYPES: Final = {
    MlsAsked.ALWAYS: MlsType.ALWAYS_SEND,
    MlsAsked.FAILURES: MlsType.FAILURE_ONLY,
}


@dataclass(frozen=True, slots=True)
class _Message:
    """An AS4 message to send: its row, its bytes, and how its attempts ended so far.

    ``unsaved`` are the rows of the bytes of a message whose own row is not saved yet; ``newest``
    is the newest message the document had when this one was chosen.
    """

    transmission: Transmission
    request: StoredBlob
    outcomes: Sequence[AttemptOutcome]
    newest: UUID | None
    unsaved: Sequence[StoredBlob] = ()


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
        policies: DeliveryPolicies,
        events: DocumentEvents,
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._lookup = lookup
        self._encoder = encoder
        self._client = client
        self._policies = policies
        self._events = events
        self._now = now
        self._faults = faults

    async def __call__(self, job: JobContext) -> None:
        """Send once; a failure worth another attempt is raised after it is recorded."""
        try:
            await self._attempt(job)
        except GatewayError as failure:
            await self._policies.apply(job, failure)
            raise

    async def _attempt(self, job: JobContext) -> None:
        document_id = UUID(job.payload["document_id"])
        async with self._database.read() as session:
            document, policy = await _read(session, document_id)
            last = None if _untried(document) else await self._latest(session, document_id)
            asked = self._mls_asked(document, policy)
            refused = last is not None and await _refused_before(session, document_id, job.first_at)
        if terminal(document.transport):
            return
        try:
            message = await self._message(job, document, last, asked)
        except GatewayError as failure:
            async with self._database.write() as session:
                await record_failure(session, self._events, document_id, failure, at=self._now())
            raise
        attempt = await self._begin(document_id, message)
        if attempt is None:
            return
        self._faults.reach("row-committed")
        verdict = await self._send(message, refused_before=refused)
        if verdict.outcome is AttemptOutcome.RECEIPT:
            self._faults.reach("receipt-read")
        verdict = await self._conclude(job, message, attempt, verdict)
        if verdict.failure is not None:
            raise verdict.failure
        self._faults.reach("receipt-committed")

    async def _latest(self, session: AsyncSession, document_id: UUID) -> _Message | None:
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
            return None
        attempts = await session.exec(
            select(Attempt.outcome)
            .where(Attempt.transmission_id == transmission.id)
            .order_by(col(Attempt.id))
        )
        outcomes = [AttemptOutcome(one) for one in attempts]
        request = await self._archive.row(session, transmission.request_id)
        return _Message(transmission, request, outcomes, transmission.id)

    def _mls_asked(self, document: Document, policy: DeliveryPolicyRow | None) -> MlsAsked | None:
        if document.kind in UNANSWERED_KINDS:
            return None
        return self._policies.of_row(policy).mls_asked

    async def _message(
        self,
        job: JobContext,
        document: Document,
        last: _Message | None,
        asked: MlsAsked | None,
    ) -> _Message:
        """The AS4 message to send now: the last one once more, or a new one."""
        # A failed attempt may mean that the endpoint moved: then no cached answer counts.
        fresh = last is not None and bool(last.outcomes)
        found = await find_endpoint(self._lookup, document, self._now, fresh=fresh)
        if last is not None and may_resend(
            TransmissionHistory(
                last.transmission.endpoint_url, last.transmission.peer_certificate, last.outcomes
            ),
            endpoint_url=found.endpoint.url,
            peer_certificate=_pem(found.endpoint.certificate),
        ):
            return last
        newest = last.transmission.id if last else None
        return await self._encode(job, document, found, asked, newest=newest)

    async def _encode(
        self,
        job: JobContext,
        document: Document,
        found: Found,
        asked: MlsAsked | None,
        *,
        newest: UUID | None,
    ) -> _Message:
        """Freeze a new AS4 message: its bytes are durable before its row names them."""
        encoded = await self._encoder.encode(
            document, found.endpoint, mls_type=_MLS_TYPES[asked] if asked else None
        )
        self._faults.reach("blob-fsynced")
        lookup_id, unsaved = await self._answers(job, document, found)
        transmission = Transmission(
            tenant_id=document.tenant_id,
            document_id=document.id,
            message_id=encoded.message_id,
            endpoint_url=found.endpoint.url,
            peer_seat=found.endpoint.seat_id,
            own_seat=encoded.own_seat,
            peer_certificate=_pem(found.endpoint.certificate),
            lookup_id=lookup_id,
            envelope_id=encoded.envelope.id,
            request_id=encoded.request.id,
            encoded=encoded.wire.to_json(),
            mls_asked=asked,
            created_at=self._now(),
        )
        unsaved = [encoded.envelope, encoded.request, *unsaved]
        return _Message(transmission, encoded.request, [], newest, unsaved)

    async def _answers(
        self, job: JobContext, document: Document, found: Found
    ) -> tuple[UUID, Sequence[StoredBlob]]:
        """The blob of the network's answers; its row too, unless the lookup job has kept them."""
        known = job.payload.get("lookup", {})
        if known.get("digest") == digest_of_lookup(found):
            return UUID(known["blob"]), []
        kept = await self._archive.keep(
            evidence_of_lookup(found),
            purpose="lookup",
            media_type="application/zip",
            tenant_id=document.tenant_id,
        )
        return kept.id, [kept]

    async def _begin(self, document_id: UUID, message: _Message) -> Attempt | None:
        """Save the attempt before its first byte leaves, and with it a message that is new."""
        transmission = message.transmission
        async with self._database.write() as session:
            document = await hold(session, document_id)
            if terminal(document.transport):
                return None
            if await _newest(session, document_id) != message.newest:
                # Another worker has made one meanwhile: its MessageId counts.
                raise Reschedule(self._now())
            if message.unsaved:
                session.add_all(message.unsaved)
                await session.flush()
                session.add(transmission)
                await session.flush()
            at = self._now()
            facts = {"seat": transmission.peer_seat, "message_id": transmission.message_id}
            await self._events.step(session, document, TransportEvent.ATTEMPT_STARTED, facts, at=at)
            attempt = Attempt(
                id=new_id(),
                tenant_id=document.tenant_id,
                transmission_id=transmission.id,
                outcome=AttemptOutcome.UNKNOWN,
                started_at=at,
            )
            session.add(attempt)
        return attempt

    async def _send(self, message: _Message, *, refused_before: bool) -> Verdict:
        transmission = message.transmission
        body = await self._archive.open(message.request)
        try:
            answer = await self._client.post(
                transmission.endpoint_url,
                content_type=Encoded.from_json(transmission.encoded).content_type,
                body=body,
                size=message.request.size,
            )
        except OutcomeUnknown as failure:
            return Verdict(AttemptOutcome.UNKNOWN, None, failure, delivered=False)
        except GatewayError as failure:
            return Verdict(AttemptOutcome.NOT_SENT, None, failure, delivered=False)
        finally:
            await asyncio.to_thread(body.close)
        return judge_answer(
            transmission,
            answer,
            refused_before=refused_before,
            now=self._now(),
        )

    async def _conclude(
        self, job: JobContext, message: _Message, attempt: Attempt, verdict: Verdict
    ) -> Verdict:
        """Record what the attempt proved, and the delivery if it proved one, in one transaction."""
        transmission = message.transmission
        kept: StoredBlob | None = None
        if verdict.answer is not None and verdict.answer.body:
            kept = await self._archive.keep(
                verdict.answer.body,
                purpose="answer",
                media_type=verdict.answer.content_type[:200],
                tenant_id=transmission.tenant_id,
            )
        async with self._database.write() as session:
            if verdict.outcome is AttemptOutcome.DUPLICATE:
                verdict = judge_duplicate(
                    verdict,
                    transmission,
                    await _others(session, attempt),
                    now=self._now(),
                    longest=self._client.longest(message.request.size),
                )
            if verdict.delivered:
                await _end(session, job, verdict)
            if kept is not None:
                session.add(kept)
                await session.flush()
            _write_down(session, attempt, verdict, kept, at=self._now())
            if verdict.outcome is AttemptOutcome.ERROR:
                # Whatever it said, the access point is there.
                await lanes.recovered(session, job.lane)
            document = await hold(session, transmission.document_id)
            if terminal(document.transport):
                return verdict
            if verdict.delivered:
                await self._delivered(session, document, transmission, verdict, attempt)
            else:
                await self._failed(session, document, transmission, verdict, attempt)
        return verdict

    async def _delivered(
        self,
        session: AsyncSession,
        document: Document,
        transmission: Transmission,
        verdict: Verdict,
        attempt: Attempt,
    ) -> None:
        at = attempt.ended_at or self._now()
        receipt = verdict.outcome is AttemptOutcome.RECEIPT
        event = TransportEvent.RECEIPT_VERIFIED if receipt else TransportEvent.RECEIPT_PRESUMED
        session.add(transmission)
        transmission.receipt_id = attempt.answer_id if receipt else None
        transmission.delivered_at = at
        if receipt:
            await record_sent(session, document, transmission, at=at)
        facts = {"seat": transmission.peer_seat, "message_id": transmission.message_id}
        await record_delivery(session, document, transmission, at=at)
        await self._events.step(session, document, event, facts, at=at)
        timeline.record(
            session,
            document,
            EventGroup.TRANSPORT,
            "receipt.verified" if receipt else "receipt.missing",
            at=at,
            facts=facts,
            evidence_id=attempt.answer_id,
        )

    async def _failed(
        self,
        session: AsyncSession,
        document: Document,
        transmission: Transmission,
        verdict: Verdict,
        attempt: Attempt,
    ) -> None:
        at = attempt.ended_at or self._now()
        facts = {
            "code": attempt.code or "",
            "text": attempt.detail or "",
            "class": failure_of(attempt.code or "").failure_class.value,
            "endpoint": transmission.endpoint_url,
            "outcome": verdict.outcome.value,
        }
        await self._events.step(session, document, TransportEvent.ATTEMPT_FAILED, facts, at=at)
        timeline.record(
            session,
            document,
            EventGroup.TRANSPORT,
            "attempt.failed",
            at=at,
            facts=facts,
            evidence_id=attempt.answer_id,
        )


async def _read(
    session: AsyncSession, document_id: UUID
) -> tuple[Document, DeliveryPolicyRow | None]:
    """A document, and the delivery policy of its account if that has one."""
    found = await session.exec(
        select(Document, DeliveryPolicyRow)
        .join(
            DeliveryPolicyRow,
            col(DeliveryPolicyRow.tenant_id) == col(Document.tenant_id),
            isouter=True,
        )
        .where(col(Document.id) == document_id)
    )
    document, policy = found.one()
    return document, policy


def _untried(document: Document) -> bool:
    """Whether no AS4 message of a document can be there yet: the first one moves its state."""
    return document.transport is TransportState.ROUTED and document.sending_round == 0


async def _end(session: AsyncSession, job: JobContext, verdict: Verdict) -> None:
    """End the job with the delivery; a receipt also proves it in the hand of who lost the lease."""
    try:
        await job.fence(session)
    except LeaseLost:
        if verdict.outcome is not AttemptOutcome.RECEIPT:
            raise


def _write_down(
    session: AsyncSession,
    attempt: Attempt,
    verdict: Verdict,
    kept: StoredBlob | None,
    *,
    at: datetime,
) -> None:
    session.add(attempt)
    attempt.outcome = verdict.outcome
    attempt.ended_at = at
    attempt.http_status = verdict.answer.status if verdict.answer else None
    attempt.answer_id = kept.id if kept else None
    if verdict.failure is not None:
        attempt.code, attempt.detail = verdict.failure.code, verdict.failure.message


async def _others(session: AsyncSession, attempt: Attempt) -> Sequence[OtherAttempt]:
    """Every other attempt with the same MessageId; none of them ends before we are through."""
    # One's own row too, and in one order: two workers that got their answers at the same moment
    # would otherwise wait for each other.
    found = await session.exec(
        select(Attempt.id, Attempt.outcome, Attempt.started_at, Attempt.ended_at)
        .where(Attempt.transmission_id == attempt.transmission_id)
        .order_by(col(Attempt.id))
        .with_for_update()
    )
    return [
        OtherAttempt(AttemptOutcome(outcome), started_at, ended_at)
        for attempt_id, outcome, started_at, ended_at in found
        if attempt_id != attempt.id
    ]


async def _refused_before(session: AsyncSession, document_id: UUID, since: datetime) -> bool:
    """Whether the last answer about a document, since this job began, was a refusal."""
    found = await session.exec(
        select(Attempt.code)
        .join(Transmission, col(Transmission.id) == col(Attempt.transmission_id))
        .where(
            Transmission.document_id == document_id,
            Attempt.outcome == AttemptOutcome.ERROR,
            col(Attempt.started_at) >= since,
        )
        .order_by(col(Attempt.id).desc())
        .limit(1)
    )
    return found.first() in REFUSALS


async def _newest(session: AsyncSession, document_id: UUID) -> UUID | None:
    """The document's newest AS4 message."""
    found = await session.exec(
        select(Transmission.id)
        .where(Transmission.document_id == document_id)
        .order_by(col(Transmission.id).desc())
        .limit(1)
    )
    return found.first()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
