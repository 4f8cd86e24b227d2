"""Rows of statistics: one per exchange with a positive receipt, and the reports made of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Text, UniqueConstraint, Uuid
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id
from gateway.exchange.statistics.counting import Counting, ReportKind
from gateway.exchange.statistics.states import ReportState
from gateway.exchange.tables import Direction

__all__ = ["ReportingDuty", "StatisticsReport", "Traffic"]


class Traffic(SQLModel, table=True):
    """One exchange with a positive receipt, as C2 (out) or as C3 (in).

    ``id`` is that of the transmission or the reception, so no exchange is ever counted twice.
    ``exchanged_at`` is when the receipt was verified (out) or the message committed (in).
    ``own_seat`` is ours of ``c2_seat`` and ``c3_seat``. Countries are ISO 3166 alpha-2, None
    where nobody stated one; ``c4_country`` is known of incoming messages only. ``participant`` is
    ours: C1 of what was sent, C4 of what arrived (``scheme::value``); the end user behind it is
    found when a report is made.
    """

    __tablename__ = "traffic"
    __table_args__ = (Index("ix_traffic_period", "own_seat", "exchanged_at"),)

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    document_id: UUID | None = Field(default=None, foreign_key="document.id")
    direction: Direction = Field(sa_column=Column(EnumText(Direction), nullable=False))
    exchanged_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    own_seat: str = Field(max_length=40)
    c2_seat: str = Field(max_length=40)
    c3_seat: str = Field(max_length=40)
    document_type_scheme: str = Field(max_length=25)
    document_type: str = Field(max_length=500)
    process_scheme: str = Field(max_length=25)
    process: str = Field(max_length=200)
    transport_profile: str = Field(max_length=100)
    c1_country: str | None = Field(default=None, max_length=2)
    c4_country: str | None = Field(default=None, max_length=2)
    participant: str = Field(max_length=200)
    counting: Counting = Field(sa_column=Column(EnumText(Counting), nullable=False))


class ReportingDuty(SQLModel, table=True):
    """That a seat owes statistics from a month on (``YYYY-MM``); off where another system reports.

    Seats belong to the instance, so this does too.
    """

    __tablename__ = "reporting_duty"

    seat_id: str = Field(primary_key=True, foreign_key="seat.seat_id", max_length=9)
    since: str = Field(max_length=7)
    active: bool = True
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class StatisticsReport(SQLModel, table=True):
    """One report of a seat for a month: written once; a newer one of the same month replaces it.

    ``edition`` counts the reports of a seat, kind and month from 1. ``judgement`` says which rules
    it was checked by and what they found. ``document_id`` is the outgoing document that carried
    it; a refused report has none.
    """

    __tablename__ = "statistics_report"
    __table_args__ = (UniqueConstraint("seat_id", "kind", "period", "edition"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    seat_id: str = Field(foreign_key="seat.seat_id", max_length=9)
    kind: ReportKind = Field(sa_column=Column(EnumText(ReportKind), nullable=False))
    period: str = Field(max_length=7)
    edition: int
    state: ReportState = Field(sa_column=Column(EnumText(ReportState), nullable=False))
    content_id: UUID = Field(foreign_key="stored_blob.id")
    document_id: UUID | None = Field(
        default=None, sa_column=Column(Uuid, ForeignKey("document.id"), nullable=True, index=True)
    )
    receiver: str = Field(max_length=200)
    figures: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    judgement: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    failure: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    settled_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
