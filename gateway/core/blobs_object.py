"""Stored bytes in an object storage: S3, Google Cloud Storage, Azure, or memory for tests.

Objects look exactly like the files of ``LocalBlobStore``: the same header, one object per blob,
never changed. Folders of this machine are refused here, because the library would not sync them
to disk before it answers.
"""

import asyncio
import hashlib
import io
import tempfile
from collections.abc import AsyncIterator
from typing import Any, BinaryIO, Final, cast
from uuid import UUID

from gateway.core.blob_format import BlobRef, header, open_content
from gateway.core.blobs import BLOB_MISSING
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.ids import new_id

__all__ = ["BLOB_PLACE", "BLOB_STORE_DOWN", "ObjectBlobStore"]

BLOB_PLACE: Final = ErrorKind("BLOB-PLACE", "Bytes cannot be stored there", 500)
BLOB_STORE_DOWN: Final = ErrorKind(
    "BLOB-STORE-DOWN", "The object storage does not answer", 503, Retry.BACKOFF
)

_CHUNK: Final = 1 << 20
_IN_MEMORY: Final = 4 << 20


class ObjectBlobStore:
    """Blobs as objects below one URL, for example ``s3://bucket/prefix``.

    Credentials and region come from the environment, the way each cloud's own tools take them.
    Needs the extra ``object-storage``; raises GatewayError BLOB-PLACE without it, or for a URL
    that is no object storage.
    """

    def __init__(self, url: str) -> None:
        if url.startswith("file:"):
            raise GatewayError(
                BLOB_PLACE, "Leave blobs.url empty to store in the data folder, durably."
            )
        try:
            import obstore  # noqa: PLC0415 - an optional extra, needed by this adapter only
        except ImportError:
            raise GatewayError(
                BLOB_PLACE,
                "Object storage needs an extra: pip install 'peppol-gateway[object-storage]'.",
            ) from None
        self._obstore: Any = obstore
        try:
            self._store = obstore.store.from_url(url)
        except (obstore.exceptions.BaseError, ValueError) as error:
            raise GatewayError(
                BLOB_PLACE,
                f"blobs.url cannot be used as an object storage ({type(error).__name__}); "
                "expected something like s3://bucket/prefix.",
            ) from None

    async def put(self, source: bytes | BinaryIO) -> BlobRef:
        """Store the bytes; the storage confirms only when they are safe with it."""
        blob_id, digest, size = new_id(), hashlib.sha256(), 0

        async def content() -> AsyncIterator[bytes]:
            nonlocal size
            yield header()
            file = io.BytesIO(source) if isinstance(source, bytes) else source
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        try:
            await self._obstore.put_async(self._store, _path(blob_id), content())
        except self._obstore.exceptions.BaseError as error:
            raise _down(error) from None
        return BlobRef(blob_id, digest.hexdigest(), size)

    async def get(self, ref: BlobRef) -> bytes:
        """Return the bytes, verified against the digest in ``ref``."""
        with await self.open(ref) as file:
            return await asyncio.to_thread(file.read)

    async def open(self, ref: BlobRef) -> BinaryIO:
        """Fetch the bytes into a temporary file, verified; returns it at the content's start."""
        file = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - the caller closes it
        try:
            await self._fetch(ref, file)
        except BaseException:  # also a cancelled reader: the file is ours until it is handed out
            file.close()
            raise
        return await asyncio.to_thread(open_content, ref, file)

    async def delete(self, blob_id: UUID) -> None:
        """Remove the object of this blob if it is there."""
        try:
            await self._obstore.delete_async(self._store, _path(blob_id))
        except FileNotFoundError:
            return
        except self._obstore.exceptions.BaseError as error:
            raise _down(error) from None

    async def check(self) -> None:
        """Write and remove a small probe."""
        ref = await self.put(b"probe")
        await self.delete(ref.id)

    async def _fetch(self, ref: BlobRef, file: BinaryIO) -> None:
        try:
            found = await self._obstore.get_async(self._store, _path(ref.id))
            async for chunk in found.stream(min_chunk_size=_CHUNK):
                await asyncio.to_thread(file.write, chunk)
        except FileNotFoundError:
            raise GatewayError(
                BLOB_MISSING,
                f"The stored bytes of blob {ref.id} are missing; restore them from backup.",
                blob=str(ref.id),
            ) from None
        except self._obstore.exceptions.BaseError as error:
            raise _down(error) from None


def _path(blob_id: UUID) -> str:
    return f"{blob_id.hex[-2:]}/{blob_id.hex}"


def _down(error: Exception) -> GatewayError:
    """The error's own text may hold a signed address; its class does not."""
    return GatewayError(
        BLOB_STORE_DOWN,
        f"The object storage refused or did not answer ({type(error).__name__}); retry later.",
    )
