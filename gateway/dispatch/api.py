"""The API of dispatch: how documents went outside Peppol, sending again, links, bounces."""

from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.http import Route, body_of, json_answer, path_id, query_of
from gateway.core.paging import Cut
from gateway.dispatch import text_api
from gateway.dispatch.api_models import (
    BounceOut,
    DispatchIn,
    DispatchList,
    DispatchOut,
    DispatchPage,
    DispatchQuery,
)
from gateway.dispatch.bounce_message import MAX_BOUNCE_BYTES
from gateway.dispatch.keys import BOUNCES, DESK, LINKS
from gateway.dispatch.queries import dispatches_of, list_dispatches
from gateway.dispatch.states import DispatchState
from gateway.dispatch.tables import Dispatch
from gateway.exchange.api_models import DocumentOut
from gateway.exchange.queries import document_of

__all__ = ["ROUTES"]

_DISPATCHES: Final = "/v1/documents/{document_id:[0-9a-f-]{36}}/dispatches"
_CLOSED: Final = (DispatchState.FAILED, DispatchState.WITHDRAWN)


async def get_document_dispatches(request: web.Request) -> web.Response:
    """How a document went outside Peppol, with the links."""
    async with request.app[DATABASE].read() as session:
        document = await document_of(
            session, principal(request).tenant_id, path_id(request, "document_id")
        )
        rows = await dispatches_of(session, document.id)
        links = [
            None if one.state in _CLOSED else await request.app[LINKS].url(session, one)
            for one in rows
        ]
    items = [DispatchOut.of(row, link) for row, link in zip(rows, links, strict=True)]
    return json_answer(DispatchList(items=items))


async def dispatch_document(request: web.Request) -> web.Response:
    """Send a document once more, by e-mail, by a link, or back to Peppol."""
    body = await body_of(request, DispatchIn)
    document = await request.app[DESK].send(
        principal(request),
        path_id(request, "document_id"),
        body.channel,
        recipient=body.email,
        locale=body.locale,
        form=body.format,
    )
    return json_answer(DocumentOut.of(document), status=202)


async def renew_link(request: web.Request) -> web.Response:
    """Make the address of a link anew; the old one opens nothing any more."""
    row = await request.app[DESK].renew(
        principal(request), path_id(request, "document_id"), path_id(request, "dispatch_id")
    )
    return json_answer(await _shown(request, row))


async def get_dispatches(request: web.Request) -> web.Response:
    """A page of the account's dispatches."""
    query = query_of(request, DispatchQuery)
    async with request.app[DATABASE].read() as session:
        rows = await list_dispatches(
            session,
            principal(request).tenant_id,
            states=(query.state,) if query.state else (),
            before=query.cursor,
            limit=query.limit + 1,
        )
    page = Cut.at([one.dispatch for one in rows], query.limit)
    cursor = page.cursor(lambda one: str(one.id))
    return json_answer(
        DispatchPage(items=[DispatchOut.of(one, None) for one in page.shown], next_cursor=cursor)
    )


async def take_bounce(request: web.Request) -> web.Response:
    """Take a message that a mail server sent back, as it came."""
    outcome = await request.app[BOUNCES].take(
        (await request.read())[:MAX_BOUNCE_BYTES], tenant_id=principal(request).tenant_id
    )
    return json_answer(BounceOut.of(outcome))


async def _shown(request: web.Request, row: Dispatch) -> DispatchOut:
    async with request.app[DATABASE].read() as session:
        return DispatchOut.of(row, await request.app[LINKS].url(session, row))


ROUTES: Final = (
    *text_api.ROUTES,
    Route(
        "GET",
        _DISPATCHES,
        get_document_dispatches,
        "documents:read",
        "How a document went outside Peppol",
        answer=DispatchList,
    ),
    Route(
        "POST",
        _DISPATCHES,
        dispatch_document,
        "documents:send",
        "Send a document by another way",
        body=DispatchIn,
        answer=DocumentOut,
        status=202,
        statuses={
            409: "The document is on its way, has arrived, or no address is known",
            422: "The address, the language or the channel cannot be used",
        },
    ),
    Route(
        "POST",
        f"{_DISPATCHES}/{{dispatch_id:[0-9a-f-]{{36}}}}/link",
        renew_link,
        "documents:send",
        "Renew a download link",
        answer=DispatchOut,
        statuses={409: "The dispatch has no link that works"},
    ),
    Route(
        "GET",
        "/v1/dispatches",
        get_dispatches,
        "documents:read",
        "List what went outside Peppol",
        query=DispatchQuery,
        answer=DispatchPage,
    ),
    Route(
        "POST",
        "/v1/mail/bounces",
        take_bounce,
        "documents:send",
        "Take an e-mail that came back",
        body="message/rfc822",
        answer=BounceOut,
        statuses={422: "The bytes are no e-mail"},
    ),
)
