"""Which handler does which kind of job, and what a handler is told about the job it does."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.jobs.backoff import DEFAULT_POLICY, JobError, Policy
from gateway.core.jobs.claim import complete
from gateway.core.jobs.schedule import Plan
from gateway.core.jobs.tables import Job, Missed

__all__ = ["Handler", "JobContext", "LeaseLost", "OnDead", "Registry", "Work"]


class LeaseLost(Exception):
    """Another worker has the job now; whatever this one was about to write must not be written."""


class JobContext:
    """One attempt at one job, as its handler sees it.

    ``attempt`` counts from 1. ``first_at`` is when the first attempt began. ``cancelled`` is set
    when the job is cancelled or taken away while the handler runs; the handler's task is
    cancelled at the same time. A handler may set ``policy``, how patiently this very job is tried
    (None: as its kind), and ``blames_lane``, whether a failure shows that the partner is away.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self.id: UUID = job.id
        self.kind: str = job.kind
        self.lane: str = job.lane
        self.payload: Mapping[str, Any] = job.payload
        self.attempt: int = job.attempt
        self.first_at: datetime = job.started_at or job.created_at
        self.deadline: datetime | None = job.deadline
        self.policy: Policy | None = None
        self.blames_lane = True
        self.cancelled = asyncio.Event()
        self.fenced = False
        self.committed = False

    async def fence(self, session: AsyncSession) -> None:
        """Complete this job in the handler's own write transaction.

        The business rows and the end of the job commit together or not at all. Raises LeaseLost
        when another worker has taken over; let it propagate, so that the transaction rolls back,
        unless what it writes is true whoever has the job.
        """
        if not await complete(session, self._job):
            raise LeaseLost(str(self.id))
        self.fenced = True
        event.listen(session.sync_session, "after_commit", self._commit_seen, once=True)

    def _commit_seen(self, _session: object) -> None:
        self.committed = True


Handler = Callable[[JobContext], Awaitable[None]]
OnDead = Callable[[AsyncSession, Job, JobError], Awaitable[None]]
"""Runs in the transaction that buries the job; what it writes commits with the burial."""


@dataclass(frozen=True, slots=True)
class Work:
    """How one kind of job is done."""

    handler: Handler
    policy: Policy
    on_dead: OnDead | None


class Registry:
    """The kinds of job this process can do and the ones that come by the clock."""

    def __init__(self) -> None:
        self._works: dict[str, Work] = {}
        self._plans: dict[str, Plan] = {}

    def add(
        self,
        kind: str,
        handler: Handler,
        *,
        policy: Policy = DEFAULT_POLICY,
        on_dead: OnDead | None = None,
    ) -> None:
        """Say who does a kind of job; each kind has exactly one handler."""
        if kind in self._works:
            raise ValueError(f"job kind '{kind}' has a handler already")
        self._works[kind] = Work(handler, policy, on_dead)

    def every(self, kind: str, spec: str, *, missed: Missed = Missed.RUN_ONCE) -> None:
        """Run a kind by the clock: ``every 300 seconds`` or ``daily 03:10 Europe/Brussels``."""
        if kind not in self._works:
            raise ValueError(f"job kind '{kind}' has no handler")
        self._plans[kind] = Plan(kind, spec, missed)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds this process may claim."""
        return tuple(self._works)

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The kinds that come by the clock."""
        return tuple(self._plans.values())

    def __getitem__(self, kind: str) -> Work:
        return self._works[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._works)
