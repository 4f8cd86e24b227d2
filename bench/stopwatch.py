"""Measures from outside where a running gateway spends its time.

Wraps the product's functions while it stands between ``__enter__`` and ``__exit__``; the product
knows nothing of it. Time is counted exclusively: what an inner part took is not counted for the
outer one. Each part is booked to the station (accept, deliver, ...) that its task is in.
"""

import contextvars
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import Any, Final, Self
from unittest.mock import patch

from aiohttp import web
from sqlalchemy import Engine, event

from gateway.core.blobs import LocalBlobStore
from gateway.core.database import Database
from gateway.core.jobs.worker import Worker
from gateway.core.pool import ComputePool
from gateway.exchange import delivery_verdict, encoding, reception
from gateway.exchange.as4_client import As4Client
from gateway.exchange.delivery_job import DeliveryJob
from gateway.exchange.lookup_job import LookupJob
from gateway.exchange.routing_job import RoutingJob
from gateway.network.smp_client import Lookup

__all__ = ["PARTS", "REST", "STATIONS", "Stopwatch"]

STATIONS: Final = ("accept", "look up", "deliver", "receive", "route", "job engine")
REST: Final = "rest"
PARTS: Final = (
    "validation",
    "AS4 crypto",
    "SQL",
    "ORM",
    "files",
    "lookup",
    "peer",
    REST,
)
_DOORS: Final = {("POST", "/v1/documents"): "accept", ("POST", "/as4"): "receive"}


@dataclass(slots=True)
class _Frame:
    """A part that is being timed, and how much of it inner parts took."""

    station: str
    inner: float = 0.0


_NOWHERE: Final = "elsewhere"
_current: contextvars.ContextVar[_Frame] = contextvars.ContextVar("frame")


class Stopwatch:
    """Seconds and calls by (station, part), for as long as it is entered."""

    def __init__(self) -> None:
        self.seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.calls: Counter[tuple[str, str]] = Counter()
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        for owner, name, part in (
            (ComputePool, "run", "validation"),
            (LocalBlobStore, "put", "files"),
            (LocalBlobStore, "get", "files"),
            (LocalBlobStore, "open", "files"),
            (Lookup, "find", "lookup"),
            (As4Client, "post", "peer"),
        ):
            self._replace(owner, name, self._awaited(getattr(owner, name), part))
        for module, name in (
            (encoding, "write"),
            (encoding, "encode"),
            (reception, "unpack"),
            (reception, "build_receipt"),
            (delivery_verdict, "read_answer"),
        ):
            self._replace(module, name, self._called(getattr(module, name), "AS4 crypto"))
        for job, station in (
            (LookupJob, "look up"),
            (DeliveryJob, "deliver"),
            (RoutingJob, "route"),
        ):
            self._replace(job, "__call__", self._awaited(job.__call__, REST, station))
        self._replace(Worker, "_take", self._awaited(Worker._take, REST, "job engine"))
        for name in ("read", "write"):
            self._replace(Database, name, self._transaction(getattr(Database, name)))
        self._listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    def middleware(self) -> Any:
        """What a web application needs as its outermost middleware to know its stations."""

        @web.middleware
        async def timed(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            station = _DOORS.get((request.method, request.path))
            if station is None:
                return await handler(request)
            with self._part(REST, station):
                return await handler(request)

        return timed

    def engine(self, database: Database) -> None:
        """Time commits too; they are no statements, so the driver's dialect is wrapped."""
        dialect = type(database.engine.sync_engine.dialect)
        for name in ("do_commit", "do_rollback", "do_ping"):
            self._replace(dialect, name, self._called(getattr(dialect, name), "SQL"))

    @contextmanager
    def _part(self, part: str, station: str | None = None) -> Iterator[None]:
        outer = _current.get(None)
        frame = _Frame(station or (outer.station if outer else _NOWHERE))
        token = _current.set(frame)
        began = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - began
            _current.reset(token)
            if outer is not None and outer.station == frame.station:
                outer.inner += elapsed
            self.seconds[frame.station, part] += elapsed - frame.inner
            self.calls[frame.station, part] += 1

    def _awaited(
        self, function: Callable[..., Any], part: str, station: str | None = None
    ) -> Callable[..., Any]:
        @wraps(function)
        async def timed(*arguments: Any, **options: Any) -> Any:
            with self._part(part, station):
                return await function(*arguments, **options)

        return timed

    def _called(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        @wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            with self._part(part):
                return function(*arguments, **options)

        return timed

    def _transaction(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @asynccontextmanager
        async def timed(database: Database) -> AsyncIterator[Any]:
            with self._part("ORM"):
                async with function(database) as session:
                    yield session

        return timed

    def _listen(self) -> None:
        """Book the time between a statement's two events to the part that issued it."""

        def before(connection: Any, *_: Any) -> None:
            connection.info.setdefault("began", []).append(time.perf_counter())

        def after(connection: Any, *_: Any) -> None:
            elapsed = time.perf_counter() - connection.info["began"].pop()
            frame = _current.get(None)
            station = frame.station if frame else _NOWHERE
            if frame is not None:
                frame.inner += elapsed
            self.seconds[station, "SQL"] += elapsed
            self.calls[station, "SQL"] += 1

        for name, listener in (("before_cursor_execute", before), ("after_cursor_execute", after)):
            event.listen(Engine, name, listener)
            self._closing.callback(event.remove, Engine, name, listener)

    def _replace(self, owner: Any, name: str, replacement: Any) -> None:
        self._closing.enter_context(patch.object(owner, name, replacement))
