"""When the same AS4 message may be sent again, and what an ebMS error means for a document.

Pure. The receiver must be able to recognise a repetition, and an old error must never be taken
for a delivery (decision 17): the same bytes and MessageId travel again only while nothing
definite is known about them and the endpoint has not changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.core.errors import ErrorKind, Retry
from gateway.exchange.tables import AttemptOutcome

__all__ = [
    "NOT_SERVICED_KIND",
    "PEER_ERROR",
    "PEER_REFUSAL",
    "PEER_SILENT",
    "PEER_TLS",
    "PEER_UNREACHABLE",
    "RECEIPT_INVALID",
    "REFUSALS",
    "REFUSED_ONCE",
    "OtherAttempt",
    "TransmissionHistory",
    "error_kind",
    "may_resend",
    "proves_delivery",
    "under_way",
]

PEER_UNREACHABLE: Final = ErrorKind(
    "DELIVERY-UNREACHABLE", "The receiving access point cannot be reached", 502, Retry.BACKOFF
)
PEER_TLS: Final = ErrorKind(
    "DELIVERY-TLS", "The receiving access point's TLS cannot be trusted", 502, Retry.BACKOFF
)
PEER_SILENT: Final = ErrorKind(
    "DELIVERY-NO-RECEIPT", "The receiving access point gave no receipt", 502, Retry.BACKOFF
)
RECEIPT_INVALID: Final = ErrorKind(
    "DELIVERY-RECEIPT-INVALID", "The receipt does not prove the delivery", 502, Retry.BACKOFF
)
PEER_ERROR: Final = ErrorKind(
    "DELIVERY-PEER-ERROR", "The receiving access point reported an error", 502, Retry.BACKOFF
)
PEER_REFUSAL: Final = ErrorKind(
    "DELIVERY-PEER-REFUSAL", "The receiving access point refused the message", 502
)
REFUSED_ONCE: Final = ErrorKind(
    "DELIVERY-REFUSED-ONCE",
    "The receiving access point refused the message; it is asked once more",
    502,
    Retry.BACKOFF,
)
NOT_SERVICED_KIND: Final = ErrorKind(
    "DELIVERY-NOT-SERVICED", "The receiving access point does not serve this receiver", 502
)

REFUSALS: Final = frozenset({REFUSED_ONCE.code, PEER_REFUSAL.code, NOT_SERVICED_KIND.code})
"""How an attempt that ended in a refusal is recorded."""

PERMANENT_CODES: Final = frozenset(
    {
        "EBMS:0001",
        "EBMS:0002",
        "EBMS:0003",
        "EBMS:0007",
        "EBMS:0008",
        "EBMS:0009",
        "EBMS:0010",
        "EBMS:0103",
        "EBMS:0303",
    }
)
"""Errors about how the message is made: the same gateway would make the same message again.

Authentication and decryption errors are not among them: the peer's or our certificate may just
be changing. EBMS:0004 is what a receiver with a passing trouble of its own answers.
"""


@dataclass(frozen=True, slots=True)
class TransmissionHistory:
    """What is known of one AS4 message: where it was bound for and how its attempts ended."""

    endpoint_url: str
    peer_certificate: str
    outcomes: Sequence[AttemptOutcome]


@dataclass(frozen=True, slots=True)
class OtherAttempt:
    """Another attempt with the same MessageId, by whichever worker; aware UTC.

    Without ``ended_at`` its worker has died, or is still at it after it lost its lease.
    """

    outcome: AttemptOutcome
    started_at: datetime
    ended_at: datetime | None


def may_resend(history: TransmissionHistory, *, endpoint_url: str, peer_certificate: str) -> bool:
    """Whether the same bytes under the same MessageId may travel again."""
    return (
        history.endpoint_url == endpoint_url
        and history.peer_certificate == peer_certificate
        and all(
            one in (AttemptOutcome.UNKNOWN, AttemptOutcome.NOT_SENT) for one in history.outcomes
        )
    )


def proves_delivery(earlier: Sequence[AttemptOutcome]) -> bool:
    """Whether the answer "duplicate" means that an earlier attempt was delivered.

    Only if some earlier attempt may have arrived and none ended definitely: a receiver may
    remember an id of a message that it then failed to take.
    """
    return AttemptOutcome.UNKNOWN in earlier and all(
        one in (AttemptOutcome.UNKNOWN, AttemptOutcome.NOT_SENT) for one in earlier
    )


def under_way(others: Sequence[OtherAttempt], *, now: datetime, longest: timedelta) -> bool:
    """Whether an attempt may still be answered; none waits longer than ``longest``.

    Until then "duplicate" may speak of a message the receiver is still working on, and may refuse.
    """
    return any(one.ended_at is None and now < one.started_at + longest for one in others)


def error_kind(
    codes: Sequence[str], *, not_serviced: bool, signed: bool, refused_before: bool
) -> ErrorKind:
    """How serious the ebMS errors of an answer are for the document.

    An unsigned error may come from anybody on the way: it is a hint and never ends a delivery.
    A byte that changed on the way gives the same errors as a message that is wrong, so a refusal
    ends it only when the last answer before was one as well (``refused_before``).
    """
    refusal = not_serviced or any(code in PERMANENT_CODES for code in codes)
    if not signed or not refusal:
        return PEER_ERROR
    if not refused_before:
        return REFUSED_ONCE
    return NOT_SERVICED_KIND if not_serviced else PEER_REFUSAL
