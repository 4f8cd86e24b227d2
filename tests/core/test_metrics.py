"""Figures counted here and figures asked of the database."""

from datetime import timedelta

import pytest

from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.tables import Job, JobState
from gateway.core.metrics import Metrics, job_gauges


async def test_two_instances_do_not_share_figures() -> None:
    one, other = Metrics(), Metrics()
    one.observe_job("deliver", "done", 0.3)
    one.observe_job("deliver", "done", 0.3)
    text = (await one.render()).decode()
    assert 'gateway_job_attempts_total{kind="deliver",outcome="done"} 2.0' in text
    assert 'gateway_job_seconds_count{kind="deliver"} 2.0' in text
    assert "deliver" not in (await other.render()).decode()


async def test_packages_register_their_own() -> None:
    metrics = Metrics()
    metrics.counter("messages", "Messages", "state").labels("sent").inc(3)
    metrics.gauge("certificate_expiry_seconds", "Left", "seat").labels("POP1").set(12)
    metrics.histogram("lookup_seconds", "Lookups", buckets=(1, 2)).observe(1.5)
    text = (await metrics.render()).decode()
    assert 'gateway_messages_total{state="sent"} 3.0' in text
    assert 'gateway_certificate_expiry_seconds{seat="POP1"} 12.0' in text
    assert 'gateway_lookup_seconds_bucket{le="2.0"} 1.0' in text


def test_a_name_is_taken_once() -> None:
    metrics = Metrics()
    metrics.counter("messages", "Messages")
    with pytest.raises(ValueError, match="Duplicated"):
        metrics.counter("messages", "Messages")


async def test_what_waits_is_read_at_the_scrape(database: Database) -> None:
    metrics, queue = Metrics(), JobQueue(database)
    job_gauges(metrics, database)
    async with database.write() as session:
        for late in (timedelta(hours=1), timedelta(0), -timedelta(hours=1)):
            await queue.enqueue(session, kind="deliver", payload={}, run_at=now() - late)
        dead = await queue.enqueue(session, kind="respond", payload={})
    async with database.write() as session:
        job = await session.get(Job, dead)
        assert job is not None
        job.state = JobState.DEAD
    text = (await metrics.render()).decode()
    assert 'gateway_jobs{kind="deliver",state="ready"} 3.0' in text
    assert 'gateway_jobs_dead{kind="respond"} 1.0' in text
    (age,) = [
        float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith('gateway_job_oldest_due_seconds{kind="deliver"}')
    ]
    assert 3600 <= age < 7200
    async with database.write() as session:
        job = await session.get(Job, dead)
        await session.delete(job)
    assert "respond" not in (await metrics.render()).decode()
