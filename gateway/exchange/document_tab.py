"""The part of a document's page that shows the document itself, in the language one reads.

A long invoice is shown in parts, so that neither server nor browser is held up by it.
"""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, Face, Route, path_id
from gateway.exchange.queries import document_of, named_invoices
from gateway.exchange.rendering import (
    LINES_AT_ONCE,
    Order,
    RenditionFormat,
    named_in,
    render_document,
    show_document,
)
from gateway.exchange.rendition_api import language_of
from gateway.exchange.showing import attachment_answer, content_of, read_apart, rendition_answer
from gateway.exchange.tables import Document, DocumentKind
from ubl.localized import LANGUAGES

__all__ = ["ROUTES", "document_tab"]

_PATH: Final = "/documents/{document_id:[0-9a-f]{8}-[0-9a-f-]{27}}"
_LANGUAGE: Final = "language"


async def document_tab(request: web.Request, document: Document) -> Mapping[str, Any]:
    """What the tab shows; ``shown`` is None for documents that are for programs only."""
    content = await content_of(request, document)
    language = _language(request)
    named = {}
    due_dates = {}
    if document.kind is DocumentKind.REMINDER:
        numbers = await read_apart(request, content, named_in)
        async with request.app[DATABASE].read() as session:
            invoices = await named_invoices(session, document, numbers)
        due_dates = {one.number: one.due_date for one in invoices if one.due_date}
        named = {one.number: one.id for one in invoices}
    shown = await read_apart(
        request,
        content,
        show_document,
        language,
        _first(request),
        f"/documents/{document.id}/attachments",
        due_dates,
    )
    return {
        "shown": shown,
        "size": len(content),
        "named": named,
        "document_language": language,
        "document_languages": LANGUAGES,
        "lines_at_once": LINES_AT_ONCE,
    }


async def download_rendition(request: web.Request) -> web.Response:
    """The document as a file for people."""
    wanted = RenditionFormat(request.match_info["format"])
    document = await _document(request)
    order = Order(wanted, _language(request), document.created_at)
    content = await content_of(request, document)
    rendition = await read_apart(request, content, render_document, order)
    return rendition_answer(rendition, inline=False)


async def download_attachment(request: web.Request) -> web.Response:
    """A file that is inside the document."""
    document = await _document(request)
    return await attachment_answer(request, document, int(request.match_info["index"]))


async def _document(request: web.Request) -> Document:
    async with request.app[DATABASE].read() as session:
        return await document_of(
            session, principal(request).tenant_id, path_id(request, "document_id")
        )


def _language(request: web.Request) -> str:
    """The language the document is read in: the one chosen for it, else the reader's."""
    language = request.query.get(_LANGUAGE) or language_of(request)
    if language not in LANGUAGES:
        raise GatewayError(BAD_REQUEST, f"Choose one of {', '.join(LANGUAGES)}.")
    return language


def _first(request: web.Request) -> int:
    text = request.query.get("from") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 7:
        raise GatewayError(BAD_REQUEST, "'from' is the place of a line, from 0.")
    return int(text)


ROUTES: Final = (
    Route(
        "GET",
        f"{_PATH}/rendition.{{format:html|pdf}}",
        download_rendition,
        "documents:read",
        "Download a document as people read it",
        Face.PAGE,
    ),
    Route(
        "GET",
        f"{_PATH}/attachments/{{index:[0-9]{{1,4}}}}",
        download_attachment,
        "documents:read",
        "Download a file inside a document",
        Face.PAGE,
    ),
)
