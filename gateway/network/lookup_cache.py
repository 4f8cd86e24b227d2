"""Remembering answers of the network for a while, so that a batch asks an SMP once.

Nothing is remembered beyond what the answer itself allows.
"""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

__all__ = ["LookupCache", "Perishable"]


class Perishable(Protocol):
    """Something that says until when it may be believed."""

    @property
    def best_before(self) -> datetime:
        """The last moment at which it holds."""
        ...


P = TypeVar("P", bound=Perishable)


class LookupCache(Generic[P]):
    """Answers by question, each for at most ``ttl_s`` seconds, at most ``capacity`` of them.

    With ``ttl_s`` 0 nothing is remembered. When full, the oldest answer makes room.
    """

    def __init__(self, *, ttl_s: float, capacity: int = 1000) -> None:
        self._ttl = timedelta(seconds=ttl_s)
        self._capacity = capacity
        self._answers: dict[Hashable, tuple[datetime, P]] = {}

    def get(self, question: Hashable, at: datetime) -> P | None:
        """The answer, if it is still good at this moment."""
        until, answer = self._answers.get(question, (None, None))
        if until is None or at >= until:
            self._answers.pop(question, None)
            return None
        return answer

    def forget(self, question: Hashable) -> None:
        """Believe this answer no longer."""
        self._answers.pop(question, None)

    def put(self, question: Hashable, answer: P, at: datetime) -> None:
        """Remember an answer given at this moment."""
        self._answers.pop(question, None)
        until = min(at + self._ttl, answer.best_before)
        if until <= at:
            return
        if len(self._answers) >= self._capacity:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = (until, answer)
