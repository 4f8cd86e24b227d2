"""What the bank pages show: payments with what they are for, and what a person may choose.

Reads only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.receivables.bank_queries import QUEUE
from gateway.receivables.bank_rows import allocations_of, payment_of, proposals_of
from gateway.receivables.queries import Filters, Standing, customers_by_id, list_items
from gateway.receivables.tables import BankPayment, BankPaymentState, Customer, ItemRow
from reminders.bank import Direction
from reminders.matching_values import Allocation, Proposal
from reminders.payments import Payment

__all__ = [
    "STATES",
    "Choices",
    "PaymentView",
    "ProposalView",
    "Share",
    "Tab",
    "choices_for",
    "outcomes_by_message",
    "payment_named",
    "payment_views",
]

_CHUNK: Final = 400
_CHOICES: Final = 30


class Tab(StrEnum):
    """Which payments the queue shows."""

    WAITING = "waiting"
    PROPOSED = "proposed"
    UNALLOCATED = "unallocated"
    DOUBTFUL = "doubtful"
    MATCHED = "matched"
    ALL = "all"


STATES: Final[Mapping[Tab, Collection[BankPaymentState]]] = {
    Tab.WAITING: QUEUE,
    Tab.PROPOSED: (BankPaymentState.PROPOSED,),
    Tab.UNALLOCATED: (BankPaymentState.UNALLOCATED,),
    Tab.DOUBTFUL: (BankPaymentState.DOUBTFUL,),
    Tab.MATCHED: (BankPaymentState.MATCHED,),
    Tab.ALL: (),
}
"""The states behind each tab; none for every state."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a payment for one item, in minor units; below zero uses a credit."""

    item: ItemRow
    minor: int


@dataclass(frozen=True, slots=True)
class ProposalView:
    """One way to allocate a payment. ``number`` counts from 0; ``fits`` says it still can be."""

    number: int
    reason: str
    customer: Customer | None
    shares: tuple[Share, ...]
    unapplied_minor: int
    fits: bool


@dataclass(frozen=True, slots=True)
class PaymentView:
    """One payment with the bank's words, what it was allocated to, and what is proposed."""

    row: BankPayment
    payment: Payment
    customer: Customer | None
    shares: tuple[Share, ...]
    unapplied_minor: int
    proposals: tuple[ProposalView, ...]

    @property
    def waits(self) -> bool:
        """Whether a person is to decide."""
        return self.row.state in QUEUE

    @property
    def came(self) -> bool:
        """Whether the money came, or went."""
        return self.row.direction is Direction.CREDIT

    @property
    def signed_minor(self) -> int:
        """The amount as it moved the account."""
        return self.row.minor if self.came else -self.row.minor

    @property
    def day(self) -> date | None:
        """The value date, else the booking date."""
        return self.row.valued or self.row.booked


async def payment_named(session: AsyncSession, tenant_id: UUID, name: str) -> BankPayment | None:
    """The payment the bank gave this name, such as the one another may repeat."""
    found = await session.exec(
        select(BankPayment).where(BankPayment.tenant_id == tenant_id, BankPayment.name == name)
    )
    return found.first()


async def payment_views(
    session: AsyncSession, tenant_id: UUID, rows: Sequence[BankPayment]
) -> list[PaymentView]:
    """Payments with the items and customers they speak of."""
    proposals = {row.id: proposals_of(row) for row in rows}
    item_ids, customer_ids = set[UUID](), {row.customer_id for row in rows if row.customer_id}
    for row in rows:
        item_ids |= {UUID(one.item) for one in allocations_of(row.result)}
        for proposal in proposals[row.id]:
            item_ids |= {UUID(one.item) for one in proposal.allocations}
            customer_ids.add(UUID(proposal.customer))
    items = await _items(session, tenant_id, sorted(item_ids))
    customers = await customers_by_id(session, tenant_id, sorted(customer_ids))
    return [_view(row, proposals[row.id], items, customers) for row in rows]


