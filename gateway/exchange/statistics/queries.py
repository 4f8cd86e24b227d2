"""Questions about traffic and reports. Seats are the instance's, so these know no account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy
from sqlalchemy import ColumnElement, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ProcessId
from gateway.exchange.statistics.counting import COUNTRIES, Counting, ReportKind, known_country
from gateway.exchange.statistics.figures import EndUserUse, Exchanges, KeyRole, Line
from gateway.exchange.statistics.period import Period
from gateway.exchange.statistics.tables import ReportingDuty, StatisticsReport, Traffic
from gateway.exchange.tables import Direction, Document, Reception
from gateway.network.identification import IdentificationRules
from gateway.network.tables import EndUserIdentification

__all__ = [
    "TrafficRow",
    "duties",
    "end_user_uses",
    "exchanges",
    "reports_from",
    "reports_of",
    "traffic_rows",
    "without_country",
]

_COUNTED: Final = {kind: [one for one in Counting if one.includes(kind)] for kind in ReportKind}
_SUBJECT: Final[tuple[Any, ...]] = (
    Traffic.document_type_scheme,
    Traffic.document_type,
    Traffic.process_scheme,
    Traffic.process,
)
# The typed select of sqlmodel knows four columns at most.
_select: Final[Any] = sqlalchemy.select


def _in(seat_id: str, period: Period, kind: ReportKind | None) -> list[ColumnElement[bool]]:
    """The rows of a seat's month; those a report counts, or all of them."""
    where = [
        col(Traffic.own_seat) == seat_id,
        col(Traffic.exchanged_at) >= period.start,
        col(Traffic.exchanged_at) < period.end,
    ]
    if kind is not None:
        where.append(col(Traffic.counting).in_(_COUNTED[kind]))
    return where


async def exchanges(session: AsyncSession, seat_id: str, period: Period) -> list[Exchanges]:
    """A month's exchanges, added up as far as a Transaction Statistics Report tells them apart."""
    columns: tuple[Any, ...] = (
        Traffic.direction,
        Traffic.c2_seat,
        Traffic.c3_seat,
        *_SUBJECT,
        Traffic.transport_profile,
        Traffic.c1_country,
        Traffic.c4_country,
    )
    rows = await session.exec(
        _select(*columns, func.count().label("number"))
        .where(*_in(seat_id, period, ReportKind.TSR))
        .group_by(*columns)
    )
    return [
        Exchanges(
            direction=row.direction,
            provider=row.c3_seat if row.direction is Direction.OUT else row.c2_seat,
            document_type=DocumentTypeId(row.document_type_scheme, row.document_type),
            process=ProcessId(row.process_scheme, row.process),
            transport_profile=row.transport_profile,
            sender_country=row.c1_country,
            receiver_country=row.c4_country,
            number=row.number,
        )
        for row in rows
    ]


async def end_user_uses(
    session: AsyncSession, seat_id: str, period: Period, rules: IdentificationRules
) -> list[EndUserUse]:
    """Which end users sent or received what in a month, each combination once.

    Participants with the same identification are one end user; the unidentified ones of an
    account are one.
    """
    identified = await _identified(session, seat_id, period, rules)
    rows = await session.exec(
        _select(
            Traffic.tenant_id,
            Traffic.participant,
            Traffic.direction,
            Traffic.c1_country,
            Traffic.c4_country,
            *_SUBJECT,
        )
        .where(*_in(seat_id, period, ReportKind.EUSR))
        .distinct()
    )
    return [
        EndUserUse(
            direction=row.direction,
            end_user=identified.get((row.tenant_id, row.participant)) or str(row.tenant_id),
            country=row.c1_country if row.direction is Direction.OUT else row.c4_country,
            document_type=DocumentTypeId(row.document_type_scheme, row.document_type),
            process=ProcessId(row.process_scheme, row.process),
        )
        for row in rows
    ]


async def _identified(
    session: AsyncSession, seat_id: str, period: Period, rules: IdentificationRules
) -> dict[tuple[UUID, str], str]:
    """The end user behind each identified participant that had traffic: its newest record."""
    used = (
        sqlalchemy.select(col(Traffic.tenant_id), col(Traffic.participant))
        .where(*_in(seat_id, period, ReportKind.EUSR))
        .distinct()
        .subquery()
    )
    name = col(EndUserIdentification.scheme) + "::" + col(EndUserIdentification.value)
    records = await session.exec(
        select(EndUserIdentification)
        .join(
            used,
            (col(EndUserIdentification.tenant_id) == used.c.tenant_id)
            & (name == used.c.participant),
        )
        .order_by(col(EndUserIdentification.id))
    )
    return {
        (one.tenant_id, f"{one.scheme}::{one.value}"): rules.end_user(one.fields)
        if one.valid
        else ""
        for one in records
    }


@dataclass(frozen=True, slots=True)
class TrafficRow:
    """One counted exchange and the document it carried; None where that was never read.

    ``owner_id`` is the account whose document it is: a status that our service provider's own
    participant received belongs to the document it is about.
    """

    traffic: Traffic
    document_id: UUID | None
    owner_id: UUID | None


