"""From an acknowledged AS4 message to the business: inbox, MLS, correlation.

Runs once per reception; what it decides commits together with the end of the job, so a crash
anywhere leaves either nothing or everything done.
"""

from dataclasses import dataclass
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
from gateway.exchange.answer_outcome import Outcomes
from gateway.exchange.answer_policy import UNANSWERED_KINDS, Decision, Policy, decide, policy_of
from gateway.exchange.answer_tables import MlsAsked, MlsRecord, MlsSide
from gateway.exchange.answer_tables import MlsState as State
from gateway.exchange.archive import Archive
from gateway.exchange.arrival import Arrival, ArrivalReader
from gateway.exchange.correlation import Correlator
from gateway.exchange.events import DocumentEvents
from gateway.exchange.handover import HandOvers
from gateway.exchange.mls import mls_document, write_statement
from gateway.exchange.outbound import enqueue_lookup
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import Direction, Document, EventGroup, Reception, StoredBlob
from gateway.validation.service import ValidationService

__all__ = ["RoutingJob"]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the account says about an arrival: the decision, its policy, the MLS if one leaves."""

    decision: Decision
    policy: Policy
    asked: MlsAsked
    mls: StoredBlob | None


class RoutingJob:
    """Hands what was received to the inbox, and answers or correlates it."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        validation: ValidationService,
        correlator: Correlator,
        outcomes: Outcomes,
        events: DocumentEvents,
        handovers: HandOvers,
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._reader = ArrivalReader(archive=archive, validation=validation, now=now)
        self._correlator = correlator
        self._outcomes = outcomes
        self._events = events
        self._handovers = handovers
        self._now = now
        self._faults = faults

    async def __call__(self, job: JobContext) -> None:
        """Route one reception."""
        reception_id = UUID(job.payload["reception_id"])
        async with self._database.read() as session:
            reception = await session.get_one(Reception, reception_id)
            envelope = await self._archive.row(session, reception.envelope_id)
            policy = await policy_of(session, reception.tenant_id)
        arrival = await self._reader.read(reception, envelope, job.attempt)
        answer = await self._answer(arrival, policy)
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
            document = await self._hand_over(session, reception, arrival, answer.decision)
            if arrival.kind not in UNANSWERED_KINDS:
                await self._owe(session, document, reception, answer)
            await self._handovers.begin(session, document, at=self._now())
        self._faults.reach("inbox-committed")

    async def _answer(self, arrival: Arrival, policy: Policy) -> _Answer:
        """Decide by the account's policy; the bytes of an MLS that leaves at once are durable."""
        always = arrival.header.mls_type is MlsType.ALWAYS_SEND
        asked = MlsAsked.ALWAYS if always else MlsAsked.FAILURES
        decision = decide(policy, arrival.report, kind=arrival.kind, asked=asked)
        if not decision.send or decision.statement is None or self._faults.cuts("mls"):
            return _Answer(decision, policy, asked, None)
        content = write_statement(
            decision.statement,
            reference=arrival.header.instance_identifier,
            own_seat=arrival.reception.own_seat,
            address=_address(arrival),
            at=self._now(),
        )
        mls = await self._archive.keep(
            content,
            purpose="document",
            media_type="application/xml",
            tenant_id=arrival.reception.tenant_id,
        )
        return _Answer(decision, policy, asked, mls)

    async def _owe(
        self, session: AsyncSession, document: Document, reception: Reception, answer: _Answer
    ) -> None:
        """Record what is owed about the document, and send what can be said now."""
        statement, began = answer.decision.statement, reception.received_at
        waiting, at = statement is None, self._now()
        record = MlsRecord(
            document_id=document.id,
            tenant_id=document.tenant_id,
            side=MlsSide.OWED,
            state=State.WAITING if waiting or answer.decision.send else State.SILENT,
            asked=answer.asked,
            peer_seat=reception.signer_seat,
            own_seat=reception.own_seat,
            address=document.mls_to,
            began_at=began,
            timer_at=began + answer.policy.timer if waiting else None,
        )
        session.add(record)
        if statement is None:
            await self._outcomes.enqueue(session, record, timer=True)
        elif not answer.decision.send:
            record.code, record.statement = statement.code.value, statement.to_json()
        elif answer.mls is not None:
            await self._outcomes.decide(session, document, record, statement, at=at, write=False)
            session.add(answer.mls)
            await session.flush()
            reply = mls_document(document, record, answer.mls, at=at)
            session.add(reply)
            await session.flush()
            record.mls_id = reply.id
            await enqueue_lookup(session, self._queue, reply)

    async def _hand_over(
        self, session: AsyncSession, reception: Reception, arrival: Arrival, decision: Decision
    ) -> Document:
        """Write the document into the inbox of the tenant it concerns, and correlate it."""
        session.add(arrival.stored)
        if arrival.run is not None:
            session.add(arrival.run)
        await session.flush()
        document = _document(arrival, rejected=decision.rejected, at=self._now())
        await self._correlator.apply(session, document, arrival, at=self._now())
        session.add(document)
        await session.flush()
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
                "document.rejected" if decision.rejected else "document.flagged",
                at=self._now(),
                facts={"fatal": arrival.report["counts"]["fatal"]},
            )
        await self._correlator.conclude(session, document, arrival, at=self._now())
        await self._events.entered(session, document, at=self._now())
        return document


def _document(arrival: Arrival, *, rejected: bool, at: datetime) -> Document:
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
        network=NetworkState.REJECTED if rejected else NetworkState.NONE,
        business=BusinessState.UNANSWERED,
        payment=PaymentState.NONE,
        mls_to=str(_address(arrival)),
        created_at=at,
        updated_at=at,
    )


def _address(arrival: Arrival) -> ParticipantId:
    """Whom the MLS goes to: whom C2 named, else the service provider of the seat that signed."""
    return arrival.header.mls_to or spid_of_seat(arrival.reception.signer_seat)


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
