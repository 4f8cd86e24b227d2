"""What the API of dunning takes and gives, apart from the rows behind it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.core.api_values import Money
from gateway.core.paging import Cut
from gateway.dunning.composing import Composed
from gateway.dunning.queries import Dossier, Listed
from gateway.dunning.states import MailPurpose, MailState, ReminderState
from gateway.dunning.tables import DunningRun, OutgoingMail, Reminder, ReminderLine
from reminders.entries import ItemKind
from reminders.plan import Action, Plan
from reminders.policy import Channel, LevelKind
from reminders.step import Waiting, Why

__all__ = [
    "DeclineIn",
    "MailOut",
    "MailPage",
    "MailQuery",
    "OutlookOut",
    "PostedIn",
    "PreviewOut",
    "ReminderDetail",
    "ReminderOut",
    "ReminderPage",
    "ReminderQuery",
    "RunPage",
    "RunQuery",
    "RunRequested",
]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class ReminderQuery(_Query):
    """Which reminders to list."""

    state: ReminderState | None = None
    customer: UUID | None = None


class MailQuery(_Query):
    """Which e-mails to list."""

    state: MailState | None = None
    purpose: MailPurpose | None = None
    customer: UUID | None = None


class RunQuery(_Query):
    """Which page of planning runs to list."""


class ReminderOut(BaseModel):
    """One step towards a customer; ``reason`` says why it was cancelled, or what it waits for."""

    id: UUID
    customer_id: UUID
    number: str | None
    level: str
    kind: LevelKind
    policy: str
    policy_version: int
    state: ReminderState
    reason: str | None
    channel: Channel | None
    business_date: date
    deadline: date | None
    total: Money
    sequence: int
    document_id: UUID | None
    approved_by: str | None
    created_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, row: Reminder) -> Self:
        """The API's view of a row."""
        return cls(
            id=row.id,
            customer_id=row.customer_id,
            number=row.number,
            level=row.level,
            kind=row.kind,
            policy=row.policy,
            policy_version=row.version,
            state=row.state,
            reason=row.reason,
            channel=row.channel,
            business_date=row.business_date,
            deadline=row.deadline,
            total=Money.of(row.total_minor, row.currency),
            sequence=row.sequence,
            document_id=row.document_id,
            approved_by=row.approved_by,
            created_at=row.created_at,
            sent_at=row.sent_at,
        )


class ReminderPage(BaseModel):
    """A page of reminders, newest first; ``next_cursor`` asks for the one after it."""

    items: list[ReminderOut]
    next_cursor: str | None

    @classmethod
    def of(cls, rows: Sequence[Listed], limit: int) -> Self:
        """The first ``limit`` rows, and where to go on if there are more."""
        page = Cut.at(rows, limit)
        return cls(
            items=[ReminderOut.of(one.reminder) for one in page.shown],
            next_cursor=page.cursor(lambda one: str(one.reminder.id)),
        )


class LineOut(BaseModel):
    """One item a reminder asks for, or one credit taken off (below zero)."""

    item_id: UUID
    number: str
    kind: ItemKind
    amount: Money
    due_date: date | None
    is_claim: bool

    @classmethod
    def of(cls, row: ReminderLine, currency: str) -> Self:
        """The API's view of a row."""
        return cls(
            item_id=row.item_id,
            number=row.number,
            kind=row.kind,
            amount=Money.of(row.amount_minor, currency),
            due_date=row.due_date,
            is_claim=row.is_claim,
        )


class MailOut(BaseModel):
    """One e-mail. ``failure_code`` says why it was refused, called off or may be lost."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    reminder_id: UUID | None
    purpose: MailPurpose
    recipient: str
    subject: str
    message_id: str
    state: MailState
    failure_code: str | None
    failure_text: str | None
    created_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, row: OutgoingMail) -> Self:
        """The API's view of a row."""
        return cls.model_validate(row)


