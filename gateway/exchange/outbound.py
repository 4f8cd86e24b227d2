"""Putting a document of our own making on its way: MLS, Invoice Responses and reminders.

What C1 submits comes through ``submission``; this is for what is made here and is right by
construction.
"""

from datetime import date, datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.core.ids import new_id
from gateway.core.jobs.queue import JobQueue
from gateway.exchange.lanes import LOOKUP, job_key, lookup_lane
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind, StoredBlob

__all__ = ["add_reply", "enqueue_lookup", "outgoing_document"]


def outgoing_document(
    *,
    tenant_id: UUID,
    kind: DocumentKind,
    number: str,
    sender: ParticipantId,
    sender_name: str,
    receiver: ParticipantId,
    receiver_name: str,
    document_type: DocumentTypeId,
    process: ProcessId,
    related_id: UUID | None,
    content: StoredBlob,
    at: datetime,
    issue_date: date | None = None,
    due_date: date | None = None,
    currency: str | None = None,
    amount_minor: int | None = None,
) -> Document:
    """The row of a document that is about to be sent; its bytes are already durable.

    ``issue_date`` is the day of ``at`` unless given; ``amount_minor`` counts minor units of
    ``currency``.
    """
    return Document(
        tenant_id=tenant_id,
        direction=Direction.OUT,
        kind=kind,
        number=number,
        issue_date=issue_date or at.date(),
        due_date=due_date,
        currency=currency,
        amount_minor=amount_minor,
        sender=str(sender),
        sender_name=sender_name,
        receiver=str(receiver),
        receiver_name=receiver_name,
        document_type=str(document_type),
        process=str(process),
        sbdh_id=str(new_id()),
        related_id=related_id,
        content_id=content.id,
        transport=TransportState.ACCEPTED,
        network=NetworkState.NONE,
        business=BusinessState.UNANSWERED,
        payment=PaymentState.NONE,
        created_at=at,
        updated_at=at,
    )


async def add_reply(
    session: AsyncSession,
    subject: Document,
    *,
    kind: DocumentKind,
    number: str,
    document_type: DocumentTypeId,
    process: ProcessId,
    content: StoredBlob,
    at: datetime,
) -> Document:
    """Add what a business answers to a document it received, with the answer's bytes.

    The reply goes back to who sent ``subject``; it is flushed and not on its way yet.
    """
    session.add(content)
    await session.flush()
    reply = outgoing_document(
        tenant_id=subject.tenant_id,
        kind=kind,
        number=number,
        sender=ParticipantId.parse(subject.receiver),
        sender_name=subject.receiver_name,
        receiver=ParticipantId.parse(subject.sender),
        receiver_name=subject.sender_name,
        document_type=document_type,
        process=process,
        related_id=subject.id,
        content=content,
        at=at,
    )
    session.add(reply)
    await session.flush()
    return reply


async def enqueue_lookup(session: AsyncSession, queue: JobQueue, document: Document) -> None:
    """Start an accepted document's way over Peppol, within the transaction that accepts it."""
    await queue.enqueue(
        session,
        kind=LOOKUP,
        payload={"document_id": str(document.id)},
        lane=lookup_lane(ParticipantId.parse(document.receiver)),
        dedupe_key=job_key(LOOKUP, document.id, document.sending_round),
    )
