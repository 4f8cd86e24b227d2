"""Answers as streams: no document is ever whole in memory on its way out."""

import asyncio
from typing import BinaryIO, Final

from aiohttp import web

__all__ = ["send_stored"]

_CHUNK: Final = 256 * 1024


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
