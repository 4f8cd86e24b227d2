"""The access API: the caller, the account's API keys, its audit log."""

from typing import Final

from aiohttp import web

from gateway.access.api_models import (
    ApiKeyCreated,
    ApiKeyIn,
    ApiKeyList,
    ApiKeyOut,
    AuditPage,
    AuditQuery,
    CallerOut,
)
from gateway.access.principal import principal
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.core.http import Route, body_of, json_answer, query_of

__all__ = ["ACCESS", "ROUTES", "SESSIONS"]

ACCESS: Final = web.AppKey("access", Access)
SESSIONS: Final = web.AppKey("sessions", Sessions)


async def show_caller(request: web.Request) -> web.Response:
    """Who the gateway takes the caller for."""
    return json_answer(CallerOut.of(principal(request)))


async def list_api_keys(request: web.Request) -> web.Response:
    """The account's keys, newest first."""
    rows = await request.app[ACCESS].list_api_keys(principal(request))
    return json_answer(ApiKeyList(items=[ApiKeyOut.of(row) for row in rows]))


async def create_api_key(request: web.Request) -> web.Response:
    """Make a key and show its secret this once."""
    body = await body_of(request, ApiKeyIn)
    row, secret = await request.app[ACCESS].create_api_key(
        principal(request), name=body.name, scopes=body.scopes
    )
    return json_answer(ApiKeyCreated(key=ApiKeyOut.of(row), secret=secret), status=201)


async def revoke_api_key(request: web.Request) -> web.Response:
    """Close a key for good."""
    await request.app[ACCESS].revoke_api_key(principal(request), request.match_info["id"])
    return web.Response(status=204)


async def list_audit_entries(request: web.Request) -> web.Response:
    """A page of the account's audit log."""
    query = query_of(request, AuditQuery)
    rows = await request.app[ACCESS].audit_log(
        principal(request), before=query.cursor, limit=query.limit + 1
    )
    return json_answer(AuditPage.of(rows, limit=query.limit))


ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/me",
        handler=show_caller,
        scope=None,
        summary="Show who the gateway takes the caller for",
        answer=CallerOut,
        statuses={401: "Neither an API key nor a session was sent"},
    ),
    Route(
        method="GET",
        path="/v1/api-keys",
        handler=list_api_keys,
        scope="settings:write",
        summary="List the account's API keys",
        answer=ApiKeyList,
    ),
    Route(
        method="POST",
        path="/v1/api-keys",
        handler=create_api_key,
        scope="settings:write",
        summary="Make an API key",
        body=ApiKeyIn,
        answer=ApiKeyCreated,
        status=201,
        statuses={422: "There is no such scope"},
    ),
    Route(
        method="DELETE",
        path="/v1/api-keys/{id}",
        handler=revoke_api_key,
        scope="settings:write",
        summary="Revoke an API key",
        status=204,
        statuses={404: "No such key"},
    ),
    Route(
        method="GET",
        path="/v1/audit",
        handler=list_audit_entries,
        scope="settings:write",
        summary="Read the account's audit log",
        query=AuditQuery,
        answer=AuditPage,
    ),
)
