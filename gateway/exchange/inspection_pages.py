"""The page of one AS4 message, for its account and, without the document, for the operator."""

from typing import Final
from uuid import UUID

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.http import RENDER, Face, Route, path_id
from gateway.exchange.inspection import Kept, inspect, kept_message, raw_blob
from gateway.exchange.keys import ARCHIVE
from gateway.exchange.streaming import send_stored
from gateway.exchange.tables import Direction

__all__ = ["ROUTES"]

_ID: Final = "[0-9a-f]{8}-[0-9a-f-]{27}"
_OWN: Final = f"/messages/{{direction:in|out}}/{{message_id:{_ID}}}"
_ANY: Final = f"/operations{_OWN}"


async def show_message(request: web.Request) -> web.Response:
    """A message of the account."""
    return await _page(request, principal(request).tenant_id, place="/messages")


async def show_any_message(request: web.Request) -> web.Response:
    """A message of any account."""
    return await _page(request, None, place="/operations/messages")


async def _page(request: web.Request, tenant_id: UUID | None, *, place: str) -> web.Response:
    kept = await _kept(request, tenant_id)
    context = {
        "found": await inspect(request.app[ARCHIVE], kept),
        "place": place,
        "pieces": [name for name, _ in kept.blobs if tenant_id or name != "envelope"],
        "operator": tenant_id is None,
    }
    return request.app[RENDER](request, "exchange/message.html", context)


async def download(request: web.Request) -> web.StreamResponse:
    """One piece of a message of the account."""
    return await _download(request, principal(request).tenant_id)


async def download_any(request: web.Request) -> web.StreamResponse:
    """One piece of a message of any account, but not what holds the document."""
    return await _download(request, None)


async def _download(request: web.Request, tenant_id: UUID | None) -> web.StreamResponse:
    kept = await _kept(request, tenant_id)
    piece = kept.blob(request.match_info["piece"])
    blob_id = piece.id if piece is not None else kept.id
    name, stored = raw_blob(kept, blob_id, with_document=tenant_id is not None)
    return await send_stored(
        request,
        await request.app[ARCHIVE].open(stored),
        size=stored.size,
        media_type="application/octet-stream",
        file_name=f"{name}-{kept.id}.{_SUFFIXES[name]}",
    )


_SUFFIXES: Final = {
    "request": "mime",
    "envelope": "xml",
    "receipt": "xml",
    "lookup": "zip",
    "revocation": "zip",
}


async def _kept(request: web.Request, tenant_id: UUID | None) -> Kept:
    async with request.app[DATABASE].read() as session:
        return await kept_message(
            session,
            request.app[ARCHIVE],
            Direction(request.match_info["direction"]),
            path_id(request, "message_id"),
            tenant_id=tenant_id,
        )


_PIECE: Final = "/{piece:" + "|".join(_SUFFIXES) + "}"

ROUTES: Final = (
    Route("GET", _OWN, show_message, "documents:read", "Show an AS4 message", Face.PAGE),
    Route("GET", _OWN + _PIECE, download, "documents:read", "Download a piece", Face.PAGE),
    Route("GET", _ANY, show_any_message, "operations:read", "Show any message", Face.PAGE),
    Route("GET", _ANY + _PIECE, download_any, "operations:read", "Download a piece", Face.PAGE),
)
