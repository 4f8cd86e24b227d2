"""The life of leases against a model: any order of claims, renewals, reports and waiting."""

import asyncio
import dataclasses
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core import clock
from gateway.core.database import Database
from gateway.core.jobs import claim as leases
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.tables import Job, JobState, Lane

LEASE = timedelta(seconds=60)
CAPS = {"a": 1, "b": 2}
# Most often either well within a lease or just past it.
SECONDS = st.sampled_from([0, 1, 30, 61]).map(lambda seconds: timedelta(seconds=seconds))

R = TypeVar("R")


@dataclasses.dataclass
class Expected:
    """What the model thinks of one job."""

    lane: str
    run_at: datetime
    state: JobState = JobState.READY
    token: UUID | None = None
    attempt: int = 0
    lapses: int = 0
    cancel: bool = False


class Leases(RuleBasedStateMachine):
    claims = Bundle("claims")

    def __init__(self, template: Path) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="leases-"))
        shutil.copyfile(template, self.folder / "gateway.db")
        self.runner = asyncio.Runner()
        self.database = Database(f"sqlite:///{self.folder / 'gateway.db'}")
        self.queue = JobQueue(self.database)
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(clock, "now", lambda: self.now)
        self.model: dict[UUID, Expected] = {}
        self.write(self.open_narrow_lane)
        for lane in ("", "a", "a", "b", "b", "b"):
            self.enqueue(lane, timedelta(0))

    def teardown(self) -> None:
        self.patch.undo()
        self.runner.run(self.database.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    def write(self, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        async def transaction() -> R:
            async with self.database.write() as session:
                return await work(session)

        return self.runner.run(transaction())

    async def open_narrow_lane(self, session: AsyncSession) -> None:
        session.add(Lane(name="a", cap=CAPS["a"]))

    def due(self) -> dict[UUID, Expected]:
        return {
            job_id: job
            for job_id, job in self.model.items()
            if job.state in (JobState.READY, JobState.LEASED) and job.run_at <= self.now
        }

    def busy(self) -> Counter[str]:
        return Counter(
            job.lane
            for job in self.model.values()
            if job.state is JobState.LEASED and job.run_at > self.now
        )

    def claimable(self) -> int:
        """How many jobs the caps let through right now."""
        waiting, busy = Counter(job.lane for job in self.due().values()), self.busy()
        room = {lane: max(cap - busy[lane], 0) for lane, cap in CAPS.items()}
        return waiting[""] + sum(min(waiting[lane], free) for lane, free in room.items())

    @rule(by=SECONDS)
    def time_passes(self, by: timedelta) -> None:
        self.now += by

    @rule(lane=st.sampled_from(["", "a", "b"]), delay=SECONDS)
    def enqueue(self, lane: str, delay: timedelta) -> None:
        run_at = self.now + delay
        job_id = self.write(
            lambda session: self.queue.enqueue(
                session, kind="work", payload={}, lane=lane, run_at=run_at
            )
        )
        self.model[job_id] = Expected(lane, run_at)

    @rule(target=claims, limit=st.integers(1, 5))
    def claim(self, limit: int) -> list[Job]:
        due, claimable = self.due(), self.claimable()
        claimed = self.write(
            lambda session: leases.claim(
                session,
                now=self.now,
                lease=LEASE,
                worker="w",
                kinds=["work"],
                limit=limit,
                lane_cap=CAPS["b"],
            )
        ).jobs
        assert {job.id for job in claimed} <= due.keys()
        assert len(claimed) == min(limit, claimable)
        for job in claimed:
            known = self.model[job.id]
            known.lapses += known.state is JobState.LEASED
            known.attempt += 1
            known.state, known.run_at, known.token = JobState.LEASED, self.now + LEASE, job.token
        busy = self.busy()
        assert all(busy[lane] <= cap for lane, cap in CAPS.items())
        return list(claimed)

    @rule(target=claims)
    def freeze(self) -> list[Job]:
        """A worker sleeps through its lease while another takes over; it still holds its claim."""
        frozen = cast("list[Job]", self.claim(3))
        self.now += timedelta(seconds=61)
        self.claim(5)
        return frozen

    @rule(claimed=claims)
    def renew(self, claimed: list[Job]) -> None:
        held = [leases.held(job) for job in claimed]
        if not held:
            return
        kept = self.write(lambda session: leases.renew(session, held, lease=LEASE))
        for job_id, token in held:
            known = self.model[job_id]
            ours = known.token == token
            alive = ours and known.state is JobState.LEASED and known.run_at > self.now
            ended = ours and known.state in (JobState.DONE, JobState.DEAD, JobState.CANCELLED)
            assert ((job_id, token) in kept) == (alive or ended)
            if alive:
                assert kept[job_id, token] == known.cancel
                known.run_at = self.now + LEASE

    def report(self, claimed: list[Job], how: Callable[..., Any], **facts: Any) -> list[Expected]:
        """Report the first claimed job; returns what it was if the report had to count."""
        if not claimed:
            return []
        job = claimed[0]
        known = self.model[job.id]
        counts = known.state is JobState.LEASED and known.token == job.token
        assert self.write(lambda session: how(session, job, **facts)) == counts
        return [known] if counts else []

    @rule(claimed=claims)
    def complete(self, claimed: list[Job]) -> None:
        for known in self.report(claimed, leases.complete):
            known.state = JobState.DONE

    @rule(claimed=claims)
    def bury(self, claimed: list[Job]) -> None:
        for known in self.report(claimed, leases.bury, error=JobError("TEST", "Test.")):
            known.state = JobState.DEAD

    @rule(claimed=claims)
    def give_up(self, claimed: list[Job]) -> None:
        for known in self.report(claimed, leases.give_up):
            known.state = JobState.CANCELLED

    @rule(claimed=claims, delay=SECONDS, failed=st.booleans())
    def hand_back(self, claimed: list[Job], delay: timedelta, failed: bool) -> None:
        at = self.now + delay
        error = JobError("TEST", "Test.") if failed else None
        for known in self.report(claimed, leases.hand_back, at=at, error=error):
            known.state = JobState.CANCELLED if known.cancel else JobState.READY
            known.run_at, known.lapses = at, 0
            known.attempt -= not failed

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if not self.model:
            return
        job_id = data.draw(st.sampled_from(sorted(self.model)))
        known = self.model[job_id]
        active = known.state in (JobState.READY, JobState.LEASED)
        assert self.write(lambda session: self.queue.cancel(session, job_id)) == active
        if active:
            known.cancel = True
            if known.state is JobState.READY:
                known.state = JobState.CANCELLED

    @invariant()
    def rows_and_model_agree(self) -> None:
        async def rows() -> list[Job]:
            async with self.database.read() as session:
                return list((await session.exec(select(Job))).all())

        found = {
            job.id: Expected(
                job.lane,
                job.run_at,
                job.state,
                job.token,
                job.attempt,
                job.lapses,
                job.cancel_requested,
            )
            for job in self.runner.run(rows())
        }
        assert found == self.model
        ended = (JobState.DONE, JobState.DEAD, JobState.CANCELLED)
        assert all(known.attempt >= 0 for known in found.values() if known.state not in ended)


@pytest.fixture
def machine(sqlite_template: Path) -> Callable[[], Leases]:
    return lambda: Leases(sqlite_template)


def test_leases_keep_to_the_model(machine: Callable[[], Leases]) -> None:
    run_state_machine_as_test(
        cast("type[Leases]", machine),
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
