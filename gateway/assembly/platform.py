"""What one process runs on, built from its settings, and how it sees the Peppol network."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from gateway.core import health, schema
from gateway.core.blobs import BlobStore, LocalBlobStore
from gateway.core.blobs_object import ObjectBlobStore
from gateway.core.clock import BusinessClock, now
from gateway.core.database import Database
from gateway.core.faults import Faults
from gateway.core.health import Health
from gateway.core.jobs.queue import JobQueue
from gateway.core.outgoing import client_session
from gateway.core.pool import ComputePool
from gateway.core.sealing import open_vault
from gateway.core.settings import Settings, Stage
from gateway.core.vault import Vault
from gateway.network.adapters.sml_dns import DnsLocator
from gateway.network.adapters.sml_static import StaticLocator
from gateway.network.lookup_zones import read_zones, zone_at
from gateway.network.sml import Locator
from gateway.validation import worker as validation_worker

__all__ = [
    "Platform",
    "blobs_of",
    "ended",
    "health_of",
    "locator_of",
    "open_platform",
    "pool_of",
]


@dataclass(frozen=True, slots=True)
class Platform:
    """What one process runs on: database, blobs, queue, workers, the way out, its secrets."""

    settings: Settings
    database: Database
    blobs: BlobStore
    queue: JobQueue
    pool: ComputePool[Any]
    http: aiohttp.ClientSession
    business: BusinessClock
    faults: Faults
    vault: Vault


async def open_platform(settings: Settings, closing: AsyncExitStack) -> Platform:
    """Open everything a process runs on; ``closing`` closes it again.

    On SQLite the schema is brought up to date here; on PostgreSQL that is the operator's step.
    Raises GatewayError SECRET-KEY-FILE for keys of secrets that cannot be used.
    """
    database = Database(settings.database_url)
    closing.push_async_callback(database.close)
    if database.is_postgresql:
        await schema.require_head(database)
    else:
        await schema.upgrade(database)
    vault = await open_vault(settings, database, now=now)
    pool = pool_of(settings)
    closing.push_async_callback(pool.close)
    http = client_session(
        settings.stage,
        connect_timeout_s=settings.network.connect_timeout_s,
        answer_timeout_s=settings.network.answer_timeout_s,
        dns_timeout_s=settings.network.dns_timeout_s,
        tls_authorities=settings.network.tls_ca_file,
    )
    closing.push_async_callback(http.close)
    queue = JobQueue(database)
    closing.push_async_callback(ended, asyncio.create_task(queue.wake.run()))
    return Platform(
        settings=settings,
        database=database,
        blobs=blobs_of(settings),
        queue=queue,
        pool=pool,
        http=http,
        business=BusinessClock(zone=ZoneInfo(settings.time_zone)),
        faults=Faults(settings.faults),
        vault=vault,
    )


def pool_of(settings: Settings) -> ComputePool[Any]:
    """The processes that check documents, not yet started."""
    return ComputePool(
        validation_worker.initialise,
        validation_worker.run,
        initial=(
            str(settings.config_dir) if settings.config_dir else None,
            str(settings.rules_dir),
        ),
        workers=settings.validation.workers,
        timeout_s=settings.validation.timeout_s,
        rss_limit_mb=settings.validation.rss_limit_mb,
        queue_limit=settings.validation.queue_limit,
    )


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it is over."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def blobs_of(settings: Settings) -> BlobStore:
    """Where bytes are stored: the data folder, or an object storage."""
    if settings.blobs.url:
        return ObjectBlobStore(settings.blobs.url)
    return LocalBlobStore(settings.data_dir / "blobs")


def locator_of(settings: Settings) -> Locator:
    """How this instance finds a participant's SMP. Raises GatewayError SML-ZONES."""
    network = settings.network
    if network.sml == "static":
        return StaticLocator(network.sml_file or settings.data_dir / "sml.toml")
    return DnsLocator(
        zone=_zone_of(settings), resolvers=network.resolvers, timeout_s=network.connect_timeout_s
    )


def _zone_of(settings: Settings) -> Callable[[], str]:
    """The DNS zone to ask now: the operator's, or the one valid on the stage's network."""
    if settings.network.sml_zone:
        return lambda: settings.network.sml_zone
    zones = read_zones(settings.config_dir)
    stage = Stage.PRODUCTION if settings.stage is Stage.PRODUCTION else Stage.TEST

    def zone() -> str:
        return zone_at(zones, stage=stage, at=now()).zone

    zone()  # Without a valid one nothing can be sent: say so when starting.
    return zone


def health_of(platform: Platform) -> Health:
    """What must hold for this process to be ready."""
    return Health(
        [
            health.database_check(platform.database),
            health.schema_check(platform.database),
            health.blobs_check(platform.blobs),
            health.disk_check(platform.settings.data_dir),
            health.ready_check("validation pool", lambda: platform.pool.ready),
        ]
    )
