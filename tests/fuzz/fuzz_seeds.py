"""Where fuzzing starts: messages of our own making, and published ones where they are at hand."""

import datetime
import functools
import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from gateway.as4.ebms import UserMessage
from gateway.as4.errors import NOT_SERVICED, EbmsCode, PeerAs4Error
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING, ParticipantId
from gateway.as4.incoming import UnpackLimits, build_error, build_receipt, unpack
from gateway.as4.keys import SoftwareKey
from gateway.as4.mime import MimeLimits, Part, read_parts, write_multipart
from gateway.as4.outgoing import encode
from gateway.as4.sbdh import MlsType, Sbdh, write
from gateway.network.smp import (
    PublishedEndpoint,
    PublishedProcess,
    Redirect,
    ServiceMetadata,
)
from gateway.network.smp_documents import service_group, signed_metadata, signed_redirect

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
NOW = datetime.datetime(2026, 5, 4, 12, 0, tzinfo=datetime.UTC)
SENDER = ParticipantId.of("0088:7300010000001")
RECEIVER = ParticipantId.of("0192:991825827")
PDF = "urn:peppol:doctype:pdf+xml"
WRAPPED = (
    '<BinaryContent xmlns="http://peppol.eu/xsd/ticc/envelope/1.0" mimeType="application/pdf">'
    "JVBERi0x</BinaryContent>"
)
SOAP = b"application/soap+xml;charset=UTF-8"


@dataclass(frozen=True)
class Seat:
    """A certificate and its key, made for one run."""

    certificate: x509.Certificate
    key: SoftwareKey


@functools.cache
def seat(common_name: str) -> Seat:
    raw = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(raw.public_key())
        .serial_number(1)
        .not_valid_before(NOW - datetime.timedelta(days=1))
        .not_valid_after(NOW + datetime.timedelta(days=365))
        .sign(raw, hashes.SHA256())
    )
    return Seat(certificate, SoftwareKey(raw))


def entropy() -> Callable[[int], bytes]:
    counter = itertools.count(1)
    return lambda size: next(counter).to_bytes(size, "big")


def envelopes() -> Iterator[bytes]:
    """Business messages: plain, with MLS scopes, in another encoding, with binary content."""
    document = (
        '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">'
        "<!-- é --><ID>1</ID></Invoice>"
    )
    for mls in (False, True):
        out = io.BytesIO()
        header = Sbdh(
            sender=SENDER,
            receiver=RECEIVER,
            document_type=BILLING_INVOICE,
            process=PROCESS_BILLING,
            standard=BILLING_INVOICE.namespace,
            type_version="2.1",
            type="Invoice",
            instance_identifier="5b1f0d5e-0c6e-4d7f-9f0e-0d3b3a1f7c11",
            created=NOW,
            country_c1="BE",
            mls_to=ParticipantId.of("0242:000101") if mls else None,
            mls_type=MlsType.ALWAYS_SEND if mls else None,
        )
        write(header, io.BytesIO(document.encode()), out)
        yield out.getvalue()
    yield out.getvalue().decode().replace("UTF-8", "UTF-16").encode("utf-16")
    hybrid = out.getvalue().decode()
    for old, new in (
        (BILLING_INVOICE.value, f"{PDF}##urn:peppol:france:billing:Factur-X:1.0::D22B"),
        (f"<sh:Standard>{BILLING_INVOICE.namespace}<", f"<sh:Standard>{PDF}<"),
        ("<sh:TypeVersion>2.1<", "<sh:TypeVersion>0<"),
        ("<sh:Type>Invoice<", "<sh:Type>factur-x<"),
        (document, WRAPPED),
    ):
        hybrid = hybrid.replace(old, new)
    yield hybrid.encode()


@dataclass(frozen=True)
class Exchange:
    """A request as it travels, its SOAP part, and the receipt and error that answer it."""

    content_type: str
    body: bytes
    soap: bytes
    receipt: bytes
    error: bytes


