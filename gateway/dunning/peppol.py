"""UBL Reminders over Peppol, as the exchange sends them."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import ParticipantId
from gateway.core.clock import MachineClock
from gateway.core.jobs.queue import JobQueue
from gateway.exchange.reminding import (
    OutgoingReminder,
    registered_for_reminders,
    send_reminder,
)
from gateway.exchange.tables import Document
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
        self, session: AsyncSession, reminder: OutgoingReminder, *, at: datetime
    ) -> Document:
        """Make the document and enqueue its lookup."""
        return await send_reminder(session, self._queue, reminder, at=at)
