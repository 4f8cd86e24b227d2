"""Stored and posted documents on their way to people: read, set and handed out.

Work on a document is done in a thread, on a large one in a worker process; the event loop only
carries bytes.
"""

import asyncio
import shutil
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from aiohttp import web

from gateway.access.principal import principal
from gateway.conversion.keys import CONVERSION
from gateway.conversion.service import Judged
from gateway.core.app_keys import DATABASE
from gateway.core.spool import LARGE_BYTES, Spool
from gateway.exchange.keys import ARCHIVE
from gateway.exchange.own_pages import pages_of
from gateway.exchange.queries import stored_blob
from gateway.exchange.rendering import Rendition, attached_file, disposition
from gateway.exchange.tables import Document
from gateway.validation.keys import VALIDATION
from ubl.rendition.html import page_policy

__all__ = ["attachment_answer", "content_of", "in_format", "read_apart", "rendition_answer"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def content_of(request: web.Request, document: Document) -> bytes:
    """The document as kept; raises GatewayError BLOB-MISSING or BLOB-DAMAGED."""
    async with request.app[DATABASE].read() as session:
        return await request.app[ARCHIVE].fetch(session, document.content_id)


async def read_apart(
    request: web.Request,
    content: bytes,
    reader: Callable[[bytes, *Ts], T],
    *arguments: *Ts,
) -> T:
    """Have a function of a module work on a document away from the event loop.

    Raises GatewayError as the reader does, and as ``ValidationService.read`` does.
    """
    service = request.app[VALIDATION]
    if len(content) <= LARGE_BYTES:
        return await service.read(content, reader, *arguments)
    with Spool() as spool:
        await asyncio.to_thread(spool.write, content)
        return await service.read(spool.content, reader, *arguments)


async def in_format(request: web.Request, document: Document, to: str, *, lang: str) -> Judged:
    """Write a stored invoice in the format ``to`` and hold it to that format's rules.

    A Factur-X has the seller's own pages where they came with the invoice, and is the same bytes
    every time. Raises GatewayError as ``Conversion`` does.
    """
    service, archive = request.app[CONVERSION], request.app[ARCHIVE]
    async with request.app[DATABASE].read() as session:
        stored = await stored_blob(session, document.tenant_id, document.content_id)
        pages = await pages_of(session, archive, document.id)
    with Spool() as spool:
        with await archive.open(stored) as content:
            await asyncio.to_thread(shutil.copyfileobj, content, spool)
        kept = await asyncio.to_thread(lambda: spool.content)
        converted = await service.convert(
            kept, to, lang=lang, own_pdf=pages, at=document.created_at
        )
    return await service.judge(principal(request).tenant_id, converted, lang=lang)


def rendition_answer(rendition: Rendition, *, inline: bool) -> web.Response:
    """A document for people as an answer; HTML may use its own style and nothing else."""
    headers = {"Content-Disposition": disposition(rendition.file_name, inline=inline)}
    is_html = rendition.media_type == "text/html"
    if is_html:
        headers["Content-Security-Policy"] = page_policy()
    return web.Response(
        body=rendition.content,
        content_type=rendition.media_type,
        charset="utf-8" if is_html else None,
        headers=headers,
    )


async def attachment_answer(request: web.Request, document: Document, index: int) -> web.Response:
    """A file inside a stored invoice, to be saved: browsers are never to show it.

    Raises GatewayError NOT-FOUND, ATTACHMENT-DAMAGED, and what reading the invoice raises.
    """
    file = await read_apart(request, await content_of(request, document), attached_file, index)
    return web.Response(
        body=file.content,
        content_type="application/octet-stream",
        headers={"Content-Disposition": disposition(file.file_name)},
    )
