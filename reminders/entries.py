"""The kinds of ledger entries and what each does: a table, one row per kind.

Pure values. Amounts are always positive; the table says in which direction they count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = [
    "RULES",
    "Column",
    "Entry",
    "EntryKind",
    "ItemKind",
    "LedgerRefused",
    "Need",
    "Rule",
    "Source",
    "check_form",
]


class LedgerRefused(ValueError):
    """The entry cannot be booked; ``code`` is stable, ``message`` says what to do instead."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ItemKind(StrEnum):
    """What an open item is."""

    INVOICE = "invoice"
    INTEREST = "interest"
    COMPENSATION = "compensation"
    COST = "cost"
    CREDIT_NOTE = "credit-note"
    UNAPPLIED_PAYMENT = "unapplied-payment"

    @property
    def is_credit(self) -> bool:
        """Tell whether it stands in the customer's favour."""
        return self in (ItemKind.CREDIT_NOTE, ItemKind.UNAPPLIED_PAYMENT)

    @property
    def is_accessory(self) -> bool:
        """Tell whether it is claimed because another item was late."""
        return self in (ItemKind.INTEREST, ItemKind.COMPENSATION, ItemKind.COST)


class EntryKind(StrEnum):
    """What happened to an open item."""

    INVOICED = "invoiced"
    CLAIMED = "claimed"
    CREDIT_NOTE_ISSUED = "credit-note-issued"
    PAYMENT_RECEIVED = "payment-received"
    """Money came that belongs to no item yet: opens an unapplied payment."""
    CREDIT_APPLIED = "credit-applied"
    """A credit note or unapplied payment was set against this claim."""
    CREDIT_WITHDRAWN = "credit-withdrawn"
    PAYMENT_ALLOCATED = "payment-allocated"
    PAYMENT_RETURNED = "payment-returned"
    DISCOUNT_TAKEN = "discount-taken"
    WRITTEN_OFF = "written-off"
    WRITE_OFF_REVERSED = "write-off-reversed"
    CREDIT_USED = "credit-used"
    """This credit was set against a claim."""
    CREDIT_RELEASED = "credit-released"
    REFUNDED = "refunded"
    PAYMENT_ANNOUNCED = "payment-announced"
    """The debtor says money is on its way (Invoice Response PD); it is not there yet."""
    DISPUTE_OPENED = "dispute-opened"
    DISPUTE_RESOLVED = "dispute-resolved"
    DUE_DATE_CHANGED = "due-date-changed"


class Column(StrEnum):
    """The figure of an item that an entry counts into, besides what is open."""

    ORIGINAL = "original"
    PAID = "paid"
    CREDITED = "credited"
    DISCOUNTED = "discounted"
    WRITTEN_OFF = "written-off"
    NONE = "none"


class Need(StrEnum):
    """Whether a kind of entry carries something."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: how an amount changes what the customer owes (+1, -1, 0) and what is needed.

    ``column`` counts the amount as well, down instead of up if ``undoes``. A claim's open amount
    never falls below 0 and a credit's never rises above it.
    """

    sign: int
    items: frozenset[ItemKind]
    column: Column = Column.NONE
    amount: Need = Need.REQUIRED
    due_date: Need = Need.FORBIDDEN
    dispute: Need = Need.FORBIDDEN
    opens: bool = False
    undoes: bool = False


_CREDITS: Final = frozenset(kind for kind in ItemKind if kind.is_credit)
_DEBITS: Final = frozenset(ItemKind) - _CREDITS
_ACCESSORY: Final = frozenset(kind for kind in ItemKind if kind.is_accessory)
_INVOICE: Final = frozenset({ItemKind.INVOICE})
_ANY: Final = frozenset(ItemKind)

