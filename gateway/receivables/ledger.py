"""Open items in the database: their entries are appended here and nowhere else.

Everybody who writes entries, holds or reminders of a customer locks that customer's row first
(`lock_customer`), so that a decision to remind and a payment never pass each other unseen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND
from gateway.exchange import timeline
from gateway.exchange.states import PaymentState
from gateway.exchange.tables import Document, EventGroup
from gateway.receivables.ports import LedgerFollower
from gateway.receivables.tables import Customer, EntryRow, ItemRow
from reminders import ledger
from reminders.entries import Entry, EntryKind, LedgerRefused, Source
from reminders.ledger import ItemState, OpenItem, state_of

__all__ = [
    "LEDGER_REFUSED",
    "Ledger",
    "item_of",
    "items_of_customer",
    "load_items",
    "lock_customer",
]

LEDGER_REFUSED: Final = ErrorKind("LEDGER-REFUSED", "The entry cannot be booked", 409)

_CHUNK: Final = 400


async def lock_customer(session: AsyncSession, tenant_id: UUID, customer_id: UUID) -> Customer:
    """Take hold of a customer until the transaction ends; raises GatewayError NOT-FOUND."""
    found = await session.exec(
        select(Customer)
        .where(Customer.id == customer_id, Customer.tenant_id == tenant_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    customer = found.first()
    if customer is None:
        raise GatewayError(NOT_FOUND, "No customer of this account has that id.")
    return customer


async def load_items(session: AsyncSession, rows: Iterable[ItemRow]) -> dict[UUID, OpenItem]:
    """The open items of these rows with all their entries, by the row's id."""
    by_id = {row.id: row for row in rows}
    entries: dict[UUID, list[Entry]] = {item_id: [] for item_id in by_id}
    ids = list(by_id)
    for start in range(0, len(ids), _CHUNK):
        found = await session.exec(
            select(EntryRow)
            .where(col(EntryRow.item_id).in_(ids[start : start + _CHUNK]))
            .order_by(col(EntryRow.item_id), col(EntryRow.position))
        )
        for row in found:
            entries[row.item_id].append(_entry(row))
    return {item_id: _item(by_id[item_id], booked) for item_id, booked in entries.items()}


async def item_of(session: AsyncSession, row: ItemRow) -> OpenItem:
    """One open item with all its entries."""
    return (await load_items(session, [row]))[row.id]


async def items_of_customer(
    session: AsyncSession, tenant_id: UUID, customer_id: UUID
) -> dict[UUID, tuple[ItemRow, OpenItem]]:
    """All items of a customer that matter today: those open, and those closed, oldest first."""
    found = await session.exec(
        select(ItemRow)
        .where(ItemRow.tenant_id == tenant_id, ItemRow.customer_id == customer_id)
        .order_by(col(ItemRow.id))
        .execution_options(populate_existing=True)
    )
    rows = list(found)
    items = await load_items(session, rows)
    return {row.id: (row, items[row.id]) for row in rows}


