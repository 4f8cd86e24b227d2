"""Reading the receivables: open items as of a date, customers, holds, the aged balance."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.receivables.ledger import item_of, load_items
from gateway.receivables.tables import Customer, HoldRow, ItemRow
from reminders.ageing import AgedBalance, aged_balance
from reminders.ledger import ItemState, OpenItem, state_of

__all__ = [
    "Filters",
    "ItemView",
    "Standing",
    "aged_balance_of",
    "customer_of",
    "customers_by_id",
    "hold_of",
    "item_row_of",
    "item_view",
    "list_customers",
    "list_holds",
    "list_items",
]


class Standing(StrEnum):
    """Which open items a list shows."""

    OPEN = "open"
    OVERDUE = "overdue"
    DISPUTED = "disputed"
    CLOSED = "closed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Filters:
    """How a list of open items is narrowed; ``text`` finds numbers and customers' names."""

    standing: Standing = Standing.OPEN
    customer_id: UUID | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ItemView:
    """One open item: its row, its entries, and where it stood at the end of a date."""

    row: ItemRow
    item: OpenItem
    state: ItemState


async def list_items(
    session: AsyncSession,
    tenant_id: UUID,
    *,
    filters: Filters,
    on: date,
    before: UUID | None = None,
    limit: int = 50,
) -> list[ItemRow]:
    """The tenant's open items as they stand now, newest first; ``on`` decides what is overdue."""
    query = select(ItemRow).where(ItemRow.tenant_id == tenant_id, *_standing(filters, on))
    if filters.customer_id is not None:
        query = query.where(ItemRow.customer_id == filters.customer_id)
    if filters.text:
        like = f"%{_escaped(filters.text)}%"
        named = select(Customer.id).where(
            Customer.tenant_id == tenant_id, col(Customer.name).ilike(like, escape="\\")
        )
        query = query.where(
            or_(
                col(ItemRow.number).ilike(like, escape="\\"),
                col(ItemRow.customer_id).in_(named),
            )
        )
    if before is not None:
        query = query.where(col(ItemRow.id) < before)
    return list(await session.exec(query.order_by(col(ItemRow.id).desc()).limit(limit)))


def _standing(filters: Filters, on: date) -> tuple[ColumnElement[bool], ...]:
    is_open = col(ItemRow.open_minor) != 0
    if filters.standing is Standing.OPEN:
        return (is_open,)
    if filters.standing is Standing.OVERDUE:
        return (col(ItemRow.open_minor) > 0, col(ItemRow.due_date) < on)
    if filters.standing is Standing.DISPUTED:
        return (col(ItemRow.disputed_minor) > 0,)
    return (~is_open,) if filters.standing is Standing.CLOSED else ()


def _escaped(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text


_Row = TypeVar("_Row", ItemRow, Customer, HoldRow)


def _own(row: _Row | None, tenant_id: UUID, missing: str) -> _Row:
    if row is None or row.tenant_id != tenant_id:
        raise GatewayError(NOT_FOUND, missing)
    return row


async def item_row_of(session: AsyncSession, tenant_id: UUID, item_id: UUID) -> ItemRow:
    """The tenant's open item; raises GatewayError NOT-FOUND."""
    row = await session.get(ItemRow, item_id)
    return _own(row, tenant_id, "No open item of this account has that id.")


async def customer_of(session: AsyncSession, tenant_id: UUID, customer_id: UUID) -> Customer:
    """The tenant's customer; raises GatewayError NOT-FOUND."""
    row = await session.get(Customer, customer_id)
    return _own(row, tenant_id, "No customer of this account has that id.")


async def hold_of(session: AsyncSession, tenant_id: UUID, hold_id: UUID) -> HoldRow:
    """The tenant's hold; raises GatewayError NOT-FOUND."""
    row = await session.get(HoldRow, hold_id)
    return _own(row, tenant_id, "No hold of this account has that id.")


async def item_view(
    session: AsyncSession,
    tenant_id: UUID,
    item_id: UUID,
    *,
    on: date,
    known_at: datetime | None = None,
) -> ItemView:
    """One open item as it stood at the end of a date; raises GatewayError NOT-FOUND.

    With ``known_at`` only what was recorded until then counts.
    """
    row = await item_row_of(session, tenant_id, item_id)
    item = await item_of(session, row)
    return ItemView(row, item, state_of(item, on, known_at=known_at))


async def list_customers(
    session: AsyncSession,
    tenant_id: UUID,
    *,
    text: str = "",
    before: UUID | None = None,
    limit: int = 50,
) -> list[Customer]:
    """The tenant's customers, newest first."""
    query = select(Customer).where(Customer.tenant_id == tenant_id)
    if text:
        like = f"%{_escaped(text)}%"
        query = query.where(
            or_(
                col(Customer.name).ilike(like, escape="\\"),
                col(Customer.participant).ilike(like, escape="\\"),
            )
        )
    if before is not None:
        query = query.where(col(Customer.id) < before)
    return list(await session.exec(query.order_by(col(Customer.id).desc()).limit(limit)))


async def customers_by_id(
    session: AsyncSession, tenant_id: UUID, ids: Sequence[UUID]
) -> dict[UUID, Customer]:
    """Some of the tenant's customers by their ids."""
    found = await session.exec(
        select(Customer).where(Customer.tenant_id == tenant_id, col(Customer.id).in_(ids))
    )
    return {one.id: one for one in found}


async def list_holds(session: AsyncSession, tenant_id: UUID, customer_id: UUID) -> list[HoldRow]:
    """Every hold ever placed on a customer or its items, newest first."""
    found = await session.exec(
        select(HoldRow)
        .where(HoldRow.tenant_id == tenant_id, HoldRow.customer_id == customer_id)
        .order_by(col(HoldRow.id).desc())
    )
    return list(found)


async def aged_balance_of(
    session: AsyncSession, tenant_id: UUID, *, on: date, customer_id: UUID | None = None
) -> AgedBalance:
    """The aged balance at the end of a date, past ones included.

    Reads every item that was open then with all its entries: seconds for tens of thousands.
    """
    query = select(ItemRow).where(
        ItemRow.tenant_id == tenant_id,
        col(ItemRow.opened_on) <= on,
        or_(col(ItemRow.closed_on).is_(None), col(ItemRow.closed_on) > on),
    )
    if customer_id is not None:
        query = query.where(ItemRow.customer_id == customer_id)
    rows = list(await session.exec(query))
    items = await load_items(session, rows)
    return await asyncio.to_thread(aged_balance, items.values(), on)
