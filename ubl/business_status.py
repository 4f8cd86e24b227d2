"""In which order Invoice Responses move an invoice along: a table, one row per state and event.

The rules are those of Peppol BIS 63 (OP-BR111-R004, R005, R012 and its code policy). Where the
BIS is silent the row says so with the basis ``judgement``. The table knows no clock and no
documents; what to do about a response that comes out of order is for the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ubl.response import InvoiceResponse, InvoiceStatus

__all__ = ["TRANSITIONS", "BusinessState", "Step", "Verdict", "advance", "event_of", "may_send"]


class BusinessState(StrEnum):
    """Where an invoice stands at the buyer, as the seller knows it from responses."""

    UNANSWERED = "unanswered"
    ACKNOWLEDGED = "acknowledged"
    IN_PROCESS = "in-process"
    UNDER_QUERY = "under-query"
    CONDITIONALLY_ACCEPTED = "conditionally-accepted"
    REJECTED = "rejected"
    ACCEPTED = "accepted"
    PARTIALLY_PAID = "partially-paid"
    PAID = "paid"

    @property
    def is_final(self) -> bool:
        """Tell whether no further response may follow (OP-BR111-R004)."""
        return self in (BusinessState.REJECTED, BusinessState.PAID)


class Verdict(StrEnum):
    """What a response does to the state."""

    ADVANCED = "advanced"
    """The state moves on."""
    REPEATED = "repeated"
    """The same status again, perhaps with other clarifications; the state stays."""
    OUT_OF_ORDER = "out-of-order"
    """The BIS does not allow it here; the state stays and a person should look at it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table: where the response leads, and on which rule that rests."""

    state: BusinessState
    verdict: Verdict
    basis: str


_EVENTS: Final = {
    InvoiceStatus.ACKNOWLEDGED: BusinessState.ACKNOWLEDGED,
    InvoiceStatus.IN_PROCESS: BusinessState.IN_PROCESS,
    InvoiceStatus.UNDER_QUERY: BusinessState.UNDER_QUERY,
    InvoiceStatus.CONDITIONALLY_ACCEPTED: BusinessState.CONDITIONALLY_ACCEPTED,
    InvoiceStatus.REJECTED: BusinessState.REJECTED,
    InvoiceStatus.ACCEPTED: BusinessState.ACCEPTED,
    InvoiceStatus.PAID: BusinessState.PAID,
}
_ORDER: Final = tuple(BusinessState)
_REPEATABLE: Final = {
    BusinessState.UNDER_QUERY: "BIS 63 code policy",
    BusinessState.PARTIALLY_PAID: "BIS 63 code policy",
}


def _step(state: BusinessState, event: BusinessState) -> Step:
    """Work out one row of the table from the rules of the BIS."""
    if event is state:
        # A resent final status changes nothing, and refusing it would alarm people for nothing.
        basis = _REPEATABLE.get(state, "judgement")
        return Step(state, Verdict.REPEATED, basis)
    if state.is_final:
        return Step(state, Verdict.OUT_OF_ORDER, "OP-BR111-R004")
    if state is BusinessState.ACCEPTED and event is BusinessState.PARTIALLY_PAID:
        return Step(event, Verdict.ADVANCED, "OP-BR111-R005")
    if state is BusinessState.ACCEPTED:
        allowed = event is BusinessState.PAID
        verdict = Verdict.ADVANCED if allowed else Verdict.OUT_OF_ORDER
        return Step(event if allowed else state, verdict, "OP-BR111-R005")
    if _ORDER.index(event) > _ORDER.index(state):
        return Step(event, Verdict.ADVANCED, "OP-BR111-R012")
    return Step(state, Verdict.OUT_OF_ORDER, "OP-BR111-R012")


TRANSITIONS: Final[Mapping[tuple[BusinessState, BusinessState], Step]] = MappingProxyType(
    {
        (state, event): _step(state, event)
        for state in BusinessState
        for event in BusinessState
        if event is not BusinessState.UNANSWERED
    }
)


def event_of(response: InvoiceResponse) -> BusinessState:
    """Return the state a response announces; PD with the reason PPD is a payment in part."""
    if response.is_partial_payment:
        return BusinessState.PARTIALLY_PAID
    return _EVENTS[response.status]


def advance(state: BusinessState, response: InvoiceResponse) -> Step:
    """Return where a response takes an invoice that stands at ``state``."""
    return TRANSITIONS[state, event_of(response)]


def may_send(state: BusinessState, response: InvoiceResponse) -> bool:
    """Tell whether a buyer may send this response about an invoice that stands at ``state``.

    Stricter than what a seller puts up with: a status is repeated only where the BIS says so (a
    query, a payment in part), and never once it is final.
    """
    step = advance(state, response)
    return step.verdict is Verdict.ADVANCED or (
        step.verdict is Verdict.REPEATED and state in _REPEATABLE
    )
