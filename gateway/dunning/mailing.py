"""Sending one e-mail, at most once unless a person says otherwise.

The server agrees to the recipient before anything is decided. Then, with the customer locked, the
facts are looked at for the last time and the message is marked as going out; only then the server
gets the text. A message found marked was cut off, and nobody can know whether it arrived.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError, Retry
from gateway.core.faults import Faults
from gateway.core.jobs.backoff import JobError, Ladder, Reschedule
from gateway.core.jobs.registry import JobContext
from gateway.core.mail import MAIL_UNKNOWN, Mailer
from gateway.dunning.facts import action_of, lines_of, only_closed, reason_of, standing_of
from gateway.dunning.history import tell_cancelled
from gateway.dunning.states import (
    MAIL,
    MailEvent,
    MailPurpose,
    MailState,
    ReminderEvent,
    ReminderState,
)
from gateway.dunning.steps import happen, reminder_locked, says_the_same
from gateway.dunning.tables import OutgoingMail, Reminder
from gateway.dunning.thanks import paid_of
from gateway.exchange.archive import Archive
from gateway.exchange.states import advance
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import Customer, ItemRow
from reminders.plan import Cancelled
from reminders.policy import Channel

__all__ = ["MAIL_PATIENCE", "MailJob", "give_up_mail", "item_of_thanks"]

MAIL_PATIENCE: Final = Ladder(
    steps=tuple(timedelta(minutes=one) for one in (1, 5, 15, 60)), patience=timedelta(days=2)
)
"""How long a mail server is asked again: a reminder that comes later still would be a surprise."""

CHANGED: Final = "changed"
_CLOSED_DAY_WAIT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Stop:
    """Why an e-mail must not go out now; ``wait`` if only for today."""

    reason: str
    wait: bool = False


class MailJob:
    """One attempt at one e-mail."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        mailer: Mailer,
        sender: str,
        today: Callable[[], date],
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._mailer = mailer
        self._sender = sender
        self._today = today
        self._now = now
        self._faults = faults

    async def __call__(self, job: JobContext) -> None:
        """Send the e-mail, or find that it must not be sent."""
        mail_id = UUID(job.payload["mail_id"])
        async with self._database.read() as session:
            mail = await session.get_one(OutgoingMail, mail_id)
            content = await self._archive.row(session, mail.content_id)
        if mail.state is MailState.SENDING:
            await self._cut_off(job, mail)
            return
        if mail.state is not MailState.READY:
            return
        body = await self._archive.read(content)
        try:
            async with self._mailer.open(sender=self._sender, recipient=mail.recipient) as envelope:
                self._faults.reach("mail-agreed")
                if not await self._mark(job, mail):
                    return
                self._faults.reach("mail-marked")
                await envelope.hand_over(body)
                self._faults.reach("mail-taken")
                await self._end(job, mail, MailEvent.ACCEPTED, None)
        except GatewayError as error:
            await self._not_taken(job, mail, error)
        self._faults.reach("mail-ended")

    async def _mark(self, job: JobContext, before: OutgoingMail) -> bool:
        """Decide for the last time, and write down that the server is about to get the text."""
        async with self._database.write() as session:
            customer = await lock_customer(session, before.tenant_id, before.customer_id)
            mail = await _mail_locked(session, before.id)
            if mail.state is not MailState.READY:
                return False
            stop = await self._objection(session, mail, customer)
            if stop is None:
                mail.state = advance(MAIL, mail.state, MailEvent.HANDING_OVER)
                mail.failure_code = mail.failure_text = None
                session.add(mail)
                return True
            if not stop.wait:
                await self._call_off(session, mail, stop.reason)
                await job.fence(session)
                return False
        raise Reschedule(self._now() + _CLOSED_DAY_WAIT)

    async def _objection(
        self, session: AsyncSession, mail: OutgoingMail, customer: Customer
    ) -> _Stop | None:
        """What speaks against this e-mail by today's facts."""
        if mail.recipient != customer.email:
            # The address was corrected or taken away while the mail waited.
            return _Stop(CHANGED)
        if mail.purpose is MailPurpose.THANKS:
            item = await session.get_one(ItemRow, item_of_thanks(mail.source))
            await session.refresh(item)
            # Money that went back meanwhile is nothing to be thanked for.
            same = await paid_of(session, item) == await paid_of(session, item, by=mail.created_at)
            return None if same and item.closed_on is not None else _Stop(CHANGED)
        row = await reminder_locked(session, _reminder_id(mail))
        if row.state is not ReminderState.SENT:
            return _Stop(row.reason or row.state.value)
        standing = await standing_of(
            session, row.tenant_id, row.customer_id, self._today(), but=row.id
        )
        lines = (await lines_of(session, [row.id]))[row.id]
        found = standing.check(action_of(row, lines, standing.rulebook))
        if isinstance(found, Cancelled):
            return _Stop(reason_of(found), wait=only_closed(found))
        return None if says_the_same(lines, found) else _Stop(CHANGED)

    async def _call_off(self, session: AsyncSession, mail: OutgoingMail, reason: str) -> None:
        """End an e-mail that must not go out, and its reminder where nothing else carried it."""
        mail.state = advance(MAIL, mail.state, MailEvent.NOT_DUE)
        mail.failure_code = reason[:60]
        session.add(mail)
        row = await _carried_by(session, mail)
        if row is not None:
            happen(session, row, ReminderEvent.NOT_DUE, reason=reason)
            await tell_cancelled(session, row, at=self._now())

    async def _not_taken(self, job: JobContext, mail: OutgoingMail, error: GatewayError) -> None:
        """Write down what an error means; one worth another attempt is raised after that."""
        if error.code == MAIL_UNKNOWN.code:
            await self._end(job, mail, MailEvent.CUT_OFF, error)
        elif error.retry is Retry.NO:
            await self._end(job, mail, MailEvent.REFUSED, error)
        else:
            async with self._database.write() as session:
                await lock_customer(session, mail.tenant_id, mail.customer_id)
                row = await _mail_locked(session, mail.id)
                if row.state is MailState.SENDING:
                    row.state = advance(MAIL, row.state, MailEvent.DEFERRED)
                row.failure_code, row.failure_text = error.code, error.message
                session.add(row)
            raise error

    async def _cut_off(self, job: JobContext, mail: OutgoingMail) -> None:
        error = GatewayError(
            MAIL_UNKNOWN,
            "The gateway stopped while the mail server had this message. It may have gone out: "
            "look there, and send it again only if it did not.",
        )
        await self._end(job, mail, MailEvent.CUT_OFF, error)

    async def _end(
        self, job: JobContext, before: OutgoingMail, event: MailEvent, error: GatewayError | None
    ) -> None:
        """Write how it ended together with the end of the job."""
        async with self._database.write() as session:
            await lock_customer(session, before.tenant_id, before.customer_id)
            mail = await _mail_locked(session, before.id)
            mail.state = advance(MAIL, mail.state, event)
            if event is MailEvent.ACCEPTED:
                mail.sent_at = self._now()
            if error is not None:
                mail.failure_code, mail.failure_text = error.code, error.message
            session.add(mail)
            if event is MailEvent.REFUSED:
                await _refuse_reminder(session, mail, error.code if error else "")
            await job.fence(session)


