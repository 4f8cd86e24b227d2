"""Reading the rows of paying: links with their items, initiations with their shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.payments.basket import Basket, basket_of
from gateway.payments.states import UNDER_WAY, InitiationState
from gateway.payments.tables import (
    Initiation,
    InitiationItem,
    PaymentLink,
    PaymentLinkItem,
    ProviderEvent,
)
from gateway.receivables.tables import HoldRow, ItemRow
from reminders.account import HoldReason

__all__ = [
    "BEGUN",
    "TAKEN",
    "UNDECIDED",
    "LinkHistory",
    "baskets_of",
    "histories_of",
    "initiation_of",
    "initiations_of_items",
    "initiations_of_link",
    "items_of_end_to_end_ids",
    "list_links",
    "shares_of",
]

BEGUN = frozenset({InitiationState.CREATED, InitiationState.AUTHORISING})
"""The payer has not authorised anything yet and may begin again."""
TAKEN = UNDER_WAY - BEGUN
"""A bank took the order: nobody is to pay the same again."""
UNDECIDED = BEGUN | {InitiationState.ACCEPTED}
"""The provider may still have news: it is worth asking."""


@dataclass(frozen=True, slots=True)
class LinkHistory:
    """A link with its items, its payments (newest first) and when their provider last spoke."""

    link: PaymentLink
    items: tuple[UUID, ...]
    initiations: tuple[Initiation, ...]
    told_at: Mapping[UUID, datetime]


async def baskets_of(
    session: AsyncSession, links: Sequence[PaymentLink], *, payee: str, today: date
) -> dict[UUID, Basket]:
    """What links of one tenant ask for now, by the link's id."""
    ids = [one.id for one in links]
    found = await session.exec(
        select(PaymentLinkItem.link_id, ItemRow)
        .join(ItemRow, col(ItemRow.id) == col(PaymentLinkItem.item_id))
        .where(col(PaymentLinkItem.link_id).in_(ids))
        .execution_options(populate_existing=True)
    )
    rows: dict[UUID, list[ItemRow]] = {one: [] for one in ids}
    for link_id, row in found:
        rows[link_id].append(row)
    taken = await _taken(session, links, today=today)
    return {
        one.id: basket_of(
            one.currency,
            [row for row in rows[one.id] if row.tenant_id == one.tenant_id],
            under_way=taken,
            payee=payee,
        )
        for one in links
    }


async def _taken(session: AsyncSession, links: Sequence[PaymentLink], *, today: date) -> set[UUID]:
    """The items of links whose payment a bank took, as long as it is waited for.

    A payment is waited for until its hold ends; what is open after that is asked for again.
    """
    items = select(PaymentLinkItem.item_id).where(
        col(PaymentLinkItem.link_id).in_([one.id for one in links])
    )
    found = await session.exec(
        select(InitiationItem.item_id, InitiationItem.initiation_id)
        .join(Initiation, col(Initiation.id) == col(InitiationItem.initiation_id))
        .where(col(InitiationItem.item_id).in_(items), col(Initiation.state).in_(TAKEN))
    )
    pairs = {(item_id, str(initiation_id)) for item_id, initiation_id in found}
    held = await session.exec(
        select(HoldRow.item_id, HoldRow.reference).where(
            col(HoldRow.customer_id).in_({one.customer_id for one in links}),
            HoldRow.reason == HoldReason.PAYMENT_UNDER_WAY,
            col(HoldRow.lifted_at).is_(None),
            or_(col(HoldRow.last_day).is_(None), col(HoldRow.last_day) >= today),
        )
    )
    waited = set(held.all())
    return {item_id for item_id, reference in pairs if (item_id, reference) in waited}


async def initiations_of_items(
    session: AsyncSession,
    tenant_id: UUID,
    items: Sequence[UUID],
    states: frozenset[InitiationState],
) -> list[Initiation]:
    """The payments in these states that have a share for one of the items, newest first."""
    shared = select(InitiationItem.initiation_id).where(col(InitiationItem.item_id).in_(items))
    found = await session.exec(
        select(Initiation)
        .where(
            Initiation.tenant_id == tenant_id,
            col(Initiation.id).in_(shared),
            col(Initiation.state).in_(states),
        )
        .order_by(col(Initiation.id).desc())
        .execution_options(populate_existing=True)
    )
    return list(found)


