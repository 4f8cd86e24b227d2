"""The API of renditions: any document as HTML or PDF for people, and the files inside invoices."""

from typing import Final
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from gateway.access.principal import principal
from gateway.core import clock
from gateway.core.app_keys import DATABASE
from gateway.core.http import Route, path_id, query_of
from gateway.exchange.queries import document_of
from gateway.exchange.rendering import Order, RenditionFormat, render_document
from gateway.exchange.showing import attachment_answer, content_of, read_apart, rendition_answer
from gateway.exchange.tables import Document
from ubl.localized import LANGUAGES

__all__ = ["ROUTES", "RenditionQuery", "language_of"]

_DOCUMENT: Final = "/v1/documents/{document_id:[0-9a-f-]{36}}"


class RenditionQuery(BaseModel):
    """How a document is to be set."""

    model_config = ConfigDict(extra="forbid")

    format: RenditionFormat = Field(
        RenditionFormat.HTML, description="html, or pdf (PDF/A-3b and PDF/UA-1)"
    )
    lang: str | None = Field(
        None,
        pattern=f"^({'|'.join(LANGUAGES)})$",
        description="Language of labels and names of codes; yours unless given.",
    )


async def render_stored(request: web.Request) -> web.Response:
    """A document of the account, set for people."""
    query = query_of(request, RenditionQuery)
    document = await _document(request)
    order = Order(query.format, query.lang or language_of(request), document.created_at)
    content = await content_of(request, document)
    return rendition_answer(await read_apart(request, content, render_document, order), inline=True)


async def render_posted(request: web.Request) -> web.Response:
    """Any document that is posted, set for people; nothing is kept."""
    query = query_of(request, RenditionQuery)
    order = Order(query.format, query.lang or language_of(request), clock.now())
    content = await request.read()
    rendition = await read_apart(request, content, render_document, order, request.content_type)
    return rendition_answer(rendition, inline=True)


async def get_attachment(request: web.Request) -> web.Response:
    """A file that is inside a document of the account."""
    index = int(request.match_info["index"])
    return await attachment_answer(request, await _document(request), index)


def language_of(request: web.Request) -> str:
    """The caller's language, as far as documents are set in it."""
    locale = principal(request).locale
    return locale if locale in LANGUAGES else LANGUAGES[0]


async def _document(request: web.Request) -> Document:
    document_id: UUID = path_id(request, "document_id")
    async with request.app[DATABASE].read() as session:
        return await document_of(session, principal(request).tenant_id, document_id)


_STATUSES: Final = {422: "The document cannot be shown, or not in that format"}

ROUTES: Final = (
    Route(
        "GET",
        f"{_DOCUMENT}/rendition",
        render_stored,
        "documents:read",
        "A document as people read it",
        query=RenditionQuery,
        answer="text/html",
        answer_also="application/pdf",
        statuses=_STATUSES,
    ),
    Route(
        "GET",
        f"{_DOCUMENT}/attachments/{{index:[0-9]{{1,4}}}}",
        get_attachment,
        "documents:read",
        "A file that is inside an invoice, by its place among the supporting documents (from 0)",
        answer="application/octet-stream",
        statuses={422: "The file is damaged, or the document is no invoice"},
    ),
    Route(
        "POST",
        "/v1/renditions",
        render_posted,
        "validations:run",
        "Set an invoice, credit note, answer or reminder for people; nothing is kept",
        body="application/xml, application/pdf, application/json",
        query=RenditionQuery,
        answer="text/html",
        answer_also="application/pdf",
        statuses={**_STATUSES, 503: "The workers are busy; send again later"},
    ),
)
