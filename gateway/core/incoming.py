"""Bodies of requests as they arrive: piece by piece, bounded in size and in patience.

Knows nothing of what the bytes mean; where they go is the caller's to say.
"""

import asyncio
from collections.abc import Awaitable
from typing import BinaryIO, Final, TypeVar

from aiohttp import web

__all__ = ["CHUNK_BYTES", "Arrival", "take_body"]

CHUNK_BYTES: Final = 256 * 1024
PATIENCE_S: Final = 60.0
SLOWEST_SENDER_BYTES_PER_S: Final = 10_000
"""How long a body may keep us waiting: a minute, and as long as this pace takes for what came."""

T = TypeVar("T")


class Arrival:
    """One body on its way in; every read of it goes through here.

    ``too_large`` is raised once more has come than the server takes.
    """

    def __init__(self, request: web.Request, *, too_large: Exception | None = None) -> None:
        self._content = request.content
        self._limit = request.client_max_size
        self._too_large = too_large or web.HTTPRequestEntityTooLarge(
            max_size=request.client_max_size, actual_size=0
        )
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()

    async def read(self, reading: Awaitable[T]) -> T:
        """Wait for what is read from the body.

        Raises what was handed in for a body over the limit, and web.RequestPayloadError for a
        sender that stalls: who only opens connections must not hold them.
        """
        waits = PATIENCE_S + self._content.total_bytes / SLOWEST_SENDER_BYTES_PER_S
        try:
            async with asyncio.timeout_at(self._start + waits):
                found = await reading
        except TimeoutError:
            raise web.RequestPayloadError("the sender stopped sending") from None
        if self._content.total_bytes > self._limit:
            raise self._too_large
        return found


async def take_body(
    request: web.Request, out: BinaryIO, *, too_large: Exception | None = None
) -> None:
    """Write a request's body to ``out``, fixed length or chunked, and rewind it.

    Raises ``too_large`` (by default what becomes BODY-TOO-LARGE) once the body is over the
    server's limit, and web.RequestPayloadError for one that stalls or breaks off.
    """
    arrival = Arrival(request, too_large=too_large)
    while chunk := await arrival.read(request.content.read(CHUNK_BYTES)):
        await asyncio.to_thread(out.write, chunk)
    out.seek(0)
