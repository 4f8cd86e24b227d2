"""A creditor with open items, a provider that answers as told, and the service between them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlmodel import select
from yarl import URL

from gateway.access.directory import Directory
from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import ROLE_SCOPES, Role
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.access.tables import Tenant
from gateway.core import clock
from gateway.core.app_keys import DATABASE
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.settings import HttpSettings, Settings
from gateway.core.vault import Vault
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind, StoredBlob
from gateway.payments import api, keys, pages
from gateway.payments.errors import PROVIDER_DOWN, PROVIDER_REFUSED
from gateway.payments.events import ProviderEvents
from gateway.payments.links import IssuedLink, PaymentLinks
from gateway.payments.paying import Paying
from gateway.payments.ports import Created, ProviderEventValue, ProviderOrder, ProviderReport
from gateway.payments.states import InitiationEvent
from gateway.payments.tables import Initiation
from gateway.payments.throttle import Throttle
from gateway.receivables.ledger import Ledger
from gateway.receivables.tables import Customer, HoldRow, ItemRow
from gateway.web import render, server
from reminders.entries import Entry, EntryKind, ItemKind, Source

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
DUE = date(2026, 10, 20)
IBAN = "NL41MOCK0000000001"
OTHER_IBAN = "BE68539007547034"
PUBLIC_URL = "https://gateway.example"
AUTHORISING = ProviderReport(InitiationEvent.AUTHORISING)


@dataclass
class Clocks:
    """Machine time and business date, moved by tests."""

    at: datetime = NOON
    day: date = date(2026, 11, 2)

    def now(self) -> datetime:
        return self.at

    def today(self) -> date:
        return self.day

    def pass_time(self, **duration: float) -> None:
        self.at += timedelta(**duration)
        self.day = self.at.date()


@dataclass
class ScriptedProvider:
    """A provider in this process: remembers orders, can be down, says what it is told to."""

    name: str = "scripted"
    is_trial: bool = True
    payer_origin: str = "https://bank.example"
    orders: dict[UUID, ProviderOrder] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    word: ProviderReport = AUTHORISING
    down: bool = False
    lose_answers: bool = False
    refuses: bool = False

    async def create(self, order: ProviderOrder) -> Created:
        self._answer("create")
        if self.refuses:
            raise GatewayError(PROVIDER_REFUSED, "no such account")
        known = self.orders.setdefault(order.initiation_id, order)
        assert known == order, "the same key must always mean the same order"
        if self.lose_answers:
            raise GatewayError(PROVIDER_DOWN, "cut")
        return Created(
            provider_id=f"p-{order.initiation_id}",
            authorise_url=f"{self.payer_origin}/authorise/{order.initiation_id}",
            expires_at=order.expires_at,
        )

    async def get(self, provider_id: str) -> ProviderReport:
        self._answer("get")
        return self.word

    async def cancel(self, provider_id: str) -> ProviderReport:
        self._answer("cancel")
        if self.word.event is InitiationEvent.AUTHORISING:
            return ProviderReport(InitiationEvent.EXPIRED)
        return self.word

    def verify(self, headers: Any, body: bytes, *, now: datetime) -> ProviderEventValue:
        event_id, provider_id, word, ours = body.decode().split(" ")
        known = word in set(InitiationEvent)
        return ProviderEventValue(
            event_id=event_id,
            kind=word,
            provider_id=provider_id,
            initiation_id=UUID(ours) if ours != "-" else None,
            report=ProviderReport(InitiationEvent(word)) if known else None,
        )

    def _answer(self, call: str) -> None:
        self.calls.append(call)
        if self.down:
            raise GatewayError(PROVIDER_DOWN, "down")


@dataclass
class Firm:
    """One creditor, one customer, and everything a test does with them."""

    database: Database
    clocks: Clocks
    provider: ScriptedProvider
    links: PaymentLinks
    paying: Paying
    events: ProviderEvents
    tenant: Tenant
    customer: Customer
    ledger: Ledger = field(default_factory=Ledger)

    async def invoice(self, number: str, minor: int, **more: Any) -> ItemRow:
        """An open item that asks for money."""
        kind = more.pop("kind", ItemKind.INVOICE)
        opens = EntryKind.CREDIT_NOTE_ISSUED if kind.is_credit else EntryKind.INVOICED
        fields = {
            "tenant_id": self.tenant.id,
            "customer_id": self.customer.id,
            "currency": "EUR",
            "payee_iban": IBAN,
            "payee_name": "Atelier Dubois",
            **more,
        }
        row = ItemRow(
            kind=kind,
            number=number,
            original_minor=0,
            open_minor=0,
            opened_on=date(2026, 9, 20),
            created_at=NOON,
            **fields,
        )
        due = None if kind.is_credit else DUE
        async with self.database.write() as session:
            return await self.ledger.open_item(
                session, row, self._entry(opens, row, minor, number, due_date=due)
            )

    async def book(self, item: ItemRow, kind: EntryKind, minor: int | None, **more: Any) -> None:
        async with self.database.write() as session:
            source = f"{kind}-{minor}"
            await self.ledger.book(session, item.id, self._entry(kind, item, minor, source, **more))

    def _entry(
        self, kind: EntryKind, row: ItemRow, minor: int | None, source: str, **more: Any
    ) -> Entry:
        return Entry(
            kind=kind,
            currency=row.currency,
            amount=minor,
            business_date=row.opened_on,
            recorded_at=NOON,
            source=Source("test", source),
            **more,
        )

    async def document(self, number: str) -> Document:
        """A delivered invoice document."""
        blob = StoredBlob(
            id=uuid4(),
            purpose="document",
            media_type="application/xml",
            sha256="0" * 64,
            size=1,
            created_at=NOON,
        )
        document = Document(
            tenant_id=self.tenant.id,
            direction=Direction.OUT,
            kind=DocumentKind.INVOICE,
            number=number,
            sender="iso6523-actorid-upis::0208:1",
            receiver="iso6523-actorid-upis::0208:2",
            document_type="t",
            process="p",
            sbdh_id=number,
            content_id=blob.id,
            transport=TransportState.DELIVERED,
            network=NetworkState.NONE,
            business=BusinessState.UNANSWERED,
            payment=PaymentState.NONE,
            created_at=NOON,
            updated_at=NOON,
        )
        async with self.database.write() as session:
            session.add(blob)
            await session.flush()
            session.add(document)
        return document

    async def link(self, *items: ItemRow, locale: str = "en") -> tuple[IssuedLink, str]:
        """A link for these items, and its token."""
        async with self.database.write() as session:
            issued = await self.links.issue(
                session,
                tenant_id=self.tenant.id,
                customer_id=self.customer.id,
                items=[one.id for one in items],
                currency="EUR",
                locale=locale,
            )
        return issued, issued.url.rpartition("/")[2]

    async def start(self, token: str) -> str | None:
        invitation = await self.paying.look(token)
        assert invitation is not None
        return await self.paying.start(invitation.link, token=token)

    async def initiations(self) -> list[Initiation]:
        async with self.database.read() as session:
            return list(await session.exec(select(Initiation).order_by(Initiation.id)))

    async def holds(self) -> list[HoldRow]:
        """The holds in force on the business date."""
        day = self.clocks.today()
        async with self.database.read() as session:
            rows = list(await session.exec(select(HoldRow).order_by(HoldRow.id)))
        return [one for one in rows if one.last_day is None or one.since <= day <= one.last_day]


@pytest.fixture
def public_url() -> str:
    """The address the world knows the gateway by; one on loopback is really listened on."""
    return PUBLIC_URL


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
async def firm(
    database: Database, clocks: Clocks, provider: ScriptedProvider, public_url: str
) -> Firm:
    async with database.write() as session:
        tenant = Tenant(slug="atelier", name="Atelier Dubois", created_at=NOON)
        session.add(tenant)
        await session.flush()
        customer = Customer(
            tenant_id=tenant.id,
            participant="iso6523-actorid-upis::0208:0765432146",
            name="Brasserie du Canal",
            created_at=NOON,
        )
        session.add(customer)
    links = PaymentLinks(
        public_url=public_url, link_days=30, vault=Vault([bytes(32)]), now=clocks.now
    )
    shared = {
        "database": database,
        "provider": provider,
        "now": clocks.now,
        "today": clocks.today,
        "wait": timedelta(days=5),
    }
    return Firm(
        database=database,
        clocks=clocks,
        provider=provider,
        links=links,
        paying=Paying(links=links, patience=timedelta(minutes=15), **shared),
        events=ProviderEvents(**shared),
        tenant=tenant,
        customer=customer,
    )


@dataclass
class Site:
    """The payer's pages and the API over HTTP, as the server serves them."""

    app: web.Application
    client: TestClient[web.Request, web.Application]
    access: Access
    caller: Principal

    async def key(self, *scopes: str) -> dict[str, str]:
        """Headers with a fresh API key."""
        _, text = await self.access.create_api_key(
            self.caller, name="test", scopes=frozenset(scopes)
        )
        return {"Authorization": f"Bearer {text}"}


