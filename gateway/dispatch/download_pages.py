"""The page a download link opens: what the document is, as PDF and as data.

For people without an account here; works without script and loads nothing from elsewhere. A link
that is unknown, forged, expired or replaced gets one and the same answer. Asking for an address is
noted as a fetch, which mail scanners do as well; only a button of the page counts as opening.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from gateway.access.browser import CLIENT_ADDRESS
from gateway.access.outside import render_outside
from gateway.core.errors import ErrorKind
from gateway.core.http import NOT_FOUND, Face, Handler, Route
from gateway.dispatch.composing import file_stem
from gateway.dispatch.downloads import Opened
from gateway.dispatch.keys import DOWNLOAD_THROTTLE, DOWNLOADS
from gateway.dispatch.links import DOWNLOAD_PATH
from gateway.exchange.keys import ARCHIVE
from gateway.exchange.rendering import Order, RenditionFormat, render_document
from gateway.exchange.showing import content_of, read_apart, rendition_answer
from gateway.exchange.streaming import send_stored
from gateway.exchange.tables import StoredBlob
from ubl.localized import LANGUAGES

__all__ = ["ROUTES"]

DOWNLOAD_BUSY: Final = ErrorKind("DOWNLOAD-BUSY", "Too many requests", 429)

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    # Not "no-referrer": the form's request has to say that it comes from this very site.
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}


def _opening(
    answer: Callable[[web.Request, Opened], Awaitable[web.StreamResponse]],
) -> Handler:
    """A handler that answers with what the link leads to, or says why it leads nowhere."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if (refused := _slow_down(request)) is not None:
            return refused
        opened = await request.app[DOWNLOADS].look(_token(request))
        if opened is None:
            return _sorry(request, "gone", NOT_FOUND)
        return await answer(request, opened)

    return handle


async def _show(request: web.Request, opened: Opened) -> web.Response:
    """What the link leads to."""
    if request.method == "GET":
        await request.app[DOWNLOADS].fetched(opened.dispatch)
    context = {
        "document": opened.document,
        "pdf_size": opened.pdf.size,
        "xml_size": opened.xml.size,
        "until": opened.dispatch.link_expires_at,
        "address": f"{DOWNLOAD_PATH}{_token(request)}",
    }
    language = request.query.get("lang") or opened.dispatch.locale[:2].lower()
    return _render(request, "dispatch/download.html", language, context)


async def _read(request: web.Request, opened: Opened) -> web.Response:
    """The document to be read in the browser, without active content."""
    asked = request.query.get("lang") or opened.dispatch.locale[:2].lower()
    language = asked if asked in LANGUAGES else LANGUAGES[0]
    order = Order(RenditionFormat.HTML, language, opened.document.created_at)
    content = await content_of(request, opened.document)
    rendition = await read_apart(request, content, render_document, order)
    if request.method == "GET":
        await request.app[DOWNLOADS].fetched(opened.dispatch)
    response = rendition_answer(rendition, inline=True)
    response.headers["X-Robots-Tag"] = _HEADERS["X-Robots-Tag"]
    return response


async def _take(request: web.Request, opened: Opened) -> web.Response:
    """Note that somebody pressed a button, and lead to what it is about."""
    await request.app[DOWNLOADS].opened(opened.dispatch)
    place = f"{DOWNLOAD_PATH}{_token(request)}/document.{request.match_info['piece']}"
    if request.query.get("lang") in LANGUAGES:
        place += f"?lang={request.query['lang']}"
    return web.Response(status=303, headers={"Location": place, **_HEADERS})


async def _pdf(request: web.Request, opened: Opened) -> web.StreamResponse:
    """The PDF exactly as it was, or would have been, sent."""
    return await _file(request, opened, "pdf", "application/pdf")


async def _xml(request: web.Request, opened: Opened) -> web.StreamResponse:
    """The document as data."""
    return await _file(request, opened, "xml", "application/xml")


async def _file(
    request: web.Request, opened: Opened, suffix: str, media_type: str
) -> web.StreamResponse:
    if request.method == "GET":
        await request.app[DOWNLOADS].fetched(opened.dispatch)
    stored = _stored(opened, suffix)
    return await send_stored(
        request,
        await request.app[ARCHIVE].open(stored),
        size=stored.size,
        media_type=media_type,
        file_name=f"{file_stem(opened.document.number)}.{suffix}",
    )


def _stored(opened: Opened, suffix: str) -> StoredBlob:
    return opened.pdf if suffix == "pdf" else opened.xml


def _slow_down(request: web.Request) -> web.Response | None:
    """Refuse somebody who asks too often, counted by address and by link."""
    throttle = request.app[DOWNLOAD_THROTTLE]
    named = (f"address {request[CLIENT_ADDRESS]}", f"link {_token(request)[:100]}")
    wait = max([throttle.take(one) for one in named])
    if not wait:
        return None
    response = _sorry(request, "busy", DOWNLOAD_BUSY)
    response.headers["Retry-After"] = str(math.ceil(wait))
    return response


def _sorry(request: web.Request, reason: str, kind: ErrorKind) -> web.Response:
    context = {"reason": reason, "address": f"{DOWNLOAD_PATH}{_token(request)}"}
    response = _render(request, "dispatch/sorry.html", None, context)
    response.set_status(kind.status)
    return response


def _render(
    request: web.Request, template: str, language: str | None, context: Mapping[str, Any]
) -> web.Response:
    response = render_outside(request, template, language, context)
    response.headers.update(_HEADERS)
    return response


def _token(request: web.Request) -> str:
    return request.match_info["token"]


_PATH: Final = f"{DOWNLOAD_PATH}{{token}}"

ROUTES: Final = (
    Route("GET", _PATH, _opening(_show), None, "Show a download link", Face.PAGE),
    Route(
        "POST",
        f"{_PATH}/document.{{piece:html|pdf|xml}}",
        _opening(_take),
        None,
        "Open the document of a link",
        Face.PAGE,
    ),
    Route("GET", f"{_PATH}/document.html", _opening(_read), None, "Read the document", Face.PAGE),
    Route("GET", f"{_PATH}/document.pdf", _opening(_pdf), None, "Download the PDF", Face.PAGE),
    Route("GET", f"{_PATH}/document.xml", _opening(_xml), None, "Download the data", Face.PAGE),
)
