"""The HTTP server: routes, errors as answers, request identity, and stopping without breaking.

Assembles what the packages say they serve; knows no domain.
"""

import asyncio
import logging
import re
import signal
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from aiohttp.web_urldispatcher import AbstractRoute
from pydantic import BaseModel

from gateway.access.api import ACCESS, SESSIONS
from gateway.access.browser import CLIENT_ADDRESS, SESSION_COOKIE, SessionCookie
from gateway.access.principal import PRINCIPAL
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.core.errors import STORAGE_FULL, GatewayError
from gateway.core.http import BAD_REQUEST, Face, Handler, Route
from gateway.core.ids import new_id
from gateway.core.settings import Settings
from gateway.web import openapi, problem
from gateway.web.authentication import Authentication
from gateway.web.security import ClientAddresses, header_signal
from gateway.web.static_files import StaticFiles
from ubl.rendition.html import STYLES

__all__ = ["REQUEST_ID", "STOPPING", "build", "listening", "stop_signal"]

log = structlog.get_logger(__name__)

REQUEST_ID: Final = web.RequestKey("request_id", str)

STOPPING: Final = web.AppKey("stopping", asyncio.Event)
"""Set when the server begins to stop; an answer that never ends by itself has to watch it."""

_BEGUN: Final = web.RequestKey("answer_begun", bool)
_STATIC_FOLDER: Final = Path(__file__).parent / "static"
_REQUEST_ID_TEXT: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


def build(
    *, settings: Settings, routes: Sequence[Route], access: Access, sessions: Sessions
) -> web.Application:
    """Assemble the server over the packages' routes; their services are set by the caller.

    Raises ValueError when two routes share method and path or a trusted proxy is no address.
    """
    public_url = settings.public_url
    cookie = SessionCookie.under(public_url)
    table: dict[AbstractRoute, Route] = {}
    boundary = _Boundary(
        table=table,
        addresses=ClientAddresses(settings.http.trusted_proxies),
        authentication=Authentication(
            access=access, sessions=sessions, cookie=cookie, public_url=public_url
        ),
        max_body_bytes=settings.http.max_body_bytes,
    )
    app = web.Application(
        middlewares=[boundary.middleware], client_max_size=settings.http.max_body_bytes
    )
    app[ACCESS], app[SESSIONS], app[SESSION_COOKIE] = access, sessions, cookie
    app[STOPPING] = asyncio.Event()
    app[openapi.DESCRIPTION] = openapi.Description(routes)
    table.update(_mount(app, (*routes, *openapi.ROUTES)))
    StaticFiles.below(_STATIC_FOLDER, STYLES).mount(app)
    app.on_response_prepare.append(header_signal(https=cookie.secure))
    app.on_response_prepare.append(_mark_begun)
    app.on_shutdown.append(_announce_stop)
    if not cookie.secure and not _is_loopback(public_url):
        log.warning("http.sessions_unprotected", public_url=public_url)
    return app


def _mount(app: web.Application, routes: Sequence[Route]) -> Mapping[AbstractRoute, Route]:
    seen: set[tuple[str, str]] = set()
    resources: dict[str, web.Resource] = {}
    table: dict[AbstractRoute, Route] = {}
    for route in routes:
        if (route.method, route.path) in seen:
            raise ValueError(f"{route.method} {route.path} is served twice")
        seen.add((route.method, route.path))
        resource = resources.get(route.path)
        if resource is None:
            resource = resources[route.path] = app.router.add_resource(route.path)
        table[resource.add_route(route.method, route.handler)] = route
        if route.method == "GET":
            table[resource.add_route("HEAD", route.handler)] = route
    return table


