"""Open items: what a customer owes, as a list of entries that only grows, and what follows from it.

Pure: no clock, no database. An item is never changed, only continued: whoever appends gets a new
value, and every figure (open, paid, disputed, announced, closed) is folded from the entries, for
any business date and for what was known at any instant.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce

from reminders.entries import RULES, Entry, EntryKind, ItemKind, LedgerRefused, check_form
from reminders.folding import Tally

__all__ = [
    "ItemState",
    "OpenItem",
    "append",
    "open_by_currency",
    "open_disputes",
    "open_item",
    "replay",
    "state_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """One claim on a customer, or one credit in the customer's favour, with its entries.

    ``id`` and ``customer`` are the owner's opaque keys. ``number`` is what people call it (EN
    16931 BT-1 for an invoice). ``arises_from`` is the id of the invoice item that an interest,
    compensation or cost claim comes from: such claims live on when the invoice is paid.
    ``entries`` stand in the order they were recorded, which need not be that of their dates.
    """

    id: str
    customer: str
    kind: ItemKind
    number: str
    entries: tuple[Entry, ...]
    arises_from: str = ""

    @property
    def currency(self) -> str:
        """The one currency of the item."""
        return self.entries[0].currency

    @property
    def opened_on(self) -> date:
        """The business date on which the item came into being."""
        return self.entries[0].business_date


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemState:
    """Where an item stood at the end of a business date.

    Amounts are whole minor units of ``currency``. ``open`` is what is still owed: 0 or more for a
    claim, 0 or less for a credit. ``original``, ``paid`` (money and other receipts less returns),
    ``credited``, ``discounted`` and ``written_off`` (with fees waived) never are negative, nor are
    ``disputed`` and ``announced`` (a payment the debtor says is on its way), both of which are
    parts of ``open``. Of a credit, ``paid`` is what was refunded and ``credited`` what was used.
    ``reopened_on`` is the last day money came back, ``closed_on`` the day ``open`` became 0.
    """

    item: str
    currency: str
    on: date
    original: int = 0
    open: int = 0
    paid: int = 0
    credited: int = 0
    discounted: int = 0
    written_off: int = 0
    disputed: int = 0
    announced: int = 0
    exists: bool = False
    due_date: date | None = None
    announced_on: date | None = None
    reopened_on: date | None = None
    closed_on: date | None = None

    @property
    def closed(self) -> bool:
        """Tell whether the item exists and nothing of it is open."""
        return self.exists and self.open == 0

    @property
    def days_late(self) -> int:
        """Days after the due date, negative before it; 0 where none is stated."""
        return 0 if self.due_date is None else (self.on - self.due_date).days


def open_item(
    *,
    id: str,
    customer: str,
    kind: ItemKind,
    number: str,
    opening: Entry,
    arises_from: str = "",
) -> OpenItem:
    """Start an item with its opening entry.

    Raises LedgerRefused: LEDGER-NOT-AN-OPENING, LEDGER-ITEM-UNNAMED, LEDGER-CLAIM-WITHOUT-INVOICE
    and what ``check_form`` raises.
    """
    if not (id and customer and number):
        raise LedgerRefused(
            "LEDGER-ITEM-UNNAMED", "An open item needs an id, a customer and a number."
        )
    if not RULES[opening.kind].opens:
        raise LedgerRefused(
            "LEDGER-NOT-AN-OPENING", f"'{opening.kind}' cannot be the first entry of an item."
        )
    if kind.is_accessory != bool(arises_from):
        raise LedgerRefused(
            "LEDGER-CLAIM-WITHOUT-INVOICE",
            "A claim for interest, compensation or costs names the invoice item it arises from, "
            "and nothing else does.",
        )
    check_form(opening, kind)
    Tally(kind).take(opening)
    return OpenItem(
        id=id,
        customer=customer,
        kind=kind,
        number=number,
        entries=(opening,),
        arises_from=arises_from,
    )


def append(item: OpenItem, entry: Entry) -> OpenItem:
    """Return the item with one entry more; an entry it already has changes nothing.

    The same kind from the same source is the same entry, whenever it was recorded. Raises
    LedgerRefused: LEDGER-SOURCE-REUSED if it then says something else, LEDGER-CURRENCY,
    LEDGER-SECOND-OPENING, LEDGER-BEFORE-OPENING, LEDGER-RECORDED-EARLIER, what ``check_form``
    raises, and LEDGER-OVERDRAWN, LEDGER-NOTHING-TO-UNDO or LEDGER-DISPUTE-UNKNOWN if on any
    business date the entries would not add up.
    """
    known = next((one for one in item.entries if one.identity == entry.identity), None)
    if known is not None:
        if replace(entry, recorded_at=known.recorded_at) == known:
            return item
        raise LedgerRefused(
            "LEDGER-SOURCE-REUSED",
            f"The item already has an entry '{entry.kind}' from {entry.source}, and it says "
            "something else. Book a correction with a source of its own.",
        )
    _check_continuation(item, entry)
    check_form(entry, item.kind)
    entries = (*item.entries, entry)
    _fold(item.kind, entries)
    return replace(item, entries=entries)


def replay(
    *,
    id: str,
    customer: str,
    kind: ItemKind,
    number: str,
    entries: Iterable[Entry],
    arises_from: str = "",
) -> OpenItem:
    """Build an item again from its stored entries, checking each as when it was booked.

    Raises LedgerRefused: LEDGER-EMPTY without entries, otherwise what ``open_item`` and ``append``
    raise.
    """
    booked = tuple(entries)
    if not booked:
        raise LedgerRefused("LEDGER-EMPTY", "An open item has at least its opening entry.")
    start = open_item(
        id=id,
        customer=customer,
        kind=kind,
        number=number,
        opening=booked[0],
        arises_from=arises_from,
    )
    return reduce(append, booked[1:], start)


def state_of(item: OpenItem, on: date, *, known_at: datetime | None = None) -> ItemState:
    """Return where an item stood at the end of a business date.

    With ``known_at`` only what was recorded until that instant counts: the state a decision of
    that moment was taken on, before a late bank statement changed the past.
    """
    entries = [
        entry
        for entry in item.entries
        if entry.business_date <= on and (known_at is None or entry.recorded_at <= known_at)
    ]
    if not entries:
        return ItemState(item=item.id, currency=item.currency, on=on)
    tally = _fold(item.kind, entries)
    return ItemState(
        item=item.id,
        currency=item.currency,
        on=on,
        exists=True,
        original=tally.original,
        open=tally.open,
        paid=tally.paid,
        credited=tally.credited,
        discounted=tally.discounted,
        written_off=tally.written_off,
        disputed=tally.disputed,
        announced=tally.announced,
        due_date=tally.due_date,
        announced_on=tally.announced_on if tally.announced else None,
        reopened_on=tally.reopened_on,
        closed_on=tally.closed_on,
    )


def open_by_currency(states: Iterable[ItemState]) -> dict[str, int]:
    """Add what is open, claims less credits, in minor units per currency and never across them."""
    sums: dict[str, int] = {}
    for state in states:
        sums[state.currency] = sums.get(state.currency, 0) + state.open
    return dict(sorted(sums.items()))


def open_disputes(item: OpenItem) -> tuple[str, ...]:
    """Return the names of the disputes that were opened and have not been resolved."""
    open_: dict[str, None] = {}
    for entry in item.entries:
        if entry.kind is EntryKind.DISPUTE_OPENED:
            open_[entry.dispute] = None
        elif entry.kind is EntryKind.DISPUTE_RESOLVED:
            open_.pop(entry.dispute, None)
    return tuple(open_)


def _check_continuation(item: OpenItem, entry: Entry) -> None:
    """Refuse an entry that cannot follow the others, whatever its amount."""
    if RULES[entry.kind].opens:
        raise LedgerRefused("LEDGER-SECOND-OPENING", "The item has its opening entry already.")
    if entry.currency != item.currency:
        raise LedgerRefused(
            "LEDGER-CURRENCY",
            f"The item is in {item.currency}, the entry in {entry.currency}. Convert the money "
            "first and book what it comes to.",
        )
    if entry.business_date < item.opened_on:
        raise LedgerRefused(
            "LEDGER-BEFORE-OPENING",
            f"The item exists from {item.opened_on} on. Keep earlier money as an unapplied "
            "payment and apply it on that date or later.",
        )
    if entry.recorded_at < item.entries[-1].recorded_at:
        raise LedgerRefused(
            "LEDGER-RECORDED-EARLIER",
            "The entry is said to be recorded before one that the item already has.",
        )


def _fold(kind: ItemKind, entries: Iterable[Entry]) -> Tally:
    """Take the entries in the order of their business dates; within a day as recorded."""
    tally = Tally(kind)
    for entry in sorted(entries, key=lambda one: one.business_date):
        tally.take(entry)
    return tally
