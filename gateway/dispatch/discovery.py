"""Finding customers on Peppol who get their invoices otherwise: told, never switched.

Those whose invoices name a Peppol address are looked up by it. For the others the addresses that
follow from their numbers are looked up, once a week at most, or the next day where the network did
not answer. A run is bounded in number and time, and takes those whose turn it has been for longest:
whose turn it was waits behind everybody else, so that those the network never answers for keep
nobody waiting. Customers with an address whose channel is AUTO need no
telling: their next invoice goes over Peppol by itself.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.conversion.choosing import fitting
from gateway.conversion.peppol_types import document_type_of
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError, Retry
from gateway.core.jobs.registry import JobContext
from gateway.dispatch.addresses import AddressRule, addresses_of
from gateway.dispatch.tables import Dispatch
from gateway.exchange.archive import Archive
from gateway.exchange.channels import OFF_NETWORK, Channel, on_network
from gateway.exchange.tables import Document
from gateway.network.smp_client import Lookup
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import Customer
from ubl.model import DocumentKind

__all__ = ["DiscoverJob"]

log = structlog.get_logger(__name__)

_RECENT: Final = timedelta(days=400)
"""Whom nothing was sent to for longer is not looked up."""
_AGAIN: Final = timedelta(days=7)
"""How soon the addresses somebody may have are looked up again."""
_NEXT_RUN: Final = timedelta(hours=22)
"""After this it is the turn of whoever is asked about daily: before the next run begins, whenever
in the hour of this one they were asked about.
"""
_EACH_RUN: Final = 500
"""How many customers are looked up in one run; whose turn it has been for longest come first."""
_LONGEST: Final = timedelta(hours=1)
"""When a run ends at the latest; whose turn did not come is first in the next one."""
_OTHERWISE: Final = (Channel.EMAIL, Channel.LINK)
_UNNAMED: Final = f"{OFF_NETWORK}::%"

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

_Candidate = tuple[UUID, Document]
"""A customer's id, and the latest document it was sent."""


