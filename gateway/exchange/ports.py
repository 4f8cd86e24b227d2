"""Whom the exchange tells what happened to the documents of a tenant."""

from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exchange.tables import Document
from ubl.model import Invoice
from ubl.response import InvoiceResponse

__all__ = ["Bookkeeper"]


class Bookkeeper(Protocol):
    """Who keeps the books: told of invoices and answers in the transaction that makes them true."""

    async def accepted(self, session: AsyncSession, document: Document, invoice: Invoice) -> None:
        """An invoice or credit note of the tenant was accepted and is on its way."""
        ...

    async def hold(self, session: AsyncSession, document: Document) -> None:
        """Take hold of what the document's books hang on, before its own row is locked."""
        ...

    async def answered(
        self,
        session: AsyncSession,
        document: Document,
        response: InvoiceResponse,
        *,
        answer: Document,
        at: datetime,
    ) -> None:
        """The buyer answered a sent invoice or credit note, and the answer came in its turn."""
        ...

    async def withdrawn(self, session: AsyncSession, document: Document, *, at: datetime) -> None:
        """A sent document counts no more: it was cancelled, or given up for good."""
        ...

    async def reinstated(self, session: AsyncSession, document: Document, *, at: datetime) -> None:
        """A withdrawn document is on its way again."""
        ...
