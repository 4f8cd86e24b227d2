"""Accepting documents: ``POST /v1/documents`` against a running gateway process.

Only the web half runs (``serve --only web``), so that delivery does not compete. Compared in
the same rounds with the rule engine alone, in the same kind of process without HTTP, database
or disk: that is the bound.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp

from bench.figures import Section, median, percentile
from bench.instance import client, prepare, processor_seconds, running
from bench.material import invoice
from bench.postgres import fresh_database, server
from gateway.core.pool import ComputePool
from gateway.validation import worker

__all__ = ["measure", "submit_all"]

_CONCURRENCY: Final = (1, 4, 16)
_WARM_UP: Final = 5


async def measure(folder: Path, *, rounds: int, count: int, postgresql: bool) -> list[Section]:
    """Documents per second at three concurrencies, on SQLite and, if wanted, on PostgreSQL."""
    numbers = itertools.count(1)
    async with AsyncExitStack() as closing:
        places = {"SQLite": ""}
        url = closing.enter_context(server()) if postgresql else None
        if url is not None:
            places["PostgreSQL"] = closing.enter_context(fresh_database(url))
        gateways: dict[str, tuple[aiohttp.ClientSession, int]] = {}
        for name, database_url in places.items():
            instance = await prepare(folder / name, database_url)
            pid = await closing.enter_async_context(running(instance, "--only", "web"))
            http = await closing.enter_async_context(client(instance))
            gateways[name] = http, pid
        pool = _engine()
        closing.push_async_callback(pool.close)
        await _validate(pool, _documents(numbers, _WARM_UP))
        for http, _ in gateways.values():
            await submit_all(http, _documents(numbers, _WARM_UP), concurrency=1)
        section = await _rounds(gateways, pool, numbers, rounds=rounds, count=count)
    if postgresql and url is None:
        section.notes.append("NO POSTGRESQL IN THIS RUN: no server is named and none could start.")
    return [section]


def _engine() -> ComputePool[dict[str, object]]:
    return ComputePool(
        worker.initialise,
        worker.check,
        initial=(None,),
        workers=1,
        timeout_s=60,
        rss_limit_mb=1500,
        queue_limit=32,
    )


async def _rounds(
    gateways: dict[str, tuple[aiohttp.ClientSession, int]],
    pool: ComputePool[dict[str, object]],
    numbers: Iterator[int],
    *,
    rounds: int,
    count: int,
) -> Section:
    bound: list[float] = []
    rates: dict[tuple[str, int], list[float]] = {}
    latencies: dict[tuple[str, int], list[float]] = {}
    processor: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for _ in range(rounds):
        began = time.monotonic()
        await _validate(pool, _documents(numbers, count))
        bound.append(count / (time.monotonic() - began))
        for concurrency in _CONCURRENCY:
            for name, (http, pid) in gateways.items():
                before, began = processor_seconds(pid), time.monotonic()
                waited = await submit_all(http, _documents(numbers, count), concurrency=concurrency)
                seconds, after = time.monotonic() - began, processor_seconds(pid)
                level = name, concurrency
                rates.setdefault(level, []).append(count / seconds)
                latencies.setdefault(level, []).extend(waited)
                used = ((late - soon) / count for soon, late in zip(before, after, strict=True))
                processor.setdefault(level, []).append((next(used), next(used)))
    return _table(median(bound), rates, latencies, processor, rounds=rounds, count=count)


def _table(
    bound: float,
    rates: dict[tuple[str, int], list[float]],
    latencies: dict[tuple[str, int], list[float]],
    processor: dict[tuple[str, int], list[tuple[float, float]]],
    *,
    rounds: int,
    count: int,
) -> Section:
    section = Section(
        "Accept rate: POST /v1/documents, one web process and one rule engine",
        (
            "database",
            "at once",
            "documents/s",
            "of engine alone",
            "median ms",
            "p95 ms",
            "CPU ms web",
            "CPU ms engine",
        ),
    )
    section.add("(engine alone)", 1, bound, "100%", 1000 / bound, None, None, None)
    for (name, concurrency), found in sorted(rates.items(), reverse=True):
        waited = latencies[name, concurrency]
        used = processor[name, concurrency]
        section.add(
            name,
            concurrency,
            median(found),
            f"{median(found) / bound:.0%}",
            median(waited) * 1000,
            percentile(waited, 95) * 1000,
            median([one for one, _ in used]) * 1000,
            median([one for _, one in used]) * 1000,
        )
    section.notes = [
        f"Medians of {rounds} rounds of {count} invoices of {len(invoice('size')) / 1000:.1f} kB; "
        "every answer was 202. The client runs on the same cores.",
        "Accepted means: checked by every rule that applies, fsynced, committed, lookup queued.",
    ]
    return section


def _documents(numbers: Iterator[int], count: int) -> Sequence[bytes]:
    return [invoice(f"B-{next(numbers):06}") for _ in range(count)]


async def _validate(pool: ComputePool[dict[str, object]], documents: Sequence[bytes]) -> None:
    options = {
        "as_of": datetime.now(UTC).date().isoformat(),
        "lang": "en",
        "rules": None,
        "file": None,
    }
    for one in documents:
        report = await pool.run(one, options)
        if not report["valid"]:
            raise RuntimeError(f"the benchmark's invoice is not valid: {report['findings']}")


async def submit_all(
    http: aiohttp.ClientSession,
    documents: Sequence[bytes],
    *,
    concurrency: int,
    accepted: Callable[[dict[str, object]], Awaitable[None]] | None = None,
) -> list[float]:
    """Send the documents, so many at once; returns the seconds each answer took.

    ``accepted`` is told of every answer. Anything but 202 ends the benchmark.
    """
    waiting = list(reversed(documents))
    waited: list[float] = []

    async def sender() -> None:
        while waiting:
            document, began = waiting.pop(), time.monotonic()
            async with http.post(
                "/v1/documents", data=document, headers={"Content-Type": "application/xml"}
            ) as answer:
                body = await answer.json()
            waited.append(time.monotonic() - began)
            if answer.status != 202:
                raise RuntimeError(f"a document was answered with HTTP {answer.status}: {body}")
            if accepted is not None:
                await accepted(body)

    await asyncio.gather(*(sender() for _ in range(concurrency)))
    return waited
