"""A Peppol-like PKI of three levels and two access points, made once for the whole run."""

import datetime
import gzip
import hashlib
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from gateway.as4.ebms import UserMessage, write_user_message
from gateway.as4.encryption import append_encryption, encrypt
from gateway.as4.envelope import new_envelope, serialise
from gateway.as4.errors import EbmsCode, PeerAs4Error
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING, ParticipantId
from gateway.as4.incoming import UnpackLimits, unpack
from gateway.as4.keys import SoftwareKey
from gateway.as4.mime import MimeLimits, Part, read_parts, write_multipart
from gateway.as4.outgoing import Encoded, encode
from gateway.as4.sbdh import write
from gateway.as4.sbdheader import Sbdh
from gateway.as4.wssec import sign

NOW = datetime.datetime(2026, 5, 4, 12, 0, tzinfo=datetime.UTC)
VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"


@dataclass(frozen=True)
class Seat:
    """An access point: its certificate, the handle on its key, and the key itself."""

    certificate: x509.Certificate
    key: SoftwareKey
    raw: rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pki:
    root: Seat
    authority: Seat
    sender: Seat
    receiver: Seat
    renewed: Seat
    stranger: Seat


def _issue(common_name: str, issuer: Seat | None, *, ca: bool) -> Seat:
    raw = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Network"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BE"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(raw.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=365))
        .not_valid_after(NOW + datetime.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(issuer.raw if issuer else raw, hashes.SHA256())
    )
    return Seat(certificate, SoftwareKey(raw), raw)


@pytest.fixture(scope="session")
def pki() -> Pki:
    root = _issue("Example Root CA", None, ca=True)
    authority = _issue("Example Access Point CA", root, ca=True)
    return Pki(
        root=root,
        authority=authority,
        sender=_issue("POP000101", authority, ca=False),
        receiver=_issue("POP000202", authority, ca=False),
        renewed=_issue("POP000202", authority, ca=False),
        stranger=_issue("POP000303", None, ca=False),
    )


@pytest.fixture
def now() -> datetime.datetime:
    return NOW


@pytest.fixture
def entropy() -> Callable[[int], bytes]:
    """Bytes that differ at every call and repeat from run to run."""
    counter = itertools.count(1)
    return lambda size: next(counter).to_bytes(size, "big")


@pytest.fixture(scope="session")
def vectors() -> Path:
    if not (VECTORS / "as4").is_dir():
        pytest.skip("the third-party AS4 vectors (../shared/vectors) are not on this machine")
    return VECTORS


INVOICE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" '
    'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">'
    "<cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#"
    "urn:fdc:peppol.eu:2017:poacc:billing:3.0</cbc:CustomizationID>"
    "<cbc:ID>2026-0042</cbc:ID>{filling}</Invoice>"
)


@dataclass(frozen=True, repr=False)
class Wire:
    """A request as it goes over HTTP, and what its sender remembers."""

    body: bytes
    encoded: Encoded
    message: UserMessage
    sbd: bytes

    @property
    def content_type(self) -> str:
        return self.encoded.content_type


def business_document(filling: str = "", **changes: object) -> bytes:
    """A StandardBusinessDocument around a small invoice."""
    values: dict[str, object] = {
        "sender": ParticipantId.of("0088:7300010000001"),
        "receiver": ParticipantId.of("0192:991825827"),
        "document_type": BILLING_INVOICE,
        "process": PROCESS_BILLING,
        "standard": BILLING_INVOICE.namespace,
        "type_version": "2.1",
        "type": "Invoice",
        "instance_identifier": "5b1f0d5e-0c6e-4d7f-9f0e-0d3b3a1f7c11",
        "created": NOW,
        "country_c1": "BE",
    }
    header = Sbdh(**(values | changes))
    out = io.BytesIO()
    write(header, io.BytesIO(INVOICE.format(filling=filling).encode()), out)
    return out.getvalue()


def user_message(**changes: object) -> UserMessage:
    values: dict[str, object] = {
        "message_id": "8f3d2c1e-0000-4000-8000-000000000001@ap.example",
        "timestamp": NOW,
        "conversation_id": "conversation-1",
        "from_party": "POP000101",
        "to_party": "POP000202",
        "service": PROCESS_BILLING,
        "action": BILLING_INVOICE,
        "original_sender": ParticipantId.of("0088:7300010000001"),
        "final_recipient": ParticipantId.of("0192:991825827"),
        "payload_id": "payload-1@ap.example",
    }
    return UserMessage(**(values | changes))


def encode_wire(pki: Pki, entropy, *, message=None, sbd=None, recipient=None) -> Wire:
    message = message or user_message()
    sbd = sbd or business_document()
    out = io.BytesIO()
    encoded = encode(
        message,
        io.BytesIO(sbd),
        key=pki.sender.key,
        certificate=pki.sender.certificate,
        recipient=(recipient or pki.receiver).certificate,
        entropy=entropy,
        spool=io.BytesIO,
        out=out,
    )
    return Wire(out.getvalue(), encoded, message, sbd)


