"""The states of a payment initiation as a table: what a provider may say after what.

The provider's word is about the order to pay, never about the money: only a bank message makes
an open item paid.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["INITIATION", "UNDER_WAY", "InitiationEvent", "InitiationState", "after"]


class InitiationState(StrEnum):
    """Where an order to pay is."""

    CREATED = "created"
    """Kept here; the provider may not know it yet."""
    AUTHORISING = "authorising"
    """The payer is at the bank."""
    ACCEPTED = "accepted"
    """The bank took the order; the money is not here yet."""
    SETTLED = "settled"
    """The provider says the money was booked; the bank message is still to come."""
    FAILED = "failed"
    EXPIRED = "expired"


class InitiationEvent(StrEnum):
    """What a provider tells about an order to pay."""

    AUTHORISING = "authorising"
    ACCEPTED = "accepted"
    SETTLED = "settled"
    FAILED = "failed"
    EXPIRED = "expired"


_S, _E = InitiationState, InitiationEvent

UNDER_WAY: Final = frozenset({_S.CREATED, _S.AUTHORISING, _S.ACCEPTED, _S.SETTLED})
"""States in which reminders hold and no second payment is started from the link."""

INITIATION: Final[Mapping[tuple[InitiationState, InitiationEvent], InitiationState]] = {
    (_S.CREATED, _E.AUTHORISING): _S.AUTHORISING,
    (_S.CREATED, _E.ACCEPTED): _S.ACCEPTED,
    (_S.CREATED, _E.SETTLED): _S.SETTLED,
    (_S.CREATED, _E.FAILED): _S.FAILED,
    (_S.CREATED, _E.EXPIRED): _S.EXPIRED,
    (_S.AUTHORISING, _E.ACCEPTED): _S.ACCEPTED,
    (_S.AUTHORISING, _E.SETTLED): _S.SETTLED,
    (_S.AUTHORISING, _E.FAILED): _S.FAILED,
    (_S.AUTHORISING, _E.EXPIRED): _S.EXPIRED,
    (_S.ACCEPTED, _E.SETTLED): _S.SETTLED,
    (_S.ACCEPTED, _E.FAILED): _S.FAILED,
    # A payer may finish just as we gave up waiting.
    (_S.EXPIRED, _E.ACCEPTED): _S.ACCEPTED,
    (_S.EXPIRED, _E.SETTLED): _S.SETTLED,
}


def after(state: InitiationState, event: InitiationEvent) -> InitiationState:
    """The state after an event; one that comes late or twice changes nothing."""
    return INITIATION.get((state, event), state)
