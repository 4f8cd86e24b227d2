"""Gathering what a reminder will say, in one transaction that has locked the customer.

The payment link is made here, because it goes into every form of the reminder; one that is never
sent does no harm. The number is given once and kept, however often the reminder is written.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.tables import Tenant
from gateway.core.settings import MailSettings
from gateway.dunning.composing import Draft
from gateway.dunning.facts import Standing
from gateway.dunning.ports import Links
from gateway.dunning.states import TAKEN, MailState
from gateway.dunning.tables import OutgoingMail, Reminder, ReminderLine
from gateway.exchange.states import TransportState
from gateway.exchange.tables import Document
from gateway.receivables.tables import Customer, ItemRow
from reminders.mail import Mailbox, MailRefused
from reminders.plan import Action
from reminders.policy import Channel, LevelKind
from ubl.reminder import RelatedDocument

__all__ = ["Drafter", "can_mail"]

_REMINDER_CODE: Final = "REM"


def can_mail(settings: MailSettings, customer: Customer) -> bool:
    """Whether an e-mail to the customer can be sent at all."""
    if not settings.host or not settings.sender or not customer.email:
        return False
    try:
        Mailbox(customer.email)
    except MailRefused:
        return False
    return True


class Drafter:
    """Reads the facts of a reminder."""

    def __init__(self, *, links: Links, mail: MailSettings, today: Callable[[], date]) -> None:
        self._links = links
        self._mail = mail
        self._today = today

    async def draft(
        self,
        session: AsyncSession,
        row: Reminder,
        customer: Customer,
        action: Action,
        standing: Standing,
        *,
        registered: bool,
        preview: bool = False,
    ) -> Draft:
        """Gather everything the reminder says if it is sent with this action.

        ``registered`` is whether the customer takes reminders over Peppol. A preview has neither
        number nor payment link of its own.
        """
        claims = [UUID(line.item) for line in action.lines if line.because]
        items = {UUID(line.item): standing.items[UUID(line.item)] for line in action.lines}
        earlier = await _earlier(session, row, claims)
        invoice = await _newest_invoice(session, [items[one] for one in claims])
        if row.number is None and not preview:
            row.number = await _next_number(session, row.tenant_id, self._today())
            session.add(row)
            await session.flush()
        link = None
        if not preview:
            link = await self._links.issue(
                session,
                tenant_id=row.tenant_id,
                customer_id=row.customer_id,
                items=claims,
                currency=row.currency,
                locale=customer.locale,
            )
        return Draft(
            reminder=row,
            customer=customer,
            creditor_name=(await session.get_one(Tenant, row.tenant_id)).name,
            action=action,
            items=items,
            number=row.number or "—",
            sequence=0 if row.kind is LevelKind.ADVICE else len(earlier) + 1,
            earlier=tuple(_related(one) for one in earlier),
            answers=await _last_mail(session, earlier),
            link=link,
            invoice=invoice,
            usable=await self._usable(
                session, row, customer, by_peppol=registered and invoice is not None
            ),
        )

    async def _usable(
        self, session: AsyncSession, row: Reminder, customer: Customer, *, by_peppol: bool
    ) -> frozenset[Channel]:
        """The ways the reminder can go; not over Peppol again where it never arrived."""
        usable = {Channel.EMAIL} if can_mail(self._mail, customer) else set()
        if by_peppol and not await _failed_before(session, row):
            usable.add(Channel.PEPPOL)
        return frozenset(usable)


async def _earlier(session: AsyncSession, row: Reminder, claims: Sequence[UUID]) -> list[Reminder]:
    """The reminders sent before about any of these items, oldest first, without advice."""
    found = await session.exec(
        select(Reminder)
        .where(
            Reminder.tenant_id == row.tenant_id,
            Reminder.customer_id == row.customer_id,
            Reminder.id != row.id,
            col(Reminder.state).in_(TAKEN),
            col(Reminder.number).is_not(None),
            Reminder.kind != LevelKind.ADVICE,
            col(Reminder.id).in_(
                select(ReminderLine.reminder_id).where(
                    col(ReminderLine.item_id).in_(claims), col(ReminderLine.is_claim)
                )
            ),
        )
        .order_by(col(Reminder.sent_at))
    )
    return list(found)


def _related(reminder: Reminder) -> RelatedDocument:
    return RelatedDocument(
        identifier=reminder.number or "",
        issue_date=reminder.business_date,
        type_code=_REMINDER_CODE,
    )


async def _newest_invoice(session: AsyncSession, items: Sequence[ItemRow]) -> Document | None:
    """The document of the newest item asked for; its sender and receiver are ours and theirs."""
    known = [one for one in items if one.document_id is not None]
    if not known:
        return None
    newest = max(known, key=lambda one: (one.opened_on, str(one.id)))
    return await session.get(Document, newest.document_id)


async def _failed_before(session: AsyncSession, row: Reminder) -> bool:
    """Whether this very reminder went over Peppol once and never arrived."""
    if row.document_id is None:
        return False
    document = await session.get_one(Document, row.document_id)
    return document.transport is TransportState.FAILED


async def _last_mail(session: AsyncSession, earlier: Sequence[Reminder]) -> str | None:
    """The message id of the last e-mail about the same items, for the reader's mail program."""
    found = await session.exec(
        select(OutgoingMail.message_id)
        .where(
            col(OutgoingMail.reminder_id).in_([one.id for one in earlier]),
            OutgoingMail.state == MailState.SENT,
        )
        .order_by(col(OutgoingMail.id).desc())
        .limit(1)
    )
    return found.first()


async def _next_number(session: AsyncSession, tenant_id: UUID, on: date) -> str:
    """The account's next number of the year, such as ``R-2026-000123``.

    The account's row is held until the transaction ends, so that no number is given twice; rows
    that refer to it may be added meanwhile.
    """
    await session.exec(
        select(Tenant.id).where(Tenant.id == tenant_id).with_for_update(key_share=True)
    )
    prefix = f"R-{on.year}-"
    last = await session.exec(
        select(func.max(Reminder.number)).where(
            Reminder.tenant_id == tenant_id, col(Reminder.number).startswith(prefix)
        )
    )
    number = last.one()
    return f"{prefix}{int(number.removeprefix(prefix)) + 1 if number else 1:06}"
