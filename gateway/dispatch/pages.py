"""Pages of dispatch: how a document went outside Peppol, sending again, what needs somebody."""

from functools import partial
from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import (
    RENDER,
    Face,
    Route,
    form_of,
    path_id,
    query_id,
    seen_other,
    shown_again,
)
from gateway.core.paging import Cut
from gateway.dispatch import download_pages, text_pages
from gateway.dispatch.channels import customer_of_document
from gateway.dispatch.keys import DESK, LINKS
from gateway.dispatch.pages_view import LOOKS, Tab, actions_of, has_link, tab_states
from gateway.dispatch.queries import count_by_state, dispatches_of, list_dispatches
from gateway.dispatch.states import ATTENTION
from gateway.exchange.channels import Channel, DispatchFormat
from gateway.exchange.queries import document_of
from gateway.receivables.customers import LOCALES
from gateway.receivables.pages_forms import chosen, text

__all__ = ["ROUTES"]

_DISPATCHES: Final = "/documents/{document_id:[0-9a-f]{8}-[0-9a-f-]{27}}/dispatches"
_PAGE: Final = "dispatch/document.html"
_PANEL: Final = "dispatch/panel.html"
_SHOWN: Final = 50


async def show_dispatches(request: web.Request) -> web.Response:
    """How a document went outside Peppol; the panel alone where the document's page asks."""
    template = _PANEL if request.headers.get("HX-Request") == "true" else _PAGE
    return await _page(request, template, error=None)


async def _page(request: web.Request, template: str, *, error: GatewayError | None) -> web.Response:
    tenant_id = principal(request).tenant_id
    async with request.app[DATABASE].read() as session:
        document = await document_of(session, tenant_id, path_id(request, "document_id"))
        rows = await dispatches_of(session, document.id)
        customer = await customer_of_document(session, document)
        links = {
            one.id: await request.app[LINKS].url(session, one) for one in rows if has_link(one)
        }
    context = {
        "document": document,
        "dispatches": rows,
        "links": links,
        "looks": LOOKS,
        "actions": actions_of(document, rows[0] if rows else None),
        "customer": customer,
        "locales": LOCALES,
        "formats": tuple(DispatchFormat),
        "error": error,
    }
    return request.app[RENDER](request, template, context)


async def send_again(request: web.Request) -> web.Response:
    """Send a document by another way, or show why not."""
    form, document_id = await form_of(request), path_id(request, "document_id")
    try:
        await request.app[DESK].send(
            principal(request),
            document_id,
            chosen(Channel, form.get("channel"), Channel.EMAIL),
            recipient=text(form, "email", length=254),
            locale=text(form, "locale", length=10) or None,
            form=_format(form.get("format")),
        )
    except GatewayError as error:
        return await _again(request, error)
    return seen_other(f"/documents/{document_id}")


async def renew_link(request: web.Request) -> web.Response:
    """Make the address of a link anew."""
    document_id = path_id(request, "document_id")
    try:
        await request.app[DESK].renew(
            principal(request), document_id, path_id(request, "dispatch_id")
        )
    except GatewayError as error:
        return await _again(request, error)
    return seen_other(f"/documents/{document_id}/dispatches")


async def show_list(request: web.Request) -> web.Response:
    """Dispatches by what is to be done about them."""
    tenant_id, before = principal(request).tenant_id, query_id(request, "before")
    async with request.app[DATABASE].read() as session:
        counts = await count_by_state(session, tenant_id)
        waiting = sum(counts.get(one, 0) for one in ATTENTION)
        tab = chosen(Tab, request.query.get("tab"), Tab.ATTENTION if waiting else Tab.ALL)
        rows = await list_dispatches(
            session,
            tenant_id,
            states=tab_states(tab),
            latest=tab is Tab.ATTENTION,
            before=before,
            limit=_SHOWN + 1,
        )
    page = Cut.at(rows, _SHOWN)
    context = {
        "tab": tab,
        "tabs": tuple(Tab),
        "waiting": waiting,
        "rows": page.shown,
        "looks": LOOKS,
        "before": before,
        "older": page.cursor(lambda one: one.dispatch.id),
    }
    return request.app[RENDER](request, "dispatch/list.html", context)


async def _again(request: web.Request, error: GatewayError) -> web.Response:
    return await shown_again(error, partial(_page, request, _PAGE))


def _format(value: object) -> DispatchFormat | None:
    return chosen(DispatchFormat, value, DispatchFormat.FACTURX) if value else None


ROUTES: Final = (
    Route("GET", _DISPATCHES, show_dispatches, "documents:read", "Show the other ways", Face.PAGE),
    Route("POST", _DISPATCHES, send_again, "documents:send", "Send by another way", Face.PAGE),
    Route(
        "POST",
        f"{_DISPATCHES}/{{dispatch_id:[0-9a-f]{{8}}-[0-9a-f-]{{27}}}}/link",
        renew_link,
        "documents:send",
        "Renew a download link",
        Face.PAGE,
    ),
    Route("GET", "/dispatches", show_list, "documents:read", "List other ways", Face.PAGE),
    *text_pages.ROUTES,
    *download_pages.ROUTES,
)
