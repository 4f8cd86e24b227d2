"""A stored invoice in another format, for people: which there are, and what each leaves out."""

from typing import Any, Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.conversion.accounts import account_of, laid_out
from gateway.conversion.errors import NO_INVOICE
from gateway.conversion.fitting import Fit, fits
from gateway.conversion.outcome import Outcome
from gateway.conversion.reading import read_document
from gateway.conversion.service import Judged
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND, RENDER, Face, Route, path_id
from gateway.exchange.queries import document_of
from gateway.exchange.rendering import disposition
from gateway.exchange.showing import content_of, in_format, read_apart
from gateway.exchange.tables import Direction, Document
from schematron.report.view import report_view

__all__ = ["ROUTES"]

_PATH: Final = "/documents/{document_id:[0-9a-f]{8}-[0-9a-f-]{27}}/formats"
_PAGE: Final = "exchange/formats.html"
_KNOWING: Final = "knowing"
_LISTED: Final = 50


async def show_formats(request: web.Request) -> web.Response:
    """The formats to choose from; with ``to`` the document in one of them.

    Where something is left out, or the rules do not call it valid, a page says so first; its
    button asks again with ``knowing``.
    """
    document = await _document(request)
    wanted = request.query.get("to")
    if wanted is None:
        return await _choice(request, document)
    lang = principal(request).locale
    try:
        judged = await in_format(request, document, wanted, lang=lang)
    except GatewayError as error:
        response = await _choice(request, document, error=error)
        response.set_status(error.kind.status)
        return response
    if _whole(judged) or _KNOWING in request.query:
        return _file(judged)
    return _account(request, document, judged, lang=lang)


async def _choice(
    request: web.Request, document: Document, *, error: GatewayError | None = None
) -> web.Response:
    offers = await read_apart(request, await content_of(request, document), _fits)
    return _page(request, document, offers=offers, error=error)


def _account(
    request: web.Request, document: Document, judged: Judged, *, lang: str
) -> web.Response:
    account = laid_out(account_of(judged.converted, lang=lang, most=_LISTED), lang=lang)
    return _page(
        request,
        document,
        converted=judged.converted,
        outcome=judged.outcome,
        account=account,
        report=report_view(judged.report, lang=lang),
    )


def _fits(content: bytes) -> tuple[Fit, ...]:
    try:
        read = read_document(content)
    except GatewayError as error:
        if error.kind is NO_INVOICE:
            raise GatewayError(NOT_FOUND, "Only invoices and credit notes are converted.") from None
        raise
    return fits(read.invoice, besides=read.format)


def _whole(judged: Judged) -> bool:
    converted = judged.converted
    return not (converted.lost or converted.unread) and judged.outcome is Outcome.VALID


def _file(judged: Judged) -> web.Response:
    converted = judged.converted
    return web.Response(
        body=converted.content,
        content_type=converted.media_type,
        headers={"Content-Disposition": disposition(converted.file_name)},
    )


def _page(request: web.Request, document: Document, **shown: Any) -> web.Response:
    nothing = {"offers": (), "error": None, "converted": None}
    context = {
        **nothing,
        **shown,
        "document": document,
        "outgoing": document.direction is Direction.OUT,
    }
    return request.app[RENDER](request, _PAGE, context)


async def _document(request: web.Request) -> Document:
    async with request.app[DATABASE].read() as session:
        return await document_of(
            session, principal(request).tenant_id, path_id(request, "document_id")
        )


ROUTES: Final = (
    Route(
        "GET",
        _PATH,
        show_formats,
        "documents:read",
        "Show or download a document in another format",
        Face.PAGE,
    ),
)
