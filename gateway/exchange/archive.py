"""What the exchange keeps: every message as sent and received, and the documents inside.

Order is always: bytes durable, then the row that names them, then anything we tell others.
"""

from typing import BinaryIO
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.blob_format import BlobRef
from gateway.core.blobs import BLOB_MISSING, BlobStore
from gateway.core.clock import MachineClock
from gateway.core.errors import GatewayError
from gateway.exchange.tables import StoredBlob

__all__ = ["Archive"]


class Archive:
    """Stores bytes in the blob store and describes them in rows."""

    def __init__(self, blobs: BlobStore, now: MachineClock) -> None:
        self._blobs = blobs
        self._now = now

    async def keep(
        self,
        source: bytes | BinaryIO,
        *,
        purpose: str,
        media_type: str,
        tenant_id: UUID | None,
    ) -> StoredBlob:
        """Make bytes durable and return the row that names them; the caller saves the row.

        ``purpose`` is their class for retention (document, envelope, receipt, mail); without
        ``tenant_id`` they are the instance's. Raises what the blob store does: STORAGE-FULL
        among others.
        """
        ref = await self._blobs.put(source)
        return StoredBlob(
            id=ref.id,
            tenant_id=tenant_id,
            purpose=purpose,
            media_type=media_type,
            sha256=ref.sha256,
            size=ref.size,
            created_at=self._now(),
        )

    async def read(self, stored: StoredBlob) -> bytes:
        """The bytes of a row, verified; raises GatewayError BLOB-MISSING or BLOB-DAMAGED."""
        return await self._blobs.get(BlobRef(stored.id, stored.sha256, stored.size))

    async def open(self, stored: StoredBlob) -> BinaryIO:
        """A file of the bytes, verified; the caller closes it. Raises as `read` does."""
        return await self._blobs.open(BlobRef(stored.id, stored.sha256, stored.size))

    async def fetch(self, session: AsyncSession, blob_id: UUID) -> bytes:
        """The bytes behind a row's id; raises GatewayError BLOB-MISSING or BLOB-DAMAGED."""
        return await self.read(await self.row(session, blob_id))

    async def row(self, session: AsyncSession, blob_id: UUID) -> StoredBlob:
        """The row that describes a blob; raises GatewayError BLOB-MISSING."""
        stored = await session.get(StoredBlob, blob_id)
        if stored is None:
            raise GatewayError(
                BLOB_MISSING, f"No record describes blob {blob_id}; restore the database."
            )
        return stored
