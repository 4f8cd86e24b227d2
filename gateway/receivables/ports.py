"""Whom the receivables tell what happened to an open item."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.receivables.tables import ItemRow

__all__ = ["EndToEndIds", "LedgerFollower", "PaymentArrived"]


class LedgerFollower(Protocol):
    """Who wants to know that money closed an item; told in the transaction that books it."""

    async def settled(self, session: AsyncSession, item: ItemRow, *, on: date) -> None:
        """A payment closed a claim; ``on`` is the day the money counts from."""
        ...


class EndToEndIds(Protocol):
    """Who knows the end-to-end identifications we gave to payments: links, later debits."""

    async def __call__(
        self, session: AsyncSession, tenant_id: UUID, ids: Sequence[str]
    ) -> Mapping[str, tuple[UUID, ...]]:
        """The open items each of these was issued for; those not ours are left out."""
        ...


class PaymentArrived(Protocol):
    """Who waits for money under an end-to-end identification; told in the booking transaction."""

    async def arrived(
        self, session: AsyncSession, tenant_id: UUID, end_to_end_id: str, at: datetime
    ) -> None:
        """The bank credited it and it was allocated: it is under way no longer."""
        ...
