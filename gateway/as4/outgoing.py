"""Sending over AS4: a finished business message becomes a request, an answer becomes a verdict.

Streams through spools that are handed in. Opens no connection and remembers nothing: the caller
stores the encoded bytes and what must be acknowledged.
"""

import base64
import io
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from cryptography import x509

from gateway.as4.agreement import disagreements
from gateway.as4.compression import compress
from gateway.as4.ebms import UserMessage, write_user_message
from gateway.as4.encryption import AES128_GCM, CIPHERS, IV_BYTES, append_encryption, encrypt
from gateway.as4.envelope import SOAP_CONTENT_TYPE, Envelope, new_envelope, read_envelope, serialise
from gateway.as4.errors import NOT_SERVICED, As4Error, EbmsCode, LocalAs4Error, PeerAs4Error
from gateway.as4.keys import PrivateKey
from gateway.as4.mime import MimeLimits, Part, read_parts, write_multipart
from gateway.as4.sbdh import read_header
from gateway.as4.signals import ErrorSignal, Receipt, SignalError, read_signal
from gateway.as4.wssec import Entropy, new_id, sign, verify

__all__ = [
    "Encoded",
    "ErrorReceived",
    "ReceiptReceived",
    "SentReference",
    "encode",
    "read_answer",
]

_ANSWER_LIMITS: Final = MimeLimits(max_parts=2, max_part_bytes=1024 * 1024)


@dataclass(frozen=True, slots=True)
class SentReference:
    """A signed part of a sent message: its URI in the signature and its SHA-256 in base64."""

    uri: str
    digest_b64: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """What must be kept of a message that was encoded, beside its bytes.

    ``content_type`` is the HTTP header of the request. ``references`` are what the receipt has
    to acknowledge.
    """

    content_type: str
    references: tuple[SentReference, ...]

    def to_json(self) -> dict[str, object]:
        """Give the value as plain JSON data for a database column."""
        references = [{"uri": item.uri, "digest": item.digest_b64} for item in self.references]
        return {"content_type": self.content_type, "references": references}

    @classmethod
    def from_json(cls, data: object) -> "Encoded":
        """Take back what to_json gave. Raises ValueError for anything else."""
        if isinstance(data, dict) and isinstance(data.get("references"), list):
            content_type, items = data.get("content_type"), data["references"]
            read = tuple(
                SentReference(item["uri"], item["digest"])
                for item in items
                if isinstance(item, dict) and item.keys() == {"uri", "digest"}
            )
            if isinstance(content_type, str) and len(read) == len(items):
                return cls(content_type, read)
        raise ValueError("this is not what Encoded.to_json gave")


@dataclass(frozen=True, slots=True)
class ReceiptReceived:
    """The receiver proved that it has exactly what was sent. ``timestamp`` is its own clock."""

    message_id: str
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class ErrorReceived:
    """The receiver answered with errors.

    ``signed`` says whether the very certificate we encrypted for signed them; unsigned errors
    are hints. ``duplicate``: the receiver knows this MessageId already (EBMS:4001).
    ``not_serviced``: the receiver serves this participant or document type no longer.
    """

    errors: tuple[SignalError, ...]
    signed: bool
    duplicate: bool
    not_serviced: bool


def encode(
    message: UserMessage,
    payload: BinaryIO,
    *,
    key: PrivateKey,
    certificate: x509.Certificate,
    recipient: x509.Certificate,
    entropy: Entropy,
    spool: Callable[[], BinaryIO],
    out: BinaryIO,
) -> Encoded:
    """Write the AS4 request for a finished StandardBusinessDocument to ``out``.

    gzip, sign with ``key`` of ``certificate``, encrypt for ``recipient``, MIME. ``payload`` must
    be seekable; memory stays fixed. The bytes differ at every call: store them and send the
    same ones again. Raises LocalAs4Error when message, SBDH and certificates do not agree.
    """
    _check_before_sending(message, payload, certificate=certificate, recipient=recipient)
    envelope = new_envelope(
        messaging_id=new_id("messaging", entropy), body_id=new_id("body", entropy)
    )
    write_user_message(envelope.messaging, message)
    content_key = entropy(CIPHERS[AES128_GCM])
    with closing(spool()) as plain, closing(spool()) as secret:
        compress(payload, plain)
        plain.seek(0)
        digest = encrypt(plain, secret, content_key=content_key, iv=entropy(IV_BYTES))
        secret.seek(0)
        references = sign(
            envelope,
            key=key,
            certificate=certificate,
            entropy=entropy,
            attachments={message.payload_id: digest},
        )
        append_encryption(
            envelope,
            content_id=message.payload_id,
            content_key=content_key,
            recipient=recipient,
            entropy=entropy,
        )
        content_type = _write_request(
            envelope, secret, payload_id=message.payload_id, entropy=entropy, out=out
        )
    sent = (
        SentReference(item.uri, base64.b64encode(item.digest_value).decode("ascii"))
        for item in references
    )
    return Encoded(content_type, tuple(sent))


def _write_request(
    envelope: Envelope, secret: BinaryIO, *, payload_id: str, entropy: Entropy, out: BinaryIO
) -> str:
    """Write envelope and encrypted payload as MIME; return the Content-Type of the request."""
    soap = Part.binary(
        content_type=SOAP_CONTENT_TYPE, content_id=None, body=io.BytesIO(serialise(envelope))
    )
    payload = Part.binary(
        content_type="application/octet-stream", content_id=payload_id, body=secret
    )
    return write_multipart((soap, payload), boundary=f"----=_Part_{entropy(16).hex()}", out=out)


