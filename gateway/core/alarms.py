"""What an operator must know although no caller asks: alarms that stay until their cause is gone.

An alarm is raised as often as its cause is seen and is one row while it is open; it is cleared
by whoever finds the cause gone. Runs in the caller's transaction. The texts here are the
operator's log line; the console words an alarm again by its code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Column, Index, Integer, Text, text
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id

__all__ = ["Alarm", "AlarmKind", "Severity", "clear_alarm", "open_alarms", "raise_alarm"]

IS_OPEN: Final = text("cleared_at IS NULL")
MAX_SUBJECT: Final = 300

log = structlog.get_logger(__name__)


class Severity(StrEnum):
    """WARNING will hurt if nobody acts; CRITICAL hurts now."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """One cause of alarm: its stable code, how bad it is, and what to do about it (English)."""

    code: str
    severity: Severity
    title: str
    advice: str


class Alarm(SQLModel, table=True):
    """One cause at one subject (a seat, an access point, a lane), from first seen until gone.

    ``tenant_id`` is set where the alarm concerns one account only. ``facts`` fill the console's
    sentence; they hold no secrets.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        Index(
            "uq_alarm_open",
            "code",
            "subject",
            unique=True,
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        ),
        Index("ix_alarm_list", "cleared_at", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    code: str = Field(max_length=60)
    subject: str = Field(max_length=MAX_SUBJECT)
    severity: Severity = Field(sa_column=Column(EnumText(Severity), nullable=False))
    tenant_id: UUID | None = Field(default=None, index=True)
    text: str = Field(sa_column=Column(Text, nullable=False))
    facts: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    occurrences: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    raised_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    cleared_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    seen_by: str | None = Field(default=None, max_length=200)
    seen_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


async def raise_alarm(
    session: AsyncSession,
    kind: AlarmKind,
    subject: str,
    *,
    at: datetime,
    facts: Mapping[str, Any] | None = None,
    tenant_id: UUID | None = None,
) -> Alarm:
    """Raise an alarm, or note that its cause is still there; returns the open row.

    Of each kind and ``subject`` one is open at a time. ``at`` is machine time, ``facts`` are
    plain JSON values without secrets. The caller's transaction decides whether it stays.
    """
    known = await _open(session, kind, subject)
    if known is not None:
        known.occurrences += 1
        known.last_seen_at = at
        known.facts = dict(facts or {})
        return known
    alarm = Alarm(
        code=kind.code,
        subject=subject[:MAX_SUBJECT],
        severity=kind.severity,
        tenant_id=tenant_id,
        text=f"{kind.title}: {subject}. {kind.advice}",
        facts=dict(facts or {}),
        raised_at=at,
        last_seen_at=at,
    )
    session.add(alarm)
    await session.flush()
    log.warning("alarm.raised", code=kind.code, subject=subject, severity=kind.severity.value)
    return alarm


async def clear_alarm(
    session: AsyncSession, kind: AlarmKind, subject: str, *, at: datetime
) -> bool:
    """Close the alarm at machine time ``at``, its cause being gone; False when none was open."""
    known = await _open(session, kind, subject)
    if known is None:
        return False
    known.cleared_at = at
    log.info("alarm.cleared", code=kind.code, subject=subject)
    return True


async def open_alarms(session: AsyncSession) -> list[Alarm]:
    """Every open alarm, the newest first."""
    found = await session.exec(
        select(Alarm).where(col(Alarm.cleared_at).is_(None)).order_by(col(Alarm.id).desc())
    )
    return list(found)


async def _open(session: AsyncSession, kind: AlarmKind, subject: str) -> Alarm | None:
    found = await session.exec(
        select(Alarm)
        .where(
            Alarm.code == kind.code,
            Alarm.subject == subject[:MAX_SUBJECT],
            col(Alarm.cleared_at).is_(None),
        )
        .with_for_update()
    )
    return found.first()
