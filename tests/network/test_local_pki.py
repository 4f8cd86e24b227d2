"""The PKI of the stages demo and test: whole, private, idempotent, refusing what is broken."""

import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.as4.identifiers import IdentifierInvalid
from gateway.core.errors import GatewayError
from gateway.network.keys import FileKeys
from gateway.network.local_pki import ensure_test_pki
from gateway.network.pki import Purpose, TrustAnchors, verify_certificate


@pytest.fixture
def made(tmp_path: Path, pki) -> Path:
    """A finished PKI with the seats POP000901 and PSM000901, copied so that it may be spoilt."""
    return Path(shutil.copytree(pki.folder, tmp_path / "pki"))


def make(folder: Path, pki, *, ap=("POP000901",), smp=("PSM000901",)):
    return ensure_test_pki(folder, ap_seats=ap, smp_seats=smp, at=pki.now)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    }


def test_made_once_kept_afterwards_and_extended(made, pki) -> None:
    before = contents(made)
    make(made, pki)
    assert contents(made) == before
    places = make(made, pki, ap=("POP000901", "POP000912"))
    after = contents(made)
    assert after.items() >= before.items()
    assert set(after) - set(before) == {
        "keys/POP000912/first.cert.pem",
        "keys/POP000912/first.key.pem",
    }
    anchors = TrustAnchors.from_folder(places.trust)
    keys = FileKeys(places.keys)
    assert keys.seats() == ("POP000901", "POP000912", "PSM000901")
    for seat, purpose in (("POP000912", Purpose.AP), ("PSM000901", Purpose.SMP)):
        certificate = keys.ring(seat).signing(pki.now).certificate
        assert verify_certificate(certificate, anchors=anchors, purpose=purpose, at=pki.now).ok


def test_private_keys_are_private_and_everything_says_test(made, pki) -> None:
    places = make(made, pki)
    keys = list(made.rglob("*.key.pem"))
    assert len(keys) == 5
    assert {stat.S_IMODE(one.stat().st_mode) for one in keys} == {0o600}
    assert all(one.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----") for one in keys)
    anchors = TrustAnchors.from_folder(places.trust)
    for one in (*anchors.roots, *anchors.ap, *anchors.smp):
        assert "TEST" in one.subject.rfc4514_string()
    assert not list(made.rglob(".*")), "no scratch files stay behind"


@pytest.mark.parametrize(
    "lost",
    ["keys/POP000901/first.cert.pem", "trust/ap-test.pem", "trust/root-test.pem"],
)
def test_a_lost_certificate_is_made_again_with_its_key(made, pki, lost) -> None:
    before = contents(made)
    (made / lost).unlink()
    places = make(made, pki)
    after = contents(made)
    assert {name for name in before if before[name] != after.get(name)} == {lost}
    anchors = TrustAnchors.from_folder(places.trust)
    certificate = FileKeys(places.keys).ring("POP000901").signing(pki.now).certificate
    verdict = verify_certificate(certificate, anchors=anchors, purpose=Purpose.AP, at=pki.now)
    assert verdict.ok, verdict.message


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("keys/POP000901/first.key.pem", None),
        ("authorities/ap.key.pem", None),
        ("keys/POP000901/first.key.pem", b"rubbish"),
        ("trust/smp-test.pem", b"rubbish"),
    ],
)
def test_damage_is_refused_with_the_file_named(made, pki, path, data) -> None:
    if data is None:
        (made / path).unlink()
    else:
        (made / path).write_bytes(data)
    with pytest.raises(GatewayError, match="TEST-PKI-BROKEN") as caught:
        make(made, pki)
    assert Path(path).name in caught.value.message


def test_swapped_keys_are_refused(made, pki) -> None:
    key = (made / "authorities/smp.key.pem").read_bytes()
    (made / "authorities/ap.key.pem").write_bytes(key)
    with pytest.raises(GatewayError, match="does not belong to its key"):
        make(made, pki)


def test_a_seat_of_the_other_purpose_is_refused(made, pki) -> None:
    with pytest.raises(GatewayError, match="was not issued by this test PKI"):
        make(made, pki, ap=("PSM000901",))


def test_a_bad_seat_id_makes_nothing(made, pki) -> None:
    before = contents(made)
    with pytest.raises(IdentifierInvalid):
        make(made, pki, ap=("../escape",))
    assert contents(made.parent) == {f"pki/{name}": data for name, data in before.items()}


def test_several_starters_end_up_with_one_pki(tmp_path, pki) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: make(tmp_path, pki), range(2)))
    before = contents(tmp_path)
    places = make(tmp_path, pki)
    assert contents(tmp_path) == before
    TrustAnchors.from_folder(places.trust)
    FileKeys(places.keys).ring("POP000901")
