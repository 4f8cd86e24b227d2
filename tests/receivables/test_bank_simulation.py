"""Ninety days of two hundred invoices at a bank in a process of its own: books and bank agree.

The town keeps its own record of who paid what, and never asks the matcher. A scripted person
decides what waits. Everything follows from the seed.
"""

import hashlib
import itertools
import json
import random
import sys
import urllib.request
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

# Tests are no packages here: the module of the processes is found by its folder.
sys.path.insert(0, str(Path(__file__).parents[1] / "demo"))

from peer_processes import mock_bank

from gateway.receivables.bank_decisions import Accept, Allocate, SetAside, Unapplied
from gateway.receivables.bank_queries import QUEUE
from gateway.receivables.bank_rows import proposals_of
from gateway.receivables.tables import (
    BankMessageState,
    BankOrigin,
    BankPayment,
    BankPaymentState,
    EntryRow,
    ItemRow,
)
from reminders.bank import Direction, MessageKind
from reminders.camt import read
from reminders.entries import ItemKind
from reminders.references import make_ogm, make_rf, print_ogm
from ubl.amounts import to_minor

pytestmark = pytest.mark.endurance
START = date(2026, 3, 2)
CUSTOMERS = 20
OURS = "NL41MOCK0000000001"
IBANS = ("FR1420041010050500013M02606", "BE68539007547034", "DE89370400440532013000")
WAYS = ["reference", "number", "number", "sum", "part", "link", "debit", "debit", "name", "mute"]

DEBIT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"><CstmrDrctDbtInitn>
<GrpHdr><MsgId>{id}</MsgId><CreDtTm>{day}T09:00:00</CreDtTm><NbOfTxs>1</NbOfTxs>
<CtrlSum>{amount}</CtrlSum><InitgPty><Nm>ACME Corporation</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>{id}</PmtInfId><PmtMtd>DD</PmtMtd><NbOfTxs>1</NbOfTxs><CtrlSum>{amount}</CtrlSum>
<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>CORE</Cd></LclInstrm><SeqTp>OOFF</SeqTp>
</PmtTpInf><ReqdColltnDt>{due}</ReqdColltnDt><Cdtr><Nm>ACME Corporation</Nm></Cdtr>
<CdtrAcct><Id><IBAN>NL41MOCK0000000001</IBAN></Id></CdtrAcct>
<CdtrAgt><FinInstnId><BICFI>MOCKNL2A</BICFI></FinInstnId></CdtrAgt>
<CdtrSchmeId><Id><PrvtId><Othr><Id>NL00ZZZ000000000000</Id><SchmeNm><Prtry>SEPA</Prtry></SchmeNm>
</Othr></PrvtId></Id></CdtrSchmeId><DrctDbtTxInf><PmtId><EndToEndId>{id}</EndToEndId></PmtId>
<InstdAmt Ccy="EUR">{amount}</InstdAmt><DrctDbtTx><MndtRltdInf><MndtId>M-{id}</MndtId>
<DtOfSgntr>2026-01-05</DtOfSgntr></MndtRltdInf></DrctDbtTx>
<DbtrAgt><FinInstnId><BICFI>GKCCBEBB</BICFI></FinInstnId></DbtrAgt><Dbtr><Nm>{name}</Nm></Dbtr>
<DbtrAcct><Id><IBAN>BE68539007547034</IBAN></Id></DbtrAcct></DrctDbtTxInf></PmtInf>
</CstmrDrctDbtInitn></Document>"""


class Bank:
    """The bank's control plane and mailbox."""

    def __init__(self, url):
        self.url = url

    def ask(self, method, path, body=b""):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data or None, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def collect(self):
        """Everything waiting that speaks of our account, oldest first."""
        letters = self.ask("GET", "/_mock/mailbox?type=camt.")
        bodies = [letter["body"].encode() for letter in letters]
        return [body for body in bodies if OURS.encode() in body]


@contextmanager
def open_bank():
    with mock_bank(START.isoformat()) as url:
        yield Bank(url)


@dataclass
class Bill:
    """An invoice as the town knows it, and how it will be paid."""

    row: ItemRow
    customer: object
    cents: int
    pay_on: date
    way: str
    reference: str | None


@dataclass
class Intent:
    """What a payer meant, by bill number; nobody's money has no customer."""

    customer: object | None
    shares: dict[str, int] = field(default_factory=dict)


