"""gzip of AS4 payloads (``CompressionType`` application/gzip), as streams with bounds.

Reproducible going out: the same bytes always give the same gzip, so a message that is built
again keeps its digests. Distrustful coming in: a small part may claim to be anything.
"""

import zlib
from typing import BinaryIO, Final

from gateway.as4.errors import EbmsCode, PeerAs4Error

__all__ = ["compress", "decompress"]

_CHUNK: Final = 65536
_GZIP: Final = 16 + zlib.MAX_WBITS
# Small payloads may be very regular; the ratio says something only about larger ones.
_RATIO_FLOOR: Final = 1024 * 1024
_MAX_MEMBERS: Final = 16


def compress(source: BinaryIO, out: BinaryIO) -> None:
    """Write the gzip of everything that is left in ``source``, without name and time."""
    packer = zlib.compressobj(level=6, wbits=_GZIP)
    while chunk := source.read(_CHUNK):
        out.write(packer.compress(chunk))
    out.write(packer.flush())


def decompress(source: BinaryIO, out: BinaryIO, *, max_bytes: int, max_ratio: int) -> None:
    """Write what the gzip in ``source`` holds; up to 16 members in a row count as one.

    Refuses more than ``max_bytes`` of content, and content more than ``max_ratio`` times as
    large as the gzip once it is over 1 MiB. Uses fixed memory. Raises PeerAs4Error (EBMS:0303):
    AS4-GZIP-BROKEN, AS4-GZIP-TRUNCATED, AS4-GZIP-TRAILING, AS4-GZIP-TOO-LARGE, AS4-GZIP-BOMB.
    ``out`` may then hold a part of the content and must be thrown away.
    """
    unpacker = zlib.decompressobj(wbits=_GZIP)
    consumed = produced = 0
    pending = b""
    members = 1
    while True:
        if not pending:
            pending = source.read(_CHUNK)
            consumed += len(pending)
        if not pending and not unpacker.eof:
            raise _incomplete(members)
        if unpacker.eof:
            if not pending:
                return
            members += 1
            if members > _MAX_MEMBERS:
                raise _trailing()
            unpacker = zlib.decompressobj(wbits=_GZIP)
        try:
            content = unpacker.decompress(pending, _CHUNK)
        except zlib.error:
            raise _broken(members) from None
        produced += len(content)
        _check_size(consumed, produced, max_bytes=max_bytes, max_ratio=max_ratio)
        out.write(content)
        pending = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail


def _check_size(consumed: int, produced: int, *, max_bytes: int, max_ratio: int) -> None:
    if produced > max_bytes:
        raise _refused(
            "TOO-LARGE",
            f"The payload has more than {max_bytes} bytes when decompressed; more are not "
            "accepted.",
        )
    if produced > _RATIO_FLOOR and produced > consumed * max_ratio:
        raise _refused(
            "BOMB",
            f"The payload grows more than {max_ratio} times when decompressed. Business "
            "documents do not; check how it was produced.",
        )


def _broken(members: int) -> PeerAs4Error:
    if members > 1:
        return _trailing()
    return _refused(
        "BROKEN", "The payload is announced as gzip but cannot be decompressed. Compress it again."
    )


def _incomplete(members: int) -> PeerAs4Error:
    if members > 1:
        return _trailing()
    return _refused("TRUNCATED", "The compressed payload ends too early. Send the message again.")


def _trailing() -> PeerAs4Error:
    return _refused(
        "TRAILING", "More bytes follow the end of the compressed payload. Send one gzip alone."
    )


def _refused(code: str, message: str) -> PeerAs4Error:
    return PeerAs4Error(f"AS4-GZIP-{code}", message, ebms=EbmsCode.DECOMPRESSION_FAILURE)
