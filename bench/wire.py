"""Messages over HTTP: the bare AS4 layer, the whole gateway, and phase4, sending and receiving.

All with the same seat, over the loopback interface, one after the other in the same run. Every
receipt is verified by whoever sent; a message without one ends the benchmark.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import aiohttp

from bench.accept import submit_all
from bench.figures import Section, median
from bench.instance import Instance, client, free_port, prepare, processor_seconds, running
from bench.material import BUSINESSES, invoice_of
from bench.peer import PeerMissing
from bench.wire_material import message_to, pair_from, write_java_stores
from bench.wire_peers import Speaker, java, peak_megabytes
from gateway.app import open_gateway
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING
from gateway.as4.outgoing import encode
from gateway.core.clock import now
from gateway.demo.cast import BUYER, DISPUTER
from gateway.network.keys import CERTIFICATE_SUFFIX, KEY_SUFFIX
from gateway.network.participants import BILLING_OFFERS

__all__ = ["measure"]

_AT_ONCE: Final = 4
_WARM_UP: Final = 300
"""Messages before the first that counts: a virtual machine compiles while it works."""
_SIZES: Final = (("5 kB", 5_000, 1.0), ("50 kB", 50_000, 0.5), ("5 MB", 5_000_000, 0.06))
"""Name, bytes, and how many are sent, as a part of what was asked for."""
_SETTLE_S: Final = 0.2
_LIMIT_S: Final = 300

BARE: Final = "AS4 layer"
BARE_ALL: Final = "AS4 layer, a process per core"
GATEWAY: Final = "gateway, durable"
PHASE4: Final = "phase4"
Files = dict[str, str]


@dataclass(frozen=True, slots=True)
class Figure:
    """What one access point did with ``count`` messages of a size."""

    count: int
    seconds: float
    processor_s: float
    peak_mb: float


async def measure(folder: Path, *, count: int) -> list[Section]:
    """Send and receive up to ``count`` messages of each size with everybody."""
    folder.mkdir(exist_ok=True)
    instance = await prepare(folder / "wire")
    files = _files(instance)
    write_java_stores(folder, files, role="sender")
    payloads = []
    for name, size, part in _SIZES:
        file = folder / f"{size}.xml"
        file.write_bytes(invoice_of(size))
        payloads.append((name, file, max(3, round(count * part))))
    received: dict[str, Figures] = {}
    sent: dict[str, Figures] = {}
    notes: list[str] = []
    received[BARE] = await _receive_bare(folder, files, payloads, processes=1)
    received[BARE_ALL] = await _receive_bare(folder, files, payloads, processes=_cores())
    received[GATEWAY] = await _receive_gateway(instance, files, payloads)
    sent |= await _send_bare(folder, files, payloads)
    sent[GATEWAY] = await _send_gateway(folder, instance, files, payloads)
    try:
        received[PHASE4] = await _receive_phase4(folder, files, payloads)
        sent[PHASE4] = await _send_phase4(folder, files, payloads)
    except PeerMissing as reason:
        notes.append(f"NO PEER IN THIS RUN: phase4: {reason}")
    names = [name for name, _, _ in payloads]
    rate = await asyncio.to_thread(_key_rate, files)
    notes.append(
        f"RSA-2048 private-key operations here: {rate:.0f}/s of a core. Sending needs one (the "
        "signature), receiving two (decryption, receipt)."
    )
    return [
        _section("Received and acknowledged over HTTP", names, received, [*notes, *_RECEIVING]),
        _section("Sent over HTTP, receipt verified", names, sent, [*notes, *_SENDING]),
    ]


_RECEIVING: Final = (
    f"{_AT_ONCE} senders at once, messages made beforehand. {GATEWAY}: request, document and "
    "receipt fsynced, row and job committed (SQLite), then acknowledged; revocation is not asked "
    "about in the demonstration's PKI. phase4 writes the document to a file, not synced, and keeps "
    "message ids in memory.",
)
_SENDING: Final = (
    f"{_AT_ONCE} at once to the same bare receiver. {GATEWAY}: from POST /v1/documents over "
    "validation, lookup and delivery to the committed receipt; the processor time is without the "
    "rule engine's process. The others make message after message of a document in memory.",
)


def _cores() -> int:
    return os.cpu_count() or 1


def _files(instance: Instance) -> Files:
    """The PEM files of the instance's network and seat."""
    trust, keys = instance.settings.trust_dir, instance.settings.keys_dir
    (seat,) = keys.glob("POP*")
    (certificate,) = seat.glob(f"*{CERTIFICATE_SUFFIX}")
    (key,) = seat.glob(f"*{KEY_SUFFIX}")
    return {
        "root": str(trust / "root-test.pem"),
        "authority": str(trust / "ap-test.pem"),
        "sender": str(certificate),
        "sender_key": str(key),
    }


