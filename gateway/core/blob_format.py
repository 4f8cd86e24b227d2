"""How a blob looks inside: a small header, then the content.

The header names the format version and a key id, so that encryption at rest can be switched on
without touching what is already stored. Nobody but the stores sees it: what they hand out starts
at the content.
"""

import hashlib
import io
from dataclasses import dataclass
from typing import BinaryIO, Final
from uuid import UUID

from gateway.core.errors import ErrorKind, GatewayError

__all__ = ["BLOB_DAMAGED", "BlobRef", "header", "open_content"]

BLOB_DAMAGED: Final = ErrorKind("BLOB-DAMAGED", "Stored bytes are damaged", 500)

_MAGIC: Final = b"PGWB"
_VERSION: Final = 1
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Where bytes are and what they must be: id, SHA-256 in hex, size in bytes."""

    id: UUID
    sha256: str
    size: int


def header(key_id: str = "") -> bytes:
    """The bytes every blob starts with; an empty key id means the content is not encrypted."""
    encoded = key_id.encode("ascii")
    return _MAGIC + bytes((_VERSION, len(encoded))) + encoded


def _strip_header(source: BinaryIO) -> None:
    """Move past a blob's header; raises GatewayError BLOB-DAMAGED for one we cannot read."""
    start = source.read(6)
    if len(start) != 6 or start[:4] != _MAGIC or start[4] != _VERSION:
        raise GatewayError(
            BLOB_DAMAGED,
            "A stored blob does not start with a known header; restore it from backup.",
        )
    key_id = source.read(start[5]).decode("ascii")
    if key_id:
        raise GatewayError(
            BLOB_DAMAGED,
            f"A stored blob is encrypted with key '{key_id}', which this instance does not hold.",
        )


class _Content(io.RawIOBase):
    """A blob's file, seen from behind its header."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start = file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        """Fill the buffer (a memoryview in every caller of the buffered layer above)."""
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            offset += self._start
        return self._file.seek(offset, whence) - self._start

    def close(self) -> None:
        self._file.close()
        super().close()


def open_content(ref: BlobRef, file: BinaryIO) -> BinaryIO:
    """The content of a blob's file, verified against its digest, at its start.

    Takes the file over: closing the content closes it, and so does a failure. Raises
    GatewayError BLOB-DAMAGED.
    """
    try:
        file.seek(0)
        _strip_header(file)
        content = io.BufferedReader(_Content(file))
        digest = hashlib.sha256()
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
        if digest.hexdigest() != ref.sha256:
            raise GatewayError(
                BLOB_DAMAGED,
                f"The stored bytes of blob {ref.id} changed in storage; restore them from backup.",
                blob=str(ref.id),
            )
        content.seek(0)
    except BaseException:  # also a cancelled reader: the file is ours until it is handed out
        file.close()
        raise
    return content
