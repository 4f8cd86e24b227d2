"""Writing steps: the rows of a reminder and its lines, and what may happen to them.

Every function here runs in a transaction that has locked the customer (``lock_customer``).
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.jobs.queue import JobQueue
from gateway.dunning.lanes import SEND
from gateway.dunning.states import PENDING, REMINDER, ReminderEvent, ReminderState
from gateway.dunning.tables import Reminder, ReminderLine
from gateway.exchange.states import advance
from reminders.plan import Action
from reminders.policy import LevelKind, Release

__all__ = [
    "TASKS",
    "add_step",
    "enqueue_send",
    "happen",
    "pending_of",
    "reminder_locked",
    "says_the_same",
    "write_lines",
]

TASKS: Final = frozenset({LevelKind.CALL, LevelKind.HAND_OVER})
"""Levels that are work for a person: nothing is written, nothing is sent."""


async def pending_of(session: AsyncSession, tenant_id: UUID, customer_id: UUID) -> list[Reminder]:
    """The customer's steps still to be taken, oldest first."""
    found = await session.exec(
        select(Reminder)
        .where(
            Reminder.tenant_id == tenant_id,
            Reminder.customer_id == customer_id,
            col(Reminder.state).in_(PENDING),
        )
        .order_by(col(Reminder.id))
        .execution_options(populate_existing=True)
    )
    return list(found)


async def reminder_locked(session: AsyncSession, reminder_id: UUID) -> Reminder:
    """A reminder as it is now; the caller has locked its customer."""
    found = await session.exec(
        select(Reminder).where(Reminder.id == reminder_id).execution_options(populate_existing=True)
    )
    return found.one()


def happen(
    session: AsyncSession, row: Reminder, event: ReminderEvent, *, reason: str | None = None
) -> None:
    """Move a step on; raises IllegalTransition where its state does not allow it."""
    row.state = advance(REMINDER, row.state, event)
    row.reason = reason[:60] if reason else None
    session.add(row)


async def add_step(
    session: AsyncSession, action: Action, *, tenant_id: UUID, customer_id: UUID, at: datetime
) -> Reminder | None:
    """Insert a planned step, None where it was planned before, whatever became of it."""
    key = str(action.key)
    known = await session.exec(
        select(Reminder.id).where(Reminder.tenant_id == tenant_id, Reminder.step_key == key)
    )
    if known.first() is not None:
        return None
    waits = action.level.release is Release.APPROVAL or action.level.kind in TASKS
    row = Reminder(
        tenant_id=tenant_id,
        customer_id=customer_id,
        step_key=key,
        policy=action.key.policy,
        version=action.key.version,
        level=action.level.id,
        kind=action.level.kind,
        period=action.key.period,
        currency=action.key.currency,
        item_id=UUID(action.key.item) if action.key.item else None,
        business_date=action.on,
        total_minor=action.total,
        state=ReminderState.AWAITING_APPROVAL if waits else ReminderState.PLANNED,
        created_at=at,
    )
    session.add(row)
    await session.flush()
    await write_lines(session, row, action)
    return row


async def write_lines(session: AsyncSession, row: Reminder, action: Action) -> None:
    """Put what was last checked in the place of what the step said before."""
    row.business_date, row.deadline, row.total_minor = action.on, action.deadline, action.total
    session.add(row)
    await session.exec(delete(ReminderLine).where(col(ReminderLine.reminder_id) == row.id))
    session.add_all(
        ReminderLine(
            reminder_id=row.id,
            item_id=UUID(line.item),
            tenant_id=row.tenant_id,
            number=line.number,
            kind=line.kind,
            amount_minor=line.amount,
            due_date=line.due_date,
            is_claim=line.because is not None,
        )
        for line in action.lines
    )
    await session.flush()


def says_the_same(lines: Sequence[ReminderLine], action: Action) -> bool:
    """Whether what is kept of a step asks for the same sums for the same items."""
    kept = {(str(line.item_id), line.amount_minor) for line in lines}
    return kept == {(line.item, line.amount) for line in action.lines}


async def enqueue_send(
    session: AsyncSession, queue: JobQueue, row: Reminder, *, once_on: date | None = None
) -> None:
    """Ask for a planned step to be sent; with ``once_on`` at most once for that business date."""
    await queue.enqueue(
        session,
        kind=SEND,
        payload={"reminder_id": str(row.id)},
        dedupe_key=f"{SEND}:{row.id}:{once_on}" if once_on else None,
    )