def _seat(files: Files, **more: Any) -> dict[str, Any]:
    return {"certificate": files["sender"], "key": files["sender_key"], **more}


Payloads = Sequence[tuple[str, Path, int]]
Figures = list[Figure]


async def _receive_bare(
    folder: Path, files: Files, payloads: Payloads, *, processes: int
) -> Figures:
    port = free_port()
    with ExitStack() as closing:
        peers = [
            closing.enter_context(
                Speaker.ours("receive", _seat(files, port=port), folder / f"bare-{number}.log")
            )
            for number in range(processes)
        ]
        for one in peers:
            one.hear()
        pids = [one.pid for one in peers]
        return await _bombard(f"http://127.0.0.1:{port}/as4", pids, files, payloads)


async def _receive_gateway(instance: Instance, files: Files, payloads: Payloads) -> Figures:
    async with running(instance, "--only", "web") as pid:
        return await _bombard(f"{instance.settings.public_url}/as4", [pid], files, payloads)


async def _receive_phase4(folder: Path, files: Files, payloads: Payloads) -> Figures:
    log, store = folder / "phase4-receiver.log", str(folder / "phase4")
    with java("Receiver", log, str(folder), store, BUSINESSES[1].value) as peer:
        url = peer.hear().split()[1]
        return await _bombard(url, [peer.pid], files, payloads)


async def _bombard(url: str, pids: Sequence[int], files: Files, payloads: Payloads) -> Figures:
    """Post ready-made messages; processor time and peak memory are those of ``pids``."""
    found = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_LIMIT_S)) as http:
        await _post(http, url, await _messages(files, payloads[0][1], _WARM_UP))
        for _, file, count in payloads:
            messages = await _messages(files, file, count)
            before, began = _used(pids), time.monotonic()
            await _post(http, url, messages)
            seconds = time.monotonic() - began
            found.append(Figure(count, seconds, _used(pids) - before, _peak(pids)))
    return found


async def _messages(files: Files, file: Path, count: int) -> list[tuple[str, bytes]]:
    document = file.read_bytes()
    certificate, key = pair_from(_seat(files))

    def one() -> tuple[str, bytes]:
        with tempfile.TemporaryFile() as envelope, tempfile.TemporaryFile() as out:
            message = message_to(document, envelope, certificate, certificate, at=now())
            encoded = encode(
                message,
                envelope,
                key=key,
                certificate=certificate,
                recipient=certificate,
                entropy=os.urandom,
                spool=tempfile.TemporaryFile,
                out=out,
            )
            out.seek(0)
            return encoded.content_type, out.read()

    return [await asyncio.to_thread(one) for _ in range(count)]


async def _post(
    http: aiohttp.ClientSession, url: str, messages: Sequence[tuple[str, bytes]]
) -> None:
    waiting = list(messages)

    async def sender() -> None:
        while waiting:
            content_type, body = waiting.pop()
            async with http.post(url, data=body, headers={"Content-Type": content_type}) as answer:
                said = await answer.read()
            if answer.status != 200 or b"NonRepudiationInformation" not in said:
                raise RuntimeError(f"{url} gave no receipt: HTTP {answer.status} {said[:500]!r}")

    await asyncio.gather(*(sender() for _ in range(_AT_ONCE)))


async def _send_bare(folder: Path, files: Files, payloads: Payloads) -> dict[str, Figures]:
    """The layer sending from one process, and from one per core."""
    order = _seat(files, recipient=files["sender"])
    with _Sink(folder, files) as sink, ExitStack() as closing:
        senders = [
            closing.enter_context(Speaker.ours("send", order, folder / f"sender-{number}.log"))
            for number in range(_cores())
        ]
        return {
            BARE: await _bursts(senders[:1], sink.url, payloads, {}),
            BARE_ALL: await _bursts(senders, sink.url, payloads, {}),
        }


async def _send_phase4(folder: Path, files: Files, payloads: Payloads) -> Figures:
    (seat,) = {Path(files["sender"]).parent.name}
    about = {
        "recipient": files["sender"],
        "sender": str(BUSINESSES[0]),
        "receiver": str(BUSINESSES[1]),
        "document_type": str(BILLING_INVOICE),
        "process": str(PROCESS_BILLING),
        "seat": seat,
    }
    log = folder / "phase4-sender.log"
    with _Sink(folder, files) as sink, java("Burst", log, str(folder)) as peer:
        return await _bursts([peer], sink.url, payloads, about)


