"""A Peppol-like PKI of three levels and two access points, made once for the whole run."""

import datetime
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from gateway.as4.keys import SoftwareKey

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
