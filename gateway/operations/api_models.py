"""Shapes of the operator's API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.access.audit import Anchor
from gateway.core.alarms import Alarm, Severity
from gateway.exchange.failures import FailureClass, Remedy
from gateway.exchange.tables import Direction
from gateway.operations import queries

__all__ = [
    "AlarmOut",
    "AlarmPage",
    "AlarmQuery",
    "AuditHeadOut",
    "DeadJobsOut",
    "Done",
    "FailureOut",
    "FailuresOut",
    "LaneIn",
    "MessageQuery",
    "MessagesOut",
    "OverviewOut",
    "PeerOut",
    "QueueOut",
    "QueuesOut",
    "ReviveIn",
    "RunIn",
    "TrafficOut",
]


class TrafficOut(BaseModel):
    """Exchanges with a verified receipt, of documents whose XML root has this name."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    sent_today: int
    received_today: int
    sent_week: int
    received_week: int


class PeerOut(BaseModel):
    """An access point with failed attempts in the last seven days."""

    model_config = ConfigDict(from_attributes=True)

    seat_id: str
    failed: int
    delivered: int
    last_at: datetime
    last_code: str | None


class OverviewOut(BaseModel):
    """How the instance does: open alarms by severity, traffic, peers with failures."""

    critical: int
    warnings: int
    traffic: list[TrafficOut]
    peers: list[PeerOut]


class QueueOut(BaseModel):
    """What waits in one lane for one kind of work; ``due_since`` is when the oldest was due."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    lane: str
    waiting: int
    running: int
    due_since: datetime
    failures: int
    paused_until: datetime | None


class DeadJobsOut(BaseModel):
    """Work that was given up for one reason; ``code`` is empty where none was noted."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    code: str
    count: int
    newest: datetime
    example: str


class QueuesOut(BaseModel):
    """Lanes with work, the longest waiting first, and what was given up."""

    queues: list[QueueOut]
    dead: list[DeadJobsOut]


class FailureOut(BaseModel):
    """Documents given up for one cause, and what to do about it (in English)."""

    code: str
    title: str
    failure_class: FailureClass
    permanent: bool
    remedy: Remedy
    advice: str
    count: int
    oldest: datetime
    newest: datetime

    @classmethod
    def of(cls, group: queries.FailureGroup) -> Self:
        """Show a group."""
        one = group.failure
        return cls(
            code=one.code,
            title=one.title,
            failure_class=one.failure_class,
            permanent=one.permanent,
            remedy=one.remedy,
            advice=one.advice,
            count=group.count,
            oldest=group.oldest,
            newest=group.newest,
        )


class FailuresOut(BaseModel):
    """Causes of the last thirty days, the most frequent first."""

    items: list[FailureOut]


class AlarmQuery(BaseModel):
    """Which alarms: those that are open, or those that were cleared."""

    model_config = ConfigDict(extra="forbid")

    cleared: bool = False


class AlarmOut(BaseModel):
    """An alarm; ``text`` says in English what is wrong and what to do."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    subject: str
    severity: Severity
    tenant_id: UUID | None
    text: str
    facts: dict[str, Any]
    occurrences: int
    raised_at: datetime
    last_seen_at: datetime
    cleared_at: datetime | None
    seen_by: str | None
    seen_at: datetime | None


class AlarmPage(BaseModel):
    """Alarms, critical ones first; at most 200."""

    items: list[AlarmOut]

    @classmethod
    def of(cls, rows: Sequence[Alarm]) -> Self:
        """Show alarms."""
        return cls(items=[AlarmOut.model_validate(row) for row in rows])


class LaneIn(BaseModel):
    """A lane by its name, such as ``ap:as4.example:443``."""

    model_config = ConfigDict(extra="forbid")

    lane: Annotated[str, Field(min_length=1, max_length=200)]


class RunIn(BaseModel):
    """Which waiting work shall be due now; the empty lane is that of work without one."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(min_length=1, max_length=80)]
    lane: Annotated[str, Field(max_length=200)] = ""


class ReviveIn(BaseModel):
    """Which work that was given up shall be tried again."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(min_length=1, max_length=80)]
    code: Annotated[str, Field(max_length=40)] = ""


class Done(BaseModel):
    """How many jobs it concerned."""

    jobs: int


class AuditHeadOut(BaseModel):
    """The end of the audit log's chain. ``anchor`` is what ``gateway check --anchor`` takes."""

    number: int
    hash: str
    anchor: str

    @classmethod
    def of(cls, head: Anchor) -> Self:
        """Show a head."""
        return cls(number=head.number, hash=head.hash, anchor=str(head))


class MessageQuery(BaseModel):
    """An AS4 MessageId or an SBDH instance identifier, exactly."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=200)]


class MessageOut(BaseModel):
    """Where one AS4 message is kept: the row's id, its account and document."""

    model_config = ConfigDict(from_attributes=True)

    direction: Direction
    id: UUID
    tenant_id: UUID
    document_id: UUID | None
    message_id: str
    from_seat: str
    to_seat: str
    at: datetime


class MessagesOut(BaseModel):
    """The messages an identifier names, of all accounts."""

    items: list[MessageOut]
