"""Events of providers: verified, acted on once, whatever order they come in."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.core.jobs.dialect import insert_or_skip
from gateway.payments.initiations import advance
from gateway.payments.ports import Provider, ProviderEventValue
from gateway.payments.queries import initiation_of
from gateway.payments.tables import Initiation, ProviderEvent
from gateway.receivables.ledger import lock_customer

__all__ = ["ProviderEvents"]

log = structlog.get_logger(__name__)


class ProviderEvents:
    """Takes in what providers tell by themselves."""

    def __init__(
        self,
        *,
        database: Database,
        provider: Provider | None,
        now: MachineClock,
        today: Callable[[], date],
        wait: timedelta,
    ) -> None:
        self._database = database
        self._provider = provider
        self._now = now
        self._today = today
        self._wait = wait

    async def take(self, provider: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Act on one event; False for one that was taken in before.

        An event about a payment that is not ours is kept and changes nothing. Raises
        GatewayError NOT-FOUND for another provider than the configured one, and what
        ``Provider.verify`` raises.
        """
        if self._provider is None or provider != self._provider.name:
            raise GatewayError(NOT_FOUND, "No payment provider of that name is configured.")
        told = self._provider.verify(headers, body, now=self._now())
        async with self._database.write() as session:
            initiation = await initiation_of(
                session,
                provider,
                provider_id=told.provider_id,
                initiation_id=told.initiation_id,
            )
            if initiation is not None:
                # First of all, as everybody does: the answer to the order may be kept meanwhile.
                await lock_customer(session, initiation.tenant_id, initiation.customer_id)
                await session.refresh(initiation)
                if initiation.provider_id not in (None, told.provider_id):
                    initiation = None
            if not await _keep(session, provider, told, initiation, at=self._now()):
                return False
            if initiation is None:
                log.warning("payments.event_unknown", provider=provider, kind=told.kind)
            elif told.report is not None:
                if initiation.provider_id is None:
                    initiation.provider_id = told.provider_id
                    session.add(initiation)
                    await session.flush()
                await advance(
                    session,
                    initiation,
                    told.report,
                    today=self._today(),
                    wait=self._wait,
                    at=self._now(),
                    learnt="event",
                )
        return True


async def _keep(
    session: AsyncSession,
    provider: str,
    told: ProviderEventValue,
    initiation: Initiation | None,
    *,
    at: datetime,
) -> bool:
    """Remember an event; False when it is remembered already."""
    kept = await session.exec(
        insert_or_skip(session, ProviderEvent)
        .values(
            provider=provider,
            event_id=told.event_id,
            initiation_id=initiation.id if initiation else None,
            kind=told.kind,
            received_at=at,
        )
        .returning(ProviderEvent.event_id)
    )
    return kept.first() is not None
