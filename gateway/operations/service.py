"""What the operator does about the instance: open lanes, hurry work, revive it, see alarms.

Every act is written to the audit log in the transaction that does it.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit
from gateway.access.principal import Principal
from gateway.core.alarms import Alarm
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.core.jobs.dialect import machine_now
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.tables import Job, JobState, Lane
from gateway.operations.errors import NOTHING_TO_DO

__all__ = ["OperatorDesk"]

_SCOPE: Final = "operations:write"


class OperatorDesk:
    """The use cases of the operator; raises GatewayError ACCESS-SCOPE for everybody else."""

    def __init__(self, *, database: Database, queue: JobQueue, now: MachineClock) -> None:
        self._database = database
        self._queue = queue
        self._now = now

    async def acknowledge(self, caller: Principal, alarm_id: UUID) -> Alarm:
        """Note that somebody looks after an alarm; it stays open until its cause is gone.

        Raises GatewayError NOT-FOUND.
        """
        caller.require(_SCOPE)
        async with self._database.write() as session:
            alarm = await session.get(Alarm, alarm_id, with_for_update=True)
            if alarm is None:
                raise GatewayError(NOT_FOUND, "No alarm has that id.")
            if alarm.seen_at is None:
                alarm.seen_by, alarm.seen_at = caller.actor[:200], self._now()
                audit(
                    session,
                    caller,
                    action="alarm.acknowledged",
                    object=str(alarm.id),
                    code=alarm.code,
                    subject=alarm.subject,
                )
        return alarm

    async def resume(self, caller: Principal, lane: str) -> None:
        """Open a lane that is shut after failures, and forget those. Raises NOT-FOUND."""
        caller.require(_SCOPE)
        async with self._database.write() as session:
            row = await session.get(Lane, lane, with_for_update=True)
            if row is None:
                raise GatewayError(NOT_FOUND, "No lane has that name; it may be empty by now.")
            row.failures, row.paused_until = 0, None
            audit(session, caller, action="lane.resumed", object=lane)
            await _hurry(session, lane=lane)
        self._queue.wake.ring()

    async def run_now(self, caller: Principal, *, kind: str, lane: str) -> int:
        """Make waiting work of a lane due at once; how many jobs that are.

        A lane that is shut stays shut. Raises GatewayError OPERATIONS-NOTHING.
        """
        caller.require(_SCOPE)
        async with self._database.write() as session:
            number = await _hurry(session, lane=lane, kind=kind)
            if not number:
                raise GatewayError(
                    NOTHING_TO_DO, "Nothing waits there any more; look at the queues again."
                )
            audit(session, caller, action="queue.hurried", object=kind, lane=lane, jobs=number)
        self._queue.wake.ring()
        return number

    async def revive(self, caller: Principal, *, kind: str, code: str) -> int:
        """Try work again that was given up, such as the routing of a reception; how much it is.

        What has been settled in another way since then sees that and ends at once. Raises
        GatewayError OPERATIONS-NOTHING.
        """
        caller.require(_SCOPE)
        async with self._database.write() as session:
            buried = (
                col(Job.state) == JobState.DEAD,
                col(Job.kind) == kind,
                col(Job.error_code) == code if code else col(Job.error_code).is_(None),
            )
            revived = await session.exec(
                update(Job)
                .where(*buried)
                .values(
                    state=JobState.READY,
                    run_at=await machine_now(session),
                    attempt=0,
                    lapses=0,
                    deadline=None,
                    started_at=None,
                    finished_at=None,
                    cancel_requested=False,
                ),
                execution_options={"synchronize_session": False},
            )
            if not revived.rowcount:
                raise GatewayError(
                    NOTHING_TO_DO, "Nothing of that kind lies there any more; look again."
                )
            number = revived.rowcount
            audit(session, caller, action="work.revived", object=kind, code=code, jobs=number)
        self._queue.wake.ring()
        return number


async def _hurry(session: AsyncSession, *, lane: str, kind: str | None = None) -> int:
    """Make what waits in a lane due now."""
    moment = await machine_now(session)
    waiting = [
        col(Job.state) == JobState.READY,
        col(Job.lane) == lane,
        col(Job.run_at) > moment,
    ]
    if kind is not None:
        waiting.append(col(Job.kind) == kind)
    moved = await session.exec(
        update(Job).where(*waiting).values(run_at=moment),
        execution_options={"synchronize_session": False},
    )
    return moved.rowcount