async def initiations_of_link(
    session: AsyncSession, link_id: UUID, states: frozenset[InitiationState]
) -> list[Initiation]:
    """The payments in these states that were begun from one link, newest first."""
    found = await session.exec(
        select(Initiation)
        .where(Initiation.link_id == link_id, col(Initiation.state).in_(states))
        .order_by(col(Initiation.id).desc())
    )
    return list(found)


async def initiation_of(
    session: AsyncSession, provider: str, *, provider_id: str, initiation_id: UUID | None
) -> Initiation | None:
    """The payment a provider speaks of: by its own id, else by ours.

    Ours counts only where the provider's is not known yet, because the answer that told it
    got lost.
    """
    found = await session.exec(
        select(Initiation).where(
            Initiation.provider == provider, Initiation.provider_id == provider_id
        )
    )
    known = found.first()
    if known is not None or initiation_id is None:
        return known
    ours = await session.get(Initiation, initiation_id)
    if ours is None or ours.provider != provider or ours.provider_id is not None:
        return None
    return ours


async def shares_of(session: AsyncSession, initiation_id: UUID) -> dict[UUID, int]:
    """The share of a payment for each of its items, in minor units."""
    found = await session.exec(
        select(InitiationItem.item_id, InitiationItem.amount_minor).where(
            InitiationItem.initiation_id == initiation_id
        )
    )
    return dict(found.all())


async def items_of_end_to_end_ids(
    session: AsyncSession, tenant_id: UUID, ids: Sequence[str]
) -> dict[str, tuple[UUID, ...]]:
    """The open items each end-to-end id of ours was issued for; others are left out.

    Port ``EndToEndIds`` of the receivables. It does not matter what the provider said of the
    payment: money that comes under an id of ours is for the items it was issued for.
    """
    found = await session.exec(
        select(Initiation.end_to_end_id, InitiationItem.item_id)
        .join(InitiationItem, col(InitiationItem.initiation_id) == col(Initiation.id))
        .where(Initiation.tenant_id == tenant_id, col(Initiation.end_to_end_id).in_(ids))
        .order_by(col(Initiation.id), col(InitiationItem.item_id))
    )
    items: dict[str, tuple[UUID, ...]] = {}
    for end_to_end_id, item_id in found:
        items[end_to_end_id] = (*items.get(end_to_end_id, ()), item_id)
    return items


async def list_links(
    session: AsyncSession, tenant_id: UUID, *, before: UUID | None = None, limit: int = 50
) -> list[PaymentLink]:
    """A tenant's links, newest first; ``before`` is the last of the page before.

    Raises GatewayError NOT-FOUND when ``before`` is no link of the tenant.
    """
    query = select(PaymentLink).where(PaymentLink.tenant_id == tenant_id)
    if before is not None:
        last = await session.get(PaymentLink, before)
        if last is None or last.tenant_id != tenant_id:
            raise GatewayError(NOT_FOUND, "No payment link of this account has that id.")
        at = col(PaymentLink.created_at)
        query = query.where(
            or_(
                at < last.created_at,
                and_(at == last.created_at, col(PaymentLink.id) < last.id),
            )
        )
    ordered = query.order_by(col(PaymentLink.created_at).desc(), col(PaymentLink.id).desc())
    return list(await session.exec(ordered.limit(limit)))


async def histories_of(
    session: AsyncSession, links: Sequence[PaymentLink]
) -> tuple[LinkHistory, ...]:
    """What became of these links, in their order."""
    ids = [one.id for one in links]
    items = await session.exec(
        select(PaymentLinkItem)
        .where(col(PaymentLinkItem.link_id).in_(ids))
        .order_by(col(PaymentLinkItem.item_id))
    )
    named = list(items)
    begun = await session.exec(
        select(Initiation)
        .where(col(Initiation.link_id).in_(ids))
        .order_by(col(Initiation.id).desc())
    )
    payments = list(begun)
    told = await session.exec(
        select(ProviderEvent.initiation_id, func.max(ProviderEvent.received_at))
        .where(col(ProviderEvent.initiation_id).in_([one.id for one in payments]))
        .group_by(col(ProviderEvent.initiation_id))
    )
    told_at = {initiation_id: at for initiation_id, at in told if initiation_id}
    return tuple(
        LinkHistory(
            link=link,
            items=tuple(one.item_id for one in named if one.link_id == link.id),
            initiations=tuple(one for one in payments if one.link_id == link.id),
            told_at=told_at,
        )
        for link in links
    )
