"""An account's webhook endpoints: who is told, with which secret, and what was sent to them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select
from yarl import URL

from gateway.access.audit import audit
from gateway.access.principal import Principal
from gateway.access.webhook_events import EventTypes
from gateway.access.webhook_publishing import Publisher
from gateway.access.webhook_signing import SECRET_BYTES, secret_text
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
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND
from gateway.core.ids import new_id
from gateway.core.outgoing import ADDRESS_REFUSED, check_url
from gateway.core.settings import Stage
from gateway.core.vault import Vault, place_of

__all__ = ["Changes", "DeliveryFilters", "Sent", "Webhooks"]

TYPE_UNKNOWN: Final = ErrorKind("WEBHOOK-TYPE", "There is no such type of event", 422)
TOO_MANY: Final = ErrorKind("WEBHOOK-LIMIT", "The account has all the endpoints it may have", 422)
IS_DISABLED: Final = ErrorKind("WEBHOOK-DISABLED", "The endpoint is disabled", 409)

MAX_ENDPOINTS: Final = 20
MAX_URL: Final = 2000
FORMER_SECRET_FOR: Final = timedelta(hours=24)
"""How long the old secret signs beside the new one."""
_REPLAYED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change on an endpoint; None leaves it as it is."""

    url: str | None = None
    description: str | None = None
    event_types: Sequence[str] | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery with its message and the endpoint it went to."""

    delivery: WebhookDelivery
    message: WebhookMessage
    endpoint: WebhookEndpoint


@dataclass(frozen=True, slots=True)
class DeliveryFilters:
    """How the log of deliveries is narrowed."""

    endpoint_id: UUID | None = None
    state: DeliveryState | None = None
    event_type: str | None = None


class Webhooks:
    """The use cases of webhooks, but for publishing and delivering."""

    def __init__(
        self,
        *,
        database: Database,
        publisher: Publisher,
        vault: Vault,
        stage: Stage,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._vault = vault
        self._stage = stage
        self._now = now

    @property
    def types(self) -> EventTypes:
        """What an endpoint may ask to be told."""
        return self._publisher.types

    async def create(
        self, caller: Principal, *, url: str, event_types: Sequence[str], description: str = ""
    ) -> tuple[WebhookEndpoint, str]:
        """Tell an address from now on; returns it with its secret, which is not shown again.

        Raises GatewayError OUTGOING-ADDRESS, WEBHOOK-TYPE, WEBHOOK-LIMIT or SECRET-KEY-MISSING.
        """
        caller.require("settings:write")
        self._require_address(url)
        self._require_types(event_types)
        secret, at, endpoint_id = secrets.token_bytes(SECRET_BYTES), self._now(), new_id()
        endpoint = WebhookEndpoint(
            id=endpoint_id,
            tenant_id=caller.tenant_id,
            url=url,
            description=description,
            event_types=sorted(set(event_types)),
            secret=self._vault.seal(secret, place_of(WebhookEndpoint.__tablename__, endpoint_id)),
            state=EndpointState.ACTIVE,
            created_at=at,
            updated_at=at,
        )
        async with self._database.write() as session:
            owned = select(func.count()).where(WebhookEndpoint.tenant_id == caller.tenant_id)
            if (await session.exec(owned)).one() >= MAX_ENDPOINTS:
                raise GatewayError(
                    TOO_MANY, f"An account has {MAX_ENDPOINTS} endpoints at most; delete one."
                )
            session.add(endpoint)
            audit(session, caller, action="webhook.created", object=str(endpoint.id), name=url)
        return endpoint, secret_text(secret)

    async def endpoints(self, caller: Principal) -> list[WebhookEndpoint]:
        """The account's endpoints, newest first."""
        async with self._database.read() as session:
            found = await session.exec(
                select(WebhookEndpoint)
                .where(WebhookEndpoint.tenant_id == caller.tenant_id)
                .order_by(col(WebhookEndpoint.id).desc())
            )
            return list(found)

    async def find(self, caller: Principal, endpoint_id: UUID) -> WebhookEndpoint:
        """One endpoint of the account; raises GatewayError NOT-FOUND."""
        async with self._database.read() as session:
            return await _own(session, caller, endpoint_id)

    async def change(
        self, caller: Principal, endpoint_id: UUID, changes: Changes
    ) -> WebhookEndpoint:
        """Change an endpoint; switching it on forgets its failures.

        Raises GatewayError NOT-FOUND, OUTGOING-ADDRESS or WEBHOOK-TYPE.
        """
        caller.require("settings:write")
        if changes.url is not None:
            self._require_address(changes.url)
        self._require_types(changes.event_types or ())
        async with self._database.write() as session:
            endpoint = await _own(session, caller, endpoint_id, lock=True)
            if changes.url is not None:
                endpoint.url = changes.url
            if changes.description is not None:
                endpoint.description = changes.description
            if changes.event_types is not None:
                endpoint.event_types = sorted(set(changes.event_types))
            if changes.active is not None:
                _switch(endpoint, on=changes.active)
            endpoint.updated_at = self._now()
            audit(
                session,
                caller,
                action="webhook.changed",
                object=str(endpoint.id),
                name=endpoint.url,
                state=endpoint.state.value,
            )
        return endpoint

    async def delete(self, caller: Principal, endpoint_id: UUID) -> None:
        """Forget an endpoint and the log of what was sent to it; raises GatewayError NOT-FOUND."""
        caller.require("settings:write")
        async with self._database.write() as session:
            endpoint = await _own(session, caller, endpoint_id)
            await session.exec(
                delete(WebhookDelivery).where(col(WebhookDelivery.endpoint_id) == endpoint.id)
            )
            await session.delete(endpoint)
            audit(
                session,
                caller,
                action="webhook.deleted",
                object=str(endpoint_id),
                name=endpoint.url,
            )

    async def rotate(self, caller: Principal, endpoint_id: UUID) -> tuple[WebhookEndpoint, str]:
        """Draw a new secret; the old one signs beside it for a day. Raises GatewayError NOT-FOUND.

        A secret older than both signs no more: one rotation at a time.
        """
        caller.require("settings:write")
        secret, at = secrets.token_bytes(SECRET_BYTES), self._now()
        async with self._database.write() as session:
            endpoint = await _own(session, caller, endpoint_id, lock=True)
            # One that is lost signs no more: without it the new one could not sign either.
            keeps = self._opens(endpoint)
            endpoint.former_secret = endpoint.secret if keeps else None
            endpoint.former_until = at + FORMER_SECRET_FOR if keeps else None
            endpoint.secret = self._vault.seal(secret, endpoint.place)
            endpoint.updated_at = at
            audit(
                session,
                caller,
                action="webhook.secret-changed",
                object=str(endpoint.id),
                name=endpoint.url,
            )
        return endpoint, secret_text(secret)

    def _opens(self, endpoint: WebhookEndpoint) -> bool:
        try:
            self._vault.open(endpoint.secret, endpoint.place)
        except GatewayError:
            return False
        return True

    async def test(self, caller: Principal, endpoint_id: UUID) -> Sent:
        """Send a message to try an endpoint; raises GatewayError NOT-FOUND or WEBHOOK-DISABLED."""
        caller.require("settings:write")
        async with self._database.write() as session:
            endpoint = await _own(session, caller, endpoint_id)
            _require_active(endpoint)
            delivery = await self._publisher.test(session, endpoint)
            message = await session.get_one(WebhookMessage, delivery.message_id)
        return Sent(delivery, message, endpoint)

    async def deliveries(
        self,
        caller: Principal,
        filters: DeliveryFilters,
        *,
        before: UUID | None = None,
        limit: int = 50,
    ) -> list[Sent]:
        """The log of deliveries, newest first, those older than ``before``."""
        query = _sent().where(WebhookDelivery.tenant_id == caller.tenant_id)
        if filters.endpoint_id is not None:
            query = query.where(WebhookDelivery.endpoint_id == filters.endpoint_id)
        if filters.state is not None:
            query = query.where(WebhookDelivery.state == filters.state)
        if filters.event_type is not None:
            query = query.where(WebhookMessage.event_type == filters.event_type)
        if before is not None:
            query = query.where(col(WebhookDelivery.id) < before)
        query = query.order_by(col(WebhookDelivery.id).desc()).limit(limit)
        async with self._database.read() as session:
            return [Sent(*row) for row in await session.exec(query)]

    async def delivery(self, caller: Principal, delivery_id: UUID) -> Sent:
        """One delivery; raises GatewayError NOT-FOUND."""
        async with self._database.read() as session:
            return await _own_delivery(session, caller, delivery_id)

    async def replay(self, caller: Principal, delivery_id: UUID) -> Sent:
        """Send a message again under its first id, as a delivery of its own.

        Raises GatewayError NOT-FOUND or WEBHOOK-DISABLED.
        """
        caller.require("settings:write")
        async with self._database.write() as session:
            earlier = await _own_delivery(session, caller, delivery_id)
            _require_active(earlier.endpoint)
            delivery = await self._publisher.send(
                session, earlier.endpoint, earlier.message, at=self._now()
            )
            audit(
                session,
                caller,
                action="webhook.replayed",
                object=str(earlier.endpoint.id),
                name=earlier.endpoint.url,
            )
        return Sent(delivery, earlier.message, earlier.endpoint)

    async def replay_missed(self, caller: Principal, endpoint_id: UUID, *, since: datetime) -> int:
        """Send again what did not get through to an endpoint since then, oldest first.

        A message that got through later is not repeated. At most 500 at once; returns how many.
        Raises GatewayError NOT-FOUND or WEBHOOK-DISABLED.
        """
        caller.require("settings:write")
        async with self._database.write() as session:
            endpoint = await _own(session, caller, endpoint_id, lock=True)
            _require_active(endpoint)
            to_it = WebhookDelivery.endpoint_id == endpoint.id
            on_its_way = select(WebhookDelivery.message_id).where(
                to_it,
                col(WebhookDelivery.state).in_([DeliveryState.DELIVERED, DeliveryState.PENDING]),
            )
            missed = select(WebhookDelivery.message_id).where(
                to_it,
                col(WebhookDelivery.created_at) >= since,
                col(WebhookDelivery.message_id).not_in(on_its_way),
            )
            found = await session.exec(
                select(WebhookMessage)
                .where(col(WebhookMessage.id).in_(missed))
                .order_by(col(WebhookMessage.id))
                .limit(_REPLAYED_AT_ONCE)
            )
            messages, at = found.all(), self._now()
            for message in messages:
                await self._publisher.send(session, endpoint, message, at=at)
            audit(
                session,
                caller,
                action="webhook.replayed",
                object=str(endpoint.id),
                name=endpoint.url,
                messages=len(messages),
            )
        return len(messages)

    def _require_address(self, url: str) -> None:
        if len(url) > MAX_URL:
            raise GatewayError(
                ADDRESS_REFUSED, f"An endpoint's address has {MAX_URL} characters at most."
            )
        check_url(url, self._stage)
        if URL(url).user or URL(url).password or URL(url).fragment:
            raise GatewayError(
                ADDRESS_REFUSED,
                "An endpoint's address has no user, password or fragment in it; the signature "
                "says who is calling.",
            )

    def _require_types(self, event_types: Sequence[str]) -> None:
        if unknown := [one for one in event_types if one not in self.types]:
            known = ", ".join(one.name for one in self.types)
            raise GatewayError(
                TYPE_UNKNOWN, f"There is no event type '{unknown[0]}'; choose among {known}."
            )


