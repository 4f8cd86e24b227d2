"""Stored bytes: one immutable blob per message or document, durable before anyone is told.

A blob is never changed and never shared between rows; blob_format says how it looks inside.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from uuid import UUID

from gateway.core.blob_format import BlobRef, header, open_content
from gateway.core.durable import sync_folder
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.full_disk import storage_full
from gateway.core.ids import new_id

__all__ = ["BLOB_MISSING", "BlobStore", "LocalBlobStore"]

BLOB_MISSING: Final = ErrorKind("BLOB-MISSING", "Stored bytes are missing", 500)

_CHUNK: Final = 1 << 20


class BlobStore(Protocol):
    """A place that keeps bytes durably. ``put`` returns only when a power cut cannot lose them."""

    async def put(self, source: bytes | BinaryIO) -> BlobRef:
        """Store the bytes (a file is read from its present position) under a fresh id."""
        ...

    async def get(self, ref: BlobRef) -> bytes:
        """Return the bytes; raises GatewayError BLOB-MISSING or BLOB-DAMAGED."""
        ...

    async def open(self, ref: BlobRef) -> BinaryIO:
        """Return a readable file of the bytes, checked against their digest; caller closes it."""
        ...

    async def delete(self, blob_id: UUID) -> None:
        """Remove the bytes; removing what is not there is no error."""
        ...

    async def check(self) -> None:
        """Prove that storing works right now; raises GatewayError."""
        ...


def _chunks(source: bytes | BinaryIO) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    while chunk := source.read(_CHUNK):
        yield chunk


class LocalBlobStore:
    """Blobs as files in a folder: fsync of the file, then of the folder that names it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # All at once: a folder made on the way could be lost in a power cut with its first blob.
        for number in range(256):
            (folder / f"{number:02x}").mkdir(exist_ok=True, mode=0o700)
        sync_folder(folder)
        sync_folder(folder.parent)

    async def put(self, source: bytes | BinaryIO) -> BlobRef:
        """Store the bytes durably; raises GatewayError STORAGE-FULL when the disk is."""
        return await asyncio.to_thread(self._put, source)

    async def get(self, ref: BlobRef) -> bytes:
        """Return the bytes, verified against the digest in ``ref``."""
        return await asyncio.to_thread(self._get, ref)

    async def open(self, ref: BlobRef) -> BinaryIO:
        """Return the file positioned at the content, after its digest was verified."""
        return await asyncio.to_thread(self._open, ref)

    async def delete(self, blob_id: UUID) -> None:
        """Remove the file of this blob if it is there."""
        await asyncio.to_thread(self._path(blob_id).unlink, missing_ok=True)

    async def check(self) -> None:
        """Write and remove a small probe."""
        ref = await self.put(b"probe")
        await self.delete(ref.id)

    def _path(self, blob_id: UUID) -> Path:
        # The random tail spreads files evenly; the leading bits of a UUIDv7 are the time.
        return self._folder / blob_id.hex[-2:] / blob_id.hex

    def _put(self, source: bytes | BinaryIO) -> BlobRef:
        blob_id = new_id()
        path = self._path(blob_id)
        digest, size = hashlib.sha256(), 0
        try:
            # Under its own name at once: nobody knows a blob before its row names it.
            with path.open("xb") as file:
                try:
                    os.fchmod(file.fileno(), 0o600)
                    file.write(header())
                    for chunk in _chunks(source):
                        file.write(chunk)
                        digest.update(chunk)
                        size += len(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                except BaseException:  # whatever broke it off, half a blob must not stay
                    path.unlink(missing_ok=True)
                    raise
            sync_folder(path.parent)
        except OSError as error:
            if full := storage_full(error, place=str(self._folder)):
                raise full from error
            raise
        return BlobRef(blob_id, digest.hexdigest(), size)

    def _open(self, ref: BlobRef) -> BinaryIO:
        try:
            file = self._path(ref.id).open("rb")
        except FileNotFoundError:
            raise GatewayError(
                BLOB_MISSING,
                f"The stored bytes of blob {ref.id} are missing; restore them from backup.",
                blob=str(ref.id),
            ) from None
        return open_content(ref, file)

    def _get(self, ref: BlobRef) -> bytes:
        with self._open(ref) as file:
            return file.read()
