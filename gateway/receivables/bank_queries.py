"""Reading bank messages and their payments: lists, the queue of what waits for a person."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.receivables.tables import BankMessage, BankPayment, BankPaymentState, ItemRow

__all__ = [
    "QUEUE",
    "bank_message_of",
    "bank_payment_of",
    "count_waiting",
    "list_bank_messages",
    "list_bank_payments",
    "numbers_of",
    "outcomes_of",
]

QUEUE: Final = (
    BankPaymentState.PROPOSED,
    BankPaymentState.UNALLOCATED,
    BankPaymentState.DOUBTFUL,
)
"""The states in which a payment waits for a person."""


async def bank_message_of(session: AsyncSession, tenant_id: UUID, message_id: UUID) -> BankMessage:
    """One bank message of the tenant; raises GatewayError NOT-FOUND for anybody else's."""
    found = await session.get(BankMessage, message_id)
    if found is None or found.tenant_id != tenant_id:
        raise GatewayError(NOT_FOUND, "No bank message of this account has that id.")
    return found


async def bank_payment_of(
    session: AsyncSession, tenant_id: UUID, payment_id: UUID, *, fresh: bool = False
) -> BankPayment:
    """One payment of the tenant, read anew if ``fresh``; raises GatewayError NOT-FOUND."""
    found = await session.get(BankPayment, payment_id, populate_existing=fresh)
    if found is None or found.tenant_id != tenant_id:
        raise GatewayError(NOT_FOUND, "No payment of this account has that id.")
    return found


async def list_bank_messages(
    session: AsyncSession, tenant_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[BankMessage]:
    """Bank messages, newest first, older than ``before``."""
    query = select(BankMessage).where(BankMessage.tenant_id == tenant_id)
    if before is not None:
        query = query.where(col(BankMessage.id) < before)
    return (await session.exec(query.order_by(col(BankMessage.id).desc()).limit(limit))).all()


async def list_bank_payments(
    session: AsyncSession,
    tenant_id: UUID,
    *,
    states: Collection[BankPaymentState] = (),
    message_id: UUID | None = None,
    before: UUID | None = None,
    limit: int,
) -> Sequence[BankPayment]:
    """Payments, newest first, older than ``before``; of any state without ``states``."""
    query = select(BankPayment).where(BankPayment.tenant_id == tenant_id)
    if states:
        query = query.where(col(BankPayment.state).in_(states))
    if message_id is not None:
        query = query.where(BankPayment.bank_message_id == message_id)
    if before is not None:
        query = query.where(col(BankPayment.id) < before)
    return (await session.exec(query.order_by(col(BankPayment.id).desc()).limit(limit))).all()


async def outcomes_of(
    session: AsyncSession, tenant_id: UUID, message_id: UUID
) -> dict[BankPaymentState, int]:
    """How many payments of a message are in which state."""
    found = await session.exec(
        select(BankPayment.state, func.count())
        .where(BankPayment.tenant_id == tenant_id, BankPayment.bank_message_id == message_id)
        .group_by(col(BankPayment.state))
    )
    return {BankPaymentState(state): count for state, count in found}


async def count_waiting(session: AsyncSession, tenant_id: UUID) -> int:
    """How many payments wait for a person."""
    found = await session.exec(
        select(func.count()).where(
            col(BankPayment.tenant_id) == tenant_id, col(BankPayment.state).in_(QUEUE)
        )
    )
    return found.one()


async def numbers_of(
    session: AsyncSession, tenant_id: UUID, items: Collection[UUID]
) -> dict[UUID, str]:
    """What people call these items."""
    found = await session.exec(
        select(ItemRow.id, ItemRow.number).where(
            ItemRow.tenant_id == tenant_id, col(ItemRow.id).in_(items)
        )
    )
    return dict(found.all())
