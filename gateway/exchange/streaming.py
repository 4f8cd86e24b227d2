"""Bodies of requests and answers as streams: no document is ever whole in memory on its way."""

import asyncio
from typing import BinaryIO, Final

from aiohttp import web

__all__ = ["send_stored", "take_body"]

_CHUNK: Final = 256 * 1024


async def take_body(request: web.Request, out: BinaryIO, *, too_large: Exception) -> None:
    """Write a request's body to ``out``, fixed length or chunked, and rewind it.

    Raises ``too_large`` once the body is over the server's limit, and what aiohttp raises for a
    body that breaks off.
    """
    limit, size = request.client_max_size, 0
    async for chunk in request.content.iter_chunked(_CHUNK):
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
