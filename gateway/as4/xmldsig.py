"""XML signatures: the primitives that WS-Security and the SMP share.

Canonicalises, digests, signs and verifies nodes of a parsed tree. Decides neither whom to trust
nor which nodes must be signed, and allows only the algorithms in its tables: no SHA-1 and no
transform that selects or rewrites content.
"""

import base64
import binascii
import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.utils import CryptographyDeprecationWarning
from lxml import etree

from gateway.as4.keys import MIN_RSA_BITS, PrivateKey
from gateway.as4.namespaces import (
    C14N,
    DS,
    EC,
    ENVELOPED,
    EXC_C14N,
    RSA_SHA256,
    SHA256,
    leaf_text,
    q,
)

__all__ = [
    "CANONICALISATIONS",
    "DIGESTS",
    "SIGNATURES",
    "Reference",
    "SignatureRefused",
    "SignedInfo",
    "Transform",
    "append_signature",
    "canonicalise",
    "decode_base64",
    "load_certificate",
    "read_signature",
    "sign_enveloped",
    "verify_enveloped",
    "verify_signed_info",
]

MAX_REFERENCES: Final = 16

CANONICALISATIONS: Final[dict[str, bool]] = {EXC_C14N: True, C14N: False}
"""Canonicalisation methods that are allowed, and whether each is the exclusive one."""
DIGESTS: Final[dict[str, str]] = {SHA256: "sha256"}
"""Digest methods that are allowed, with their names in hashlib."""
SIGNATURES: Final[dict[str, type[hashes.HashAlgorithm]]] = {RSA_SHA256: hashes.SHA256}
"""Signature methods that are allowed, each RSASSA-PKCS1-v1_5 with its hash."""


