"""The composition root: settings become a running gateway.

The only place that picks concrete adapters and ties services together. Everything it builds is
handed its parts; nothing looks them up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import aiohttp
import structlog
from aiohttp import web
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access import api as access_api
from gateway.access import pages as access_pages
from gateway.access.directory import Directory
from gateway.access.service import Access, operator_tenant
from gateway.access.sessions import Sessions
from gateway.as4.incoming import UnpackLimits
from gateway.as4.mime import MimeLimits
from gateway.core import app_keys, health, schema
from gateway.core.blobs import BlobStore, LocalBlobStore
from gateway.core.blobs_object import ObjectBlobStore
from gateway.core.business_date import BusinessDates
from gateway.core.clock import BusinessClock, now
from gateway.core.database import Database
from gateway.core.faults import Faults
from gateway.core.health import Health
from gateway.core.http import Route
from gateway.core.jobs import prune
from gateway.core.jobs.backoff import JobError, Ladder
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.tables import Job
from gateway.core.jobs.worker import Worker
from gateway.core.metrics import Metrics, job_gauges
from gateway.core.outgoing import client_session
from gateway.core.pool import ComputePool
from gateway.core.settings import Settings, Stage
from gateway.exchange import api as exchange_api
from gateway.exchange import as4_server, keys
from gateway.exchange import pages as exchange_pages
from gateway.exchange.archive import Archive
from gateway.exchange.as4_client import As4Client
from gateway.exchange.delivery_job import DeliveryJob, bury
from gateway.exchange.encoding import Encoder
from gateway.exchange.evidence import EvidenceBuilder
from gateway.exchange.lanes import DELIVER, LOOKUP, ROUTE
from gateway.exchange.lookup_job import LookupJob
from gateway.exchange.reception import Receiver
from gateway.exchange.responding import Responder
from gateway.exchange.routing_job import RoutingJob
from gateway.exchange.salvage import salvage
from gateway.exchange.submission import Submission
from gateway.network import api as network_api
from gateway.network import pages as network_pages
from gateway.network import smp_api
from gateway.network.adapters.sml_dns import DnsLocator
from gateway.network.adapters.sml_static import StaticLocator
from gateway.network.keys import FileKeys
from gateway.network.local_pki import ensure_test_pki
from gateway.network.participants import Participants
from gateway.network.pki import Purpose, TrustAnchors
from gateway.network.service import NETWORK, Network
from gateway.network.sml import SML_ZONES, Locator
from gateway.network.smp_client import Lookup
from gateway.network.smp_server import SmpServer
from gateway.receivables import api as receivables_api
from gateway.receivables import keys as receivables_keys
from gateway.receivables.bookkeeping import Books
from gateway.receivables.desk import Receivables
from gateway.receivables.ledger import Ledger
from gateway.validation import api as validation_api
from gateway.validation import pages as validation_pages
from gateway.validation import worker as validation_worker
from gateway.validation.keys import VALIDATION
from gateway.validation.service import ValidationService
from gateway.web import business_date, render, server
from gateway.web import pages as web_pages
from gateway.web.business_date import BUSINESS_DATES

__all__ = ["Gateway", "all_routes", "open_gateway"]

log = structlog.get_logger(__name__)

TEST_AP_SEAT: Final = "POP000001"
TEST_SMP_SEAT: Final = "PSM000001"
OPERATOR_SLUG: Final = "operator"
SMP_PATH: Final = "/smp"


@dataclass(frozen=True, slots=True)
class Platform:
    """What one process runs on: database, blobs, queue, workers and the way out."""

    settings: Settings
    database: Database
    blobs: BlobStore
    queue: JobQueue
    pool: ComputePool[dict[str, object]]
    http: aiohttp.ClientSession
    business: BusinessClock
    faults: Faults


@dataclass(frozen=True, slots=True)
class Parts:
    """The services that others are made of."""

    platform: Platform
    network: Network
    lookup: Lookup
    archive: Archive
    validation: ValidationService
    ledger: Ledger
    books: Books


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running instance: what the command line and tests take hold of."""

    platform: Platform
    access: Access
    network: Network
    participants: Participants
    dates: BusinessDates
    health: Health
    web: web.Application
    worker: Worker


