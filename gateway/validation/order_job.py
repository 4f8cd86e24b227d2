"""Checking one file of an order; retried without doubling a run, ended with its order."""

import asyncio
import shutil
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.webhook_publishing import Publisher
from gateway.core.blobs import BlobStore
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.faults import Faults
from gateway.core.incoming import CHUNK_BYTES
from gateway.core.jobs.backoff import JobError, Reschedule
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.jobs.tables import Job
from gateway.core.pool import POOL_BUSY
from gateway.core.spool import Spool
from gateway.validation.orders import CHECK, item_ended
from gateway.validation.service import CheckOptions, ValidationService
from gateway.validation.tables import (
    ItemState,
    OrderItem,
    OrderState,
    ValidationOrder,
    ValidationRun,
)

__all__ = ["SWEEP", "CheckJob", "register"]

SWEEP: Final = "validation.sweep"
_BUSY_WAIT: Final = timedelta(seconds=5)
_SWEPT_AT_ONCE: Final = 200


class CheckJob:
    """One attempt at one file of an order."""

    def __init__(
        self,
        *,
        database: Database,
        blobs: BlobStore,
        validation: ValidationService,
        publisher: Publisher,
        faults: Faults,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._validation = validation
        self._publisher = publisher
        self._faults = faults
        self._now = now

    async def __call__(self, job: JobContext) -> None:
        """Check the file and keep its run; a pool that is full is asked again a little later."""
        key = _key(job.payload)
        async with self._database.read() as session:
            order = await session.get_one(ValidationOrder, key[0])
            item = await session.get_one(OrderItem, key)
        if item.state is not ItemState.QUEUED:
            return
        if order.state is OrderState.QUEUED:
            await self._begin(order.id)
        run = await self._examine(order, item)
        self._faults.reach("check-examined")
        async with self._database.write() as session:
            await job.fence(session)
            item = await session.get_one(OrderItem, key, with_for_update=True)
            session.add(run)
            await session.flush()
            item.state, item.run_id = ItemState.DONE, run.id
            await item_ended(session, self._publisher, item, at=self._now())
        self._faults.reach("check-committed")
        await self._forget(item)

    async def give_up(self, session: AsyncSession, job: Job, error: JobError) -> None:
        """End a file that could not be checked, so that its order ends too."""
        item = await session.get_one(OrderItem, _key(job.payload), with_for_update=True)
        if item.state is ItemState.QUEUED:
            item.state, item.error_code = ItemState.FAILED, error.code
            await item_ended(session, self._publisher, item, at=self._now())

    async def sweep(self, _job: JobContext) -> None:
        """Remove bytes whose file has ended and that a crash left behind."""
        async with self._database.read() as session:
            found = await session.exec(
                select(OrderItem)
                .where(
                    OrderItem.state != ItemState.QUEUED,
                    col(OrderItem.blob_id).is_not(None),
                )
                .limit(_SWEPT_AT_ONCE)
            )
            left = found.all()
        for item in left:
            await self._forget(item)

    async def _examine(self, order: ValidationOrder, item: OrderItem) -> ValidationRun:
        file = await self._blobs.open(item.stored)
        with file, Spool() as spool:
            await asyncio.to_thread(shutil.copyfileobj, file, spool, CHUNK_BYTES)
            try:
                return await self._validation.examine(
                    order.tenant_id,
                    await asyncio.to_thread(lambda: spool.content),
                    file_name=item.file_name,
                    options=CheckOptions.from_json(order.options),
                )
            except GatewayError as error:
                if error.kind == POOL_BUSY:
                    raise Reschedule(self._now() + _BUSY_WAIT) from None
                raise

    async def _begin(self, order_id: UUID) -> None:
        async with self._database.write() as session:
            await session.exec(
                update(ValidationOrder)
                .where(
                    col(ValidationOrder.id) == order_id,
                    col(ValidationOrder.state) == OrderState.QUEUED,
                )
                .values(state=OrderState.RUNNING)
            )

    async def _forget(self, item: OrderItem) -> None:
        """Remove the bytes first, then where they were: the other way round could lose track."""
        await self._blobs.delete(item.stored.id)
        async with self._database.write() as session:
            row = await session.get_one(OrderItem, (item.order_id, item.position))
            row.blob_id = None


def _key(payload: Mapping[str, Any]) -> tuple[UUID, int]:
    return UUID(payload["order_id"]), int(payload["position"])


def register(registry: Registry, check: CheckJob) -> None:
    """Say how orders are worked through, and look for left bytes every night."""
    registry.add(CHECK, check, on_dead=check.give_up)
    registry.add(SWEEP, check.sweep)
    registry.every(SWEEP, "daily 03:40 UTC")
