"""A creditor's console with a bank, a mail server and customers of every kind behind it.

Rows are made by the product's own ledger, desks and jobs. Shared by the tests of the pages and
by those in a browser.
"""

import re
import sys
from dataclasses import dataclass, field
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1] / "dunning"))

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient
from dunning_office import Office

from gateway.access.directory import Directory
from gateway.access.roles import Role
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.app import all_routes
from gateway.core import clock, health
from gateway.core.app_keys import DATABASE
from gateway.core.business_date import BusinessDates
from gateway.core.clock import BusinessClock, now
from gateway.core.database import Database
from gateway.core.faults import Faults
from gateway.core.http import Route
from gateway.core.settings import FaultSettings, HttpSettings, Settings, Stage
from gateway.dunning import pages as dunning_pages
from gateway.dunning.keys import DUNNING
from gateway.dunning.pages_view import Tab
from gateway.dunning.states import MailPurpose, MailState
from gateway.dunning.tables import OutgoingMail, Reminder
from gateway.exchange.keys import ARCHIVE
from gateway.receivables import pages as receivables_pages
from gateway.receivables.bank_api import BANK_DESK
from gateway.receivables.bank_messages import BankDesk
from gateway.receivables.desk import Receivables
from gateway.receivables.keys import BUSINESS, RECEIVABLES
from gateway.receivables.pages_bank_view import Tab as BankTab
from gateway.receivables.tables import (
    BankOrigin,
    BankPayment,
    Customer,
    ItemRow,
)
from gateway.web import render
from gateway.web.business_date import BUSINESS_DATES
from gateway.web.server import build
from reminders.entries import EntryKind

PASSWORD = "correct horse battery"
ZONE = ZoneInfo("Europe/Brussels")
IBAN = "FR7630006000011234567890189"

STATEMENT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>{message}</MsgId><CreDtTm>{day}T18:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>{message}</Id><Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">0.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">0.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>
{entries}</Stmt></BkToCstmrStmt></Document>"""
ENTRY = """<Ntry><NtryRef>{reference}</NtryRef><Amt Ccy="EUR">{amount}</Amt>
<CdtDbtInd>{direction}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>{servicer}
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>
<RltdPties><Dbtr><Pty><Nm>{payer}</Nm></Pty></Dbtr>
<DbtrAcct><Id><IBAN>{payer_iban}</IBAN></Id></DbtrAcct></RltdPties>
<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""


@dataclass(frozen=True)
class Money:
    """One movement as the bank tells it."""

    amount: str
    payer: str
    text: str
    payer_iban: str = "BE71096123456769"
    direction: str = "CRDT"
    servicer: str = ""


def statement(message: str, day: date, *entries: Money) -> bytes:
    """A camt.053 with these movements."""
    told = "".join(
        ENTRY.format(
            reference=f"{message}-{number}",
            amount=one.amount,
            direction=one.direction,
            day=day,
            payer=one.payer,
            payer_iban=one.payer_iban,
            text=one.text,
            servicer=f"<AcctSvcrRef>{one.servicer}</AcctSvcrRef>" if one.servicer else "",
        )
        for number, one in enumerate(entries, start=1)
    )
    return STATEMENT.format(message=message, day=day, iban=IBAN, entries=told).encode()


