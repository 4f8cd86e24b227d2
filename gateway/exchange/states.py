"""The states of a document, as four tables that never mix.

*Transport* says whether the bytes arrived, *network* what the receiving access point made of
them (MLS), *business* what the buyer answered (Invoice Response), *payment* whether money is
announced or here. What a person sees is a pure function of the four.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from ubl.business_status import BusinessState

__all__ = [
    "CANCELLING",
    "BusinessState",
    "Cancelling",
    "DisplayStatus",
    "IllegalTransition",
    "NetworkState",
    "PaymentState",
    "TransportEvent",
    "TransportState",
    "advance",
    "display_status",
    "terminal",
]


class TransportState(StrEnum):
    """Where the bytes of a document are between C2 and C3, or outside Peppol.

    DISPATCHING: it goes by e-mail or download link. DISPATCHED: a mail server took it, or the
    buyer opened the link; neither is a delivery that anybody acknowledged.
    """

    REFUSED = "refused"
    ACCEPTED = "accepted"
    ROUTED = "routed"
    SENDING = "sending"
    WAITING = "waiting"
    DISPATCHING = "dispatching"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RECEIVED = "received"


class TransportEvent(StrEnum):
    """What can happen to a document on its way out."""

    LOOKED_UP = "looked-up"
    ATTEMPT_STARTED = "attempt-started"
    ATTEMPT_FAILED = "attempt-failed"
    RECEIPT_VERIFIED = "receipt-verified"
    RECEIPT_PRESUMED = "receipt-presumed"
    GIVEN_UP = "given-up"
    CANCELLED = "cancelled"
    RESENT = "resent"
    PROVEN = "proven"
    CONCLUDED = "concluded"
    HANDED_OFF = "handed-off"
    DISPATCHED = "dispatched"
    BOUNCED = "bounced"


class NetworkState(StrEnum):
    """What the receiving access point said about a delivered document (MLS)."""

    NONE = "none"
    AWAITED = "awaited"
    ACCEPTED = "accepted"
    FORWARDED = "forwarded"
    REJECTED = "rejected"


class PaymentState(StrEnum):
    """Whether money for the document is announced or here; only a bank message makes it paid."""

    NONE = "none"
    ANNOUNCED = "announced"
    PAID = "paid"


class IllegalTransition(ValueError):
    """An event that cannot happen in the present state: a bug or a lost race, never user input."""


S, E = TransportState, TransportEvent

TRANSPORT: Final[Mapping[tuple[TransportState, TransportEvent], TransportState]] = {
    (S.ACCEPTED, E.LOOKED_UP): S.ROUTED,
    (S.ACCEPTED, E.ATTEMPT_FAILED): S.ACCEPTED,
    (S.ACCEPTED, E.GIVEN_UP): S.FAILED,
    (S.ACCEPTED, E.CANCELLED): S.CANCELLED,
    (S.ROUTED, E.ATTEMPT_STARTED): S.SENDING,
    (S.ROUTED, E.ATTEMPT_FAILED): S.WAITING,
    (S.ROUTED, E.GIVEN_UP): S.FAILED,
    (S.ROUTED, E.CANCELLED): S.CANCELLED,
    (S.SENDING, E.ATTEMPT_STARTED): S.SENDING,
    (S.SENDING, E.ATTEMPT_FAILED): S.WAITING,
    (S.SENDING, E.RECEIPT_PRESUMED): S.DELIVERED,
    (S.SENDING, E.GIVEN_UP): S.FAILED,
    (S.WAITING, E.ATTEMPT_STARTED): S.SENDING,
    (S.WAITING, E.ATTEMPT_FAILED): S.WAITING,
    (S.WAITING, E.RECEIPT_PRESUMED): S.DELIVERED,
    (S.WAITING, E.GIVEN_UP): S.FAILED,
    (S.WAITING, E.CANCELLED): S.CANCELLED,
    **{
        (before, event): S.DELIVERED
        for before in (S.ACCEPTED, S.ROUTED, S.SENDING, S.WAITING)
        for event in (E.RECEIPT_VERIFIED, E.CONCLUDED)
    },
    (S.FAILED, E.RESENT): S.ACCEPTED,
    (S.FAILED, E.PROVEN): S.DELIVERED,
    **{
        (before, E.HANDED_OFF): S.DISPATCHING
        for before in (S.ACCEPTED, S.DISPATCHING, S.DISPATCHED, S.FAILED)
    },
    (S.DISPATCHING, E.DISPATCHED): S.DISPATCHED,
    (S.DISPATCHING, E.GIVEN_UP): S.FAILED,
    (S.DISPATCHING, E.CANCELLED): S.CANCELLED,
    (S.DISPATCHING, E.BOUNCED): S.FAILED,
    (S.DISPATCHING, E.RESENT): S.ACCEPTED,
    (S.DISPATCHED, E.BOUNCED): S.FAILED,
    (S.DISPATCHED, E.RESENT): S.ACCEPTED,
}
"""Outgoing transport. A crash while sending is simply a second ATTEMPT_STARTED. A worker that lost
its lease may still bring the receipt, whatever another one, or a next round, has come to meanwhile;
and it may record a failure while the other one is sending.

