"""Messages, keys and key stores that the benchmark of the wire hands to both implementations."""

from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    load_pem_private_key,
    pkcs12,
)

from bench.material import BUSINESSES
from gateway.as4.agreement import common_name
from gateway.as4.ebms import UserMessage
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING
from gateway.as4.keys import SoftwareKey
from gateway.as4.sbdh import write
from gateway.as4.sbdheader import Sbdh
from gateway.core.ids import new_id

__all__ = ["message_to", "pair_from", "write_java_stores"]

_PASSWORD = b"peppol"


def pair_from(order: dict[str, Any]) -> tuple[x509.Certificate, SoftwareKey]:
    """The certificate and key in the PEM files that an order names."""
    key = load_pem_private_key(Path(order["key"]).read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the seat's key is no RSA key")
    certificate = x509.load_pem_x509_certificate(Path(order["certificate"]).read_bytes())
    return certificate, SoftwareKey(key)


def message_to(
    document: bytes,
    envelope: BinaryIO,
    certificate: x509.Certificate,
    recipient: x509.Certificate,
    *,
    at: datetime,
) -> UserMessage:
    """Write the business document into ``envelope``; return the ebMS header that fits it."""
    sender, receiver = BUSINESSES
    header = Sbdh(
        sender=sender,
        receiver=receiver,
        document_type=BILLING_INVOICE,
        process=PROCESS_BILLING,
        standard=BILLING_INVOICE.namespace,
        type_version="2.1",
        type="Invoice",
        instance_identifier=str(new_id()),
        created=at,
        country_c1="BE",
    )
    write(header, BytesIO(document), envelope)
    envelope.seek(0)
    return UserMessage(
        message_id=f"{new_id()}@bench.example",
        timestamp=at,
        conversation_id=header.instance_identifier,
        from_party=common_name(certificate) or "",
        to_party=common_name(recipient) or "",
        service=PROCESS_BILLING,
        action=BILLING_INVOICE,
        original_sender=sender,
        final_recipient=receiver,
        payload_id=f"{new_id()}@bench.example",
    )


def write_java_stores(folder: Path, files: dict[str, str], *, role: str) -> None:
    """The seat of ``role`` as Java reads it: key store, trust store, authority, certificate."""
    read = {name: Path(files[name]).read_bytes() for name in ("root", "authority", role)}
    root, authority, own = (x509.load_pem_x509_certificate(one) for one in read.values())
    key = load_pem_private_key(Path(files[f"{role}_key"]).read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the seat's key is no RSA key")
    secret = BestAvailableEncryption(_PASSWORD)
    (folder / "java.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(b"ap", key, own, None, secret)
    )
    (folder / "trust.p12").write_bytes(
        pkcs12.serialize_java_truststore(
            [pkcs12.PKCS12Certificate(root, b"root"), pkcs12.PKCS12Certificate(authority, b"ap")],
            secret,
        )
    )
    (folder / "ap-ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