class SignatureRefused(ValueError):
    """A signature is missing, malformed, made with a forbidden algorithm, or wrong.

    ``code`` is stable: DSIG-MISSING, DSIG-MANY, DSIG-STRUCTURE, DSIG-ALGORITHM, DSIG-BASE64,
    DSIG-KEY, DSIG-CERTIFICATE, DSIG-DIGEST or DSIG-VALUE.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Transform:
    """One ``ds:Transform`` or ``ds:CanonicalizationMethod``.

    ``prefixes`` is the PrefixList of ``ec:InclusiveNamespaces``.
    """

    algorithm: str
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """One ``ds:Reference``: what is signed, how it is turned into bytes, and their digest."""

    uri: str
    transforms: tuple[Transform, ...]
    digest_method: str
    digest_value: bytes


@dataclass(frozen=True, slots=True)
class SignedInfo:
    """What one ``ds:Signature`` says, before anything of it has been verified.

    ``elements`` are the ``ds:Reference`` elements as they stand in the document, in the order of
    ``references``.
    """

    canonicalisation: Transform
    signature_method: str
    references: tuple[Reference, ...]
    elements: tuple[etree._Element, ...]
    signature_value: bytes


def canonicalise(node: etree._Element | etree._ElementTree, transform: Transform) -> bytes:
    """Turn a node, where it stands in its document, into canonical bytes without comments.

    The node keeps the namespace declarations of its ancestors in view, as inclusive
    canonicalisation and a PrefixList require; it must not be copied out of its document first.
    A PrefixList counts only for prefixes of a document that was parsed (lxml skips others).
    A tree stands for the whole document, with the processing instructions around its root.
    """
    exclusive = CANONICALISATIONS.get(transform.algorithm)
    if exclusive is None:
        raise SignatureRefused(
            "DSIG-ALGORITHM",
            f"The canonicalisation '{transform.algorithm}' is not allowed; use exclusive "
            "canonicalisation without comments.",
        )
    prefixes = list(transform.prefixes)
    try:
        return etree.tostring(
            node,
            method="c14n",
            exclusive=exclusive,
            with_comments=False,
            inclusive_ns_prefixes=prefixes if exclusive and prefixes else None,
        )
    except etree.C14NError:
        raise SignatureRefused(
            "DSIG-STRUCTURE",
            "The content has no canonical form; a namespace name is probably a relative address.",
        ) from None


def decode_base64(text: str | None) -> bytes:
    """Decode base64 that may be wrapped over lines; anything else in it is refused."""
    try:
        # None is an element that holds more than text: no base64 either.
        return base64.b64decode("".join((text or "?").split()), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureRefused(
            "DSIG-BASE64", "A base64 value in the signature or token is malformed."
        ) from None


def _only(parent: etree._Element, name: str) -> etree._Element:
    found = parent.findall(q(DS, name))
    if len(found) != 1:
        raise SignatureRefused(
            "DSIG-STRUCTURE",
            f"The signature needs exactly one {name} here and has {len(found)}.",
        )
    return found[0]


def _read_transform(element: etree._Element) -> Transform:
    children = [child for child in element if isinstance(child.tag, str)]
    prefixes: tuple[str, ...] = ()
    if children:
        if len(children) > 1 or children[0].tag != q(EC, "InclusiveNamespaces"):
            raise SignatureRefused(
                "DSIG-STRUCTURE", "A transform may hold nothing but one InclusiveNamespaces."
            )
        prefixes = tuple((children[0].get("PrefixList") or "").split())
        if "#default" in prefixes:
            # lxml drops this entry silently, so the digest would be wrong without a reason given.
            raise SignatureRefused(
                "DSIG-ALGORITHM",
                "A PrefixList with '#default' is not supported; bind the envelope's namespaces "
                "to prefixes.",
            )
    return Transform(element.get("Algorithm", ""), prefixes)


def _read_reference(element: etree._Element) -> Reference:
    method = _only(element, "DigestMethod").get("Algorithm", "")
    if method not in DIGESTS:
        raise SignatureRefused(
            "DSIG-ALGORITHM", f"The digest method '{method}' is not allowed; use SHA-256."
        )
    containers = element.findall(q(DS, "Transforms"))
    if len(containers) > 1:
        raise SignatureRefused("DSIG-STRUCTURE", "A reference holds more than one Transforms.")
    transforms = tuple(
        _read_transform(item) for box in containers for item in box.findall(q(DS, "Transform"))
    )
    uri = element.get("URI")
    if uri is None:
        raise SignatureRefused("DSIG-STRUCTURE", "A reference does not say what it signs (URI).")
    value = decode_base64(leaf_text(_only(element, "DigestValue")))
    return Reference(uri, transforms, method, value)


def read_signature(signature: etree._Element) -> SignedInfo:
    """Read a ``ds:Signature`` strictly; every algorithm in it is checked against the tables.

    Raises SignatureRefused. Verifies nothing yet.
    """
    info = _only(signature, "SignedInfo")
    canonicalisation = _read_transform(_only(info, "CanonicalizationMethod"))
    if canonicalisation.algorithm not in CANONICALISATIONS:
        raise SignatureRefused(
            "DSIG-ALGORITHM",
            f"The canonicalisation '{canonicalisation.algorithm}' is not allowed; use exclusive "
            "canonicalisation without comments.",
        )
    method = _only(info, "SignatureMethod").get("Algorithm", "")
    if method not in SIGNATURES:
        raise SignatureRefused(
            "DSIG-ALGORITHM",
            f"The signature method '{method}' is not allowed; use RSA with SHA-256.",
        )
    elements = tuple(info.findall(q(DS, "Reference")))
    if not 1 <= len(elements) <= MAX_REFERENCES:
        raise SignatureRefused(
            "DSIG-STRUCTURE",
            f"A signature needs 1 to {MAX_REFERENCES} references and has {len(elements)}.",
        )
    return SignedInfo(
        canonicalisation=canonicalisation,
        signature_method=method,
        references=tuple(_read_reference(element) for element in elements),
        elements=elements,
        signature_value=decode_base64(leaf_text(_only(signature, "SignatureValue"))),
    )


def verify_signed_info(
    signature: etree._Element, read: SignedInfo, certificate: x509.Certificate
) -> None:
    """Check that the key of ``certificate`` made the signature value over ``ds:SignedInfo``.

    ``read`` comes from read_signature on the same element. The digests of the references are the
    caller's to compare with what it processes.
    """
    public_key = _rsa_key(certificate)
    data = canonicalise(_only(signature, "SignedInfo"), read.canonicalisation)
    try:
        public_key.verify(
            read.signature_value, data, padding.PKCS1v15(), SIGNATURES[read.signature_method]()
        )
    except InvalidSignature:
        raise SignatureRefused(
            "DSIG-VALUE", "The signature does not match: it was changed or made with another key."
        ) from None


def _rsa_key(certificate: x509.Certificate) -> rsa.RSAPublicKey:
    try:
        public_key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        public_key = None
    if not isinstance(public_key, rsa.RSAPublicKey) or public_key.key_size < MIN_RSA_BITS:
        raise SignatureRefused(
            "DSIG-KEY", f"The certificate must hold an RSA key of {MIN_RSA_BITS} bits or more."
        )
    return public_key


# Python's certificate library fails in many ways on what is nearly a certificate. Its warning,
# about a serial number that is not positive, is an error where warnings are.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    x509.InvalidVersion,
    UnsupportedAlgorithm,
    CryptographyDeprecationWarning,
)


def load_certificate(der: bytes) -> x509.Certificate:
    """Load a certificate that came with a message, from DER.

    Raises SignatureRefused (DSIG-CERTIFICATE) for whatever cannot be read as one; parts that the
    library reads late are read here, so that nothing fails later.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = (certificate.subject, certificate.issuer, certificate.not_valid_after_utc)
    except _UNREADABLE:
        raise SignatureRefused("DSIG-CERTIFICATE", "A certificate cannot be read.") from None
    return certificate