async def _bursts(
    senders: Sequence[Speaker], url: str, payloads: Payloads, about: dict[str, Any]
) -> Figures:
    pids = [one.pid for one in senders]
    found = []
    for file, count in [(payloads[0][1], _WARM_UP), *((file, n) for _, file, n in payloads)]:
        each = max(1, count // len(senders))
        order = {"url": url, "payload": str(file), "count": each, "threads": _AT_ONCE, **about}
        before = _used(pids)
        answers = await asyncio.gather(*(one.ask(order) for one in senders))
        if any(one["good"] != each for one in answers):
            raise RuntimeError(f"not every message got its receipt: {answers}")
        seconds = max(one["seconds"] for one in answers)
        found.append(Figure(each * len(senders), seconds, _used(pids) - before, _peak(pids)))
    return found[1:]


async def _send_gateway(
    folder: Path, instance: Instance, files: Files, payloads: Payloads
) -> Figures:
    """Invoices from the API to their receipts, towards a receiver published at the sink."""
    assert BUYER.participant is not None
    assert DISPUTER.participant is not None
    other = (BUYER.participant.value.encode(), DISPUTER.participant.value.encode())
    buyer, disputer = (one.split(b":")[1] for one in other)
    found = []
    with _Sink(folder, files) as sink:
        await _publish(instance, sink.url, files)
        async with running(instance) as pid, client(instance) as http:
            for name, file, count in [("warm", payloads[0][1], 8), *payloads]:
                document = file.read_bytes().replace(buyer, disputer)
                documents = [
                    document.replace(b">size<", f">{name}-{number}<".encode())
                    for number in range(count)
                ]
                before, began = _used([pid]), time.monotonic()
                ids = await _hand_in(http, documents)
                await _delivered(http, ids)
                seconds = time.monotonic() - began
                found.append(Figure(count, seconds, _used([pid]) - before, _peak([pid])))
    return found[1:]


async def _hand_in(http: aiohttp.ClientSession, documents: Sequence[bytes]) -> list[str]:
    ids: list[str] = []

    async def accepted(one: dict[str, object]) -> None:
        ids.append(str(one["id"]))

    await submit_all(http, documents, concurrency=_AT_ONCE, accepted=accepted)
    return ids


async def _delivered(http: aiohttp.ClientSession, ids: Sequence[str]) -> None:
    deadline = time.monotonic() + _LIMIT_S
    for one in ids:
        while True:
            async with http.get(f"/v1/documents/{one}") as answer:
                state = (await answer.json())["states"]["transport"]
            if state == "delivered":
                break
            if state == "failed" or time.monotonic() > deadline:
                raise RuntimeError(f"{one} was not delivered: {state}")
            await asyncio.sleep(_SETTLE_S)


async def _publish(instance: Instance, url: str, files: Files) -> None:
    assert DISPUTER.participant is not None
    async with open_gateway(instance.settings) as gateway:
        tenant = await gateway.access.create_tenant(slug="sink", name="Sink")
        await gateway.participants.register(
            tenant.id,
            DISPUTER.participant,
            name="Sink",
            country="BE",
            offers=[
                replace(one, endpoint_url=url, certificate_pem=Path(files["sender"]).read_text())
                for one in BILLING_OFFERS
            ],
        )


class _Sink:
    """A bare receiver that everybody's messages go to."""

    def __init__(self, folder: Path, files: Files) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/as4"
        self._speaker = Speaker.ours("receive", _seat(files, port=port), folder / "sink.log")

    def __enter__(self) -> "_Sink":
        self._speaker.hear()
        return self

    def __exit__(self, *error: object) -> None:
        self._speaker.__exit__(None, None, None)


def _used(pids: Sequence[int]) -> float:
    return sum(processor_seconds(pid)[0] for pid in pids)


def _peak(pids: Sequence[int]) -> float:
    return sum(peak_megabytes(pid) for pid in pids)


def _key_rate(files: Files) -> float:
    _, key = pair_from(_seat(files))
    rates = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(40):
            key.sign(b"digest")
        rates.append(40 / (time.process_time() - began))
    return median(rates)


def _section(
    title: str, names: Sequence[str], figures: dict[str, Figures], notes: Sequence[str]
) -> Section:
    section = Section(
        title,
        ("document", "who", "count", "per second", "processor ms", "phase4 : this", "peak MB"),
    )
    for place, name in enumerate(names):
        peer = figures[PHASE4][place] if PHASE4 in figures else None
        for who, all_sizes in figures.items():
            one = all_sizes[place]
            each = one.processor_s / one.count
            ratio = None if peer is None else f"{peer.processor_s / peer.count / each:.2f}x"
            section.add(
                name, who, one.count, one.count / one.seconds, 1000 * each, ratio, one.peak_mb
            )
    section.notes = list(notes)
    return section
