"""Whether this process lives (``/healthz``) and whether it can do its work (``/readyz``)."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web
from pydantic import BaseModel

from gateway.core import schema
from gateway.core.blobs import BlobStore
from gateway.core.database import Database
from gateway.core.errors import STORAGE_FULL, ErrorKind, GatewayError, Retry
from gateway.core.http import Route
from gateway.core.metrics import CONTENT_TYPE, Metrics

__all__ = [
    "HEALTH",
    "METRICS",
    "NOT_READY",
    "ROUTES",
    "Alive",
    "Check",
    "CheckResult",
    "Health",
    "Readiness",
    "blobs_check",
    "database_check",
    "disk_check",
    "ready_check",
    "schema_check",
]

log = structlog.get_logger(__name__)

NOT_READY: Final = ErrorKind(
    "NOT-READY", "A part of the gateway is still starting", 503, Retry.BACKOFF
)
_TIME_LIMIT_S: Final = 5.0
_FRESH_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold before work makes sense; ``probe`` raises when it does not."""

    name: str
    probe: Callable[[], Awaitable[None]]


class CheckResult(BaseModel):
    """How one check went; ``reason`` is a sentence without secrets, empty when all is well."""

    name: str
    ok: bool
    reason: str
    elapsed_ms: float


class Readiness(BaseModel):
    """Whether the gateway can work, and what it looked at to know."""

    ready: bool
    checks: list[CheckResult]


class Alive(BaseModel):
    """The process answers."""

    alive: bool


class Health:
    """The checks of one process and what they last said.

    A check that takes longer than ``limit_s`` seconds has failed. An answer serves everybody who
    asks within ``fresh_s`` seconds, so that asking often costs nothing.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        *,
        limit_s: float = _TIME_LIMIT_S,
        fresh_s: float = _FRESH_S,
    ) -> None:
        self._checks = tuple(checks)
        self._limit_s = limit_s
        self._fresh_s = fresh_s
        self._one_at_a_time = asyncio.Lock()
        self._last: tuple[float, Readiness] | None = None

    async def readiness(self) -> Readiness:
        """Whether the gateway can work now; runs all checks at once. Never raises."""
        async with self._one_at_a_time:
            if self._last and time.monotonic() - self._last[0] < self._fresh_s:
                return self._last[1]
            results = await asyncio.gather(*(_run(check, self._limit_s) for check in self._checks))
            readiness = Readiness(ready=all(result.ok for result in results), checks=list(results))
            self._last = (time.monotonic(), readiness)
            return readiness


HEALTH: Final = web.AppKey[Health]("health")
METRICS: Final = web.AppKey[Metrics]("metrics")


async def _run(check: Check, limit_s: float) -> CheckResult:
    began, reason = time.monotonic(), ""
    try:
        async with asyncio.timeout(limit_s):
            await check.probe()
    except TimeoutError:
        reason = f"No answer within {limit_s:g} seconds."
    except GatewayError as error:
        reason = str(error)
    except Exception as error:
        # The message of a driver's exception may contain an address with a password.
        log.exception("health.check_failed", check=check.name)
        reason = f"{type(error).__name__}; the log has the details."
    elapsed = (time.monotonic() - began) * 1000
    return CheckResult(name=check.name, ok=not reason, reason=reason, elapsed_ms=round(elapsed, 1))


def database_check(database: Database) -> Check:
    """The database answers."""
    return Check("database", database.ping)


def schema_check(database: Database) -> Check:
    """The database's schema is this version's."""
    return Check("schema", lambda: schema.require_head(database))


def blobs_check(blobs: BlobStore) -> Check:
    """Bytes can be stored right now."""
    return Check("blobs", blobs.check)


def disk_check(folder: Path, *, free_mb: int = 200) -> Check:
    """The data folder has room for a while."""

    async def probe() -> None:
        free = (await asyncio.to_thread(shutil.disk_usage, folder)).free >> 20
        if free < free_mb:
            raise GatewayError(
                STORAGE_FULL, f"Only {free} MB are free in {folder}; make room for {free_mb} MB."
            )

    return Check("disk", probe)


def ready_check(name: str, ready: Callable[[], bool]) -> Check:
    """A part that starts in the background is up, for example a process pool."""

    async def probe() -> None:
        if not ready():
            raise GatewayError(NOT_READY, f"The {name} is not up yet; ask again shortly.")

    return Check(name, probe)


async def _healthz(_request: web.Request) -> web.Response:
    return web.json_response(Alive(alive=True).model_dump())


async def _readyz(request: web.Request) -> web.Response:
    readiness = await request.app[HEALTH].readiness()
    return web.json_response(readiness.model_dump(), status=200 if readiness.ready else 503)


async def _metrics(request: web.Request) -> web.Response:
    text = await request.app[METRICS].render()
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})


ROUTES: Final = (
    Route("GET", "/healthz", _healthz, None, "Whether the process answers", answer=Alive),
    Route(
        "GET",
        "/readyz",
        _readyz,
        None,
        "Whether the gateway can do its work",
        answer=Readiness,
        statuses={503: "Something the gateway needs is missing"},
    ),
    Route(
        "GET", "/metrics", _metrics, "metrics:read", "Figures for Prometheus", answer=CONTENT_TYPE
    ),
)
