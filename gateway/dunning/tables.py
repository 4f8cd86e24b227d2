"""Rows of dunning: policies and calendars in use, runs, reminders with their lines, e-mails."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id
from gateway.dunning.states import MailPurpose, MailState, ReminderState
from reminders.entries import ItemKind
from reminders.policy import Channel, LevelKind

__all__ = ["CalendarRow", "DunningRun", "OutgoingMail", "PolicyRow", "Reminder", "ReminderLine"]


class PolicyRow(SQLModel, table=True):
    """One version of a reminder policy: the one truth once seeded, never changed when used.

    ``definition`` is the policy as `reminders.policy_file` reads it. Without ``tenant_id`` it is
    for every account. ``origin`` says whether it came with a release or a person made it.
    """

    __tablename__ = "reminder_policy"
    __table_args__ = (UniqueConstraint("tenant_id", "policy", "version"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID | None = Field(default=None, foreign_key="tenant.id", index=True)
    policy: str = Field(max_length=60)
    version: int
    valid_from: date
    definition: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    origin: str = Field(max_length=20)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class CalendarRow(SQLModel, table=True):
    """A calendar of business days that policies count by."""

    __tablename__ = "business_calendar"

    calendar: str = Field(primary_key=True, max_length=60)
    definition: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    origin: str = Field(max_length=20)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class DunningRun(SQLModel, table=True):
    """One planning of all customers of a tenant on a business date; finished or begun again."""

    __tablename__ = "dunning_run"
    __table_args__ = (UniqueConstraint("tenant_id", "business_date"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    business_date: date
    customers: int = 0
    planned: int = 0
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Reminder(SQLModel, table=True):
    """One step towards a customer: a reminder in one currency, or a task.

    ``step_key`` makes it unique (`reminders.account.StepKey`). ``document_id`` is the UBL
    Reminder sent over Peppol; ``ubl_id`` and ``letter_id`` are what was written either way.
    ``total_minor`` and the lines are as last checked, and final once it is sent.
    """

    __tablename__ = "reminder"
    __table_args__ = (
        UniqueConstraint("tenant_id", "step_key"),
        UniqueConstraint("tenant_id", "number"),
        Index("ix_reminder_list", "tenant_id", "state", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    customer_id: UUID = Field(foreign_key="customer.id", index=True)
    step_key: str = Field(max_length=400)
    policy: str = Field(max_length=60)
    version: int
    level: str = Field(max_length=60)
    kind: LevelKind = Field(sa_column=Column(EnumText(LevelKind), nullable=False))
    period: date
    currency: str = Field(max_length=3)
    item_id: UUID | None = Field(default=None, foreign_key="open_item.id")
    business_date: date
    deadline: date | None = None
    total_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    number: str | None = Field(default=None, max_length=60)
    sequence: int = 0
    state: ReminderState = Field(sa_column=Column(EnumText(ReminderState), nullable=False))
    reason: str | None = Field(default=None, max_length=60)
    channel: Channel | None = Field(default=None, sa_column=Column(EnumText(Channel)))
    document_id: UUID | None = Field(default=None, foreign_key="document.id", unique=True)
    link_id: UUID | None = Field(default=None, foreign_key="payment_link.id")
    ubl_id: UUID | None = Field(default=None, foreign_key="stored_blob.id")
    letter_id: UUID | None = Field(default=None, foreign_key="stored_blob.id")
    approved_by: str | None = Field(default=None, max_length=300)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class ReminderLine(SQLModel, table=True):
    """One open item a reminder asks for, or one credit set against it (below zero)."""

    __tablename__ = "reminder_line"

    reminder_id: UUID = Field(foreign_key="reminder.id", primary_key=True)
    item_id: UUID = Field(foreign_key="open_item.id", primary_key=True, index=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    number: str = Field(max_length=200)
    kind: ItemKind = Field(sa_column=Column(EnumText(ItemKind), nullable=False))
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    due_date: date | None = None
    is_claim: bool


class OutgoingMail(SQLModel, table=True):
    """One e-mail to a customer, exactly as it goes out, and what became of it."""

    __tablename__ = "outgoing_mail"
    __table_args__ = (Index("ix_outgoing_mail_list", "tenant_id", "state", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    customer_id: UUID = Field(foreign_key="customer.id", index=True)
    reminder_id: UUID | None = Field(default=None, foreign_key="reminder.id", index=True)
    purpose: MailPurpose = Field(sa_column=Column(EnumText(MailPurpose), nullable=False))
    source: str = Field(max_length=200, unique=True)
    recipient: str = Field(max_length=254)
    subject: str = Field(sa_column=Column(Text, nullable=False))
    message_id: str = Field(max_length=250, unique=True)
    content_id: UUID = Field(foreign_key="stored_blob.id")
    state: MailState = Field(sa_column=Column(EnumText(MailState), nullable=False))
    failure_code: str | None = Field(default=None, max_length=60)
    failure_text: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
