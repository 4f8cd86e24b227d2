"""OCSP: the question whether one certificate was revoked, and its signed answer.

Pure: makes and reads bytes, asks nobody. Source: RFC 6960. Without a nonce, so that responders
may answer from a cache; an old answer is refused by its dates.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from gateway.network.pki import ACCEPTED_HASHES, UNREADABLE, issuer_of
from gateway.network.revocation import (
    CLOCK_SKEW,
    Reading,
    RevocationRefused,
    RevocationStatus,
)

__all__ = ["MAX_OCSP_BYTES", "ocsp_addresses", "ocsp_request", "read_ocsp_answer"]

MAX_OCSP_BYTES: Final = 64 * 1024
MAX_AGE: Final = timedelta(days=14)
"""How old an answer may be even where it claims to hold longer."""
MAX_AGE_WITHOUT_END: Final = timedelta(days=1)
"""How old an answer may be that does not say when the next one comes."""

_STATUS: Final = {
    ocsp.OCSPCertStatus.GOOD: RevocationStatus.GOOD,
    ocsp.OCSPCertStatus.REVOKED: RevocationStatus.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: RevocationStatus.UNKNOWN,
}


def ocsp_addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """Where the certificate says its authority answers (authority information access)."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except (x509.ExtensionNotFound, *UNREADABLE):
        return ()
    return tuple(
        one.access_location.value
        for one in access.value
        if one.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(one.access_location, x509.UniformResourceIdentifier)
    )


def ocsp_request(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """The question about one certificate, as DER for an HTTP POST.

    The identifier is hashed with SHA-1, the one every responder knows (RFC 5019 §2.1.1); nothing
    rests on its strength, because the answer is compared with the certificate's own values.
    """
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        certificate,
        issuer,
        hashes.SHA1(),  # noqa: S303 - names a certificate, protects nothing
    )
    return builder.build().public_bytes(Encoding.DER)


def read_ocsp_answer(
    data: bytes, *, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime
) -> Reading:
    """Verify an answer and read what it says about ``certificate`` at machine time ``at``.

    The issuer must have signed it, or a certificate of its own for this purpose. Raises
    RevocationRefused for everything that proves nothing.
    """
    try:
        answer = ocsp.load_der_ocsp_response(data)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise _refused(
                "REVOCATION-ANSWER",
                f"The OCSP responder answers '{answer.response_status.name.lower()}'.",
            )
        _verify(answer, issuer=issuer, at=at)
        single = _about(answer, certificate=certificate, issuer=issuer)
        reading = Reading(
            status=_STATUS[single.certificate_status],
            this_update=single.this_update_utc,
            next_update=single.next_update_utc,
            revoked_at=single.revocation_time_utc,
        )
    except UNREADABLE as error:
        raise _refused("REVOCATION-ANSWER", "The OCSP answer cannot be read.") from error
    _check_dates(reading, at=at)
    return reading


def _verify(answer: ocsp.OCSPResponse, *, issuer: x509.Certificate, at: datetime) -> None:
    algorithm = answer.signature_hash_algorithm
    if not isinstance(algorithm, ACCEPTED_HASHES):
        raise _refused("REVOCATION-SIGNATURE", "The OCSP answer has a weak signature.")
    for signer in (issuer, *_delegates(answer.certificates, issuer=issuer, at=at)):
        if _is_named(answer, signer) and _signed_by(answer, signer, algorithm):
            return
    raise _refused(
        "REVOCATION-SIGNATURE",
        "The OCSP answer was not signed by the authority or a responder it authorised.",
    )


def _delegates(
    candidates: Iterable[x509.Certificate], *, issuer: x509.Certificate, at: datetime
) -> Iterator[x509.Certificate]:
    """The responders this very authority authorised (RFC 6960 §4.2.2.2)."""
    for one in candidates:
        try:
            usage = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except x509.ExtensionNotFound:
            continue
        valid = one.not_valid_before_utc <= at <= one.not_valid_after_utc
        strong = isinstance(one.signature_hash_algorithm, ACCEPTED_HASHES)
        for_this = ExtendedKeyUsageOID.OCSP_SIGNING in usage
        if valid and strong and for_this and issuer_of(one, [issuer]) is not None:
            yield one


def _is_named(answer: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    if answer.responder_name is not None:
        return answer.responder_name == signer.subject
    return answer.responder_key_hash == _hash(hashes.SHA1(), _key_bits(signer))  # noqa: S303 - RFC 6960 §4.2.1 names the responder by it


def _signed_by(
    answer: ocsp.OCSPResponse, signer: x509.Certificate, algorithm: hashes.HashAlgorithm
) -> bool:
    key = signer.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _about(
    answer: ocsp.OCSPResponse, *, certificate: x509.Certificate, issuer: x509.Certificate
) -> ocsp.OCSPSingleResponse:
    for single in answer.responses:
        names = (
            _hash(single.hash_algorithm, issuer.subject.public_bytes()),
            _hash(single.hash_algorithm, _key_bits(issuer)),
            certificate.serial_number,
        )
        if (single.issuer_name_hash, single.issuer_key_hash, single.serial_number) == names:
            return single
    raise _refused("REVOCATION-OTHER", "The OCSP answer is about another certificate.")


def _check_dates(reading: Reading, *, at: datetime) -> None:
    if reading.this_update > at + CLOCK_SKEW:
        raise _refused("REVOCATION-EARLY", "The OCSP answer is dated in the future.")
    latest = reading.this_update + MAX_AGE
    if reading.next_update is None:
        latest = reading.this_update + MAX_AGE_WITHOUT_END
    elif reading.next_update < latest:
        latest = reading.next_update
    if at > latest + CLOCK_SKEW:
        raise _refused("REVOCATION-STALE", f"The OCSP answer held until {latest:%Y-%m-%d %H:%M}Z.")


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The bits of the subject's public key, as certificate identifiers hash them."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    raise ValueError("neither an RSA nor an elliptic curve key")


def _hash(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _refused(code: str, message: str) -> RevocationRefused:
    return RevocationRefused(code, message)
