"""The loop that does the work: claim, run, keep the lease, report, hand back on shutdown."""

import asyncio
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.database import Database
from gateway.core.errors import GatewayError, Retry
from gateway.core.jobs import claim as leases
from gateway.core.jobs import lanes, schedule
from gateway.core.jobs.backoff import JOB_CRASH, JOB_DEADLINE, Dead, JobError, Reschedule, judge
from gateway.core.jobs.dialect import machine_now
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext, LeaseLost, Registry
from gateway.core.jobs.tables import Job
from gateway.core.settings import JobSettings

__all__ = ["Observe", "Outcome", "Worker"]

log = structlog.get_logger(__name__)

_MAX_LAPSES: Final = 10
"""Leases in a row that may run out. A process that is killed takes every job along that it holds,
also those that only waited, so a few lapses say little about the job itself; and burying a message
that was acknowledged would lose it for the business."""

Outcome = Literal["done", "again", "dead", "cancelled", "released", "lost"]
Observe = Callable[[str, Outcome, float], None]
"""Told of every attempt: kind, outcome, seconds."""


@dataclass(slots=True)
class _Run:
    """One attempt in progress; ``stop`` says why its task is being cancelled."""

    job: Job
    context: JobContext
    task: asyncio.Task[None] | None = None
    stop: Literal["cancelled", "lost", "released"] | None = None
    stoppable: bool = False


