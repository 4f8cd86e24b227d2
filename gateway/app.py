"""The composition root: settings become a running gateway.

Ties the parts together; how each is built is in `gateway.assembly`. Everything it builds is
handed its parts; nothing looks them up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from gateway.access import api as access_api
from gateway.access import pages as access_pages
from gateway.access import webhook_api, webhook_pages
from gateway.access.audit_net import audited
from gateway.access.directory import Directory
from gateway.access.rate_limits import limited
from gateway.access.service import Access, operator_tenant
from gateway.access.sessions import Sessions
from gateway.assembly.answers import answers_of
from gateway.assembly.authoring import serve_authoring
from gateway.assembly.checks import Checks, checks_of, register_checks, serve_checks
from gateway.assembly.codelists import serve_code_lists
from gateway.assembly.conversion import conversion_of, serve_conversion
from gateway.assembly.delivery import (
    Delivery,
    delivery_of,
    policies_of,
    register_delivery,
    serve_delivery,
)
from gateway.assembly.dispatch import Dispatching, dispatching_of, register_dispatch, serve_dispatch
from gateway.assembly.exchange import Parts, register_exchange, serve_exchange
from gateway.assembly.handover import handing_over_of
from gateway.assembly.lookup import Lookups, lookups_of, serve_lookups
from gateway.assembly.money import (
    Money,
    money_of,
    plan_again,
    register_money,
    seed_money,
    serve_money,
)
from gateway.assembly.onboarding import onboarding_of, serve_onboarding
from gateway.assembly.operations import register_operations, serve_operations
from gateway.assembly.participants import (
    Registrations,
    register_participants,
    registrations_of,
    serve_participants,
)
from gateway.assembly.platform import (
    Platform,
    ended,
    health_of,
    open_platform,
)
from gateway.assembly.statistics import register_statistics, serve_statistics
from gateway.assembly.trust import follow_keys, network_of, register_trust, serve_trust
from gateway.authoring import api as authoring_api
from gateway.authoring import pages as authoring_pages
from gateway.conversion import api as conversion_api
from gateway.conversion import codelist_api, codelist_pages, schema_api
from gateway.conversion import pages as conversion_pages
from gateway.core import app_keys, health, sealing
from gateway.core.business_date import BusinessDates
from gateway.core.clock import now
from gateway.core.health import Health
from gateway.core.http import Route
from gateway.core.jobs import prune
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.worker import Worker
from gateway.core.metrics import Metrics, job_gauges
from gateway.core.settings import Settings
from gateway.dispatch import api as dispatch_api
from gateway.dispatch import pages as dispatch_pages
from gateway.dunning import api as dunning_api
from gateway.dunning import pages as dunning_pages
from gateway.exchange import (
    answer_api,
    answer_pages,
    as4_server,
    delivery_api,
    delivery_pages,
    rendition_api,
)
from gateway.exchange import api as exchange_api
from gateway.exchange import pages as exchange_pages
from gateway.exchange.archive import Archive
from gateway.exchange.events import DocumentEvents
from gateway.exchange.statistics import api as statistics_api
from gateway.exchange.statistics import pages as statistics_pages
from gateway.exchange.statistics.duties import ensure_duties
from gateway.network import api as network_api
from gateway.network import (
    identification_api,
    lookup_api,
    lookup_pages,
    onboarding_api,
    participant_api,
    participant_pages,
    publication_api,
    seat_api,
    seat_pages,
    sml_api,
    smp_api,
)
from gateway.network.participants import Participants
from gateway.network.pki import Purpose
from gateway.network.service import NETWORK, Network
from gateway.network.spid_check import ask_at_start
from gateway.operations import api as operations_api
from gateway.operations import pages as operations_pages
from gateway.payments import api as payments_api
from gateway.payments import pages as payments_pages
from gateway.payments.links import PaymentLinks
from gateway.receivables import api as receivables_api
from gateway.receivables import bank_api
from gateway.receivables import pages as receivables_pages
from gateway.validation import api as validation_api
from gateway.validation import pages as validation_pages
from gateway.validation import rule_api, rule_pages
from gateway.web import business_date, render, server
from gateway.web import pages as web_pages
from gateway.web.business_date import BUSINESS_DATES

__all__ = ["Gateway", "all_routes", "open_gateway"]

OPERATOR_SLUG: Final = "operator"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running instance: what the command line and tests take hold of."""

    platform: Platform
    access: Access
    network: Network
    participants: Participants
    dates: BusinessDates
    links: PaymentLinks
    health: Health
    web: web.Application
    worker: Worker