def _switch(endpoint: WebhookEndpoint, *, on: bool) -> None:
    if on:
        endpoint.state, endpoint.disabled_because = EndpointState.ACTIVE, None
        endpoint.failing_since = None
    elif endpoint.state is EndpointState.ACTIVE:
        endpoint.state = EndpointState.DISABLED
        endpoint.disabled_because = DisabledBecause.SWITCHED_OFF


def _require_active(endpoint: WebhookEndpoint) -> None:
    if endpoint.state is not EndpointState.ACTIVE:
        raise GatewayError(
            IS_DISABLED, "Switch the endpoint on before anything is sent to it again."
        )


async def _own(
    session: AsyncSession, caller: Principal, endpoint_id: UUID, *, lock: bool = False
) -> WebhookEndpoint:
    """The caller's endpoint; ``lock`` makes who changes it wait for who is changing it."""
    endpoint = await session.get(WebhookEndpoint, endpoint_id, with_for_update=lock)
    if endpoint is None or endpoint.tenant_id != caller.tenant_id:
        raise GatewayError(NOT_FOUND, "No webhook endpoint of this account has that id.")
    return endpoint


def _sent() -> Select[WebhookDelivery, WebhookMessage, WebhookEndpoint]:
    return select(WebhookDelivery, WebhookMessage, WebhookEndpoint).where(
        col(WebhookMessage.id) == col(WebhookDelivery.message_id),
        col(WebhookEndpoint.id) == col(WebhookDelivery.endpoint_id),
    )


async def _own_delivery(session: AsyncSession, caller: Principal, delivery_id: UUID) -> Sent:
    found = await session.exec(
        _sent().where(
            WebhookDelivery.id == delivery_id, WebhookDelivery.tenant_id == caller.tenant_id
        )
    )
    row = found.first()
    if row is None:
        raise GatewayError(NOT_FOUND, "No webhook delivery of this account has that id.")
    return Sent(*row)