RULES: Final[Mapping[EntryKind, Rule]] = MappingProxyType(
    {
        EntryKind.INVOICED: Rule(1, _INVOICE, Column.ORIGINAL, due_date=Need.OPTIONAL, opens=True),
        EntryKind.CLAIMED: Rule(1, _ACCESSORY, Column.ORIGINAL, due_date=Need.OPTIONAL, opens=True),
        EntryKind.CREDIT_NOTE_ISSUED: Rule(
            -1, frozenset({ItemKind.CREDIT_NOTE}), Column.ORIGINAL, opens=True
        ),
        EntryKind.PAYMENT_RECEIVED: Rule(
            -1, frozenset({ItemKind.UNAPPLIED_PAYMENT}), Column.ORIGINAL, opens=True
        ),
        EntryKind.CREDIT_APPLIED: Rule(-1, _DEBITS, Column.CREDITED),
        EntryKind.CREDIT_WITHDRAWN: Rule(1, _DEBITS, Column.CREDITED, undoes=True),
        EntryKind.PAYMENT_ALLOCATED: Rule(-1, _DEBITS, Column.PAID),
        EntryKind.PAYMENT_RETURNED: Rule(1, _DEBITS, Column.PAID, undoes=True),
        EntryKind.DISCOUNT_TAKEN: Rule(-1, _INVOICE, Column.DISCOUNTED),
        EntryKind.WRITTEN_OFF: Rule(-1, _DEBITS, Column.WRITTEN_OFF),
        EntryKind.WRITE_OFF_REVERSED: Rule(1, _DEBITS, Column.WRITTEN_OFF, undoes=True),
        EntryKind.CREDIT_USED: Rule(1, _CREDITS, Column.CREDITED),
        EntryKind.CREDIT_RELEASED: Rule(-1, _CREDITS, Column.CREDITED, undoes=True),
        EntryKind.REFUNDED: Rule(1, _CREDITS, Column.PAID),
        EntryKind.PAYMENT_ANNOUNCED: Rule(0, _DEBITS, amount=Need.OPTIONAL),
        EntryKind.DISPUTE_OPENED: Rule(0, _DEBITS, amount=Need.OPTIONAL, dispute=Need.REQUIRED),
        EntryKind.DISPUTE_RESOLVED: Rule(0, _DEBITS, amount=Need.FORBIDDEN, dispute=Need.REQUIRED),
        EntryKind.DUE_DATE_CHANGED: Rule(0, _DEBITS, amount=Need.FORBIDDEN, due_date=Need.REQUIRED),
    }
)
"""The columns written-off, paid and credited may be undone up to what they hold, no further."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entry comes from: a kind of record and its reference there.

    For instance ``Source("bank-transaction", "<account>/<statement>/<entry>/<transaction>")``.
    An item has at most one entry of a kind from one source, so that booking twice does no harm.
    """

    kind: str
    reference: str

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One fact about an open item, never changed afterwards.

    ``amount`` is in whole minor units of ``currency`` and positive; None where the kind has none,
    and for an announcement or dispute of the whole item, whatever is open. ``business_date`` is
    when it takes effect (the value date of money), ``recorded_at`` the aware instant the gateway
    learned of it. ``dispute`` joins the opening and the end of a dispute. ``reason`` is a code of
    the caller's, such as an Invoice Response reason.
    """

    kind: EntryKind
    currency: str
    business_date: date
    recorded_at: datetime
    source: Source
    amount: int | None = None
    due_date: date | None = None
    dispute: str = ""
    reason: str = ""

    @property
    def identity(self) -> tuple[EntryKind, Source]:
        """What makes an entry the same one when it is booked again."""
        return (self.kind, self.source)


def check_form(entry: Entry, kind: ItemKind) -> None:
    """Check an entry by itself, before its effect on an item of this kind.

    Raises LedgerRefused: LEDGER-WRONG-KIND, LEDGER-AMOUNT, LEDGER-DUE-DATE, LEDGER-DISPUTE,
    LEDGER-CURRENCY-CODE, LEDGER-SOURCE, LEDGER-INSTANT-NAIVE.
    """
    rule = RULES[entry.kind]
    if kind not in rule.items:
        raise LedgerRefused(
            "LEDGER-WRONG-KIND", f"'{entry.kind}' cannot be booked on an item of kind '{kind}'."
        )
    _need(rule.amount, entry.amount is not None, "LEDGER-AMOUNT", f"'{entry.kind}': amount")
    _need(rule.due_date, entry.due_date is not None, "LEDGER-DUE-DATE", f"'{entry.kind}': due date")
    _need(rule.dispute, bool(entry.dispute), "LEDGER-DISPUTE", f"'{entry.kind}': dispute")
    if entry.amount is not None and entry.amount <= 0:
        raise LedgerRefused(
            "LEDGER-AMOUNT",
            "An amount is a whole number of minor units above zero; what it does to the item "
            "follows from the kind of the entry.",
        )
    if not (len(entry.currency) == 3 and entry.currency.isascii() and entry.currency.isupper()):
        raise LedgerRefused(
            "LEDGER-CURRENCY-CODE", "The currency is three capital letters of ISO 4217."
        )
    if not (entry.source.kind and entry.source.reference):
        raise LedgerRefused("LEDGER-SOURCE", "Every entry names the record it comes from.")
    if entry.recorded_at.utcoffset() != timedelta(0):
        raise LedgerRefused("LEDGER-INSTANT-NAIVE", "The recorded instant is given in UTC.")


def _need(need: Need, given: bool, code: str, what: str) -> None:
    """Refuse what is missing or out of place."""
    if need is Need.REQUIRED and not given:
        raise LedgerRefused(code, f"{what} is missing.")
    if need is Need.FORBIDDEN and given:
        raise LedgerRefused(code, f"{what} has no place here.")
