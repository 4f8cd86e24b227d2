"""Bringing trust anchors in: formats, kinds, stages, generations, and what is refused."""

import hashlib
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from gateway.core.errors import GatewayError
from gateway.core.settings import Stage
from gateway.network.anchor_bundles import AnchorBundle, read_bundles, take_out
from gateway.network.anchors import (
    AnchorKind,
    import_anchors,
    read_anchors,
    read_certificates,
    require_stage,
)
from gateway.network.pki import AnchorsInvalid

DAYS = timedelta(days=1)


def authority(pki, name: str, *, issuer=None, unit: str = "", ca: bool = True, ended: bool = False):
    """An authority over the spare key; self-signed unless an issuer is given."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if unit:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    subject = x509.Name(parts)
    usage = dict.fromkeys(
        (
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
            "key_agreement", "encipher_only", "decipher_only",
        ),
        False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(pki.spare_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(pki.now - 900 * DAYS)
        .not_valid_after(pki.now + (-1 if ended else 900) * DAYS)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage, key_cert_sign=ca, crl_sign=ca), critical=True)
        .sign(pki.spare_key, hashes.SHA256())
    )


def generation(pki, mark: str = "", unit: str = ""):
    root = authority(pki, f"NETWORK ROOT {mark}", unit=unit)
    return (
        root,
        authority(pki, f"NETWORK ACCESS POINT CA {mark}", issuer=root, unit=unit),
        authority(pki, f"NETWORK SERVICE METADATA PUBLISHER CA {mark}", issuer=root, unit=unit),
    )


def refused(call, *arguments, **changes) -> str:
    with pytest.raises(AnchorsInvalid) as caught:
        call(*arguments, **changes)
    return caught.value.code


def test_generations_stand_side_by_side_until_one_is_replaced(pki, tmp_path) -> None:
    known = {"stage": Stage.TEST, "at": pki.now}
    second, third = generation(pki, "TEST G2"), generation(pki, "TEST G3")
    added = import_anchors(tmp_path, second, **known)
    assert [one.kind for one in added] == [AnchorKind.ROOT, AnchorKind.AP, AnchorKind.SMP]
    assert import_anchors(tmp_path, second, **known) == ()
    import_anchors(tmp_path, third, **known)
    assert len(read_anchors(tmp_path)) == 6
    import_anchors(tmp_path, third, **known, replace=True)
    assert {one.certificate for one in read_anchors(tmp_path)} == set(third)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".pem"] * 3


@pytest.mark.parametrize("stage", list(Stage))
def test_the_stage_must_be_the_instance_s(pki, tmp_path, stage) -> None:
    production = stage is Stage.PRODUCTION
    right = generation(pki, "G9" if production else "TEST G9")
    wrong = generation(pki, "TEST G9" if production else "G9")
    assert refused(import_anchors, tmp_path, wrong, stage=stage, at=pki.now) == "ANCHORS-STAGE"
    assert not any(tmp_path.iterdir())
    assert len(import_anchors(tmp_path, right, stage=stage, at=pki.now)) == 3
    by_unit = generation(pki, "G9", unit="FOR TEST ONLY")
    if production:
        assert refused(require_stage, by_unit, stage) == "ANCHORS-STAGE"
    else:
        require_stage(by_unit, stage)


def test_nothing_is_guessed(pki, tmp_path) -> None:
    known = {"stage": Stage.TEST, "at": pki.now}
    root, ap, _ = generation(pki, "TEST")
    nameless = authority(pki, "TEST ISSUER 7", issuer=root)
    assert refused(import_anchors, tmp_path, (root, ap, nameless), **known) == "ANCHORS-KIND"
    wrong_word = {"kind": AnchorKind.SMP, **known}
    assert refused(import_anchors, tmp_path, (root, ap), **wrong_word) == "ANCHORS-KIND"
    assert refused(import_anchors, tmp_path, (root, ap), **known) == "ANCHORS-MISSING"
    import_anchors(tmp_path, generation(pki, "TEST"), **known)
    another = authority(pki, "TEST ISSUER 8", issuer=root)
    more = import_anchors(tmp_path, (root, another), **known, kind=AnchorKind.SMP)
    assert AnchorKind.SMP in {one.kind for one in more}


def test_what_cannot_be_relied_on_is_refused(pki, tmp_path) -> None:
    known = {"stage": Stage.TEST, "at": pki.now}
    root, ap, smp = generation(pki, "TEST")
    ended = authority(pki, "TEST ROOT", ended=True)
    assert refused(import_anchors, tmp_path, (ended, ap, smp), **known) == "ANCHORS-WEAK"
    leaf = authority(pki, "TEST ACCESS POINT", issuer=root, ca=False)
    assert refused(import_anchors, tmp_path, (root, leaf, smp), **known) == (
        "ANCHORS-NOT-AUTHORITY"
    )
    stranger = (pki.anchors.roots[0], ap, smp)
    assert refused(import_anchors, tmp_path, stranger, **known) == "ANCHORS-CHAIN"
    assert not any(tmp_path.iterdir())


def test_every_format_is_read(pki) -> None:
    chain = generation(pki, "TEST")
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    assert read_certificates(b"Bag Attributes: x\n" + pem) == chain
    assert read_certificates(chain[0].public_bytes(Encoding.DER)) == chain[:1]
    locked = BestAvailableEncryption(b"peppol")
    store = pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(one, f"a{n}".encode()) for n, one in enumerate(chain)], locked
    )
    assert set(read_certificates(store, password="peppol")) == set(chain)
    own_key = pkcs12.serialize_key_and_certificates(
        b"x", pki.spare_key, chain[0], None, NoEncryption()
    )
    for wrong in (store, own_key, b"", b"rubbish", b"\x30\x82rubbish"):
        assert refused(read_certificates, wrong, password="other") == "ANCHORS-UNREADABLE"


def test_the_shipped_bundles_are_one_for_each_stage() -> None:
    bundles = read_bundles(None)
    assert {one.stage for one in bundles.values()} == {Stage.TEST, Stage.PRODUCTION}
    assert all(len(one.sha256) == 64 for one in bundles.values())


def test_a_bundle_file_that_is_wrong_is_said(tmp_path) -> None:
    for text in ("bundle = 3", "[[bundle]]\nid = 'x'", "not toml [", ""):
        (tmp_path / "anchors.toml").write_text(text)
        with pytest.raises(GatewayError) as caught:
            read_bundles(tmp_path)
        assert caught.value.code == "ANCHORS-BUNDLE"


def test_a_package_is_read_as_data_and_compared(tmp_path: Path) -> None:
    wheel = tmp_path / "some.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("data/ca.pem", b"certificates")
    fields = {
        "id": "x",
        "title": "x",
        "stage": Stage.TEST,
        "package": "some",
        "version": "1",
        "path": "data/ca.pem",
    }

    right = hashlib.sha256(b"certificates").hexdigest()
    assert take_out(AnchorBundle(**fields, sha256=right), wheel) == b"certificates"
    (tmp_path / "broken.whl").write_bytes(b"PK")
    for bundle, file in (
        (AnchorBundle(**fields, sha256="0" * 64), wheel),
        (AnchorBundle(**{**fields, "path": "other"}, sha256=right), wheel),
        (AnchorBundle(**fields, sha256=right), tmp_path / "broken.whl"),
    ):
        with pytest.raises(GatewayError) as caught:
            take_out(bundle, file)
        assert caught.value.code == "ANCHORS-HASH"
