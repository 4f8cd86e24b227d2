"""Asking about payments whose provider keeps silent: a webhook may be lost.

Also gives up payments nobody authorised in time, so that reminders go on.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import and_, or_
from sqlmodel import col, select

from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.jobs.registry import JobContext, Registry
from gateway.payments.paying import Paying
from gateway.payments.queries import BEGUN
from gateway.payments.states import InitiationState
from gateway.payments.tables import Initiation

__all__ = ["POLL", "PollJob", "register"]

log = structlog.get_logger(__name__)

POLL: Final = "payments.poll"
EVERY_S: Final = 60
QUIET: Final = timedelta(seconds=90)
"""How long a payment may be without news before its provider is asked."""
GIVEN_UP_AFTER: Final = timedelta(days=7)
"""How long after its beginning an accepted payment is asked about."""
_BATCH: Final = 50
_ROUND: Final = timedelta(seconds=EVERY_S)
"""How long a round may take: rounds with a provider that hangs must not take every worker."""


class PollJob:
    """One round of questions; a payment that cannot be asked about now is asked next time."""

    def __init__(self, *, database: Database, paying: Paying, now: MachineClock) -> None:
        self._database = database
        self._paying = paying
        self._now = now

    async def __call__(self, job: JobContext) -> None:
        """Ask about those that were not heard of for the longest, as many as the time allows."""
        began = self._now()
        for one in await self._quiet():
            if self._now() - began >= _ROUND:
                return
            try:
                await self._paying.ask(one)
            except GatewayError as error:
                log.warning("payments.inquiry_failed", initiation=str(one.id), code=error.code)

    async def _quiet(self) -> Sequence[Initiation]:
        at = self._now()
        accepted = and_(
            col(Initiation.state) == InitiationState.ACCEPTED,
            col(Initiation.created_at) > at - GIVEN_UP_AFTER,
        )
        async with self._database.read() as session:
            found = await session.exec(
                select(Initiation)
                .where(
                    or_(col(Initiation.state).in_(BEGUN), accepted),
                    col(Initiation.updated_at) < at - QUIET,
                )
                .order_by(col(Initiation.updated_at))
                .limit(_BATCH)
            )
            return list(found)


def register(registry: Registry, job: PollJob) -> None:
    """Ask every minute."""
    registry.add(POLL, job)
    registry.every(POLL, f"every {EVERY_S} seconds")
