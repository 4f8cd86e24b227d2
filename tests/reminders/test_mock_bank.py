"""An independent bank in a process of its own: its messages read, its money matched to the cent.

The bank is PyPI `mock-bank`, which comes with the development tools.
"""

import itertools
import json
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

# Tests are no packages here: the module of the processes is found by its folder.
sys.path.insert(0, str(Path(__file__).parents[1] / "demo"))

from peer_processes import mock_bank

from reminders.bank import BankMessage, Direction, MessageKind
from reminders.camt import read
from reminders.matching import match, payment_name
from reminders.matching_values import (
    KnownCustomer,
    MatchableItem,
    Matched,
    Proposed,
    Reason,
    Reopened,
    Settlement,
    Unallocated,
)
from reminders.payments import Payment, payments_of, sift
from reminders.references import make_ogm, make_rf, print_ogm
from ubl.amounts import to_minor

OURS = "NL41MOCK0000000001"
IBAN_MARTIN = "FR1420041010050500013M02606"
IBAN_DUPONT = "BE68539007547034"

DIRECT_DEBIT = f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"><CstmrDrctDbtInitn>
<GrpHdr><MsgId>OURS-1</MsgId><CreDtTm>2026-03-02T09:00:00</CreDtTm><NbOfTxs>1</NbOfTxs>
<CtrlSum>80.00</CtrlSum><InitgPty><Nm>ACME Corporation</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>OURS-1-1</PmtInfId><PmtMtd>DD</PmtMtd><NbOfTxs>1</NbOfTxs>
<CtrlSum>80.00</CtrlSum><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>CORE</Cd>
</LclInstrm><SeqTp>OOFF</SeqTp></PmtTpInf><ReqdColltnDt>2026-03-03</ReqdColltnDt>
<Cdtr><Nm>ACME Corporation</Nm></Cdtr><CdtrAcct><Id><IBAN>{OURS}</IBAN></Id></CdtrAcct>
<CdtrAgt><FinInstnId><BICFI>MOCKNL2A</BICFI></FinInstnId></CdtrAgt>
<CdtrSchmeId><Id><PrvtId><Othr><Id>NL00ZZZ000000000000</Id><SchmeNm><Prtry>SEPA</Prtry></SchmeNm>
</Othr></PrvtId></Id></CdtrSchmeId>
<DrctDbtTxInf><PmtId><EndToEndId>DD-2026-005</EndToEndId></PmtId>
<InstdAmt Ccy="EUR">80.00</InstdAmt>
<DrctDbtTx><MndtRltdInf><MndtId>M-5</MndtId><DtOfSgntr>2026-01-05</DtOfSgntr></MndtRltdInf>
</DrctDbtTx><DbtrAgt><FinInstnId><BICFI>GKCCBEBB</BICFI></FinInstnId></DbtrAgt>
<Dbtr><Nm>Ecole Dupont</Nm></Dbtr><DbtrAcct><Id><IBAN>{IBAN_DUPONT}</IBAN></Id></DbtrAcct>
</DrctDbtTxInf></PmtInf></CstmrDrctDbtInitn></Document>"""


class Bank:
    """The bank's control plane and mailbox."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: bytes = b"") -> Any:
        request = urllib.request.Request(self.url + path, data=body or None, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def credit(self, minor: int, **more: object) -> None:
        body = {"account": "ACME", "amount": minor, **more}
        self.ask("POST", "/_mock/credits", json.dumps(body).encode())

    def next_day(self) -> None:
        self.ask("POST", "/_mock/advance?days=1")

    def collect(self, kind: str) -> list[bytes]:
        """Take the waiting messages of one kind that concern our account."""
        letters = self.ask("GET", f"/_mock/mailbox?type={kind}")
        bodies = [letter["body"].encode() for letter in letters]
        return [body for body in bodies if OURS.encode() in body]


@pytest.fixture
def bank() -> Iterator[Bank]:
    """A bank on loopback whose day is Monday 2 March 2026."""
    with mock_bank("2026-03-02") as url:
        yield Bank(url)


def item(number: str, minor: int, **more: Any) -> MatchableItem:
    return MatchableItem(number, "martin", number, minor, "EUR", date(2026, 2, 1), **more)


@dataclass
class Ledger:
    """What a firm keeps while it takes in bank messages: open items and payments seen."""

    items: dict[str, MatchableItem]
    seen: list[Payment] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    reasons: Counter[Reason] = field(default_factory=Counter)
    credit: int = 0
    waiting: int = 0

    def take_in(self, message: BankMessage) -> int:
        """Book a message and return how many of its payments were new."""
        sifted = sift(payments_of(message), self.seen)
        assert not sifted.doubtful
        self.seen += sifted.new
        customers = [KnownCustomer("martin", "Boulangerie Martin SARL", frozenset({IBAN_MARTIN}))]
        for result in match(
            sifted.new,
            items=self.items.values(),
            customers=customers,
            settlements=self.settlements,
        ):
            payment = result.payment
            if isinstance(result, Matched):
                self.reasons[result.reason] += 1
                self.move({one.item: -abs(one.minor) for one in result.allocations})
                self.credit += result.unapplied_minor
                self.settlements.append(
                    Settlement(
                        payment_name(payment.id),
                        payment.end_to_end_id or "",
                        payment.currency,
                        result.allocations,
                        result.unapplied_minor,
                    )
                )
            elif isinstance(result, Reopened):
                self.reasons[result.reason] += 1
                self.move({one.item: abs(one.minor) for one in result.reopened})
                self.credit -= result.unapplied_minor + result.charges_minor
            else:
                assert isinstance(result, Unallocated | Proposed)
                self.waiting += payment.minor
        return len(sifted.new)

    def move(self, changes: Mapping[str, int]) -> None:
        for number, change in changes.items():
            one = self.items[number]
            self.items[number] = replace(one, open_minor=one.open_minor + change)

    def owed(self) -> int:
        return sum(-one.open_minor if one.credit else one.open_minor for one in self.items.values())


OGM = make_ogm("0000002604")


def ledger() -> Ledger:
    items = [
        item("F-2026-001", 10_000),
        item("F-2026-002", 5_000),
        item("A-2026-017", 1_200, credit=True),
        item("F-2026-003", 2_500, end_to_end_ids=("LINK-3",)),
        item("F-2026-004", 30_000, references=(OGM,)),
        item("F-2026-005", 8_000, end_to_end_ids=("DD-2026-005",)),
        item("F-2026-006", 4_000, references=(make_rf("F2026006"),)),
    ]
    return Ledger({one.id: one for one in items})


def first_day(bank: Bank) -> None:
    martin = {"name": "Boulangerie Martin SARL", "iban": IBAN_MARTIN}
    note = "Paiement factures F-2026-001 et F-2026-002 moins avoir A-2026-017"
    bank.credit(13_800, debtor=martin, note=note, wrap=35)
    bank.credit(2_500, debtor=martin, end_to_end_id="LINK-3")
    bank.credit(12_000, note=f"acompte {print_ogm(OGM)}", wrap=35)
    bank.credit(4_500, reference=make_rf("F2026006"))
    bank.credit(7_777, note="merci")
    bank.ask("POST", "/payments", DIRECT_DEBIT.encode())


def movement(statements: list[BankMessage]) -> int:
    """How far the booked balance moved from the first opening to the last closing, in cents."""
    sums = []
    for message in statements:
        (statement,) = message.statements
        balances = {
            one.kind: to_minor(one.amount) * (1 if one.direction is Direction.CREDIT else -1)
            for one in statement.balances
        }
        sums.append((statement.electronic_sequence, balances["OPBD"], balances["CLBD"]))
    sums.sort()
    assert all(before[2] == after[1] for before, after in itertools.pairwise(sums))
    return sums[-1][2] - sums[0][1]


def test_money_is_matched_to_the_cent(bank: Bank) -> None:
    books = ledger()
    owed_before = books.owed()
    files: list[bytes] = []

    def take(kind: str) -> int:
        taken = bank.collect(kind)
        files.extend(taken)
        return sum(books.take_in(read(one)) for one in taken)

    first_day(bank)
    assert take("camt.054") == 5
    bank.next_day()
    assert take("camt.053") == 0, "the statement repeats what was notified"
    assert take("camt.054") == 1, "the direct debit settled"
    assert books.items["F-2026-005"].open_minor == 0
    assert books.items["F-2026-004"].open_minor == 18_000

    bank.ask("POST", "/_mock/collections/DD-2026-005/refuse", b'{"reason": "MD06"}')
    bank.credit(18_000, note=f"solde {print_ogm(OGM)}")
    bank.ask("POST", "/_mock/accounts/ACME/report")
    assert take("camt.052") == 0, "an intraday report books nothing"
    assert take("camt.054") == 2
    for _ in range(2):
        bank.next_day()
        assert take("camt.053") == 0

    left = {one.number: one.open_minor for one in books.items.values() if one.open_minor}
    assert left == {"F-2026-005": 8_000}
    assert (books.credit, books.waiting) == (500, 7_777)
    assert books.reasons == {
        Reason.INVOICE_NUMBERS_LESS_CREDIT_NOTES: 1,
        Reason.END_TO_END_ID: 2,
        Reason.STRUCTURED_REFERENCE: 3,
        Reason.ORIGINAL_END_TO_END_ID: 1,
    }
    messages = [read(one) for one in files]
    statements = [one for one in messages if one.kind is MessageKind.STATEMENT]
    assert movement(statements) == owed_before - books.owed() + books.credit + books.waiting

    before = (dict(books.items), books.credit, books.waiting)
    assert sum(books.take_in(message) for message in messages) == 0, "the files came again"
    assert (books.items, books.credit, books.waiting) == before


Order = Callable[[list[BankMessage]], list[BankMessage]]


@pytest.mark.parametrize("order", [list, lambda messages: messages[::-1]], ids=["sent", "reversed"])
def test_notifications_and_statements_may_come_in_any_order(bank: Bank, order: Order) -> None:
    books = ledger()
    first_day(bank)
    bank.next_day()
    bank.next_day()
    messages = [read(one) for one in bank.collect("camt.054") + bank.collect("camt.053")]
    assert sum(books.take_in(message) for message in order(messages)) == 6
    assert books.owed() == 18_000
    assert (books.credit, books.waiting) == (500, 7_777)
