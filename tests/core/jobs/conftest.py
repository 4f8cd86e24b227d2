"""A queue, a registry and workers over the test's database."""

from collections.abc import Callable
from uuid import UUID

import pytest

from gateway.core.database import Database
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.tables import Job
from gateway.core.jobs.worker import Worker
from gateway.core.settings import JobSettings


@pytest.fixture
def queue(database: Database) -> JobQueue:
    return JobQueue(database)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def make_worker(database: Database, queue: JobQueue, registry: Registry) -> Callable[..., Worker]:
    """Make a worker; keyword arguments are its job settings."""

    def make(**settings: float) -> Worker:
        return Worker(
            database=database,
            queue=queue,
            registry=registry,
            settings=JobSettings.model_validate({"poll_s": 0.05, **settings}),
        )

    return make


@pytest.fixture
def worker(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker()


@pytest.fixture
def read_job(database: Database) -> Callable[[UUID], object]:
    async def read(job_id: UUID) -> Job:
        async with database.read() as session:
            job = await session.get(Job, job_id)
        assert job is not None
        return job

    return read
