"""Delivering webhooks: one signed POST per attempt, tried again with growing waits.

At least once: where this process dies between the receiver's answer and our commit, the message
is sent again under the same id. Follows no redirect, reads no answer beyond its status, and
contacts only addresses the stage allows.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import aiohttp
import structlog
from sqlalchemy import delete, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import __version__
from gateway.access.audit import record
from gateway.access.webhook_publishing import DELIVER
from gateway.access.webhook_signing import signed_headers
from gateway.access.webhook_tables import (
    DeliveryState,
    DisabledBecause,
    EndpointState,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
)
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.jobs.backoff import JobError, Ladder
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.jobs.tables import Job
from gateway.core.metrics import Metrics
from gateway.core.outgoing import check_url
from gateway.core.settings import Stage
from gateway.core.vault import Vault

__all__ = ["KEPT_FOR", "LONG_FAILURE", "PRUNE", "DeliverJob", "endpoint_gauge", "register"]

log = structlog.get_logger(__name__)

UNDELIVERED: Final = ErrorKind(
    "WEBHOOK-UNDELIVERED", "The endpoint did not take the message", 502, Retry.BACKOFF
)

PATIENCE: Final = Ladder(
    steps=tuple(timedelta(seconds=one) for one in (5, 300, 1800, 7200, 18000, 36000, 50400)),
    patience=timedelta(days=4),
)
"""5 seconds to 14 hours, as the Standard Webhooks specification proposes."""
LONG_FAILURE: Final = timedelta(days=3)
"""An endpoint that nothing got through to for so long is disabled."""
PRUNE: Final = "webhook.prune"
KEPT_FOR: Final = timedelta(days=30)
"""How long messages are kept for the log and for replays."""

_ANSWER_S: Final = 15.0
_PRUNED_AT_ONCE: Final = 500
_GONE: Final = 410


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How one attempt went: the status of the answer, and a code where it was no success."""

    at: datetime
    status: int | None
    code: str | None
    elapsed_ms: int

    def logged(self) -> dict[str, str | int | None]:
        """The attempt as the delivery keeps it."""
        return {
            "at": self.at.isoformat(),
            "status": self.status,
            "code": self.code,
            "elapsed_ms": self.elapsed_ms,
        }


class DeliverJob:
    """One attempt at one delivery."""

    def __init__(
        self,
        *,
        database: Database,
        http: aiohttp.ClientSession,
        vault: Vault,
        stage: Stage,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._http = http
        self._vault = vault
        self._stage = stage
        self._now = now

    async def __call__(self, job: JobContext) -> None:
        """Send the message; raises GatewayError WEBHOOK-UNDELIVERED to be called again.

        SECRET-KEY-MISSING and SECRET-DAMAGED say that it cannot be signed.
        """
        delivery_id = UUID(job.payload["delivery_id"])
        async with self._database.read() as session:
            delivery = await session.get(WebhookDelivery, delivery_id)
            if delivery is None or delivery.state is not DeliveryState.PENDING:
                return
            message = await session.get_one(WebhookMessage, delivery.message_id)
            endpoint = await session.get_one(WebhookEndpoint, delivery.endpoint_id)
        attempt: _Attempt | None = None
        if endpoint.state is EndpointState.ACTIVE:
            # A key that is missing here is no failure of the endpoint's.
            attempt = await self._send(endpoint, message, self._secrets(endpoint))
        if await self._note(job, delivery_id, attempt):
            return
        raise GatewayError(UNDELIVERED, "The endpoint did not take the message; it is tried again.")

    def _secrets(self, endpoint: WebhookEndpoint) -> list[bytes]:
        """What signs now, the present secret first."""
        sealed = [endpoint.secret]
        until = endpoint.former_until
        if endpoint.former_secret and until and self._now() < until:
            sealed.append(endpoint.former_secret)
        return [self._vault.open(one, endpoint.place) for one in sealed]

    async def _send(
        self, endpoint: WebhookEndpoint, message: WebhookMessage, secrets: Sequence[bytes]
    ) -> _Attempt:
        at, began = self._now(), time.monotonic()
        status, code = None, None
        try:
            check_url(endpoint.url, self._stage)
            async with self._http.post(
                endpoint.url,
                data=message.body,
                headers=_headers(message, secrets, at=at),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_ANSWER_S),
            ) as answer:
                status = answer.status
            code = _judged(status)
        except GatewayError as error:
            code = error.code
        except TimeoutError:
            code = "WEBHOOK-TIMEOUT"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.info("webhook.connection_failed", reason=type(error).__name__)
            code = "WEBHOOK-CONNECTION"
        elapsed_ms = round((time.monotonic() - began) * 1000)
        return _Attempt(at=at, status=status, code=code, elapsed_ms=elapsed_ms)

    async def _note(self, job: JobContext, delivery_id: UUID, attempt: _Attempt | None) -> bool:
        """Write down how an attempt went; whether the delivery ended with it."""
        async with self._database.write() as session:
            delivery = await session.get(WebhookDelivery, delivery_id, with_for_update=True)
            if delivery is None:
                return True  # its endpoint was deleted meanwhile
            endpoint = await session.get_one(
                WebhookEndpoint, delivery.endpoint_id, with_for_update=True
            )
            if attempt is None:
                delivery.state = DeliveryState.SKIPPED
            else:
                delivery.attempts = [*delivery.attempts, attempt.logged()]
                delivery.state = _judge(session, endpoint, attempt)
            if delivery.state is DeliveryState.PENDING:
                return False
            delivery.ended_at = self._now()
            await job.fence(session)
            return True


