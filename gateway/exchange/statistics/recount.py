"""Traffic against what it was recorded from: receipts given and receipts verified.

A difference is a fault of ours, never of the traffic: a report must not be believed before it is
explained. An instance that is older than its counting is compared from its first row on; what
was exchanged before is in no report of ours.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.health import Check
from gateway.exchange.statistics.errors import DISAGREES
from gateway.exchange.statistics.period import Period
from gateway.exchange.statistics.tables import Traffic
from gateway.exchange.tables import Direction, Reception, Transmission

__all__ = ["Recount", "recount", "recount_check"]

MAX_NAMED: Final = 100


@dataclass(frozen=True, slots=True)
class Recount:
    """What does not agree: exchanges that are not counted, and counts without an exchange.

    Each by the id of its transmission or reception, at most the first hundred of each sort.
    """

    uncounted: tuple[UUID, ...]
    unfounded: tuple[UUID, ...]

    @property
    def agrees(self) -> bool:
        """Whether every exchange with a positive receipt is counted exactly once."""
        return not self.uncounted and not self.unfounded


async def recount(session: AsyncSession, period: Period) -> Recount:
    """Count the month again, for all seats, from transmissions and receptions."""
    first = (await session.exec(select(func.min(Traffic.exchanged_at)))).one()
    start = max(period.start, first) if first else period.end
    sent = (
        select(Transmission.id)
        .join(Traffic, col(Traffic.id) == col(Transmission.id), isouter=True)
        .where(
            col(Transmission.receipt_id).is_not(None),
            col(Transmission.delivered_at) >= start,
            col(Transmission.delivered_at) < period.end,
            col(Traffic.id).is_(None),
        )
        .limit(MAX_NAMED)
    )
    received = (
        select(Reception.id)
        .join(Traffic, col(Traffic.id) == col(Reception.id), isouter=True)
        .where(
            col(Reception.received_at) >= start,
            col(Reception.received_at) < period.end,
            col(Traffic.id).is_(None),
        )
        .limit(MAX_NAMED)
    )
    in_period = (
        col(Traffic.exchanged_at) >= period.start,
        col(Traffic.exchanged_at) < period.end,
    )
    without_receipt = (
        select(Traffic.id)
        .join(Transmission, col(Transmission.id) == col(Traffic.id), isouter=True)
        .where(
            *in_period,
            Traffic.direction == Direction.OUT,
            col(Transmission.receipt_id).is_(None),
        )
        .limit(MAX_NAMED)
    )
    without_message = (
        select(Traffic.id)
        .join(Reception, col(Reception.id) == col(Traffic.id), isouter=True)
        .where(*in_period, Traffic.direction == Direction.IN, col(Reception.id).is_(None))
        .limit(MAX_NAMED)
    )
    found = [
        list(await session.exec(one)) for one in (sent, received, without_receipt, without_message)
    ]
    return Recount(uncounted=tuple((*found[0], *found[1])), unfounded=tuple((*found[2], *found[3])))


def recount_check(database: Database, *, at: datetime) -> Check:
    """The traffic of the running and the last month agrees with the receipts."""

    async def probe() -> None:
        running = Period.of(at)
        async with database.read() as session:
            for period in (running.previous, running):
                found = await recount(session, period)
                if not found.agrees:
                    raise GatewayError(
                        DISAGREES,
                        f"In {period} {len(found.uncounted)} or more exchanges are not counted, "
                        f"and {len(found.unfounded)} are counted without a receipt. Look at that "
                        "month under Network, Statistics.",
                    )

    return Check("statistics", probe)
