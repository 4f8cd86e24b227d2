"""What dunning needs from its neighbours: payment links, and the network for UBL Reminders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import ParticipantId
from gateway.exchange.reminding import OutgoingReminder
from gateway.exchange.tables import Document

__all__ = ["IssuedLink", "Links", "ReminderNetwork"]


class IssuedLink(Protocol):
    """A payment link as it goes into a reminder."""

    @property
    def id(self) -> UUID:
        """The link's row."""
        ...

    @property
    def url(self) -> str:
        """Where to pay."""
        ...


class Links(Protocol):
    """Who makes payment links."""

    async def issue(
        self,
        session: AsyncSession,
        *,
        tenant_id: UUID,
        customer_id: UUID,
        items: Sequence[UUID],
        currency: str,
        locale: str,
    ) -> IssuedLink:
        """Make a link to pay open items of a customer; one that is never used does no harm."""
        ...


class ReminderNetwork(Protocol):
    """The way a UBL Reminder takes over Peppol."""

    async def registered(self, participant: ParticipantId) -> bool:
        """Whether a participant is registered for reminders.

        Raises GatewayError with Retry.BACKOFF where that cannot be known now.
        """
        ...

    async def send(
        self, session: AsyncSession, reminder: OutgoingReminder, *, at: datetime
    ) -> Document:
        """Put a reminder on its way within the caller's transaction; its bytes are durable."""
        ...
