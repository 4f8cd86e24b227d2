"""Hands an encoded AS4 message to an access point and brings its answer back.

Tells apart what matters for the next attempt: the bytes never left, or nobody knows.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import BinaryIO, Final

import aiohttp

from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.faults import Faults
from gateway.core.outgoing import check_url
from gateway.core.patience import Patience, Phase, Progress, exchange
from gateway.core.settings import Stage
from gateway.exchange.delivery_policy import PEER_SILENT, PEER_TLS, PEER_UNREACHABLE

__all__ = [
    "ANSWER_CUT",
    "PEER_DNS",
    "PEER_STALLED",
    "Answer",
    "As4Client",
    "NotSent",
    "OutcomeUnknown",
]

PEER_DNS: Final = ErrorKind(
    "DELIVERY-DNS", "The receiving access point's name is not found", 502, Retry.BACKOFF
)
PEER_STALLED: Final = ErrorKind(
    "DELIVERY-STALLED", "The receiving access point stopped reading", 502, Retry.BACKOFF
)
ANSWER_CUT: Final = ErrorKind(
    "DELIVERY-ANSWER-CUT", "The receiving access point's answer broke off", 502, Retry.BACKOFF
)

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


_STUCK: Final = {
    Phase.DNS: (NotSent, PEER_DNS, "no name server answered"),
    Phase.CONNECT: (NotSent, PEER_UNREACHABLE, "no connection came about"),
    Phase.TLS: (NotSent, PEER_TLS, "the TLS handshake did not end"),
    Phase.SEND: (OutcomeUnknown, PEER_STALLED, "the peer stopped taking the message"),
    Phase.WAIT: (OutcomeUnknown, PEER_SILENT, "the peer took the message and did not answer"),
    Phase.READ: (OutcomeUnknown, ANSWER_CUT, "the peer began to answer and stopped"),
}
"""What it means when the time of a phase runs out."""


class As4Client:
    """Posts AS4 messages over one HTTP client session."""

    def __init__(
        self, session: aiohttp.ClientSession, stage: Stage, faults: Faults, patience: Patience
    ) -> None:
        self._session = session
        self._stage = stage
        self._faults = faults
        self._patience = patience

    async def post(self, url: str, *, content_type: str, body: BinaryIO, size: int) -> Answer:
        """Send the message once.

        Raises NotSent or OutcomeUnknown, both worth another attempt and with a code that says
        in which phase it ended, and OUTGOING-ADDRESS for an address that is not contacted.
        """
        check_url(url, self._stage)
        stuck: Progress | None = None
        try:
            async with exchange(replace(self._patience, wait=self._wait(size))) as progress:
                stuck = progress
                received = await self._exchange(url, content_type, body, size, progress)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise _failure(url, error, stuck) from error
        if received is None:
            raise OutcomeUnknown(
                PEER_SILENT,
                f"{url} answered more than {MAX_ANSWER_BYTES} bytes or in a coding it was not "
                "asked for, so its receipt cannot be read.",
            )
        return received

    def longest(self, size: int) -> timedelta:
        """How long after its start a message of so many bytes may still wait for its answer."""
        patience, pieces = self._patience, size // _CHUNK + 2
        before = patience.dns + patience.connect + patience.tls + pieces * patience.send
        return timedelta(seconds=before + self._wait(size))

    def _wait(self, size: int) -> float:
        # Some decrypt large messages at a few MB a second: the wait grows with the size.
        return self._patience.wait + size / SLOWEST_PEER_BYTES_PER_S

    async def _exchange(
        self, url: str, content_type: str, body: BinaryIO, size: int, progress: Progress
    ) -> Answer | None:
        async with self._session.post(
            url,
            data=self._stream(body, progress),
            headers={
                "Content-Type": content_type,
                "Content-Length": str(size),
                # Answers are read as they come: signatures are over bytes, not over codings.
                "Accept-Encoding": "identity",
            },
            # Every phase has a time of its own, kept by ``progress``.
            timeout=aiohttp.ClientTimeout(total=None),
            allow_redirects=False,
        ) as response:
            return await _read(response, progress)

    async def _stream(self, body: BinaryIO, progress: Progress) -> AsyncIterator[bytes]:
        progress.enter(Phase.SEND)
        while chunk := await asyncio.to_thread(body.read, _CHUNK):
            yield chunk
            progress.enter(Phase.SEND)
        self._faults.reach("bytes-sent")
        progress.enter(Phase.WAIT)


def _failure(url: str, error: Exception, progress: Progress | None) -> GatewayError:
    """What the next attempt must know: whether bytes left, and where it ended."""
    name = type(error).__name__
    if progress is not None and progress.expired:
        outcome, kind, what = _STUCK[progress.phase]
        return outcome(kind, f"{url}: {what} in time. It is tried again later.")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NotSent(PEER_DNS, f"The name in {url} is not found. It is tried again later.")
    in_handshake = progress is not None and progress.phase is Phase.TLS
    if isinstance(error, aiohttp.ClientSSLError) or (
        in_handshake and isinstance(error, aiohttp.ClientConnectorError)
    ):
        return NotSent(
            PEER_TLS,
            f"{url} does not show TLS that can be trusted ({name}): version 1.2 or newer with a "
            "certificate for its name by a known CA. Its operator must correct it.",
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return NotSent(
            PEER_UNREACHABLE,
            f"No connection to {url} could be made ({name}). It is tried again later; if it "
            "lasts, ask the receiver's provider.",
        )
    kind = ANSWER_CUT if progress is not None and progress.phase is Phase.READ else PEER_SILENT
    return OutcomeUnknown(
        kind,
        f"{url} took the message but the connection ended without an answer ({name}). The same "
        "message is sent again later.",
    )


async def _read(response: aiohttp.ClientResponse, progress: Progress) -> Answer | None:
    progress.enter(Phase.READ)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return None
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        progress.enter(Phase.READ)
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            return None
    # Bytes of a header that are no text can be kept in no row, and must not cost the receipt.
    content_type = response.headers.get("Content-Type", "").encode(errors="replace").decode()
    return Answer(response.status, content_type, bytes(body))
