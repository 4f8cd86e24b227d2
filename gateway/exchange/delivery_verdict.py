"""What the answer of an access point proves about one attempt. Pure.

Only a receipt that acknowledges every sent digest is a delivery; of an error it matters who
signed it, what was known before, and what other workers have learned meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509

from gateway.as4.errors import PeerAs4Error
from gateway.as4.outgoing import Encoded, ErrorReceived, read_answer
from gateway.core.errors import GatewayError
from gateway.exchange.as4_client import Answer
from gateway.exchange.delivery_policy import (
    PEER_SILENT,
    RECEIPT_INVALID,
    OtherAttempt,
    error_kind,
    proves_delivery,
    under_way,
)
from gateway.exchange.tables import AttemptOutcome, Transmission

__all__ = ["Verdict", "judge_answer", "judge_duplicate"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one attempt came to: its outcome, and the failure if it was none.

    DUPLICATE with a failure is not judged yet: ``judge_duplicate`` does it.
    """

    outcome: AttemptOutcome
    answer: Answer | None
    failure: GatewayError | None
    delivered: bool


def judge_answer(
    transmission: Transmission,
    answer: Answer,
    *,
    refused_before: bool,
    now: datetime,
) -> Verdict:
    """Read an answer.

    ``refused_before``: the last answer about the document, under whatever id, was a refusal.
    """
    media_type = answer.content_type.lower()
    soap = "soap+xml" in media_type or "multipart/related" in media_type
    if not answer.body or not soap:
        failure = GatewayError(
            PEER_SILENT,
            f"{transmission.endpoint_url} answered HTTP {answer.status} without an AS4 "
            "message. The same message is sent again later.",
            http_status=answer.status,
        )
        return Verdict(AttemptOutcome.UNKNOWN, answer, failure, delivered=False)
    try:
        signal = read_answer(
            content_type=answer.content_type,
            body=answer.body,
            message_id=transmission.message_id,
            references=Encoded.from_json(transmission.encoded).references,
            recipient=x509.load_pem_x509_certificate(transmission.peer_certificate.encode()),
            now=now,
        )
    except PeerAs4Error as error:
        failure = GatewayError(
            RECEIPT_INVALID,
            f"The answer of {transmission.endpoint_url} is no valid receipt: {error.message}",
            as4_code=error.code,
        )
        return Verdict(AttemptOutcome.UNKNOWN, answer, failure, delivered=False)
    if not isinstance(signal, ErrorReceived):
        return Verdict(AttemptOutcome.RECEIPT, answer, None, delivered=True)
    failure = _peer_failure(transmission, signal, refused_before=refused_before)
    known = signal.duplicate and signal.signed
    outcome = AttemptOutcome.DUPLICATE if known else AttemptOutcome.ERROR
    return Verdict(outcome, answer, failure, delivered=False)


def judge_duplicate(
    verdict: Verdict,
    transmission: Transmission,
    others: Sequence[OtherAttempt],
    *,
    now: datetime,
    longest: timedelta,
) -> Verdict:
    """What a signed "duplicate" proves, by what is known of the ``others`` when it is recorded.

    ``longest`` is how long an attempt may wait for its answer.
    """
    if not proves_delivery([one.outcome for one in others]):
        return replace(verdict, outcome=AttemptOutcome.ERROR)
    if not under_way(others, now=now, longest=longest):
        return replace(verdict, failure=None, delivered=True)
    failure = GatewayError(
        PEER_SILENT,
        f"{transmission.endpoint_url} knows the message already, but an earlier attempt may still "
        "be answered. The same message is sent again later.",
    )
    return replace(verdict, outcome=AttemptOutcome.UNKNOWN, failure=failure)


def _peer_failure(
    transmission: Transmission, signal: ErrorReceived, *, refused_before: bool
) -> GatewayError:
    codes = [one.code for one in signal.errors]
    said = "; ".join(f"{one.code} {one.detail or one.short_description}" for one in signal.errors)
    return GatewayError(
        error_kind(
            codes,
            not_serviced=signal.not_serviced,
            signed=signal.signed,
            refused_before=refused_before,
        ),
        f"{transmission.endpoint_url} answered: {said}. Ask the receiver's provider "
        f"({transmission.peer_seat}) with message id {transmission.message_id}.",
        ebms=",".join(codes),
    )
