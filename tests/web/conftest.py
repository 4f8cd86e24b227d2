"""A server over real accounts with a few probe routes beside the product's own."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import BaseModel, ConfigDict, field_validator

# Tests are no packages here, so the modules beside this one are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from receivable_house import Visit, open_house

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import ROLE_SCOPES, Role
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.app import all_routes
from gateway.core import clock, health
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.http import RENDER, Face, Render, Route
from gateway.core.settings import HttpSettings, Settings
from gateway.web.server import build

PASSWORD = "correct horse battery"
BUSY = ErrorKind("TEST-BUSY", "Busy", 503, Retry.BACKOFF)
SECRET_TEXT = "BE71 0961 2345 6769"


class Order(BaseModel):
    """A body for the probe routes."""

    model_config = ConfigDict(extra="forbid")

    number: int
    name: str = ""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name == "nobody":
            raise ValueError("Nobody orders. Give a name.")
        return name


class Unrelated(BaseModel):
    """A model that describes no request."""

    number: int


class ReportedError(GatewayError):
    report: ClassVar = {"verdict": "invalid", "findings": [{"rule": "BR-01"}]}


async def echo(request: web.Request) -> web.Response:
    body = await request.read()
    return web.json_response({"size": len(body), "match": dict(request.match_info)})


async def order(request: web.Request) -> web.Response:
    return web.json_response(Order.model_validate_json(await request.read()).model_dump())


async def form(request: web.Request) -> web.Response:
    return web.json_response({"name": (await request.post()).get("name")})


async def busy(_request: web.Request) -> web.Response:
    raise GatewayError(BUSY, "Try later.", document="7", status=200)


async def reported(_request: web.Request) -> web.Response:
    raise ReportedError(ErrorKind("TEST-REPORT", "Refused", 422), "It breaks rules.")


async def broken(_request: web.Request) -> web.Response:
    try:
        raise ValueError(SECRET_TEXT)
    except ValueError as error:
        raise RuntimeError(f"cannot handle {SECRET_TEXT}") from error


async def own_fault(_request: web.Request) -> web.Response:
    return web.json_response(Unrelated.model_validate({"number": "x"}).model_dump())


async def redirect(_request: web.Request) -> web.Response:
    raise web.HTTPSeeOther("/elsewhere")


async def breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"begun")
    raise RuntimeError(SECRET_TEXT)


PROBES = (
    Route("POST", "/v1/probe/echo/{name}", echo, "documents:send", "Echo"),
    Route("GET", "/v1/probe/open/{name}", echo, None, "Echo"),
    Route("POST", "/v1/probe/order", order, None, "Order", body=Order),
    Route("GET", "/v1/probe/busy", busy, None, "Busy"),
    Route("GET", "/v1/probe/reported", reported, None, "Reported"),
    Route("GET", "/v1/probe/broken", broken, None, "Broken"),
    Route("GET", "/v1/probe/own-fault", own_fault, None, "Own fault"),
    Route("GET", "/v1/probe/breaks-off", breaks_off, None, "Breaks off"),
    Route("GET", "/page/read", echo, "documents:read", "Page", face=Face.PAGE),
    Route("POST", "/page/send", form, "documents:send", "Send", face=Face.PAGE),
    Route("POST", "/page/open", form, None, "Open form", face=Face.PAGE),
    Route("GET", "/page/busy", busy, None, "Busy", face=Face.PAGE),
    Route("GET", "/page/broken", broken, None, "Broken", face=Face.PAGE),
    Route("GET", "/page/redirect", redirect, None, "Redirect", face=Face.PAGE),
    Route("POST", "/net/echo", echo, None, "Echo", face=Face.NETWORK),
    Route("GET", "/net/busy", busy, None, "Busy", face=Face.NETWORK),
)


@dataclass(frozen=True)
class Site:
    """A running server and what a test needs to call it."""

    app: web.Application
    client: TestClient[web.Request, web.Application]
    access: Access
    sessions: Sessions
    owner: Principal
    other: Principal

    async def key(self, *scopes: str, caller: Principal | None = None) -> dict[str, str]:
        """Headers with a fresh API key."""
        _, text = await self.access.create_api_key(
            caller or self.owner, name="test", scopes=frozenset(scopes)
        )
        return {"Authorization": f"Bearer {text}"}

    async def browser(self, role: Role = Role.OWNER) -> tuple[dict[str, str], str]:
        """Headers of a signed-in browser on our own page, and its CSRF secret."""
        cookie, signed_in = await self.sessions.sign_in(
            email=f"{role}@alpha.example", password=PASSWORD, address="192.0.2.1"
        )
        return {"Cookie": f"gateway={cookie}", "Sec-Fetch-Site": "same-origin"}, signed_in.csrf


Sites = Callable[..., Awaitable[Site]]


@pytest.fixture
def new_site(
    database: Database, aiohttp_client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Sites:
    """Make a server with these HTTP settings, further routes and page renderer."""
    monkeypatch.setattr("gateway.access.passwords._N", 16)

    async def make(
        *, routes: tuple[Route, ...] = PROBES, render: Render | None = None, **http: Any
    ) -> Site:
        access = Access(database=database, now=clock.now)
        sessions = Sessions(database=database, now=clock.now)
        callers = []
        for name in ("alpha", "beta"):
            tenant = await access.create_tenant(slug=name, name=name.title())
            callers.append(
                Principal(
                    tenant_id=tenant.id,
                    actor=f"owner@{name}.example",
                    kind=CallerKind.USER,
                    scopes=ROLE_SCOPES[Role.OWNER],
                    role=Role.OWNER,
                )
            )
        for role in Role:
            await access.create_user(
                tenant_id=callers[0].tenant_id,
                email=f"{role}@alpha.example",
                password=PASSWORD,
                role=role,
            )
        settings = Settings(data_dir=tmp_path, http=HttpSettings(**http))
        app = build(
            settings=settings, routes=(*all_routes(), *routes), access=access, sessions=sessions
        )
        app[health.HEALTH] = health.Health([])
        if render is not None:
            app[RENDER] = render
        client = await aiohttp_client(app)
        return Site(app, client, access, sessions, *callers)

    return make


@pytest.fixture
async def site(new_site: Sites) -> Site:
    return await new_site()


@pytest.fixture
def secret_text() -> str:
    """What the handlers of /broken put into their exceptions."""
    return SECRET_TEXT


@pytest.fixture
async def visit(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Visit]:
    """A browser at a creditor's console with customers and items of every kind."""
    database = Database(sqlite_url)
    monkeypatch.setattr("gateway.access.passwords._N", 16)
    house = await open_house(database, tmp_path, smtp_port=9)
    await house.furnish()
    async with TestClient(TestServer(house.app)) as client:
        yield Visit(house, client)
    await database.close()
