"""What follows when money closes an item: its reminders stop, and who was asked is thanked.

The ledger calls ``settled`` inside its own transaction, with the customer locked: nothing is
written or asked there but rows. The e-mail is composed by a job of its own.
"""

import asyncio
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.tables import Tenant
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.ids import new_id
from gateway.core.jobs.dialect import insert_or_skip
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext
from gateway.core.settings import MailSettings
from gateway.dunning.composing import REMINDER_UNWRITABLE, mailbox_of
from gateway.dunning.drafting import can_mail
from gateway.dunning.lanes import MAIL, MAIL_LANE, THANK
from gateway.dunning.states import TAKEN, MailPurpose, MailState, ReminderEvent
from gateway.dunning.steps import happen, pending_of
from gateway.dunning.tables import OutgoingMail, Reminder, ReminderLine
from gateway.exchange.archive import Archive
from gateway.exchange.tables import Document, StoredBlob
from gateway.receivables.ledger import item_of, lock_customer
from gateway.receivables.tables import Customer, HoldRow, ItemRow
from reminders.account import HoldReason
from reminders.entries import ItemKind
from reminders.ledger import state_of
from reminders.mail import MailRefused
from reminders.policy import Channel
from reminders.step import Why
from reminders.thanks import Thanks, thanks_content, thanks_mail
from ubl.amounts import from_minor
from ubl.localized import LanguageUnknown

__all__ = ["Settlement", "ThankJob", "paid_of"]


class Settlement:
    """Follows the ledger: stops what is not due any more, and asks for the thanks."""

    def __init__(self, *, queue: JobQueue) -> None:
        self._queue = queue

    async def settled(self, session: AsyncSession, item: ItemRow, *, on: date) -> None:
        """A payment closed a claim."""
        await _stop_reminders(session, item)
        if item.kind is ItemKind.INVOICE and await _was_asked(session, item):
            key = f"thanks:{item.id}:{on}"
            await self._queue.enqueue(
                session,
                kind=THANK,
                payload={"item_id": str(item.id), "on": on.isoformat()},
                dedupe_key=key,
            )


async def _stop_reminders(session: AsyncSession, item: ItemRow) -> None:
    """Cancel the steps still to be taken of which every claim is settled now."""
    for row in await pending_of(session, item.tenant_id, item.customer_id):
        found = await session.exec(
            select(ItemRow.id, ItemRow.open_minor)
            .join(ReminderLine, col(ReminderLine.item_id) == col(ItemRow.id))
            .where(ReminderLine.reminder_id == row.id, col(ReminderLine.is_claim))
        )
        still_open = {item_id for item_id, open_minor in found.all() if open_minor}
        if not still_open - {item.id}:
            happen(session, row, ReminderEvent.NOT_DUE, reason=Why.SETTLED.value)


async def _was_asked(session: AsyncSession, item: ItemRow) -> bool:
    """Whether the customer was reminded of the item, or began to pay it from a link.

    A reminder whose e-mail has not left yet was never seen.
    """
    arrived = (
        select(OutgoingMail.id)
        .where(
            OutgoingMail.reminder_id == Reminder.id,
            col(OutgoingMail.state).in_((MailState.SENT, MailState.SENDING, MailState.UNKNOWN)),
        )
        .exists()
    )
    reminded = (
        select(Reminder.id)
        .join(ReminderLine, col(ReminderLine.reminder_id) == col(Reminder.id))
        .where(
            ReminderLine.item_id == item.id,
            col(ReminderLine.is_claim),
            col(Reminder.state).in_(TAKEN),
            or_(col(Reminder.channel).is_(None), col(Reminder.channel) != Channel.EMAIL, arrived),
        )
        .limit(1)
    )
    if (await session.exec(reminded)).first() is not None:
        return True
    by_link = (
        select(HoldRow.id)
        .where(HoldRow.item_id == item.id, HoldRow.reason == HoldReason.PAYMENT_UNDER_WAY)
        .limit(1)
    )
    return (await session.exec(by_link)).first() is not None