class MailPage(BaseModel):
    """A page of e-mails, newest first."""

    items: list[MailOut]
    next_cursor: str | None

    @classmethod
    def of(cls, rows: Sequence[OutgoingMail], limit: int) -> Self:
        """The first ``limit`` rows, and where to go on if there are more."""
        page = Cut.at(rows, limit)
        return cls(
            items=[MailOut.of(one) for one in page.shown],
            next_cursor=page.cursor(lambda one: str(one.id)),
        )


class ReminderDetail(ReminderOut):
    """One reminder with its lines and e-mails."""

    lines: list[LineOut]
    mails: list[MailOut]

    @classmethod
    def of_dossier(cls, dossier: Dossier) -> Self:
        """The API's view of a reminder and what belongs to it."""
        row = dossier.reminder
        return cls(
            **ReminderOut.of(row).model_dump(),
            lines=[LineOut.of(one, row.currency) for one in dossier.lines],
            mails=[MailOut.of(one) for one in dossier.mails],
        )


class PreviewOut(BaseModel):
    """How a reminder would read now; letter and UBL have addresses of their own."""

    language: str
    heading: str
    subject: str
    paragraphs: list[str]
    total: str
    closing: list[str]
    has_ubl: bool

    @classmethod
    def of(cls, composed: Composed) -> Self:
        """The texts of a written reminder."""
        content = composed.content
        return cls(
            language=content.language,
            heading=content.heading,
            subject=content.subject,
            paragraphs=list(content.opening),
            total=content.total.text,
            closing=list(content.closing),
            has_ubl=composed.ubl is not None,
        )


class StepOut(BaseModel):
    """A step a run would plan today."""

    level: str
    kind: LevelKind
    deadline: date | None
    total: Money
    items: list[UUID]

    @classmethod
    def of(cls, action: Action) -> Self:
        """The API's view of a planned step."""
        return cls(
            level=action.level.id,
            kind=action.level.kind,
            deadline=action.deadline,
            total=Money.of(action.total, action.key.currency),
            items=[UUID(one) for one in sorted(action.items)],
        )


class WaitingOut(BaseModel):
    """Why nothing is done about an item, and when to look again if that is known."""

    item_id: UUID
    why: Why
    until: date | None

    @classmethod
    def of(cls, waiting: Waiting) -> Self:
        """The API's view of the planner's answer."""
        return cls(item_id=UUID(waiting.item), why=waiting.why, until=waiting.until)


class OutlookOut(BaseModel):
    """What a run would do about a customer today."""

    steps: list[StepOut]
    waiting: list[WaitingOut]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """The API's view of a plan."""
        return cls(
            steps=[StepOut.of(one) for one in plan.actions],
            waiting=[WaitingOut.of(one) for one in plan.waiting],
        )


class RunOut(BaseModel):
    """One planning of all customers; ``planned`` counts the steps that came new that day."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    business_date: date
    customers: int
    planned: int
    started_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: DunningRun) -> Self:
        """The API's view of a row."""
        return cls.model_validate(row)


class RunPage(BaseModel):
    """A page of planning runs, newest first."""

    items: list[RunOut]
    next_cursor: str | None

    @classmethod
    def of(cls, rows: Sequence[DunningRun], limit: int) -> Self:
        """The first ``limit`` rows, and where to go on if there are more."""
        page = Cut.at(rows, limit)
        return cls(
            items=[RunOut.of(one) for one in page.shown],
            next_cursor=page.cursor(lambda one: str(one.id)),
        )


class RunRequested(BaseModel):
    """A planning run was asked for, for this business date."""

    business_date: date


class DeclineIn(BaseModel):
    """Not to take a step; ``pause_until`` (included) leaves the customer alone until then."""

    model_config = ConfigDict(extra="forbid")

    pause_until: date | None = None


class PostedIn(BaseModel):
    """How a letter was sent by a person."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel = Channel.POST
