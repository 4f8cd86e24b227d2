"""What a stored AS4 message says about itself, for people: ebMS header, security, SBDH.

Reads our own archive in fixed memory; judges nothing. The messages were verified when they came
or were signed here, so a part that cannot be read is simply absent.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from cryptography import x509
from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.ebms import check_structure, read_payload
from gateway.as4.encryption import decrypt, read_encryption, unwrap_content_key
from gateway.as4.envelope import Envelope, read_envelope, unique_ids
from gateway.as4.errors import As4Error
from gateway.as4.keys import PrivateKey
from gateway.as4.mime import MimeLimits, Part, read_parts
from gateway.as4.sbdh import read_header
from gateway.as4.sbdheader import Sbdh
from gateway.as4.wssec import require_signature, verify
from gateway.core.spool import Spool
from gateway.network.pki import fingerprint
from ubl.safexml import XmlRefused

__all__ = [
    "CertificateFacts",
    "PartFacts",
    "SignedPart",
    "WireMessage",
    "certificate_facts",
    "open_payload",
    "read_wire_message",
    "sbdh_of",
    "signer_of_receipt",
    "soap_of_request",
]

_MAX_TEXT: Final = 1000
_EXCERPT: Final = 16 * 1024
_MAX_ROWS: Final = 200


class _Counted(io.RawIOBase):
    """Takes any number of bytes and keeps none; knows how many there were."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def write(self, data: object, /) -> int:
        self.size += len(data)  # type: ignore[arg-type] # only buffers are written
        return len(data)  # type: ignore[arg-type] # as above

    def seek(self, offset: int, whence: int = 0, /) -> int:
        del whence
        return offset

    def read(self, size: int = -1, /) -> bytes:
        del size
        return b""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate as people compare it; times are UTC, the fingerprint is SHA-256 in hex."""

    subject: str
    issuer: str
    serial: str
    valid_from: datetime
    valid_until: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True)
class PartFacts:
    """One MIME part: what it calls itself and its size in bytes as transferred and decoded."""

    content_id: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class SignedPart:
    """One reference of the signature: what it covers and the digest (base64)."""

    uri: str
    algorithm: str
    digest: str


@dataclass(frozen=True, slots=True)
class WireMessage:
    """An AS4 request taken apart.

    ``header`` holds the ebMS header as (path, text), in document order. ``encryption`` names the
    algorithms of keys and content. ``signer`` is None where the signature does not hold.
    ``excerpt`` is the beginning of the SOAP envelope, at most 16 KiB.
    """

    header: Sequence[tuple[str, str]]
    parts: Sequence[PartFacts]
    signature_algorithm: str
    references: Sequence[SignedPart]
    encryption: Sequence[str]
    signer: CertificateFacts | None
    excerpt: str


def soap_of_request(source: BinaryIO, content_type: str) -> tuple[bytes, list[PartFacts]]:
    """The SOAP part of a request and the sizes of all; fixed memory. Raises As4Error."""
    first = io.BytesIO()
    sinks: list[io.BytesIO | _Counted] = []

    def spool() -> BinaryIO:
        sinks.append(_Counted() if sinks else first)
        return sinks[-1]  # type: ignore[return-value] # a file as far as the reader needs one

    parts = read_parts(source, content_type, limits=MimeLimits(), spool=spool)
    soap = first.getvalue()
    return soap, [_part(part, sink) for part, sink in zip(parts, sinks, strict=True)]


def _part(part: Part, sink: io.BytesIO | _Counted) -> PartFacts:
    size = sink.size if isinstance(sink, _Counted) else len(sink.getvalue())
    return PartFacts(part.content_id or "", part.content_type, size)


def open_payload(
    source: BinaryIO,
    content_type: str,
    *,
    keys: Sequence[tuple[x509.Certificate, PrivateKey]],
    out: BinaryIO,
) -> bool:
    """Decrypt the payload of a stored request once more; True if what came out is its gzip.

    Raises As4Error, also where none of the keys is the one it was encrypted for.
    """
    with _spools() as spooled:
        parts = read_parts(source, content_type, limits=MimeLimits(), spool=spooled)
        envelope = read_envelope(parts[0].body.read())
        _, compressed = read_payload(check_structure(envelope.messaging))
        encryption = read_encryption(envelope, unique_ids(envelope.root))
        decrypt(parts[1].body, out, content_key=unwrap_content_key(encryption, keys))
    return compressed


@contextmanager
def _spools() -> Iterator[Callable[[], BinaryIO]]:
    """A maker of spools that are all closed on leaving."""
    with ExitStack() as opened:

        def spool() -> BinaryIO:
            return opened.enter_context(closing(Spool())).binary

        yield spool


def read_wire_message(source: BinaryIO, content_type: str) -> WireMessage | None:
    """Take a stored request apart; None for what cannot be read."""
    try:
        soap, parts = soap_of_request(source, content_type)
        envelope = read_envelope(soap)
    except (As4Error, XmlRefused):
        return None
    algorithm, references = _signature(envelope)
    return WireMessage(
        header=_header(envelope.messaging),
        parts=parts,
        signature_algorithm=algorithm,
        references=references,
        encryption=_encryption(envelope.root),
        signer=_signer(envelope),
        excerpt=soap[:_EXCERPT].decode("utf-8", "replace"),
    )


def _header(messaging: etree._Element) -> list[tuple[str, str]]:
    """The leaves of the ebMS header; properties by their names."""
    rows = []
    for element in messaging.iter():
        if not isinstance(element.tag, str) or len(element):
            continue
        names = [etree.QName(one).localname for one in element.iterancestors()]
        inside = names[: names.index("Messaging")] if "Messaging" in names else names
        path = "/".join([*reversed(inside), etree.QName(element).localname])
        named = [
            f"{name}={element.get(name)}" for name in map(str, element.keys()) if name[:1] != "{"
        ]
        text = (element.text or "").strip()
        if named:
            path = f"{path} [{', '.join(named)}]"
        rows.append((path[:_MAX_TEXT], text[:_MAX_TEXT]))
    return rows[:_MAX_ROWS]


def _encryption(root: etree._Element) -> list[str]:
    found = [str(one.get("Algorithm", "")) for one in root.iter(ns.q(ns.XENC, "EncryptionMethod"))]
    return list(dict.fromkeys(found))[:_MAX_ROWS]


def _signature(envelope: Envelope) -> tuple[str, list[SignedPart]]:
    """How the message is signed, and what the signature covers."""
    try:
        signature = require_signature(envelope)
    except As4Error:
        return "", []
    method = signature.find(f".//{ns.q(ns.DS, 'SignatureMethod')}")
    references = [
        SignedPart(
            uri=str(one.get("URI", "")),
            algorithm=_attribute(one, "DigestMethod"),
            digest=(one.findtext(ns.q(ns.DS, "DigestValue")) or "").strip()[:_MAX_TEXT],
        )
        for one in signature.iterfind(f"{ns.q(ns.DS, 'SignedInfo')}/{ns.q(ns.DS, 'Reference')}")
    ]
    return "" if method is None else str(method.get("Algorithm", "")), references[:_MAX_ROWS]


def _signer(envelope: Envelope) -> CertificateFacts | None:
    try:
        return certificate_facts(verify(envelope).signer)
    except As4Error:
        return None


def _attribute(reference: etree._Element, name: str) -> str:
    found = reference.find(ns.q(ns.DS, name))
    return "" if found is None else str(found.get("Algorithm", ""))


def certificate_facts(certificate: x509.Certificate) -> CertificateFacts:
    """What people compare of a certificate."""
    return CertificateFacts(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
        fingerprint=fingerprint(certificate),
    )


def signer_of_receipt(receipt: bytes) -> x509.Certificate | None:
    """Who signed a receipt; None where its signature does not hold."""
    try:
        return verify(read_envelope(receipt)).signer
    except (As4Error, XmlRefused):
        return None


def sbdh_of(envelope: BinaryIO) -> Sbdh | None:
    """The SBDH of a stored SBD, read up to its end only; None where it has none of Peppol's."""
    try:
        return read_header(envelope)
    except (As4Error, XmlRefused):
        return None
