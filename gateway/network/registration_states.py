"""Registrations in the SML, moves between SMPs and changes of publications: their states as tables.

Pure: says which step may follow which; the services take the steps.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = [
    "MOVES",
    "REGISTRATIONS",
    "ChangeState",
    "MoveState",
    "Registration",
    "may_register",
]


class Registration(StrEnum):
    """Where the entry of one participant in the SML stands.

    PENDING and REMOVING have a job under way; FAILED and REMOVAL_FAILED need a person; MOVED
    means that another SMP has taken the entry over.
    """

    PENDING = "pending"
    REGISTERED = "registered"
    FAILED = "failed"
    REMOVING = "removing"
    REMOVED = "removed"
    REMOVAL_FAILED = "removal-failed"
    MOVED = "moved"


REGISTRATIONS: Final[Mapping[Registration, frozenset[Registration]]] = {
    Registration.PENDING: frozenset(
        {Registration.REGISTERED, Registration.FAILED, Registration.REMOVING}
    ),
    Registration.REGISTERED: frozenset({Registration.REMOVING, Registration.MOVED}),
    Registration.FAILED: frozenset(
        {Registration.PENDING, Registration.REMOVING, Registration.REGISTERED}
    ),
    Registration.REMOVING: frozenset(
        {
            Registration.REMOVED,
            Registration.REMOVAL_FAILED,
            Registration.PENDING,
            Registration.REGISTERED,
        }
    ),
    Registration.REMOVED: frozenset({Registration.PENDING, Registration.REGISTERED}),
    Registration.REMOVAL_FAILED: frozenset(
        {Registration.REMOVING, Registration.PENDING, Registration.REGISTERED}
    ),
    Registration.MOVED: frozenset({Registration.PENDING, Registration.REGISTERED}),
}
"""Which state may follow which."""


def may_register(old: Registration, new: Registration) -> bool:
    """Whether the entry may go from one state to the other."""
    return new in REGISTRATIONS[old]


class MoveState(StrEnum):
    """Where a participant's move stands.

    Out: the SML knows the key (PREPARED), then the other SMP has taken over (LEFT) or the key was
    made void (CANCELLED). In: the SML accepted the other SMP's key (ARRIVED) or not (REFUSED).
    """

    PREPARED = "prepared"
    LEFT = "left"
    CANCELLED = "cancelled"
    ARRIVED = "arrived"
    REFUSED = "refused"


MOVES: Final[Mapping[MoveState, frozenset[MoveState]]] = {
    MoveState.PREPARED: frozenset({MoveState.LEFT, MoveState.CANCELLED}),
    MoveState.LEFT: frozenset(),
    MoveState.CANCELLED: frozenset(),
    MoveState.ARRIVED: frozenset(),
    MoveState.REFUSED: frozenset(),
}
"""Which state of a move may follow which."""


class ChangeState(StrEnum):
    """Whether a change of publications waits for its moment, is done, or was called off."""

    SCHEDULED = "scheduled"
    APPLIED = "applied"
    CANCELLED = "cancelled"