async def give_up_mail(session: AsyncSession, mail_id: UUID, error: JobError) -> None:
    """End an e-mail whose job is given up: never taken, or, found half sent, unknown."""
    found = await session.get_one(OutgoingMail, mail_id)
    await lock_customer(session, found.tenant_id, found.customer_id)
    mail = await _mail_locked(session, mail_id)
    if mail.state not in (MailState.READY, MailState.SENDING):
        return
    event = MailEvent.REFUSED if mail.state is MailState.READY else MailEvent.CUT_OFF
    mail.state = advance(MAIL, mail.state, event)
    mail.failure_code, mail.failure_text = error.code, error.text
    session.add(mail)
    if event is MailEvent.REFUSED:
        await _refuse_reminder(session, mail, error.code)


def item_of_thanks(source: str) -> UUID:
    """The open item an e-mail of thanks is for, out of its ``thanks:<item>:<day>``."""
    return UUID(source.split(":")[1])


async def _refuse_reminder(session: AsyncSession, mail: OutgoingMail, code: str) -> None:
    row = await _carried_by(session, mail)
    if row is not None:
        happen(session, row, ReminderEvent.REFUSED, reason=code)


async def _carried_by(session: AsyncSession, mail: OutgoingMail) -> Reminder | None:
    """The sent reminder that this e-mail alone carries."""
    if mail.reminder_id is None:
        return None
    row = await reminder_locked(session, mail.reminder_id)
    alone = row.state is ReminderState.SENT and row.channel is Channel.EMAIL
    return row if alone else None


async def _mail_locked(session: AsyncSession, mail_id: UUID) -> OutgoingMail:
    found = await session.exec(
        select(OutgoingMail)
        .where(OutgoingMail.id == mail_id)
        .execution_options(populate_existing=True)
    )
    return found.one()


def _reminder_id(mail: OutgoingMail) -> UUID:
    if mail.reminder_id is None:
        raise AssertionError("an e-mail of a reminder names it")
    return mail.reminder_id
