"""Holds: times in which a customer or one open item is left alone."""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exchange.states import NetworkState, TransportState
from gateway.exchange.tables import Document
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import HoldRow, ItemRow
from reminders.account import Hold, HoldReason

__all__ = ["holds_of", "lift_hold", "lift_holds_of", "place_hold"]


async def place_hold(
    session: AsyncSession,
    *,
    tenant_id: UUID,
    customer_id: UUID,
    reason: HoldReason,
    since: date,
    actor: str,
    at: datetime,
    last_day: date | None = None,
    item_id: UUID | None = None,
    note: str = "",
    reference: str = "",
) -> HoldRow:
    """Leave a customer, or one of its items, alone from a business date on.

    ``last_day`` is included; without it the hold lasts until it is lifted. ``reference`` names
    what the hold is for, such as a payment initiation. Raises GatewayError NOT-FOUND.
    """
    await lock_customer(session, tenant_id, customer_id)
    hold = HoldRow(
        tenant_id=tenant_id,
        customer_id=customer_id,
        item_id=item_id,
        reason=reason,
        since=since,
        last_day=last_day,
        note=note[:2000],
        reference=reference,
        actor=actor,
        created_at=at,
    )
    session.add(hold)
    await session.flush()
    return hold


async def lift_hold(session: AsyncSession, hold: HoldRow, *, on: date, at: datetime) -> None:
    """End a hold before a business date, which is the first day it no longer counts."""
    await lock_customer(session, hold.tenant_id, hold.customer_id)
    await session.refresh(hold)
    if hold.lifted_at is None:
        before = on - timedelta(days=1)
        hold.last_day = min(hold.last_day, before) if hold.last_day else before
        hold.lifted_at = at
        session.add(hold)
        await session.flush()


async def lift_holds_of(
    session: AsyncSession, tenant_id: UUID, reference: str, *, on: date, at: datetime
) -> None:
    """End every hold placed for one thing, such as a payment initiation that failed."""
    found = await session.exec(
        select(HoldRow)
        .where(
            HoldRow.tenant_id == tenant_id,
            HoldRow.reference == reference,
            col(HoldRow.lifted_at).is_(None),
        )
        .order_by(col(HoldRow.customer_id), col(HoldRow.id))
    )
    for hold in found.all():
        await lift_hold(session, hold, on=on, at=at)


async def holds_of(session: AsyncSession, tenant_id: UUID, customer_id: UUID) -> tuple[Hold, ...]:
    """Every hold of a customer, with those that follow from invoices not delivered."""
    found = await session.exec(
        select(HoldRow)
        .where(HoldRow.tenant_id == tenant_id, HoldRow.customer_id == customer_id)
        .order_by(col(HoldRow.id))
        .execution_options(populate_existing=True)
    )
    placed = tuple(
        Hold(
            reason=one.reason,
            since=one.since,
            last_day=one.last_day,
            item=str(one.item_id or ""),
        )
        for one in found
    )
    return placed + await _undelivered(session, tenant_id, customer_id)


_ARRIVED: Final = (TransportState.DELIVERED, TransportState.DISPATCHED)
"""Delivered, or as good as that outside Peppol: a mail server took it, or its link was opened."""


async def _undelivered(
    session: AsyncSession, tenant_id: UUID, customer_id: UUID
) -> tuple[Hold, ...]:
    """A hold for each open item whose invoice has not arrived: nobody pays what they never got."""
    found = await session.exec(
        select(ItemRow)
        .join(Document, col(Document.id) == col(ItemRow.document_id))
        .where(
            ItemRow.tenant_id == tenant_id,
            ItemRow.customer_id == customer_id,
            col(ItemRow.closed_on).is_(None),
            col(Document.transport).not_in(_ARRIVED)
            | (col(Document.network) == NetworkState.REJECTED),
        )
    )
    return tuple(
        Hold(reason=HoldReason.UNDELIVERED, since=row.opened_on, item=str(row.id)) for row in found
    )
