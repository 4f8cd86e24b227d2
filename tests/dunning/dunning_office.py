"""A creditor's office over a real database: invoices, money, disputes, and the dunning that runs.

Shared by the tests, which drive it in this process, and by ``dunning_process``, which does the
same work in a process that is killed.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, select

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.access.tables import Tenant
from gateway.as4.identifiers import ParticipantId
from gateway.core.blobs import LocalBlobStore
from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.faults import Faults
from gateway.core.ids import new_id
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.tables import Job, JobState
from gateway.core.jobs.worker import Worker
from gateway.core.mail import SmtpMailer
from gateway.core.settings import FaultSettings, JobSettings, MailSettings
from gateway.core.vault import Vault
from gateway.dunning.jobs import Parts, register, service_of
from gateway.dunning.lanes import RUN
from gateway.dunning.planning import Planner
from gateway.dunning.policies import read_seed, seed_policies
from gateway.dunning.tables import OutgoingMail, Reminder, ReminderLine
from gateway.dunning.thanks import Settlement
from gateway.exchange.archive import Archive
from gateway.exchange.reminding import OutgoingReminder, send_reminder
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind, Event
from gateway.payments.links import PaymentLinks
from gateway.receivables.holds import lift_hold, place_hold
from gateway.receivables.ledger import Ledger
from gateway.receivables.tables import Customer, ItemRow
from reminders.account import HoldReason
from reminders.entries import Entry, EntryKind, ItemKind, Source

MONDAY = date(2026, 9, 14)
SENDER = "billing@lumen.example"
SELLER = "iso6523-actorid-upis::0225:123456782"
ZONE = "Europe/Brussels"

INVOICE = """<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
<cbc:ID>{number}</cbc:ID><cbc:IssueDate>{issued}</cbc:IssueDate>
<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
<cac:AccountingSupplierParty><cac:Party>
<cbc:EndpointID schemeID="0225">123456782</cbc:EndpointID>
<cac:PostalAddress><cbc:CityName>Lyon</cbc:CityName>
<cac:Country><cbc:IdentificationCode>FR</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
<cac:PartyLegalEntity><cbc:RegistrationName>Atelier Lumen SAS</cbc:RegistrationName>
<cbc:CompanyID schemeID="0002">123456782</cbc:CompanyID></cac:PartyLegalEntity>
</cac:Party></cac:AccountingSupplierParty>
<cac:AccountingCustomerParty><cac:Party>
<cbc:EndpointID schemeID="0208">{debtor}</cbc:EndpointID>
<cac:PostalAddress><cac:Country><cbc:IdentificationCode>BE</cbc:IdentificationCode></cac:Country>
</cac:PostalAddress>
<cac:PartyLegalEntity><cbc:RegistrationName>{name}</cbc:RegistrationName></cac:PartyLegalEntity>
</cac:Party></cac:AccountingCustomerParty>
</Invoice>"""


@dataclass
class PeppolStandIn:
    """The network as dunning sees it; documents are made by the real exchange."""

    queue: JobQueue
    members: set[str] = field(default_factory=set)
    endings: tuple[str, ...] = ()
    """Of which participants are members, by the end of their number."""

    async def registered(self, participant: ParticipantId) -> bool:
        return str(participant) in self.members or str(participant).endswith(self.endings)

    async def send(self, session: Any, reminder: OutgoingReminder, *, at: datetime) -> Document:
        return await send_reminder(session, self.queue, reminder, at=at)


class Office:
    """One account with its customers; ``day`` is the business date."""

    def __init__(
        self,
        database: Database,
        blobs: Path,
        *,
        smtp_port: int,
        day: date = MONDAY,
        kill_at: str = "",
    ) -> None:
        self.database = database
        self.day = day
        self.archive = Archive(LocalBlobStore(blobs), now)
        self.queue = JobQueue(database)
        self.mail = MailSettings(
            host="127.0.0.1" if smtp_port else "",
            port=smtp_port or 25,
            security="none",
            sender=SENDER,
            timeout_s=60,
        )
        self.peppol = PeppolStandIn(self.queue)
        self.parts = Parts(
            database=database,
            archive=self.archive,
            queue=self.queue,
            links=PaymentLinks(
                public_url="https://pay.lumen.example",
                link_days=30,
                vault=Vault([bytes(32)]),
                now=now,
            ),
            network=self.peppol,
            mailer=SmtpMailer(self.mail),
            mail=self.mail,
            today=lambda: self.day,
            now=now,
            faults=Faults(FaultSettings(kill_at=kill_at)),
        )
        self.dunning = service_of(self.parts)
        self.ledger = Ledger(followers=(Settlement(queue=self.queue),))
        registry = Registry()
        register(registry, self.parts, run_at="07:00", zone=ZONE)
        self.worker = Worker(
            database=database,
            queue=self.queue,
            registry=registry,
            settings=JobSettings(poll_s=0.05),
        )
        self.tenant_id = UUID(int=0)
        self._count = itertools.count(1)

    async def open(self) -> None:
        """Found the account and seed the policies."""
        tenant = Tenant(slug=f"t{new_id().hex[:12]}", name="Atelier Lumen", created_at=now())
        async with self.database.write() as session:
            session.add(tenant)
            await seed_policies(session, read_seed(None), at=now())
        self.tenant_id = tenant.id

    @property
    def caller(self) -> Principal:
        return Principal(self.tenant_id, "camille@lumen.example", CallerKind.USER, SCOPES)

    async def customer(
        self, name: str = "Koper NV", *, email: str | None = "accounts@koper.example"
    ) -> Customer:
        number = f"0{next(self._count):09}"
        customer = Customer(
            tenant_id=self.tenant_id,
            participant=f"iso6523-actorid-upis::0208:{number}",
            name=name,
            country="BE",
            email=email,
            locale="nl_BE",
            created_at=now(),
        )
        async with self.database.write() as session:
            session.add(customer)
        return customer

    async def invoice(
        self,
        customer: Customer,
        *,
        amount: int = 125_000,
        due: date | None = None,
        delivered: bool = True,
        content: bytes | None = None,
    ) -> ItemRow:
        """An invoice that was delivered and is due ten days before the business date."""
        due = due or self.day - timedelta(days=10)
        issued = due - timedelta(days=30)
        number = f"F2026-{next(self._count):04}"
        document = await self._document(customer, number, issued, delivered, content)
        row = ItemRow(
            tenant_id=self.tenant_id,
            customer_id=customer.id,
            document_id=document.id,
            kind=ItemKind.INVOICE,
            number=number,
            currency="EUR",
            original_minor=0,
            opened_on=issued,
            open_minor=0,
            reference="RF29F2026001",
            payee_name="Atelier Lumen SAS",
            payee_iban="FR7630006000011234567890189",
            created_at=now(),
        )
        opening = self._entry(EntryKind.INVOICED, amount, on=issued, due=due)
        async with self.database.write() as session:
            return await self.ledger.open_item(session, row, opening)

    async def credit(self, customer: Customer, amount: int) -> ItemRow:
        """A credit note nobody has set against anything yet."""
        row = ItemRow(
            tenant_id=self.tenant_id,
            customer_id=customer.id,
            kind=ItemKind.CREDIT_NOTE,
            number=f"A2026-{next(self._count):04}",
            currency="EUR",
            original_minor=0,
            opened_on=self.day,
            open_minor=0,
            created_at=now(),
        )
        opening = self._entry(EntryKind.CREDIT_NOTE_ISSUED, amount, on=self.day)
        async with self.database.write() as session:
            return await self.ledger.open_item(session, row, opening)

    async def _document(
        self,
        customer: Customer,
        number: str,
        issued: date,
        delivered: bool,
        content: bytes | None,
    ) -> Document:
        debtor = customer.participant.rpartition(":")[2]
        xml = INVOICE.format(number=number, issued=issued, debtor=debtor, name=customer.name)
        stored = await self.archive.keep(
            content if content is not None else xml.encode(),
            purpose="document",
            media_type="application/xml",
            tenant_id=self.tenant_id,
        )
        document = Document(
            tenant_id=self.tenant_id,
            direction=Direction.OUT,
            kind=DocumentKind.INVOICE,
            number=number,
            sender=SELLER,
            sender_name="Atelier Lumen SAS",
            receiver=customer.participant,
            receiver_name=customer.name,
            document_type="invoice",
            process="billing",
            sbdh_id=str(new_id()),
            content_id=stored.id,
            transport=TransportState.DELIVERED if delivered else TransportState.ACCEPTED,
            network=NetworkState.NONE,
            business=BusinessState.UNANSWERED,
            payment=PaymentState.NONE,
            created_at=now(),
            updated_at=now(),
        )
        async with self.database.write() as session:
            session.add(stored)
            await session.flush()
            session.add(document)
        return document

    def _entry(
        self,
        kind: EntryKind,
        amount: int | None,
        *,
        on: date | None = None,
        due: date | None = None,
        dispute: str = "",
    ) -> Entry:
        return Entry(
            kind=kind,
            currency="EUR",
            business_date=on or self.day,
            recorded_at=datetime.now(UTC),
            source=Source("test", str(new_id())),
            amount=amount,
            due_date=due,
            dispute=dispute,
        )

    async def book(
        self, item: ItemRow, kind: EntryKind, amount: int | None = None, *, dispute: str = ""
    ) -> None:
        entry = self._entry(kind, amount, dispute=dispute)
        async with self.database.write() as session:
            await self.ledger.book(session, item.id, entry)

    async def pay(self, item: ItemRow, amount: int | None = None) -> None:
        await self.book(item, EntryKind.PAYMENT_ALLOCATED, amount or item.open_minor)

    async def hold(
        self,
        customer: Customer,
        reason: HoldReason = HoldReason.PAUSED,
        *,
        item: ItemRow | None = None,
    ) -> Callable[[], Any]:
        """Place a hold; the result lifts it from today on."""
        async with self.database.write() as session:
            hold = await place_hold(
                session,
                tenant_id=self.tenant_id,
                customer_id=customer.id,
                reason=reason,
                since=self.day,
                item_id=item.id if item else None,
                actor="test",
                at=now(),
            )

        async def lift() -> None:
            async with self.database.write() as session:
                session.add(hold)
                await lift_hold(session, hold, on=self.day, at=now())

        return lift

    async def plan(self) -> None:
        """Ask for a run of every account, as the clock does."""
        async with self.database.write() as session:
            await self.queue.enqueue(session, kind=RUN, payload={})

    async def work(self) -> None:
        """Do everything that is due now."""
        await self.worker.run_due()

    async def run(self) -> None:
        await self.plan()
        await self.work()

    async def later(self) -> None:
        """Let the waits of jobs that failed be over."""
        async with self.database.write() as session:
            await session.exec(
                update(Job).where(col(Job.state) == JobState.READY).values(run_at=now())
            )
        await self.work()

    async def rows(self, table: Any, *where: Any) -> Sequence[Any]:
        async with self.database.read() as session:
            found = await session.exec(select(table).where(*where).order_by(col(table.id)))
            return found.all()

    async def rows_of(self, table: Any) -> Sequence[Any]:
        async with self.database.read() as session:
            return (await session.exec(select(table))).all()

    async def lines(self) -> Sequence[ReminderLine]:
        return await self.rows_of(ReminderLine)

    async def plan_customer(self, customer: Customer) -> None:
        """Plan one customer, and leave the sending for later."""
        planner = Planner(
            database=self.database,
            queue=self.queue,
            today=lambda: self.day,
            now=now,
        )
        await planner.plan_customer(self.tenant_id, customer.id)

    async def reminders(self) -> Sequence[Reminder]:
        return await self.rows(Reminder, Reminder.tenant_id == self.tenant_id)

    async def reminder(self) -> Reminder:
        (one,) = await self.reminders()
        return one

    async def mails(self) -> Sequence[OutgoingMail]:
        return await self.rows(OutgoingMail, OutgoingMail.tenant_id == self.tenant_id)

    async def told(self, item: ItemRow) -> list[str]:
        """What the payment history of an item's invoice says of reminders."""
        events = await self.rows(Event, Event.document_id == item.document_id)
        return [one.kind for one in events if one.kind.startswith("reminder.")]
