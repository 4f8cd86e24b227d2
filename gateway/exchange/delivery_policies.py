"""The delivery policies of accounts: read by every failed attempt, changed by their people."""

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit
from gateway.access.principal import Principal
from gateway.access.turns import take_turn
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.jobs.registry import JobContext
from gateway.exchange.delivery_plan import Bounds, DeliveryPolicy
from gateway.exchange.delivery_policy import REFUSED_ONCE
from gateway.exchange.delivery_tables import DeliveryPolicyRow
from gateway.exchange.failures import FailureClass, failure_of
from gateway.exchange.lanes import LOOKUP
from gateway.exchange.tables import Document
from gateway.network.errors import LookupFailed

__all__ = ["DeliveryPolicies"]

_SOON_S: Final = 20.0
_AWAY: Final = frozenset(
    {FailureClass.DNS, FailureClass.SMP, FailureClass.TLS, FailureClass.CONNECTION}
)


class DeliveryPolicies:
    """Which policy holds for whom: the account's own, else the instance's."""

    def __init__(
        self, *, database: Database, default: DeliveryPolicy, bounds: Bounds, now: MachineClock
    ) -> None:
        self.default = default
        self.bounds = bounds
        self._database = database
        self._now = now

    async def of(self, session: AsyncSession, tenant_id: UUID) -> DeliveryPolicy:
        """The policy that holds for an account now."""
        return self.of_row(await session.get(DeliveryPolicyRow, tenant_id))

    def of_row(self, row: DeliveryPolicyRow | None) -> DeliveryPolicy:
        """The policy of an account by its row; the instance's where it has none."""
        return DeliveryPolicy.of(row) if row else self.default

    async def apply(self, job: JobContext, failure: GatewayError) -> None:
        """Tell the job engine how patient the document's account is, and whom to blame.

        Only what shows that a partner is away shuts its lane: an answer, be it an error, shows
        that it is there, and neither our own troubles nor a lookup are an access point's fault.
        """
        async with self._database.read() as session:
            document = await session.get_one(Document, UUID(job.payload["document_id"]))
            policy = await self.of(session, document.tenant_id)
        since = job.payload.get("since")
        if failure.kind is REFUSED_ONCE:
            # Asking once more costs little, and whoever waits for the document knows sooner.
            policy = replace(policy, backoff_s=(min(_SOON_S, policy.backoff_s[0]),))
        job.policy = policy.retry_plan(since=datetime.fromisoformat(since) if since else None)
        lookup = isinstance(failure, LookupFailed)
        away = failure_of(failure.code).failure_class in _AWAY
        job.blames_lane = away and lookup == (job.kind == LOOKUP)

    async def show(self, caller: Principal) -> tuple[DeliveryPolicy, DeliveryPolicyRow | None]:
        """The caller's policy, and its row unless it is the instance's."""
        async with self._database.read() as session:
            row = await session.get(DeliveryPolicyRow, caller.tenant_id)
        return self.of_row(row), row

    async def save(self, caller: Principal, policy: DeliveryPolicy) -> DeliveryPolicyRow:
        """Let a policy hold from the next attempt on; raises DELIVERY-POLICY-BOUNDS."""
        caller.require("settings:write")
        policy.require_within(self.bounds)
        row = DeliveryPolicyRow(
            tenant_id=caller.tenant_id,
            backoff_s=[round(one) for one in policy.backoff_s],
            deadline_s=round(policy.deadline_s),
            max_attempts=policy.max_attempts,
            on_failure=policy.on_failure,
            mls_asked=policy.mls_asked,
            updated_at=self._now(),
            updated_by=caller.actor[:200],
        )
        async with self._database.write() as session:
            await take_turn(session, caller.tenant_id)
            row = await session.merge(row)
            audit(
                session,
                caller,
                action="delivery-policy.changed",
                object=str(caller.tenant_id),
                max_attempts=policy.max_attempts,
                deadline_s=round(policy.deadline_s),
                on_failure=policy.on_failure.value,
            )
        return row
