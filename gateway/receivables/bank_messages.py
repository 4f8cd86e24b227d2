"""The desk where bank messages come in: kept, read, reconciled, or refused with the reason.

Every door (API, watched folder, console) comes through here. The same bytes are taken once per
account and give the same answer again. A message of many payments is booked some at a time, each
batch whole; one cut short goes on when the same bytes come again, or by `resume`.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from functools import partial
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.faults import Faults
from gateway.core.jobs.dialect import insert_or_skip
from gateway.exchange.archive import Archive
from gateway.exchange.tables import StoredBlob
from gateway.receivables.bank_booking import MoneyBooks, Receipt
from gateway.receivables.bank_decisions import (
    Accept,
    Decision,
    Plan,
    SetAside,
    check_fit,
    check_waiting,
    customers_of,
    plan,
)
from gateway.receivables.bank_queries import bank_payment_of
from gateway.receivables.bank_reading import Survey, read_payments, survey
from gateway.receivables.bank_rows import payment_of
from gateway.receivables.ledger import Ledger
from gateway.receivables.ports import EndToEndIds, PaymentArrived
from gateway.receivables.reconciliation import Reconciliation, hold_desk, lock_customers
from gateway.receivables.tables import (
    BankMessage,
    BankMessageState,
    BankOrigin,
    BankPayment,
    BankPaymentState,
    CustomerAccount,
)
from reminders.bank import Direction
from reminders.camt_fields import BankMessageRefused
from reminders.payments import Payment

__all__ = ["BATCH", "BankDesk", "Taken"]

log = structlog.get_logger(__name__)

BATCH: Final = 100
"""Payments booked in one transaction; on SQLite everybody else waits that long."""

_MAX_FILE_NAME: Final = 300
_MAX_NOTE: Final = 500
_ABANDONED_AFTER: Final = timedelta(minutes=10)
_DEADLOCK: Final = "40P01"  # PostgreSQL's SQLSTATE deadlock_detected
_ATTEMPTS: Final = 5

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Taken:
    """A bank message at the desk; ``new`` is false where the same bytes had come before."""

    message: BankMessage
    new: bool


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Bytes that came by one door, and how they are kept."""

    tenant_id: UUID
    content: bytes
    sha256: str
    origin: BankOrigin
    file_name: str


