"""Documents that count no more: their claims and credits leave the books, and can come back.

Nothing is deleted: a withdrawal is an entry, and coming back is the entry that undoes it.
"""

from dataclasses import replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exchange.tables import Document
from gateway.receivables.ledger import Ledger, item_of, lock_customer
from gateway.receivables.tables import ItemRow
from reminders.entries import Entry, EntryKind, Source

__all__ = ["reinstate", "withdraw"]

WITHDRAWAL: Final = "withdrawal"
_UNDONE: Final = {
    EntryKind.WRITTEN_OFF: EntryKind.WRITE_OFF_REVERSED,
    EntryKind.CREDIT_USED: EntryKind.CREDIT_RELEASED,
}


async def withdraw(
    session: AsyncSession, ledger: Ledger, document: Document, *, today: date, at: datetime
) -> None:
    """Take what is open of a document out of the books.

    A credit note is first taken back from the invoices it was set against. What was paid stays:
    that is money, and somebody's to clear up.
    """
    row = await _held(session, document)
    if row is None:
        return
    if row.kind.is_credit:
        await _take_back(session, ledger, row, document, today=today, at=at)
        await session.refresh(row)
    if row.open_minor:
        kind = EntryKind.CREDIT_USED if row.kind.is_credit else EntryKind.WRITTEN_OFF
        await ledger.book(
            session,
            row.id,
            Entry(
                kind=kind,
                currency=row.currency,
                amount=abs(row.open_minor),
                business_date=max(today, row.opened_on),
                recorded_at=at,
                # One withdrawal per round: after it was sent again it may happen once more.
                source=Source(WITHDRAWAL, f"{document.id}/{document.sending_round}"),
                reason="withdrawn",
            ),
        )


async def reinstate(
    session: AsyncSession, ledger: Ledger, document: Document, *, today: date, at: datetime
) -> None:
    """Undo the withdrawals of a document; a credit note that comes back is open, not set off."""
    row = await _held(session, document)
    if row is None:
        return
    for entry in (await item_of(session, row)).entries:
        if entry.source.kind == WITHDRAWAL and entry.kind in _UNDONE:
            await ledger.book(
                session,
                row.id,
                replace(
                    entry,
                    kind=_UNDONE[entry.kind],
                    business_date=max(today, row.opened_on),
                    recorded_at=at,
                ),
            )


async def _held(session: AsyncSession, document: Document) -> ItemRow | None:
    found = await session.exec(select(ItemRow).where(ItemRow.document_id == document.id))
    row = found.first()
    if row is not None:
        await lock_customer(session, row.tenant_id, row.customer_id)
        await session.refresh(row)
    return row


async def _take_back(
    session: AsyncSession,
    ledger: Ledger,
    credit: ItemRow,
    document: Document,
    *,
    today: date,
    at: datetime,
) -> None:
    """Withdraw the credit from every invoice it was set against when it was accepted."""
    for used in (await item_of(session, credit)).entries:
        if used.kind is not EntryKind.CREDIT_USED or used.source.kind != "open-item":
            continue
        claim = await session.get_one(ItemRow, UUID(used.source.reference))
        for item, kind, other in (
            (claim, EntryKind.CREDIT_WITHDRAWN, credit),
            (credit, EntryKind.CREDIT_RELEASED, claim),
        ):
            await ledger.book(
                session,
                item.id,
                replace(
                    used,
                    kind=kind,
                    business_date=max(today, claim.opened_on, credit.opened_on),
                    recorded_at=at,
                    source=Source("open-item", str(other.id)),
                    reason="withdrawn",
                ),
            )
