"""Where the time of one delivered invoice goes: validation, cryptography, database, the rest.

One gateway runs inside the benchmark, seller's and buyer's access point in one, and delivers to
itself over its own network address. One invoice at a time, so that waiting for a core or for a
lock is not booked to whoever happened to wait.
"""

import asyncio
import itertools
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from bench.figures import Section, median, seconds_of
from bench.instance import client, prepare, processor_seconds
from bench.material import invoice
from bench.postgres import fresh_database, server
from bench.stopwatch import PARTS, REST, STATIONS, Stopwatch
from gateway.app import Gateway, open_gateway
from gateway.web.server import listening

__all__ = ["measure"]

_LIMIT_S: Final = 30
_WARM_UP: Final = 3
_LOOP: Final = "event loop: ORM, jobs, HTTP, and handing over to threads"
_SQLITE: Final = "threads for SQLite"
_LOOK_S: Final = 0.01
_ROUTED_EACH: Final = 2
_ELSEWHERE: Final = ("lookup", "peer")
"""Parts that wait for another station, which books its own time."""


async def measure(folder: Path, *, count: int, postgresql: bool) -> list[Section]:
    """The shares on SQLite and, if wanted and there, on PostgreSQL."""
    sections = await _on("SQLite", folder, "", count=count)
    if postgresql:
        with server() as url:
            if url is not None:
                with fresh_database(url) as database_url:
                    sections += await _on("PostgreSQL", folder, database_url, count=count)
    return sections


async def _on(name: str, folder: Path, database_url: str, *, count: int) -> list[Section]:
    instance = await prepare(folder / f"shares-{name}", database_url)
    numbers = itertools.count(1)
    async with AsyncExitStack() as closing:
        gateway = await closing.enter_async_context(open_gateway(instance.settings))
        stopwatch = closing.enter_context(Stopwatch())
        stopwatch.engine(gateway.platform.database)
        gateway.web.middlewares.insert(0, stopwatch.middleware())
        await closing.enter_async_context(_working(gateway))
        http = await closing.enter_async_context(client(instance))
        await _one_by_one(http, stopwatch, numbers, _WARM_UP)
        stopwatch.seconds.clear()
        stopwatch.calls.clear()
        (_, before), threads = processor_seconds(os.getpid()), _threads()
        took = await _one_by_one(http, stopwatch, numbers, count)
        _, after = processor_seconds(os.getpid())
        by_thread = {kind: late - threads.get(kind, 0.0) for kind, late in _threads().items()}
        calls = sum(stopwatch.calls[station, "SQL"] for station in STATIONS)
        await _check(http, count)
    return [
        _table(name, stopwatch, took, count),
        _processor(name, by_thread, engine=after - before, calls=calls, count=count),
    ]


@asynccontextmanager
async def _working(gateway: Gateway) -> AsyncIterator[None]:
    """Serve and work as ``gateway serve`` does, in this process."""
    gateway.platform.pool.start()
    work = asyncio.create_task(gateway.worker.run())
    settings = gateway.platform.settings.http
    async with listening(gateway.web, host=settings.host, port=settings.port):
        while not gateway.platform.pool.ready:
            await asyncio.sleep(0.05)
        yield
        gateway.worker.stop()
        await work


async def _one_by_one(
    http: aiohttp.ClientSession, stopwatch: Stopwatch, numbers: Iterator[int], count: int
) -> list[float]:
    """Send each invoice when the one before was answered; returns the seconds of each.

    Watches the stopwatch instead of asking the gateway, whose answers would be measured too: an
    invoice is through when it and its MLS have been routed.
    """
    took = []
    for _ in range(count):
        began, routed = time.monotonic(), stopwatch.calls["route", REST]
        document = invoice(f"S-{next(numbers):05}")
        async with http.post(
            "/v1/documents", data=document, headers={"Content-Type": "application/xml"}
        ) as answer:
            if answer.status != 202:
                raise RuntimeError(f"the invoice was refused: {await answer.text()}")
        while stopwatch.calls["route", REST] < routed + _ROUTED_EACH:
            if time.monotonic() - began > _LIMIT_S:
                raise RuntimeError(f"no MLS came within {_LIMIT_S} seconds")
            await asyncio.sleep(_LOOK_S)
        took.append(time.monotonic() - began)
    return took


