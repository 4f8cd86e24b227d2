"""Whom the receivables tell what happened to an open item."""

from datetime import date
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.receivables.tables import ItemRow

__all__ = ["LedgerFollower"]


class LedgerFollower(Protocol):
    """Who wants to know that money closed an item; told in the transaction that books it."""

    async def settled(self, session: AsyncSession, item: ItemRow, *, on: date) -> None:
        """A payment closed a claim; ``on`` is the day the money counts from."""
        ...