def _headers(message: WebhookMessage, secrets: Sequence[bytes], *, at: datetime) -> dict[str, str]:
    signed = signed_headers(event_id=message.webhook_id, at=at, body=message.body, secrets=secrets)
    return {
        **signed,
        "Content-Type": "application/json",
        "User-Agent": f"peppol-gateway/{__version__}",
    }


def _judged(status: int) -> str | None:
    """What an answer's status means; None for success."""
    if 200 <= status < 300:
        return None
    if status == _GONE:
        return "WEBHOOK-GONE"
    return "WEBHOOK-REDIRECT" if 300 <= status < 400 else "WEBHOOK-STATUS"


def _judge(session: AsyncSession, endpoint: WebhookEndpoint, attempt: _Attempt) -> DeliveryState:
    """What an attempt means for its endpoint and its delivery."""
    if attempt.code is None:
        endpoint.failing_since = None
        return DeliveryState.DELIVERED
    endpoint.failing_since = endpoint.failing_since or attempt.at
    if attempt.status == _GONE:
        _disable(session, endpoint, DisabledBecause.GONE, at=attempt.at)
        return DeliveryState.FAILED
    if attempt.at - endpoint.failing_since >= LONG_FAILURE:
        _disable(session, endpoint, DisabledBecause.FAILING, at=attempt.at)
        return DeliveryState.FAILED
    return DeliveryState.PENDING


def _disable(
    session: AsyncSession, endpoint: WebhookEndpoint, because: DisabledBecause, *, at: datetime
) -> None:
    """Stop telling an endpoint, and raise the alarm: a row that the account's people see."""
    if endpoint.state is EndpointState.DISABLED:
        return
    endpoint.state, endpoint.disabled_because = EndpointState.DISABLED, because
    endpoint.updated_at = at
    record(
        session,
        tenant_id=endpoint.tenant_id,
        actor="gateway",
        action="webhook.disabled",
        object=str(endpoint.id),
        facts={"name": endpoint.url, "because": because.value},
        at=at,
    )
    log.warning("webhook.disabled", endpoint=str(endpoint.id), because=because.value)


def register(
    registry: Registry, deliver: DeliverJob, database: Database, *, now: MachineClock
) -> None:
    """Say how webhooks are delivered, and forget old ones every night."""

    async def give_up(session: AsyncSession, job: Job, _error: JobError) -> None:
        delivery = await session.get(WebhookDelivery, UUID(job.payload["delivery_id"]))
        if delivery is not None and delivery.state is DeliveryState.PENDING:
            delivery.state, delivery.ended_at = DeliveryState.FAILED, now()

    async def prune(_context: JobContext) -> None:
        while await _prune_some(database, now()) == _PRUNED_AT_ONCE:
            pass

    registry.add(DELIVER, deliver, policy=PATIENCE, on_dead=give_up)
    registry.add(PRUNE, prune)
    registry.every(PRUNE, "daily 03:25 UTC")


async def _prune_some(database: Database, now: datetime) -> int:
    """Forget some old messages with their deliveries; returns how many."""
    async with database.write() as session:
        waiting = select(WebhookDelivery.message_id).where(
            WebhookDelivery.state == DeliveryState.PENDING
        )
        found = await session.exec(
            select(WebhookMessage.id)
            .where(
                col(WebhookMessage.created_at) < now - KEPT_FOR,
                col(WebhookMessage.id).not_in(waiting),
            )
            .limit(_PRUNED_AT_ONCE)
        )
        old = found.all()
        for table, column in (
            (WebhookDelivery, WebhookDelivery.message_id),
            (WebhookMessage, WebhookMessage.id),
        ):
            await session.exec(
                delete(table).where(col(column).in_(old)),
                execution_options={"synchronize_session": False},
            )
    return len(old)


def endpoint_gauge(metrics: Metrics, database: Database) -> None:
    """Show how many endpoints are active and how many are disabled, and why."""
    gauge = metrics.gauge(
        "webhook_endpoints", "Webhook endpoints, by state and reason", "state", "because"
    )

    async def refresh() -> None:
        async with database.read() as session:
            found = await session.exec(
                select(
                    WebhookEndpoint.state, WebhookEndpoint.disabled_because, func.count()
                ).group_by(col(WebhookEndpoint.state), col(WebhookEndpoint.disabled_because))
            )
            rows = found.all()
        gauge.clear()
        for state, because, count in rows:
            gauge.labels(state, because or "").set(count)

    metrics.refresh_with(refresh)
