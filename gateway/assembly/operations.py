"""The operator's desk of one process."""

from aiohttp import web

from gateway.assembly.platform import Platform
from gateway.core.clock import now
from gateway.core.jobs.registry import Registry
from gateway.operations import jobs
from gateway.operations.keys import OPERATOR_DESK
from gateway.operations.service import OperatorDesk

__all__ = ["register_operations", "serve_operations"]


def serve_operations(application: web.Application, platform: Platform) -> None:
    """Give the handlers their service."""
    application[OPERATOR_DESK] = OperatorDesk(
        database=platform.database, queue=platform.queue, now=now
    )


def register_operations(registry: Registry, platform: Platform) -> None:
    """Say what comes by the clock."""
    jobs.register(registry, platform.database)
