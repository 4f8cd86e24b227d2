"""Receiving over AS4: a request becomes a proven business message, and its answer is made.

Does every duty of C3 (AS4 profile 2.0.3) in order, each failure with its ebMS code. Releases
nothing before signature, decryption tag and signed digest have held. Knows no participant: who
is served here, and what was received before, is the caller's to judge.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Final

from cryptography import x509

from gateway.as4 import namespaces as ns
from gateway.as4.agreement import disagreements
from gateway.as4.compression import decompress
from gateway.as4.ebms import (
    UserMessage,
    check_structure,
    peek_message_id,
    read_payload,
    read_user_message,
)
from gateway.as4.encryption import (
    Encryption,
    decrypt,
    read_encryption,
    require_encryption,
    unwrap_content_key,
)
from gateway.as4.envelope import (
    SOAP_LIMITS,
    Envelope,
    new_envelope,
    read_envelope,
    serialise,
    unique_ids,
)
from gateway.as4.errors import As4Error, EbmsCode, PeerAs4Error
from gateway.as4.keys import PrivateKey
from gateway.as4.mime import MimeLimits, Part, read_parts
from gateway.as4.namespaces import leaf_text
from gateway.as4.sbdh import read
from gateway.as4.sbdheader import Sbdh
from gateway.as4.signals import (
    ErrorSignal,
    Receipt,
    ReceivedReference,
    SignalError,
    write_error,
    write_receipt,
)
from gateway.as4.wssec import (
    Entropy,
    Verified,
    authentication_failed,
    content_id_of,
    new_id,
    require_signature,
    sign,
    verify,
)
from gateway.as4.xmldsig import SignatureRefused, Transform, canonicalise
from ubl.safexml import Limits, XmlRefused, parse

__all__ = [
    "MessageRefused",
    "Received",
    "UnpackLimits",
    "build_error",
    "build_receipt",
    "unpack",
]

_CANONICAL_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """How large a message may be: on the wire, as a document, and how far it may expand.

    ``max_ratio`` bounds the document's size as a multiple of its gzip.
    """

    mime: MimeLimits = field(default_factory=MimeLimits)
    max_document_bytes: int = 100 * 1024 * 1024
    max_ratio: int = 200


@dataclass(frozen=True, slots=True)
class Received:
    """A message that is proven to be unchanged and from ``signer``.

    ``references`` are what the receipt has to repeat. ``recipient_certificate`` is the one of
    ours that the sender used. ``sbd`` is the StandardBusinessDocument, at its start; the caller
    closes it. ``header`` is its SBDH.
    """

    message: UserMessage
    signer: x509.Certificate
    references: tuple[ReceivedReference, ...]
    recipient_certificate: x509.Certificate
    sbd: BinaryIO
    header: Sbdh


class MessageRefused(PeerAs4Error):
    """A message that could not be received.

    ``cause`` is what is wrong. ``ref_to_message_id`` is its MessageId as far as it could be read,
    for the error that answers it; it is not authenticated.
    """

    def __init__(self, cause: As4Error, *, ref_to_message_id: str | None) -> None:
        super().__init__(cause.code, cause.message, ebms=cause.ebms, detail=cause.detail)
        self.cause = cause
        self.ref_to_message_id = ref_to_message_id


def unpack(
    source: BinaryIO,
    content_type: str,
    *,
    keys: Sequence[tuple[x509.Certificate, PrivateKey]],
    verify_signer: Callable[[x509.Certificate], None],
    limits: UnpackLimits,
    spool: Callable[[], BinaryIO],
) -> Received:
    """Take a request apart and prove it.

    ``keys`` are all key pairs of this access point that are valid now. ``verify_signer`` raises
    PeerAs4Error (EBMS:0101) for a certificate that is not to be trusted. Everything is spooled;
    on failure all spools are closed. Raises MessageRefused with the code of AS4 profile 2.0.3.
    """
    opened: list[BinaryIO] = []

    def tracked() -> BinaryIO:
        opened.append(spool())
        return opened[-1]

    ref_to_message_id: str | None = None
    try:
        parts = read_parts(source, content_type, limits=limits.mime, spool=tracked)
        envelope = read_envelope(_soap_bytes(parts))
        ref_to_message_id = peek_message_id(envelope.messaging)
        proof = _prove(envelope, parts)
        verify_signer(proof.verified.signer)
        sbd = _open_payload(proof, keys=keys, limits=limits, spool=tracked)
        received = _read_content(envelope, proof, sbd, limits=limits)
    except As4Error as error:
        _close(opened)
        raise MessageRefused(error, ref_to_message_id=ref_to_message_id) from None
    except BaseException:  # also a sender who went away: no spooled file may stay open
        _close(opened)
        raise
    _close(item for item in opened if item is not sbd)
    return received


def _close(spools: Iterable[BinaryIO]) -> None:
    for item in spools:
        with suppress(OSError):
            item.close()


def _soap_bytes(parts: Sequence[Part]) -> bytes:
    """Return the SOAP part; the message must consist of it and one payload (EBMS:0007)."""
    if len(parts) != 2:
        raise PeerAs4Error(
            "AS4-PART-COUNT",
            f"A message has a SOAP part and one payload part; this has {len(parts)} parts.",
            ebms=EbmsCode.MIME_INCONSISTENCY,
        )
    # One byte more than allowed is enough for the parser to refuse it.
    return parts[0].body.read(SOAP_LIMITS.max_bytes + 1)


@dataclass(frozen=True, slots=True)
class _Proof:
    """A signature that holds, and the attachment it covers, still encrypted."""

    verified: Verified
    encryption: Encryption
    compressed: bool
    attachment: BinaryIO
    digest: bytes


def _prove(envelope: Envelope, parts: Sequence[Part]) -> _Proof:
    """Check that one user message, encrypted and signed, covers the payload part."""
    payload_id, compressed = read_payload(check_structure(envelope.messaging))
    require_encryption(envelope)
    require_signature(envelope)
    verified = verify(envelope)
    encryption = read_encryption(envelope, unique_ids(envelope.root))
    content_id = content_id_of(f"cid:{payload_id}")
    if parts[1].content_id not in (payload_id, content_id) or encryption.content_id != content_id:
        raise PeerAs4Error(
            "AS4-PAYLOAD-MISMATCH",
            "PartInfo, EncryptedData and the Content-ID of the payload part must name the same.",
            ebms=EbmsCode.MIME_INCONSISTENCY,
        )
    if set(verified.attachments) != {content_id}:
        raise authentication_failed(
            "AS4-SIGNATURE-PAYLOAD", "The signature must cover the payload part and no other."
        )
    if leaf_text(envelope.body) != "":
        raise PeerAs4Error(
            "AS4-BODY-NOT-EMPTY",
            "The SOAP Body must be empty: the document travels as an attachment.",
            ebms=EbmsCode.VALUE_INCONSISTENT,
        )
    digest = verified.attachments[encryption.content_id]
    return _Proof(verified, encryption, compressed, parts[1].body, digest)


def _open_payload(
    proof: _Proof,
    *,
    keys: Sequence[tuple[x509.Certificate, PrivateKey]],
    limits: UnpackLimits,
    spool: Callable[[], BinaryIO],
) -> BinaryIO:
    """Decrypt, compare with the signed digest, decompress; return the document at its start."""
    content_key = unwrap_content_key(proof.encryption, keys)
    plain = spool()
    digest = decrypt(proof.attachment, plain, content_key=content_key)
    plain.seek(0)
    if not hmac.compare_digest(digest, proof.digest):
        if proof.compressed:
            raise _payload_changed()
        plain = _canonical_payload(plain, proof.digest, spool=spool)
    if not proof.compressed:
        return plain
    document = spool()
    decompress(plain, document, max_bytes=limits.max_document_bytes, max_ratio=limits.max_ratio)
    document.seek(0)
    return document


def _payload_changed() -> PeerAs4Error:
    return authentication_failed(
        "AS4-PAYLOAD-DIGEST", "The payload is not what was signed. Send the message again."
    )


def _canonical_payload(
    plain: BinaryIO, signed: bytes, *, spool: Callable[[], BinaryIO]
) -> BinaryIO:
    """Return the canonical form of an uncompressed payload if that is what was signed.

    For XML attachments the SwA profile has the sender digest the exclusive canonical form. What
    was signed is released, not what arrived. Needs the whole document in memory, so a large one
    has to be compressed, as everybody does it.
    """
    try:
        root = parse(plain.read(_CANONICAL_BYTES + 1), Limits(max_bytes=_CANONICAL_BYTES))
        data = canonicalise(root.getroottree(), Transform(ns.EXC_C14N))
    except (XmlRefused, SignatureRefused):
        raise _payload_changed() from None
    if not hmac.compare_digest(hashlib.sha256(data).digest(), signed):
        raise _payload_changed()
    released = spool()
    released.write(data)
    released.seek(0)
    return released


def _read_content(
    envelope: Envelope, proof: _Proof, sbd: BinaryIO, *, limits: UnpackLimits
) -> Received:
    """Read SBDH and header, and hold them against each other and the certificates."""
    header = read(sbd, limits=Limits(max_bytes=limits.max_document_bytes))
    sbd.seek(0)
    message = read_user_message(envelope.messaging)
    signer, recipient = proof.verified.signer, proof.encryption.recipient
    found = disagreements(message, header, signer=signer, recipient=recipient)
    if found:
        code, text = found[0]
        raise PeerAs4Error(code, text, ebms=EbmsCode.OTHER)
    return Received(message, signer, proof.verified.references, recipient, sbd, header)


def build_receipt(
    received: Received,
    *,
    message_id: str,
    now: datetime,
    key: PrivateKey,
    certificate: x509.Certificate,
    entropy: Entropy,
) -> bytes:
    """Make the signed receipt: a plain SOAP 1.2 envelope that repeats every received reference.

    ``key`` and ``certificate`` must be the pair the sender encrypted for
    (``received.recipient_certificate``), because it accepts no other signer. A duplicate is
    answered with the bytes of the first receipt, not with a new one.
    """
    if certificate != received.recipient_certificate:
        raise ValueError("sign the receipt with the certificate the message was encrypted for")
    envelope = new_envelope(
        messaging_id=new_id("messaging", entropy), body_id=new_id("body", entropy)
    )
    receipt = Receipt(message_id, now, received.message.message_id, received.references)
    write_receipt(envelope.messaging, receipt)
    sign(envelope, key=key, certificate=certificate, entropy=entropy)
    return serialise(envelope)


def build_error(
    errors: Sequence[As4Error],
    *,
    ref_to_message_id: str | None,
    message_id: str,
    now: datetime,
    key: PrivateKey | None,
    certificate: x509.Certificate | None,
    entropy: Entropy,
) -> bytes:
    """Make the error signal that answers a message, signed if there is a key to sign with."""
    if not errors:
        raise ValueError("an error signal needs at least one error")
    envelope = new_envelope(
        messaging_id=new_id("messaging", entropy),
        body_id=new_id("body", entropy),
        secured=key is not None and certificate is not None,
    )
    items = tuple(SignalError.of(item, ref_to_message_id=ref_to_message_id) for item in errors)
    write_error(envelope.messaging, ErrorSignal(message_id, now, ref_to_message_id, items))
    if key is not None and certificate is not None:
        sign(envelope, key=key, certificate=certificate, entropy=entropy)
    return serialise(envelope)
