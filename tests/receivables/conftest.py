"""A desk for bank messages over a real database and blobs, and a bank that writes camt files."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace
from uuid import UUID
from xml.sax.saxutils import escape

import pytest
from sqlmodel import col, select

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.access.tables import Tenant
from gateway.core.blobs import LocalBlobStore
from gateway.core.faults import Faults
from gateway.core.settings import FaultSettings
from gateway.exchange.archive import Archive
from gateway.receivables.bank_messages import BankDesk
from gateway.receivables.ledger import Ledger, load_items
from gateway.receivables.tables import (
    BankOrigin,
    BankPayment,
    Customer,
    CustomerAccount,
    EntryRow,
    ItemRow,
)
from reminders.entries import Entry, EntryKind, ItemKind, Source
from reminders.ledger import state_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = date(2026, 6, 30)
OURS = "BE71096123456769"

OPENINGS = {
    ItemKind.INVOICE: EntryKind.INVOICED,
    ItemKind.CREDIT_NOTE: EntryKind.CREDIT_NOTE_ISSUED,
}


def camt_entry(
    cents,
    *,
    ref="",
    bank_ref="",
    sign="CRDT",
    e2e="",
    name="",
    iban="",
    lines=(),
    structured="",
    returned="",
    day="2026-03-02",
    currency="EUR",
):
    """One entry of an account message with one transaction."""
    party = "Dbtr" if sign == "CRDT" else "Cdtr"
    remittance = "".join(f"<Ustrd>{escape(one)}</Ustrd>" for one in lines)
    if structured:
        remittance += (
            "<Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp>"
            f"<Ref>{structured}</Ref></CdtrRefInf></Strd>"
        )
    parties = f"<{party}><Pty><Nm>{escape(name)}</Nm></Pty></{party}>" if name else ""
    if iban:
        parties += f"<{party}Acct><Id><IBAN>{iban}</IBAN></Id></{party}Acct>"
    return (
        "<Ntry>"
        + (f"<NtryRef>{ref}</NtryRef>" if ref else "")
        + f'<Amt Ccy="{currency}">{cents // 100}.{cents % 100:02d}</Amt>'
        f"<CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>"
        + (f"<AcctSvcrRef>{bank_ref}</AcctSvcrRef>" if bank_ref else "")
        + "<NtryDtls><TxDtls>"
        + (f"<Refs><EndToEndId>{e2e}</EndToEndId></Refs>" if e2e else "")
        + (f"<RltdPties>{parties}</RltdPties>" if parties else "")
        + (f"<RmtInf>{remittance}</RmtInf>" if remittance else "")
        + (f"<RtrInf><Rsn><Cd>{returned}</Cd></Rsn></RtrInf>" if returned else "")
        + "</TxDtls></NtryDtls></Ntry>"
    )


def camt_message(kind, identification, entries, *, account=OURS, currency="EUR"):
    """A whole message: ``053`` a statement, ``054`` a notification."""
    body, block = {
        "052": ("BkToCstmrAcctRpt", "Rpt"),
        "053": ("BkToCstmrStmt", "Stmt"),
        "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    }[kind]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.08"><{body}>'
        f"<GrpHdr><MsgId>M-{identification}</MsgId><CreDtTm>2026-03-02T20:00:00</CreDtTm></GrpHdr>"
        f"<{block}><Id>{identification}</Id><CreDtTm>2026-03-02T20:00:00</CreDtTm>"
        f"<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>{currency}</Ccy></Acct>"
        + "".join(entries)
        + f"</{block}></{body}></Document>"
    ).encode()


class Links:
    """End-to-end identifications we gave out, and those whose money has arrived."""

    def __init__(self):
        self.issued: dict[str, tuple[UUID, ...]] = {}
        self.came: list[str] = []

    async def __call__(self, session, tenant_id, ids):
        return {one: self.issued[one] for one in ids if one in self.issued}

    async def arrived(self, session, tenant_id, end_to_end_id, at):
        self.came.append(end_to_end_id)


@dataclass
class BankHouse:
    """One account with its desk; ``today`` is the business date."""

    database: object
    desk: BankDesk
    archive: Archive
    ledger: Ledger
    links: Links
    tenant: Tenant
    caller: Principal
    day: SimpleNamespace
    make_desk: Callable[..., BankDesk]
    counter: itertools.count = field(default_factory=itertools.count)

    async def customer(self, name="Boulangerie Martin SARL", iban=None, tenant=None):
        tenant_id = tenant or self.tenant.id
        async with self.database.write() as session:
            row = Customer(
                tenant_id=tenant_id,
                participant=f"iso6523-actorid-upis::0208:{next(self.counter):010d}",
                name=name,
                created_at=NOON,
            )
            session.add(row)
            await session.flush()
            if iban:
                session.add(
                    CustomerAccount(
                        customer_id=row.id, iban=iban, tenant_id=tenant_id, learnt_at=NOON
                    )
                )
        return row

    async def item(
        self,
        customer,
        number,
        cents,
        *,
        kind=ItemKind.INVOICE,
        on=date(2026, 2, 1),
        due=date(2026, 3, 1),
        currency="EUR",
        reference=None,
        document_id=None,
    ):
        row = ItemRow(
            tenant_id=customer.tenant_id,
            customer_id=customer.id,
            document_id=document_id,
            kind=kind,
            number=number,
            currency=currency,
            original_minor=0,
            open_minor=0,
            opened_on=on,
            reference=reference,
            created_at=NOON,
        )
        async with self.database.write() as session:
            await self.ledger.open_item(
                session,
                row,
                Entry(
                    kind=OPENINGS[kind],
                    currency=currency,
                    amount=cents,
                    business_date=on,
                    recorded_at=NOON,
                    source=Source("document", number),
                    due_date=due if kind is ItemKind.INVOICE else None,
                ),
            )
        return row

    async def take(self, content, *, desk=None, **more):
        more.setdefault("origin", BankOrigin.UPLOAD)
        return await (desk or self.desk).take(self.tenant.id, content, **more)

    async def customers(self):
        """Every customer of the account."""
        async with self.database.read() as session:
            found = await session.exec(select(Customer).where(Customer.tenant_id == self.tenant.id))
            return list(found)

    async def rows(self):
        """Every payment taken in, oldest first."""
        async with self.database.read() as session:
            found = await session.exec(select(BankPayment).order_by(col(BankPayment.created_at)))
            return list(found)

    async def open(self):
        """What is open of each item, by its number."""
        async with self.database.read() as session:
            found = await session.exec(select(ItemRow).where(ItemRow.tenant_id == self.tenant.id))
            return {
                ("credit" if row.kind is ItemKind.UNAPPLIED_PAYMENT else row.number): row.open_minor
                for row in found
            }

    async def entries(self, item):
        """The entries of an item after its opening: kind, amount, day."""
        async with self.database.read() as session:
            found = await session.exec(
                select(EntryRow)
                .where(EntryRow.item_id == item.id, EntryRow.position > 1)
                .order_by(col(EntryRow.position))
            )
            return [(str(one.kind), one.amount_minor, one.business_date) for one in found]

    async def audit_books(self):
        """Every figure kept on a row is what its entries come to, and no entry is there twice."""
        async with self.database.read() as session:
            rows = list(await session.exec(select(ItemRow)))
            items = await load_items(session, rows)
            for row in rows:
                state = state_of(items[row.id], date.max)
                assert (row.open_minor, row.closed_on) == (state.open, state.closed_on)


async def open_house(database, folder, slug):
    async with database.write() as session:
        tenant = Tenant(slug=slug, name=slug.title(), created_at=NOON)
        session.add(tenant)
    links, ledger = Links(), Ledger()
    day = SimpleNamespace(today=TODAY)
    archive = Archive(LocalBlobStore(folder), lambda: datetime.now(UTC))

    def make_desk(**more):
        parts = {
            "database": database,
            "archive": archive,
            "ledger": ledger,
            "issued_ids": links,
            "arrivals": [links],
            "zone": UTC,
            "now": lambda: datetime.now(UTC),
            "today": lambda: day.today,
            "faults": Faults(FaultSettings()),
        }
        return BankDesk(**{**parts, **more})

    return BankHouse(
        database=database,
        desk=make_desk(),
        archive=archive,
        ledger=ledger,
        links=links,
        tenant=tenant,
        caller=Principal(tenant.id, "ada@acme.example", CallerKind.USER, frozenset(SCOPES)),
        day=day,
        make_desk=make_desk,
    )


@pytest.fixture
def bank_houses(database, tmp_path):
    """Open further accounts in the same database."""
    return lambda slug: open_house(database, tmp_path / f"blobs-{slug}", slug)


@pytest.fixture
async def bank_house(bank_houses):
    """One account with its desk."""
    return await bank_houses("acme")


@pytest.fixture(scope="session")
def camt():
    """How a bank writes: ``camt.entry`` and ``camt.message``."""
    return SimpleNamespace(entry=camt_entry, message=camt_message)
