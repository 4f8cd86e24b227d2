"""The services of validation over a fresh database, with the real rules in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.access.principal import CallerKind, Principal
from gateway.access.tables import Tenant
from gateway.access.webhook_events import EventTypes
from gateway.access.webhook_publishing import Publisher
from gateway.core.blobs import LocalBlobStore
from gateway.core.clock import BusinessClock, now
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.faults import Faults
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.worker import Worker
from gateway.core.settings import FaultSettings, JobSettings
from gateway.validation import order_job, worker
from gateway.validation.order_job import CheckJob
from gateway.validation.orders import EVENT_TYPES, ValidationOrders
from gateway.validation.rule_library import RuleLibrary
from gateway.validation.service import ValidationService
from schematron import worker as engine

NOW = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
"""Past midnight in Brussels: the business date is the 22nd."""


class Pool:
    """The real rules in this process; remembers what it was asked, fails as told."""

    def __init__(self) -> None:
        self.asked: list[dict[str, object]] = []
        self.fails: dict[str, ErrorKind] = {}
        self.failing: ErrorKind | None = None

    async def run(self, task: Callable[..., Any], *arguments: Any) -> Any:
        options = arguments[-1]
        self.asked.append(options)
        failing = self.failing or self.fails.get(str(options["file"]))
        if failing is not None:
            raise GatewayError(failing, "As the test says.")
        return worker.run(None, task, *arguments)


@dataclass(frozen=True)
class Checks:
    """Validation with everything behind it."""

    database: Database
    pool: Pool
    service: ValidationService
    orders: ValidationOrders
    publisher: Publisher
    worker: Worker
    blobs: Path
    seen: list[object]
    own: Principal
    other: Principal
    job: CheckJob

    def stored(self) -> int:
        """How many blobs there are."""
        return sum(path.is_file() for path in self.blobs.rglob("*"))


@pytest.fixture(scope="session")
def rules() -> None:
    engine.initialise(warm=())


@pytest.fixture
async def checks(rules: None, database: Database, tmp_path: Path) -> Checks:
    callers = await _callers(database)
    pool, seen = Pool(), []
    clock = BusinessClock(zone=ZoneInfo("Europe/Brussels"), machine=lambda: NOW)
    queue = JobQueue(database)
    store = LocalBlobStore(tmp_path / "blobs")
    publisher = Publisher(queue=queue, types=EventTypes(EVENT_TYPES), now=lambda: NOW)
    service = ValidationService(
        database=database, pool=pool, today=clock, now=lambda: NOW, observe=seen.append
    )
    library = RuleLibrary(
        database=database, folder=tmp_path / "rules", config=None, now=lambda: NOW
    )
    job = CheckJob(
        database=database,
        blobs=store,
        validation=service,
        publisher=publisher,
        faults=Faults(FaultSettings()),
        now=now,
    )
    registry = Registry()
    order_job.register(registry, job)
    return Checks(
        database=database,
        pool=pool,
        service=service,
        orders=ValidationOrders(
            database=database,
            blobs=store,
            queue=queue,
            rules=library,
            faults=Faults(FaultSettings()),
            today=clock,
            now=lambda: NOW,
        ),
        publisher=publisher,
        worker=Worker(database=database, queue=queue, registry=registry, settings=JobSettings()),
        blobs=tmp_path / "blobs",
        seen=seen,
        own=callers[0],
        other=callers[1],
        job=job,
    )


async def _callers(database: Database) -> list[Principal]:
    tenants = [Tenant(slug=one, name=one, created_at=NOW) for one in ("alpha", "beta")]
    async with database.write() as session:
        session.add_all(tenants)
    return [
        Principal(
            tenant_id=one.id,
            actor="test",
            kind=CallerKind.API_KEY,
            scopes=frozenset({"validations:run"}),
        )
        for one in tenants
    ]


@pytest.fixture
def caller_without() -> Callable[[Principal], Principal]:
    """The same caller without any scope."""

    def bare(caller: Principal) -> Principal:
        return Principal(
            tenant_id=caller.tenant_id,
            actor="test",
            kind=CallerKind.API_KEY,
            scopes=frozenset(),
        )

    return bare
