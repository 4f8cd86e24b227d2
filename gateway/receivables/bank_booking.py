"""Money from the bank written into the ledger: allocated, kept as credit, or taken back.

Whoever calls has locked the customers. Everything about one payment is booked or nothing: a
refusal of the ledger (GatewayError LEDGER-REFUSED) is for the caller to roll back.

The business date of money is its value date, else the day the bank booked it, and never later
than today: money that is here must not be asked for again. Money valued before its invoice
existed counts from the day the item was opened, and where an entry would not add up on its own
day (money that came back before it was told of), it counts from the item's latest entry on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.ids import new_id
from gateway.exchange import timeline
from gateway.exchange.tables import Document, EventGroup
from gateway.receivables.bank_rows import allocations_json
from gateway.receivables.ledger import Ledger
from gateway.receivables.tables import BankPayment, EntryRow, ItemRow
from reminders.entries import Entry, EntryKind, ItemKind, Source
from reminders.matching import payment_name
from reminders.matching_values import Allocation, Reopened
from reminders.payments import Payment

__all__ = ["SOURCE", "MoneyBooks", "Receipt"]

SOURCE: Final = "bank-transaction"
"""The kind of source of every entry that money from the bank made."""

_DATE_FAULTS: Final = frozenset({"LEDGER-OVERDRAWN", "LEDGER-NOTHING-TO-UNDO"})


@dataclass(frozen=True, slots=True)
class _Told:
    """What the history of a document says of a payment, and the bank message that proves it."""

    payment: Payment
    reason: str
    evidence_id: UUID


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a payment is for: shares of items, and what is left as credit of the customer.

    Allocations (below zero: a credit used) and ``unapplied_minor`` add up to the payment.
    ``evidence_id`` is the bank message's blob, ``reason`` why the money is allocated so.
    """

    payment: Payment
    tenant_id: UUID
    evidence_id: UUID
    reason: str
    customer_id: UUID
    allocations: tuple[Allocation, ...]
    unapplied_minor: int = 0

    @property
    def told(self) -> _Told:
        """What the history of a document says of it."""
        return _Told(self.payment, self.reason, self.evidence_id)


