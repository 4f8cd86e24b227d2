"""Sending a reminder over Peppol: whether its receiver takes one, and putting it on its way.

What a reminder says and whether it may still go out is decided by who sends it; here it is a
document like any other. Only receivers that registered for the type get one.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import PROCESS_REMINDER, REMINDER, ParticipantId
from gateway.core.errors import Retry
from gateway.core.jobs.queue import JobQueue
from gateway.exchange import timeline
from gateway.exchange.channels import OFF_NETWORK
from gateway.exchange.outbound import enqueue_lookup, outgoing_document
from gateway.exchange.tables import Document, DocumentKind, EventGroup, StoredBlob
from gateway.network.errors import NOT_ACTIVE, LookupFailed
from gateway.network.smp_client import Lookup

__all__ = ["OutgoingReminder", "registered_for_reminders", "send_reminder"]

_NAME_LENGTH: Final = 300
_NUMBER_LENGTH: Final = 200


async def registered_for_reminders(
    lookup: Lookup, participant: ParticipantId, *, at: datetime
) -> bool:
    """Tell whether the receiver takes our UBL Reminder over Peppol at machine time ``at``.

    False where it does not, or publishes what cannot be used however often it is asked. Raises
    LookupFailed where the network cannot say now and may later: that is never a no.
    """
    if participant.scheme == OFF_NETWORK:
        return False
    try:
        await lookup.find(participant, REMINDER, PROCESS_REMINDER, at=at)
    except LookupFailed as failed:
        # An endpoint of the future takes nothing today, and a reminder does not wait for it.
        if failed.retry is Retry.BACKOFF and failed.code != NOT_ACTIVE.code:
            raise
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingReminder:
    """A reminder that is decided and written, as it goes to the customer over Peppol.

    ``content`` is the UBL Reminder, its bytes durable; ``related_id`` an invoice it is about.
    ``issue_date`` and ``due_date`` (the new deadline) are business dates, ``amount_minor`` counts
    minor units of ``currency`` (ISO 4217).
    """

    tenant_id: UUID
    related_id: UUID | None
    number: str
    issue_date: date
    due_date: date | None
    currency: str
    amount_minor: int
    sender: ParticipantId
    sender_name: str
    receiver: ParticipantId
    receiver_name: str
    content: StoredBlob


async def send_reminder(
    session: AsyncSession, queue: JobQueue, reminder: OutgoingReminder, *, at: datetime
) -> Document:
    """Put a reminder on its way within the caller's transaction, and return its document.

    ``at`` is machine time. The timelines of the invoices it is about belong to the caller, who
    knows them all.
    """
    session.add(reminder.content)
    await session.flush()
    document = outgoing_document(
        tenant_id=reminder.tenant_id,
        kind=DocumentKind.REMINDER,
        number=reminder.number[:_NUMBER_LENGTH],
        sender=reminder.sender,
        sender_name=reminder.sender_name[:_NAME_LENGTH],
        receiver=reminder.receiver,
        receiver_name=reminder.receiver_name[:_NAME_LENGTH],
        document_type=REMINDER,
        process=PROCESS_REMINDER,
        related_id=reminder.related_id,
        content=reminder.content,
        issue_date=reminder.issue_date,
        due_date=reminder.due_date,
        currency=reminder.currency,
        amount_minor=reminder.amount_minor,
        at=at,
    )
    await _set_out(session, queue, document)
    return document


async def _set_out(session: AsyncSession, queue: JobQueue, document: Document) -> None:
    session.add(document)
    await session.flush()
    timeline.record(
        session,
        document,
        EventGroup.TRANSPORT,
        "reminder.accepted",
        at=document.created_at,
        facts={
            "number": document.number,
            "amount_minor": document.amount_minor,
            "currency": document.currency,
        },
        evidence_id=document.content_id,
    )
    await enqueue_lookup(session, queue, document)
