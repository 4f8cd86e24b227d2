"""Figures for Prometheus: counted in this process, or read from the database at the scrape.

What only the database knows (how much waits, for how long, what is dead) is asked there, so any
process of an instance gives the same answer. No global registry: whoever counts is handed a
``Metrics``.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.database import Database
from gateway.core.jobs.dialect import machine_now
from gateway.core.jobs.tables import IS_ACTIVE, Job, JobState

__all__ = ["CONTENT_TYPE", "Metrics", "Refresh", "job_gauges"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Refresh = Callable[[], Awaitable[None]]
"""Brings gauges up to date just before they are rendered."""


class Metrics:
    """All figures of one process. Names start with ``gateway_``; times are in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._refreshes: list[Refresh] = []
        self._attempts = self.counter("job_attempts", "Job attempts by outcome", "kind", "outcome")
        self._seconds = self.histogram("job_seconds", "Time one job attempt took", "kind")

    def counter(self, name: str, help_text: str, *labels: str) -> Counter:
        """Register something that only grows."""
        return Counter(f"gateway_{name}", help_text, labels, registry=self.registry)

    def gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        """Register something that goes up and down."""
        return Gauge(f"gateway_{name}", help_text, labels, registry=self.registry)

    def histogram(
        self,
        name: str,
        help_text: str,
        *labels: str,
        buckets: Sequence[float] = Histogram.DEFAULT_BUCKETS,
    ) -> Histogram:
        """Register something whose distribution matters."""
        return Histogram(
            f"gateway_{name}", help_text, labels, buckets=buckets, registry=self.registry
        )

    def refresh_with(self, refresh: Refresh) -> None:
        """Call ``refresh`` before every scrape."""
        self._refreshes.append(refresh)

    def observe_job(self, kind: str, outcome: str, seconds: float) -> None:
        """Count one attempt at a job; fits ``Worker(observe=...)``."""
        self._attempts.labels(kind, outcome).inc()
        self._seconds.labels(kind).observe(seconds)

    async def render(self) -> bytes:
        """Bring the gauges up to date and return everything in Prometheus' text format."""
        for refresh in self._refreshes:
            await refresh()
        return generate_latest(self.registry)


def job_gauges(metrics: Metrics, database: Database) -> None:
    """Show per kind of job how much waits, how long the oldest has been due, and what is dead."""
    depth = metrics.gauge("jobs", "Jobs that have not ended, by kind and state", "kind", "state")
    oldest = metrics.gauge("job_oldest_due_seconds", "How long the oldest job is due", "kind")
    dead = metrics.gauge("jobs_dead", "Jobs given up and not looked into yet", "kind")

    async def refresh() -> None:
        async with database.read() as session:
            now = await machine_now(session)
            active = await _active(session)
            buried = await _buried(session)
        for gauge in (depth, oldest, dead):
            gauge.clear()
        for kind, state, count, first in active:
            depth.labels(kind, state.value).set(count)
            if state is JobState.READY:
                oldest.labels(kind).set(max((now - first).total_seconds(), 0))
        for kind, count in buried:
            dead.labels(kind).set(count)

    metrics.refresh_with(refresh)


async def _active(session: AsyncSession) -> Sequence[tuple[str, JobState, int, datetime]]:
    found = await session.exec(
        select(Job.kind, Job.state, func.count(), func.min(Job.run_at))
        .where(IS_ACTIVE)
        .group_by(Job.kind, Job.state)
    )
    return [(kind, JobState(state), count, first) for kind, state, count, first in found.all()]


async def _buried(session: AsyncSession) -> Sequence[tuple[str, int]]:
    dead = select(Job.kind, func.count()).where(col(Job.state) == JobState.DEAD)
    return (await session.exec(dead.group_by(Job.kind))).all()