def all_routes() -> tuple[Route, ...]:
    """Everything this product serves, in the order of its packages."""
    return (
        *health.ROUTES,
        *access_api.ROUTES,
        *network_api.ROUTES,
        *smp_api.ROUTES,
        *validation_api.ROUTES,
        *exchange_api.ROUTES,
        *as4_server.ROUTES,
        *receivables_api.ROUTES,
        *business_date.ROUTES,
        *web_pages.ROUTES,
        *access_pages.ROUTES,
        *network_pages.ROUTES,
        *validation_pages.ROUTES,
        *exchange_pages.ROUTES,
    )


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Build one instance, ready to serve and work; everything is closed on leaving.

    On SQLite the schema is brought up to date here; on PostgreSQL that is the operator's
    explicit step. Raises GatewayError for every fault of the installation.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with AsyncExitStack() as closing:
        platform = await _platform(settings, closing)
        network = _network(settings)
        lookup = Lookup(
            locator=_locator(settings),
            session=platform.http,
            anchors=network.anchors,
            stage=settings.stage,
            timeout_s=settings.network.connect_timeout_s,
            cache_s=settings.network.lookup_cache_s,
        )
        gateway = _assemble(platform, network, lookup)
        await _introduce_provider(gateway)
        await gateway.dates.refresh()
        closing.push_async_callback(_end, asyncio.create_task(gateway.dates.follow()))
        yield gateway


async def _platform(settings: Settings, closing: AsyncExitStack) -> Platform:
    database = Database(settings.database_url)
    closing.push_async_callback(database.close)
    if database.is_postgresql:
        await schema.require_head(database)
    else:
        await schema.upgrade(database)
    pool = ComputePool(
        validation_worker.initialise,
        validation_worker.check,
        initial=(str(settings.config_dir) if settings.config_dir else None,),
        workers=settings.validation.workers,
        timeout_s=settings.validation.timeout_s,
        rss_limit_mb=settings.validation.rss_limit_mb,
        queue_limit=settings.validation.queue_limit,
    )
    closing.push_async_callback(pool.close)
    http = client_session(
        settings.stage,
        connect_timeout_s=settings.network.connect_timeout_s,
        answer_timeout_s=settings.network.answer_timeout_s,
    )
    closing.push_async_callback(http.close)
    queue = JobQueue(database)
    closing.push_async_callback(_end, asyncio.create_task(queue.wake.run()))
    return Platform(
        settings=settings,
        database=database,
        blobs=_blobs(settings),
        queue=queue,
        pool=pool,
        http=http,
        business=BusinessClock(zone=ZoneInfo(settings.time_zone)),
        faults=Faults(settings.faults),
    )


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _blobs(settings: Settings) -> BlobStore:
    if settings.blobs.url:
        return ObjectBlobStore(settings.blobs.url)
    return LocalBlobStore(settings.data_dir / "blobs")


def _network(settings: Settings) -> Network:
    """The network by its settings; outside production a missing PKI is made for testing."""
    if settings.stage is not Stage.PRODUCTION and not settings.trust_dir.exists():
        ensure_test_pki(
            settings.data_dir / "pki", ap_seats=[TEST_AP_SEAT], smp_seats=[TEST_SMP_SEAT], at=now()
        )
        log.warning("network.local_pki_made", folder=str(settings.data_dir / "pki"))
    return Network(
        anchors=TrustAnchors.from_folder(settings.trust_dir),
        keys=FileKeys(settings.keys_dir),
        stage=settings.stage,
        as4_url=f"{settings.public_url}{as4_server.AS4_PATH}",
        smp_url=f"{settings.public_url}{SMP_PATH}",
        now=now,
    )


def _locator(settings: Settings) -> Locator:
    network = settings.network
    if network.sml == "static":
        return StaticLocator(network.sml_file or settings.data_dir / "sml.toml")
    return DnsLocator(
        zone=network.sml_zone or SML_ZONES.get(settings.stage, SML_ZONES[Stage.TEST]),
        resolvers=network.resolvers,
        timeout_s=network.connect_timeout_s,
    )


def _assemble(platform: Platform, network: Network, lookup: Lookup) -> Gateway:
    settings, database = platform.settings, platform.database
    archive = Archive(platform.blobs, now)
    validation = ValidationService(
        database=database,
        pool=platform.pool,
        today=platform.business,
        now=now,
    )
    metrics = Metrics()
    job_gauges(metrics, database)
    access = Access(database=database, now=now)
    sessions = Sessions(database=database, now=now)
    participants = Participants(database=database, network=network)
    application = server.build(
        settings=settings, routes=all_routes(), access=access, sessions=sessions
    )
    render.install(
        application,
        directory=Directory(database),
        zone=ZoneInfo(settings.time_zone),
        now=now,
    )
    application[app_keys.DATABASE] = database
    application[health.HEALTH] = readiness = _health(platform)
    application[health.METRICS] = metrics
    application[NETWORK] = network
    application[network_api.PARTICIPANTS] = participants
    application[network_api.LOOKUP] = lookup
    application[smp_api.SMP_SERVER] = SmpServer(database=database, network=network)
    application[VALIDATION] = validation
    ledger = Ledger()
    parts = Parts(
        platform=platform,
        network=network,
        lookup=lookup,
        archive=archive,
        validation=validation,
        ledger=ledger,
        books=Books(ledger=ledger, today=platform.business.today),
    )
    dates = BusinessDates(database=database, clock=platform.business, stage=settings.stage)
    application[BUSINESS_DATES] = dates
    _add_exchange(application, parts)
    _add_receivables(application, parts)
    return Gateway(
        platform=platform,
        access=access,
        network=network,
        participants=participants,
        dates=dates,
        health=readiness,
        web=application,
        worker=Worker(
            database=database,
            queue=platform.queue,
            registry=_registry(parts),
            settings=settings.jobs,
            observe=metrics.observe_job,
        ),
    )


