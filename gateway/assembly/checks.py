"""Webhooks and checks of one process: their services for handlers, their background work."""

from dataclasses import dataclass

from aiohttp import web

from gateway.access import webhook_delivery
from gateway.access.webhook_api import WEBHOOKS
from gateway.access.webhook_events import EventTypes
from gateway.access.webhook_publishing import Publisher
from gateway.access.webhook_service import Webhooks
from gateway.assembly.platform import Platform
from gateway.core.clock import now
from gateway.core.jobs.registry import Registry
from gateway.core.metrics import Metrics
from gateway.exchange import events as document_events
from gateway.validation import keys as validation_keys
from gateway.validation import order_job, orders
from gateway.validation.metrics import ValidationMetrics
from gateway.validation.rule_keys import RULES
from gateway.validation.rule_library import RuleLibrary
from gateway.validation.rule_service import RuleService
from gateway.validation.service import ValidationService

__all__ = ["Checks", "checks_of", "register_checks", "serve_checks"]


@dataclass(frozen=True, slots=True)
class Checks:
    """What checks documents, and what tells other programs that something happened."""

    platform: Platform
    validation: ValidationService
    publisher: Publisher
    library: RuleLibrary


def checks_of(platform: Platform, metrics: Metrics) -> Checks:
    """Build them."""
    webhook_delivery.endpoint_gauge(metrics, platform.database)
    return Checks(
        platform=platform,
        validation=ValidationService(
            database=platform.database,
            pool=platform.pool,
            today=platform.business,
            now=now,
            observe=ValidationMetrics(metrics),
        ),
        publisher=Publisher(
            queue=platform.queue,
            types=EventTypes([*orders.EVENT_TYPES, *document_events.EVENT_TYPES]),
            now=now,
        ),
        library=RuleLibrary(
            database=platform.database,
            folder=platform.settings.rules_dir,
            config=platform.settings.config_dir,
            now=now,
        ),
    )


def serve_checks(application: web.Application, checks: Checks) -> None:
    """Give the handlers their services."""
    platform = checks.platform
    application[validation_keys.VALIDATION] = checks.validation
    application[validation_keys.ORDERS] = orders.ValidationOrders(
        database=platform.database,
        blobs=platform.blobs,
        queue=platform.queue,
        rules=checks.library,
        faults=platform.faults,
        today=platform.business,
        now=now,
    )
    application[RULES] = RuleService(
        database=platform.database, library=checks.library, today=platform.business
    )
    application[WEBHOOKS] = Webhooks(
        database=platform.database,
        publisher=checks.publisher,
        vault=platform.vault,
        stage=platform.settings.stage,
        now=now,
    )


def register_checks(registry: Registry, checks: Checks) -> None:
    """Say how orders are worked through and webhooks delivered."""
    platform = checks.platform
    order_job.register(
        registry,
        order_job.CheckJob(
            database=platform.database,
            blobs=platform.blobs,
            validation=checks.validation,
            publisher=checks.publisher,
            faults=platform.faults,
            now=now,
        ),
    )
    deliver = webhook_delivery.DeliverJob(
        database=platform.database,
        http=platform.http,
        vault=platform.vault,
        stage=platform.settings.stage,
        now=now,
    )
    webhook_delivery.register(registry, deliver, platform.database, now=now)
