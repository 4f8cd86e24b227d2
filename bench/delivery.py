"""End to end over two gateways and an SMP: accepted, delivered, received, answered by an MLS.

The stage of ``gateway demo``: three ordinary processes on SQLite, real sockets, everything
durable. Rates come from the documents' own timelines, not from when the benchmark looked.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import aiohttp

from bench.accept import submit_all
from bench.figures import Section, median, percentile
from bench.instance import children_of, processor_seconds
from bench.material import invoice
from gateway.demo.stage import House, Stage, set_stage

__all__ = ["measure"]

_CONCURRENCY: Final = 8
_LIMIT_S: Final = 180
_POLL_S: Final = 0.2
_PAGE: Final = 200
_WARM_UP: Final = 3

Moments = dict[str, list[datetime]]


async def measure(folder: Path, *, count: int) -> list[Section]:
    """Send ``count`` invoices and follow each to its MLS."""
    async with set_stage(folder / "stage") as stage:
        pids = {house.actor.key: _pid(house) for house in (stage.seller, stage.buyer, stage.smp)}
        await _deliver(stage, [invoice(f"W-{one}") for one in range(_WARM_UP)])
        before = {key: processor_seconds(pid) for key, pid in pids.items()}
        sent = await _deliver(stage, [invoice(f"D-{one:05}") for one in range(count)])
        used = {
            key: [
                (late - soon) / count
                for soon, late in zip(before[key], processor_seconds(pid), strict=True)
            ]
            for key, pid in pids.items()
        }
        moments = await _moments(stage, sent)
    return [_rates(moments, count), _processor(used)]


async def _deliver(stage: Stage, documents: Sequence[bytes]) -> list[dict[str, Any]]:
    """Send the documents and wait until the last MLS is here; returns what was accepted."""
    sent: list[dict[str, Any]] = []

    async def accepted(answer: dict[str, Any]) -> None:
        sent.append(answer)

    await submit_all(stage.seller.http, documents, concurrency=_CONCURRENCY, accepted=accepted)
    deadline = time.monotonic() + _LIMIT_S
    for one in sent:
        while not await _answered(stage.seller.http, one["id"]):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{one['number']} was not answered within {_LIMIT_S} seconds")
            await asyncio.sleep(_POLL_S)
    return sent


async def _answered(http: aiohttp.ClientSession, document_id: str) -> bool:
    states = (await _get(http, f"/v1/documents/{document_id}"))["states"]
    if states["transport"] == "failed" or states["network"] == "rejected":
        raise RuntimeError(f"a document of the benchmark was not delivered: {states}")
    return bool(states["transport"] == "delivered" and states["network"] == "accepted")


async def _moments(stage: Stage, sent: Sequence[dict[str, Any]]) -> Moments:
    """When each document passed each station, by the timelines of both sides."""
    moments: Moments = {"accepted": [], "delivered": [], "received": [], "answered": []}
    stations = {
        "document.accepted": "accepted",
        "receipt.verified": "delivered",
        "mls.received": "answered",
    }
    for one in sent:
        timeline = await _get(stage.seller.http, f"/v1/documents/{one['id']}/timeline")
        found = {entry["kind"]: entry["at"] for entry in timeline["entries"]}
        for kind, station in stations.items():
            moments[station].append(datetime.fromisoformat(found[kind]))
    wanted = {one["sbdh_instance_identifier"] for one in sent}
    cursor = ""
    while cursor is not None:
        address = f"/v1/documents?direction=in&limit={_PAGE}" + (cursor and f"&cursor={cursor}")
        page = await _get(stage.buyer.http, address)
        for one in page["items"]:
            if one["sbdh_instance_identifier"] in wanted:
                moments["received"].append(datetime.fromisoformat(one["created_at"]))
        cursor = page["next_cursor"]
    missing = len(sent) - len(moments["received"])
    if missing:
        raise RuntimeError(f"{missing} documents are not in the buyer's inbox")
    return moments


async def _get(http: aiohttp.ClientSession, address: str) -> Any:
    async with http.get(address) as answer:
        answer.raise_for_status()
        return await answer.json()


def _pid(house: House) -> int:
    """The process of a house: the child of ours that was given its settings file."""
    wanted = str(house.folder / "gateway.toml").encode()
    for child in children_of(os.getpid()):
        if wanted in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
            return child
    raise RuntimeError(f"no process serves {house.folder}")


def _rates(moments: Moments, count: int) -> Section:
    section = Section(
        f"End to end, durable: {count} invoices over two gateways, {_CONCURRENCY} clients",
        ("station", "process", "per second", "of accepted", "median s after accept", "p95 s"),
    )
    start = min(moments["accepted"])
    stations = (
        ("accepted", "seller"),
        ("delivered", "seller"),
        ("received", "buyer"),
        ("answered", "seller"),
    )
    rates = {
        name: (count - 1) / (max(moments[name]) - start).total_seconds() for name, _ in stations
    }
    for name, process in stations:
        waits: list[float] = []
        if name in ("delivered", "answered"):
            pairs = zip(moments["accepted"], moments[name], strict=True)
            waits = [(late - soon).total_seconds() for soon, late in pairs]
        section.add(
            name,
            process,
            rates[name],
            f"{rates[name] / rates['accepted']:.0%}",
            median(waits) if waits else None,
            percentile(waits, 95) if waits else None,
        )
    section.notes = [
        "Per second: from the first acceptance to the last document at that station. delivered: "
        "receipt verified and committed; received: in the inbox; answered: the MLS is applied.",
        "Each invoice is two AS4 messages: itself and the MLS that comes back.",
    ]
    return section


def _processor(used: dict[str, list[float]]) -> Section:
    section = Section(
        "Processor time per delivered invoice, MLS included",
        ("process", "gateway ms", "rule engine ms", "sum ms", "of all"),
    )
    total = sum(sum(pair) for pair in used.values())
    for key, (own, engine) in used.items():
        share = f"{(own + engine) / total:.0%}"
        section.add(key, own * 1000, engine * 1000, (own + engine) * 1000, share)
    section.add("all", None, None, total * 1000, "100%")
    slowest = max(used.values(), key=lambda pair: pair[0])[0]
    section.notes = [
        f"The busiest gateway process needs {slowest * 1000:.0f} ms of one core per invoice: at "
        f"most {1 / slowest:.0f} invoices per second and process, with cores to spare.",
    ]
    return section
