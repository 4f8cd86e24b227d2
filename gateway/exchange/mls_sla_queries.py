"""The figures of the service levels from the records; the operator's, over all accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, or_
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exchange.answer_tables import MlsAsked, MlsRecord, MlsSide
from gateway.exchange.answer_tables import MlsState as State
from gateway.exchange.mls_sla import TARGETS, Bin
from gateway.exchange.tables import Document

__all__ = ["LateMls", "bins_of", "late_of", "month_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateMls:
    """One document whose MLS came late or not at all; ``took_s`` None: not at all so far."""

    document_id: UUID
    sbdh_id: str
    sender: str
    receiver: str
    peer_seat: str
    began_at: datetime
    answered_at: datetime | None
    took_s: int | None
    code: str | None


def month_of(year: int, month: int) -> tuple[datetime, datetime]:
    """First instant of a calendar month in UTC and of the next one."""
    end = (year + 1, 1) if month == 12 else (year, month + 1)
    return datetime(year, month, 1, tzinfo=UTC), datetime(*end, 1, tzinfo=UTC)


async def bins_of(
    session: AsyncSession, side: MlsSide, begin: datetime, end: datetime, *, at: datetime
) -> list[Bin]:
    """The documents of a period that want an answer, counted by peer and seconds.

    As many rows as there are peers and different seconds, however many documents there are.
    """
    overdue = case((_overdue(side, at), 1), else_=0).label("overdue")
    found = await session.exec(
        select(MlsRecord.peer_seat, MlsRecord.took_s, overdue, func.count())
        .where(_wanted(side, begin, end))
        .group_by(col(MlsRecord.peer_seat), col(MlsRecord.took_s), "overdue")
    )
    return [Bin(peer, took, count, bool(over)) for peer, took, over, count in found]


async def late_of(
    session: AsyncSession,
    side: MlsSide,
    begin: datetime,
    end: datetime,
    *,
    at: datetime,
    limit: int,
) -> Sequence[LateMls]:
    """The documents of a period answered late or not at all, by peer and time."""
    target = int(TARGETS[side].total_seconds())
    found = await session.exec(
        select(MlsRecord, Document)
        .join(Document, col(Document.id) == col(MlsRecord.document_id))
        .where(_wanted(side, begin, end), or_(_overdue(side, at), col(MlsRecord.took_s) > target))
        .order_by(col(MlsRecord.peer_seat), col(MlsRecord.began_at))
        .limit(limit)
    )
    return [
        LateMls(
            document_id=document.id,
            sbdh_id=document.sbdh_id,
            sender=document.sender,
            receiver=document.receiver,
            peer_seat=record.peer_seat,
            began_at=record.began_at,
            answered_at=record.answered_at,
            took_s=record.took_s,
            code=record.code,
        )
        for record, document in found
    ]


def _wanted(side: MlsSide, begin: datetime, end: datetime) -> ColumnElement[bool]:
    """Who asked for failures only wants an answer only where one was due."""
    due = (
        (State.QUEUED, State.SENT, State.UNDELIVERABLE)
        if side is MlsSide.OWED
        else (State.ANSWERED,)
    )
    return and_(
        col(MlsRecord.side) == side,
        col(MlsRecord.began_at) >= begin,
        col(MlsRecord.began_at) < end,
        or_(col(MlsRecord.asked) == MlsAsked.ALWAYS, col(MlsRecord.state).in_(due)),
    )


def _overdue(side: MlsSide, at: datetime) -> ColumnElement[bool]:
    """Not answered although the time is over, or not to be answered any more."""
    return and_(
        col(MlsRecord.took_s).is_(None),
        or_(
            col(MlsRecord.began_at) < at - TARGETS[side],
            col(MlsRecord.state) == State.UNDELIVERABLE,
        ),
    )
