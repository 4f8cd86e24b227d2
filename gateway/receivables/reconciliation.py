"""Payments of bank messages against open items: told apart, matched, booked, or left for a person.

Works inside the caller's transaction. Payments of one account are reconciled one batch at a time
(`hold_desk`), or the notification and the statement of one day could both be new; after that the
customers are locked in the order of their ids, as by everybody who locks several.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.jobs.dialect import is_postgresql
from gateway.receivables.bank_booking import MoneyBooks, Receipt
from gateway.receivables.bank_evidence import Books, Pointers, load_books, point
from gateway.receivables.bank_rows import (
    content_digest,
    payment_of,
    proposals_json,
    twin_digest,
    values_of,
)
from gateway.receivables.ledger import LEDGER_REFUSED, lock_customer
from gateway.receivables.ports import EndToEndIds, PaymentArrived
from gateway.receivables.tables import BankMessage, BankPayment, BankPaymentState
from reminders.matching import match, payment_name
from reminders.matching_values import (
    Matched,
    Proposal,
    Proposed,
    Reason,
    Reopened,
    Result,
)
from reminders.payments import Payment, sift

__all__ = [
    "LEFT_BY_LEDGER",
    "POSSIBLE_REPETITION",
    "Reconciliation",
    "hold_desk",
    "lock_customers",
]

log = structlog.get_logger(__name__)

POSSIBLE_REPETITION: Final = "possible-repetition"
"""The bank gave no reference to tell by, and another payment says the same."""
LEFT_BY_LEDGER: Final = "ledger-refused"
"""The match was certain, but the ledger has moved on: a credit that came back was used."""

_CHUNK: Final = 500
_NO_CUSTOMER: Final = frozenset({Reason.MONEY_SENT, Reason.NO_AMOUNT})


async def hold_desk(session: AsyncSession, tenant_id: UUID) -> None:
    """Let nobody else reconcile payments of this account until the transaction ends.

    A lock of its own on PostgreSQL, not that of the account's row: whoever holds a customer may
    want that row, and customers are locked after the desk. SQLite has one writer at a time.
    """
    if is_postgresql(session):
        key = int.from_bytes(tenant_id.bytes[-8:], signed=True)
        await session.exec(select(func.pg_advisory_xact_lock(key)))


async def lock_customers(session: AsyncSession, tenant_id: UUID, ids: Iterable[UUID]) -> None:
    """Lock several customers, always in the same order."""
    for customer_id in sorted(ids):
        await lock_customer(session, tenant_id, customer_id)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the row of a payment says of it."""

    state: BankPaymentState
    reason: str
    customer_id: UUID | None
    result: Mapping[str, Any]