CONCLUDED ends attempts whose receipt never came although the receiver spoke of the document
(MLS); while there is patience left the receipt is still asked for. PROVEN is an MLS about a
document that was given up: an attempt in doubt had arrived. Where CANCELLED is possible it still
needs that nothing can have arrived, which the attempts say. HANDED_OFF leads out of Peppol: no
registration was found, or somebody chose another channel; RESENT leads back. BOUNCED is an e-mail
that came back after a mail server had taken it.
"""


class Cancelling(StrEnum):
    """Whether a document may be cancelled where it stands.

    IF_NOTHING_ARRIVED: only while no attempt ended in doubt. IN_FLIGHT: an attempt is running.
    """

    IF_NOTHING_ARRIVED = "if-nothing-arrived"
    IN_FLIGHT = "in-flight"
    TOO_LATE = "too-late"


CANCELLING: Final[Mapping[TransportState, Cancelling]] = {
    S.REFUSED: Cancelling.TOO_LATE,
    S.ACCEPTED: Cancelling.IF_NOTHING_ARRIVED,
    S.ROUTED: Cancelling.IF_NOTHING_ARRIVED,
    S.SENDING: Cancelling.IN_FLIGHT,
    S.WAITING: Cancelling.IF_NOTHING_ARRIVED,
    S.DISPATCHING: Cancelling.IF_NOTHING_ARRIVED,
    S.DISPATCHED: Cancelling.TOO_LATE,
    S.DELIVERED: Cancelling.TOO_LATE,
    S.FAILED: Cancelling.TOO_LATE,
    S.CANCELLED: Cancelling.TOO_LATE,
    S.RECEIVED: Cancelling.TOO_LATE,
}
"""Cancelling by state. A document that was sent again may carry doubts of its earlier rounds."""

NETWORK: Final[Mapping[tuple[NetworkState, str], NetworkState]] = {
    (before, code): after
    for before in (NetworkState.NONE, NetworkState.AWAITED)
    for code, after in (
        ("AP", NetworkState.ACCEPTED),
        ("AB", NetworkState.FORWARDED),
        ("RE", NetworkState.REJECTED),
    )
}
"""MLS: at most one per document, so every answer is final."""

Before = TypeVar("Before")
Event = TypeVar("Event")


def advance(table: Mapping[tuple[Before, Event], Before], state: Before, event: Event) -> Before:
    """The state after ``event``; raises IllegalTransition when the table has no such step."""
    try:
        return table[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} cannot happen in state {state}") from None


def terminal(state: TransportState) -> bool:
    """Whether nothing leads out of this transport state but a person or late news."""
    late = (E.RESENT, E.PROVEN, E.HANDED_OFF, E.BOUNCED)
    return not any(before is state and event not in late for before, event in TRANSPORT)


@dataclass(frozen=True, slots=True)
class DisplayStatus:
    """The one status a person sees: catalogue key, status colour and icon name."""

    key: str
    colour: str
    icon: str


_TRANSPORT_STATUS: Final[Mapping[TransportState, DisplayStatus]] = {
    S.REFUSED: DisplayStatus("refused", "red", "cross"),
    S.ACCEPTED: DisplayStatus("accepted", "blue", "clock"),
    S.ROUTED: DisplayStatus("routed", "blue", "clock"),
    S.SENDING: DisplayStatus("sending", "blue", "arrow"),
    S.WAITING: DisplayStatus("waiting", "amber", "clock"),
    S.DISPATCHING: DisplayStatus("dispatching", "blue", "arrow"),
    S.DISPATCHED: DisplayStatus("dispatched", "blue", "outbox"),
    S.DELIVERED: DisplayStatus("delivered", "green", "check"),
    S.FAILED: DisplayStatus("failed", "red", "cross"),
    S.CANCELLED: DisplayStatus("cancelled", "grey", "pause"),
    S.RECEIVED: DisplayStatus("received", "blue", "inbox"),
}
_BUSINESS_STATUS: Final[Mapping[BusinessState, DisplayStatus]] = {
    BusinessState.ACKNOWLEDGED: DisplayStatus("business-acknowledged", "blue", "check"),
    BusinessState.IN_PROCESS: DisplayStatus("business-in-process", "blue", "clock"),
    BusinessState.UNDER_QUERY: DisplayStatus("business-under-query", "violet", "question"),
    BusinessState.CONDITIONALLY_ACCEPTED: DisplayStatus(
        "business-conditionally-accepted", "amber", "check"
    ),
    BusinessState.REJECTED: DisplayStatus("business-rejected", "violet", "cross"),
    BusinessState.ACCEPTED: DisplayStatus("business-accepted", "green", "check"),
    BusinessState.PARTIALLY_PAID: DisplayStatus("business-partially-paid", "amber", "coin"),
    BusinessState.PAID: DisplayStatus("business-paid", "green", "coin"),
}


def display_status(
    transport: TransportState,
    network: NetworkState,
    business: BusinessState,
    payment: PaymentState,
) -> DisplayStatus:
    """What a person sees: the furthest news that still matters, bad news of the network first."""
    if payment is PaymentState.PAID:
        return DisplayStatus("paid", "green", "coin")
    if business is not BusinessState.UNANSWERED:
        return _BUSINESS_STATUS[business]
    if network is NetworkState.REJECTED:
        return DisplayStatus("network-rejected", "red", "cross")
    if transport is TransportState.DELIVERED and network in (
        NetworkState.ACCEPTED,
        NetworkState.FORWARDED,
    ):
        return DisplayStatus(f"network-{network}", "green", "check")
    return _TRANSPORT_STATUS[transport]
