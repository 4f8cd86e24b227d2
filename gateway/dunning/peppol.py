"""UBL Reminders over Peppol, as the exchange sends them."""

from datetime import date, datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import ParticipantId
from gateway.core.clock import MachineClock
from gateway.core.jobs.queue import JobQueue
from gateway.exchange.reminding import registered_for_reminders, send_reminder
from gateway.exchange.tables import Document, StoredBlob
from gateway.network.smp_client import Lookup

__all__ = ["PeppolReminders"]


class PeppolReminders:
    """The `ReminderNetwork` of a running gateway."""

    def __init__(self, *, lookup: Lookup, queue: JobQueue, now: MachineClock) -> None:
        self._lookup = lookup
        self._queue = queue
        self._now = now

    async def registered(self, participant: ParticipantId) -> bool:
        """Ask the participant's SMP."""
        return await registered_for_reminders(self._lookup, participant, at=self._now())

    async def send(
        self,
        session: AsyncSession,
        *,
        tenant_id: UUID,
        related_id: UUID,
        number: str,
        issue_date: date,
        due_date: date | None,
        currency: str,
        amount_minor: int,
        sender: ParticipantId,
        sender_name: str,
        receiver: ParticipantId,
        receiver_name: str,
        content: StoredBlob,
        at: datetime,
    ) -> Document:
        """Make the document and enqueue its lookup."""
        return await send_reminder(
            session,
            self._queue,
            tenant_id=tenant_id,
            related_id=related_id,
            number=number,
            issue_date=issue_date,
            due_date=due_date,
            currency=currency,
            amount_minor=amount_minor,
            sender=sender,
            sender_name=sender_name,
            receiver=receiver,
            receiver_name=receiver_name,
            content=content,
            at=at,
        )
