"""Who may sign and receive: every way a certificate can be wrong has its own code."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.network.pki import (
    AnchorsInvalid,
    Purpose,
    TrustAnchors,
    VerdictStatus,
    common_name,
    fingerprint,
    same_name,
    verify_certificate,
)


def judge(pki, certificate, *, purpose=Purpose.AP, at=None, anchors=None):
    return verify_certificate(
        certificate, anchors=anchors or pki.anchors, purpose=purpose, at=at or pki.now
    )


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


USAGE = {
    "digital_signature": True,
    "content_commitment": False,
    "key_encipherment": True,
    "data_encipherment": True,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}


def custom(pki, *, extensions=(), subject=None, key=None, algorithm=None) -> x509.Certificate:
    """A certificate of the AP authority with exactly these extensions."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject or name("POP000902"))
        .issuer_name(pki.ap.certificate.subject)
        .public_key((key or pki.spare_key).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(pki.now - timedelta(days=1))
        .not_valid_after(pki.now + timedelta(days=1))
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(pki.ap.key, algorithm or hashes.SHA256())


GOOD_USAGE = (x509.KeyUsage(**USAGE), True)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_seat_of_the_right_authority_is_accepted(pki, purpose) -> None:
    pair = pki.ap_pair if purpose is Purpose.AP else pki.smp_pair
    verdict = judge(pki, pair.certificate, purpose=purpose)
    assert (verdict.status, verdict.code, verdict.ok) == (VerdictStatus.OK, "", True)
    assert verdict.revocation == "not checked"
    assert verdict.fingerprint == fingerprint(pair.certificate)
    assert "CN=P" in verdict.subject


@pytest.mark.parametrize("purpose", list(Purpose))
def test_the_other_purposes_authority_is_the_wrong_one(pki, purpose) -> None:
    pair = pki.smp_pair if purpose is Purpose.AP else pki.ap_pair
    verdict = judge(pki, pair.certificate, purpose=purpose)
    assert (verdict.status, verdict.code) == (VerdictStatus.FAILED, "CERT-WRONG-CA")


def test_a_certificate_of_nobody_we_know(pki) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    # Same issuer name, other key: the name alone proves nothing.
    impostor = replace(pki.ap, key=stranger)
    assert judge(pki, pki.issue(issuer=impostor)).code == "CERT-UNTRUSTED"


def test_a_self_signed_certificate(pki) -> None:
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name("POP000901"))
        .issuer_name(name("POP000901"))
        .public_key(pki.spare_key.public_key())
        .serial_number(1)
        .not_valid_before(pki.now - timedelta(days=1))
        .not_valid_after(pki.now + timedelta(days=1))
        .sign(pki.spare_key, hashes.SHA256())
    )
    assert judge(pki, certificate).code == "CERT-UNTRUSTED"


def test_validity_includes_both_ends(pki) -> None:
    certificate = pki.issue(not_before=pki.now)
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    second = timedelta(seconds=1)
    codes = [judge(pki, certificate, at=at).code for at in (start, end)]
    assert codes == ["", ""]
    assert judge(pki, certificate, at=start - second).code == "CERT-NOT-YET-VALID"
    assert judge(pki, certificate, at=end + second).code == "CERT-EXPIRED"


def test_an_expired_authority(pki) -> None:
    later = pki.ap.certificate.not_valid_after_utc + timedelta(days=1)
    certificate = pki.issue(not_after=later + timedelta(days=1))
    assert judge(pki, certificate, at=later).code == "CERT-ISSUER-EXPIRED"


def test_an_issuing_authority_without_its_root(pki) -> None:
    anchors = replace(pki.anchors, roots=())
    assert judge(pki, pki.ap_pair.certificate, anchors=anchors).code == "CERT-UNTRUSTED"


def test_without_anchors_nothing_can_be_decided(pki) -> None:
    verdict = judge(pki, pki.ap_pair.certificate, anchors=TrustAnchors((), (), ()))
    assert (verdict.status, verdict.code) == (VerdictStatus.INDETERMINATE, "CERT-NO-ANCHORS")
    assert not verdict.ok


@pytest.mark.parametrize(
    ("extensions", "code"),
    [
        ([], "CERT-KEY-USAGE"),
        ([(x509.KeyUsage(**{**USAGE, "digital_signature": False}), True)], "CERT-KEY-USAGE"),
        ([(x509.KeyUsage(**{**USAGE, "key_encipherment": False}), True)], "CERT-KEY-USAGE"),
        ([GOOD_USAGE, (x509.BasicConstraints(ca=True, path_length=0), True)], "CERT-KEY-USAGE"),
        (
            [GOOD_USAGE, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)],
            "CERT-KEY-USAGE",
        ),
        ([GOOD_USAGE, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True)], ""),
        (
            [
                GOOD_USAGE,
                (
                    x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.1"), b"\x05\0"),
                    True,
                ),
            ],
            "CERT-EXTENSION",
        ),
        (
            [
                GOOD_USAGE,
                (
                    x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.1"), b"\x05\0"),
                    False,
                ),
            ],
            "",
        ),
    ],
)
def test_key_usage_and_extensions(pki, extensions, code) -> None:
    assert judge(pki, custom(pki, extensions=extensions)).code == code


