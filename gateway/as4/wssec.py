"""WS-Security of AS4: which nodes of an envelope are signed, by whom, and proof that they are.

Signs Messaging, Body and attachments, and verifies that the very nodes that will be processed
are the ones signed. Decides no trust (the caller judges the signer's certificate) and opens
nothing encrypted.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.envelope import Envelope, unique_ids
from gateway.as4.errors import EbmsCode, PeerAs4Error
from gateway.as4.keys import PrivateKey
from gateway.as4.namespaces import leaf_text, q
from gateway.as4.signals import ReceivedReference
from gateway.as4.xmldsig import (
    CANONICALISATIONS,
    DIGESTS,
    Reference,
    SignatureRefused,
    SignedInfo,
    Transform,
    append_signature,
    canonicalise,
    decode_base64,
    load_certificate,
    read_signature,
    verify_signed_info,
)

__all__ = [
    "Entropy",
    "Verified",
    "append_token_reference",
    "authentication_failed",
    "binary_token",
    "content_id_of",
    "new_id",
    "policy_violated",
    "referenced_certificate",
    "require_signature",
    "sign",
    "verify",
]

Entropy = Callable[[int], bytes]
"""Returns that many unpredictable bytes; the only randomness this package uses for ids and keys."""

_ATTACHMENT: Final = Transform(ns.ATTACHMENT_SIGNATURE)
_NODE: Final = Transform(ns.EXC_C14N)
_SIGNED_INFO: Final = Transform(ns.EXC_C14N, ("S12",))


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that holds over header and body.

    ``signer`` is the certificate whose key made it, not yet judged for trust. ``references`` are
    all signed references as they stood in the message. ``attachments`` holds, by Content-ID, the
    digests the signer states for the attachments; the caller compares them with the content.
    """

    signer: x509.Certificate
    references: tuple[ReceivedReference, ...]
    attachments: Mapping[str, bytes]


def authentication_failed(code: str, message: str) -> PeerAs4Error:
    """EBMS:0101: the message is not proven to come unchanged from its signer."""
    return PeerAs4Error(code, message, ebms=EbmsCode.FAILED_AUTHENTICATION)


def policy_violated(code: str, message: str) -> PeerAs4Error:
    """EBMS:0103: a token is not carried the way the profile demands."""
    return PeerAs4Error(code, message, ebms=EbmsCode.POLICY_NONCOMPLIANCE)


def new_id(prefix: str, entropy: Entropy) -> str:
    """Make an XML identifier that no other message has."""
    return f"{prefix}-{entropy(16).hex()}"


def content_id_of(uri: str) -> str | None:
    """Return the Content-ID a ``cid:`` URI refers to, without escapes; None for other URIs."""
    return unquote(uri[4:]) if uri.startswith("cid:") else None


def binary_token(certificate: x509.Certificate, *, token_id: str) -> etree._Element:
    """Make the BinarySecurityToken that carries a certificate."""
    token = etree.Element(q(ns.WSSE, "BinarySecurityToken"), nsmap={"wsse": ns.WSSE, "wsu": ns.WSU})
    token.set("EncodingType", ns.BASE64_BINARY)
    token.set("ValueType", ns.X509V3)
    token.set(q(ns.WSU, "Id"), token_id)
    der = certificate.public_bytes(serialization.Encoding.DER)
    token.text = base64.b64encode(der).decode("ascii")
    return token


def append_token_reference(parent: etree._Element, *, uri: str, value_type: str | None) -> None:
    """Append a ``ds:KeyInfo`` that points at a token or key elsewhere in the header."""
    info = etree.SubElement(parent, q(ns.DS, "KeyInfo"), nsmap={"ds": ns.DS})
    names = {"wsse": ns.WSSE} if value_type else {"wsse": ns.WSSE, "wsse11": ns.WSSE11}
    holder = etree.SubElement(info, q(ns.WSSE, "SecurityTokenReference"), nsmap=names)
    reference = etree.SubElement(holder, q(ns.WSSE, "Reference"), URI=uri)
    if value_type is not None:
        reference.set("ValueType", value_type)
    else:
        holder.set(q(ns.WSSE11, "TokenType"), ns.ENCRYPTED_KEY_TYPE)


def _digest_node(node: etree._Element, transform: Transform) -> bytes:
    return hashlib.sha256(canonicalise(node, transform)).digest()


def sign(
    envelope: Envelope,
    *,
    key: PrivateKey,
    certificate: x509.Certificate,
    entropy: Entropy,
    attachments: Mapping[str, bytes] | None = None,
) -> tuple[Reference, ...]:
    """Sign Messaging, Body and attachments of an envelope made by new_envelope.

    ``attachments`` maps Content-IDs to SHA-256 digests over the bytes before encryption. Returns
    the signed references, which the receipt must acknowledge one by one.
    """
    security = envelope.security
    if security is None:
        raise ValueError("the envelope has no Security block to put a signature into")
    references = [
        Reference(f"#{node.get(q(ns.WSU, 'Id'))}", (_NODE,), ns.SHA256, _digest_node(node, _NODE))
        for node in (envelope.messaging, envelope.body)
    ]
    for content_id, digest in (attachments or {}).items():
        references.append(Reference(f"cid:{content_id}", (_ATTACHMENT,), ns.SHA256, digest))
    token_id = new_id("X509", entropy)
    security.append(binary_token(certificate, token_id=token_id))
    signature = append_signature(security, references, key=key, canonicalisation=_SIGNED_INFO)
    signature.set("Id", new_id("SIG", entropy))
    append_token_reference(signature, uri=f"#{token_id}", value_type=ns.X509V3)
    return tuple(references)