def _add_exchange(application: web.Application, parts: Parts) -> None:
    platform, archive = parts.platform, parts.archive
    database, queue, faults = platform.database, platform.queue, platform.faults
    limit = platform.settings.http.max_body_bytes
    application[keys.ARCHIVE] = archive
    application[keys.EVIDENCE] = EvidenceBuilder(database=database, archive=archive, now=now)
    application[keys.SUBMISSION] = Submission(
        database=database,
        archive=archive,
        queue=queue,
        validation=parts.validation,
        books=parts.books,
        now=now,
        faults=faults,
    )
    application[keys.RESPONDER] = Responder(
        database=database, archive=archive, queue=queue, now=now, faults=faults
    )
    application[keys.RECEIVER] = Receiver(
        database=database,
        archive=archive,
        queue=queue,
        network=parts.network,
        now=now,
        faults=faults,
        limits=UnpackLimits(mime=MimeLimits(max_part_bytes=limit), max_document_bytes=limit),
    )
    application[as4_server.FAULTS] = faults


def _add_receivables(application: web.Application, parts: Parts) -> None:
    platform = parts.platform
    application[receivables_keys.BUSINESS] = platform.business
    application[receivables_keys.RECEIVABLES] = Receivables(
        database=platform.database,
        ledger=parts.ledger,
        today=platform.business.today,
        now=now,
    )


def _registry(parts: Parts) -> Registry:
    """Which background work this process can do."""
    platform, archive, lookup = parts.platform, parts.archive, parts.lookup
    settings, database, queue = platform.settings, platform.database, platform.queue
    patience = Ladder(
        steps=tuple(timedelta(seconds=one) for one in settings.jobs.delivery_backoff_s),
        patience=timedelta(seconds=settings.jobs.delivery_deadline_s),
    )

    async def give_up(session: AsyncSession, job: Job, error: JobError) -> None:
        await bury(session, UUID(job.payload["document_id"]), error, at=now())

    async def keep_unrouted(session: AsyncSession, job: Job, error: JobError) -> None:
        await salvage(session, UUID(job.payload["reception_id"]), error, at=now())

    registry = Registry()
    registry.add(
        LOOKUP,
        LookupJob(database=database, archive=archive, queue=queue, lookup=lookup, now=now),
        policy=patience,
        on_dead=give_up,
    )
    registry.add(
        DELIVER,
        DeliveryJob(
            database=database,
            archive=archive,
            lookup=lookup,
            encoder=Encoder(database=database, archive=archive, network=parts.network, now=now),
            client=As4Client(platform.http, settings.stage, platform.faults),
            now=now,
            faults=platform.faults,
        ),
        policy=patience,
        on_dead=give_up,
    )
    registry.add(
        ROUTE,
        RoutingJob(
            database=database,
            archive=archive,
            queue=queue,
            validation=parts.validation,
            books=parts.books,
            now=now,
            faults=platform.faults,
        ),
        on_dead=keep_unrouted,
    )
    prune.register(registry, database)
    return registry


def _health(platform: Platform) -> Health:
    return Health(
        [
            health.database_check(platform.database),
            health.schema_check(platform.database),
            health.blobs_check(platform.blobs),
            health.disk_check(platform.settings.data_dir),
            health.ready_check("validation pool", lambda: platform.pool.ready),
        ]
    )


async def _introduce_provider(gateway: Gateway) -> None:
    """Make sure the service provider can be spoken to: its account, seats and SPIDs are known."""
    settings, database = gateway.platform.settings, gateway.platform.database
    async with database.read() as session:
        operator = await operator_tenant(session)
    if operator is None:
        operator = await gateway.access.create_tenant(
            slug=OPERATOR_SLUG, name=settings.network.provider_name, is_operator=True
        )
    async with database.write() as session:
        await gateway.network.enrol_seats(session)
    for seat_id in gateway.network.seat_ids(Purpose.AP):
        await gateway.participants.register_provider(
            operator.id,
            seat_id,
            name=settings.network.provider_name,
            country=settings.network.provider_country,
        )
