"""Sent invoices become open items; credit notes and Invoice Responses act on them.

Called by the exchange inside its own transactions, so that an invoice and its open item exist
together or not at all.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Final

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from stdnum import bic as bic_number
from stdnum import iban as iban_number

from gateway.exchange.tables import Document, DocumentKind
from gateway.receivables.books_withdrawn import reinstate, withdraw
from gateway.receivables.customers import meet_customer
from gateway.receivables.ledger import Ledger, item_of, lock_customer
from gateway.receivables.tables import Customer, ItemRow
from reminders.entries import Entry, EntryKind, ItemKind, Source
from reminders.ledger import OpenItem, open_disputes
from ubl.model import Invoice
from ubl.response import InvoiceResponse, InvoiceStatus

__all__ = ["RESPONSE_DISPUTE", "Books"]

log = structlog.get_logger(__name__)

RESPONSE_DISPUTE: Final = "invoice-response"
"""The dispute that Invoice Responses open and end; a person's disputes have names of their own."""

_DISPUTING: Final = frozenset(
    {InvoiceStatus.UNDER_QUERY, InvoiceStatus.CONDITIONALLY_ACCEPTED, InvoiceStatus.REJECTED}
)
_KINDS: Final = {
    DocumentKind.INVOICE: (ItemKind.INVOICE, EntryKind.INVOICED),
    DocumentKind.CREDIT_NOTE: (ItemKind.CREDIT_NOTE, EntryKind.CREDIT_NOTE_ISSUED),
}


