"""Finding customers on Peppol who get their invoices otherwise: told, never switched.

Customers whose channel is AUTO need no telling: their next invoice goes over Peppol by itself.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.jobs.registry import JobContext
from gateway.dispatch.tables import Dispatch
from gateway.exchange.channels import Channel, on_network
from gateway.exchange.lookup_job import find_endpoint
from gateway.exchange.tables import Document
from gateway.network.smp_client import Lookup
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import Customer

__all__ = ["DiscoverJob"]

log = structlog.get_logger(__name__)

_RECENT: Final = timedelta(days=400)
"""Whom nothing was sent to for longer is not looked up."""
_OTHERWISE: Final = (Channel.EMAIL, Channel.LINK)


class DiscoverJob:
    """One look at every customer who gets invoices by e-mail or link because somebody said so."""

    def __init__(self, *, database: Database, lookup: Lookup, now: MachineClock) -> None:
        self._database = database
        self._lookup = lookup
        self._now = now

    async def __call__(self, job: JobContext) -> None:
        """Ask the network about each by its latest document; a failed look-up says nothing."""
        async with self._database.read() as session:
            candidates = await self._candidates(session)
        for customer_id, document in candidates:
            try:
                await find_endpoint(self._lookup, document, self._now, fresh=True)
            except GatewayError:
                continue
            await self._found(document, customer_id)

    async def _candidates(self, session: AsyncSession) -> list[tuple[UUID, Document]]:
        later = aliased(Dispatch)
        found = await session.exec(
            select(Customer.id, Document)
            .join(Dispatch, col(Dispatch.customer_id) == col(Customer.id))
            .join(Document, col(Document.id) == col(Dispatch.document_id))
            .where(
                col(Dispatch.created_at) > self._now() - _RECENT,
                ~select(later.id)
                .where(
                    later.customer_id == col(Dispatch.customer_id),
                    col(later.id) > col(Dispatch.id),
                )
                .exists(),
                col(Customer.channel).in_(_OTHERWISE),
                col(Customer.peppol_found_at).is_(None),
                col(Customer.peppol_declined_at).is_(None),
            )
            .order_by(col(Customer.id))
        )
        return [(one, document) for one, document in found if on_network(document.receiver)]

    async def _found(self, document: Document, customer_id: UUID) -> None:
        async with self._database.write() as session:
            customer = await lock_customer(session, document.tenant_id, customer_id)
            if customer.channel in _OTHERWISE and customer.peppol_found_at is None:
                customer.peppol_found_at = self._now()
                session.add(customer)
                log.info("dispatch.customer_found", customer_id=str(customer_id))
