"""What a bank tells about an account: messages, statements, entries, transactions.

Values only, as the ISO 20022 messages camt.052, camt.053 and camt.054 state them; reading bytes
is `reminders.camt`. Amounts are Decimal with their currency and never negative: the direction
says whether money came or went. Days are those of the bank's calendar, moments are UTC.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from ubl.amounts import Amount

__all__ = [
    "Account",
    "Balance",
    "BankMessage",
    "Direction",
    "Entry",
    "MessageKind",
    "Party",
    "ReferredDocument",
    "Remittance",
    "ReturnReason",
    "Statement",
    "StructuredReference",
    "Transaction",
    "TransactionCode",
]


class MessageKind(StrEnum):
    """Which of the three account messages it is."""

    REPORT = "camt.052"
    STATEMENT = "camt.053"
    NOTIFICATION = "camt.054"


class Direction(StrEnum):
    """Whether the account gains (credit) or loses (debit)."""

    CREDIT = "CRDT"
    DEBIT = "DBIT"


@dataclass(frozen=True, slots=True)
class Account:
    """An account: its IBAN (no spaces, upper case) or the bank's other identification of it."""

    iban: str | None = None
    other: str | None = None
    currency: str | None = None
    name: str | None = None
    owner: str | None = None

    @property
    def identifier(self) -> str | None:
        """The IBAN where there is one, else the other identification."""
        return self.iban or self.other


@dataclass(frozen=True, slots=True)
class Party:
    """The debtor or creditor of a transaction, with the party behind it where one is named."""

    name: str | None = None
    account: Account = Account()
    ultimate_name: str | None = None


@dataclass(frozen=True, slots=True)
class TransactionCode:
    """What kind of movement it is: the ISO domain, family and sub-family, and the bank's own code.

    For instance PMNT, RCDT, ESCT: a SEPA credit transfer received.
    """

    domain: str | None = None
    family: str | None = None
    subfamily: str | None = None
    proprietary: str | None = None
    proprietary_issuer: str | None = None


@dataclass(frozen=True, slots=True)
class StructuredReference:
    """A creditor's reference: ``kind`` (SCOR or the bank's word), who issued the scheme, value."""

    value: str
    kind: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class ReferredDocument:
    """A document the payer names in structure: number and type (CINV invoice, CREN credit note)."""

    number: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Remittance:
    """What the payer says the money is for; ``lines`` is free text as the bank cut it."""

    lines: tuple[str, ...] = ()
    references: tuple[StructuredReference, ...] = ()
    documents: tuple[ReferredDocument, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReturnReason:
    """Why money came back: ISO 20022 return reason (AM04, MD06 ...) or the bank's own word."""

    code: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transaction:
    """One payment within an entry.

    ``amount`` is None where the bank states it on the entry only; ``booked_amount`` is the same
    sum in the account's currency where the bank tells it apart from the instructed one.
    """

    end_to_end_id: str | None = None
    mandate_id: str | None = None
    servicer_reference: str | None = None
    transaction_id: str | None = None
    uetr: str | None = None
    amount: Amount | None = None
    booked_amount: Amount | None = None
    direction: Direction | None = None
    code: TransactionCode = TransactionCode()
    debtor: Party = Party()
    creditor: Party = Party()
    remittance: Remittance = Remittance()
    return_reason: ReturnReason | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an account: a single payment or a batch of them.

    ``status`` is BOOK, PDNG, INFO, FUTR or the bank's own word. ``reversal`` says that the
    movement undoes an earlier one of the opposite direction.
    """

    amount: Amount
    direction: Direction
    status: str
    reversal: bool = False
    reference: str | None = None
    servicer_reference: str | None = None
    booking_date: date | None = None
    value_date: date | None = None
    code: TransactionCode = TransactionCode()
    transactions: tuple[Transaction, ...] = ()
    note: str | None = None

    @property
    def booked(self) -> bool:
        """Whether the money has moved, as opposed to being expected."""
        return self.status == "BOOK"


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance of the account: OPBD opening booked, CLBD closing booked, ITBD interim ..."""

    kind: str
    amount: Amount
    direction: Direction
    day: date


@dataclass(frozen=True, slots=True)
class Statement:
    """What one message says about one account: a statement, an intraday report or a notification.

    ``copy`` is CODU, COPY or DUPL where the bank marks it as a copy or duplicate. A statement
    sent in pages keeps its identification and counts ``page`` from 1.
    """

    identification: str
    account: Account
    created: datetime | None = None
    page: int | None = None
    electronic_sequence: int | None = None
    legal_sequence: int | None = None
    copy: str | None = None
    balances: tuple[Balance, ...] = ()
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class BankMessage:
    """An account message of a bank; ``version`` is the last number of its namespace."""

    kind: MessageKind
    version: int
    message_id: str
    created: datetime
    statements: tuple[Statement, ...] = field(repr=False)