class Ledger:
    """Opens items and books entries, and tells followers when money closed a claim."""

    def __init__(self, *, followers: Sequence[LedgerFollower] = ()) -> None:
        self._followers = tuple(followers)

    async def open_item(self, session: AsyncSession, row: ItemRow, opening: Entry) -> ItemRow:
        """Start an open item with its first entry; raises GatewayError LEDGER-REFUSED.

        The row's figures are set from the entry, whatever the caller wrote there.
        """
        try:
            item = ledger.open_item(
                id=str(row.id),
                customer=str(row.customer_id),
                kind=row.kind,
                number=row.number,
                opening=opening,
                arises_from=str(row.arises_from or ""),
            )
        except LedgerRefused as refused:
            raise _refusal(refused) from None
        _show(row, state_of(item, date.max))
        session.add(row)
        await session.flush()
        session.add(_row(row, opening, position=1))
        await session.flush()
        await _tell(session, row, opening, "item.opened")
        return row

    async def book(self, session: AsyncSession, item_id: UUID, entry: Entry) -> ItemState:
        """Append an entry to an item; returns where it stands after all its entries.

        Booking what is booked already (same kind, same source) changes nothing. The instant of
        recording is moved up to that of the entry before where a clock went back. Raises
        GatewayError NOT-FOUND or LEDGER-REFUSED, the fact ``fault`` holding the exact code.
        """
        row = await session.get(ItemRow, item_id)
        if row is None:
            raise GatewayError(NOT_FOUND, "No open item has that id.")
        await lock_customer(session, row.tenant_id, row.customer_id)
        await session.refresh(row)
        item = await item_of(session, row)
        entry = replace(entry, recorded_at=max(entry.recorded_at, item.entries[-1].recorded_at))
        try:
            grown = ledger.append(item, entry)
        except LedgerRefused as refused:
            raise _refusal(refused) from None
        state = state_of(grown, date.max)
        if grown is item:
            return state
        before = row.open_minor
        session.add(_row(row, entry, position=len(grown.entries)))
        _show(row, state)
        session.add(row)
        await session.flush()
        await self._follow(session, row, entry, before, money=state.paid > 0)
        return state

    async def _follow(
        self, session: AsyncSession, row: ItemRow, entry: Entry, before: int, *, money: bool
    ) -> None:
        """Write what the entry means into the document's history, and tell the followers."""
        if entry.kind in _SPOKEN:
            await _tell(session, row, entry, _SPOKEN[entry.kind])
        if row.kind.is_credit or bool(before) == bool(row.open_minor):
            return
        if row.open_minor == 0:
            await _tell(session, row, entry, "item.closed", paid=money)
        else:
            await _tell(session, row, entry, "item.reopened", paid=False)
        if row.open_minor == 0 and entry.kind is EntryKind.PAYMENT_ALLOCATED:
            for follower in self._followers:
                await follower.settled(session, row, on=entry.business_date)


_SPOKEN: Final[Mapping[EntryKind, str]] = {
    EntryKind.DISPUTE_OPENED: "dispute.opened",
    EntryKind.DISPUTE_RESOLVED: "dispute.resolved",
    EntryKind.CREDIT_APPLIED: "credit.applied",
}


async def _tell(
    session: AsyncSession, row: ItemRow, entry: Entry, kind: str, *, paid: bool | None = None
) -> None:
    """Add to the payment history of the item's document; ``paid`` also sets its payment state."""
    if row.document_id is None:
        return
    document = await session.get_one(Document, row.document_id, with_for_update=True)
    if paid is not None:
        document.payment = PaymentState.PAID if paid else PaymentState.NONE
        document.updated_at = entry.recorded_at
        session.add(document)
    timeline.record(
        session,
        document,
        EventGroup.PAYMENT,
        kind,
        at=entry.recorded_at,
        facts={
            "amount_minor": entry.amount,
            "open_minor": row.open_minor,
            "currency": row.currency,
            "day": entry.business_date.isoformat(),
            "due_date": row.due_date.isoformat() if row.due_date else None,
            "reason": entry.reason,
        },
    )


def _refusal(refused: LedgerRefused) -> GatewayError:
    return GatewayError(LEDGER_REFUSED, refused.message, fault=refused.code)


def _show(row: ItemRow, state: ItemState) -> None:
    """Keep what all entries come to on the item's own row."""
    row.original_minor, row.open_minor = state.original, state.open
    row.disputed_minor, row.announced_minor = state.disputed, state.announced
    row.due_date, row.closed_on = state.due_date, state.closed_on


def _row(row: ItemRow, entry: Entry, *, position: int) -> EntryRow:
    return EntryRow(
        tenant_id=row.tenant_id,
        item_id=row.id,
        position=position,
        kind=entry.kind,
        currency=entry.currency,
        amount_minor=entry.amount,
        business_date=entry.business_date,
        recorded_at=entry.recorded_at,
        due_date=entry.due_date,
        dispute=entry.dispute,
        reason=entry.reason,
        source_kind=entry.source.kind,
        source_reference=entry.source.reference,
    )


def _entry(row: EntryRow) -> Entry:
    return Entry(
        kind=row.kind,
        currency=row.currency,
        business_date=row.business_date,
        recorded_at=row.recorded_at,
        source=Source(row.source_kind, row.source_reference),
        amount=row.amount_minor,
        due_date=row.due_date,
        dispute=row.dispute,
        reason=row.reason,
    )


def _item(row: ItemRow, entries: Sequence[Entry]) -> OpenItem:
    """Build the pure item; its entries were checked when they were booked."""
    return OpenItem(
        id=str(row.id),
        customer=str(row.customer_id),
        kind=row.kind,
        number=row.number,
        entries=tuple(entries),
        arises_from=str(row.arises_from or ""),
    )
