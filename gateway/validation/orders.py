"""Checks in the background: files are taken in durably, checked one by one, told of at the end.

An order is accepted when every file is stored and every job is in the table, and not before. Its
rules are those of the day it was accepted, however late it is checked.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, BinaryIO, Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.webhook_events import EventType
from gateway.access.webhook_publishing import Publisher
from gateway.core.blob_format import BlobRef
from gateway.core.blobs import BlobStore
from gateway.core.clock import BusinessClock, MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.faults import Faults
from gateway.core.ids import new_id
from gateway.core.jobs.queue import JobQueue
from gateway.validation.errors import FILE_MISSING, RULESET_UNKNOWN, TOO_MANY_FILES
from gateway.validation.idempotency import Once, remember, require_same
from gateway.validation.queries import OrderFile, items_of, order_of
from gateway.validation.rule_library import RuleLibrary
from gateway.validation.service import CheckOptions
from gateway.validation.tables import (
    ItemState,
    OrderItem,
    OrderState,
    ValidationKey,
    ValidationOrder,
    ValidationRun,
)
from schematron.errors import UnknownRuleset
from schematron.manifest import XSD

__all__ = [
    "CHECK",
    "COMPLETED",
    "EVENT_TYPES",
    "MAX_FILES",
    "Placed",
    "Upload",
    "ValidationOrders",
    "item_ended",
]

CHECK: Final = "validation.check"
COMPLETED: Final = EventType("validation.completed", "All files of an order have been checked.")
EVENT_TYPES: Final = (COMPLETED,)
MAX_FILES: Final = 500
_FILES_TOLD: Final = 50


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: its name (empty for none), the SHA-256 (hex) of its bytes, and these."""

    name: str
    sha256: str
    file: BinaryIO


@dataclass(frozen=True, slots=True)
class Placed:
    """An order with its files as they stand."""

    order: ValidationOrder
    files: Sequence[OrderFile]


