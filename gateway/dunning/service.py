"""What a person or a program may do about reminders; every act is audited.

The console and the API call the same methods.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Final
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND
from gateway.core.jobs.queue import JobQueue
from gateway.dunning.composing import TYPES, Composed, compose, parties_of
from gateway.dunning.drafting import Drafter
from gateway.dunning.facts import action_of, lines_of, reason_of, standing_of
from gateway.dunning.history import tell_sent
from gateway.dunning.lanes import MAIL as MAIL_JOB
from gateway.dunning.lanes import MAIL_LANE, RUN
from gateway.dunning.queries import mail_of, reminder_of
from gateway.dunning.states import MAIL, PENDING, MailEvent, MailState, ReminderEvent, ReminderState
from gateway.dunning.steps import TASKS, enqueue_send, happen, reminder_locked, says_the_same
from gateway.dunning.tables import OutgoingMail, Reminder
from gateway.exchange.archive import Archive
from gateway.exchange.states import advance
from gateway.exchange.tables import StoredBlob
from gateway.receivables.holds import place_hold
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import Customer
from reminders.account import HoldReason
from reminders.plan import Cancelled, Plan, plan
from reminders.policy import Channel

__all__ = ["REMINDER_CHANGED", "REMINDER_NOT_DUE", "REMINDER_STATE", "Dunning"]

REMINDER_STATE: Final = ErrorKind(
    "REMINDER-STATE", "The reminder is not in the state for that", 409
)
REMINDER_NOT_DUE: Final = ErrorKind("REMINDER-NOT-DUE", "The reminder is not due any more", 409)
REMINDER_CHANGED: Final = ErrorKind("REMINDER-CHANGED", "The reminder asks for other sums now", 409)
REMINDER_NOT_WRITTEN: Final = ErrorKind(
    "REMINDER-NOT-WRITTEN", "There is no such form of this reminder", 404
)
MAIL_STATE: Final = ErrorKind("MAIL-STATE", "The e-mail is not in the state for that", 409)

BY_HAND: Final = frozenset({Channel.POST, Channel.REGISTERED_POST, Channel.REGISTERED_EMAIL})
"""Channels a person takes with the letter in hand."""

_PREVIEW_ID: Final = "<preview@localhost>"


class Dunning:
    """Approve, decline, try again, post, carry out; preview; run now."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        drafter: Drafter,
        sender: str,
        today: Callable[[], date],
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._drafter = drafter
        self._sender = sender
        self._today = today
        self._now = now

    async def run_now(self, caller: Principal) -> None:
        """Plan the caller's account now; what is planned already stays as it is."""
        async with self._database.write() as session:
            await self._queue.enqueue(
                session, kind=RUN, payload={"tenant_id": str(caller.tenant_id)}
            )
            audit(session, caller, action="reminders.run", object=str(self._today()))

    async def approve(self, caller: Principal, reminder_id: UUID) -> Reminder:
        """Let a step that waits for it be sent; raises GatewayError NOT-FOUND, REMINDER-STATE."""
        async with self._held(caller, reminder_id) as (session, row):
            if row.kind in TASKS:
                raise _state(row, "This is a task for a person: mark it as done instead.")
            _need(row, ReminderState.AWAITING_APPROVAL)
            happen(session, row, ReminderEvent.APPROVED)
            row.approved_by = caller.actor
            await enqueue_send(session, self._queue, row)
            _audit(session, caller, row, "approved")
        return row

    async def decline(
        self, caller: Principal, reminder_id: UUID, *, pause_until: date | None = None
    ) -> Reminder:
        """Do not take a step; the next run proposes it again unless the customer is paused.

        ``pause_until`` pauses the customer up to and including that day. Raises GatewayError
        NOT-FOUND, REMINDER-STATE.
        """
        async with self._held(caller, reminder_id) as (session, row):
            _need(row, *PENDING)
            happen(session, row, ReminderEvent.DECLINED, reason="declined")
            if pause_until is not None:
                await place_hold(
                    session,
                    tenant_id=row.tenant_id,
                    customer_id=row.customer_id,
                    reason=HoldReason.PAUSED,
                    since=self._today(),
                    last_day=pause_until,
                    actor=caller.actor,
                    at=self._now(),
                )
            _audit(session, caller, row, "declined")
        return row

    async def retry(self, caller: Principal, reminder_id: UUID) -> Reminder:
        """Write and send again what had no channel or was refused; raises as ``decline``."""
        async with self._held(caller, reminder_id) as (session, row):
            _need(row, ReminderState.FAILED, ReminderState.UNREACHABLE)
            happen(session, row, ReminderEvent.TRIED_AGAIN)
            await enqueue_send(session, self._queue, row)
            _audit(session, caller, row, "retried")
        return row

    async def done(self, caller: Principal, reminder_id: UUID) -> Reminder:
        """Note that a person carried out a task: a call, a hand-over; raises as ``decline``."""
        async with self._held(caller, reminder_id) as (session, row):
            if row.kind not in TASKS:
                raise _state(row, "This is written and sent: approve it instead.")
            _need(row, ReminderState.AWAITING_APPROVAL)
            happen(session, row, ReminderEvent.CARRIED_OUT)
            row.business_date, row.sent_at = self._today(), self._now()
            _audit(session, caller, row, "done")
        return row

    async def posted(
        self, caller: Principal, reminder_id: UUID, *, channel: Channel = Channel.POST
    ) -> Reminder:
        """Note that a person posted the letter of a step that no channel here could carry.

        The step is checked like any that is sent. Raises GatewayError NOT-FOUND, REMINDER-STATE,
        REMINDER-NOT-DUE (it is cancelled), REMINDER-CHANGED (its letter is written anew).
        """
        if channel not in BY_HAND:
            raise GatewayError(REMINDER_STATE, f"A person does not post by '{channel}'.")
        async with self._held(caller, reminder_id) as (session, row):
            _need(row, ReminderState.UNREACHABLE, ReminderState.FAILED)
            if row.letter_id is None:
                raise _state(row, "It has no letter yet: try it again first.")
            refusal = await self._post(session, row, channel)
            _audit(session, caller, row, "posted")
        # Only now, so that what was found out is kept.
        if refusal is not None:
            raise refusal
        return row

    async def _post(
        self, session: AsyncSession, row: Reminder, channel: Channel
    ) -> GatewayError | None:
        standing = await standing_of(session, row.tenant_id, row.customer_id, self._today())
        lines = (await lines_of(session, [row.id]))[row.id]
        found = standing.check(action_of(row, lines, standing.rulebook))
        if isinstance(found, Cancelled):
            happen(session, row, ReminderEvent.NOT_DUE, reason=reason_of(found))
            return GatewayError(
                REMINDER_NOT_DUE,
                f"{'; '.join(str(one) for one in found.because)}. Do not post the letter.",
            )
        if not says_the_same(lines, found):
            happen(session, row, ReminderEvent.TRIED_AGAIN)
            await enqueue_send(session, self._queue, row)
            return GatewayError(
                REMINDER_CHANGED,
                "Money came or an item changed since the letter was written. It is written "
                "anew: download it again and post that one.",
            )
        happen(session, row, ReminderEvent.HANDED_OVER)
        row.channel, row.business_date, row.sent_at = channel, self._today(), self._now()
        await session.flush()
        await tell_sent(session, row, at=self._now())
        return None

    async def send_again(self, caller: Principal, mail_id: UUID) -> OutgoingMail:
        """Send an e-mail again of which nobody knows whether it arrived, or that was refused.

        A refused reminder is tried again as a whole (``retry``). Raises GatewayError NOT-FOUND,
        MAIL-STATE.
        """
        async with self._database.write() as session:
            found = await mail_of(session, caller.tenant_id, mail_id)
            await lock_customer(session, found.tenant_id, found.customer_id)
            await session.refresh(found)
            refused_reminder = found.state is MailState.REFUSED and found.reminder_id is not None
            if refused_reminder or (found.state, MailEvent.TRIED_AGAIN) not in MAIL:
                raise GatewayError(
                    MAIL_STATE,
                    f"The e-mail is '{found.state}'. Only one that may not have arrived can be "
                    "sent again; a refused reminder is tried again as a whole.",
                )
            found.state = advance(MAIL, found.state, MailEvent.TRIED_AGAIN)
            session.add(found)
            await self._queue.enqueue(
                session, kind=MAIL_JOB, payload={"mail_id": str(found.id)}, lane=MAIL_LANE
            )
            audit(session, caller, action="mail.sent-again", object=str(found.id))
        return found

    async def outlook(self, tenant_id: UUID, customer_id: UUID) -> Plan:
        """What a run would plan for a customer today, and why nothing for the rest.

        Raises GatewayError NOT-FOUND.
        """
        async with self._database.read() as session:
            await _customer(session, tenant_id, customer_id)
            standing = await standing_of(session, tenant_id, customer_id, self._today())
        return plan(standing.account, rulebook=standing.rulebook, on=standing.on)

    async def preview(self, tenant_id: UUID, reminder_id: UUID) -> Composed:
        """Write a reminder as it would go out now, with neither number nor payment link.

        Raises GatewayError NOT-FOUND, REMINDER-NOT-WRITTEN for a task, REMINDER-NOT-DUE,
        REMINDER-UNWRITABLE.
        """
        async with self._database.read() as session:
            row = await reminder_of(session, tenant_id, reminder_id)
            if row.kind not in TYPES:
                raise GatewayError(REMINDER_NOT_WRITTEN, "A task for a person has no letter.")
            customer = await _customer(session, tenant_id, row.customer_id)
            # One that was sent is shown as if it were not, by today's facts.
            standing = await standing_of(
                session, tenant_id, row.customer_id, self._today(), but=row.id
            )
            lines = (await lines_of(session, [row.id]))[row.id]
            action = standing.check(action_of(row, lines, standing.rulebook))
            if isinstance(action, Cancelled):
                reasons = "; ".join(str(one) for one in action.because)
                raise GatewayError(REMINDER_NOT_DUE, f"There is nothing to send: {reasons}.")
            draft = await self._drafter.draft(
                session, row, customer, action, standing, registered=False, preview=True
            )
            stored = None
            if draft.invoice is not None:
                stored = await self._archive.row(session, draft.invoice.content_id)
        invoice = None if stored is None else await self._archive.read(stored)
        at = self._now()

        def write() -> Composed:
            parties = parties_of(draft, invoice)
            return compose(draft, parties, sender=self._sender, message_id=_PREVIEW_ID, at=at)

        return await asyncio.to_thread(write)

    async def letter(self, tenant_id: UUID, reminder_id: UUID) -> bytes:
        """The letter (PDF/A-3b) as it was written, else as it would be; raises as ``preview``."""
        kept = await self._kept(tenant_id, reminder_id, lambda row: row.letter_id)
        written = kept or (await self.preview(tenant_id, reminder_id)).letter
        if written is None:
            raise GatewayError(
                REMINDER_NOT_WRITTEN,
                "The letter cannot be printed: a name has letters no font has.",
            )
        return written

    async def ubl(self, tenant_id: UUID, reminder_id: UUID) -> bytes:
        """The UBL Reminder as it was written, else as it would be; raises as ``preview``."""
        kept = await self._kept(tenant_id, reminder_id, lambda row: row.ubl_id)
        written = kept or (await self.preview(tenant_id, reminder_id)).ubl
        if written is None:
            raise GatewayError(
                REMINDER_NOT_WRITTEN,
                "The invoice lacks what a UBL Reminder needs, such as the parties' electronic "
                "addresses or countries.",
            )
        return written

    async def mail_content(self, tenant_id: UUID, mail_id: UUID) -> bytes:
        """An e-mail exactly as it goes out (RFC 5322); raises GatewayError NOT-FOUND."""
        async with self._database.read() as session:
            mail = await mail_of(session, tenant_id, mail_id)
            stored = await self._archive.row(session, mail.content_id)
        return await self._archive.read(stored)

    async def _kept(
        self, tenant_id: UUID, reminder_id: UUID, which: Callable[[Reminder], UUID | None]
    ) -> bytes | None:
        stored: StoredBlob | None = None
        async with self._database.read() as session:
            blob_id = which(await reminder_of(session, tenant_id, reminder_id))
            if blob_id is not None:
                stored = await self._archive.row(session, blob_id)
        return None if stored is None else await self._archive.read(stored)

    @asynccontextmanager
    async def _held(
        self, caller: Principal, reminder_id: UUID
    ) -> AsyncIterator[tuple[AsyncSession, Reminder]]:
        """A transaction that has locked the reminder's customer."""
        async with self._database.write() as session:
            found = await reminder_of(session, caller.tenant_id, reminder_id)
            await lock_customer(session, found.tenant_id, found.customer_id)
            yield session, await reminder_locked(session, found.id)


def _audit(session: AsyncSession, caller: Principal, row: Reminder, what: str) -> None:
    audit(session, caller, action=f"reminder.{what}", object=str(row.id), level=row.level)


def _need(row: Reminder, *states: ReminderState) -> None:
    if row.state not in states:
        raise _state(row, f"That can be done while it is {' or '.join(sorted(states))}.")


def _state(row: Reminder, sentence: str) -> GatewayError:
    return GatewayError(REMINDER_STATE, f"The reminder is '{row.state}'. {sentence}")


async def _customer(session: AsyncSession, tenant_id: UUID, customer_id: UUID) -> Customer:
    found = await session.exec(
        select(Customer).where(Customer.id == customer_id, Customer.tenant_id == tenant_id)
    )
    customer = found.first()
    if customer is None:
        raise GatewayError(NOT_FOUND, "No customer of this account has that id.")
    return customer