def all_routes() -> tuple[Route, ...]:
    """Everything this product serves: first to programs and the network, then to people."""
    return audited((*_for_programs(), *_for_people()))


def _for_programs() -> tuple[Route, ...]:
    return (
        *health.ROUTES,
        *access_api.ROUTES,
        *webhook_api.ROUTES,
        *network_api.ROUTES,
        *participant_api.ROUTES,
        *publication_api.ROUTES,
        *sml_api.ROUTES,
        *identification_api.ROUTES,
        *onboarding_api.ROUTES,
        *lookup_api.ROUTES,
        *seat_api.ROUTES,
        *limited(smp_api.ROUTES),
        *validation_api.ROUTES,
        *schema_api.ROUTES,
        *codelist_api.ROUTES,
        *rule_api.ROUTES,
        *conversion_api.ROUTES,
        *exchange_api.ROUTES,
        *authoring_api.ROUTES,
        *rendition_api.ROUTES,
        *answer_api.ROUTES,
        *delivery_api.ROUTES,
        *statistics_api.ROUTES,
        *as4_server.ROUTES,
        *receivables_api.ROUTES,
        *bank_api.ROUTES,
        *payments_api.ROUTES,
        *dunning_api.ROUTES,
        *dispatch_api.ROUTES,
        *operations_api.ROUTES,
        *business_date.ROUTES,
    )


def _for_people() -> tuple[Route, ...]:
    return (
        *codelist_pages.ROUTES,
        *conversion_pages.ROUTES,
        *web_pages.ROUTES,
        *access_pages.ROUTES,
        *webhook_pages.ROUTES,
        *participant_pages.ROUTES,
        *lookup_pages.ROUTES,
        *seat_pages.ROUTES,
        *validation_pages.ROUTES,
        *rule_pages.ROUTES,
        *exchange_pages.ROUTES,
        *authoring_pages.ROUTES,
        *statistics_pages.ROUTES,
        *answer_pages.ROUTES,
        *delivery_pages.ROUTES,
        *receivables_pages.ROUTES,
        *dunning_pages.ROUTES,
        *dispatch_pages.ROUTES,
        *payments_pages.ROUTES,
        *operations_pages.ROUTES,
    )


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Build one instance, ready to serve and work; everything is closed on leaving.

    On SQLite the schema is brought up to date here; on PostgreSQL that is the operator's
    explicit step. Raises GatewayError for every fault of the installation.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with AsyncExitStack() as closing:
        platform = await open_platform(settings, closing)
        network = network_of(platform)
        lookups = lookups_of(platform, network)
        metrics = Metrics()
        checks = checks_of(platform, metrics)
        await checks.library.refresh()
        services = _services_of(platform, network, lookups, checks)
        gateway = _assemble(platform, services, metrics)
        await follow_keys(gateway.web, closing)
        await _introduce_provider(gateway)
        await ask_at_start(platform.database, platform.queue, now())
        await seed_money(platform)
        await gateway.dates.refresh()
        closing.push_async_callback(ended, asyncio.create_task(gateway.dates.follow()))
        closing.push_async_callback(ended, asyncio.create_task(checks.library.follow()))
        secrets = sealing.follow(platform.database, platform.vault, now=now)
        closing.push_async_callback(ended, asyncio.create_task(secrets))
        yield gateway


@dataclass(frozen=True, slots=True)
class _Services:
    """What one process is made of, before anything is served or worked off."""

    network: Network
    lookups: Lookups
    checks: Checks
    people: Registrations
    money: Money
    exchange: Parts
    dispatching: Dispatching
    delivery: Delivery


