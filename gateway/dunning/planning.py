"""The planning run: every customer of every account, once a business date, as often as one likes.

Each customer is planned in a transaction of its own. What stands already stays as it is, so a run
that was killed, or comes twice, changes nothing that is right.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import update
from sqlmodel import col, func, select, union
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.tables import Tenant
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.faults import Faults
from gateway.core.ids import new_id
from gateway.core.jobs.dialect import insert_or_skip
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext
from gateway.dunning.facts import (
    Standing,
    action_of,
    lines_of,
    only_closed,
    reason_of,
    standing_of,
)
from gateway.dunning.lanes import RUN
from gateway.dunning.states import MAY_ARRIVE, PENDING, ReminderEvent, ReminderState
from gateway.dunning.steps import (
    add_step,
    enqueue_send,
    happen,
    pending_of,
    says_the_same,
    write_lines,
)
from gateway.dunning.tables import DunningRun, OutgoingMail, Reminder, ReminderLine
from gateway.exchange.states import TransportState
from gateway.exchange.tables import Document
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import ItemRow
from reminders.account import PlanRefused
from reminders.calendar import CalendarExhausted
from reminders.plan import Action, Cancelled, plan
from reminders.policy import Channel

__all__ = ["Planner", "RunJob"]

log = structlog.get_logger(__name__)

UNDELIVERED: Final = "undelivered"
_BATCH: Final = 200


class Planner:
    """Plans one customer at a time and writes down the difference to what stands."""

    def __init__(
        self,
        *,
        database: Database,
        queue: JobQueue,
        today: Callable[[], date],
        now: MachineClock,
    ) -> None:
        self._database = database
        self._queue = queue
        self._today = today
        self._now = now

    async def plan_customer(self, tenant_id: UUID, customer_id: UUID) -> None:
        """Bring a customer's steps to what the policy asks for today.

        Raises PlanRefused or CalendarExhausted for facts that contradict each other.
        """
        async with self._database.write() as session:
            await lock_customer(session, tenant_id, customer_id)
            await self._notice_undelivered(session, tenant_id, customer_id)
            standing = await standing_of(session, tenant_id, customer_id, self._today())
            pending = await pending_of(session, tenant_id, customer_id)
            lines = await lines_of(session, [one.id for one in pending])
            wanted = list(
                plan(standing.account, rulebook=standing.rulebook, on=standing.on).actions
            )
            for row in pending:
                same = next((one for one in wanted if _same_step(row, one)), None)
                if same is None:
                    self._drop(session, row, lines[row.id], standing)
                else:
                    # It stands, under its old key: a step is never twice on its way.
                    wanted.remove(same)
                    await self._refresh(session, row, lines[row.id], same)
            for action in wanted:
                await self._add(session, action, tenant_id, customer_id)

    async def _notice_undelivered(
        self, session: AsyncSession, tenant_id: UUID, customer_id: UUID
    ) -> None:
        """Take care of steps whose Peppol document never arrived.

        Where an e-mail carried a copy it has become the carrier; elsewhere the step was not taken
        and is planned again, which passes over the channel that failed.
        """
        found = await session.exec(
            select(Reminder)
            .join(Document, col(Document.id) == col(Reminder.document_id))
            .where(
                Reminder.tenant_id == tenant_id,
                Reminder.customer_id == customer_id,
                Reminder.state == ReminderState.SENT,
                Reminder.channel == Channel.PEPPOL,
                Document.transport == TransportState.FAILED,
            )
        )
        for row in found.all():
            mails = select(OutgoingMail.id).where(
                OutgoingMail.reminder_id == row.id, col(OutgoingMail.state).in_(MAY_ARRIVE)
            )
            if (await session.exec(mails.limit(1))).first() is not None:
                row.channel = Channel.EMAIL
                session.add(row)
            else:
                happen(session, row, ReminderEvent.REFUSED, reason=UNDELIVERED)
                happen(session, row, ReminderEvent.TRIED_AGAIN)
                await enqueue_send(session, self._queue, row)
        await session.flush()

    def _drop(
        self,
        session: AsyncSession,
        row: Reminder,
        lines: Sequence[ReminderLine],
        standing: Standing,
    ) -> None:
        """Cancel a step that is not due any more; a Sunday alone is no reason."""
        found = standing.check(action_of(row, lines, standing.rulebook))
        if isinstance(found, Cancelled) and not only_closed(found):
            happen(session, row, ReminderEvent.NOT_DUE, reason=reason_of(found))

    async def _refresh(
        self,
        session: AsyncSession,
        row: Reminder,
        lines: Sequence[ReminderLine],
        action: Action,
    ) -> None:
        """Make a step that waits say what is due today.

        What a person approved is left as it was approved: the last check before it is sent takes
        off what is not due any more, and what came since waits for the next step.
        """
        grew = not action.items <= frozenset(str(one.item_id) for one in lines if one.is_claim)
        if row.approved_by is None and not says_the_same(lines, action):
            await write_lines(session, row, action)
            # A letter that waits to be posted has other sums; new items are worth a new attempt.
            is_stale = row.state is ReminderState.UNREACHABLE
            if is_stale or (row.state is ReminderState.FAILED and grew):
                happen(session, row, ReminderEvent.TRIED_AGAIN)
                await enqueue_send(session, self._queue, row)
        if row.state is ReminderState.PLANNED:
            await enqueue_send(session, self._queue, row, once_on=action.on)

    async def _add(
        self, session: AsyncSession, action: Action, tenant_id: UUID, customer_id: UUID
    ) -> None:
        row = await add_step(
            session, action, tenant_id=tenant_id, customer_id=customer_id, at=self._now()
        )
        if row is not None and row.state is ReminderState.PLANNED:
            await enqueue_send(session, self._queue, row, once_on=action.on)


class RunJob:
    """One planning run: of the account in the payload, or, without one, of each of them."""

    def __init__(
        self,
        *,
        database: Database,
        queue: JobQueue,
        planner: Planner,
        today: Callable[[], date],
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._queue = queue
        self._planner = planner
        self._today = today
        self._now = now
        self._faults = faults

    async def __call__(self, job: JobContext) -> None:
        """Plan, beginning anew after an interruption."""
        if "tenant_id" not in job.payload:
            await self._each(job)
            return
        tenant_id, on = UUID(job.payload["tenant_id"]), self._today()
        async with self._database.write() as session:
            await session.exec(
                insert_or_skip(session, DunningRun).values(
                    id=new_id(),
                    tenant_id=tenant_id,
                    business_date=on,
                    customers=0,
                    planned=0,
                    started_at=self._now(),
                )
            )
        customers, last = 0, UUID(int=0)
        while batch := await self._batch(tenant_id, last):
            for customer_id in batch:
                await self._plan(tenant_id, customer_id)
                self._faults.reach("reminder-planned")
            customers, last = customers + len(batch), batch[-1]
        async with self._database.write() as session:
            planned = await session.exec(
                select(func.count())
                .select_from(Reminder)
                .where(Reminder.tenant_id == tenant_id, Reminder.period == on)
            )
            await session.exec(
                update(DunningRun)
                .where(col(DunningRun.tenant_id) == tenant_id, col(DunningRun.business_date) == on)
                .values(customers=customers, planned=planned.one(), finished_at=self._now())
            )
            await job.fence(session)

    async def _each(self, job: JobContext) -> None:
        """A run of its own for every account, so that one cannot hold up the others."""
        async with self._database.write() as session:
            for tenant_id in (await session.exec(select(Tenant.id))).all():
                await self._queue.enqueue(session, kind=RUN, payload={"tenant_id": str(tenant_id)})
            await job.fence(session)

    async def _plan(self, tenant_id: UUID, customer_id: UUID) -> None:
        try:
            await self._planner.plan_customer(tenant_id, customer_id)
        except (PlanRefused, CalendarExhausted) as error:
            # One customer whose facts contradict each other must not keep the others waiting.
            log.exception("dunning.customer_skipped", customer=str(customer_id), code=error.code)

    async def _batch(self, tenant_id: UUID, after: UUID) -> Sequence[UUID]:
        """The next customers with something open, or with a step that may not be due any more."""
        owing = select(ItemRow.customer_id).where(
            ItemRow.tenant_id == tenant_id,
            col(ItemRow.closed_on).is_(None),
            ItemRow.open_minor > 0,
            ItemRow.customer_id > after,
        )
        pending = select(Reminder.customer_id).where(
            Reminder.tenant_id == tenant_id,
            col(Reminder.state).in_(PENDING),
            Reminder.customer_id > after,
        )
        both = union(owing, pending).subquery()
        async with self._database.read() as session:
            found = await session.exec(
                select(both.c.customer_id).order_by(both.c.customer_id).limit(_BATCH)
            )
            return found.all()


def _same_step(row: Reminder, action: Action) -> bool:
    """Whether both are the same level for the same customer and currency, planned on any day."""
    key = action.key
    return (row.policy, row.version, row.level, row.currency, str(row.item_id or "")) == (
        key.policy,
        key.version,
        key.level,
        key.currency,
        key.item,
    )