def require_signature(envelope: Envelope) -> etree._Element:
    """Return the one signature of the header; its absence or repetition is EBMS:0101."""
    path = q(ns.DS, "Signature")
    found = [] if envelope.security is None else envelope.security.findall(path)
    if len(found) != 1:
        raise authentication_failed(
            "AS4-SIGNATURE-COUNT",
            f"The message must carry exactly one signature and carries {len(found)}.",
        )
    return found[0]


def referenced_certificate(
    owner: etree._Element, envelope: Envelope, ids: Mapping[str, etree._Element]
) -> x509.Certificate:
    """Read the certificate a signature or encrypted key points at.

    KeyInfo must refer directly to a BinarySecurityToken in the same Security block (AS4 profile
    2.0.3 §7); thumbprints, issuer and serial number, and embedded tokens are EBMS:0103.
    """
    path = f"{q(ns.WSSE, 'SecurityTokenReference')}/*"
    infos = owner.findall(q(ns.DS, "KeyInfo"))
    targets = infos[0].findall(path) if len(infos) == 1 else []
    uri = targets[0].get("URI", "") if len(targets) == 1 else ""
    token = ids.get(uri[1:]) if uri.startswith("#") else None
    if (
        token is None
        or targets[0].tag != q(ns.WSSE, "Reference")
        or token.tag != q(ns.WSSE, "BinarySecurityToken")
        or token.getparent() is not envelope.security
    ):
        raise policy_violated(
            "AS4-TOKEN-REFERENCE",
            f"{etree.QName(owner).localname} must refer directly to a BinarySecurityToken in the "
            "same Security block.",
        )
    return _read_token(token)


def _read_token(token: etree._Element) -> x509.Certificate:
    if (
        token.get("ValueType") != ns.X509V3
        or token.get("EncodingType", ns.BASE64_BINARY) != ns.BASE64_BINARY
    ):
        raise policy_violated(
            "AS4-TOKEN-TYPE", "A BinarySecurityToken must be one X.509 v3 certificate in base64."
        )
    try:
        return load_certificate(decode_base64(leaf_text(token)))
    except SignatureRefused:
        raise authentication_failed(
            "AS4-TOKEN-CERTIFICATE", "The certificate in a BinarySecurityToken cannot be read."
        ) from None


def verify(envelope: Envelope) -> Verified:
    """Verify the signature over the Messaging and Body that this envelope will be read from.

    Each must be named by exactly one reference, resolved through identifiers that are unique in
    the whole envelope, and be the very node that is processed; that shuts out signature
    wrapping. Tokens in the wrong form are EBMS:0103, everything else is EBMS:0101.
    """
    signature = require_signature(envelope)
    ids = unique_ids(envelope.root)
    certificate = referenced_certificate(signature, envelope, ids)
    try:
        read = read_signature(signature)
        verify_signed_info(signature, read, certificate)
        references = tuple(ReceivedReference.of(element) for element in read.elements)
        attachments = _verify_references(read, envelope, ids)
    except SignatureRefused as error:
        raise authentication_failed(f"AS4-{error.code}", error.message) from None
    return Verified(certificate, references, attachments)


def _verify_references(
    read: SignedInfo, envelope: Envelope, ids: Mapping[str, etree._Element]
) -> dict[str, bytes]:
    """Compare every digest over a node, and collect those over attachments."""
    attachments: dict[str, bytes] = {}
    covered: list[etree._Element] = []
    for reference in read.references:
        content_id = content_id_of(reference.uri)
        if content_id is None:
            covered.append(_verify_node(reference, ids))
        elif reference.transforms != (_ATTACHMENT,) or content_id in attachments:
            raise authentication_failed(
                "AS4-SIGNATURE-ATTACHMENT",
                "An attachment must be signed once, with the attachment content transform.",
            )
        else:
            attachments[content_id] = reference.digest_value
    for node in (envelope.messaging, envelope.body):
        if sum(node is item for item in covered) != 1:
            raise authentication_failed(
                "AS4-SIGNATURE-COVERAGE",
                f"The {etree.QName(node).localname} of this message is not what was signed.",
            )
    return attachments


def _verify_node(reference: Reference, ids: Mapping[str, etree._Element]) -> etree._Element:
    node = ids.get(reference.uri[1:]) if reference.uri.startswith("#") else None
    transforms = reference.transforms
    if node is None or len(transforms) != 1 or transforms[0].algorithm not in CANONICALISATIONS:
        raise authentication_failed(
            "AS4-SIGNATURE-REFERENCE",
            "A signed element must be named by its Id and be canonicalised, nothing else.",
        )
    digest = hashlib.new(DIGESTS[reference.digest_method], canonicalise(node, transforms[0]))
    if not hmac.compare_digest(digest.digest(), reference.digest_value):
        raise authentication_failed(
            "AS4-SIGNATURE-DIGEST",
            f"{etree.QName(node).localname} was changed after it was signed.",
        )
    return node
