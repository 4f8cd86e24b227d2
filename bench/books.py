"""What the money half is measured with: accounts with customers who owe, and the bank's file.

Businesses, people and numbers are invented. An account is opened anew for every round, because
money that is booked and reminders that are planned cannot be taken twice.
"""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID
from xml.sax.saxutils import escape

from stdnum import iban as iban_number

from bench.material import invoice
from gateway.access.tables import Tenant
from gateway.app import Gateway
from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.ids import new_id
from gateway.demo.cast import SELLER
from gateway.exchange.archive import Archive
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind
from gateway.receivables.ledger import Ledger
from gateway.receivables.tables import Customer, ItemRow
from reminders.entries import Entry, EntryKind, ItemKind, Source
from reminders.references import make_rf

__all__ = ["DUE", "TODAY", "Account", "Told", "notification", "open_account", "told_by"]

TODAY: Final = date(2026, 9, 14)
"""The business date of the money half: a Monday, so that every step may be taken."""
ISSUED: Final = date(2026, 8, 5)
DUE: Final = date(2026, 9, 4)
_SYLLABLES: Final = ("ba", "lu", "mer", "ko", "ti", "van", "ro", "sel", "du", "pim", "gra", "oos")
_numbers: Final = itertools.count(1)


class Told(StrEnum):
    """How a payer says what the money is for."""

    REFERENCE = "structured reference"
    NUMBER = "invoice number in the text"
    NOTHING = "payer's name and amount alone"


@dataclass(frozen=True, slots=True)
class Account:
    """An account whose customers owe; ``items`` in the order they were opened."""

    tenant_id: UUID
    customers: tuple[Customer, ...]
    items: tuple[ItemRow, ...]


async def open_account(gateway: Gateway, *, customers: int, items: int) -> Account:
    """An account with so many customers and so many delivered invoices, in turn, all overdue.

    No two invoices are of one amount, so that name and amount tell them apart.
    """
    database = gateway.platform.database
    tenant = await gateway.access.create_tenant(
        slug=f"money-{next(_numbers):04}", name=SELLER.business
    )
    debtors = [_customer(tenant, place) for place in range(customers)]
    stored = await Archive(gateway.platform.blobs, now).keep(
        invoice("money"), purpose="document", media_type="application/xml", tenant_id=tenant.id
    )
    async with database.write() as session:
        session.add(stored)
        session.add_all(debtors)
    rows = await _open(database, debtors, stored.id, count=items)
    return Account(tenant.id, tuple(debtors), tuple(rows))


def _customer(tenant: Tenant, place: int) -> Customer:
    chosen = random.Random(place)
    name = " ".join("".join(chosen.choices(_SYLLABLES, k=3)).capitalize() for _ in range(2))
    return Customer(
        tenant_id=tenant.id,
        participant=f"iso6523-actorid-upis::0208:{place:010}",
        name=f"{name} NV",
        country="BE",
        email=f"books-{place}@payer.example",
        locale="nl_BE",
        created_at=now(),
    )


async def _open(
    database: Database, customers: Sequence[Customer], content_id: UUID, *, count: int
) -> list[ItemRow]:
    ledger, rows = Ledger(), []
    async with database.write() as session:
        for place in range(count):
            customer = customers[place % len(customers)]
            document = _document(customer, f"V2026-{place:05}", content_id)
            session.add(document)
            await session.flush()
            row = _item(customer, document, place)
            opening = Entry(
                kind=EntryKind.INVOICED,
                currency="EUR",
                amount=_amount(place),
                business_date=ISSUED,
                recorded_at=now(),
                source=Source("benchmark", row.number),
                due_date=DUE,
            )
            rows.append(await ledger.open_item(session, row, opening))
    return rows


def _amount(place: int) -> int:
    return 10_000 + 37 * place


def _document(customer: Customer, number: str, content_id: UUID) -> Document:
    return Document(
        tenant_id=customer.tenant_id,
        direction=Direction.OUT,
        kind=DocumentKind.INVOICE,
        number=number,
        sender=str(SELLER.participant),
        sender_name=SELLER.business,
        receiver=customer.participant,
        receiver_name=customer.name,
        document_type="invoice",
        process="billing",
        sbdh_id=str(new_id()),
        content_id=content_id,
        transport=TransportState.DELIVERED,
        network=NetworkState.NONE,
        business=BusinessState.UNANSWERED,
        payment=PaymentState.NONE,
        created_at=now(),
        updated_at=now(),
    )


def _item(customer: Customer, document: Document, place: int) -> ItemRow:
    return ItemRow(
        tenant_id=customer.tenant_id,
        customer_id=customer.id,
        document_id=document.id,
        kind=ItemKind.INVOICE,
        number=document.number,
        currency="EUR",
        original_minor=0,
        opened_on=ISSUED,
        open_minor=0,
        reference=make_rf(f"V{place:05}"),
        payee_name=SELLER.business,
        payee_iban=SELLER.account,
        created_at=now(),
    )


def told_by(place: int) -> Told:
    """How the payment at that place of a file says what it is for: each way in turn."""
    ways = tuple(Told)
    return ways[place % len(ways)]


def notification(account: Account, *, payments: int) -> bytes:
    """A camt.054 with so many credits, each the whole of one of the account's items."""
    payers = {one.id: (one.name, _iban(place)) for place, one in enumerate(account.customers)}
    # Customer and way of telling both go in turn; the order is drawn so that they mix.
    paid = random.Random(payments).sample(account.items, payments)
    entries = "".join(
        _entry(row, payers[row.customer_id], place, told_by(place))
        for place, row in enumerate(paid)
    )
    stamp = f"<CreDtTm>{TODAY}T06:00:00+02:00</CreDtTm>"
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">'
        f"<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>{account.tenant_id.hex}</MsgId>{stamp}</GrpHdr>"
        f"<Ntfctn><Id>{account.tenant_id.hex}</Id>{stamp}"
        f"<Acct><Id><IBAN>{SELLER.account}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{entries}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
    )
    return text.encode()


def _iban(place: int) -> str:
    """A Belgian account (IBAN) with both its check numbers right."""
    number = 5390000000 + place
    within = f"{number}{number % 97 or 97:02}"
    return f"BE{iban_number.calc_check_digits('BE00' + within)}{within}"


def _entry(row: ItemRow, payer: tuple[str, str], place: int, told: Told) -> str:
    name, account = payer
    amount = f"{row.open_minor // 100}.{row.open_minor % 100:02}"
    remittance = {
        Told.REFERENCE: (
            "<Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp>"
            f"<Ref>{row.reference}</Ref></CdtrRefInf></Strd>"
        ),
        Told.NUMBER: f"<Ustrd>betaling factuur {row.number} met dank</Ustrd>",
        Told.NOTHING: "<Ustrd>met dank</Ustrd>",
    }[told]
    return (
        f"<Ntry><NtryRef>{place + 1}</NtryRef>"
        f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{TODAY}</Dt></BookgDt><ValDt><Dt>{TODAY}</Dt></ValDt>"
        f"<AcctSvcrRef>B{place + 1:08}</AcctSvcrRef>"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>"
        "</BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
        f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        f"<RltdPties><Dbtr><Pty><Nm>{escape(name)}</Nm></Pty></Dbtr>"
        f"<DbtrAcct><Id><IBAN>{account}</IBAN></Id></DbtrAcct></RltdPties>"
        f"<RmtInf>{remittance}</RmtInf></TxDtls></NtryDtls></Ntry>"
    )
