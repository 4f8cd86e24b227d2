"""Putting what happened on its way to whoever wants to know, in the transaction it happens in.

The message and its deliveries commit together with the change they tell of, or not at all.
Deliveries of one endpoint run side by side: their order is not promised.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, exists
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.webhook_events import TEST_EVENT, EventTypes, message_body
from gateway.access.webhook_tables import (
    DeliveryState,
    EndpointState,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
)
from gateway.core.clock import MachineClock
from gateway.core.jobs.queue import JobQueue

__all__ = ["DELIVER", "Publisher", "listened_to", "nobody_listens"]

DELIVER: Final = "webhook.deliver"
_ASKED: Final = "active webhook endpoints"


class Publisher:
    """Where every package tells what happened in an account."""

    def __init__(self, *, queue: JobQueue, types: EventTypes, now: MachineClock) -> None:
        self.types = types
        self._queue = queue
        self._now = now

    async def publish(
        self, session: AsyncSession, tenant_id: UUID, event_type: str, data: Mapping[str, Any]
    ) -> int:
        """Tell every active endpoint of the account that wants this type; returns how many.

        ``data`` holds identifiers, codes and figures as JSON values. Raises ValueError for a type
        nobody registered, which is a programming error.
        """
        _, told = await self._tell(session, tenant_id, event_type, data)
        return told

    async def announce(
        self, session: AsyncSession, tenant_id: UUID, event_type: str, data: Mapping[str, Any]
    ) -> UUID | None:
        """The same for whoever follows what becomes of it: the message's id, None for nobody."""
        message_id, _ = await self._tell(session, tenant_id, event_type, data)
        return message_id

    async def _tell(
        self, session: AsyncSession, tenant_id: UUID, event_type: str, data: Mapping[str, Any]
    ) -> tuple[UUID | None, int]:
        if event_type not in self.types:
            raise ValueError(f"no package registered the event type '{event_type}'")
        found = await _active(session, tenant_id)
        wanting = [one for one in found if not one.event_types or event_type in one.event_types]
        if not wanting:
            return None, 0
        at = self._now()
        message = await self._message(session, tenant_id, event_type, data, at=at)
        for endpoint in wanting:
            await self.send(session, endpoint, message, at=at)
        return message.id, len(wanting)

    async def test(self, session: AsyncSession, endpoint: WebhookEndpoint) -> WebhookDelivery:
        """Send one endpoint a message to try it, whatever types it wants."""
        at = self._now()
        data = {"endpoint_id": str(endpoint.id)}
        message = await self._message(session, endpoint.tenant_id, TEST_EVENT.name, data, at=at)
        return await self.send(session, endpoint, message, at=at)

    async def send(
        self,
        session: AsyncSession,
        endpoint: WebhookEndpoint,
        message: WebhookMessage,
        *,
        at: datetime,
    ) -> WebhookDelivery:
        """Put one message on its way to one endpoint."""
        delivery = WebhookDelivery(
            tenant_id=endpoint.tenant_id,
            endpoint_id=endpoint.id,
            message_id=message.id,
            state=DeliveryState.PENDING,
            attempts=[],
            created_at=at,
        )
        session.add(delivery)
        await session.flush()
        await self._queue.enqueue(
            session,
            kind=DELIVER,
            payload={"delivery_id": str(delivery.id)},
            lane=f"webhook:{endpoint.id}",
        )
        return delivery

    async def _message(
        self,
        session: AsyncSession,
        tenant_id: UUID,
        event_type: str,
        data: Mapping[str, Any],
        *,
        at: datetime,
    ) -> WebhookMessage:
        message = WebhookMessage(
            tenant_id=tenant_id,
            event_type=event_type,
            body=message_body(event_type, data, at=at),
            created_at=at,
        )
        session.add(message)
        await session.flush()
        return message


def listened_to(tenant_id: SQLColumnExpression[UUID]) -> ColumnElement[bool]:
    """Whether an account has an active endpoint: a column for a statement that is asked anyway."""
    return exists().where(
        col(WebhookEndpoint.tenant_id) == tenant_id,
        col(WebhookEndpoint.state) == EndpointState.ACTIVE,
    )


def nobody_listens(session: AsyncSession, tenant_id: UUID) -> None:
    """Note for this transaction that the account has no active endpoint, so that none asks."""
    session.info.setdefault(_ASKED, {})[tenant_id] = ()


async def _active(session: AsyncSession, tenant_id: UUID) -> Sequence[WebhookEndpoint]:
    """The account's active endpoints, asked for once in a transaction that tells many things."""
    asked: dict[UUID, Sequence[WebhookEndpoint]] = session.info.setdefault(_ASKED, {})
    if tenant_id not in asked:
        found = await session.exec(
            select(WebhookEndpoint).where(
                WebhookEndpoint.tenant_id == tenant_id,
                WebhookEndpoint.state == EndpointState.ACTIVE,
            )
        )
        asked[tenant_id] = found.all()
    return [one for one in asked[tenant_id] if one.state is EndpointState.ACTIVE]
