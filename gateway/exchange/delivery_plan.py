"""How patiently an account's documents are sent, within what the instance allows. Pure values.

A policy is what an account asked for, or what the instance gives to accounts that asked for
nothing; ``RetryPlan`` is the same as the job engine understands it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.jobs.backoff import GiveUp, Ladder
from gateway.exchange.answer_tables import MlsAsked
from gateway.exchange.delivery_tables import DeliveryPolicyRow, OnFailure

__all__ = ["POLICY_BOUNDS", "Bounds", "DeliveryPolicy", "RetryPlan"]

POLICY_BOUNDS: Final = ErrorKind(
    "DELIVERY-POLICY-BOUNDS", "This instance does not allow that policy", 422
)
MAX_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """What this instance allows: seconds and numbers; a policy outside of them is refused."""

    shortest_wait_s: int
    longest_wait_s: int
    longest_deadline_s: int
    most_attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """Waits between attempts (the last repeats), the deadline for all, how many, and what then.

    Durations are seconds.
    """

    backoff_s: tuple[float, ...]
    deadline_s: float
    max_attempts: int
    on_failure: OnFailure = OnFailure.KEEP
    mls_asked: MlsAsked = MlsAsked.ALWAYS

    @classmethod
    def of(cls, row: DeliveryPolicyRow) -> "DeliveryPolicy":
        """The policy of a row."""
        return cls(
            backoff_s=tuple(row.backoff_s),
            deadline_s=row.deadline_s,
            max_attempts=row.max_attempts,
            on_failure=row.on_failure,
            mls_asked=row.mls_asked,
        )

    def require_within(self, bounds: Bounds) -> None:
        """Raise GatewayError DELIVERY-POLICY-BOUNDS naming the bound that is broken."""
        for broken, sentence in (
            (
                not 1 <= len(self.backoff_s) <= MAX_STEPS,
                f"A policy has 1 to {MAX_STEPS} waits.",
            ),
            (
                any(
                    not bounds.shortest_wait_s <= one <= bounds.longest_wait_s
                    for one in self.backoff_s
                ),
                f"Every wait lies between {bounds.shortest_wait_s} and "
                f"{bounds.longest_wait_s} seconds.",
            ),
            (
                list(self.backoff_s) != sorted(self.backoff_s),
                "Waits do not get shorter: a peer in trouble is asked less often, not more.",
            ),
            (
                not 60 <= self.deadline_s <= bounds.longest_deadline_s,
                f"The deadline lies between 60 and {bounds.longest_deadline_s} seconds.",
            ),
            (
                not 1 <= self.max_attempts <= bounds.most_attempts,
                f"There are 1 to {bounds.most_attempts} attempts.",
            ),
        ):
            if broken:
                raise GatewayError(POLICY_BOUNDS, f"{sentence} Change the policy and save again.")

    def retry_plan(self, *, since: datetime | None = None) -> "RetryPlan":
        """The policy for the job engine; ``since`` is when the document's way began."""
        ladder = Ladder(
            steps=tuple(timedelta(seconds=one) for one in self.backoff_s),
            patience=timedelta(seconds=self.deadline_s),
        )
        return RetryPlan(ladder, self.max_attempts, since)


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """A policy of the job engine: a ladder that also ends after so many attempts."""

    ladder: Ladder
    max_attempts: int
    since: datetime | None = None

    def next_attempt(
        self, *, attempt: int, first_at: datetime, now: datetime, jitter: float
    ) -> datetime | GiveUp:
        """When to try again; the deadline counts from ``since`` where that is earlier."""
        if attempt >= self.max_attempts:
            return GiveUp.TOO_LATE
        began = min(first_at, self.since) if self.since else first_at
        return self.ladder.next_attempt(attempt=attempt, first_at=began, now=now, jitter=jitter)
