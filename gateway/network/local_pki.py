"""A PKI of this instance's own, shaped like the network's, for the stages demo and test.

Three levels: a root, one authority for access points and one for SMPs, certificates for seats.
Every name says TEST. It gives no standing on any real network. Makes files; must never be
called in production (the caller knows the stage).
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from gateway.as4.identifiers import check_seat_id
from gateway.core.durable import put_new
from gateway.core.errors import ErrorKind, GatewayError
from gateway.network.keys import CERTIFICATE_SUFFIX, KEY_SUFFIX
from gateway.network.pki import Purpose

__all__ = ["TEST_PKI_BROKEN", "Authority", "TestPki", "ensure_test_pki", "issue", "new_key"]

TEST_PKI_BROKEN: Final = ErrorKind("TEST-PKI-BROKEN", "The test PKI folder cannot be used", 500)

KEY_BITS: Final = 2048
AUTHORITY_LIFE: Final = timedelta(days=3650)
SEAT_LIFE: Final = timedelta(days=730)
# Clocks of machines that talk to each other differ a little.
BACKDATED: Final = timedelta(hours=1)
_ORGANISATION: Final = "Fictional Test Network"
_AUTHORITIES: Final = {
    "root": "TEST ROOT CA",
    "ap": "TEST ACCESS POINT CA",
    "smp": "TEST SERVICE METADATA PUBLISHER CA",
}
_UNIT: Final = {Purpose.AP: "TEST AP", Purpose.SMP: "TEST SMP"}


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that can issue certificates: its certificate and private key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class TestPki:
    """Where the pieces lie: ``trust`` for anchors, ``keys`` with one folder per seat."""

    # Not a test case, whatever its name suggests to a collector.
    __test__ = False

    trust: Path
    keys: Path


def new_key() -> rsa.RSAPrivateKey:
    """A fresh RSA key of the size the network uses."""
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def issue(
    *,
    seat_id: str,
    purpose: Purpose,
    public_key: rsa.RSAPublicKey,
    issuer: Authority,
    not_before: datetime,
    not_after: datetime,
    ocsp_url: str | None = None,
    crl_url: str | None = None,
) -> x509.Certificate:
    """Issue a seat's certificate with the key usage of the real ones (exchange facts 2.6).

    ``ocsp_url`` and ``crl_url`` are where it says that its authority tells of revocation.
    """
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, _UNIT[purpose]),
            x509.NameAttribute(NameOID.COMMON_NAME, seat_id),
        ]
    )
    builder = _builder(
        subject=subject,
        issuer=issuer.certificate.subject,
        public_key=public_key,
        not_before=not_before,
        not_after=not_after,
    )
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, encipherment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
    )
    if ocsp_url is not None:
        access = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp_url)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    if crl_url is not None:
        point = x509.DistributionPoint(
            full_name=[x509.UniformResourceIdentifier(crl_url)],
            relative_name=None,
            reasons=None,
            crl_issuer=None,
        )
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


def ensure_test_pki(
    folder: Path, *, ap_seats: Iterable[str], smp_seats: Iterable[str], at: datetime
) -> TestPki:
    """Make what is missing of the test PKI under ``folder`` and return where it lies.

    Calling it again changes nothing; files that exist are kept, missing seats are added. Each
    file appears whole or not at all, keys with mode 0600. Raises GatewayError TEST-PKI-BROKEN
    when a file is damaged or a certificate lost its key, IdentifierInvalid for a bad seat id.
    """
    places = TestPki(trust=folder / "trust", keys=folder / "keys")
    root = _ensure_authority(folder, kind="root", issuer=None, at=at)
    for purpose, seats in ((Purpose.AP, ap_seats), (Purpose.SMP, smp_seats)):
        authority = _ensure_authority(folder, kind=purpose.value, issuer=root, at=at)
        for seat_id in seats:
            _ensure_seat(places.keys, seat_id=seat_id, purpose=purpose, issuer=authority, at=at)
    return places


def _ensure_authority(
    folder: Path, *, kind: str, issuer: Authority | None, at: datetime
) -> Authority:
    certificate_file = folder / "trust" / f"{kind}-test.pem"
    key_file = folder / "authorities" / f"{kind}{KEY_SUFFIX}"
    key = _ensure_key(key_file, certificate_file=certificate_file)
    if not certificate_file.exists():
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "BE"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "FOR TEST ONLY"),
                x509.NameAttribute(NameOID.COMMON_NAME, _AUTHORITIES[kind]),
            ]
        )
        builder = _builder(
            subject=name,
            issuer=name if issuer is None else issuer.certificate.subject,
            public_key=key.public_key(),
            not_before=at - BACKDATED,
            not_after=at + AUTHORITY_LIFE,
        )
        path_length = 1 if issuer is None else 0
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=path_length), critical=True
        ).add_extension(_usage(certificate_signing=True), critical=True)
        signer = key if issuer is None else issuer.key
        _write(certificate_file, _pem(builder.sign(signer, hashes.SHA256())), mode=0o644)
    return Authority(certificate=_read_certificate(certificate_file, key=key), key=key)


def _ensure_seat(
    keys: Path, *, seat_id: str, purpose: Purpose, issuer: Authority, at: datetime
) -> None:
    folder = keys / check_seat_id(seat_id)
    certificates = sorted(folder.glob(f"*{CERTIFICATE_SUFFIX}"))
    if len(certificates) > 1:
        return  # somebody renewed this seat; its folder is no longer ours to complete
    certificate_file = certificates[0] if certificates else folder / f"first{CERTIFICATE_SUFFIX}"
    key_name = certificate_file.name.removesuffix(CERTIFICATE_SUFFIX) + KEY_SUFFIX
    key = _ensure_key(folder / key_name, certificate_file=certificate_file)
    if not certificate_file.exists():
        certificate = issue(
            seat_id=seat_id,
            purpose=purpose,
            public_key=key.public_key(),
            issuer=issuer,
            not_before=at - BACKDATED,
            not_after=at + SEAT_LIFE,
        )
        _write(certificate_file, _pem(certificate), mode=0o644)
    certificate = _read_certificate(certificate_file, key=key)
    if certificate.issuer != issuer.certificate.subject:
        raise _broken(certificate_file, "was not issued by this test PKI's authority")


def _ensure_key(key_file: Path, *, certificate_file: Path) -> rsa.RSAPrivateKey:
    """Read the key, or make it; a certificate without its key cannot be completed."""
    if not key_file.exists():
        if certificate_file.exists():
            raise _broken(certificate_file, f"has lost its key {key_file}")
        pem = new_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write(key_file, pem, mode=0o600)
    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (ValueError, TypeError):
        raise _broken(key_file, "is not a readable private key") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _broken(key_file, "is not an RSA key")
    return key


def _read_certificate(path: Path, *, key: rsa.RSAPrivateKey) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        raise _broken(path, "is not a readable certificate") from None
    if certificate.public_key() != key.public_key():
        raise _broken(path, "does not belong to its key")
    return certificate


def _broken(path: Path, fault: str) -> GatewayError:
    return GatewayError(
        TEST_PKI_BROKEN,
        f"{path} {fault}. Remove the whole test PKI folder to have a new one made; everything "
        "that trusted the old one must then take the new anchors.",
    )


def _builder(
    *,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: rsa.RSAPublicKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(
    *,
    digital_signature: bool = False,
    encipherment: bool = False,
    certificate_signing: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=encipherment,
        data_encipherment=encipherment,
        key_agreement=False,
        key_cert_sign=certificate_signing,
        crl_sign=certificate_signing,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(path: Path, data: bytes, *, mode: int) -> None:
    """Put a file in place whole, with its permissions from the first byte on.

    Another process may make the same file at the same time: the first one to link wins, and
    both then read the same bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        put_new(path, data, mode=mode)
