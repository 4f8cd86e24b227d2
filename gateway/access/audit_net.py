"""The net under the audit log: no privileged change goes unrecorded because somebody forgot.

Use cases record what they do themselves, in their own transaction and their own words. Where a
request of a privileged scope succeeded and nothing was recorded, the request itself is.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import wraps
from typing import Final

from aiohttp import web

from gateway.access.audit import noting, record
from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.clock import now
from gateway.core.http import Handler, Route

__all__ = ["PRIVILEGED", "audited", "is_privileged"]

PRIVILEGED: Final = frozenset({"settings:write", "participants:write", "operations:write"})
"""Scopes whose every change is in the audit log."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FAILED: Final = 400


def is_privileged(route: Route) -> bool:
    """Whether what a route changes has to be in the audit log."""
    return route.scope in PRIVILEGED and route.method not in _SAFE


def audited(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The same routes; a privileged one that succeeds and was not recorded is recorded here."""
    return tuple(
        replace(one, handler=_watched(one.handler)) if is_privileged(one) else one for one in routes
    )


def _watched(handler: Handler) -> Handler:
    @wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        with noting() as noted:
            response = await handler(request)
        if response.status < _FAILED and not noted:
            caller = principal(request)
            async with request.app[DATABASE].write() as session:
                record(
                    session,
                    tenant_id=caller.tenant_id,
                    actor=caller.actor,
                    action="request.done",
                    object=request.path,
                    facts={"method": request.method, "status": response.status},
                    at=now(),
                )
        return response

    return handle
