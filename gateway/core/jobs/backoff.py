"""When a failed job is tried again and when it is given up; time and chance are handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from gateway.core.errors import GatewayError, Retry
from gateway.core.full_disk import storage_full

__all__ = [
    "DEFAULT_POLICY",
    "JOB_CRASH",
    "JOB_DEADLINE",
    "JOB_FAULT",
    "Again",
    "Dead",
    "GiveUp",
    "JobError",
    "Ladder",
    "Policy",
    "Reschedule",
    "judge",
]

JOB_CRASH: Final = "JOB-CRASH"
JOB_DEADLINE: Final = "JOB-DEADLINE"
JOB_FAULT: Final = "JOB-FAULT"
_FAULT_ATTEMPTS: Final = 5


class GiveUp(StrEnum):
    """Why a policy makes no further attempt."""

    TOO_LATE = "too late"


class Policy(Protocol):
    """How patiently one kind of job is tried."""

    def next_attempt(
        self, *, attempt: int, first_at: datetime, now: datetime, jitter: float
    ) -> datetime | GiveUp:
        """When to try again after ``attempt`` attempts failed; ``jitter`` is in [0, 1)."""
        ...


@dataclass(frozen=True, slots=True)
class Ladder:
    """Waits that grow step by step, the last one repeating until ``patience`` is used up."""

    steps: tuple[timedelta, ...]
    patience: timedelta

    def next_attempt(
        self, *, attempt: int, first_at: datetime, now: datetime, jitter: float
    ) -> datetime | GiveUp:
        """Between half and all of the step: spread out, yet never at once."""
        step = self.steps[min(attempt, len(self.steps)) - 1]
        at = now + step * (0.5 + jitter / 2)
        return GiveUp.TOO_LATE if at > first_at + self.patience else at


DEFAULT_POLICY: Final = Ladder(
    steps=tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 3600)), patience=timedelta(days=1)
)


class Reschedule(Exception):
    """Raised by a handler to be called again at ``at``; not a failure, so it does not count."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.at = at


@dataclass(frozen=True, slots=True)
class JobError:
    """What went wrong: a stable code and a sentence without payloads or secrets."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Again:
    """The job is to run again; ``error`` is None when nothing went wrong."""

    at: datetime
    error: JobError | None


@dataclass(frozen=True, slots=True)
class Dead:
    """The job is given up."""

    error: JobError


def judge(
    failure: Exception,
    *,
    policy: Policy,
    attempt: int,
    first_at: datetime,
    deadline: datetime | None,
    now: datetime,
    jitter: float,
) -> Again | Dead:
    """Decide what a handler's exception means for its job."""
    if isinstance(failure, Reschedule):
        return Again(failure.at, None)
    failure = storage_full(failure) or failure
    error = _describe(failure)
    if isinstance(failure, GatewayError):
        hopeless = failure.retry is Retry.NO
    else:
        hopeless = attempt >= _FAULT_ATTEMPTS
    if hopeless:
        return Dead(error)
    at = policy.next_attempt(attempt=attempt, first_at=first_at, now=now, jitter=jitter)
    if isinstance(at, GiveUp) or (deadline is not None and at > deadline):
        return Dead(error)
    return Again(at, error)


def _describe(failure: Exception) -> JobError:
    if isinstance(failure, GatewayError):
        return JobError(failure.code, failure.message)
    # The message of an unforeseen exception may quote a document; its name and place do not.
    trace = failure.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace else ""
    return JobError(JOB_FAULT, f"{type(failure).__name__}{place}; the log has the details.")
