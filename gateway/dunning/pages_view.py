"""What the pages of reminders and customers show besides the rows themselves. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.dunning.states import MailState, ReminderState
from gateway.dunning.tables import OutgoingMail, Reminder
from gateway.receivables.pages_looks import Look
from gateway.receivables.tables import CustomerAccount, EntryRow, HoldRow, ItemRow
from reminders.account import Hold, HoldReason
from reminders.entries import EntryKind
from reminders.plan import Plan

__all__ = [
    "ATTENTION_MAILS",
    "HOLD_LOOKS",
    "MAIL_LOOKS",
    "REMINDER_LOOKS",
    "STATES",
    "Happening",
    "NextStep",
    "Tab",
    "accounts_of",
    "count_by_tab",
    "history_of",
    "is_active",
    "next_steps",
]


class Tab(StrEnum):
    """Which steps the list shows."""

    APPROVAL = "approval"
    ATTENTION = "attention"
    PLANNED = "planned"
    SENT = "sent"
    ALL = "all"


_S = ReminderState

STATES: Final[Mapping[Tab, tuple[ReminderState, ...]]] = MappingProxyType(
    {
        Tab.APPROVAL: (_S.AWAITING_APPROVAL,),
        Tab.ATTENTION: (_S.FAILED, _S.UNREACHABLE),
        Tab.PLANNED: (_S.PLANNED,),
        Tab.SENT: (_S.SENT, _S.DONE),
        Tab.ALL: (),
    }
)
"""The states behind each tab; none for every state."""

ATTENTION_MAILS: Final = (MailState.UNKNOWN, MailState.REFUSED)
"""E-mails somebody has to look at."""

REMINDER_LOOKS: Final[Mapping[ReminderState, Look]] = MappingProxyType(
    {
        _S.PLANNED: Look("blue", "clock"),
        _S.AWAITING_APPROVAL: Look("amber", "question"),
        _S.SENT: Look("green", "outbox"),
        _S.DONE: Look("green", "check"),
        _S.CANCELLED: Look("grey", "cross"),
        _S.UNREACHABLE: Look("red", "alert"),
        _S.FAILED: Look("red", "cross"),
    }
)

MAIL_LOOKS: Final[Mapping[MailState, Look]] = MappingProxyType(
    {
        MailState.READY: Look("blue", "clock"),
        MailState.SENDING: Look("blue", "outbox"),
        MailState.SENT: Look("green", "check"),
        MailState.REFUSED: Look("red", "cross"),
        MailState.UNKNOWN: Look("amber", "question"),
        MailState.CANCELLED: Look("grey", "cross"),
    }
)

HOLD_LOOKS: Final[Mapping[HoldReason, Look]] = MappingProxyType(
    {
        HoldReason.PAUSED: Look("grey", "pause"),
        HoldReason.DISPUTE: Look("violet", "question"),
        HoldReason.PAYMENT_PLAN: Look("blue", "calendar"),
        HoldReason.PAYMENT_UNDER_WAY: Look("blue", "coin"),
        HoldReason.UNDELIVERED: Look("amber", "alert"),
    }
)

_ENTRY_LOOKS: Final[Mapping[EntryKind, Look]] = MappingProxyType(
    {
        EntryKind.INVOICED: Look("blue", "report"),
        EntryKind.CREDIT_NOTE_ISSUED: Look("grey", "report"),
        EntryKind.PAYMENT_RECEIVED: Look("green", "coin"),
        EntryKind.PAYMENT_ALLOCATED: Look("green", "coin"),
        EntryKind.PAYMENT_RETURNED: Look("red", "back"),
        EntryKind.PAYMENT_ANNOUNCED: Look("blue", "clock"),
        EntryKind.DISPUTE_OPENED: Look("violet", "question"),
        EntryKind.DISPUTE_RESOLVED: Look("green", "check"),
    }
)
_OTHER: Final = Look("grey", "info")
_HISTORY: Final = 30


async def count_by_tab(session: AsyncSession, tenant_id: UUID) -> dict[Tab, int]:
    """How many steps and e-mails wait for a person; those that are done are not counted."""
    waiting = {tab: STATES[tab] for tab in (Tab.APPROVAL, Tab.ATTENTION, Tab.PLANNED)}
    found = await session.exec(
        select(Reminder.state, func.count())
        .where(
            Reminder.tenant_id == tenant_id,
            col(Reminder.state).in_([one for states in waiting.values() for one in states]),
        )
        .group_by(col(Reminder.state))
    )
    by_state = dict(found.all())
    mails = await session.exec(
        select(func.count()).where(
            col(OutgoingMail.tenant_id) == tenant_id,
            col(OutgoingMail.state).in_(ATTENTION_MAILS),
        )
    )
    counts = {tab: sum(by_state.get(one, 0) for one in states) for tab, states in waiting.items()}
    counts[Tab.ATTENTION] += mails.one()
    return counts


async def accounts_of(
    session: AsyncSession, tenant_id: UUID, customer_id: UUID
) -> Sequence[CustomerAccount]:
    """The accounts a customer is known to pay from."""
    found = await session.exec(
        select(CustomerAccount)
        .where(CustomerAccount.tenant_id == tenant_id, CustomerAccount.customer_id == customer_id)
        .order_by(col(CustomerAccount.iban))
    )
    return found.all()


def is_active(hold: HoldRow, on: date) -> bool:
    """Whether a hold is in force on a business date."""
    return Hold(reason=hold.reason, since=hold.since, last_day=hold.last_day).active(on)


@dataclass(frozen=True, slots=True)
class NextStep:
    """What comes next for one item: a level that is due now, or why not yet and until when."""

    level: str = ""
    why: str = ""
    until: date | None = None


def next_steps(outlook: Plan | None) -> dict[str, NextStep]:
    """The next step of each item by its id, as a run would plan it now."""
    if outlook is None:
        return {}
    steps = {one.item: NextStep(why=str(one.why), until=one.until) for one in outlook.waiting}
    for action in outlook.actions:
        steps |= {item: NextStep(level=str(action.level.kind)) for item in action.items}
    return steps


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened between us and a customer.

    ``key`` names the sentence; ``link`` and ``name`` lead to what it was about, ``minor`` is in
    minor units of ``currency``, ``note`` is somebody's own words.
    """

    at: datetime
    look: Look
    key: str
    link: str = ""
    name: str = ""
    minor: int | None = None
    currency: str | None = None
    note: str = field(default="")