class MoneyBooks:
    """Writes what became of money into the ledger and into the history of the documents."""

    def __init__(
        self, *, ledger: Ledger, now: Callable[[], datetime], today: Callable[[], date]
    ) -> None:
        self._ledger = ledger
        self._now = now
        self._today = today

    def day_of(self, payment: Payment) -> date:
        """The business date of a payment."""
        today = self._today()
        return min(payment.valued or payment.booked or today, today)

    async def receive(self, session: AsyncSession, receipt: Receipt) -> dict[str, Any]:
        """Book money that came; returns what the payment's row keeps as its result.

        Credits are used for their customer's claims first in line, so that a return of part of
        the money, which takes back the last shares first, never touches them.
        """
        payment, day = receipt.payment, self.day_of(receipt.payment)
        credits = [one for one in receipt.allocations if one.minor < 0]
        claims = [one for one in receipt.allocations if one.minor > 0]
        credit: dict[UUID, int] = {}
        day_of_credit = day
        if credits:
            day_of_credit = await _after_openings(session, receipt.allocations, day)
        for use in credits:
            row = await _item(session, use.item)
            credit[row.customer_id] = credit.get(row.customer_id, 0) - use.minor
            await self._book(
                session, payment, row, EntryKind.CREDIT_USED, -use.minor, on=day_of_credit
            )
        for claim in claims:
            row = await _item(session, claim.item)
            if share := min(credit.get(row.customer_id, 0), claim.minor):
                credit[row.customer_id] -= share
                await self._book(
                    session, payment, row, EntryKind.CREDIT_APPLIED, share, on=day_of_credit
                )
            if money := claim.minor - share:
                # Told first: the ledger says "closed" while it books.
                await self._tell(session, receipt.told, row, "payment.received", money)
                await self._book(session, payment, row, EntryKind.PAYMENT_ALLOCATED, money, on=day)
        result: dict[str, Any] = {"allocations": allocations_json(receipt.allocations)}
        if receipt.unapplied_minor:
            item = await self._keep_as_credit(session, receipt, day)
            result["unapplied"] = {"item": str(item.id), "minor": receipt.unapplied_minor}
        return result

    async def take_back(
        self,
        session: AsyncSession,
        returned: Reopened,
        settlement: BankPayment,
        *,
        evidence_id: UUID,
    ) -> dict[str, Any]:
        """Undo a payment the bank took back, in whole or in part; returns the row's result.

        What was taken beyond the payment is kept as a fact, ``charges_minor``; no claim is made
        of it.
        """
        payment, day = returned.payment, self.day_of(returned.payment)
        told = _Told(payment, payment.reason or "", evidence_id)
        for share in returned.reopened:
            row = await _item(session, share.item)
            if share.minor < 0:
                await self._book(
                    session, payment, row, EntryKind.CREDIT_RELEASED, -share.minor, on=day
                )
                continue
            money = min(share.minor, await self._money_of(session, settlement.name, share.item))
            if credit := share.minor - money:
                await self._book(session, payment, row, EntryKind.CREDIT_WITHDRAWN, credit, on=day)
            await self._give_back(session, told, row, money, day)
        result: dict[str, Any] = {
            "settlement": returned.settlement,
            "allocations": allocations_json(returned.reopened),
            "charges_minor": returned.charges_minor,
        }
        if returned.unapplied_minor:
            item = settlement.result["unapplied"]["item"]
            row = await _item(session, item)
            await self._book(
                session, payment, row, EntryKind.REFUNDED, returned.unapplied_minor, on=day
            )
            result["unapplied"] = {"item": item, "minor": returned.unapplied_minor}
        return result

    async def pay_out(self, session: AsyncSession, receipt: Receipt) -> dict[str, Any]:
        """Book money that went, as a person says: claims reopen, credits are paid back."""
        day = self.day_of(receipt.payment)
        told = replace(receipt.told, reason=receipt.payment.reason or "")
        for share in receipt.allocations:
            row = await _item(session, share.item)
            if share.minor > 0:
                await self._give_back(session, told, row, share.minor, day)
            else:
                await self._book(
                    session, receipt.payment, row, EntryKind.REFUNDED, -share.minor, on=day
                )
        return {"allocations": allocations_json(receipt.allocations)}

    async def _give_back(
        self, session: AsyncSession, told: _Told, row: ItemRow, minor: int, day: date
    ) -> None:
        if minor:
            await self._tell(session, told, row, "payment.returned", minor)
            await self._book(session, told.payment, row, EntryKind.PAYMENT_RETURNED, minor, on=day)

    async def _book(
        self,
        session: AsyncSession,
        payment: Payment,
        row: ItemRow,
        kind: EntryKind,
        minor: int,
        *,
        on: date,
    ) -> None:
        """Append one entry, on the first day it adds up."""
        entry = Entry(
            kind=kind,
            currency=payment.currency,
            amount=minor,
            business_date=max(on, row.opened_on),
            recorded_at=self._now(),
            source=Source(SOURCE, payment_name(payment.id)),
            reason=(payment.reason or "")[:60] if kind is EntryKind.PAYMENT_RETURNED else "",
        )
        try:
            await self._ledger.book(session, row.id, entry)
        except GatewayError as refused:
            if refused.facts.get("fault") not in _DATE_FAULTS:
                raise
            latest = (
                await session.exec(
                    select(func.max(EntryRow.business_date)).where(EntryRow.item_id == row.id)
                )
            ).one()
            if latest is None or latest <= entry.business_date:
                raise
            await self._ledger.book(session, row.id, replace(entry, business_date=latest))

    async def _money_of(self, session: AsyncSession, name: str, item: str) -> int:
        """What a payment paid of an item in money, credits not counted."""
        found = await session.exec(
            select(EntryRow.amount_minor).where(
                EntryRow.item_id == UUID(item),
                EntryRow.kind == EntryKind.PAYMENT_ALLOCATED,
                EntryRow.source_kind == SOURCE,
                EntryRow.source_reference == name,
            )
        )
        return found.first() or 0

    async def _keep_as_credit(self, session: AsyncSession, receipt: Receipt, day: date) -> ItemRow:
        """Open an unapplied payment: money of the customer that pays nothing yet."""
        payment, at = receipt.payment, self._now()
        item_id = new_id()
        row = ItemRow(
            id=item_id,
            tenant_id=receipt.tenant_id,
            customer_id=receipt.customer_id,
            kind=ItemKind.UNAPPLIED_PAYMENT,
            number=f"{day.isoformat()}-{item_id.hex[-8:]}",
            currency=payment.currency,
            original_minor=0,
            open_minor=0,
            opened_on=day,
            created_at=at,
        )
        opening = Entry(
            kind=EntryKind.PAYMENT_RECEIVED,
            currency=payment.currency,
            amount=receipt.unapplied_minor,
            business_date=day,
            recorded_at=at,
            source=Source(SOURCE, payment_name(payment.id)),
        )
        return await self._ledger.open_item(session, row, opening)

    async def _tell(
        self, session: AsyncSession, told: _Told, row: ItemRow, kind: str, minor: int
    ) -> None:
        """Add to the payment history of the item's document, with the bank message as evidence."""
        if row.document_id is None:
            return
        payment = told.payment
        document = await session.get_one(Document, row.document_id)
        facts: dict[str, Any] = {
            "amount_minor": minor,
            "currency": payment.currency,
            "day": self.day_of(payment).isoformat(),
            "payer": payment.party_name,
            "reason": told.reason,
        }
        timeline.record(
            session,
            document,
            EventGroup.PAYMENT,
            kind,
            at=self._now(),
            facts={name: value for name, value in facts.items() if value},
            evidence_id=told.evidence_id,
        )


async def _item(session: AsyncSession, item: str) -> ItemRow:
    """An item as it is now; a rolled-back try may have left the loaded row stale."""
    return await session.get_one(ItemRow, UUID(item), populate_existing=True)


async def _after_openings(session: AsyncSession, shares: Sequence[Allocation], day: date) -> date:
    """The day from which all these items exist."""
    return max([day, *[(await _item(session, one.item)).opened_on for one in shares]])