class Books:
    """The receivables' side of the exchange (port ``Bookkeeper``)."""

    def __init__(self, *, ledger: Ledger, today: Callable[[], date]) -> None:
        self._ledger = ledger
        self._today = today

    async def accepted(self, session: AsyncSession, document: Document, invoice: Invoice) -> None:
        """Open an item for an accepted invoice, or set a credit note against its invoice.

        A document without an amount to pay opens nothing.
        """
        if document.kind not in _KINDS or not document.amount_minor or not document.currency:
            return
        if document.amount_minor < 0:
            log.info("receivables.negative_document", document_id=str(document.id))
            return
        customer = await meet_customer(session, document, invoice.buyer, at=document.created_at)
        kind, opens = _KINDS[document.kind]
        day = document.issue_date or self._today()
        row = await self._ledger.open_item(
            session,
            _row(document, invoice, customer, kind, day),
            Entry(
                kind=opens,
                currency=document.currency,
                amount=document.amount_minor,
                business_date=day,
                recorded_at=document.created_at,
                source=Source("document", str(document.id)),
                due_date=document.due_date if kind is ItemKind.INVOICE else None,
            ),
        )
        if kind is ItemKind.CREDIT_NOTE:
            await self._set_against(session, row, invoice, at=document.created_at)

    async def hold(self, session: AsyncSession, document: Document) -> None:
        """Lock the customer the document is for, if it has one."""
        found = await session.exec(
            select(ItemRow.customer_id).where(ItemRow.document_id == document.id)
        )
        customer_id = found.first()
        if customer_id is not None:
            await lock_customer(session, document.tenant_id, customer_id)

    async def answered(
        self,
        session: AsyncSession,
        document: Document,
        response: InvoiceResponse,
        *,
        answer: Document,
        at: datetime,
    ) -> None:
        """Take a buyer's answer into the books: disputed, no longer disputed, or announced.

        Only a bank message makes an item paid, whatever the buyer says.
        """
        found = await session.exec(select(ItemRow).where(ItemRow.document_id == document.id))
        row = found.first()
        if row is None or row.kind.is_credit:
            return
        await lock_customer(session, row.tenant_id, row.customer_id)
        await session.refresh(row)
        item = await item_of(session, row)
        for entry in self._entries(row, item, response, answer=answer, at=at):
            await self._ledger.book(session, row.id, entry)

    async def withdrawn(self, session: AsyncSession, document: Document, *, at: datetime) -> None:
        """Take a cancelled or given-up document out of the books."""
        await withdraw(session, self._ledger, document, today=self._today(), at=at)

    async def reinstated(self, session: AsyncSession, document: Document, *, at: datetime) -> None:
        """Claim again what was withdrawn."""
        await reinstate(session, self._ledger, document, today=self._today(), at=at)

    def _entries(
        self,
        row: ItemRow,
        item: OpenItem,
        response: InvoiceResponse,
        *,
        answer: Document,
        at: datetime,
    ) -> tuple[Entry, ...]:
        day = max(self._today(), row.opened_on)
        source = Source("invoice-response", str(answer.id))
        reason = next(
            (str(one.code) for one in response.clarifications if one.code), str(response.status)
        )

        def entry(kind: EntryKind, dispute: str = "") -> Entry:
            return Entry(
                kind=kind,
                currency=row.currency,
                business_date=day,
                recorded_at=at,
                source=source,
                dispute=dispute,
                reason=reason,
            )

        if response.status in _DISPUTING:
            return (entry(EntryKind.DISPUTE_OPENED, RESPONSE_DISPUTE),)
        ended: tuple[Entry, ...] = ()
        if RESPONSE_DISPUTE in open_disputes(item):
            ended = (entry(EntryKind.DISPUTE_RESOLVED, RESPONSE_DISPUTE),)
        if response.status is InvoiceStatus.PAID:
            return (*ended, entry(EntryKind.PAYMENT_ANNOUNCED))
        return ended if response.status is InvoiceStatus.ACCEPTED else ()

    async def _set_against(
        self, session: AsyncSession, credit: ItemRow, invoice: Invoice, *, at: datetime
    ) -> None:
        """Use a credit note for the open invoices it names (BT-25), as far as it reaches."""
        numbers = [one.number for one in invoice.preceding_invoices if one.number]
        found = await session.exec(
            select(ItemRow)
            .where(
                ItemRow.tenant_id == credit.tenant_id,
                ItemRow.customer_id == credit.customer_id,
                ItemRow.kind == ItemKind.INVOICE,
                ItemRow.currency == credit.currency,
                col(ItemRow.number).in_(numbers),
                col(ItemRow.closed_on).is_(None),
            )
            .order_by(col(ItemRow.due_date), col(ItemRow.id))
        )
        for claim in found.all():
            amount = min(claim.open_minor, -credit.open_minor)
            if amount <= 0:
                continue
            day = max(self._today(), claim.opened_on, credit.opened_on)
            for item, kind, other in (
                (claim, EntryKind.CREDIT_APPLIED, credit),
                (credit, EntryKind.CREDIT_USED, claim),
            ):
                await self._ledger.book(
                    session,
                    item.id,
                    Entry(
                        kind=kind,
                        currency=item.currency,
                        amount=amount,
                        business_date=day,
                        recorded_at=at,
                        source=Source("open-item", str(other.id)),
                    ),
                )


def _row(
    document: Document, invoice: Invoice, customer: Customer, kind: ItemKind, day: date
) -> ItemRow:
    transfer = next((each for one in invoice.payment for each in one.credit_transfers), None)
    account = transfer.account.value if transfer and transfer.account else ""
    provider = transfer.service_provider.value if transfer and transfer.service_provider else ""
    seller = invoice.seller.name if invoice.seller else None
    payee = invoice.payee.name if invoice.payee else None
    holder = (transfer.account_name if transfer else None) or payee or seller
    remittance = next((each for one in invoice.payment for each in one.remittance_information), "")
    return ItemRow(
        tenant_id=document.tenant_id,
        customer_id=customer.id,
        document_id=document.id,
        kind=kind,
        number=document.number,
        currency=document.currency or "",
        original_minor=0,
        opened_on=day,
        open_minor=0,
        reference=remittance[:140] or None,
        payee_name=holder[:300] if holder else None,
        payee_iban=iban_number.compact(account) if iban_number.is_valid(account) else None,
        payee_bic=bic_number.compact(provider) if bic_number.is_valid(provider) else None,
        created_at=document.created_at,
    )
