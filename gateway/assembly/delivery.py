"""The way out of one process: policies, lookups and deliveries, what people do about them."""

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from gateway.assembly.exchange import Parts, departures_of
from gateway.assembly.platform import Platform
from gateway.core.clock import now
from gateway.core.jobs.registry import Registry
from gateway.core.patience import Patience
from gateway.core.settings import NetworkSettings
from gateway.exchange import ageing
from gateway.exchange import delivery_keys as keys
from gateway.exchange.as4_client import As4Client
from gateway.exchange.delivery_desk import DeliveryDesk
from gateway.exchange.delivery_job import DeliveryJob
from gateway.exchange.delivery_plan import Bounds, DeliveryPolicy
from gateway.exchange.delivery_policies import DeliveryPolicies
from gateway.exchange.encoding import Encoder
from gateway.exchange.giving_up import GivingUp
from gateway.exchange.lanes import DELIVER, LOOKUP
from gateway.exchange.lookup_job import LookupJob
from gateway.exchange.reformatting import Reformatting

__all__ = ["Delivery", "delivery_of", "policies_of", "register_delivery", "serve_delivery"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What takes documents out of the house."""

    parts: Parts
    policies: DeliveryPolicies


def delivery_of(parts: Parts, policies: DeliveryPolicies) -> Delivery:
    """Build it."""
    return Delivery(parts=parts, policies=policies)


def serve_delivery(application: web.Application, delivery: Delivery) -> None:
    """Give the handlers their services."""
    parts = delivery.parts
    application[keys.DELIVERY_POLICIES] = delivery.policies
    application[keys.DELIVERY_DESK] = DeliveryDesk(
        database=parts.platform.database,
        queue=parts.platform.queue,
        events=parts.events,
        books=parts.books,
        channels=parts.channels,
        now=now,
    )


def register_delivery(registry: Registry, delivery: Delivery) -> None:
    """Say how documents are looked up and delivered, and how long they may wait."""
    parts = delivery.parts
    giving_up = GivingUp(
        policies=delivery.policies,
        events=parts.events,
        books=parts.books,
        then=[parts.answers.fallback.given_up],
        now=now,
    )
    plan = delivery.policies.default.retry_plan()
    registry.add(LOOKUP, _lookup_job(delivery), policy=plan, on_dead=giving_up)
    registry.add(DELIVER, _delivery_job(delivery), policy=plan, on_dead=giving_up)
    settings = parts.platform.settings
    limits = settings.delivery
    ageing.register(
        registry,
        ageing.Ageing(
            database=parts.platform.database,
            handovers=parts.handing_over.handovers,
            queue_age=timedelta(seconds=limits.queue_age_s),
            stuck_after=timedelta(seconds=limits.stuck_after_s),
            break_after=settings.jobs.break_after,
            now=now,
        ),
        every_s=limits.ageing_every_s,
    )


def _lookup_job(delivery: Delivery) -> LookupJob:
    parts, database = delivery.parts, delivery.parts.platform.database
    return LookupJob(
        database=database,
        departures=departures_of(parts),
        lookup=parts.lookup,
        policies=delivery.policies,
        channels=parts.channels,
        reformatting=Reformatting(
            database=database,
            archive=parts.archive,
            conversion=parts.conversion,
            validation=parts.validation,
            lookup=parts.lookup,
            now=now,
        ),
        events=parts.events,
        now=now,
    )


def _delivery_job(delivery: Delivery) -> DeliveryJob:
    parts, platform = delivery.parts, delivery.parts.platform
    settings, database, archive = platform.settings, platform.database, parts.archive
    return DeliveryJob(
        database=database,
        archive=archive,
        lookup=parts.lookup,
        encoder=Encoder(database=database, archive=archive, network=parts.network, now=now),
        client=As4Client(
            platform.http, settings.stage, platform.faults, _patience(settings.network)
        ),
        policies=delivery.policies,
        events=parts.events,
        now=now,
        faults=platform.faults,
    )


def policies_of(platform: Platform) -> DeliveryPolicies:
    """How patiently documents are sent, within the instance's bounds."""
    settings = platform.settings
    bounds = settings.delivery
    return DeliveryPolicies(
        database=platform.database,
        default=DeliveryPolicy(
            backoff_s=settings.jobs.delivery_backoff_s,
            deadline_s=settings.jobs.delivery_deadline_s,
            max_attempts=bounds.max_attempts,
        ),
        bounds=Bounds(
            shortest_wait_s=bounds.shortest_wait_s,
            longest_wait_s=bounds.longest_wait_s,
            longest_deadline_s=bounds.longest_deadline_s,
            most_attempts=bounds.most_attempts,
        ),
        now=now,
    )


def _patience(network: NetworkSettings) -> Patience:
    return Patience(
        dns=network.dns_timeout_s,
        connect=network.connect_timeout_s,
        tls=network.tls_timeout_s,
        send=network.send_timeout_s,
        wait=network.answer_timeout_s,
        read=network.read_timeout_s,
    )
