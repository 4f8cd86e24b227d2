"""The three tables of the job engine."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Index, String, Text, text
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id

__all__ = ["IS_ACTIVE", "IS_LEASED", "Job", "JobState", "Lane", "Missed", "Schedule"]


class JobState(StrEnum):
    """Where a job is in its life; ``done``, ``dead`` and ``cancelled`` are final."""

    READY = "ready"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


# Literal SQL, not bound values: SQLite uses a partial index only for its very predicate.
IS_ACTIVE: Final = text("state IN ('ready', 'leased')")
IS_LEASED: Final = text("state = 'leased'")


class Missed(StrEnum):
    """What a schedule does about runs that were due while no process was up."""

    SKIP = "skip"
    RUN_ONCE = "run_once"


class Job(SQLModel, table=True):
    """One piece of work that survives every crash until it ends in a final state.

    ``run_at`` means two things on purpose: for a ready job when it is due, for a leased job when
    its lease ends. So a dead worker's job is simply due again. ``attempt`` counts claims that
    were not handed back, ``lapses`` the leases in a row that ran out without a report.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_due", "run_at", sqlite_where=IS_ACTIVE, postgresql_where=IS_ACTIVE),
        Index(
            "ix_job_lane_due", "lane", "run_at", sqlite_where=IS_ACTIVE, postgresql_where=IS_ACTIVE
        ),
        Index("ix_job_lane_leased", "lane", sqlite_where=IS_LEASED, postgresql_where=IS_LEASED),
        Index("ix_job_finished", "finished_at"),
        # Rows are updated several times and then pruned: leave room in the page, vacuum early.
        {"postgresql_with": {"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02}},
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(sa_type=String(80))
    lane: str = Field(default="", sa_type=String(200))
    dedupe_key: str | None = Field(default=None, sa_type=String(200), unique=True)
    payload: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    state: JobState = Field(
        default=JobState.READY, sa_column=Column(EnumText(JobState), nullable=False)
    )
    run_at: datetime = Field(sa_type=UtcDateTime)
    deadline: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempt: int = 0
    lapses: int = 0
    token: UUID | None = None
    worker: str | None = Field(default=None, sa_type=String(120))
    cancel_requested: bool = False
    error_code: str | None = Field(default=None, sa_type=String(40))
    error_text: str | None = Field(default=None, sa_type=Text)
    traceparent: str | None = Field(default=None, sa_type=String(55))
    created_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Lane(SQLModel, table=True):
    """A queue within the queue: how many jobs may run at once towards one partner.

    ``cap`` None means the instance's setting. ``failures`` counts failures in a row;
    ``paused_until`` keeps the lane shut after too many of them.
    """

    __tablename__ = "lane"

    name: str = Field(primary_key=True, sa_type=String(200))
    cap: int | None = None
    failures: int = 0
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Schedule(SQLModel, table=True):
    """A job that comes again: its name is the job's kind."""

    __tablename__ = "schedule"

    name: str = Field(primary_key=True, sa_type=String(80))
    spec: str = Field(sa_type=String(80))
    next_due: datetime = Field(sa_type=UtcDateTime)
    missed: Missed = Field(
        default=Missed.RUN_ONCE, sa_column=Column(EnumText(Missed), nullable=False)
    )
