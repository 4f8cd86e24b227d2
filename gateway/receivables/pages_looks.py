"""How open items and their entries look on pages: colour and icon, never without a word. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from gateway.receivables.states import ItemStatus, item_status
from gateway.receivables.tables import BankMessageState, BankPaymentState, ItemRow
from reminders.entries import RULES, Entry, EntryKind
from reminders.ledger import ItemState

__all__ = [
    "MESSAGE_LOOKS",
    "PAYMENT_LOOKS",
    "BookedEntry",
    "ItemLook",
    "Look",
    "booked",
    "look_of_row",
    "look_of_state",
]

_SOON_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Look:
    """Status colour and icon."""

    colour: str
    icon: str


_LOOKS: Final[Mapping[ItemStatus, Look]] = MappingProxyType(
    {
        ItemStatus.CLOSED: Look("green", "check"),
        ItemStatus.DISPUTED: Look("violet", "question"),
        ItemStatus.ANNOUNCED: Look("blue", "coin"),
        ItemStatus.OVERDUE: Look("red", "alert"),
        ItemStatus.PARTLY_PAID: Look("blue", "coin"),
        ItemStatus.OPEN: Look("blue", "clock"),
        ItemStatus.CREDIT: Look("grey", "coin"),
    }
)

PAYMENT_LOOKS: Final[Mapping[BankPaymentState, Look]] = MappingProxyType(
    {
        BankPaymentState.MATCHED: Look("green", "check"),
        BankPaymentState.PROPOSED: Look("amber", "question"),
        BankPaymentState.UNALLOCATED: Look("amber", "search"),
        BankPaymentState.DOUBTFUL: Look("amber", "alert"),
        BankPaymentState.REOPENED: Look("red", "back"),
        BankPaymentState.SET_ASIDE: Look("grey", "pause"),
    }
)

MESSAGE_LOOKS: Final[Mapping[BankMessageState, Look]] = MappingProxyType(
    {
        BankMessageState.BOOKING: Look("blue", "clock"),
        BankMessageState.BOOKED: Look("green", "check"),
        BankMessageState.REFUSED: Look("red", "cross"),
    }
)


@dataclass(frozen=True, slots=True)
class ItemLook:
    """One open item on a list: its status, how that looks, and how late it is.

    ``days_late`` is negative before the due date and None where lateness says nothing: without a
    due date, for credits, and for what is closed.
    """

    status: ItemStatus
    look: Look
    days_late: int | None


def look_of_row(row: ItemRow, today: date) -> ItemLook:
    """How an item looks with everything booked so far."""
    return look_of_state(
        ItemState(
            item=str(row.id),
            currency=row.currency,
            on=today,
            exists=True,
            original=row.original_minor,
            open=row.open_minor,
            disputed=row.disputed_minor,
            announced=row.announced_minor,
            due_date=row.due_date,
        )
    )


def look_of_state(state: ItemState) -> ItemLook:
    """How an item looked at the end of a day."""
    status = item_status(state)
    late = None if state.open <= 0 or state.due_date is None else state.days_late
    look = _LOOKS[status]
    if status is ItemStatus.OPEN and late is not None and late >= -_SOON_DAYS:
        look = Look("amber", look.icon)
    return ItemLook(status, look, late)


@dataclass(frozen=True, slots=True)
class BookedEntry:
    """An entry with its amount as it changes what is open, and what is open after it.

    ``change`` is None where an entry changes nothing: a dispute, an announcement, a due date.
    """

    entry: Entry
    change: int | None
    balance: int


def booked(entries: Sequence[Entry], on: date) -> tuple[BookedEntry, ...]:
    """The entries up to a business date in its order, with the running balance.

    Of a credit note or unapplied payment the balance is below zero until it is used up.
    """
    shown: list[BookedEntry] = []
    balance = 0
    for entry in sorted(entries, key=lambda one: one.business_date):
        if entry.business_date > on:
            break
        change = _change(entry)
        balance += change or 0
        shown.append(BookedEntry(entry, change, balance))
    return tuple(shown)


def _change(entry: Entry) -> int | None:
    sign = RULES[EntryKind(entry.kind)].sign
    return sign * entry.amount if sign and entry.amount is not None else None
