"""What an initiation's change of state brings with it: holds, and the invoices' timeline.

The only place where ``Initiation.state`` changes. Whatever a provider says, no open item is paid
here: that is for the bank message.
"""

from datetime import date, datetime, timedelta
from typing import Final, Literal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exchange import timeline
from gateway.exchange.tables import Document, EventGroup
from gateway.payments.ports import ProviderReport
from gateway.payments.queries import TAKEN, shares_of
from gateway.payments.states import UNDER_WAY, InitiationState, after
from gateway.payments.tables import Initiation, InitiationItem
from gateway.receivables.holds import lift_holds_of, place_hold
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import ItemRow
from reminders.account import HoldReason

__all__ = ["PAYER", "Learnt", "advance", "hold_items"]

PAYER: Final = "payer (payment link)"
"""The actor of what a payer did; a link says nothing about who opened it."""

Learnt = Literal["event", "inquiry", "bank"]
"""How we know: the provider told us, we asked it, or the money is there."""


async def advance(
    session: AsyncSession,
    initiation: Initiation,
    report: ProviderReport,
    *,
    today: date,
    wait: timedelta,
    at: datetime,
    learnt: Learnt,
) -> bool:
    """Take what is known of a payment into the books; False when it changes nothing.

    ``wait`` is how long reminders hold for money that is under way. Locks the customer.
    """
    await lock_customer(session, initiation.tenant_id, initiation.customer_id)
    await session.refresh(initiation)
    before, now = initiation.state, after(initiation.state, report.event)
    if before is now:
        return False
    initiation.state, initiation.updated_at = now, at
    initiation.failure_code = report.failure_code if now is InitiationState.FAILED else None
    session.add(initiation)
    await session.flush()
    if before in UNDER_WAY and now not in UNDER_WAY:
        await lift_holds_of(session, initiation.tenant_id, str(initiation.id), on=today, at=at)
    if before not in UNDER_WAY and now in UNDER_WAY:
        await hold_items(session, initiation, today=today, wait=wait, at=at)
    if now in TAKEN and before not in TAKEN and learnt != "bank":
        await _tell(session, initiation, "payment.under-way", at=at, learnt=learnt)
    elif now is InitiationState.FAILED:
        await _tell(session, initiation, "payment.failed", at=at, learnt=learnt)
    return True


async def hold_items(
    session: AsyncSession, initiation: Initiation, *, today: date, wait: timedelta, at: datetime
) -> None:
    """Stop reminders of a payment's items while its money may be on the way."""
    for item_id in await shares_of(session, initiation.id):
        await place_hold(
            session,
            tenant_id=initiation.tenant_id,
            customer_id=initiation.customer_id,
            item_id=item_id,
            reason=HoldReason.PAYMENT_UNDER_WAY,
            since=today,
            last_day=today + wait,
            reference=str(initiation.id),
            actor=PAYER,
            at=at,
        )


async def _tell(
    session: AsyncSession, initiation: Initiation, kind: str, *, at: datetime, learnt: Learnt
) -> None:
    """Add to the payment history of every invoice the payment has a share for."""
    found = await session.exec(
        select(Document, InitiationItem.amount_minor)
        .join(ItemRow, col(ItemRow.document_id) == col(Document.id))
        .join(InitiationItem, col(InitiationItem.item_id) == col(ItemRow.id))
        .where(InitiationItem.initiation_id == initiation.id)
        .order_by(col(Document.id))
    )
    for document, share in found.all():
        timeline.record(
            session,
            document,
            EventGroup.PAYMENT,
            kind,
            at=at,
            facts={
                "amount_minor": share,
                "currency": initiation.currency,
                "end_to_end_id": initiation.end_to_end_id,
                "provider": initiation.provider,
                "code": initiation.failure_code,
                "learnt": learnt,
            },
        )
