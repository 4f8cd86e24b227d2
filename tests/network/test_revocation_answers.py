"""Answers about revocation as bytes: what is believed, and what proves nothing."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtensionOID
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_authority import (
    REVOKED,
    UNKNOWN,
    delegate,
    ocsp_answer,
    revocation_list,
)

from gateway.network.crl import crl_addresses, read_crl
from gateway.network.local_pki import Authority, issue
from gateway.network.ocsp import ocsp_addresses, ocsp_request, read_ocsp_answer
from gateway.network.pki import (
    CertificateVerdict,
    Purpose,
    RevocationFinding,
    VerdictStatus,
    verify_certificate,
)
from gateway.network.revocation import (
    RevocationAnswer,
    RevocationRefused,
    RevocationStatus,
    evidence_of_revocation,
    judged,
    without_answer,
)

URL = "http://crl.example/list.crl"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def ask(pki, answer: bytes, **changes):
    known = {"certificate": pki.ap_pair.certificate, "issuer": pki.ap.certificate, "at": pki.now}
    return read_ocsp_answer(answer, **(known | changes))


def refusal(pki, answer: bytes, **changes) -> str:
    with pytest.raises(RevocationRefused) as refused:
        ask(pki, answer, **changes)
    return refused.value.code


def about(pki, **changes) -> bytes:
    return ocsp_answer(pki.ap_pair.certificate, pki.ap, at=pki.now, **changes)


@pytest.mark.parametrize("by_name", [True, False])
def test_the_authority_says_good_revoked_or_unknown(pki, by_name) -> None:
    assert ask(pki, about(pki, by_name=by_name)).status is RevocationStatus.GOOD
    gone = ask(pki, about(pki, status=REVOKED, by_name=by_name))
    assert gone.status is RevocationStatus.REVOKED
    assert gone.revoked_at == pki.now - DAY
    assert ask(pki, about(pki, status=UNKNOWN)).status is RevocationStatus.UNKNOWN


def test_a_responder_needs_the_authority_s_own_word(pki) -> None:
    responder = delegate(pki.ap, pki.spare_key, at=pki.now)
    good = about(pki, signer=responder, enclosed=(responder.certificate,))
    assert ask(pki, good).status is RevocationStatus.GOOD
    for wrong in (
        delegate(pki.ap, pki.spare_key, at=pki.now, for_ocsp=False),
        delegate(pki.ap, pki.spare_key, at=pki.now, expired=True),
        delegate(pki.smp, pki.spare_key, at=pki.now),
        Authority(certificate=pki.issue(), key=pki.spare_key),
    ):
        for by_name in (True, False):
            forged = about(pki, signer=wrong, enclosed=(wrong.certificate,), by_name=by_name)
            assert refusal(pki, forged) == "REVOCATION-SIGNATURE"


def test_another_authority_s_answer_is_refused(pki) -> None:
    assert refusal(pki, about(pki, signer=pki.smp)) == "REVOCATION-SIGNATURE"


def test_a_weak_digest_is_refused(pki) -> None:
    assert refusal(pki, about(pki, algorithm=hashes.SHA224())) == "REVOCATION-SIGNATURE"


def test_an_answer_about_another_certificate_is_refused(pki) -> None:
    other = pki.issue()
    answer = ocsp_answer(other, pki.ap, at=pki.now)
    assert refusal(pki, answer) == "REVOCATION-OTHER"
    # The same serial number under another authority is another certificate.
    answer = ocsp_answer(pki.ap_pair.certificate, pki.smp, at=pki.now, signer=pki.ap)
    assert refusal(pki, answer) == "REVOCATION-OTHER"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"this_update": -8 * DAY, "next_update": -1 * DAY}, "REVOCATION-STALE"),
        ({"this_update": HOUR, "next_update": DAY}, "REVOCATION-EARLY"),
        ({"this_update": -15 * DAY, "next_update": 300 * DAY}, "REVOCATION-STALE"),
        ({"this_update": -2 * DAY, "endless": True}, "REVOCATION-STALE"),
    ],
)
def test_dates_bound_an_answer(pki, changes, code) -> None:
    moved = {
        name: value if isinstance(value, bool) else pki.now + value
        for name, value in changes.items()
    }
    assert refusal(pki, about(pki, **moved)) == code


def test_an_answer_without_an_end_holds_a_day(pki) -> None:
    assert ask(pki, about(pki, endless=True)).next_update is None


def test_an_error_of_the_responder_is_no_answer(pki) -> None:
    later = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    assert refusal(pki, later.public_bytes(Encoding.DER)) == "REVOCATION-ANSWER"
    assert refusal(pki, b"<html>captive portal</html>") == "REVOCATION-ANSWER"
    assert refusal(pki, b"") == "REVOCATION-ANSWER"


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 600), flip=st.integers(1, 255))
def test_a_changed_byte_never_turns_revoked_into_good(pki, at, flip) -> None:
    answer = bytearray(about(pki, status=REVOKED))
    answer[at % len(answer)] ^= flip
    try:
        reading = ask(pki, bytes(answer))
    except RevocationRefused:
        return
    assert reading.status is RevocationStatus.REVOKED


def test_the_question_names_the_certificate(pki) -> None:
    question = ocsp.load_der_ocsp_request(ocsp_request(pki.ap_pair.certificate, pki.ap.certificate))
    assert question.serial_number == pki.ap_pair.certificate.serial_number


def test_addresses_come_from_the_certificate(pki) -> None:
    certificate = issue(
        seat_id="POP000901",
        purpose=Purpose.AP,
        public_key=pki.spare_key.public_key(),
        issuer=pki.ap,
        not_before=pki.now - DAY,
        not_after=pki.now + DAY,
        ocsp_url="http://ocsp.example",
        crl_url=URL,
    )
    assert ocsp_addresses(certificate) == ("http://ocsp.example",)
    assert crl_addresses(certificate) == (URL,)
    bare = pki.ap_pair.certificate
    assert (ocsp_addresses(bare), crl_addresses(bare)) == ((), ())


def read(pki, data: bytes, **changes):
    known = {"issuer": pki.ap.certificate, "url": URL, "at": pki.now}
    return read_crl(data, **(known | changes)).reading(pki.ap_pair.certificate)


def test_a_list_names_what_is_revoked(pki) -> None:
    other, own = pki.issue(), pki.ap_pair.certificate
    listed = revocation_list(pki.ap, at=pki.now, revoked=(other,))
    assert read(pki, listed).status is RevocationStatus.GOOD
    listed = revocation_list(pki.ap, at=pki.now, revoked=(other, own))
    assert read(pki, listed).status is RevocationStatus.REVOKED
    armoured = x509.load_der_x509_crl(listed).public_bytes(Encoding.PEM)
    assert read(pki, armoured).revoked_at == pki.now - DAY


def test_a_certificate_on_hold_is_revoked_until_it_is_taken_back(pki) -> None:
    own = pki.ap_pair.certificate
    held = revocation_list(
        pki.ap, at=pki.now, revoked=(own,), reason=x509.ReasonFlags.certificate_hold
    )
    assert read(pki, held).status is RevocationStatus.REVOKED
    back = revocation_list(
        pki.ap, at=pki.now, revoked=(own,), reason=x509.ReasonFlags.remove_from_crl
    )
    assert read(pki, back).status is RevocationStatus.GOOD


def distribution(**changes) -> x509.IssuingDistributionPoint:
    values = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**(values | changes))


def test_a_list_of_seats_at_its_own_address_is_complete(pki) -> None:
    for point in (
        distribution(only_contains_user_certs=True),
        distribution(full_name=[x509.UniformResourceIdentifier(URL)]),
    ):
        listed = revocation_list(pki.ap, at=pki.now, extensions=((point, True),))
        assert read(pki, listed).status is RevocationStatus.GOOD


@pytest.mark.parametrize(
    ("extension", "code"),
    [
        (x509.DeltaCRLIndicator(1), "REVOCATION-OTHER"),
        (distribution(only_contains_ca_certs=True), "REVOCATION-OTHER"),
        (distribution(indirect_crl=True), "REVOCATION-OTHER"),
        (
            distribution(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})),
            "REVOCATION-OTHER",
        ),
        (
            distribution(full_name=[x509.UniformResourceIdentifier("http://crl.example/2")]),
            "REVOCATION-OTHER",
        ),
        (
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
            "REVOCATION-ANSWER",
        ),
    ],
)
def test_a_partial_list_is_refused(pki, extension, code) -> None:
    listed = revocation_list(pki.ap, at=pki.now, extensions=((extension, True),))
    with pytest.raises(RevocationRefused) as refused:
        read(pki, listed)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        (lambda pki: revocation_list(pki.ap, at=pki.now, signer=pki.smp), "REVOCATION-SIGNATURE"),
        (lambda pki: revocation_list(pki.smp, at=pki.now), "REVOCATION-OTHER"),
        (lambda pki: revocation_list(pki.ap, at=pki.now - 30 * DAY), "REVOCATION-STALE"),
        (lambda pki: revocation_list(pki.ap, at=pki.now + DAY), "REVOCATION-EARLY"),
        (
            lambda pki: revocation_list(
                pki.ap, at=pki.now, this_update=pki.now - 50 * DAY, next_update=pki.now + DAY
            ),
            "REVOCATION-STALE",
        ),
        (lambda _: b"not a list", "REVOCATION-ANSWER"),
        (lambda _: b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----", "REVOCATION-ANSWER"),
    ],
)
def test_a_list_that_proves_nothing_is_refused(pki, listed, code) -> None:
    with pytest.raises(RevocationRefused) as refused:
        read(pki, listed(pki))
    assert refused.value.code == code


VERDICT = CertificateVerdict(
    status=VerdictStatus.OK, code="", message="", subject="CN=POP000901", fingerprint="00"
)


def answer_of(pki, status: RevocationStatus, **changes) -> RevocationAnswer:
    answer = RevocationAnswer(
        kind="ocsp",
        url="http://ocsp.example",
        fetched_at=pki.now,
        body=b"der",
        status=status,
        this_update=pki.now,
        next_update=None,
    )
    return replace(answer, **changes)


def test_what_answers_mean_for_a_certificate(pki) -> None:
    good = judged(VERDICT, answer_of(pki, RevocationStatus.GOOD))
    assert good.ok
    assert good.revocation == "good by OCSP of 2026-11-22 12:00Z"
    assert (VERDICT.finding, good.finding) == (
        RevocationFinding.UNCHECKED,
        RevocationFinding.GOOD,
    )
    gone = judged(VERDICT, answer_of(pki, RevocationStatus.REVOKED, revoked_at=pki.now - DAY))
    assert (gone.status, gone.code) == (VerdictStatus.FAILED, "CERT-REVOKED")
    assert gone.finding is RevocationFinding.REVOKED
    assert "2026-11-21" in gone.message


@pytest.mark.parametrize(
    ("age", "passes"), [(None, False), (HOUR, True), (DAY, False), (DAY + HOUR, False)]
)
def test_silence_is_excused_for_a_while(pki, age, passes) -> None:
    last = None if age is None else pki.now - age
    verdict = without_answer(
        VERDICT, last_good=last, soft_fail=DAY, at=pki.now, reason="REVOCATION-UNREACHABLE"
    )
    assert verdict.ok is passes
    assert verdict.finding is RevocationFinding.UNANSWERED
    if not passes:
        assert verdict.status is VerdictStatus.INDETERMINATE
        assert verdict.code == "CERT-REVOCATION-UNKNOWN"
    assert "REVOCATION-UNREACHABLE" in verdict.revocation


def test_the_evidence_holds_answers_as_received(pki) -> None:
    answers = (
        answer_of(pki, RevocationStatus.GOOD, body=b"one"),
        answer_of(pki, RevocationStatus.REVOKED, kind="crl", body=b"two", revoked_at=pki.now),
    )
    packed = evidence_of_revocation(answers)
    assert packed == evidence_of_revocation(answers)
    with zipfile.ZipFile(io.BytesIO(packed)) as bundle:
        assert bundle.read("01-ocsp.der") == b"one"
        assert bundle.read("02-crl.crl") == b"two"
        index = json.loads(bundle.read("revocation.json"))
    assert [one["status"] for one in index] == ["good", "revoked"]
    assert index[1]["revoked_at"] == "2026-11-22T12:00:00Z"


def test_keys_other_than_rsa_sign_answers_too(pki) -> None:
    assert isinstance(pki.spare_key, rsa.RSAPrivateKey)
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = delegate(pki.ap, ec.generate_private_key(ec.SECP256R1()), at=pki.now)
    answer = about(pki, signer=curve, enclosed=(curve.certificate,))
    assert ask(pki, answer).status is RevocationStatus.GOOD


def test_a_list_of_another_version_is_no_list(pki) -> None:
    listed = revocation_list(pki.ap, at=pki.now)
    # Version 2 is the integer 1 right at the start of what is signed.
    assert listed.count(b"\x02\x01\x01\x30") == 1
    other = listed.replace(b"\x02\x01\x01\x30", b"\x02\x01\x07\x30")
    with pytest.raises(RevocationRefused, match="cannot be read"):
        read_crl(other, issuer=pki.ap.certificate, url="http://list.example", at=pki.now)


@pytest.mark.parametrize(
    "extension",
    [ExtensionOID.AUTHORITY_INFORMATION_ACCESS, ExtensionOID.CRL_DISTRIBUTION_POINTS],
)
def test_names_of_a_kind_nobody_reads_are_no_address(pki, extension) -> None:
    """An x400Address [3] where a web address should be."""
    name = b"\xa3\x02\x30\x00"
    content = {
        ExtensionOID.AUTHORITY_INFORMATION_ACCESS: b"\x30\x10\x30\x0e\x06\x08"
        b"\x2b\x06\x01\x05\x05\x07\x30\x01" + name,
        ExtensionOID.CRL_DISTRIBUTION_POINTS: b"\x30\x0a\x30\x08\xa0\x06\xa0\x04" + name,
    }
    certificate = (
        x509.CertificateBuilder()
        .subject_name(pki.ap_pair.certificate.subject)
        .issuer_name(pki.ap.certificate.subject)
        .public_key(pki.spare_key.public_key())
        .serial_number(77)
        .not_valid_before(pki.now - DAY)
        .not_valid_after(pki.now + DAY)
        .add_extension(x509.UnrecognizedExtension(extension, content[extension]), critical=False)
        .sign(pki.ap.key, hashes.SHA256())
    )
    assert ocsp_addresses(certificate) == crl_addresses(certificate) == ()
    verdict = verify_certificate(certificate, anchors=pki.anchors, purpose=Purpose.AP, at=pki.now)
    assert verdict.code == "CERT-UNREADABLE"