def _check_before_sending(
    message: UserMessage,
    payload: BinaryIO,
    *,
    certificate: x509.Certificate,
    recipient: x509.Certificate,
) -> None:
    """Refuse what every strict receiver would refuse, while nothing has left this machine."""
    try:
        payload.seek(0)
        header = read_header(payload)
        payload.seek(0)
    except As4Error as error:
        raise LocalAs4Error(error.code, error.message, ebms=error.ebms) from None
    found = disagreements(message, header, signer=certificate, recipient=recipient)
    if found:
        code, text = found[0]
        raise LocalAs4Error(code, text, ebms=EbmsCode.OTHER)


def read_answer(
    *,
    content_type: str,
    body: bytes,
    message_id: str,
    references: Sequence[SentReference],
    recipient: x509.Certificate,
    now: datetime,
) -> ReceiptReceived | ErrorReceived:
    """Judge the answer to the message ``message_id``.

    A receipt counts only if ``recipient``, the certificate we encrypted for and valid ``now``,
    signed it, it names the message and it repeats every sent digest. Raises PeerAs4Error
    (EBMS:0302) for anything that is neither such a receipt nor an ebMS error for this message.
    """
    try:
        envelope = read_envelope(_soap_part(content_type, body))
        signal = read_signal(envelope.messaging)
        if isinstance(signal, ErrorSignal):
            return _judge_errors(signal, envelope, message_id=message_id, recipient=recipient)
        signer = verify(envelope).signer
    except As4Error as error:
        raise _invalid(error.code, error.message) from None
    _check_signer(signer, recipient=recipient, now=now)
    _check_receipt(signal, message_id=message_id, references=references)
    return ReceiptReceived(signal.message_id, signal.timestamp)


def _invalid(code: str, message: str) -> PeerAs4Error:
    return PeerAs4Error(code, message, ebms=EbmsCode.INVALID_RECEIPT)


def _soap_part(content_type: str, body: bytes) -> bytes:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "multipart/related":
        parts = read_parts(io.BytesIO(body), content_type, limits=_ANSWER_LIMITS, spool=io.BytesIO)
        return parts[0].body.read()
    if media_type not in ("application/soap+xml", "application/xml", "text/xml"):
        raise _invalid(
            "AS4-ANSWER-TYPE",
            f"The receiver answered with '{media_type[:60]}' instead of a SOAP message. Check "
            "that its address in the SMP leads to an access point.",
        )
    return body


def _judge_errors(
    signal: ErrorSignal, envelope: Envelope, *, message_id: str, recipient: x509.Certificate
) -> ErrorReceived:
    named = {signal.ref_to_message_id, *(e.ref_to_message_in_error for e in signal.errors)}
    named.discard(None)
    if named and message_id not in named:
        raise _invalid("AS4-ANSWER-OTHER-MESSAGE", "The error names another message than ours.")
    try:
        signed = verify(envelope).signer == recipient
    except PeerAs4Error:
        # An error whose signature does not hold proves as little as one without.
        signed = False
    return ErrorReceived(
        errors=signal.errors,
        signed=signed,
        duplicate=any(_is_duplicate(error) for error in signal.errors),
        not_serviced=any(NOT_SERVICED in (error.detail or "") for error in signal.errors),
    )


_REFUSED_UNREAD: Final = frozenset(
    one.code
    for one in (
        EbmsCode.MIME_INCONSISTENCY,
        EbmsCode.INVALID_HEADER,
        EbmsCode.FAILED_AUTHENTICATION,
        EbmsCode.FAILED_DECRYPTION,
        EbmsCode.POLICY_NONCOMPLIANCE,
        EbmsCode.DECOMPRESSION_FAILURE,
    )
)
"""Faults of the message itself: whatever else they speak of, nothing was delivered."""


def _is_duplicate(error: SignalError) -> bool:
    if error.code in _REFUSED_UNREAD:
        return False
    words = f"{error.short_description} {error.description or ''} {error.detail or ''}"
    return error.code == EbmsCode.DUPLICATE_DETECTED.code or "duplicate" in words.lower()


def _check_signer(signer: x509.Certificate, *, recipient: x509.Certificate, now: datetime) -> None:
    if signer != recipient:
        raise _invalid(
            "AS4-RECEIPT-SIGNER",
            "The receipt is not signed with the certificate the message was encrypted for.",
        )
    if not signer.not_valid_before_utc <= now <= signer.not_valid_after_utc:
        raise _invalid(
            "AS4-RECEIPT-EXPIRED", "The receipt is signed with a certificate that is not valid now."
        )


def _check_receipt(
    receipt: Receipt, *, message_id: str, references: Sequence[SentReference]
) -> None:
    if receipt.ref_to_message_id != message_id:
        raise _invalid("AS4-RECEIPT-OTHER-MESSAGE", "The receipt is for another message.")
    acknowledged = {
        SentReference(item.uri, base64.b64encode(item.digest).decode("ascii"))
        for item in receipt.references
    }
    missing = [item.uri for item in references if item not in acknowledged]
    if missing or not references:
        raise _invalid(
            "AS4-RECEIPT-DIGEST",
            "The receipt does not acknowledge every part that was sent with its digest.",
        )