def _write_transform(parent: etree._Element, name: str, transform: Transform) -> None:
    element = etree.SubElement(parent, q(DS, name), Algorithm=transform.algorithm)
    if transform.prefixes:
        etree.SubElement(
            element,
            q(EC, "InclusiveNamespaces"),
            nsmap={"ec": EC},
            PrefixList=" ".join(transform.prefixes),
        )


def append_signature(
    parent: etree._Element,
    references: Sequence[Reference],
    *,
    key: PrivateKey,
    canonicalisation: Transform,
) -> etree._Element:
    """Append a ``ds:Signature`` over ``references`` to ``parent`` and return it, without KeyInfo.

    The parent must already stand where it will be sent: canonical bytes depend on the namespaces
    of its ancestors. KeyInfo is not signed, so the caller adds it afterwards.
    """
    signature = etree.SubElement(parent, q(DS, "Signature"), nsmap={"ds": DS})
    info = etree.SubElement(signature, q(DS, "SignedInfo"))
    _write_transform(info, "CanonicalizationMethod", canonicalisation)
    etree.SubElement(info, q(DS, "SignatureMethod"), Algorithm=RSA_SHA256)
    for reference in references:
        element = etree.SubElement(info, q(DS, "Reference"), URI=reference.uri)
        transforms = etree.SubElement(element, q(DS, "Transforms"))
        for transform in reference.transforms:
            _write_transform(transforms, "Transform", transform)
        etree.SubElement(element, q(DS, "DigestMethod"), Algorithm=reference.digest_method)
        value = etree.SubElement(element, q(DS, "DigestValue"))
        value.text = base64.b64encode(reference.digest_value).decode("ascii")
    signed = etree.SubElement(signature, q(DS, "SignatureValue"))
    signed.text = base64.b64encode(key.sign(canonicalise(info, canonicalisation))).decode("ascii")
    return signature