async def _check(http: aiohttp.ClientSession, count: int) -> None:
    """Every invoice sent was delivered and accepted, or the figures mean nothing."""
    async with http.get(f"/v1/documents?direction=out&kind=invoice&limit={count}") as answer:
        found = [one["states"] for one in (await answer.json())["items"]]
    good = [one for one in found if (one["transport"], one["network"]) == ("delivered", "accepted")]
    if len(good) != count:
        raise RuntimeError(f"of {count} invoices only {len(good)} were delivered and accepted")


def _table(name: str, stopwatch: Stopwatch, took: list[float], count: int) -> Section:
    section = Section(
        f"Where the time of an invoice goes, in ms ({name})",
        ("station", *PARTS, "sum", "of all", "SQL calls"),
    )
    booked = {
        (station, part): stopwatch.seconds[station, part] * 1000 / count
        for station in STATIONS
        for part in PARTS
    }
    own = [part for part in PARTS if part not in _ELSEWHERE]
    total = sum(booked[station, part] for station in STATIONS for part in own)
    for station in STATIONS:
        worked = sum(booked[station, part] for part in own)
        cells = [booked[station, part] or None for part in PARTS]
        calls = stopwatch.calls[station, "SQL"] / count
        section.add(station, *cells, worked, f"{worked / total:.0%}", calls)
    sums = {part: sum(booked[station, part] for station in STATIONS) for part in PARTS}
    section.add("all", *(sums[part] for part in PARTS), total, "100%", None)
    section.add(
        "share",
        *(f"{sums[part] / total:.0%}" if part in own else None for part in PARTS),
        "100%",
        None,
        None,
    )
    section.notes = [
        f"Means of {count} invoices, one after the other; one is {median(took) * 1000:.0f} ms from "
        "POST to applied MLS (median), waiting between stations included.",
        "Invoice and its MLS, both sides: 2 AS4 messages sent and 2 received.",
        "SQL: statements and commits, with the fsync on SQLite. ORM: the rest of a transaction, "
        "opening cursors included. "
        "files: blobs with fsync.",
        "lookup and peer wait for other stations and are left out of sum and share. "
        f"{REST}: HTTP, JSON, XML, scheduling.",
    ]
    return section


def _threads() -> dict[str, float]:
    """Processor seconds so far by kind of thread of this process."""
    kinds: dict[str, float] = {}
    for one in threading.enumerate():
        try:
            seconds = seconds_of(Path(f"/proc/self/task/{one.native_id}/stat"))
        except FileNotFoundError:
            continue  # it has ended meanwhile
        kinds[_kind(one)] = kinds.get(_kind(one), 0.0) + seconds
    return kinds


def _kind(thread: threading.Thread) -> str:
    if thread is threading.main_thread():
        return _LOOP
    if thread.name.startswith("asyncio_"):
        return "threads for AS4 and files"
    if thread.name.startswith("pool"):
        return "threads that talk to the rule engine"
    return _SQLITE


def _processor(
    name: str, by_thread: dict[str, float], *, engine: float, calls: float, count: int
) -> Section:
    section = Section(
        f"Processor time of an invoice by thread, in ms ({name})", ("thread", "ms", "of all")
    )
    rows = {**by_thread, "rule engine (its own process)": engine}
    total = sum(rows.values())
    for kind, seconds in sorted(rows.items(), key=lambda item: -item[1]):
        section.add(kind, seconds * 1000 / count, f"{seconds / total:.0%}")
    section.add("all", total * 1000 / count, "100%")
    database = sum(seconds for kind, seconds in rows.items() if kind in (_LOOP, _SQLITE))
    section.notes = [
        "Both sides and the benchmark's own client; without PostgreSQL's own processes.",
        f"{database * 1000 / calls:.2f} ms per SQL call, if all of event loop and SQLite "
        "threads is booked to SQL: an upper bound.",
    ]
    return section