class Reconciliation:
    """Decides what payments are for and books what is certain."""

    def __init__(
        self,
        *,
        money: MoneyBooks,
        issued_ids: EndToEndIds,
        arrivals: Sequence[PaymentArrived],
        now: Callable[[], datetime],
    ) -> None:
        self._money = money
        self._issued_ids = issued_ids
        self._arrivals = tuple(arrivals)
        self._now = now

    async def reconcile(
        self, session: AsyncSession, message: BankMessage, payments: Sequence[Payment]
    ) -> list[BankPayment]:
        """Book what is new among the payments; returns their rows. The desk is held."""
        known = await _known(session, message.tenant_id, payments)
        sifted = sift(payments, [payment_of(row) for row in known])
        new = (*sifted.new, *sifted.doubtful)
        if not new:
            return []
        found = await point(session, message.tenant_id, new, issued_ids=self._issued_ids)
        await lock_customers(session, message.tenant_id, found.customers)
        books = await load_books(session, message.tenant_id, sifted.new, found)
        rows = [
            await self._keep(session, message, result, books)
            for result in _in_booking_order(await _match(sifted.new, books))
        ]
        if sifted.doubtful:
            alike = _Alike((*known, *rows))
            rows += await self._doubt(session, message, sifted.doubtful, found, alike)
        return rows

    async def receive(self, session: AsyncSession, receipt: Receipt) -> dict[str, Any]:
        """Book money that came and tell those who waited for it; returns the row's result."""
        result = await self._money.receive(session, receipt)
        if end_to_end_id := receipt.payment.end_to_end_id:
            for waiting in self._arrivals:
                await waiting.arrived(session, receipt.tenant_id, end_to_end_id, self._now())
        return result

    async def _doubt(
        self,
        session: AsyncSession,
        message: BankMessage,
        payments: Sequence[Payment],
        found: Pointers,
        alike: "_Alike",
    ) -> list[BankPayment]:
        """Keep what may be a repetition, with what it would be for if it is not."""
        books = await load_books(session, message.tenant_id, payments, found)
        rows = []
        for result in await _match(payments, books):
            verdict = _Verdict(
                BankPaymentState.DOUBTFUL,
                POSSIBLE_REPETITION,
                None,
                {
                    "like": alike.to(result.payment),
                    "proposals": proposals_json(_proposals(result)),
                },
            )
            rows.append(await self._enter(session, message, result.payment, verdict))
        return rows

    async def _keep(
        self, session: AsyncSession, message: BankMessage, result: Result, books: Books
    ) -> BankPayment:
        """Book a result and enter the payment with what became of it."""
        try:
            async with session.begin_nested():
                verdict = await self._settle(session, message, result, books)
        except GatewayError as refused:
            if refused.kind is not LEDGER_REFUSED:
                raise
            log.warning("bank.left_by_ledger", fault=refused.facts.get("fault"))
            customer = result.customer if isinstance(result, Matched) else None
            verdict = _Verdict(
                BankPaymentState.UNALLOCATED,
                LEFT_BY_LEDGER,
                UUID(customer) if customer else None,
                {},
            )
        return await self._enter(session, message, result.payment, verdict)

    async def _settle(
        self, session: AsyncSession, message: BankMessage, result: Result, books: Books
    ) -> _Verdict:
        if isinstance(result, Matched):
            receipt = Receipt(
                payment=result.payment,
                tenant_id=message.tenant_id,
                evidence_id=message.content_id,
                reason=result.reason,
                customer_id=UUID(result.customer),
                allocations=result.allocations,
                unapplied_minor=result.unapplied_minor,
            )
            kept = await self.receive(session, receipt)
            return _Verdict(BankPaymentState.MATCHED, result.reason, receipt.customer_id, kept)
        if isinstance(result, Reopened):
            return await self._reopen(session, message, result)
        if isinstance(result, Proposed):
            first = result.proposals[0]
            return _Verdict(
                BankPaymentState.PROPOSED,
                first.reason,
                UUID(first.customer),
                {"proposals": proposals_json(result.proposals)},
            )
        aside = result.reason in _NO_CUSTOMER
        return _Verdict(
            BankPaymentState.SET_ASIDE if aside else BankPaymentState.UNALLOCATED,
            result.reason,
            UUID(result.customer) if result.customer else None,
            {},
        )

    async def _reopen(
        self, session: AsyncSession, message: BankMessage, returned: Reopened
    ) -> _Verdict:
        settlement = (
            await session.exec(
                select(BankPayment).where(
                    BankPayment.tenant_id == message.tenant_id,
                    BankPayment.name == returned.settlement,
                )
            )
        ).one()
        kept = await self._money.take_back(
            session, returned, settlement, evidence_id=message.content_id
        )
        return _Verdict(BankPaymentState.REOPENED, returned.reason, settlement.customer_id, kept)

    async def _enter(
        self, session: AsyncSession, message: BankMessage, payment: Payment, verdict: _Verdict
    ) -> BankPayment:
        row = BankPayment(
            tenant_id=message.tenant_id,
            bank_message_id=message.id,
            state=verdict.state,
            reason=str(verdict.reason),
            customer_id=verdict.customer_id,
            result=dict(verdict.result),
            created_at=self._now(),
            **values_of(payment),
        )
        session.add(row)
        await session.flush()
        return row


class _Alike:
    """Which payment another may repeat: the first of the same content, bank reference or name."""

    def __init__(self, rows: Iterable[BankPayment]) -> None:
        self._names: dict[str | None, str] = {}
        for row in rows:
            for mark in (row.content, row.twin, row.name):
                self._names.setdefault(mark, row.name)

    def to(self, payment: Payment) -> str:
        """The name of that payment, or nothing."""
        # An identity that was taken goes on with what tells it apart.
        taken, _, _ = payment.id.entry.partition("~")
        namesake = payment_name(replace(payment.id, entry=taken))
        marks = (content_digest(payment), twin_digest(payment), namesake)
        return next((self._names[one] for one in marks if one and one in self._names), "")


async def _match(payments: Sequence[Payment], books: Books) -> tuple[Result, ...]:
    return await asyncio.to_thread(
        match,
        payments,
        items=books.items,
        customers=books.customers,
        settlements=books.settlements,
    )


def _in_booking_order(results: Iterable[Result]) -> list[Result]:
    """Money that came before money taken back: a return may undo a payment of its own file."""
    return sorted(results, key=lambda one: isinstance(one, Reopened))


def _proposals(result: Result) -> tuple[Proposal, ...]:
    if isinstance(result, Proposed):
        return result.proposals
    if isinstance(result, Matched):
        return (
            Proposal(result.reason, result.customer, result.allocations, result.unapplied_minor),
        )
    return ()


async def _known(
    session: AsyncSession, tenant_id: UUID, payments: Sequence[Payment]
) -> list[BankPayment]:
    """The payments taken in before that these may repeat, in the order they came."""
    rows: dict[UUID, BankPayment] = {}
    for start in range(0, len(payments), _CHUNK):
        some = payments[start : start + _CHUNK]
        twins = {twin_digest(one) for one in some} - {None}
        alike = {content_digest(one) for one in some if one.twin_key is None}
        for column, values in (
            (BankPayment.name, {payment_name(one.id) for one in some}),
            (BankPayment.twin, twins),
            (BankPayment.content, alike),
        ):
            found = await session.exec(
                select(BankPayment).where(
                    BankPayment.tenant_id == tenant_id, col(column).in_(values)
                )
            )
            rows |= {row.id: row for row in found}
    return sorted(rows.values(), key=lambda row: (row.created_at, row.name))