@dataclass
class House:
    """A console over an account; people of every role sign in with ``<role>@alpha.example``."""

    app: web.Application
    office: Office
    desk: BankDesk
    access: Access
    business: BusinessClock
    customers: dict[str, Customer] = field(default_factory=dict)
    items: dict[str, ItemRow] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return self.office.day

    async def owing(self, name: str, *amounts: tuple[int, int], **customer: Any) -> list[ItemRow]:
        """A customer with items: amount in cents, days late (below zero: not due)."""
        met = self.customers.get(name) or await self.office.customer(name, **customer)
        self.customers[name] = met
        made = []
        for amount, late in amounts:
            due = self.today - timedelta(days=late)
            row = await self.office.invoice(met, amount=amount, due=due)
            self.items[row.number] = row
            made.append(row)
        return made

    async def bring(self, content: bytes, name: str = "statement.xml") -> None:
        await self.desk.take(
            self.office.tenant_id, content, origin=BankOrigin.UPLOAD, file_name=name
        )

    async def furnish(self) -> None:
        """Customers and items of every kind, and a day of the bank."""
        late = await self.owing("Café du Pont SPRL", (42_000, 12), (118_050, 45), (9_900, -20))
        await self.owing("Vuurtoren Brouwerij NV", (1_250_000, 4), (88_000, -3))
        disputed = await self.owing("Hôtel des Ardennes SA", (310_000, 72), (64_075, 8))
        await self.owing("Bäckerei Sonnenschein GmbH", (22_500, 131))
        paused = await self.owing("De Gouden Leeuw BV", (540_000, 33))
        announced = await self.owing("Librairie Saint-Hubert", (7_550, 6))
        partly = await self.owing("Meubelen Van Damme BV", (96_000, -12))
        paid = await self.owing("Imprimerie Lambert", (31_000, 20))
        await self.owing("Zonder Adres VOF", (15_000, 3), email=None)
        book = self.office.book
        await book(disputed[0], EntryKind.DISPUTE_OPENED, dispute="d1")
        await book(announced[0], EntryKind.PAYMENT_ANNOUNCED)
        await book(partly[0], EntryKind.PAYMENT_ALLOCATED, 40_000)
        await book(paid[0], EntryKind.PAYMENT_ALLOCATED, 31_000)
        await self.office.credit(self.customers["Café du Pont SPRL"], 5_000)
        await self.office.hold(self.customers["De Gouden Leeuw BV"])
        self.items["paused"], self.items["late"] = paused[0], late[0]
        self.items["disputed"] = disputed[0]

    async def bank_day(self) -> None:
        """A statement with payments that are certain, likely, doubtful and nobody's."""
        late = self.items["late"]
        other = next(one for one in self.items.values() if one.open_minor == 118_050)
        named = Money("150.00", "ZONDER ADRES", "deel van factuur")
        await self.bring(
            statement(
                "STMT-1",
                self.today,
                Money("420.00", "CAFE DU PONT", f"Facture {late.number}", servicer="A1"),
                Money("1000.00", "Café du Pont SPRL", f"acompte {other.number}", servicer="A2"),
                Money("150.00", "Zonder Adres VOF", "merci", "NL91ABNA0417164300", servicer="A3"),
                Money("77.70", "Onbekend", "bedankt!", "DE89370400440532013000", servicer="A4"),
                named,
            ),
            "releve-2026-09-14.xml",
        )
        await self.bring(statement("STMT-2", self.today, named), "releve-2026-09-14-b.xml")
        await self.bring(b"<Document xmlns='urn:x'/>", "facture.xml")


async def open_house(database: Database, folder: Path, *, smtp_port: int = 0) -> House:
    """Found an account with people, and a console that is not served yet."""
    office = Office(database, folder / "blobs", smtp_port=smtp_port)
    await office.open()
    access = Access(database=database, now=clock.now)
    for role in Role:
        await access.create_user(
            tenant_id=office.tenant_id,
            email=f"{role}@alpha.example",
            password=PASSWORD,
            role=role,
        )
    pages = {(one.method, one.path): one for one in _routes()}
    app = build(
        settings=Settings(data_dir=folder, http=HttpSettings()),
        routes=tuple(pages.values()),
        access=access,
        sessions=Sessions(database=database, now=clock.now),
    )
    business = BusinessClock(zone=ZONE)
    business.moved_by = office.day - business.today()
    desk = BankDesk(
        database=database,
        archive=office.archive,
        ledger=office.ledger,
        issued_ids=_no_ids,
        arrivals=(),
        zone=ZONE,
        now=clock.now,
        today=business.today,
        faults=Faults(FaultSettings()),
    )
    app[health.HEALTH] = health.Health([])
    app[BUSINESS_DATES] = BusinessDates(database=database, clock=business, stage=Stage.TEST)
    app[DATABASE], app[ARCHIVE], app[BUSINESS] = database, office.archive, business
    app[BANK_DESK], app[DUNNING] = desk, office.dunning
    app[RECEIVABLES] = Receivables(
        database=database, ledger=office.ledger, today=business.today, now=clock.now
    )
    render.install(app, directory=Directory(database), zone=ZONE, now=clock.now)
    return House(app, office, desk, access, business)