class Worker:
    """One process's share of the work. ``name`` tells operators who holds a lease."""

    def __init__(
        self,
        *,
        database: Database,
        queue: JobQueue,
        registry: Registry,
        settings: JobSettings,
        observe: Observe = lambda kind, outcome, seconds: None,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._database = database
        self._queue = queue
        self._registry = registry
        self._settings = settings
        self._observe = observe
        self._lease = timedelta(seconds=settings.lease_s)
        self._breaker = lanes.Breaker(
            after=settings.break_after,
            first_pause=timedelta(seconds=settings.pause_s),
            longest_pause=timedelta(seconds=settings.longest_pause_s),
        )
        self._runs: dict[leases.Held, _Run] = {}
        self._stopping = False
        self._more = False
        self._asked_at = 0.0

    async def run(self) -> None:
        """Work until ``stop`` is called; then give running jobs their grace and hand them back."""
        async with self._database.write() as session:
            now = await machine_now(session)
            await schedule.install(session, self._registry.plans, now=now)
        grace = self._settings.release_grace_s
        async with self._heart():
            try:
                rung = False
                while not self._stopping:
                    free = self._settings.concurrency - len(self._runs)
                    claimed = await self._look(free, rung=rung) if free else []
                    if len(claimed) < max(free, 1) and not self._stopping:
                        rung = await self._queue.wake.wait(self._settings.poll_s)
            except asyncio.CancelledError:
                grace = 0
                raise
            finally:
                await self._release(grace)

    async def run_due(self) -> int:
        """Do what is due now, and what that work makes due, then return how many attempts it took.

        For one-shot commands and tests; ``run`` is the life of a server.
        """
        attempts = 0
        async with self._heart():
            while claimed := await self._take(self._settings.concurrency, rung=False):
                attempts += len(claimed)
                await asyncio.gather(*(run.task for run in self._runs.values() if run.task))
        return attempts

    def stop(self) -> None:
        """Ask ``run`` to end; safe to call from a signal handler of the loop."""
        self._stopping = True
        self._queue.wake.ring()

    async def _look(self, limit: int, *, rung: bool) -> Sequence[Job]:
        """One round of the loop; a database that is away is waited for, not died of."""
        try:
            return await self._take(limit, rung=rung)
        except (SQLAlchemyError, OSError) as error:
            log.warning("jobs.database_away", error=type(error).__name__)
            return []

    async def _take(self, limit: int, *, rung: bool) -> Sequence[Job]:
        """Claim what is due. Who was rung knows of work; who only polls asks before locking."""
        kinds, scheduled = self._registry.kinds, False
        if not rung or time.monotonic() - self._asked_at >= self._settings.poll_s:
            async with self._database.read() as session:
                now = await machine_now(session)
                scheduled = await schedule.anything_scheduled(session, now=now)
                due = rung or await leases.anything_due(session, now=now, kinds=kinds)
            self._asked_at = time.monotonic()
            if not scheduled and not due:
                return []
        async with self._database.write() as session:
            now = await machine_now(session)
            if scheduled:
                await schedule.tick(session, self._queue, now=now)
                now = await machine_now(session)
            claimed = await leases.claim(
                session,
                now=now,
                lease=self._lease,
                worker=self.name,
                kinds=kinds,
                limit=limit,
                lane_cap=self._settings.lane_cap,
                breaker=self._breaker,
            )
        self._more = claimed.more
        for job in claimed.jobs:
            self._start(job)
        return claimed.jobs

    def _start(self, job: Job) -> None:
        run = _Run(job, JobContext(job))
        run.task = asyncio.create_task(self._attempt(run), name=f"job {job.kind} {job.id}")
        held = leases.held(job)
        self._runs[held] = run

        def ended(_task: asyncio.Task[None]) -> None:
            del self._runs[held]
            if self._more:
                self._queue.wake.ring()

        run.task.add_done_callback(ended)

    async def _attempt(self, run: _Run) -> None:
        job, began = run.job, time.monotonic()
        outcome: Outcome = "lost"
        with structlog.contextvars.bound_contextvars(
            job_id=str(job.id), job_kind=job.kind, traceparent=job.traceparent
        ):
            try:
                outcome = await self._do(run)
            except Exception:
                # Nothing was reported, so the lease runs out and the job is due again by itself.
                log.exception("jobs.report_failed")
            if outcome == "again":
                self._queue.wake.ring()
            self._observe(job.kind, outcome, time.monotonic() - began)

    async def _do(self, run: _Run) -> Outcome:
        job = run.job
        if job.cancel_requested:
            return await self._give_up(job)
        if error := _unfit(job, claimed_at=job.run_at - self._lease):
            async with self._database.write() as session:
                return await self._bury(session, job, error)
        return await self._handle(run)

    async def _handle(self, run: _Run) -> Outcome:
        job = run.job
        try:
            run.stoppable = True
            await self._registry[job.kind].handler(run.context)
        except asyncio.CancelledError:
            if run.stop is None:
                raise
            return await self._stopped(run)
        except LeaseLost:
            return "lost"
        except Exception as failure:  # noqa: BLE001 - judged and logged in _failed
            run.stoppable = False
            return await self._failed(run, failure)
        run.stoppable = False
        if await self._fenced(run):
            return "done"
        async with self._database.write() as session:
            return "done" if await leases.complete(session, job) else "lost"

    async def _failed(self, run: _Run, failure: Exception) -> Outcome:
        """Write what a handler's exception means for its job and for the lane it is in."""
        job, fenced = run.job, await self._fenced(run)
        if fenced or not isinstance(failure, GatewayError | Reschedule):
            log.error("jobs.handler_raised", exc_info=failure)
        if fenced:
            return "done"
        work = self._registry[job.kind]
        async with self._database.write() as session:
            now = await machine_now(session)
            verdict = judge(
                failure,
                policy=run.context.policy or work.policy,
                attempt=job.attempt,
                first_at=run.context.first_at,
                deadline=job.deadline,
                now=now,
                jitter=random.random(),  # noqa: S311 - spreads retries, keeps no secret
            )
            if _blames_lane(failure, run.context):
                await lanes.failed(session, job.lane, now, breaker=self._breaker)
            if isinstance(verdict, Dead):
                return await self._bury(session, job, verdict.error)
            ours = await leases.hand_back(session, job, at=verdict.at, error=verdict.error)
            if verdict.error:
                log.info("jobs.again", code=verdict.error.code, at=verdict.at.isoformat())
            return "again" if ours else "lost"

    async def _bury(self, session: AsyncSession, job: Job, error: JobError) -> Outcome:
        if not await leases.bury(session, job, error):
            return "lost"
        on_dead = self._registry[job.kind].on_dead
        if on_dead is not None:
            await on_dead(session, job, error)
        log.warning("jobs.dead", code=error.code)
        return "dead"

    async def _stopped(self, run: _Run) -> Outcome:
        """Report a handler that was stopped from outside."""
        if await self._fenced(run):
            return "done"
        if run.stop == "cancelled":
            return await self._give_up(run.job)
        if run.stop == "released":
            async with self._database.write() as session:
                now = await machine_now(session)
                if await leases.hand_back(session, run.job, at=now, error=None):
                    return "released"
        return "lost"

    async def _fenced(self, run: _Run) -> bool:
        """Whether the handler ended its job itself, and its transaction really committed."""
        if not run.context.fenced or run.context.committed:
            return run.context.committed
        async with self._database.read() as session:
            return await leases.ended(session, run.job)

    async def _give_up(self, job: Job) -> Outcome:
        async with self._database.write() as session:
            return "cancelled" if await leases.give_up(session, job) else "lost"

    async def _release(self, grace: float) -> None:
        """Let running jobs finish for ``grace`` seconds, then hand the rest back at once."""
        tasks = [run.task for run in self._runs.values() if run.task]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace)
        for run in self._runs.values():
            _halt(run, "released")
        await asyncio.gather(*late, return_exceptions=True)

    @asynccontextmanager
    async def _heart(self) -> AsyncIterator[None]:
        """Keep the leases of running jobs alive meanwhile."""
        still = asyncio.Event()
        beats = asyncio.create_task(self._beat(still))
        try:
            yield
        finally:
            still.set()
            await beats

    async def _beat(self, still: asyncio.Event) -> None:
        while not still.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(still.wait(), self._settings.lease_s / 3)
            held = list(self._runs)
            if not held or still.is_set():
                continue
            try:
                async with self._database.write() as session:
                    kept = await leases.renew(session, held, lease=self._lease)
            except (SQLAlchemyError, OSError) as error:
                log.warning("jobs.heartbeat_failed", error=type(error).__name__)
                continue
            for lease in held:
                if run := self._runs.get(lease):
                    if lease not in kept:
                        _halt(run, "lost")
                    elif kept[lease]:
                        _halt(run, "cancelled")


def _halt(run: _Run, why: Literal["cancelled", "lost", "released"]) -> None:
    """Stop a handler; one that has returned is left to report its end."""
    if run.stoppable and run.stop is None and run.task is not None:
        run.stop = why
        run.context.cancelled.set()
        run.task.cancel()


def _blames_lane(failure: Exception, context: JobContext) -> bool:
    """Whether a failure counts against the partner the job's lane leads to."""
    passing = isinstance(failure, GatewayError) and failure.retry is Retry.BACKOFF
    return passing and bool(context.lane) and context.blames_lane


def _unfit(job: Job, *, claimed_at: datetime) -> JobError | None:
    """Why a claimed job must not run any more, if so."""
    if job.lapses >= _MAX_LAPSES:
        text = f"{job.lapses} workers in a row went silent while they did this job."
        return JobError(JOB_CRASH, text)
    if job.deadline is not None and claimed_at > job.deadline:
        return JobError(JOB_DEADLINE, "The job's deadline passed before it could be tried again.")
    return None