@dataclass(frozen=True, repr=False)
class Receiver:
    """C3 with one or more key pairs; it trusts what the example CA issued."""

    seats: tuple[Seat, ...]
    pki: Pki

    def unpack(self, body: bytes, content_type: str, limits: UnpackLimits | None = None):
        return unpack(
            io.BytesIO(body),
            content_type,
            keys=[(seat.certificate, seat.key) for seat in self.seats],
            verify_signer=self.judge,
            limits=limits or UnpackLimits(),
            spool=io.BytesIO,
        )

    def judge(self, certificate: x509.Certificate) -> None:
        try:
            certificate.verify_directly_issued_by(self.pki.authority.certificate)
        except (ValueError, TypeError, InvalidSignature):
            raise PeerAs4Error(
                "TEST-SIGNER-UNTRUSTED",
                "The signer's certificate is not from the network.",
                ebms=EbmsCode.FAILED_AUTHENTICATION,
            ) from None


@pytest.fixture
def receiver(pki: Pki) -> Receiver:
    return Receiver((pki.receiver,), pki)


@pytest.fixture
def wire(pki: Pki, entropy) -> Wire:
    return encode_wire(pki, entropy)


@pytest.fixture(scope="session")
def same_wire(pki: Pki) -> Wire:
    """One message for property tests, which would be slow with a new one for every example."""
    counter = itertools.count(1)
    return encode_wire(pki, lambda size: next(counter).to_bytes(size, "big"))


@pytest.fixture(scope="session")
def same_receiver(pki: Pki) -> Receiver:
    return Receiver((pki.receiver,), pki)


@pytest.fixture
def make_wire(pki: Pki, entropy):
    """Encode a message: make_wire(message=…, sbd=…, recipient=…)."""
    return lambda **changes: encode_wire(pki, entropy, **changes)


@pytest.fixture
def make_sbd():
    return business_document


@pytest.fixture
def make_message():
    return user_message


@pytest.fixture
def make_receiver(pki: Pki):
    return lambda *seats: Receiver(seats, pki)


def forge_wire(
    pki: Pki,
    entropy,
    *,
    edit=None,
    after=None,
    sbd: bytes | None = None,
    content: bytes | None = None,
    signed_content: bytes | None = None,
    content_key: bytes | None = None,
    signer: Seat | None = None,
    parts=None,
) -> Wire:
    """A message that is properly signed and encrypted but wrong in a way we would never send.

    ``edit`` changes the envelope before it is signed, ``after`` once it is complete. ``content``
    replaces the gzip, ``signed_content`` is what the signature covers instead of it.
    """
    signer = signer or pki.sender
    message = user_message()
    sbd = sbd or business_document()
    envelope = new_envelope(messaging_id="m-1", body_id="b-1")
    write_user_message(envelope.messaging, message)
    if edit is not None:
        edit(envelope)
    packed = gzip.compress(sbd) if content is None else content
    digest = hashlib.sha256(packed if signed_content is None else signed_content).digest()
    sign(
        envelope,
        key=signer.key,
        certificate=signer.certificate,
        entropy=entropy,
        attachments={message.payload_id: digest},
    )
    content_key = content_key or entropy(16)
    secret = io.BytesIO()
    encrypt(io.BytesIO(packed), secret, content_key=content_key, iv=entropy(12))
    append_encryption(
        envelope,
        content_id=message.payload_id,
        content_key=content_key,
        recipient=pki.receiver.certificate,
        entropy=entropy,
    )
    if after is not None:
        after(envelope)
    bodies = [
        ("application/soap+xml;charset=UTF-8", None, serialise(envelope)),
        ("application/octet-stream", message.payload_id, secret.getvalue()),
    ]
    if parts is not None:
        bodies = parts(bodies)
    out = io.BytesIO()
    content_type = write_multipart(
        [
            Part.binary(content_type=kind, content_id=name, body=io.BytesIO(data))
            for kind, name, data in bodies
        ],
        boundary="frontier",
        out=out,
    )
    return Wire(out.getvalue(), Encoded(content_type, ()), message, sbd)


@pytest.fixture
def forge(pki: Pki, entropy):
    return lambda **changes: forge_wire(pki, entropy, **changes)


SIGNED_VECTORS = (
    "phase4-user-message.as4",
    "helger.as4in",
    "governikus.as4in",
    "dataport1-mustunderstand.as4in",
)


@pytest.fixture(scope="session")
def vector_message(vectors: Path) -> tuple[str, bytes]:
    """The real user message: its Content-Type and the body of its request."""
    data = (vectors / "as4" / SIGNED_VECTORS[0]).read_bytes()
    head, _, body = data.partition(b"\r\n\r\n")
    line = next(item for item in head.split(b"\r\n") if item.startswith(b"Content-Type: "))
    return line.removeprefix(b"Content-Type: ").decode(), body


@pytest.fixture(scope="session")
def vector_envelope(vectors: Path, vector_message) -> Callable[[str], bytes]:
    """Get the SOAP envelope of a file in the vectors' as4 folder."""

    def get(name: str) -> bytes:
        if name == SIGNED_VECTORS[0]:
            content_type, body = vector_message
            parts = read_parts(
                io.BytesIO(body), content_type, limits=MimeLimits(), spool=io.BytesIO
            )
            return parts[0].body.read()
        data = (vectors / "as4" / name).read_bytes()
        return data[data.index(b"<?xml") :]

    return get


@pytest.fixture(params=SIGNED_VECTORS)
def signed_vector(request, vector_envelope) -> bytes:
    """Each of the four real envelopes that are properly signed."""
    return vector_envelope(request.param)
