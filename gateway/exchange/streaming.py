"""Bodies of requests and answers as streams: no document is ever whole in memory on its way."""

import asyncio
from typing import BinaryIO, Final

from aiohttp import web

__all__ = ["send_stored", "take_body"]

_CHUNK: Final = 256 * 1024
PATIENCE_S: Final = 60.0
SLOWEST_SENDER_BYTES_PER_S: Final = 10_000
"""How long a body may keep us waiting: a minute, and as long as this pace takes for what came."""


async def take_body(request: web.Request, out: BinaryIO, *, too_large: Exception) -> None:
    """Write a request's body to ``out``, fixed length or chunked, and rewind it.

    Raises ``too_large`` once the body is over the server's limit, ConnectionAbortedError for a
    sender that stalls (who only opens connections must not hold them), and what aiohttp raises
    for a body that breaks off.
    """
    limit, size = request.client_max_size, 0
    clock = asyncio.get_running_loop().time
    start = clock()
    while True:
        patience = start + PATIENCE_S + size / SLOWEST_SENDER_BYTES_PER_S - clock()
        try:
            async with asyncio.timeout(patience):
                chunk = await request.content.read(_CHUNK)
        except TimeoutError:
            raise ConnectionAbortedError("the sender stopped sending") from None
        if not chunk:
            break
        size += len(chunk)
        if size > limit:
            raise too_large
        await asyncio.to_thread(out.write, chunk)
    out.seek(0)


async def send_stored(
    request: web.Request, file: BinaryIO, *, size: int, media_type: str, file_name: str
) -> web.StreamResponse:
    """Answer with a file of ``size`` bytes as a download, piece by piece; closes the file."""
    response = web.StreamResponse(
        headers={
            "Content-Type": media_type,
            "Content-Length": str(size),
            "Content-Disposition": f'attachment; filename="{file_name}"',
        }
    )
    try:
        await response.prepare(request)
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            await response.write(chunk)
    finally:
        await asyncio.to_thread(file.close)
    await response.write_eof()
    return response
