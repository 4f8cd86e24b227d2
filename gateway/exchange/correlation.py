"""What an incoming answer changes: MLS, Invoice Responses and reminders find their documents.

What fits no document is kept in the inbox and says so; it is never an error towards the sender,
who cannot know what we have archived.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import spid_of_seat
from gateway.exchange import timeline
from gateway.exchange.answer_policy import UNANSWERED_KINDS
from gateway.exchange.arrival import Arrival
from gateway.exchange.events import ANSWERED, MLS, DocumentEvents
from gateway.exchange.facts import ReminderFacts
from gateway.exchange.mls import Statement
from gateway.exchange.mls_watch import name_answer, record_answer
from gateway.exchange.ports import Bookkeeper
from gateway.exchange.queries import named_invoices
from gateway.exchange.states import (
    NETWORK,
    TRANSPORT,
    NetworkState,
    PaymentState,
    TransportEvent,
    TransportState,
    advance,
)
from gateway.exchange.tables import Direction, Document, DocumentKind, EventGroup, Transmission
from ubl.business_status import Step, Verdict
from ubl.business_status import advance as advance_business
from ubl.mlr import read_mlr
from ubl.response import (
    CREDIT_NOTE_CODES,
    MLS_ADDRESS_RULES,
    InvoiceResponse,
    Mls,
    MlsIssue,
    ResponseRefused,
    read_invoice_response,
    read_mls,
)
from ubl.safexml import XmlRefused

__all__ = ["Correlator"]

_MOST_OF_A_NUMBER: Final = 20
_ANSWERS: Final = frozenset({DocumentKind.MLS, DocumentKind.MLR, DocumentKind.INVOICE_RESPONSE})


class Correlator:
    """Finds what an arrival is about and lets it change that, in the transaction of routing."""

    def __init__(self, *, books: Bookkeeper, events: DocumentEvents) -> None:
        self._books = books
        self._events = events

    async def apply(
        self, session: AsyncSession, document: Document, arrival: Arrival, *, at: datetime
    ) -> None:
        """Let an answer move its subject; ``document`` is its row, not in the session yet.

        Whose the answer is may change: what an MLS says is read by the account it is about.
        """
        if arrival.content is None:
            return
        seat = arrival.reception.signer_seat
        if arrival.kind is DocumentKind.MLS:
            await self._mls(session, document, arrival.content, signer_seat=seat, at=at)
        elif arrival.kind is DocumentKind.MLR:
            await self._mlr(session, document, arrival.content, signer_seat=seat, at=at)
        elif arrival.kind is DocumentKind.INVOICE_RESPONSE:
            await self._invoice_response(session, document, arrival.content, at=at)
        arrival.stored.tenant_id = document.tenant_id

    async def conclude(
        self, session: AsyncSession, document: Document, arrival: Arrival, *, at: datetime
    ) -> None:
        """Tell invoices of a reminder about them, and note an answer that fits nothing.

        ``document`` is in the session, flushed.
        """
        if isinstance(arrival.facts, ReminderFacts) and arrival.valid:
            await apply_reminder(session, document, arrival.facts, at=at)
        if document.kind is DocumentKind.MLS and document.related_id is not None:
            await name_answer(session, document)
        unread = document.failure_code is not None
        if document.kind in _ANSWERS and document.related_id is None and not unread:
            timeline.record(session, document, EventGroup.NETWORK, "answer.unmatched", at=at)

    async def _mls(
        self,
        session: AsyncSession,
        answer: Document,
        content: bytes,
        *,
        signer_seat: str,
        at: datetime,
    ) -> None:
        """Move the document the MLS speaks of; the MLS moves to that document's tenant.

        Only the service provider the document was delivered to can speak about it: the word of
        another signer is recorded and changes nothing. A wrong address in it (SCH-MLS-09, 11,
        14, 16) is overlooked: the signature says whose word it is.
        """
        try:
            mls = read_mls(content, tolerate=MLS_ADDRESS_RULES)
        except (ResponseRefused, XmlRefused) as refused:
            _unreadable(answer, refused)
            return
        answer.number = mls.identifier[:200]
        subject = await self._subject(session, mls.reference)
        if subject is None:
            return
        answer.tenant_id, answer.related_id = subject.tenant_id, subject.id
        to = await _delivered_to(session, subject, signer_seat)
        if to is not None:
            await self._prove(session, subject, answer, at=at)
        kind = await _heard(session, subject, mls, to, at=at)
        subject.updated_at = at
        facts = {**_said(mls.code.value, mls.description, mls.issues), "from": answer.sender}
        timeline.record(
            session,
            subject,
            EventGroup.NETWORK,
            kind,
            at=at,
            facts=facts,
            evidence_id=answer.content_id,
        )
        if kind == "mls.received":
            told = {"side": "awaited", "mls_id": str(answer.id), **facts}
            await self._events.publish(session, subject, MLS, told, at=at)

    async def _subject(self, session: AsyncSession, sbdh_id: str) -> Document | None:
        """The sent document an access point speaks of, locked."""
        subject = await _sent(session, sbdh_id=sbdh_id)
        if subject is not None:
            if subject.transport is TransportState.FAILED:
                # The books before the document, as everybody does it: otherwise two can deadlock.
                await self._books.hold(session, subject)
            await session.refresh(subject, with_for_update=True)
        return subject

    async def _prove(
        self, session: AsyncSession, subject: Document, mls: Document, *, at: datetime
    ) -> None:
        """A document that was given up has an MLS: an attempt in doubt had arrived after all."""
        if (subject.transport, TransportEvent.PROVEN) not in TRANSPORT:
            return
        facts = {"code": subject.failure_code or "", "mls_id": str(mls.id)}
        subject.failure_code = subject.failure_text = None
        await self._events.step(session, subject, TransportEvent.PROVEN, facts, at=at)
        await self._books.reinstated(session, subject, at=at)
        timeline.record(
            session,
            subject,
            EventGroup.TRANSPORT,
            "delivery.proven",
            at=at,
            facts=facts,
            evidence_id=mls.content_id,
        )

    async def _mlr(
        self,
        session: AsyncSession,
        answer: Document,
        content: bytes,
        *,
        signer_seat: str,
        at: datetime,
    ) -> None:
        """Record what a Message Level Response says about a sent document.

        It moves the document's network state only where no MLS is awaited, which has the say.
        """
        try:
            mlr = read_mlr(content)
        except (ResponseRefused, XmlRefused) as refused:
            _unreadable(answer, refused)
            return
        answer.number, answer.issue_date = mlr.identifier[:200], mlr.issue_date
        subject = await self._subject(session, mlr.reference)
        if subject is None:
            return
        answer.tenant_id, answer.related_id = subject.tenant_id, subject.id
        foreign = await _delivered_to(session, subject, signer_seat) is None
        code = mlr.code.value
        if not foreign and subject.network is NetworkState.NONE:
            subject.network = advance(NETWORK, subject.network, code)
        subject.updated_at = at
        timeline.record(
            session,
            subject,
            EventGroup.NETWORK,
            "mls.foreign" if foreign else "mlr.received",
            at=at,
            facts={**_said(code, mlr.description, mlr.issues), "from": answer.sender},
            evidence_id=answer.content_id,
        )

    async def _invoice_response(
        self, session: AsyncSession, answer: Document, content: bytes, *, at: datetime
    ) -> None:
        """Move the invoice the buyer answers, as far as the order of answers allows."""
        try:
            response = read_invoice_response(content)
        except (ResponseRefused, XmlRefused) as refused:
            _unreadable(answer, refused)
            return
        answer.number = response.identifier[:200]
        answer.issue_date = response.issue_date
        answer.sender_name = response.sender.name[:300]
        answer.receiver_name = response.receiver.name[:300]
        subject = await _answered(session, answer, response)
        if subject is None:
            return
        # The books before the document, as everybody does it: otherwise two can deadlock.
        await self._books.hold(session, subject)
        await session.refresh(subject, with_for_update=True)
        answer.related_id = subject.id
        step = _take_answer(subject, response)
        if step.verdict is not Verdict.OUT_OF_ORDER:
            await self._books.answered(session, subject, response, answer=answer, at=at)
        subject.updated_at = at
        facts = {
            "status": response.status.value,
            "note": response.note or "",
            "reasons": [one.code.value for one in response.clarifications if one.code],
            "texts": [one.text for one in response.clarifications if one.text],
            "from": answer.sender_name,
        }
        timeline.record(
            session,
            subject,
            EventGroup.BUSINESS,
            f"response.{step.verdict.value}",
            at=at,
            facts=facts,
            evidence_id=answer.content_id,
        )
        told = {"response_id": str(answer.id), "order": step.verdict.value, **facts}
        await self._events.publish(session, subject, ANSWERED, told, at=at)


async def apply_reminder(
    session: AsyncSession, reminder: Document, facts: ReminderFacts, *, at: datetime
) -> None:
    """Tell the received invoices that their supplier reminds of them, and name the newest.

    The supplier is who sent the invoice to the same participant. ``reminder`` is in the session
    already.
    """
    invoices = await named_invoices(session, reminder, facts.invoices, lock=True)
    if not invoices:
        return
    reminder.related_id = max(one.id for one in invoices)
    for invoice in invoices:
        invoice.updated_at = at
        timeline.record(
            session,
            invoice,
            EventGroup.PAYMENT,
            "reminder.received",
            at=at,
            facts={
                "document_id": str(reminder.id),
                "number": facts.number,
                "level": facts.level,
                "amount_minor": facts.amount_minor,
                "currency": facts.currency,
                "deadline": facts.due_date.isoformat() if facts.due_date else None,
            },
            evidence_id=reminder.content_id,
        )


def _unreadable(answer: Document, refused: ResponseRefused | XmlRefused) -> None:
    answer.network = NetworkState.REJECTED
    answer.failure_code, answer.failure_text = refused.code, str(refused)


async def _heard(
    session: AsyncSession, subject: Document, mls: Mls, to: Transmission | None, *, at: datetime
) -> str:
    """Let an MLS move its document; what the document's timeline calls that.

    ``to`` is the message the word is about, None where the signer was never sent one.
    """
    if to is None:
        return "mls.foreign"
    if (subject.network, mls.code.value) not in NETWORK:
        return "mls.repeated"
    subject.network = advance(NETWORK, subject.network, mls.code.value)
    await record_answer(session, subject, to, Statement.of_mls(mls), at=at)
    return "mls.received"


def _take_answer(subject: Document, response: InvoiceResponse) -> Step:
    """Move an invoice by the buyer's answer; says whether that came in order."""
    step = advance_business(subject.business, response)
    subject.business = step.state
    announced = response.status.value == "PD" and step.verdict is Verdict.ADVANCED
    if announced and subject.payment is PaymentState.NONE:
        # The buyer's word announces money; only a bank message makes the invoice paid.
        subject.payment = PaymentState.ANNOUNCED
    return step


