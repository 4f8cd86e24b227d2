"""Sending one reminder: written outside of any transaction, sent in one that checks once more.

In between, money may come, a customer may dispute or be paused. The transaction that sends locks
the customer, asks again whether the step is due, and sends exactly what was written or nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import ParticipantId
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.faults import Faults
from gateway.core.ids import new_id
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext
from gateway.core.settings import MailSettings
from gateway.dunning.composing import Composed, Draft, compose, parties_of
from gateway.dunning.drafting import Drafter
from gateway.dunning.facts import (
    action_of,
    level_of,
    lines_of,
    only_closed,
    reason_of,
    standing_of,
)
from gateway.dunning.history import tell_sent
from gateway.dunning.lanes import MAIL, MAIL_LANE
from gateway.dunning.policies import rulebook
from gateway.dunning.ports import ReminderNetwork
from gateway.dunning.states import MailPurpose, MailState, ReminderEvent, ReminderState
from gateway.dunning.steps import happen, reminder_locked, write_lines
from gateway.dunning.tables import OutgoingMail, Reminder
from gateway.exchange.archive import Archive
from gateway.exchange.reminding import OutgoingReminder
from gateway.exchange.tables import StoredBlob
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import Customer
from reminders.plan import Cancelled
from reminders.policy import Channel

__all__ = ["REMINDER_MOVING", "SendJob", "abandon"]

REMINDER_MOVING: Final = ErrorKind(
    "REMINDER-MOVING", "The customer's items changed while the reminder was written", 503,
    Retry.BACKOFF,
)  # fmt: skip

NO_CHANNEL: Final = "no-channel"
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was made durable before the transaction that sends."""

    ubl: StoredBlob | None
    letter: StoredBlob | None
    mail: StoredBlob | None
    mail_id: UUID
    message_id: str

    @property
    def rows(self) -> list[StoredBlob]:
        return [one for one in (self.ubl, self.letter, self.mail) if one is not None]