@pytest.mark.parametrize(
    "subject",
    [
        name("pop000902"),
        name("POP00090"),
        name("POP000902 "),
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "POP000902")]),
        x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, "POP000902"),
                x509.NameAttribute(NameOID.COMMON_NAME, "POP000903"),
            ]
        ),
    ],
)
def test_a_subject_without_one_seat_id(pki, subject) -> None:
    assert judge(pki, custom(pki, extensions=[GOOD_USAGE], subject=subject)).code == "CERT-SEAT-ID"


def test_keys_that_are_too_weak(pki) -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    assert judge(pki, custom(pki, extensions=[GOOD_USAGE], key=small)).code == "CERT-KEY-SIZE"
    curve = ec.generate_private_key(ec.SECP256R1())
    assert judge(pki, custom(pki, extensions=[GOOD_USAGE], key=curve)).code == "CERT-KEY-TYPE"


def test_a_signature_weaker_than_sha256(pki) -> None:
    weak = custom(pki, extensions=[GOOD_USAGE], algorithm=hashes.SHA224())
    assert judge(pki, weak).code == "CERT-SIGNATURE-ALGORITHM"


def test_names_compare_in_either_order(pki) -> None:
    certificate = pki.ap_pair.certificate
    text = certificate.subject.rfc4514_string()
    assert same_name(certificate, text)
    assert same_name(certificate, ", ".join(reversed(text.split(","))))
    assert not same_name(certificate, text.replace(pki.ap_seat, "POP000999"))
    assert not same_name(certificate, text + ",OU=more")
    assert not same_name(certificate, "no name at all")
    assert common_name(certificate) == pki.ap_seat


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def test_anchors_refuse_what_is_no_chain(pki) -> None:
    roots, ap, smp = pki.anchors.roots, pki.anchors.ap, pki.anchors.smp

    def code(**changed: bytes) -> str:
        parts = {"roots": pem(*roots), "ap": pem(*ap), "smp": pem(*smp)} | changed
        with pytest.raises(AnchorsInvalid) as caught:
            TrustAnchors.from_pem(**parts)
        return caught.value.code

    assert code(roots=b"") == "ANCHORS-UNREADABLE"
    assert code(roots=pem(*ap)) == "ANCHORS-CHAIN"
    assert code(ap=pem(pki.ap_pair.certificate)) == "ANCHORS-CHAIN"
    assert code(smp=pem(*ap)) == "ANCHORS-SHARED"
    self_signed_leaf = (
        x509.CertificateBuilder()
        .subject_name(name("POP000901"))
        .issuer_name(name("POP000901"))
        .public_key(pki.spare_key.public_key())
        .serial_number(1)
        .not_valid_before(pki.now)
        .not_valid_after(pki.now + timedelta(days=1))
        .sign(pki.spare_key, hashes.SHA256())
    )
    assert code(roots=pem(self_signed_leaf)) == "ANCHORS-NOT-AUTHORITY"


def test_an_empty_trust_folder_says_what_is_missing(tmp_path) -> None:
    with pytest.raises(AnchorsInvalid, match=r"root-\*\.pem") as caught:
        TrustAnchors.from_folder(tmp_path)
    assert caught.value.code == "ANCHORS-MISSING"


def test_a_real_certificate_of_an_old_generation_is_refused(pki, vectors) -> None:
    store = vectors / "as4/malformed/peppol-expired-ap-cert-pw-peppol.p12"
    _key, certificate, _more = pkcs12.load_key_and_certificates(store.read_bytes(), b"peppol")
    assert certificate is not None
    verdict = judge(pki, certificate)
    assert (verdict.status, verdict.code) == (VerdictStatus.FAILED, "CERT-UNTRUSTED")
    # With its own issuer as anchor it fails for its age only, so the rest of it is understood.
    issuers = [one for one in _more if certificate.issuer == one.subject]
    if issuers:
        anchors = TrustAnchors(roots=tuple(_more), ap=tuple(issuers), smp=())
        assert judge(pki, certificate, anchors=anchors).code in (
            "CERT-EXPIRED",
            "CERT-ISSUER-EXPIRED",
        )