def _routes() -> tuple[Route, ...]:
    return (*all_routes(), *receivables_pages.ROUTES, *dunning_pages.ROUTES)


async def _no_ids(*_asked: Any) -> dict[str, Any]:
    """No payment link was ever issued here."""
    return {}


@dataclass
class Visit:
    """A browser at the house."""

    house: House
    client: TestClient[Any, Any]

    async def sign_in(self, email: str = "owner@alpha.example") -> None:
        answer = await self.post("/sign-in", email=email, password=PASSWORD)
        assert answer.status == 303, await answer.text()

    async def post(self, path: str, **fields: Any) -> aiohttp.ClientResponse:
        return await self.client.post(
            path, data=fields, headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False
        )

    async def send(self, path: str, **fields: Any) -> aiohttp.ClientResponse:
        """Post with the secret of the page."""
        found = re.search(r'name="csrf" value="([^"]+)"', await self.page("/receivables"))
        assert found is not None
        return await self.post(path, csrf=found[1], **fields)

    async def page(self, path: str, *, status: int = 200) -> str:
        answer = await self.client.get(path, allow_redirects=False)
        text = await answer.text()
        assert answer.status == status, f"{path}: {answer.status} {text[-400:]}"
        return text


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


async def plan(house: House) -> list[Reminder]:
    for customer in house.customers.values():
        await house.office.plan_customer(customer)
    return list(await house.office.reminders())


async def addresses(house: House) -> list[str]:
    """One of every page that shows a row."""
    reminders = await plan(house)
    payments = await house.office.rows(BankPayment)
    items = [one.id for one in house.items.values()]
    return [
        "/receivables",
        "/receivables?on=2026-08-01&sort=customer",
        "/receivables?on=2020-01-01",
        *(f"/receivables/items?state={one}" for one in ("open", "overdue", "disputed", "closed")),
        "/receivables/items?state=all&q=pont",
        "/receivables/items?q=nothing",
        *(f"/items/{one}" for one in items[:3]),
        f"/items/{house.items['disputed'].id}?on=2026-07-01",
        *(f"/customers/{one.id}" for one in house.customers.values()),
        *(f"/reminders?tab={one}" for one in Tab),
        *(f"/reminders/{one.id}?part={part}" for one in reminders[:2] for part in ("mail", "ubl")),
        *(f"/bank?state={one}" for one in BankTab),
        *(f"/bank/payments/{one.id}" for one in payments),
        "/bank/messages",
    ]


async def shaped(visit: Visit, *shapes: dict[str, Any]) -> list[Reminder]:
    """Planned reminders put into states that take long to reach."""
    rows = (await plan(visit.house))[: len(shapes)]
    async with visit.house.office.database.write() as session:
        for row, shape in zip(rows, shapes, strict=True):
            for name, value in shape.items():
                setattr(row, name, value)
            session.add(row)
    return rows


async def mail(visit: Visit, state: MailState) -> OutgoingMail:
    office = visit.house.office
    content = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: Hi\r\n\r\nPlease <pay>.\r\n"
    stored = await office.archive.keep(
        content, purpose="mail", media_type="message/rfc822", tenant_id=office.tenant_id
    )
    row = OutgoingMail(
        tenant_id=office.tenant_id,
        customer_id=visit.house.customers["Café du Pont SPRL"].id,
        purpose=MailPurpose.THANKS,
        source=f"thanks:{stored.id}",
        recipient="c@d.example",
        subject="Hi",
        message_id=f"<{stored.id}@b.example>",
        content_id=stored.id,
        state=state,
        created_at=now(),
    )
    async with office.database.write() as session:
        session.add(stored)
        await session.flush()
        session.add(row)
    return row


async def unknown_money(visit: Visit, amount: str = "100.00") -> BankPayment:
    day = visit.house.today
    await visit.house.bring(statement(f"S-{amount}", day, Money(amount, "Iemand", "hallo")))
    return (await visit.house.office.rows(BankPayment))[-1]