Sites = Callable[[Firm], Awaitable[Site]]


@pytest.fixture
def new_site(
    aiohttp_client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, public_url: str
) -> Sites:
    """Serve a firm's payment links."""

    async def make(firm: Firm) -> Site:
        packages = dict.fromkeys((*render.PACKAGES, "gateway.payments"))
        monkeypatch.setattr(render, "PACKAGES", tuple(packages))
        access = Access(database=firm.database, now=clock.now)
        app = server.build(
            settings=Settings(data_dir=tmp_path, http=HttpSettings(public_url=public_url)),
            routes=(*api.ROUTES, *pages.ROUTES),
            access=access,
            sessions=Sessions(database=firm.database, now=clock.now),
        )
        render.install(
            app,
            directory=Directory(firm.database),
            zone=ZoneInfo("Europe/Brussels"),
            now=firm.clocks.now,
        )
        app[DATABASE] = firm.database
        app[keys.LINKS], app[keys.PAYING] = firm.links, firm.paying
        app[keys.PROVIDER_EVENTS] = firm.events
        app[keys.PAYER_THROTTLE] = Throttle(burst=30, per_second=0.5, clock=lambda: 0.0)
        caller = Principal(
            tenant_id=firm.tenant.id,
            actor="owner@atelier.example",
            kind=CallerKind.USER,
            scopes=ROLE_SCOPES[Role.OWNER],
        )
        port = URL(public_url).port if "127.0.0.1" in public_url else None
        client = await aiohttp_client(app, server_kwargs={"port": port})
        return Site(app, client, access, caller)

    return make


@pytest.fixture
async def site(firm: Firm, new_site: Sites) -> Site:
    return await new_site(firm)