async def history_of(
    session: AsyncSession,
    tenant_id: UUID,
    customer_id: UUID,
    *,
    holds: Sequence[HoldRow],
    reminders: Sequence[Reminder],
    mails: Sequence[OutgoingMail],
) -> list[Happening]:
    """The latest of all that happened with a customer, newest first."""
    found = await session.exec(
        select(EntryRow, ItemRow)
        .join(ItemRow, col(ItemRow.id) == col(EntryRow.item_id))
        .where(EntryRow.tenant_id == tenant_id, ItemRow.customer_id == customer_id)
        .order_by(col(EntryRow.recorded_at).desc(), col(EntryRow.id).desc())
        .limit(_HISTORY)
    )
    happenings = [_entry(entry, item) for entry, item in found]
    happenings += [one for hold in holds for one in _hold(hold)]
    happenings += [_reminder(one) for one in reminders if one.sent_at is not None]
    happenings += [_mail(one) for one in mails if one.sent_at is not None]
    return sorted(happenings, key=lambda one: one.at, reverse=True)[:_HISTORY]


def _entry(entry: EntryRow, item: ItemRow) -> Happening:
    return Happening(
        at=entry.recorded_at,
        look=_ENTRY_LOOKS.get(entry.kind, _OTHER),
        key=f"entry_kind.{entry.kind}",
        link=f"/items/{item.id}",
        name=item.number,
        minor=entry.amount_minor,
        currency=entry.currency,
        note=entry.reason,
    )


def _hold(hold: HoldRow) -> list[Happening]:
    placed = Happening(
        at=hold.created_at,
        look=HOLD_LOOKS[hold.reason],
        key=f"hold_reason.{hold.reason}",
        name=hold.actor,
        note=hold.note,
    )
    if hold.lifted_at is None:
        return [placed]
    return [placed, Happening(at=hold.lifted_at, look=Look("green", "play"), key="hold.lifted")]


def _reminder(row: Reminder) -> Happening:
    return Happening(
        at=row.sent_at or row.created_at,
        look=Look("amber", "bell")
        if row.state is ReminderState.SENT
        else REMINDER_LOOKS[row.state],
        key=f"level.{row.kind}",
        link=f"/reminders/{row.id}",
        name=row.number or "",
        minor=row.total_minor,
        currency=row.currency,
    )


def _mail(row: OutgoingMail) -> Happening:
    return Happening(
        at=row.sent_at or row.created_at,
        look=Look("blue", "mail"),
        key=f"mail_purpose.{row.purpose}",
        link=f"/mails/{row.id}",
        name=row.recipient,
        note=row.subject,
    )
