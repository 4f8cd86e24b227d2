"""Every privileged change is in the audit log, whether its use case thought of it or not."""

from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import col, select

from gateway.access.audit import audit, verify_chain
from gateway.access.audit_net import PRIVILEGED, audited, is_privileged
from gateway.access.principal import PRINCIPAL, principal
from gateway.access.roles import SCOPES
from gateway.access.tables import AuditEntry
from gateway.app import all_routes
from gateway.core.app_keys import DATABASE
from gateway.core.http import Route

WATCHED = [one for one in all_routes() if is_privileged(one)]


def test_the_routes_that_change_the_instance_are_watched() -> None:
    assert PRIVILEGED <= SCOPES
    assert len(WATCHED) > 50
    places = {(one.method, one.path) for one in WATCHED}
    for expected in (
        ("POST", "/v1/participants"),
        ("POST", "/v1/api-keys"),
        ("POST", "/v1/operations/queues/resume"),
    ):
        assert expected in places


def test_every_one_of_them_is_served_with_the_net() -> None:
    assert all(hasattr(one.handler, "__wrapped__") for one in WATCHED)


@pytest.fixture
def serve(house):
    """Ask one route once; what the audit log holds afterwards."""

    async def served(route: Route) -> tuple[int, list[AuditEntry]]:
        @web.middleware
        async def sign_in(request, handler):
            request[PRINCIPAL] = house.caller()
            return await handler(request)

        app = web.Application(middlewares=[sign_in])
        app[DATABASE] = house.database
        (watched,) = audited([replace(route, path="/x")])
        app.router.add_route(route.method, "/x", watched.handler)
        async with TestClient(TestServer(app)) as client:
            answer = await client.request(route.method, "/x")
        async with house.database.read() as session:
            assert (await verify_chain(session)).holds
            rows = list(await session.exec(select(AuditEntry).order_by(col(AuditEntry.number))))
        return answer.status, rows

    return served


def route(handler, *, method: str = "POST", scope: str = "settings:write") -> Route:
    return Route(method, "/x", handler, scope, "Do a thing")


async def done(_request: web.Request) -> web.Response:
    return web.Response(status=204)


async def refused(_request: web.Request) -> web.Response:
    return web.Response(status=409)


async def recorded(request: web.Request) -> web.Response:
    async with request.app[DATABASE].write() as session:
        audit(session, principal(request), action="thing.done", object="x")
    return web.Response(status=204)


@pytest.mark.parametrize("scope", sorted(PRIVILEGED))
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_change_that_nobody_recorded_is_recorded(serve, scope, method) -> None:
    status, rows = await serve(route(done, method=method, scope=scope))
    assert status == 204
    (entry,) = rows
    assert (entry.action, entry.object, entry.actor) == ("request.done", "/x", "test@alpha.example")
    assert entry.facts == {"method": method, "status": 204}


async def test_a_change_that_was_recorded_is_not_recorded_again(serve) -> None:
    _, rows = await serve(route(recorded))
    assert [one.action for one in rows] == ["thing.done"]


async def test_what_was_refused_changed_nothing(serve) -> None:
    assert await serve(route(refused)) == (409, [])


@pytest.mark.parametrize(
    ("method", "scope"), [("GET", "settings:write"), ("POST", "documents:send")]
)
async def test_reading_and_ordinary_work_is_none_of_its_business(serve, method, scope) -> None:
    assert await serve(route(done, method=method, scope=scope)) == (204, [])