class DiscoverJob:
    """One look at the customers who get invoices by e-mail or link."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        lookup: Lookup,
        rules: Sequence[AddressRule],
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._lookup = lookup
        self._rules = rules
        self._now = now

    async def __call__(self, job: JobContext) -> None:
        """Ask the network about each by its latest document; a failed look-up says nothing."""
        end = self._now() + _LONGEST
        async with self._database.read() as session:
            candidates = await self._candidates(session)
        failed = await self._ask(candidates, until=end)
        if failed:
            # Most SMPs that are away are back in minutes. Once, behind all others.
            failed = await self._ask(failed, until=end)
            log.info("dispatch.discovery_failed", customers=len(failed))

    async def _ask(self, candidates: Sequence[_Candidate], *, until: datetime) -> list[_Candidate]:
        """Look customers up until a moment; those the network said nothing about."""
        failed = []
        for customer_id, document in candidates:
            if self._now() >= until:
                break
            try:
                # First, so that one that ends the run by a fault of ours is not first again.
                await self._note_turn(document, customer_id)
                found = await self._find(document)
            except GatewayError as failure:
                log.info("dispatch.look_up_failed", code=failure.code, customer_id=str(customer_id))
                await self._note_silence(document, customer_id)
                failed.append((customer_id, document))
                continue
            if found is not None:
                await self._note(document, customer_id, found)
        return failed

    async def _candidates(self, session: AsyncSession) -> list[_Candidate]:
        """Whose turn it is, by how long it has been; first those nobody asked about yet."""
        unnamed, asked = col(Customer.participant).like(_UNNAMED), col(Customer.peppol_asked_at)
        waits = or_(asked.is_(None), asked < self._now() - _AGAIN)
        daily = and_(~unnamed, col(Customer.channel).in_(_OTHERWISE))
        weekly = and_(unnamed, waits, col(Customer.peppol_address).is_(None))
        due = [
            (_LONG_AGO if asked_at is None else asked_at + pause, customer_id, document)
            for these, pause in ((daily, _NEXT_RUN), (weekly, _AGAIN))
            for customer_id, asked_at, document in await self._waiting(session, these)
        ]
        due.sort(key=lambda one: one[:2])
        return [(customer_id, document) for _, customer_id, document in due[:_EACH_RUN]]

    async def _waiting(
        self, session: AsyncSession, these: ColumnElement[bool]
    ) -> Sequence[tuple[UUID, datetime | None, Document]]:
        later, at = aliased(Dispatch), self._now()
        found = await session.exec(
            select(Customer.id, Customer.peppol_asked_at, Document)
            .join(Dispatch, col(Dispatch.customer_id) == col(Customer.id))
            .join(Document, col(Document.id) == col(Dispatch.document_id))
            .where(
                col(Dispatch.created_at) > at - _RECENT,
                ~select(later.id)
                .where(
                    later.customer_id == col(Dispatch.customer_id),
                    col(later.id) > col(Dispatch.id),
                )
                .exists(),
                these,
                col(Customer.peppol_found_at).is_(None),
                col(Customer.peppol_declined_at).is_(None),
            )
            .order_by(col(Customer.peppol_asked_at).asc().nulls_first(), col(Customer.id))
            .limit(_EACH_RUN)
        )
        return found.all()

    async def _find(self, document: Document) -> ParticipantId | None:
        """Where the network takes a document for this buyer, in its format or another of ours.

        Raises LookupFailed where the network did not say.
        """
        if on_network(document.receiver):
            addresses: Sequence[ParticipantId] = [ParticipantId.parse(document.receiver)]
        else:
            async with self._database.read() as session:
                content = await self._archive.fetch(session, document.content_id)
            addresses = await asyncio.to_thread(addresses_of, content, self._rules)
        for address in addresses:
            if await self._takes(address, document):
                return address
        return None

    async def _takes(self, address: ParticipantId, document: Document) -> bool:
        """Whether a participant takes the document, or the same invoice in a format of ours."""
        kind = DocumentKind(document.kind.value)
        as_it_is = DocumentTypeId.parse(document.document_type)
        process = ProcessId.parse(document.process)
        try:
            registered = await self._lookup.registrations(address, at=self._now())
            asked = [(as_it_is, process)] if as_it_is in registered else []
            asked += [
                (
                    document_type_of(wanted, kind),
                    ProcessId(process.scheme, wanted.business_process or process.value),
                )
                for wanted in fitting(kind, registered)
            ]
            if not asked:
                return False
            await self._lookup.find(address, *asked[0], at=self._now(), fresh=True)
        except GatewayError as failure:
            if failure.retry is Retry.NO:
                return False
            raise
        return True

    async def _note_turn(self, document: Document, customer_id: UUID) -> None:
        async with self._database.write() as session:
            customer = await lock_customer(session, document.tenant_id, customer_id)
            customer.peppol_asked_at = self._now()
            session.add(customer)

    async def _note_silence(self, document: Document, customer_id: UUID) -> None:
        """Make it the turn of somebody the network did not answer for in the next run again."""
        async with self._database.write() as session:
            customer = await lock_customer(session, document.tenant_id, customer_id)
            if not on_network(customer.participant):
                customer.peppol_asked_at = self._now() - _AGAIN + _NEXT_RUN
                session.add(customer)

    async def _note(self, document: Document, customer_id: UUID, found: ParticipantId) -> None:
        async with self._database.write() as session:
            customer = await lock_customer(session, document.tenant_id, customer_id)
            named = on_network(customer.participant)
            open_ = customer.channel in _OTHERWISE if named else customer.peppol_address is None
            if open_ and customer.peppol_found_at is None:
                customer.peppol_found_at = self._now()
                customer.peppol_address = None if named else str(found)
                log.info("dispatch.customer_found", customer_id=str(customer_id))
            session.add(customer)
