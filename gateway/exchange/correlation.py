"""What an incoming answer changes: MLS, Invoice Responses and reminders find their documents.

What fits no document is kept in the inbox and says so; it is never an error towards the sender,
who cannot know what we have archived.
"""

from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import spid_of_seat
from gateway.exchange import timeline
from gateway.exchange.facts import ReminderFacts
from gateway.exchange.ports import Bookkeeper
from gateway.exchange.queries import named_invoices
from gateway.exchange.states import NETWORK, NetworkState, PaymentState, advance
from gateway.exchange.tables import Direction, Document, DocumentKind, EventGroup, Transmission
from ubl.business_status import Verdict
from ubl.business_status import advance as advance_business
from ubl.response import (
    InvoiceResponse,
    Mls,
    ResponseRefused,
    read_invoice_response,
    read_mls,
)
from ubl.safexml import XmlRefused

__all__ = ["apply_invoice_response", "apply_mls", "apply_reminder"]


async def apply_mls(
    session: AsyncSession, answer: Document, content: bytes, *, signer_seat: str, at: datetime
) -> None:
    """Move the document the MLS speaks of; the MLS moves to that document's tenant.

    Only the service provider the document was delivered to can speak about it: the word of
    another signer is recorded and changes nothing.
    """
    try:
        mls = read_mls(content)
    except (ResponseRefused, XmlRefused) as refused:
        _unreadable(answer, refused)
        return
    answer.number = mls.identifier[:200]
    subject = await _sent(session, sbdh_id=mls.reference)
    if subject is None:
        return
    answer.tenant_id, answer.related_id = subject.tenant_id, subject.id
    if not await _delivered_to(session, subject, signer_seat):
        kind = "mls.foreign"
    elif (subject.network, mls.code.value) in NETWORK:
        subject.network = advance(NETWORK, subject.network, mls.code.value)
        kind = "mls.received"
    else:
        kind = "mls.repeated"
    subject.updated_at = at
    timeline.record(
        session,
        subject,
        EventGroup.NETWORK,
        kind,
        at=at,
        facts=_mls_facts(mls, answer),
        evidence_id=answer.content_id,
    )


async def apply_invoice_response(
    session: AsyncSession, answer: Document, content: bytes, *, books: Bookkeeper, at: datetime
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
    # The books before the document, as everybody does it: two that wait for each other deadlock.
    await books.hold(session, subject)
    await session.refresh(subject, with_for_update=True)
    answer.related_id = subject.id
    step = advance_business(subject.business, response)
    subject.business = step.state
    announced = response.status.value == "PD" and step.verdict is Verdict.ADVANCED
    if announced and subject.payment is PaymentState.NONE:
        # The buyer's word announces money; only a bank message makes the invoice paid.
        subject.payment = PaymentState.ANNOUNCED
    if step.verdict is not Verdict.OUT_OF_ORDER:
        await books.answered(session, subject, response, answer=answer, at=at)
    subject.updated_at = at
    timeline.record(
        session,
        subject,
        EventGroup.BUSINESS,
        f"response.{step.verdict.value}",
        at=at,
        facts={
            "status": response.status.value,
            "note": response.note or "",
            "reasons": [one.code.value for one in response.clarifications if one.code],
            "texts": [one.text for one in response.clarifications if one.text],
            "from": answer.sender_name,
        },
        evidence_id=answer.content_id,
    )


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


def _mls_facts(mls: Mls, answer: Document) -> dict[str, object]:
    return {
        "code": mls.code.value,
        "text": mls.description or "",
        "issues": [
            {"reason": one.reason.value, "text": one.text, "location": one.location}
            for one in mls.issues
        ],
        "from": answer.sender,
    }


async def _sent(session: AsyncSession, *, sbdh_id: str) -> Document | None:
    """The document this gateway sent under that SBDH identifier, whichever tenant's it is."""
    found = await session.exec(
        select(Document)
        .where(Document.direction == Direction.OUT, Document.sbdh_id == sbdh_id)
        .with_for_update()
    )
    return found.first()


async def _delivered_to(session: AsyncSession, subject: Document, signer_seat: str) -> bool:
    """Whether the document was sent to the service provider that signed (same SPID)."""
    seats = await session.exec(
        select(Transmission.peer_seat).where(Transmission.document_id == subject.id)
    )
    return any(spid_of_seat(seat) == spid_of_seat(signer_seat) for seat in seats)


async def _answered(
    session: AsyncSession, answer: Document, response: InvoiceResponse
) -> Document | None:
    """The tenant's newest invoice of that number sent to the party that answers."""
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
        .limit(1)
    )
    return found.first()