class Town:
    """Customers who pay in their own ways, and the one person at the firm."""

    def __init__(self, seed, house, bank, *, days, invoices):
        self.random = random.Random(seed)
        self.per_day, self.invoices = invoices / (days * 2 // 3), invoices
        self.house, self.bank = house, bank
        self.today = START
        self.customers = []
        self.bills: dict[str, Bill] = {}
        self.planned = defaultdict(list)
        self.meant: dict[int, Intent] = {}
        self.paid = Counter()
        self.owed = Counter()
        self.foreign = 0
        self.files, self.held_back = [], []
        self.figures = Counter()
        self.numbers = itertools.count(1)

    async def settle_in(self):
        for number in range(CUSTOMERS):
            iban = IBANS[number] if number < len(IBANS) else None
            name = f"Maison {'Abcdefghijklmnopqrst'[number] * 5}on SARL"
            self.customers.append(await self.house.customer(name, iban=iban))

    def amount(self):
        while (cents := self.random.randint(2_000, 500_000)) in self.meant:
            pass
        self.meant[cents] = Intent(None)
        return cents

    async def bill(self):
        number = f"F-2026-{next(self.numbers):04d}"
        customer = self.random.choice(self.customers)
        cents, way = self.amount(), self.random.choice(WAYS)
        reference = None
        if way in ("reference", "part"):
            body = f"{len(self.bills) + 1:010d}"
            reference = self.random.choice([make_rf(number), print_ogm(make_ogm(body))])
        due = self.today + timedelta(days=self.random.choice([7, 14]))
        row = await self.house.item(
            customer, number, cents, on=self.today, due=due, reference=reference
        )
        pay_on = max(due + timedelta(days=self.random.randint(-6, 12)), self.today)
        bill = Bill(row, customer, cents, pay_on, way, reference)
        self.bills[number] = bill
        self.owed[customer.id] += cents
        self.meant[cents] = Intent(customer, {number: cents})
        self.planned[pay_on].append(bill)
        if self.random.random() < 0.06:
            await self.credit_note(bill)

    async def credit_note(self, bill):
        number = f"A-2026-{next(self.numbers):04d}"
        cents = self.random.randint(100, bill.cents // 2)
        await self.house.item(
            bill.customer, number, cents, kind=ItemKind.CREDIT_NOTE, on=self.today
        )
        self.owed[bill.customer.id] -= cents
        self.planned[bill.pay_on].remove(bill)
        net = bill.cents - cents
        if net in self.meant:
            return
        shares = {bill.row.number: bill.cents, number: -cents}
        self.meant[net] = Intent(bill.customer, shares)
        note = f"facture {bill.row.number} moins l'avoir numero {number} merci"
        self.planned[bill.pay_on].append((net, bill.customer, {"note": note, "wrap": 35}))

    def transfer(self, cents, customer, **more):
        """Money arrives; the town notes whose it is."""
        if customer is not None:
            more.setdefault("debtor", {"name": customer.name})
            self.paid[customer.id] += cents
        else:
            self.foreign += cents
        self.bank.ask("POST", "/_mock/credits", {"account": "ACME", "amount": cents, **more})
        self.figures["credits"] += 1

    def pay(self, bill):
        number, cents, customer = bill.row.number, bill.cents, bill.customer
        structured = bill.reference if (bill.reference or "").startswith("RF") else None
        note = {"note": f"{bill.reference or ''} merci et a bientot", "wrap": 35}
        quoted = {"reference": structured} if structured else note
        if bill.way == "reference":
            self.transfer(cents, customer, **quoted)
            if self.random.random() < 0.15:
                self.transfer(cents, customer, **quoted)
                self.figures["paid twice"] += 1
        elif bill.way == "part":
            first = self.random.randint(1, cents - 1)
            self.transfer(first, customer, **quoted)
            self.meant.setdefault(first, Intent(customer, {number: first}))
            if self.random.random() < 0.8:
                rest = (cents - first, customer, quoted)
                self.planned[self.today + timedelta(days=5)].append(rest)
            self.figures["part payments"] += 1
        elif bill.way == "link":
            self.house.links.issued[f"LINK{number[-4:]}"] = (bill.row.id,)
            self.transfer(cents, customer, end_to_end_id=f"LINK{number[-4:]}")
        elif bill.way == "debit":
            self.debit(bill)
        elif bill.way == "name":
            self.transfer(cents, customer)
        elif bill.way == "mute":
            self.transfer(cents, customer, debtor={"name": "Kiosque du Centre"})
        elif bill.way == "sum":
            self.pay_with_others(bill)
        else:
            words = f"Reglement de votre facture du mois no {number} avec nos remerciements"
            self.transfer(cents, customer, note=words, wrap=35)

    def pay_with_others(self, bill):
        """Pay two bills of one customer at once, named in one text."""
        others = [
            one
            for day, planned in sorted(self.planned.items())
            if day > self.today
            for one in planned
            if isinstance(one, Bill) and one.customer.id == bill.customer.id and one.way == "number"
        ]
        both = [bill, *others[:1]]
        total = sum(one.cents for one in both)
        if len(both) == 1 or total in self.meant:
            both, total = [bill], bill.cents
        for one in both[1:]:
            self.planned[one.pay_on].remove(one)
        shares = {one.row.number: one.cents for one in both}
        self.meant[total] = Intent(bill.customer, shares)
        words = "reglement factures " + " et ".join(shares)
        self.transfer(total, bill.customer, note=words, wrap=35)

    def debit(self, bill):
        """Collect by direct debit; some debtors have it sent back later."""
        key = f"DD-{bill.row.number}"
        self.house.links.issued[key] = (bill.row.id,)
        due = self.today + timedelta(days=4)
        document = DEBIT.format(
            id=key,
            day=self.today,
            due=due,
            amount=f"{bill.cents // 100}.{bill.cents % 100:02d}",
            name=bill.customer.name,
        )
        self.bank.ask("POST", "/payments", document.encode())
        self.paid[bill.customer.id] += bill.cents
        self.figures["debits"] += 1
        if self.random.random() < 0.4:
            self.planned[due + timedelta(days=6)].append(key)

    def refuse(self, key):
        bill = self.bills[key.removeprefix("DD-")]
        self.bank.ask("POST", f"/_mock/collections/{key}/refuse", {"reason": "MD06"})
        self.paid[bill.customer.id] -= bill.cents
        self.figures["refused debits"] += 1

    async def live(self):
        """One day: bills, payments, the bank's night, its files, the queue."""
        due_by_now = min(int(self.per_day * ((self.today - START).days + 1)), self.invoices)
        while len(self.bills) < due_by_now:
            await self.bill()
        for one in self.planned.pop(self.today, ()):
            if isinstance(one, Bill):
                self.pay(one)
            elif isinstance(one, str):
                self.refuse(one)
            else:
                cents, customer, more = one
                self.transfer(cents, customer, **more)
        if self.random.random() < 0.05:
            self.transfer(self.amount(), None, note="interets du trimestre")
        self.bank.ask(
            "PATCH",
            "/_mock/accounts/ACME",
            {"behaviour": "statement-gap" if self.random.random() < 0.2 else "accept"},
        )
        self.bank.ask("POST", "/_mock/advance?days=1")
        self.today += timedelta(days=1)
        self.house.day.today = self.today
        await self.deliver()
        await self.clear_queue()

    async def deliver(self, *, everything=False):
        """Hand in the day's files in any order: some late, some twice, some slightly changed."""
        files = self.bank.collect()
        self.files += files
        self.random.shuffle(files)
        if everything:
            files = [*files, *self.held_back]
        for content in files:
            if not everything and self.random.random() < 0.05:
                self.held_back.append(content)
                self.figures["late files"] += 1
                continue
            await self.hand_in(content)
            chance = self.random.random()
            if chance < 0.05:
                await self.hand_in(content)
                self.figures["files twice"] += 1
            elif chance < 0.1:
                await self.hand_in(content + b"\n")
                self.figures["files twice, changed"] += 1

    async def hand_in(self, content):
        taken = await self.house.take(content, origin=BankOrigin.API)
        assert taken.message.state is BankMessageState.BOOKED, taken.message.failure_text
        self.figures["files"] += 1

    async def clear_queue(self):
        async with self.house.database.read() as session:
            waiting = list(
                await session.exec(
                    select(BankPayment)
                    .where(
                        BankPayment.tenant_id == self.house.tenant.id,
                        col(BankPayment.state).in_(QUEUE),
                    )
                    .order_by(col(BankPayment.created_at))
                )
            )
        for row in waiting:
            decision = await self.decide(row)
            self.figures[f"person: {type(decision).__name__} after {row.reason}"] += 1
            await self.house.desk.decide(self.house.caller, row.id, decision)

    async def decide(self, row):
        """What the person knows from the telephone: what the payer meant."""
        assert row.direction is Direction.CREDIT
        meant = self.meant[row.minor]
        if meant.customer is None:
            return SetAside("interest of the bank")
        still = await self.house.open()
        async with self.house.database.read() as session:
            ids = dict(
                (
                    await session.exec(
                        select(ItemRow.number, ItemRow.id).where(
                            ItemRow.tenant_id == self.house.tenant.id
                        )
                    )
                ).all()
            )
        shares = {
            ids[number]: (1 if cents > 0 else -1) * min(abs(cents), abs(still[number]))
            for number, cents in meant.shares.items()
            if still[number]
        }
        for place, proposal in enumerate(proposals_of(row)):
            if {one.item: one.minor for one in proposal.allocations} == {
                str(item): cents for item, cents in shares.items()
            }:
                return Accept(place)
        if sum(cents for cents in shares.values() if cents > 0) > 0:
            return Allocate(tuple(shares.items()))
        return Unapplied(meant.customer.id)

    async def verdict(self):
        """Compare the books with the town's record and with the bank's balances."""
        async with self.house.database.read() as session:
            items = list(
                await session.exec(select(ItemRow).where(ItemRow.tenant_id == self.house.tenant.id))
            )
            rows = list(
                await session.exec(
                    select(BankPayment).where(BankPayment.tenant_id == self.house.tenant.id)
                )
            )
            entries = list(
                await session.exec(
                    select(EntryRow).where(EntryRow.tenant_id == self.house.tenant.id)
                )
            )
        standing = Counter()
        for item in items:
            standing[item.customer_id] += item.open_minor
        for customer in self.customers:
            expected = self.owed[customer.id] - self.paid[customer.id]
            assert standing[customer.id] == expected, customer.name
        signs = {Direction.CREDIT: 1, Direction.DEBIT: -1}
        taken_in = sum(signs[row.direction] * row.minor for row in rows)
        moved = movement([read(one) for one in self.files])
        assert taken_in == moved == sum(self.paid.values()) + self.foreign
        assert sum(standing.values()) == sum(self.owed.values()) - moved + self.foreign
        assert {row.state for row in rows} <= {
            BankPaymentState.MATCHED,
            BankPaymentState.REOPENED,
            BankPaymentState.SET_ASIDE,
        }
        await self.house.audit_books()
        self.figures.update(f"{row.state}: {row.reason}" for row in rows if row.decided_by is None)
        return fingerprint(items, entries)


def fingerprint(items, entries):
    """The books without what differs from run to run: ids and the moment of recording."""
    numbers = {
        one.id: "credit" if one.kind is ItemKind.UNAPPLIED_PAYMENT else one.number for one in items
    }
    lines = sorted(
        (numbers[one.item_id], one.kind, one.amount_minor, str(one.business_date), one.reason)
        for one in entries
    )
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def movement(messages):
    """How far the booked balance moved from the first opening to the last closing, in cents."""
    sums = []
    for message in messages:
        if message.kind is not MessageKind.STATEMENT:
            continue
        (statement,) = message.statements
        balances = {
            one.kind: to_minor(one.amount) * (1 if one.direction is Direction.CREDIT else -1)
            for one in statement.balances
        }
        sums.append((statement.electronic_sequence, balances["OPBD"], balances["CLBD"]))
    sums.sort()
    assert all(before[2] == after[1] for before, after in itertools.pairwise(sums))
    return sums[-1][2] - sums[0][1]


async def live_through(seed, house, *, days, invoices):
    with open_bank() as bank:
        town = Town(seed, house, bank, days=days, invoices=invoices)
        await town.settle_in()
        for _ in range(days):
            await town.live()
        while town.planned:
            await town.live()
        bank.ask("POST", "/_mock/advance?days=14")
        town.today += timedelta(days=14)
        house.day.today = town.today
        await town.deliver(everything=True)
        await town.clear_queue()
        return await town.verdict(), town.figures


async def test_books_and_bank_agree_to_the_cent(bank_house):
    _, figures = await live_through(2026, bank_house, days=90, invoices=200)
    for name, count in sorted(figures.items()):
        print(f"{count:5d}  {name}")
    for name in ("refused debits", "part payments", "paid twice", "files twice", "late files"):
        assert figures[name], f"a town without {name} proves nothing"
    assert figures["reopened: original-end-to-end-id"] == figures["refused debits"]


async def test_a_seed_tells_one_story(bank_houses, database):
    first, second = [
        await live_through(7, await bank_houses(slug), days=3, invoices=6)
        for slug in ("one", "two")
    ]
    assert first == second