def _said(code: str, text: str | None, issues: Sequence[MlsIssue]) -> dict[str, object]:
    return {
        "code": code,
        "text": text or "",
        "issues": [
            {"reason": one.reason.value, "text": one.text, "location": one.location}
            for one in issues
        ],
    }


async def _sent(session: AsyncSession, *, sbdh_id: str) -> Document | None:
    """The document this gateway sent under that SBDH identifier, whichever tenant's it is."""
    found = await session.exec(
        select(Document).where(
            Document.direction == Direction.OUT,
            Document.sbdh_id == sbdh_id,
            col(Document.kind).not_in(UNANSWERED_KINDS),
        )
    )
    return found.first()


async def _delivered_to(
    session: AsyncSession, subject: Document, signer_seat: str
) -> Transmission | None:
    """The newest message by which the document went to the provider that signed (same SPID)."""
    found = await session.exec(
        select(Transmission)
        .where(Transmission.document_id == subject.id)
        .order_by(col(Transmission.id).desc())
    )
    signer = spid_of_seat(signer_seat)
    return next((one for one in found if spid_of_seat(one.peer_seat) == signer), None)


async def _answered(
    session: AsyncSession, answer: Document, response: InvoiceResponse
) -> Document | None:
    """The tenant's newest invoice of that number sent to the party that answers.

    A credit note of the same number is meant only where the answer's type code says so.
    """
    found = await session.exec(
        select(Document)
        .where(
            Document.tenant_id == answer.tenant_id,
            Document.direction == Direction.OUT,
            col(Document.kind).in_((DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE)),
            Document.number == response.invoice.number,
            Document.receiver == answer.sender,
            Document.sender == answer.receiver,
        )
        .order_by(col(Document.id).desc())
        .limit(_MOST_OF_A_NUMBER)
    )
    documents = found.all()
    credit = response.invoice.type_code in CREDIT_NOTE_CODES
    kind = DocumentKind.CREDIT_NOTE if credit else DocumentKind.INVOICE
    return next((one for one in documents if one.kind is kind), next(iter(documents), None))
