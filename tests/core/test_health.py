"""Alive without I/O; ready only when everything needed is there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy.exc import OperationalError

from gateway.core.blobs import LocalBlobStore
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.health import (
    HEALTH,
    METRICS,
    ROUTES,
    Check,
    Health,
    blobs_check,
    database_check,
    disk_check,
    ready_check,
)
from gateway.core.metrics import Metrics

Serve = Callable[..., Awaitable[TestClient[web.Request, web.Application]]]


async def fine() -> None:
    pass


async def refused() -> None:
    raise GatewayError(ErrorKind("TEST-DOWN", "Down", 503), "The partner is down; call them.")


async def leaky() -> None:
    raise OperationalError("SELECT 1", None, Exception("password=hunter2"))


@pytest.fixture
def serve(aiohttp_client: Any) -> Serve:
    async def start(*checks: Check) -> TestClient[web.Request, web.Application]:
        app = web.Application()
        app[HEALTH] = Health(checks, limit_s=60)
        app[METRICS] = Metrics()
        for route in ROUTES:
            app.router.add_route(route.method, route.path, route.handler)
        client: TestClient[web.Request, web.Application] = await aiohttp_client(app)
        return client

    return start


async def test_alive_asks_nobody(serve: Serve) -> None:
    client = await serve(Check("broken", refused))
    answer = await client.get("/healthz")
    assert (answer.status, await answer.json()) == (200, {"alive": True})


async def test_ready_when_every_check_passes(serve: Serve) -> None:
    answer = await (await serve(Check("one", fine), Check("two", fine))).get("/readyz")
    body = await answer.json()
    assert (answer.status, body["ready"]) == (200, True)
    assert [(c["name"], c["ok"], c["reason"]) for c in body["checks"]] == [
        ("one", True, ""),
        ("two", True, ""),
    ]


async def test_not_ready_says_why_and_leaks_nothing(
    serve: Serve, pass_time: Callable[[float], None]
) -> None:
    async def hanging() -> None:
        pass_time(61)
        await asyncio.Event().wait()

    client = await serve(
        Check("fine", fine),
        Check("refused", refused),
        Check("leaky", leaky),
        Check("hanging", hanging),
    )
    answer = await client.get("/readyz")
    body = await answer.json()
    assert (answer.status, body["ready"]) == (503, False)
    assert {c["name"]: c["reason"] for c in body["checks"]} == {
        "fine": "",
        "refused": "TEST-DOWN: The partner is down; call them.",
        "leaky": "OperationalError; the log has the details.",
        "hanging": "No answer within 60 seconds.",
    }


async def test_an_answer_serves_those_who_ask_at_once() -> None:
    asked = []

    async def count() -> None:
        asked.append(1)

    health = Health([Check("count", count)], fresh_s=60)
    await asyncio.gather(*(health.readiness() for _ in range(5)))
    assert len(asked) == 1
    stale = Health([Check("count", count)], fresh_s=0)
    await stale.readiness()
    await stale.readiness()
    assert len(asked) == 3


async def test_the_checks_of_the_platform(database: Database, tmp_path: Path) -> None:
    up = [False]
    checks = [
        database_check(database),
        blobs_check(LocalBlobStore(tmp_path / "blobs")),
        disk_check(tmp_path, free_mb=1),
        ready_check("pool", lambda: up[0]),
    ]
    first = await Health(checks, limit_s=60).readiness()
    assert [c.name for c in first.checks if not c.ok] == ["pool"]
    up[0] = True
    assert (await Health(checks, limit_s=60).readiness()).ready
    full = await Health([disk_check(tmp_path, free_mb=1 << 40)]).readiness()
    assert "STORAGE-FULL" in full.checks[0].reason


async def test_metrics_are_prometheus_text(serve: Serve) -> None:
    client = await serve()
    client.app[METRICS].observe_job("deliver", "done", 0.1)
    answer = await client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "gateway_job_attempts_total" in await answer.text()