class _Boundary:
    """The one place every request passes: identity, address, limits, caller, errors, log line."""

    def __init__(
        self,
        *,
        table: Mapping[AbstractRoute, Route],
        addresses: ClientAddresses,
        authentication: Authentication,
        max_body_bytes: int,
    ) -> None:
        self._table = table
        self._addresses = addresses
        self._authentication = authentication
        self._max_body_bytes = max_body_bytes

    @property
    def middleware(self) -> Middleware:
        """What aiohttp calls; it hands the handler over by that very name."""

        @web.middleware
        async def boundary(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._answer(request, handler)

        return boundary

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.monotonic()
        request[CLIENT_ADDRESS] = self._addresses.of(request)
        request[REQUEST_ID] = _request_id(request)
        with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
            try:
                response = await self._guarded(request, handler)
            except web.HTTPException as redirect:
                _close(request, redirect, began)
                raise
            _close(request, response, began)
            return response

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        route = self._table.get(request.match_info.route)
        try:
            self._refuse_impossible(request)
            if route is None:
                # The console's static files, or the router's own 404 and 405.
                return await handler(request)
            return await self._authentication.admit(request, route, handler)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return self._tell(request, route, error)
        except Exception as error:
            if request.get(_BEGUN) or request.transport is None:
                # Nothing can be told any more; the server closes the connection.
                log.warning("http.answer_broken_off", reason=type(error).__name__)
                raise
            return self._tell(request, route, error)

    def _refuse_impossible(self, request: web.Request) -> None:
        if (request.content_length or 0) > self._max_body_bytes:
            raise web.HTTPRequestEntityTooLarge(
                max_size=self._max_body_bytes, actual_size=request.content_length or 0
            )
        named = (*request.match_info.values(), *request.query.keys(), *request.query.values())
        if any("\0" in text or not _is_text(text) for text in named):
            raise GatewayError(BAD_REQUEST, "The address holds characters that are not text.")

    def _tell(
        self, request: web.Request, route: Route | None, error: Exception
    ) -> web.StreamResponse:
        told = problem.understand(error, models=_models(route))
        if told is None:
            incident_id = new_id()
            log.error("http.failed", incident=str(incident_id), trace=_places(error))
            told = problem.incident(incident_id)
        elif told.kind is STORAGE_FULL:
            log.error("http.storage_full", trace=_places(error))
        return problem.answer(request, told, route.face if route else _face_of(request))


def _close(request: web.Request, response: web.StreamResponse, began: float) -> None:
    """Sign the answer with the request's identity and write the one line about it."""
    if not response.prepared:
        response.headers["X-Request-Id"] = request[REQUEST_ID]
    caller = request.get(PRINCIPAL)
    log.info(
        "http.answered",
        method=request.method,
        route=_name(request),
        status=response.status,
        elapsed_ms=round((time.monotonic() - began) * 1000, 1),
        tenant=str(caller.tenant_id) if caller else "",
    )


def _models(route: Route | None) -> frozenset[str]:
    described = (route.body, route.query) if route else ()
    return frozenset(
        model.__name__
        for model in described
        if isinstance(model, type) and issubclass(model, BaseModel)
    )


def _face_of(request: web.Request) -> Face:
    """How to talk to somebody who is at no address of ours."""
    wants_page = "text/html" in request.headers.get("Accept", "")
    return Face.PAGE if wants_page and not request.path.startswith("/v1/") else Face.API


def _is_text(text: str) -> bool:
    return not any("\ud800" <= one <= "\udfff" for one in text)


def _request_id(request: web.Request) -> str:
    sent = request.headers.get("X-Request-Id", "")
    return sent if _REQUEST_ID_TEXT.fullmatch(sent) else str(new_id())


def _name(request: web.Request) -> str:
    """The route's pattern: what stands in its place may be a secret, as in a payment link."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def _places(error: BaseException) -> str:
    """Names and places only: the message of an unforeseen exception may quote its input."""
    cause = error.__cause__ or error.__context__
    above = f"{_places(cause)}then\n" if cause is not None else ""
    places = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
    return f"{above}{places}{type(error).__name__}\n"


async def _mark_begun(request: web.Request, _response: web.StreamResponse) -> None:
    request[_BEGUN] = True


async def _announce_stop(app: web.Application) -> None:
    app[STOPPING].set()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _connection_log() -> logging.Logger:
    """Where the protocol reports requests it could not read or answer to their end."""
    logger = logging.getLogger(f"{__name__}.connection")
    logger.addFilter(_drop_exception)
    return logger


def _drop_exception(record: logging.LogRecord) -> bool:
    """Keep an exception's name only: the parser's messages quote headers, and so secrets."""
    if record.exc_info and record.exc_info[0] is not None:
        record.reason = record.exc_info[0].__name__
        record.exc_info = record.exc_text = None
    return True


@asynccontextmanager
async def listening(
    app: web.Application, *, host: str, port: int, grace_s: float = 20
) -> AsyncIterator[str]:
    """Serve within the block; yields the address in use, which tells the port chosen for 0.

    On leaving, no request is taken any more and running ones get ``grace_s`` seconds.
    """
    runner = web.AppRunner(app, access_log=None, logger=_connection_log(), shutdown_timeout=grace_s)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        address, used, *_ = runner.addresses[0]
        shown = f"[{address}]" if ":" in address else address
        yield f"http://{shown}:{used}"
    finally:
        await runner.cleanup()


@contextmanager
def stop_signal() -> Iterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets, instead of ending the process within the block."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, event.set)
    try:
        yield event
    finally:
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(one)