class ValidationOrders:
    """The use case of checking later: take in, answer how it stands."""

    def __init__(
        self,
        *,
        database: Database,
        blobs: BlobStore,
        queue: JobQueue,
        rules: RuleLibrary,
        faults: Faults,
        today: BusinessClock,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._rules = rules
        self._faults = faults
        self._blobs = blobs
        self._queue = queue
        self._today = today
        self._now = now

    async def place(
        self,
        caller: Principal,
        uploads: Sequence[Upload],
        *,
        options: CheckOptions,
        once: Once | None = None,
    ) -> Placed:
        """Take in files to be checked; they are safe when this returns.

        Under the key of ``once`` it happens once. Raises GatewayError VALIDATION-FILE-MISSING,
        VALIDATION-FILES, VALIDATION-RULESET, IDEMPOTENCY-CONFLICT, or STORAGE-FULL.
        """
        caller.require("validations:run")
        _require_count(len(uploads))
        if once is not None and (known := await self._replay(caller, once)):
            return known
        await self._require_known(options.rules or ())
        order = self._ordered(caller, len(uploads), options)
        stored: list[BlobRef] = []
        try:
            for upload in uploads:
                upload.file.seek(0)
                stored.append(await self._blobs.put(upload.file))
            self._faults.reach("blob-fsynced")
            placed = await self._accept(order, uploads, stored, once)
        except BaseException:  # also a caller who went away: nobody will ask for these bytes
            await self._discard_unless_placed(order.id, stored)
            raise
        if placed is not None:
            self._faults.reach("row-committed")
            return placed
        # Another request with the same key won the race; its answer is the answer.
        await self._discard(stored)
        known = await self._replay(caller, once) if once is not None else None
        if known is None:
            raise AssertionError("an idempotency key without its order")
        return known

    async def find(self, caller: Principal, order_id: UUID) -> Placed:
        """One order of the account as it stands; raises GatewayError NOT-FOUND."""
        async with self._database.read() as session:
            order = await order_of(session, caller.tenant_id, order_id)
            return Placed(order, await items_of(session, order.id))

    async def _require_known(self, names: Sequence[str]) -> None:
        """Refuse rule sets nobody has heard of, before the files are stored for nothing."""
        if not names:
            return
        registry = await self._rules.registry()
        try:
            for name in names:
                if name != XSD:
                    registry.ruleset(name)
        except UnknownRuleset as error:
            raise GatewayError(RULESET_UNKNOWN, str(error)) from None

    def _ordered(self, caller: Principal, files: int, options: CheckOptions) -> ValidationOrder:
        dated = replace(options, as_of=options.as_of or self._today.today())
        return ValidationOrder(
            id=new_id(),
            tenant_id=caller.tenant_id,
            actor=caller.actor,
            state=OrderState.QUEUED,
            options=dated.to_json(),
            items=files,
            open_items=files,
            created_at=self._now(),
        )

    async def _accept(
        self,
        order: ValidationOrder,
        uploads: Sequence[Upload],
        stored: Sequence[BlobRef],
        once: Once | None,
    ) -> Placed | None:
        """Write the order with its jobs; None when another request took the key first."""
        items = [
            OrderItem.of(order.id, position, upload.name, ref)
            for position, (upload, ref) in enumerate(zip(uploads, stored, strict=True))
        ]
        async with self._database.write() as session:
            session.add(order)
            await session.flush()
            if once is not None and not await remember(
                session, order.tenant_id, once, order_id=order.id, at=order.created_at
            ):
                await session.rollback()
                return None
            session.add_all(items)
            await session.flush()
            for item in items:
                await self._queue.enqueue(
                    session,
                    kind=CHECK,
                    payload={"order_id": str(order.id), "position": item.position},
                    lane=f"validation:{order.tenant_id}",
                )
        return Placed(order, [OrderFile(item, None) for item in items])

    async def _replay(self, caller: Principal, once: Once) -> Placed | None:
        async with self._database.read() as session:
            known = await session.get(ValidationKey, (caller.tenant_id, once.key))
            if known is None:
                return None
            require_same(known, once)
            if known.order_id is None:
                return None
            order = await session.get_one(ValidationOrder, known.order_id)
            return Placed(order, await items_of(session, order.id))

    async def _discard_unless_placed(self, order_id: UUID, stored: Sequence[BlobRef]) -> None:
        """Remove bytes that no order has.

        One may have them all the same: where the connection was lost or the caller went away
        during the commit, it was perhaps done. Where nobody can tell, they stay.
        """
        async with self._database.read() as session:
            placed = await session.get(ValidationOrder, order_id)
        if placed is None:
            await self._discard(stored)

    async def _discard(self, stored: Sequence[BlobRef]) -> None:
        for ref in stored:
            await self._blobs.delete(ref.id)


def _require_count(files: int) -> None:
    if not files:
        raise GatewayError(FILE_MISSING, "Send at least one file to check.")
    if files > MAX_FILES:
        raise GatewayError(
            TOO_MANY_FILES, f"An order has {MAX_FILES} files at most; place several orders."
        )


async def item_ended(
    session: AsyncSession, publisher: Publisher, item: OrderItem, *, at: datetime
) -> None:
    """Count a file off its order; the last one ends the order and is told by webhook.

    ``item`` has its final state already; the caller's transaction holds it.
    """
    order = await session.get_one(ValidationOrder, item.order_id, with_for_update=True)
    order.open_items -= 1
    if order.open_items:
        return
    files = await items_of(session, order.id)
    failed = any(one.item.state is ItemState.FAILED for one in files)
    order.state = OrderState.FAILED if failed else OrderState.DONE
    order.finished_at = at
    await publisher.publish(session, order.tenant_id, COMPLETED.name, _told(order, files))


def _told(order: ValidationOrder, files: Sequence[OrderFile]) -> Mapping[str, Any]:
    """What the webhook says: how the order ended, and of its first files each."""
    verdicts = Counter(one.run.verdict for one in files if one.run is not None)
    return {
        "order_id": str(order.id),
        "state": order.state.value,
        "files": order.items,
        "failed": sum(one.item.state is ItemState.FAILED for one in files),
        "verdicts": dict(sorted(verdicts.items())),
        "validations": [_file_told(one.item, one.run) for one in files[:_FILES_TOLD]],
    }


def _file_told(item: OrderItem, run: ValidationRun | None) -> Mapping[str, Any]:
    return {
        "file": item.file_name or None,
        "sha256": item.sha256,
        "validation_id": str(run.id) if run else None,
        "verdict": run.verdict if run else None,
        "error": item.error_code,
    }
