"""Whom the exchange tells what happened to a tenant's documents, and who takes some from it."""

from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.exchange.tables import Document
from ubl.model import Invoice
from ubl.response import InvoiceResponse

__all__ = ["Bookkeeper", "OtherChannels"]


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


class OtherChannels(Protocol):
    """Who brings documents to buyers outside Peppol.

    Whatever is taken is taken in the caller's transaction, together with the end of its way over
    Peppol: it is on one way or the other, never on both.
    """

    async def at_once(self, session: AsyncSession, document: Document, *, at: datetime) -> bool:
        """Take an accepted document that is not for Peppol; False where it is to be looked up."""
        ...

    async def waits_for(self, session: AsyncSession, document: Document) -> bool:
        """Whether it is to be taken once the network says that its receiver is not registered."""
        ...

    async def unregistered(
        self, session: AsyncSession, document: Document, failure: GatewayError, *, at: datetime
    ) -> None:
        """Take an accepted document whose receiver is not registered for it."""
        ...

    async def cancelled(self, session: AsyncSession, document: Document, *, at: datetime) -> None:
        """Withdraw what is not out yet; raises GatewayError where something may have gone."""
        ...
