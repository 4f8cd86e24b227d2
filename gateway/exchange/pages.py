"""Pages of the exchange: outbox, inbox, and sending an invoice by hand."""

import asyncio
import shutil
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from aiohttp.web_request import FileField

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, RENDER, Face, Route, form_of, query_id, seen_other
from gateway.core.paging import Cut
from gateway.core.spool import Spool
from gateway.exchange import document_pages, document_tab, format_pages, inspection_pages
from gateway.exchange.keys import SUBMISSION
from gateway.exchange.queries import Filters, list_documents
from gateway.exchange.states import TransportState, display_status
from gateway.exchange.submission import ReportedError
from gateway.exchange.tables import Direction, DocumentKind
from schematron.report.view import report_view

__all__ = ["ROUTES"]

_SHOWN: Final = 50
_TEXT_LENGTH: Final = 200
_LIST: Final = "exchange/list.html"
_NEW: Final = "exchange/new.html"
_KINDS: Final = {
    "invoices": (DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE),
    "reminders": (DocumentKind.REMINDER,),
    "answers": (DocumentKind.INVOICE_RESPONSE, DocumentKind.MLS, DocumentKind.MLR),
    "all": (),
}
_STATES: Final = tuple(one for one in TransportState if one is not TransportState.RECEIVED)


@dataclass(frozen=True, slots=True)
class _Choice:
    """How the address narrows a list; unknown words in it are refused."""

    text: str
    kinds: str
    state: TransportState | None
    before: UUID | None

    @classmethod
    def of(cls, request: web.Request) -> "_Choice":
        query = request.query
        kinds = query.get("kinds") or "invoices"
        try:
            if kinds not in _KINDS:
                raise ValueError(kinds)
            state = query.get("state")
            return cls(
                text=query.get("q", "").strip()[:_TEXT_LENGTH],
                kinds=kinds,
                state=TransportState(state) if state else None,
                before=query_id(request, "before"),
            )
        except ValueError:
            raise GatewayError(
                BAD_REQUEST, "This list does not know that filter; start from the top."
            ) from None

    @property
    def narrows(self) -> bool:
        """Whether anything is left out on purpose, so that an empty list is no empty account."""
        return bool(self.text or self.state or self.before or self.kinds != "invoices")

    def filters(self) -> Filters:
        return Filters(self.text, self.state, _KINDS[self.kinds])


async def show_outbox(request: web.Request) -> web.Response:
    """What the account sent."""
    return await _list(request, Direction.OUT)


async def show_inbox(request: web.Request) -> web.Response:
    """What the account received."""
    return await _list(request, Direction.IN)


async def _list(request: web.Request, direction: Direction) -> web.Response:
    choice = _Choice.of(request)
    async with request.app[DATABASE].read() as session:
        rows = await list_documents(
            session,
            principal(request).tenant_id,
            direction=direction,
            filters=choice.filters(),
            before=choice.before,
            limit=_SHOWN + 1,
        )
    page = Cut.at(rows, _SHOWN)
    context = {
        "direction": direction,
        "box": "outbox" if direction is Direction.OUT else "inbox",
        "choice": choice,
        "kinds": tuple(_KINDS),
        "states": _STATES if direction is Direction.OUT else (),
        "rows": [
            (row, display_status(row.transport, row.network, row.business, row.payment))
            for row in page.shown
        ],
        "older": page.cursor(lambda one: one.id),
    }
    return request.app[RENDER](request, _LIST, context)


async def show_new(request: web.Request) -> web.Response:
    """The form that takes an invoice."""
    return request.app[RENDER](request, _NEW, _new(request))


async def send_file(request: web.Request) -> web.Response:
    """Send an uploaded invoice: on to the document, or the form again with what is wrong."""
    file = (await form_of(request)).get("file")
    if not isinstance(file, FileField) or not file.filename:
        return _again(request, _new(request, fault="file-missing"), 422)
    try:
        with Spool() as body:
            await asyncio.to_thread(shutil.copyfileobj, file.file, body)
            submitted = await request.app[SUBMISSION].submit(
                principal(request),
                body,
                media_type=file.content_type,
                file_name=file.filename,
            )
    except GatewayError as error:
        report = error.report if isinstance(error, ReportedError) else None
        shown = _new(request, file_name=file.filename, error=error, report=report)
        return _again(request, shown, error.kind.status)
    document = submitted.document
    if submitted.refused:
        shown = _new(request, file_name=file.filename, document=document, report=submitted.report)
        return _again(request, shown, 422)
    return seen_other(f"/documents/{document.id}")


def _new(request: web.Request, **shown: Any) -> dict[str, Any]:
    nothing = {"fault": None, "file_name": "", "error": None, "document": None}
    report = shown.pop("report", None)
    laid_out = report_view(report, lang=principal(request).locale) if report else None
    return {**nothing, **shown, "report": laid_out}


def _again(request: web.Request, context: dict[str, Any], status: int) -> web.Response:
    response = request.app[RENDER](request, _NEW, context)
    response.set_status(status)
    return response


ROUTES: Final = (
    Route("GET", "/outbox", show_outbox, "documents:read", "List sent documents", Face.PAGE),
    Route("GET", "/inbox", show_inbox, "documents:read", "List received documents", Face.PAGE),
    Route("GET", "/outbox/new", show_new, "documents:send", "Show the sending form", Face.PAGE),
    Route("POST", "/outbox/new", send_file, "documents:send", "Send an invoice", Face.PAGE),
    *document_pages.ROUTES,
    *document_tab.ROUTES,
    *format_pages.ROUTES,
    *inspection_pages.ROUTES,
)
