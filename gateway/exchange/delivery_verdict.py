"""What the answer of an access point proves about one attempt. Pure.

Only a receipt that acknowledges every sent digest is a delivery; of an error it matters who
signed it and what was known before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from gateway.as4.errors import PeerAs4Error
from gateway.as4.outgoing import Encoded, ErrorReceived, read_answer
from gateway.core.errors import GatewayError
from gateway.exchange.as4_client import Answer
from gateway.exchange.delivery_policy import (
    PEER_SILENT,
    RECEIPT_INVALID,
    error_kind,
    proves_delivery,
)
from gateway.exchange.tables import AttemptOutcome, Transmission

__all__ = ["Verdict", "judge_answer"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one attempt came to: its outcome, and the failure if it was none."""

    outcome: AttemptOutcome
    answer: Answer | None
    failure: GatewayError | None
    delivered: bool


def judge_answer(
    transmission: Transmission,
    answer: Answer,
    earlier: Sequence[AttemptOutcome],
    *,
    refused_before: bool,
    now: datetime,
) -> Verdict:
    """Read an answer; ``earlier`` is how the attempts with the same MessageId ended before.

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
    if signal.duplicate and signal.signed and proves_delivery(earlier):
        return Verdict(AttemptOutcome.DUPLICATE, answer, None, delivered=True)
    failure = _peer_failure(transmission, signal, refused_before=refused_before)
    return Verdict(AttemptOutcome.ERROR, answer, failure, delivered=False)


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