class BankDesk:
    """Takes bank messages in and carries out what people decide about their payments."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        ledger: Ledger,
        issued_ids: EndToEndIds,
        arrivals: Sequence[PaymentArrived],
        zone: tzinfo,
        now: MachineClock,
        today: Callable[[], date],
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._money = MoneyBooks(ledger=ledger, now=now, today=today)
        self._reconciliation = Reconciliation(
            money=self._money, issued_ids=issued_ids, arrivals=arrivals, now=now
        )
        self._zone = zone
        self._now = now
        self._faults = faults

    async def take(
        self,
        tenant_id: UUID,
        content: bytes,
        *,
        origin: BankOrigin,
        file_name: str = "",
        caller: Principal | None = None,
    ) -> Taken:
        """Keep a bank message and book its payments, or keep it as refused.

        ``caller`` is audited where a person or program sent it. A message refused before is read
        again, for a newer gateway may know it. Raises GatewayError STORAGE-FULL, with nothing
        taken.
        """
        if caller is not None:
            caller.require("receivables:write")
        digest = (await asyncio.to_thread(hashlib.sha256, content)).hexdigest()
        arrival = _Arrival(tenant_id, content, digest, origin, file_name[:_MAX_FILE_NAME])
        async with self._database.read() as session:
            known = await _message_of(session, tenant_id, digest)
        if known is not None and known.state is BankMessageState.BOOKED:
            return Taken(known, new=False)
        try:
            read = await asyncio.to_thread(survey, content, self._zone)
        except BankMessageRefused as refused:
            return await self._refuse(arrival, known, refused, caller)
        return await self._book(arrival, known, read, caller)

    async def resume(self) -> int:
        """Go on with messages whose booking was cut short some time ago; returns how many."""
        async with self._database.read() as session:
            found = await session.exec(
                select(BankMessage)
                .where(
                    BankMessage.state == BankMessageState.BOOKING,
                    col(BankMessage.received_at) < self._now() - _ABANDONED_AFTER,
                )
                .order_by(col(BankMessage.id))
            )
            cut_short = list(found)
        resumed = 0
        for one in cut_short:
            try:
                async with self._database.read() as session:
                    content = await self._archive.fetch(session, one.content_id)
            except GatewayError as error:
                # Bytes that are missing or damaged are for the operator; others need not wait.
                log.error("bank.not_resumed", bank_message=str(one.id), code=error.code)
                continue
            try:
                await self.take(one.tenant_id, content, origin=one.origin, file_name=one.file_name)
            except Exception:
                # A fault of ours with one message must not keep the others and the folder waiting.
                log.exception("bank.not_resumed", bank_message=str(one.id))
                continue
            log.info("bank.resumed", bank_message=str(one.id))
            resumed += 1
        return resumed

    async def decide(self, caller: Principal, payment_id: UUID, decision: Decision) -> BankPayment:
        """Carry out a person's decision about a payment that waits.

        From an allocation to one customer the gateway learns that the customer pays from that
        account. Raises GatewayError NOT-FOUND, BANK-DECIDED, BANK-STALE, BANK-ALLOCATION or
        LEDGER-REFUSED.
        """
        caller.require("receivables:write")
        row = await _despite_deadlocks(partial(self._decide, caller, payment_id, decision))
        self._faults.reach("row-committed")
        return row

    async def _decide(self, caller: Principal, payment_id: UUID, decision: Decision) -> BankPayment:
        async with self._database.write() as session:
            await hold_desk(session, caller.tenant_id)
            row = await bank_payment_of(session, caller.tenant_id, payment_id, fresh=True)
            check_waiting(row)
            if isinstance(decision, SetAside):
                row.state = BankPaymentState.SET_ASIDE
                row.result = {**row.result, "note": decision.note[:_MAX_NOTE]}
            else:
                await self._carry_out(session, row, await plan(session, row, decision))
            row.decided_by, row.decided_at = caller.actor, self._now()
            session.add(row)
            audit(
                session,
                caller,
                action="bank-payment.decided",
                object=str(row.id),
                state=str(row.state),
                proposal=decision.number if isinstance(decision, Accept) else "",
            )
        return row

    async def _carry_out(self, session: AsyncSession, row: BankPayment, planned: Plan) -> None:
        customers = await customers_of(session, row.tenant_id, planned)
        await lock_customers(session, row.tenant_id, customers)
        await check_fit(session, row, planned)
        message = await session.get_one(BankMessage, row.bank_message_id)
        receipt = Receipt(
            payment=payment_of(row),
            tenant_id=row.tenant_id,
            evidence_id=message.content_id,
            reason=planned.reason,
            customer_id=planned.customer_id,
            allocations=planned.allocations,
            unapplied_minor=planned.unapplied_minor,
        )
        if row.direction is Direction.DEBIT:
            row.result = await self._money.pay_out(session, receipt)
        else:
            row.result = await self._reconciliation.receive(session, receipt)
            if len(customers) == 1:
                await self._learn(session, row, planned.customer_id)
        row.state, row.reason = BankPaymentState.MATCHED, planned.reason
        row.customer_id = planned.customer_id

    async def _learn(self, session: AsyncSession, row: BankPayment, customer_id: UUID) -> None:
        """Remember that the customer pays from this account."""
        if row.party_iban:
            await session.exec(
                insert_or_skip(session, CustomerAccount).values(
                    customer_id=customer_id,
                    iban=row.party_iban,
                    tenant_id=row.tenant_id,
                    learnt_at=self._now(),
                )
            )

    async def _refuse(
        self,
        arrival: _Arrival,
        known: BankMessage | None,
        refused: BankMessageRefused,
        caller: Principal | None,
    ) -> Taken:
        """Keep a message that cannot be taken in, with the reason."""
        stored = None if known else await self._keep(arrival)
        async with self._database.write() as session:
            message, new = await self._enter(session, arrival, stored, caller)
            if new or message.state is BankMessageState.REFUSED:
                message.state = BankMessageState.REFUSED
                message.failure_code, message.failure_text = refused.code, refused.message
                session.add(message)
        self._faults.reach("row-committed")
        return Taken(message, new)

    async def _book(
        self,
        arrival: _Arrival,
        known: BankMessage | None,
        read: Survey,
        caller: Principal | None,
    ) -> Taken:
        """Book a message that can be trusted, one batch of payments per transaction."""
        stored = None if known else await self._keep(arrival)
        left, entered_here = read.payments, False
        async with _batches(arrival.content, self._zone) as next_batch:
            while True:
                batch = await next_batch()
                left -= len(batch)
                last = left <= 0
                step = partial(
                    self._book_batch, arrival, stored, read, batch, caller=caller, last=last
                )
                message, new = await _despite_deadlocks(step)
                entered_here |= new
                self._faults.reach("row-committed")
                if message.state is BankMessageState.BOOKED:
                    return Taken(message, entered_here)

    async def _book_batch(
        self,
        arrival: _Arrival,
        stored: StoredBlob | None,
        read: Survey,
        batch: Sequence[Payment],
        *,
        caller: Principal | None,
        last: bool,
    ) -> tuple[BankMessage, bool]:
        """Book some payments of a message in one transaction; the last finish it."""
        async with self._database.write() as session:
            message, new = await self._enter(session, arrival, stored, caller)
            if message.state is not BankMessageState.BOOKED:
                _describe(message, read)
                await self._reconciliation.reconcile(session, message, batch)
                if last:
                    await _finish(session, message, read)
                session.add(message)
        return message, new

    async def _keep(self, arrival: _Arrival) -> StoredBlob:
        """Make the bytes durable before anything is said about them."""
        stored = await self._archive.keep(
            arrival.content,
            purpose="bank-message",
            media_type="application/xml",
            tenant_id=arrival.tenant_id,
        )
        self._faults.reach("blob-fsynced")
        return stored

    async def _enter(
        self,
        session: AsyncSession,
        arrival: _Arrival,
        stored: StoredBlob | None,
        caller: Principal | None,
    ) -> tuple[BankMessage, bool]:
        """The row of these bytes, made if nobody has yet; the desk is held from here on."""
        await hold_desk(session, arrival.tenant_id)
        message = await _message_of(session, arrival.tenant_id, arrival.sha256)
        if message is not None:
            return message, False
        # Rows are never removed, so one that was not found has fresh bytes to go with it.
        stored = stored or await self._keep(arrival)
        session.add(stored)
        await session.flush()
        message = BankMessage(
            tenant_id=arrival.tenant_id,
            content_id=stored.id,
            sha256=arrival.sha256,
            origin=arrival.origin,
            file_name=arrival.file_name,
            state=BankMessageState.BOOKING,
            received_at=self._now(),
        )
        session.add(message)
        await session.flush()
        if caller is not None:
            audit(
                session,
                caller,
                action="bank-message.taken",
                object=str(message.id),
                sha256=message.sha256,
            )
        return message, True


async def _despite_deadlocks(step: Callable[[], Awaitable[_Made]]) -> _Made:
    """Do a whole transaction again when the database had to break a deadlock with it.

    Others may lock a document before its customer, as answers of buyers do.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await step()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _DEADLOCK:
                raise
            log.info("bank.deadlock")
    return await step()