def _view(
    row: BankPayment,
    proposals: Sequence[Proposal],
    items: Mapping[UUID, ItemRow],
    customers: Mapping[UUID, Customer],
) -> PaymentView:
    unapplied = row.result.get("unapplied")
    return PaymentView(
        row=row,
        payment=payment_of(row),
        customer=customers.get(row.customer_id) if row.customer_id else None,
        shares=_shares(allocations_of(row.result), items),
        unapplied_minor=unapplied["minor"] if unapplied else 0,
        proposals=tuple(
            _proposal(number, one, items, customers) for number, one in enumerate(proposals)
        ),
    )


def _proposal(
    number: int,
    proposal: Proposal,
    items: Mapping[UUID, ItemRow],
    customers: Mapping[UUID, Customer],
) -> ProposalView:
    shares = _shares(proposal.allocations, items)
    return ProposalView(
        number=number,
        reason=str(proposal.reason),
        customer=customers.get(UUID(proposal.customer)),
        shares=shares,
        unapplied_minor=proposal.unapplied_minor,
        fits=all(abs(one.minor) <= abs(one.item.open_minor) for one in shares),
    )


def _shares(allocations: Sequence[Allocation], items: Mapping[UUID, ItemRow]) -> tuple[Share, ...]:
    return tuple(Share(items[UUID(one.item)], one.minor) for one in allocations)


async def _items(
    session: AsyncSession, tenant_id: UUID, ids: Sequence[UUID]
) -> dict[UUID, ItemRow]:
    found: dict[UUID, ItemRow] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = await session.exec(
            select(ItemRow).where(
                ItemRow.tenant_id == tenant_id,
                col(ItemRow.id).in_(ids[start : start + _CHUNK]),
            )
        )
        found |= {one.id: one for one in rows}
    return found


@dataclass(frozen=True, slots=True)
class Choices:
    """What a payment may be allocated to by hand, and whose credit it may become."""

    items: tuple[tuple[ItemRow, Customer], ...]
    customers: tuple[Customer, ...]


async def choices_for(session: AsyncSession, view: PaymentView, *, text: str, on: date) -> Choices:
    """The items found by a text, or those of whom the payment seems to come from.

    Of money that went, items that are paid may be chosen too: it may take a payment back.
    """
    tenant_id = view.row.tenant_id
    standing = Standing.OPEN if view.came else Standing.ALL
    likely = [view.customer, *(one.customer for one in view.proposals)]
    wanted: list[UUID | None] = [None] if text else list({one.id for one in likely if one})
    rows: list[ItemRow] = []
    for customer_id in wanted:
        rows += await list_items(
            session,
            tenant_id,
            filters=Filters(standing, customer_id, text),
            on=on,
            limit=_CHOICES,
        )
    rows = [one for one in rows if one.currency == view.row.currency][:_CHOICES]
    customers = await customers_by_id(session, tenant_id, sorted({one.customer_id for one in rows}))
    known = {one.id: one for one in likely if one} | customers
    return Choices(
        items=tuple(
            (one, customers[one.customer_id])
            for one in sorted(rows, key=lambda one: (one.due_date or date.max, one.number))
        ),
        customers=tuple(sorted(known.values(), key=lambda one: one.name.casefold())),
    )


async def outcomes_by_message(
    session: AsyncSession, tenant_id: UUID, ids: Sequence[UUID]
) -> dict[UUID, dict[BankPaymentState, int]]:
    """How many payments of each bank message are in which state."""
    found = await session.exec(
        select(BankPayment.bank_message_id, BankPayment.state, func.count())
        .where(BankPayment.tenant_id == tenant_id, col(BankPayment.bank_message_id).in_(ids))
        .group_by(col(BankPayment.bank_message_id), col(BankPayment.state))
    )
    outcomes: dict[UUID, dict[BankPaymentState, int]] = {one: {} for one in ids}
    for message_id, state, number in found:
        outcomes[message_id][BankPaymentState(state)] = number
    return outcomes
