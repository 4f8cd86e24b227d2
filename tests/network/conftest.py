"""A PKI of fictional seats, shared by the tests of the network package."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.network.keys import FileKeys, KeyPair
from gateway.network.pki import Purpose, TrustAnchors
from gateway.network.test_pki import Authority, ensure_test_pki, issue

AP_SEAT = "POP000901"
SMP_SEAT = "PSM000901"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pki:
    """The test PKI with everything a test wants to misuse."""

    now: datetime
    ap_seat: str
    smp_seat: str
    folder: Path
    anchors: TrustAnchors
    ap: Authority
    smp: Authority
    ap_pair: KeyPair
    smp_pair: KeyPair
    spare_key: rsa.RSAPrivateKey

    def issue(
        self,
        seat_id: str = AP_SEAT,
        *,
        purpose: Purpose = Purpose.AP,
        issuer: Authority | None = None,
        not_before: datetime = NOW - timedelta(days=1),
        not_after: datetime = NOW + timedelta(days=1),
    ) -> x509.Certificate:
        """A certificate over the spare key."""
        return issue(
            seat_id=seat_id,
            purpose=purpose,
            public_key=self.spare_key.public_key(),
            issuer=issuer or (self.ap if purpose is Purpose.AP else self.smp),
            not_before=not_before,
            not_after=not_after,
        )


def authority(folder: Path, kind: str) -> Authority:
    key = load_pem_private_key((folder / f"authorities/{kind}.key.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    certificate = x509.load_pem_x509_certificate((folder / f"trust/{kind}-test.pem").read_bytes())
    return Authority(certificate=certificate, key=key)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    places = ensure_test_pki(folder, ap_seats=[AP_SEAT], smp_seats=[SMP_SEAT], at=NOW)
    keys = FileKeys(places.keys)
    return Pki(
        now=NOW,
        ap_seat=AP_SEAT,
        smp_seat=SMP_SEAT,
        folder=folder,
        anchors=TrustAnchors.from_folder(places.trust),
        ap=authority(folder, "ap"),
        smp=authority(folder, "smp"),
        ap_pair=keys.ring(AP_SEAT).signing(NOW),
        smp_pair=keys.ring(SMP_SEAT).signing(NOW),
        spare_key=rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )


@pytest.fixture(scope="session")
def vectors() -> Path:
    folder = Path(__file__).parents[3] / "shared" / "vectors"
    if not folder.is_dir():
        pytest.skip("the third-party test vectors are not beside the repository (../shared)")
    return folder