class ThankJob:
    """Writes the e-mail of thanks for one paid invoice, once per closing."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        mail: MailSettings,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._mail = mail
        self._now = now

    async def __call__(self, job: JobContext) -> None:
        """Compose the message and hand it to the mail job; without an address there is none."""
        item_id, on = UUID(job.payload["item_id"]), date.fromisoformat(job.payload["on"])
        async with self._database.read() as session:
            item = await session.get_one(ItemRow, item_id)
            customer = await session.get_one(Customer, item.customer_id)
            creditor = await _creditor(session, item)
            paid = await paid_of(session, item)
            answers = await _last_reminder(session, item_id)
        if item.closed_on is None or not paid or not can_mail(self._mail, customer):
            return
        mail_id = new_id()
        message_id = f"<{mail_id.hex}@{self._mail.sender.rpartition('@')[2]}>"
        try:
            thanks = thanks_content(
                creditor=creditor,
                number=item.number,
                total=from_minor(paid, item.currency),
                received_on=on,
                locale=customer.locale,
            )
            message = await asyncio.to_thread(
                self._write, thanks, customer, message_id=message_id, answers=answers
            )
        except (LanguageUnknown, MailRefused) as error:
            raise GatewayError(REMINDER_UNWRITABLE, str(error), fault=error.code) from None
        kept = await self._archive.keep(
            message, purpose="mail", media_type="message/rfc822", tenant_id=item.tenant_id
        )
        async with self._database.write() as session:
            await lock_customer(session, item.tenant_id, item.customer_id)
            if await paid_of(session, item) != paid:
                return
            await self._post(
                session,
                customer,
                mail_id=mail_id,
                message_id=message_id,
                source=f"thanks:{item_id}:{on}",
                subject=thanks.subject,
                content=kept,
            )
            await job.fence(session)

    async def _post(
        self,
        session: AsyncSession,
        customer: Customer,
        *,
        mail_id: UUID,
        message_id: str,
        source: str,
        subject: str,
        content: StoredBlob,
    ) -> None:
        """Add the e-mail and have it sent; of two from one ``source`` the second is dropped."""
        session.add(content)
        await session.flush()
        added = await session.exec(
            insert_or_skip(session, OutgoingMail)
            .values(
                id=mail_id,
                tenant_id=customer.tenant_id,
                customer_id=customer.id,
                purpose=MailPurpose.THANKS,
                source=source,
                recipient=customer.email,
                subject=subject,
                message_id=message_id,
                content_id=content.id,
                state=MailState.READY,
                created_at=self._now(),
            )
            .returning(OutgoingMail.id)
        )
        if added.first() is not None:
            await self._queue.enqueue(
                session, kind=MAIL, payload={"mail_id": str(mail_id)}, lane=MAIL_LANE
            )

    def _write(
        self, thanks: Thanks, customer: Customer, *, message_id: str, answers: str | None
    ) -> bytes:
        return thanks_mail(
            thanks,
            sender=mailbox_of(self._mail.sender, thanks.signature),
            recipient=mailbox_of(customer.email or "", customer.name),
            message_id=message_id,
            sent_at=self._now(),
            answers=answers,
        ).as_bytes()


async def paid_of(session: AsyncSession, item: ItemRow, *, by: datetime | None = None) -> int:
    """What was paid of an item, in minor units, by all entries or those recorded until ``by``."""
    known = await item_of(session, item)
    entries = tuple(one for one in known.entries if by is None or one.recorded_at <= by)
    return state_of(replace(known, entries=entries), date.max).paid


async def _creditor(session: AsyncSession, item: ItemRow) -> str:
    """Who is owed, as the invoice names them, else as the account does."""
    if item.document_id is not None:
        document = await session.get_one(Document, item.document_id)
        if document.sender_name:
            return document.sender_name
    return (await session.get_one(Tenant, item.tenant_id)).name


async def _last_reminder(session: AsyncSession, item_id: UUID) -> str | None:
    """The message id of the last e-mail that asked for the item."""
    found = await session.exec(
        select(OutgoingMail.message_id)
        .join(ReminderLine, col(ReminderLine.reminder_id) == col(OutgoingMail.reminder_id))
        .where(ReminderLine.item_id == item_id, OutgoingMail.state == MailState.SENT)
        .order_by(col(OutgoingMail.id).desc())
        .limit(1)
    )
    return found.first()
