"""The operator's work by the clock: the end of the audit log, told to the log every day.

Whoever keeps the log elsewhere can prove later, with ``gateway check --anchor``, that the end of
the audit log was not cut off.
"""

from typing import Final

import structlog

from gateway.access.audit import audit_head
from gateway.core.database import Database
from gateway.core.jobs.registry import JobContext, Registry

__all__ = ["AUDIT_ANCHOR", "register"]

log = structlog.get_logger(__name__)

AUDIT_ANCHOR: Final = "operations.audit-anchor"


def register(registry: Registry, database: Database) -> None:
    """Tell the end of the chain once a day."""

    async def tell(_job: JobContext) -> None:
        async with database.read() as session:
            head = await audit_head(session)
        log.info("audit.anchor", anchor=str(head))

    registry.add(AUDIT_ANCHOR, tell)
    registry.every(AUDIT_ANCHOR, "daily 00:05 UTC")