class SendJob:
    """Sends a planned reminder by the first channel that reaches the customer, with its copies."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        drafter: Drafter,
        network: ReminderNetwork,
        mail: MailSettings,
        today: Callable[[], date],
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._drafter = drafter
        self._network = network
        self._mail = mail
        self._today = today
        self._now = now
        self._faults = faults

    async def __call__(self, job: JobContext) -> None:
        """Write and send; begin anew where the facts changed in between."""
        reminder_id = UUID(job.payload["reminder_id"])
        for _ in range(_ROUNDS):
            if await self._attempt(job, reminder_id):
                self._faults.reach("reminder-sent")
                return
        raise GatewayError(
            REMINDER_MOVING,
            "Payments or changes keep coming in while the reminder is written; it is tried again.",
        )

    async def _attempt(self, job: JobContext, reminder_id: UUID) -> bool:
        """One round; False when what was written is not true any more."""
        async with self._database.read() as session:
            row = await session.get_one(Reminder, reminder_id)
            customer = await session.get_one(Customer, row.customer_id)
            level = level_of(row, await rulebook(session, row.tenant_id, self._today()))
        if row.state is not ReminderState.PLANNED:
            return True
        # A step that Peppol never carries does not wait for a directory that is away.
        registered = Channel.PEPPOL in (*level.channels, *level.copies) and (
            await self._network.registered(ParticipantId.parse(customer.participant))
        )
        draft = await self._draft(job, row, registered=registered)
        if draft is None:
            return True
        self._faults.reach("reminder-drafted")
        mail_id = new_id()
        message_id = f"<{mail_id.hex}@{self._mail.sender.rpartition('@')[2] or 'localhost'}>"
        try:
            composed = await self._compose(draft, message_id)
        except GatewayError as error:
            if error.retry is Retry.BACKOFF:
                raise
            fault = str(error.facts.get("fault", error.code))
            await self._refuse(job, row, fault)
            return True
        kept = await self._keep(row.tenant_id, composed, mail_id, message_id)
        self._faults.reach("reminder-composed")
        return await self._send(job, draft, composed, kept)

    async def _draft(self, job: JobContext, row: Reminder, *, registered: bool) -> Draft | None:
        """Read the facts, or end the step where it is not due any more."""
        async with self._database.write() as session:
            customer = await lock_customer(session, row.tenant_id, row.customer_id)
            row = await reminder_locked(session, row.id)
            if row.state is not ReminderState.PLANNED:
                return None
            standing = await standing_of(session, row.tenant_id, row.customer_id, self._today())
            lines = (await lines_of(session, [row.id]))[row.id]
            action = standing.check(action_of(row, lines, standing.rulebook))
            if isinstance(action, Cancelled):
                _call_off(session, row, action)
                await job.fence(session)
                return None
            return await self._drafter.draft(
                session, row, customer, action, standing, registered=registered
            )

    async def _compose(self, draft: Draft, message_id: str) -> Composed:
        invoice = None
        if draft.invoice is not None:
            async with self._database.read() as session:
                stored = await self._archive.row(session, draft.invoice.content_id)
            invoice = await self._archive.read(stored)
        at = self._now()

        def write() -> Composed:
            parties = parties_of(draft, invoice)
            return compose(draft, parties, sender=self._mail.sender, message_id=message_id, at=at)

        return await asyncio.to_thread(write)

    async def _keep(
        self, tenant_id: UUID, composed: Composed, mail_id: UUID, message_id: str
    ) -> _Kept:
        """Make the bytes durable; the rows that name them come with the transaction."""

        async def keep(content: bytes | None, purpose: str, media_type: str) -> StoredBlob | None:
            if content is None:
                return None
            return await self._archive.keep(
                content, purpose=purpose, media_type=media_type, tenant_id=tenant_id
            )

        return _Kept(
            ubl=await keep(composed.ubl, "reminder", "application/xml"),
            letter=await keep(composed.letter, "letter", "application/pdf"),
            mail=await keep(composed.mail, "mail", "message/rfc822"),
            mail_id=mail_id,
            message_id=message_id,
        )

    async def _send(self, job: JobContext, draft: Draft, composed: Composed, kept: _Kept) -> bool:
        """The sending transaction: checked once more, sent, and known as sent, or none of it."""
        async with self._database.write() as session:
            before = draft.reminder
            customer = await lock_customer(session, before.tenant_id, before.customer_id)
            row = await reminder_locked(session, before.id)
            if row.state is not ReminderState.PLANNED:
                return True
            standing = await standing_of(session, row.tenant_id, row.customer_id, self._today())
            action = standing.check(draft.action)
            if isinstance(action, Cancelled):
                _call_off(session, row, action)
                await job.fence(session)
                return True
            if action != draft.action or not _same_reader(customer, draft.customer):
                return False
            session.add_all(kept.rows)
            await session.flush()
            await write_lines(session, row, action)
            row.sequence = draft.sequence
            row.link_id = draft.link.id if draft.link else None
            row.ubl_id = kept.ubl.id if kept.ubl else None
            row.letter_id = kept.letter.id if kept.letter else None
            if not composed.carriers:
                happen(session, row, ReminderEvent.NO_CHANNEL, reason=NO_CHANNEL)
            else:
                await self._hand_over(session, row, draft, composed, kept)
            await job.fence(session)
        return True

    async def _hand_over(
        self, session: AsyncSession, row: Reminder, draft: Draft, composed: Composed, kept: _Kept
    ) -> None:
        at = self._now()
        happen(session, row, ReminderEvent.HANDED_OVER)
        row.channel, row.sent_at = composed.carriers[0], at
        if Channel.PEPPOL in composed.carriers:
            row.document_id = await self._by_peppol(session, row, draft, kept, at)
        if Channel.EMAIL in composed.carriers:
            await self._by_mail(session, row, composed, kept, at)
        session.add(row)
        await session.flush()
        await tell_sent(session, row, at=at)

    async def _by_peppol(
        self, session: AsyncSession, row: Reminder, draft: Draft, kept: _Kept, at: datetime
    ) -> UUID:
        invoice, ubl = draft.invoice, kept.ubl
        if invoice is None or ubl is None:
            raise AssertionError("Peppol carries only what has an invoice and a UBL Reminder")
        reminder = OutgoingReminder(
            tenant_id=row.tenant_id,
            related_id=invoice.id,
            number=draft.number,
            issue_date=row.business_date,
            due_date=row.deadline,
            currency=row.currency,
            amount_minor=row.total_minor,
            sender=ParticipantId.parse(invoice.sender),
            sender_name=invoice.sender_name or draft.creditor_name,
            receiver=ParticipantId.parse(draft.customer.participant),
            receiver_name=draft.customer.name,
            content=ubl,
        )
        return (await self._network.send(session, reminder, at=at)).id

    async def _by_mail(
        self, session: AsyncSession, row: Reminder, composed: Composed, kept: _Kept, at: datetime
    ) -> None:
        if kept.mail is None:
            raise AssertionError("an e-mail is a carrier only once it is written")
        earlier = await session.exec(
            select(func.count()).select_from(OutgoingMail).where(OutgoingMail.reminder_id == row.id)
        )
        mail = OutgoingMail(
            id=kept.mail_id,
            tenant_id=row.tenant_id,
            customer_id=row.customer_id,
            reminder_id=row.id,
            purpose=MailPurpose.REMINDER,
            source=f"reminder:{row.id}:{earlier.one() + 1}",
            recipient=composed.recipient,
            subject=composed.content.subject,
            message_id=kept.message_id,
            content_id=kept.mail.id,
            state=MailState.READY,
            created_at=at,
        )
        session.add(mail)
        await session.flush()
        await self._queue.enqueue(
            session, kind=MAIL, payload={"mail_id": str(mail.id)}, lane=MAIL_LANE
        )

    async def _refuse(self, job: JobContext, row: Reminder, reason: str) -> None:
        async with self._database.write() as session:
            await lock_customer(session, row.tenant_id, row.customer_id)
            row = await reminder_locked(session, row.id)
            if row.state is ReminderState.PLANNED:
                happen(session, row, ReminderEvent.REFUSED, reason=reason)
            await job.fence(session)


def _call_off(session: AsyncSession, row: Reminder, cancelled: Cancelled) -> None:
    """End a step that is not due; one that only met a closed day waits for the next run."""
    if not only_closed(cancelled):
        happen(session, row, ReminderEvent.NOT_DUE, reason=reason_of(cancelled))


def _same_reader(now: Customer, then: Customer) -> bool:
    return (now.email, now.locale, now.name) == (then.email, then.locale, then.name)


async def abandon(session: AsyncSession, reminder_id: UUID, error: JobError) -> None:
    """Leave a reminder to a person when the job that sends it is given up."""
    found = await session.get_one(Reminder, reminder_id)
    await lock_customer(session, found.tenant_id, found.customer_id)
    row = await reminder_locked(session, reminder_id)
    if row.state is ReminderState.PLANNED:
        happen(session, row, ReminderEvent.REFUSED, reason=error.code)
