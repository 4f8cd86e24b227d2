"""Hands an encoded AS4 message to an access point and brings its answer back.

Tells apart what matters for the next attempt: the bytes never left, or nobody knows.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import aiohttp

from gateway.core.errors import GatewayError
from gateway.core.faults import Faults
from gateway.core.outgoing import check_url
from gateway.core.settings import Stage
from gateway.exchange.delivery_policy import PEER_SILENT, PEER_UNREACHABLE

__all__ = ["Answer", "As4Client", "NotSent", "OutcomeUnknown"]

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
SLOWEST_PEER_BYTES_PER_S: Final = 500_000
_CHUNK: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What the access point answered: HTTP status, content type and body as received."""

    status: int
    content_type: str
    body: bytes


class NotSent(GatewayError):
    """No byte of the message reached the peer; the attempt counts for nothing."""


class OutcomeUnknown(GatewayError):
    """The message may have arrived, but no usable answer came back."""


class As4Client:
    """Posts AS4 messages over one HTTP client session."""

    def __init__(self, session: aiohttp.ClientSession, stage: Stage, faults: Faults) -> None:
        self._session = session
        self._stage = stage
        self._faults = faults

    async def post(self, url: str, *, content_type: str, body: BinaryIO, size: int) -> Answer:
        """Send the message once.

        Raises NotSent or OutcomeUnknown, both worth another attempt, and OUTGOING-ADDRESS for an
        address that is not contacted.
        """
        check_url(url, self._stage)
        try:
            async with self._session.post(
                url,
                data=self._stream(body),
                headers={
                    "Content-Type": content_type,
                    "Content-Length": str(size),
                    # Answers are read as they come: signatures are over bytes, not over codings.
                    "Accept-Encoding": "identity",
                },
                timeout=self._patience(size),
                allow_redirects=False,
            ) as response:
                received = await _read(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(
                PEER_UNREACHABLE,
                f"No connection to {url} could be made ({type(error).__name__}). It is tried "
                "again later; if it lasts, ask the receiver's provider.",
            ) from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise OutcomeUnknown(
                PEER_SILENT,
                f"{url} took the message but the connection ended without an answer "
                f"({type(error).__name__}). The same message is sent again later.",
            ) from error
        if received is None:
            raise OutcomeUnknown(
                PEER_SILENT,
                f"{url} answered more than {MAX_ANSWER_BYTES} bytes or in a coding it was not "
                "asked for, so its receipt cannot be read.",
            )
        return received

    def _patience(self, size: int) -> aiohttp.ClientTimeout:
        """Give the peer time in proportion: some decrypt large messages at a few MB a second."""
        usual = self._session.timeout
        wait = (usual.sock_read or 0) + size / SLOWEST_PEER_BYTES_PER_S
        return aiohttp.ClientTimeout(
            total=None, connect=usual.connect, sock_connect=usual.sock_connect, sock_read=wait
        )

    async def _stream(self, body: BinaryIO) -> AsyncIterator[bytes]:
        while chunk := await asyncio.to_thread(body.read, _CHUNK):
            yield chunk
        self._faults.reach("bytes-sent")


async def _read(response: aiohttp.ClientResponse) -> Answer | None:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return None
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            return None
    # Bytes of a header that are no text can be kept in no row, and must not cost the receipt.
    content_type = response.headers.get("Content-Type", "").encode(errors="replace").decode()
    return Answer(response.status, content_type, bytes(body))