def sign_enveloped(root: etree._Element, *, key: PrivateKey, certificate: x509.Certificate) -> None:
    """Sign a whole document with a signature inside its root element (SMP 1.4).

    Appends the signature as last child; inclusive canonicalisation, RSA with SHA-256, KeyInfo
    with X509SubjectName and X509Certificate. ``root`` must be the root of its document.
    """
    _require_document(root)
    method = Transform(C14N)
    digest = hashlib.sha256(canonicalise(root.getroottree(), method)).digest()
    reference = Reference("", (Transform(ENVELOPED),), SHA256, digest)
    signature = append_signature(root, [reference], key=key, canonicalisation=method)
    data = etree.SubElement(etree.SubElement(signature, q(DS, "KeyInfo")), q(DS, "X509Data"))
    name = etree.SubElement(data, q(DS, "X509SubjectName"))
    name.text = certificate.subject.rfc4514_string()
    encoded = etree.SubElement(data, q(DS, "X509Certificate"))
    der = certificate.public_bytes(serialization.Encoding.DER)
    encoded.text = base64.b64encode(der).decode("ascii")


def verify_enveloped(root: etree._Element) -> x509.Certificate:
    """Verify the enveloped signature of a whole document and return the signer's certificate.

    There must be one ``ds:Signature`` in the document, a direct child of ``root``, with one
    reference to the whole document (``URI=""``). Whether the signer may be trusted is for the
    caller to decide. Raises SignatureRefused.
    """
    _require_document(root)
    found = list(root.iter(q(DS, "Signature")))
    if not found:
        raise SignatureRefused("DSIG-MISSING", "The document is not signed.")
    if len(found) > 1:
        raise SignatureRefused("DSIG-MANY", "The document holds more than one signature.")
    signature = found[0]
    if signature.getparent() is not root:
        raise SignatureRefused(
            "DSIG-STRUCTURE", "The signature must be a direct child of the root element."
        )
    read = read_signature(signature)
    certificate = _embedded_certificate(signature)
    verify_signed_info(signature, read, certificate)
    method = _enveloped_method(read)
    data = canonicalise(_without_child(root, root.index(signature)), method)
    if hashlib.sha256(data).digest() != read.references[0].digest_value:
        raise SignatureRefused("DSIG-DIGEST", "The document was changed after it was signed.")
    return certificate


def _require_document(root: etree._Element) -> None:
    if root.getparent() is not None:
        raise SignatureRefused(
            "DSIG-STRUCTURE", "An enveloped signature is over a whole document, from its root."
        )


def _enveloped_method(read: SignedInfo) -> Transform:
    """Check the one reference of an enveloped signature; say how to canonicalise for it."""
    if len(read.references) != 1 or read.references[0].uri:
        raise SignatureRefused(
            "DSIG-STRUCTURE",
            'An enveloped signature needs exactly one reference, to the whole document (URI="").',
        )
    transforms = read.references[0].transforms
    if not transforms or transforms[0] != Transform(ENVELOPED) or len(transforms) > 2:
        raise SignatureRefused(
            "DSIG-ALGORITHM",
            "The transforms must be enveloped-signature and at most one canonicalisation.",
        )
    # Without a canonicalisation of its own, a node set becomes octets by inclusive C14N 1.0.
    return transforms[1] if len(transforms) == 2 else Transform(C14N)


def _embedded_certificate(signature: etree._Element) -> x509.Certificate:
    data = _only(_only(signature, "KeyInfo"), "X509Data")
    return load_certificate(decode_base64(leaf_text(_only(data, "X509Certificate"))))


def _without_child(root: etree._Element, index: int) -> etree._ElementTree:
    """Copy the whole document and drop one child of its root, keeping the text after it."""
    tree = copy.deepcopy(root.getroottree())
    copied = tree.getroot()
    child = copied[index]
    tail = child.tail or ""
    before = child.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        copied.text = (copied.text or "") + tail
    child.tail = None
    copied.remove(child)
    return tree
