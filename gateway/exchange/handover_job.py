"""The job that brings one received document to its business, and waits until it is taken.

At least once: where this process dies between laying out and commit, the same names are written
again. Waiting costs no attempt.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.tables import Tenant
from gateway.access.webhook_tables import DeliveryState, WebhookDelivery
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.jobs.backoff import JobError, Ladder, Reschedule
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.jobs.tables import Job
from gateway.exchange.archive import Archive
from gateway.exchange.delivery_tables import (
    Acknowledgement,
    Channel,
    HandOver,
    HandOverPolicyRow,
    HandOverState,
)
from gateway.exchange.handover import HandOvers
from gateway.exchange.handover_carriers import Carrier, Parcel, metadata_of
from gateway.exchange.handover_policies import HandOverPolicies
from gateway.exchange.lanes import HAND_OVER
from gateway.exchange.tables import Document

__all__ = ["PATIENCE", "HandOverJob", "register"]

NO_ENDPOINT: Final = ErrorKind(
    "HANDOVER-NO-ENDPOINT", "No webhook endpoint takes received documents", 409, Retry.BACKOFF
)
NOT_TOLD: Final = ErrorKind("HANDOVER-WEBHOOK", "No webhook endpoint took the document", 502)
CHANNEL_GONE: Final = ErrorKind(
    "HANDOVER-CHANNEL", "This way of handing over is not available", 409, Retry.BACKOFF
)
NOT_ACKNOWLEDGED: Final = ErrorKind(
    "HANDOVER-NOT-ACKNOWLEDGED", "The business did not acknowledge the document in time", 504
)

PATIENCE: Final = Ladder(
    steps=tuple(timedelta(seconds=one) for one in (30, 120, 600, 1800, 3600)),
    patience=timedelta(days=3),
)
_SOONEST: Final = timedelta(seconds=5)
_LATEST: Final = timedelta(minutes=10)


class HandOverJob:
    """Lays one document out by its account's channel, then looks whether it was taken."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        policies: HandOverPolicies,
        handovers: HandOvers,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._policies = policies
        self._handovers = handovers
        self._now = now

    async def __call__(self, job: JobContext) -> None:
        """One step; raises Reschedule while the business has not taken the document yet."""
        row_id = UUID(job.payload["handover_id"])
        async with self._database.read() as session:
            row = await session.get_one(HandOver, row_id)
            policy = await self._policies.of(session, row.tenant_id)
        if row.state is HandOverState.WAITING:
            await self._lay_out(job, row, policy)
        elif row.state is HandOverState.HANDED_OVER:
            await self._look(job, row, policy)

    async def _lay_out(
        self, job: JobContext, row: HandOver, policy: HandOverPolicyRow | None
    ) -> None:
        try:
            carried = row.channel in (Channel.FOLDER, Channel.SFTP)
            place = await self._carry(row, policy) if carried else None
            if await self._lies_there(job, row, place):
                return
        except GatewayError as failure:
            await self._note(row.id, failure)
            raise
        raise Reschedule(self._now() + _SOONEST)

    async def _lies_there(self, job: JobContext, row: HandOver, place: str | None) -> bool:
        """Commit that the document was laid out; whether that is the acknowledgement as well."""
        ends = place is not None and row.acknowledgement is Acknowledgement.DELIVERY
        async with self._database.write() as session:
            if ends:
                await job.fence(session)
            round_ = row.round
            document, row = await _locked(session, row.id)
            if row.state is not HandOverState.WAITING or row.round != round_:
                # Acknowledged meanwhile, or handed over again by a job of its own.
                return ends
            at, row.attempts, row.place = self._now(), row.attempts + 1, place
            await self._handovers.laid_out(session, row, document, at=at)
            if row.channel is Channel.WEBHOOK and row.message_id is None:
                raise GatewayError(
                    NO_ENDPOINT,
                    "No active webhook endpoint of the account wants 'document.handed-over'. Add "
                    "one, or choose another way to hand documents over.",
                )
            if ends:
                by = row.channel.value
                await self._handovers.acknowledged(session, row, document, by=by, at=at)
        return ends

    async def _carry(self, row: HandOver, policy: HandOverPolicyRow | None) -> str:
        """Lay the files out; where."""
        carrier, policy = self._carrier(row.channel, policy)
        async with self._database.read() as session:
            document = await session.get_one(Document, row.document_id)
            tenant = await session.get_one(Tenant, row.tenant_id)
            stored = await self._archive.row(session, document.content_id)
        content = await self._archive.open(stored)
        with content:
            parcel = Parcel(
                account=tenant.slug,
                name=str(document.id),
                content=content,
                metadata=metadata_of(
                    document, sha256=stored.sha256, size=stored.size, at=self._now()
                ),
            )
            await carrier.put(parcel, policy)
        return carrier.place(tenant.slug, policy)

    async def _look(self, job: JobContext, row: HandOver, policy: HandOverPolicyRow | None) -> None:
        """Whether the business has it by now; otherwise look again later."""
        told = await self._told(row) if row.channel is Channel.WEBHOOK else None
        if told is False:
            raise GatewayError(
                NOT_TOLD,
                "Every webhook endpoint refused the document or stayed away for days. Look at "
                "the endpoints, then hand it over again.",
            )
        taken = bool(told) and row.acknowledgement is Acknowledgement.DELIVERY
        if row.channel in (Channel.FOLDER, Channel.SFTP):
            taken = await self._taken(row, policy)
        if taken:
            async with self._database.write() as session:
                await job.fence(session)
                document, row = await _locked(session, row.id)
                by = row.channel.value
                await self._handovers.acknowledged(session, row, document, by=by, at=self._now())
            return
        now = self._now()
        if row.ack_by is not None and now > row.ack_by:
            raise GatewayError(
                NOT_ACKNOWLEDGED,
                "The document lies where the business takes it, but nobody acknowledged it in "
                "time. Ask why, then hand it over again or acknowledge it.",
            )
        waited = now - (row.handed_over_at or now)
        raise Reschedule(now + min(max(waited / 4, _SOONEST), _LATEST))

    async def _taken(self, row: HandOver, policy: HandOverPolicyRow | None) -> bool:
        async with self._database.read() as session:
            tenant = await session.get_one(Tenant, row.tenant_id)
        if policy is None or policy.channel is not row.channel:
            # The account changed its ways: what lies there can only be acknowledged by itself.
            return False
        carrier, policy = self._carrier(row.channel, policy)
        # Nothing is gone from a place where it never lay. Rows of before 0016 name no place.
        here = row.place in (None, carrier.place(tenant.slug, policy))
        return await carrier.taken(tenant.slug, str(row.document_id), policy, here=here)

    async def _told(self, row: HandOver) -> bool | None:
        """Whether an endpoint took the message; None while that is open."""
        async with self._database.read() as session:
            found = await session.exec(
                select(WebhookDelivery.state).where(WebhookDelivery.message_id == row.message_id)
            )
            states = set(found)
        if DeliveryState.DELIVERED in states:
            return True
        if not states and row.acknowledgement is Acknowledgement.EXPLICIT:
            # The endpoint was removed, and with it whether it took the message: who has it says so.
            return None
        return None if DeliveryState.PENDING in states else False

    async def _note(self, row_id: UUID, failure: GatewayError) -> None:
        async with self._database.write() as session:
            row = await session.get_one(HandOver, row_id, with_for_update=True)
            row.attempts += 1
            row.error_code, row.error_text = failure.code, failure.message

    def _carrier(
        self, channel: Channel, policy: HandOverPolicyRow | None
    ) -> tuple[Carrier, HandOverPolicyRow]:
        carrier = self._policies.carriers.get(channel)
        if carrier is None or policy is None or policy.channel is not channel:
            raise GatewayError(
                CHANNEL_GONE,
                f"Documents are not handed over by '{channel}' any more. Hand this one over "
                "again: it then goes the way of today.",
            )
        return carrier, policy


def register(registry: Registry, job: HandOverJob, handovers: HandOvers, now: MachineClock) -> None:
    """Say how documents are handed over, and what giving up means."""

    async def give_up(session: AsyncSession, buried: Job, error: JobError) -> None:
        document, row = await _locked(session, UUID(buried.payload["handover_id"]))
        if row.state in (HandOverState.WAITING, HandOverState.HANDED_OVER):
            await handovers.failed(session, row, document, error, at=now())

    registry.add(HAND_OVER, job, policy=PATIENCE, on_dead=give_up)


async def _locked(session: AsyncSession, row_id: UUID) -> tuple[Document, HandOver]:
    row = await session.get_one(HandOver, row_id)
    document = await session.get_one(Document, row.document_id, with_for_update=True)
    await session.refresh(row, with_for_update=True)
    return document, row