@functools.cache
def exchange() -> Exchange:
    sender, receiver = seat("POP000101"), seat("POP000202")
    draw = entropy()
    message = UserMessage(
        message_id="1@ap.example",
        timestamp=NOW,
        conversation_id="c",
        from_party="POP000101",
        to_party="POP000202",
        service=PROCESS_BILLING,
        action=BILLING_INVOICE,
        original_sender=SENDER,
        final_recipient=RECEIVER,
        payload_id="p@ap.example",
    )
    out = io.BytesIO()
    encoded = encode(
        message,
        io.BytesIO(next(envelopes())),
        key=sender.key,
        certificate=sender.certificate,
        recipient=receiver.certificate,
        entropy=draw,
        spool=io.BytesIO,
        out=out,
    )
    out.seek(0)
    received = unpack(
        out,
        encoded.content_type,
        keys=[(receiver.certificate, receiver.key)],
        verify_signer=lambda certificate: None,
        limits=UnpackLimits(),
        spool=io.BytesIO,
    )
    own = {
        "now": NOW,
        "key": receiver.key,
        "certificate": receiver.certificate,
        "entropy": draw,
    }
    refused = PeerAs4Error("X", "Not here.", ebms=EbmsCode.OTHER, detail=NOT_SERVICED)
    out.seek(0)
    parts = read_parts(out, encoded.content_type, limits=MimeLimits(), spool=io.BytesIO)
    return Exchange(
        encoded.content_type,
        out.getvalue(),
        parts[0].body.read(),
        build_receipt(received, message_id="2@ap.example", **own),
        build_error([refused], ref_to_message_id="1@ap.example", message_id="3@ap.example", **own),
    )


def mime_messages() -> Iterator[bytes]:
    """Requests for the MIME target: the Content-Type, a line end, the body."""
    one = exchange()
    yield one.content_type.encode() + b"\n" + one.body
    parts = [
        Part.binary(content_type="application/soap+xml", content_id=None, body=io.BytesIO(b"<a/>")),
        Part.binary(content_type="text/plain", content_id="x@y", body=io.BytesIO(b"--b\r\n")),
    ]
    out = io.BytesIO()
    kind = write_multipart(parts, boundary="frontier", out=out)
    yield kind.encode() + b"\n" + out.getvalue()
    for encoding, text in ((b"base64", b"PGEv\r\nPg=="), (b"quoted-printable", b"a=3D=\r\nb \r\n")):
        yield (
            b'Multipart/Related; boundary=b; start="<s@x>"; type="application/soap+xml"\n'
            b"preamble\r\n--b\r\nContent-Type: " + SOAP + b"\r\nContent-ID: <s@x>\r\n"
            b"Content-Transfer-Encoding: "
            + encoding
            + b"\r\nX-Long: a\r\n folded\r\n\r\n"
            + text
            + b"\r\n--b--\r\nepilogue"
        )


def smp_answers() -> Iterator[bytes]:
    smp, receiver = seat("PSM000001"), seat("POP000202")
    encoded = "".join(
        line for line in _pem(receiver.certificate).splitlines() if not line.startswith("-----")
    )
    endpoint = PublishedEndpoint(
        transport_profile="peppol-transport-as4-v2_0",
        url="https://ap.example/as4",
        certificate=encoded,
        activation=NOW,
        expiry=NOW + datetime.timedelta(days=90),
    )
    metadata = ServiceMetadata(
        RECEIVER, BILLING_INVOICE, (PublishedProcess(PROCESS_BILLING, (endpoint,)),)
    )
    yield signed_metadata(metadata, key=smp.key, certificate=smp.certificate)
    redirect = Redirect("https://smp.example/x", "CN=PSM000001")
    yield signed_redirect(redirect, key=smp.key, certificate=smp.certificate)
    yield service_group(RECEIVER, [BILLING_INVOICE], base_url="https://smp.example")


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def published(target: str) -> Iterator[bytes]:
    """Third-party files of a target; none where they are not on this machine."""
    places = {"sbdh": ["sbdh"], "smp": ["smp"], "ebms": ["as4/fragments", "as4/malformed", "as4"]}
    if target == "mime":
        message = VECTORS / "as4" / "phase4-user-message.as4"
        if message.is_file():
            head, _, body = message.read_bytes().partition(b"\r\n\r\n")
            kind = next(one for one in head.split(b"\r\n") if one.startswith(b"Content-Type: "))
            yield kind.removeprefix(b"Content-Type: ") + b"\n" + body
        return
    for place in places[target]:
        for path in sorted((VECTORS / place).rglob("*")):
            if path.is_file() and path.stat().st_size <= 64 * 1024:
                data = path.read_bytes()
                yield data[data.find(b"<") :] if b"<" in data else data
