"""What a person decides about a payment that waits: accept a proposal, allocate, keep, set aside.

A decision is checked against the items as they are now, under the locks of their customers; one
that no longer fits is refused, never bent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.receivables.bank_errors import ALLOCATION_INVALID, DECISION_TAKEN, PROPOSAL_STALE
from gateway.receivables.bank_rows import proposals_of
from gateway.receivables.tables import BankPayment, BankPaymentState, ItemRow
from reminders.bank import Direction
from reminders.matching_values import Allocation

__all__ = [
    "BY_HAND",
    "Accept",
    "Allocate",
    "Decision",
    "Plan",
    "SetAside",
    "Unapplied",
    "check_fit",
    "check_waiting",
    "customers_of",
    "plan",
]

BY_HAND: Final = "by-hand"
"""The reason of an allocation that a person made."""

_WAITING: Final = frozenset(
    {
        BankPaymentState.PROPOSED,
        BankPaymentState.UNALLOCATED,
        BankPaymentState.DOUBTFUL,
        BankPaymentState.SET_ASIDE,
    }
)


@dataclass(frozen=True, slots=True)
class Accept:
    """Take a proposal; ``number`` counts from 0, the likeliest first."""

    number: int


@dataclass(frozen=True, slots=True)
class Allocate:
    """Share the payment out over open items.

    Of money that came, shares above zero pay claims, shares below zero use credits, and the rest
    becomes credit. Of money that went, shares above zero reopen claims, shares below zero pay
    credits back, and nothing may be left.
    """

    shares: tuple[tuple[UUID, int], ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """The payment concerns no customer; ``note`` says why, in the person's words."""

    note: str


@dataclass(frozen=True, slots=True)
class Unapplied:
    """The customer paid, but nothing in particular: keep all of it as credit."""

    customer_id: UUID


Decision = Accept | Allocate | SetAside | Unapplied


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision in terms of open items; the customer owns what is left as credit."""

    reason: str
    customer_id: UUID
    allocations: tuple[Allocation, ...]
    unapplied_minor: int


def check_waiting(row: BankPayment) -> None:
    """Refuse a decision on what is booked already; raises GatewayError BANK-DECIDED."""
    if row.state not in _WAITING:
        raise GatewayError(
            DECISION_TAKEN,
            f"This payment is '{row.state}' already. Look at it again before deciding.",
            payment=str(row.id),
            state=str(row.state),
        )


async def plan(
    session: AsyncSession, row: BankPayment, decision: Accept | Allocate | Unapplied
) -> Plan:
    """Read a decision; raises GatewayError BANK-STALE, BANK-ALLOCATION or NOT-FOUND."""
    if isinstance(decision, Accept):
        proposals = proposals_of(row)
        if not 0 <= decision.number < len(proposals):
            raise GatewayError(
                PROPOSAL_STALE,
                "There is no such proposal for this payment. Look at it again.",
                payment=str(row.id),
            )
        chosen = proposals[decision.number]
        return Plan(
            chosen.reason, UUID(chosen.customer), chosen.allocations, chosen.unapplied_minor
        )
    if isinstance(decision, Unapplied):
        if row.direction is Direction.DEBIT:
            raise _invalid(row, "Money that went cannot be kept as credit.")
        return Plan(BY_HAND, decision.customer_id, (), row.minor)
    return await _plan_shares(session, row, decision)


async def _plan_shares(session: AsyncSession, row: BankPayment, decision: Allocate) -> Plan:
    ids = [item for item, _ in decision.shares]
    if not ids or len(set(ids)) != len(ids) or any(not minor for _, minor in decision.shares):
        raise _invalid(row, "Name each item once, with an amount that is not zero.")
    found = await session.exec(
        select(ItemRow.id, ItemRow.customer_id).where(
            ItemRow.tenant_id == row.tenant_id, col(ItemRow.id).in_(ids)
        )
    )
    owners = dict(found.all())
    if len(owners) != len(ids):
        raise GatewayError(NOT_FOUND, "An item of the allocation is none of this account.")
    # Credits last: claims are paid in the order they were given.
    shares = sorted(decision.shares, key=lambda one: one[1] < 0)
    rest = row.minor - sum(minor for _, minor in shares)
    if row.direction is Direction.DEBIT:
        rest = row.minor - sum(abs(minor) for _, minor in shares)
    if rest < 0:
        raise _invalid(row, "The shares come to more than the payment. Allocate less.")
    if row.direction is Direction.CREDIT and _lends(shares, owners):
        raise _invalid(row, "A credit pays claims on its own customer, and no more than they are.")
    if rest and (row.direction is Direction.DEBIT or len(set(owners.values())) > 1):
        raise _invalid(
            row, "Something is left over, and it is not clear whose. Allocate all of it."
        )
    return Plan(
        BY_HAND,
        owners[ids[0]],
        tuple(Allocation(str(item), minor) for item, minor in shares),
        rest,
    )


def _lends(shares: Iterable[tuple[UUID, int]], owners: Mapping[UUID, UUID]) -> bool:
    """Whether a customer's credits come to more than what is paid of that customer's claims."""
    sums: dict[UUID, int] = {}
    for item, minor in shares:
        sums[owners[item]] = sums.get(owners[item], 0) + minor
    return any(one < 0 for one in sums.values())


async def customers_of(session: AsyncSession, tenant_id: UUID, planned: Plan) -> frozenset[UUID]:
    """Everybody whose items the plan touches."""
    ids = [UUID(one.item) for one in planned.allocations]
    found = await session.exec(
        select(ItemRow.customer_id).where(ItemRow.tenant_id == tenant_id, col(ItemRow.id).in_(ids))
    )
    return frozenset({planned.customer_id, *found})


async def check_fit(session: AsyncSession, row: BankPayment, planned: Plan) -> None:
    """Refuse shares that exceed what is open now; raises GatewayError BANK-STALE, BANK-ALLOCATION.

    What money that went may reopen is for the ledger to say.
    """
    found = await session.exec(
        select(ItemRow)
        .where(
            ItemRow.tenant_id == row.tenant_id,
            col(ItemRow.id).in_([UUID(one.item) for one in planned.allocations]),
        )
        .execution_options(populate_existing=True)
    )
    items = {str(one.id): one for one in found}
    _check_kinds(row, planned.allocations, items.values())
    for share in planned.allocations:
        item = items[share.item]
        if row.direction is Direction.CREDIT and abs(share.minor) > abs(item.open_minor):
            raise GatewayError(
                PROPOSAL_STALE,
                f"Of {item.number} less is open than that. Look at the payment again and decide "
                "on what is open now.",
                payment=str(row.id),
                item=share.item,
            )


def _check_kinds(row: BankPayment, shares: Sequence[Allocation], items: Iterable[ItemRow]) -> None:
    by_id = {str(one.id): one for one in items}
    for share in shares:
        item = by_id[share.item]
        if item.currency != row.currency:
            raise _invalid(row, f"{item.number} is in {item.currency}, the payment is not.")
        if item.kind.is_credit != (share.minor < 0):
            raise _invalid(row, "Claims take amounts above zero; credits take amounts below zero.")


def _invalid(row: BankPayment, message: str) -> GatewayError:
    return GatewayError(ALLOCATION_INVALID, message, payment=str(row.id))
