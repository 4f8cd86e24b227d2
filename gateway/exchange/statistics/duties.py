"""Which seats of this instance report statistics, and from which month on."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.core.errors import GatewayError
from gateway.exchange.statistics.errors import SEAT_UNKNOWN
from gateway.exchange.statistics.period import Period
from gateway.exchange.statistics.tables import ReportingDuty
from gateway.network import queries as network_queries
from gateway.network.pki import Purpose

__all__ = ["change_duty", "ensure_duties", "require_duty"]


async def ensure_duties(session: AsyncSession, *, at: datetime) -> None:
    """Give every access point seat its duty, from the month it came to this instance in."""
    for seat in await network_queries.seats(session):
        if seat.purpose is not Purpose.AP:
            continue
        if await session.get(ReportingDuty, seat.seat_id) is None:
            since = str(Period.of(seat.created_at))
            session.add(ReportingDuty(seat_id=seat.seat_id, since=since, updated_at=at))
    await session.flush()


async def require_duty(session: AsyncSession, seat_id: str, *, lock: bool = False) -> ReportingDuty:
    """The duty of a seat, active or not; ``lock`` keeps its row for the caller's transaction.

    Raises GatewayError STATISTICS-SEAT.
    """
    row = await session.get(ReportingDuty, seat_id, with_for_update=lock)
    if row is None:
        raise GatewayError(
            SEAT_UNKNOWN,
            f"{seat_id[:20]} is no access point seat of this instance. GET /v1/statistics/duties "
            "lists those that report.",
        )
    return row


async def change_duty(
    session: AsyncSession,
    caller: Principal,
    seat_id: str,
    *,
    active: bool,
    since: Period,
    at: datetime,
) -> ReportingDuty:
    """Say whether this instance reports for a seat, and from which month on.

    Raises GatewayError STATISTICS-SEAT.
    """
    row = await require_duty(session, seat_id, lock=True)
    row.active, row.since, row.updated_at = active, str(since), at
    audit(
        session,
        caller,
        action="statistics.duty",
        object=seat_id,
        active=str(active).lower(),
        since=str(since),
    )
    return row
