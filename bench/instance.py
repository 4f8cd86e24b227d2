"""One gateway to be measured: its settings, its account, and the process it runs in.

It is seller's and buyer's access point and SMP in one, so a document it sends travels over its
own network address back to itself. Settings are ordinary ones; only the PKI and the SML file
are made here.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from bench.figures import seconds_of
from bench.material import BUSINESSES
from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.app import Gateway, open_gateway
from gateway.core import schema
from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.settings import Settings, load_settings
from gateway.network.local_pki import ensure_test_pki

__all__ = [
    "Instance",
    "children_of",
    "client",
    "free_port",
    "prepare",
    "processor_seconds",
    "running",
]

_AP_SEAT: Final = "POP000101"
_SMP_SEAT: Final = "PSM000303"
_START_LIMIT_S: Final = 90
_STOP_LIMIT_S: Final = 30


@dataclass(frozen=True, slots=True)
class Instance:
    """A gateway that is set up but not running; ``key`` is an API key of its seller."""

    settings: Settings
    file: Path
    key: str


def free_port() -> int:
    """A port of the loopback interface that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def prepare(folder: Path, database_url: str = "") -> Instance:
    """Set one gateway up in an empty folder; without ``database_url`` on SQLite."""
    folder.mkdir(parents=True)
    port = free_port()
    pki = ensure_test_pki(folder / "pki", ap_seats=[_AP_SEAT], smp_seats=[_SMP_SEAT], at=now())
    (folder / "sml.toml").write_text(f'default = "http://127.0.0.1:{port}/smp"\n')
    file = folder / "gateway.toml"
    file.write_text(
        f"""\
stage = "demo"
data_dir = "{folder / "data"}"
log_level = "WARNING"

[http]
port = {port}

[database]
url = "{database_url}"

[network]
sml = "static"
sml_file = "{folder / "sml.toml"}"
trust_dir = "{pki.trust}"
keys_dir = "{pki.keys}"

[jobs]
poll_s = 0.2

[limits]
as4_address_per_minute = 0
as4_seat_per_minute = 0
smp_address_per_minute = 0
"""
    )
    settings = load_settings(file)
    if database_url:
        database = Database(database_url)
        await schema.upgrade(database)
        await database.close()
    async with open_gateway(settings) as gateway:
        key = await _furnish(gateway)
    return Instance(settings, file, key)


async def _furnish(gateway: Gateway) -> str:
    """Open an account for seller and buyer each; returns an API key of the seller."""
    keys = []
    for slug, participant in zip(("seller", "buyer"), BUSINESSES, strict=True):
        tenant = await gateway.access.create_tenant(slug=slug, name=slug.capitalize())
        await gateway.participants.register(
            tenant.id, participant, name=slug.capitalize(), country="BE"
        )
        caller = Principal(
            tenant_id=tenant.id, actor="benchmark", kind=CallerKind.USER, scopes=SCOPES
        )
        _, key = await gateway.access.create_api_key(caller, name="benchmark", scopes=SCOPES)
        keys.append(key)
    return keys[0]


@asynccontextmanager
async def client(instance: Instance) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session of the seller."""
    async with aiohttp.ClientSession(
        base_url=instance.settings.public_url,
        headers={"Authorization": f"Bearer {instance.key}"},
        timeout=aiohttp.ClientTimeout(total=120),
    ) as session:
        yield session


@asynccontextmanager
async def running(instance: Instance, *options: str) -> AsyncIterator[int]:
    """``gateway serve`` with these options in a process of its own, ready; yields its pid."""
    log = instance.file.with_suffix(".log")
    clean = {name: one for name, one in os.environ.items() if not name.startswith("GATEWAY__")}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "gateway", "serve", "--config", str(instance.file), *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=clean,
        )
    try:
        async with client(instance) as http, asyncio.timeout(_START_LIMIT_S):
            while not await _is_ready(http):
                if process.returncode is not None:
                    raise RuntimeError(f"the gateway ended at once: {log.read_text()[-2000:]}")
                await asyncio.sleep(0.1)
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(_STOP_LIMIT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _is_ready(http: aiohttp.ClientSession) -> bool:
    try:
        async with http.get("/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def processor_seconds(pid: int) -> tuple[float, float]:
    """Processor time so far of a process, and of its children (the rule engines)."""
    return _own_seconds(pid), sum(_own_seconds(child) for child in children_of(pid))


def children_of(pid: int) -> Iterator[int]:
    """The processes a process has started and that still run; its threads may end meanwhile."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            yield from map(int, (thread / "children").read_text().split())


def _own_seconds(pid: int) -> float:
    return seconds_of(Path(f"/proc/{pid}/stat"))