@asynccontextmanager
async def _batches(
    content: bytes, zone: tzinfo
) -> AsyncIterator[Callable[[], "asyncio.Future[list[Payment]]"]]:
    """Read the payments some at a time, all in one thread: an XML parser belongs to its thread."""
    loop = asyncio.get_running_loop()
    payments = read_payments(content, zone)
    thread = ThreadPoolExecutor(1, thread_name_prefix="bank-reading")
    try:
        yield lambda: loop.run_in_executor(thread, lambda: list(islice(payments, BATCH)))
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


async def _message_of(session: AsyncSession, tenant_id: UUID, sha256: str) -> BankMessage | None:
    found = await session.exec(
        select(BankMessage)
        .where(BankMessage.tenant_id == tenant_id, BankMessage.sha256 == sha256)
        .execution_options(populate_existing=True)
    )
    return found.first()


def _describe(message: BankMessage, read: Survey) -> None:
    message.kind, message.message_id = str(read.kind), read.message_id
    message.account = (read.accounts[0] if len(read.accounts) == 1 else "")[:100]
    message.state = BankMessageState.BOOKING
    message.failure_code = message.failure_text = None


async def _finish(session: AsyncSession, message: BankMessage, read: Survey) -> None:
    """Everything is booked; what has no row of this message was known from another."""
    await session.flush()
    own = await session.exec(
        select(func.count()).where(col(BankPayment.bank_message_id) == message.id)
    )
    message.payments = read.payments
    message.repeated = read.payments - own.one()
    message.state = BankMessageState.BOOKED
