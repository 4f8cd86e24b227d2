"""A seat's key ring: which pair signs, which decrypt, and folders that must not be used."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from gateway.as4.identifiers import IdentifierInvalid
from gateway.core.errors import GatewayError
from gateway.network.keys import FileKeys, load_key_ring


@pytest.fixture
def folder(tmp_path: Path, pki) -> Path:
    """A key store with one seat, copied so that it may be spoilt."""
    shutil.copytree(pki.folder / "keys" / pki.ap_seat, tmp_path / pki.ap_seat)
    return tmp_path


def add(folder: Path, pki, name: str, *, certificate=None, key=None, encryption=None) -> None:
    certificate = certificate or pki.issue()
    (folder / f"{name}.cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    path = folder / f"{name}.key.pem"
    path.touch(mode=0o600)
    path.write_bytes(
        (key or pki.spare_key).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
        )
    )


def refused(folder: Path) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        load_key_ring(folder)
    assert str(folder) in caught.value.message
    assert "PRIVATE KEY" not in caught.value.message
    return caught.value


def test_the_newest_valid_pair_signs_and_all_decrypt(folder, pki) -> None:
    store = FileKeys(folder)
    first = store.ring(pki.ap_seat).signing(pki.now)
    renewed = pki.issue(
        not_before=pki.now + timedelta(days=10), not_after=pki.now + timedelta(days=700)
    )
    add(folder / pki.ap_seat, pki, "second", certificate=renewed)
    ring = store.ring(pki.ap_seat)
    assert len(ring.decryption_keys()) == 2
    assert ring.signing(pki.now).certificate == first.certificate
    assert ring.signing(pki.now + timedelta(days=10)).certificate == renewed
    pair = ring.pair_of(first.certificate)
    assert pair is not None
    assert pair.certificate == first.certificate
    assert ring.pair_of(pki.ap.certificate) is None
    with pytest.raises(GatewayError, match="KEYS-NOT-VALID-NOW"):
        ring.signing(pki.now + timedelta(days=5000))


def test_a_ring_is_read_again_only_when_its_folder_changes(folder, pki) -> None:
    store = FileKeys(folder)
    ring = store.ring(pki.ap_seat)
    assert store.ring(pki.ap_seat) is ring
    add(folder / pki.ap_seat, pki, "second")
    assert len(store.ring(pki.ap_seat).pairs) == 2


def test_the_handle_signs_with_the_key_of_the_certificate(folder, pki) -> None:
    pair = load_key_ring(folder / pki.ap_seat).signing(pki.now)
    assert pair.key.sign(b"same bytes") == pki.ap_pair.key.sign(b"same bytes")


def test_unusable_folders(folder, pki) -> None:
    seat = folder / pki.ap_seat
    assert refused(folder / "nowhere").code == "KEYS-MISSING"
    (seat / "first.key.pem").chmod(0o640)
    assert refused(seat).code == "KEYS-PERMISSIONS"
    (seat / "first.key.pem").chmod(0o600)
    assert load_key_ring(seat).pairs
    add(seat, pki, "copy", certificate=pki.ap_pair.certificate)
    assert refused(seat).code == "KEYS-INVALID"  # not the key of that certificate
    shutil.copy(seat / "first.key.pem", seat / "copy.key.pem")
    assert "twice" in refused(seat).message
    (seat / "copy.cert.pem").unlink()
    add(seat, pki, "locked", encryption=BestAvailableEncryption(b"secret"))
    assert "passphrase" in refused(seat).message
    add(seat, pki, "locked", key=ec.generate_private_key(ec.SECP256R1()))
    assert "RSA" in refused(seat).message
    (seat / "locked.cert.pem").write_bytes(b"rubbish")
    assert refused(seat).code == "KEYS-INVALID"
    (seat / "locked.key.pem").unlink()
    assert refused(seat).code == "KEYS-MISSING"


def test_a_folder_must_hold_its_own_seat(folder, pki) -> None:
    (folder / pki.ap_seat).rename(folder / "POP000902")
    with pytest.raises(GatewayError, match="another seat"):
        FileKeys(folder).ring("POP000902")


def test_a_seat_id_never_leaves_the_folder(folder) -> None:
    with pytest.raises(IdentifierInvalid):
        FileKeys(folder).ring("../" + folder.name)
    assert FileKeys(folder / "nowhere").seats() == ()


def test_folders_of_other_names_are_no_seats(folder, pki) -> None:
    (folder / "backup of last year").mkdir()
    (folder / "POP000902").write_text("a file")
    assert FileKeys(folder).seats() == (pki.ap_seat,)


def test_a_link_to_nowhere_stops_neither_the_seat_nor_others(folder, pki) -> None:
    store = FileKeys(folder)
    ring = store.ring(pki.ap_seat)
    (folder / pki.ap_seat / "next.cert.pem").symlink_to(folder / "gone")
    assert store.ring(pki.ap_seat) is ring
    with pytest.raises(GatewayError, match="cannot be read"):
        FileKeys(folder).ring(pki.ap_seat)