async def traffic_rows(
    session: AsyncSession,
    seat_id: str,
    period: Period,
    *,
    kind: ReportKind | None,
    line: Line | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[TrafficRow]:
    """The rows behind a report or one of its lines, in order of exchange; all rows without kind."""
    where = _in(seat_id, period, kind)
    if line is not None:
        where.extend(_of_line(line))
    if after is not None:
        at, last = after
        where.append(
            or_(
                col(Traffic.exchanged_at) > at,
                (col(Traffic.exchanged_at) == at) & (col(Traffic.id) > last),
            )
        )
    return await _rows(session, where, limit)


async def without_country(
    session: AsyncSession, seat_id: str, period: Period, kind: ReportKind, *, limit: int
) -> list[TrafficRow]:
    """Counted rows of which this report must know a country and does not.

    A TSR tells both countries of what was received, an EUSR the one of our own participant.
    """
    c1, c4 = (
        or_(col(one).is_(None), col(one).not_in(COUNTRIES))
        for one in (Traffic.c1_country, Traffic.c4_country)
    )
    incoming = col(Traffic.direction) == Direction.IN
    nameless = (
        incoming & (c1 | c4) if kind is ReportKind.TSR else (incoming & c4) | (~incoming & c1)
    )
    return await _rows(session, [*_in(seat_id, period, kind), nameless], limit)


async def _rows(
    session: AsyncSession, where: Sequence[ColumnElement[bool]], limit: int
) -> list[TrafficRow]:
    found = await session.exec(
        select(Traffic, Document.id, Document.tenant_id)
        .join(Reception, col(Reception.id) == col(Traffic.id), isouter=True)
        .join(
            Document,
            col(Document.id) == func.coalesce(Traffic.document_id, Reception.document_id),
            isouter=True,
        )
        .where(*where)
        .order_by(col(Traffic.exchanged_at), col(Traffic.id))
        .limit(limit)
    )
    return [TrafficRow(*row) for row in found]


def _of_line(line: Line) -> list[ColumnElement[bool]]:
    """The condition under which a row is part of a line."""
    outgoing = col(Traffic.direction) == Direction.OUT
    where: list[ColumnElement[bool]] = []
    for key in line.keys:
        match key.role:
            case KeyRole.TRANSPORT_PROFILE:
                where.append(col(Traffic.transport_profile) == key.value)
            case KeyRole.SERVICE_PROVIDER:
                where.append(
                    (outgoing & (col(Traffic.c3_seat) == key.value))
                    | (~outgoing & (col(Traffic.c2_seat) == key.value))
                )
            case KeyRole.DOCUMENT_TYPE:
                where.append(col(Traffic.document_type_scheme) == key.scheme)
                where.append(col(Traffic.document_type) == key.value)
            case KeyRole.PROCESS:
                where.append(col(Traffic.process_scheme) == key.scheme)
                where.append(col(Traffic.process) == key.value)
            case KeyRole.SENDER_COUNTRY:
                where.append(~outgoing & _is_country(Traffic.c1_country, key.value))
            case KeyRole.RECEIVER_COUNTRY:
                where.append(~outgoing & _is_country(Traffic.c4_country, key.value))
            case KeyRole.END_USER_COUNTRY:
                where.append(
                    (outgoing & _is_country(Traffic.c1_country, key.value))
                    | (~outgoing & _is_country(Traffic.c4_country, key.value))
                )
    return where


def _is_country(column: Any, code: str) -> ColumnElement[bool]:
    if known_country(code) is None:
        return or_(col(column).is_(None), col(column).not_in(COUNTRIES))
    return col(column) == code


async def duties(session: AsyncSession) -> list[ReportingDuty]:
    """Every seat's duty, sorted by seat id."""
    return list(await session.exec(select(ReportingDuty).order_by(ReportingDuty.seat_id)))


async def reports_of(
    session: AsyncSession,
    seat_id: str,
    *,
    period: Period | None = None,
    kind: ReportKind | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> list[StatisticsReport]:
    """The reports made for a seat, newest first, those made before ``before``."""
    query = select(StatisticsReport).where(StatisticsReport.seat_id == seat_id)
    if period is not None:
        query = query.where(StatisticsReport.period == str(period))
    if kind is not None:
        query = query.where(StatisticsReport.kind == kind)
    if before is not None:
        query = query.where(col(StatisticsReport.id) < before)
    return list(await session.exec(query.order_by(col(StatisticsReport.id).desc()).limit(limit)))


async def reports_from(
    session: AsyncSession, seat_id: str, first: Period
) -> list[StatisticsReport]:
    """Every report of a seat from a month on, in order of edition."""
    found = await session.exec(
        select(StatisticsReport)
        .where(StatisticsReport.seat_id == seat_id, col(StatisticsReport.period) >= str(first))
        .order_by(col(StatisticsReport.edition))
    )
    return list(found)
