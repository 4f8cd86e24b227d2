"""A seat's new key: made here, never leaving; its request to the authority; its certificate.

Writes into the seat's folder of keys only, whole files, the key with mode 0600.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from gateway.as4.agreement import common_name
from gateway.as4.identifiers import check_seat_id
from gateway.core.durable import put_new
from gateway.core.errors import ErrorKind, GatewayError
from gateway.network.keys import CERTIFICATE_SUFFIX, KEY_SUFFIX, KEYS_INVALID
from gateway.network.pki import (
    UNREADABLE,
    Purpose,
    TrustAnchors,
    fingerprint,
    verify_certificate,
)

__all__ = ["KEY_EXISTS", "check_installable", "install_certificate", "request_certificate"]

KEY_EXISTS: Final = ErrorKind("KEYS-EXIST", "There is a key of that name", 409)

KEY_BITS: Final = 2048
"""The size of the network's certificates (exchange facts 2.6)."""


def request_certificate(
    keys: Path, seat_id: str, *, name: str, organisation: str, country: str, unit: str
) -> bytes:
    """Make a key for a seat and return the request for its certificate, as PEM.

    ``name`` is that of the files, ``unit`` the organisational unit the authority expects. Raises
    GatewayError KEYS-EXIST, IdentifierInvalid for what is no seat id, ValueError for a country
    that is not two letters.
    """
    folder = keys / check_seat_id(seat_id)
    path = folder / f"{name}{KEY_SUFFIX}"
    if path.exists() or (folder / f"{name}{CERTIFICATE_SUFFIX}").exists():
        raise GatewayError(
            KEY_EXISTS, f"{path} is there already. Choose another name; keys are never replaced."
        )
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, seat_id),
        ]
    )
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = request.sign(key, hashes.SHA256())
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    put_new(
        path,
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        mode=0o600,
    )
    return signed.public_bytes(Encoding.PEM)


def check_installable(
    certificate: x509.Certificate, seat_id: str, *, anchors: TrustAnchors, at: datetime
) -> Purpose:
    """What the certificate would be for here; refuses one that could not be used.

    One that begins later than ``at`` is judged at its beginning. Raises GatewayError KEYS-INVALID.
    """
    if common_name(certificate) != seat_id:
        raise _invalid(f"The certificate is of '{common_name(certificate)}', not of {seat_id}.")
    moment = max(at, certificate.not_valid_before_utc)
    faults = []
    for purpose in Purpose:
        verdict = verify_certificate(certificate, anchors=anchors, purpose=purpose, at=moment)
        if verdict.ok:
            return purpose
        if verdict.code != "CERT-WRONG-CA":
            faults.append(f"{verdict.message} ({verdict.code})")
    raise _invalid(faults[0])


def install_certificate(keys: Path, seat_id: str, certificate: x509.Certificate) -> Path:
    """Put a certificate beside the key it was issued for; returns its file.

    Call check_installable first. Raises GatewayError KEYS-INVALID when no key of the seat's
    folder is its own, KEYS-EXIST when it is there already.
    """
    folder = keys / check_seat_id(seat_id)
    for path in sorted(folder.glob(f"*{KEY_SUFFIX}")):
        if _public_key(path) != certificate.public_key():
            continue
        target = path.with_name(path.name.removesuffix(KEY_SUFFIX) + CERTIFICATE_SUFFIX)
        if target.exists():
            raise GatewayError(
                KEY_EXISTS,
                f"{target} is there already for this key. A renewed certificate needs a new key: "
                "gateway pki csr.",
            )
        put_new(target, certificate.public_bytes(Encoding.PEM), mode=0o644)
        return target
    raise _invalid(
        f"The folder {folder} holds no key of this certificate "
        f"({fingerprint(certificate)[:16]}). Was the request made here (gateway pki csr)?"
    )


def _public_key(path: Path) -> object:
    """The public half of a key file; None for one that cannot be read, which is no obstacle."""
    try:
        return load_pem_private_key(path.read_bytes(), password=None).public_key()
    except (*UNREADABLE, OSError):
        return None


def _invalid(fault: str) -> GatewayError:
    return GatewayError(KEYS_INVALID, fault)
