"""Reading the rows of dunning: reminders, e-mails, runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.dunning.facts import lines_of
from gateway.dunning.states import MailPurpose, MailState, ReminderState
from gateway.dunning.tables import DunningRun, OutgoingMail, Reminder, ReminderLine
from gateway.receivables.tables import Customer

__all__ = [
    "Dossier",
    "Listed",
    "MailFilters",
    "ReminderFilters",
    "dossier_of",
    "list_mails",
    "list_reminders",
    "list_runs",
    "mail_of",
    "reminder_of",
]


@dataclass(frozen=True, slots=True)
class ReminderFilters:
    """How a list of reminders is narrowed."""

    states: tuple[ReminderState, ...] = ()
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class MailFilters:
    """How a list of e-mails is narrowed."""

    states: tuple[MailState, ...] = ()
    purpose: MailPurpose | None = None
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A reminder in a list, with the name of its customer."""

    reminder: Reminder
    customer_name: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """One reminder with all that belongs to it."""

    reminder: Reminder
    customer: Customer
    lines: Sequence[ReminderLine]
    mails: Sequence[OutgoingMail]


async def reminder_of(session: AsyncSession, tenant_id: UUID, reminder_id: UUID) -> Reminder:
    """One reminder of the account; raises GatewayError NOT-FOUND for anybody else's."""
    row = await session.get(Reminder, reminder_id)
    if row is None or row.tenant_id != tenant_id:
        raise GatewayError(NOT_FOUND, "No reminder of this account has that id.")
    return row


async def dossier_of(session: AsyncSession, tenant_id: UUID, reminder_id: UUID) -> Dossier:
    """One reminder with its customer, lines and e-mails; raises GatewayError NOT-FOUND."""
    row = await reminder_of(session, tenant_id, reminder_id)
    mails = await session.exec(
        select(OutgoingMail)
        .where(OutgoingMail.reminder_id == row.id)
        .order_by(col(OutgoingMail.id))
    )
    return Dossier(
        reminder=row,
        customer=await session.get_one(Customer, row.customer_id),
        lines=(await lines_of(session, [row.id]))[row.id],
        mails=list(mails),
    )


async def list_reminders(
    session: AsyncSession,
    tenant_id: UUID,
    *,
    filters: ReminderFilters | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[Listed]:
    """The account's reminders, newest first, those made before ``before``."""
    filters = filters or ReminderFilters()
    query = (
        select(Reminder, Customer.name)
        .join(Customer, col(Customer.id) == col(Reminder.customer_id))
        .where(Reminder.tenant_id == tenant_id)
    )
    if filters.states:
        query = query.where(col(Reminder.state).in_(filters.states))
    if filters.customer_id is not None:
        query = query.where(Reminder.customer_id == filters.customer_id)
    if before is not None:
        query = query.where(col(Reminder.id) < before)
    found = await session.exec(query.order_by(col(Reminder.id).desc()).limit(limit))
    return [Listed(row, name) for row, name in found]


async def mail_of(session: AsyncSession, tenant_id: UUID, mail_id: UUID) -> OutgoingMail:
    """One e-mail of the account; raises GatewayError NOT-FOUND for anybody else's."""
    row = await session.get(OutgoingMail, mail_id)
    if row is None or row.tenant_id != tenant_id:
        raise GatewayError(NOT_FOUND, "No e-mail of this account has that id.")
    return row


async def list_mails(
    session: AsyncSession,
    tenant_id: UUID,
    *,
    filters: MailFilters | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[OutgoingMail]:
    """The account's e-mails, newest first, those made before ``before``."""
    filters = filters or MailFilters()
    query = select(OutgoingMail).where(OutgoingMail.tenant_id == tenant_id)
    if filters.states:
        query = query.where(col(OutgoingMail.state).in_(filters.states))
    if filters.purpose is not None:
        query = query.where(OutgoingMail.purpose == filters.purpose)
    if filters.customer_id is not None:
        query = query.where(OutgoingMail.customer_id == filters.customer_id)
    if before is not None:
        query = query.where(col(OutgoingMail.id) < before)
    return list(await session.exec(query.order_by(col(OutgoingMail.id).desc()).limit(limit)))


async def list_runs(
    session: AsyncSession, tenant_id: UUID, *, before: UUID | None = None, limit: int = 50
) -> list[DunningRun]:
    """The account's planning runs, newest first."""
    query = select(DunningRun).where(DunningRun.tenant_id == tenant_id)
    if before is not None:
        query = query.where(col(DunningRun.id) < before)
    return list(await session.exec(query.order_by(col(DunningRun.id).desc()).limit(limit)))