def _services_of(
    platform: Platform, network: Network, lookups: Lookups, checks: Checks
) -> _Services:
    archive, lookup = Archive(platform.blobs, now), lookups.lookup
    conversion = conversion_of(platform, checks.validation)
    money = money_of(platform, archive=archive, lookup=lookup)
    events = DocumentEvents(checks.publisher)
    answers = answers_of(platform, books=money.books, events=events)
    policies = policies_of(platform)
    dispatching = dispatching_of(
        platform,
        archive=archive,
        conversion=conversion,
        lookup=lookup,
        books=money.books,
        events=events,
        policies=policies,
    )
    parts = Parts(
        platform=platform,
        network=network,
        lookup=lookup,
        archive=archive,
        validation=checks.validation,
        books=money.books,
        channels=dispatching.channels,
        events=events,
        answers=answers,
        handing_over=handing_over_of(platform, events=events, outcomes=answers.outcomes),
        conversion=conversion,
    )
    return _Services(
        network=network,
        lookups=lookups,
        checks=checks,
        people=registrations_of(platform, network, lookup),
        money=money,
        exchange=parts,
        dispatching=dispatching,
        delivery=delivery_of(parts, policies),
    )


def _serve(
    application: web.Application, platform: Platform, services: _Services, metrics: Metrics
) -> None:
    """Give the handlers their services; what is served later may build on what was before."""
    application[NETWORK] = services.network
    serve_trust(application, platform, services.network, metrics)
    serve_participants(application, services.people)
    serve_lookups(application, services.lookups)
    serve_checks(application, services.checks)
    serve_onboarding(application, onboarding_of(services.people, services.checks))
    serve_conversion(application, services.exchange.conversion)
    serve_code_lists(application, platform, services.checks)
    serve_exchange(application, services.exchange)
    serve_authoring(application, platform)
    serve_delivery(application, services.delivery)
    serve_dispatch(application, services.dispatching)
    serve_statistics(application, services.exchange)
    serve_money(application, platform, services.money)
    serve_operations(application, platform)


def _assemble(platform: Platform, services: _Services, metrics: Metrics) -> Gateway:
    database = platform.database
    job_gauges(metrics, database)
    access = Access(database=database, now=now)
    application = _server(platform, access, metrics)
    _serve(application, platform, services, metrics)
    dates = BusinessDates(
        database=database,
        clock=platform.business,
        stage=platform.settings.stage,
        then=[partial(plan_again, platform)],
    )
    application[BUSINESS_DATES] = dates
    return Gateway(
        platform=platform,
        access=access,
        network=services.network,
        participants=services.people.participants,
        dates=dates,
        links=services.money.links,
        health=application[health.HEALTH],
        web=application,
        worker=Worker(
            database=database,
            queue=platform.queue,
            registry=_registry(services),
            settings=platform.settings.jobs,
            observe=metrics.observe_job,
        ),
    )


def _server(platform: Platform, access: Access, metrics: Metrics) -> web.Application:
    """The server with every route and the pages' renderer; services come into it by their keys."""
    settings, database = platform.settings, platform.database
    application = server.build(
        settings=settings,
        routes=all_routes(),
        access=access,
        sessions=Sessions(database=database, now=now),
    )
    render.install(
        application,
        directory=Directory(database),
        zone=ZoneInfo(settings.time_zone),
        now=now,
    )
    application[app_keys.DATABASE] = database
    application[health.HEALTH] = health_of(platform)
    application[health.METRICS] = metrics
    return application


def _registry(services: _Services) -> Registry:
    """Which background work this process can do."""
    registry, parts = Registry(), services.exchange
    register_checks(registry, services.checks)
    register_participants(registry, services.people)
    register_exchange(registry, parts)
    register_delivery(registry, services.delivery)
    register_dispatch(registry, services.dispatching)
    register_statistics(registry, parts)
    register_trust(registry, parts.platform, parts.network)
    register_money(registry, parts.platform, services.money)
    register_operations(registry, parts.platform)
    prune.register(registry, parts.platform.database)
    return registry


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
        await ensure_duties(session, at=now())
    for seat_id in gateway.network.seat_ids(Purpose.AP):
        await gateway.participants.register_provider(
            operator.id,
            seat_id,
            name=settings.network.provider_name,
            country=settings.network.provider_country,
        )
