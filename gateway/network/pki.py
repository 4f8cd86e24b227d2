"""Certificates of the Peppol network: who may sign and receive what, judged against a PKI.

Pure: takes certificates, trust anchors and a moment, returns a verdict as data. It fetches nothing
and therefore does not know whether a certificate was revoked; every verdict says so.
Sources: AS4 profile 2.0.3 §7, exchange facts 2.6.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from gateway.as4.agreement import common_name
from gateway.as4.identifiers import IdentifierInvalid, check_seat_id
from gateway.core.errors import ErrorKind, GatewayError

__all__ = [
    "ANCHORS_CHAIN",
    "ANCHORS_MISSING",
    "ANCHORS_NOT_AUTHORITY",
    "ANCHORS_SHARED",
    "ANCHORS_UNREADABLE",
    "UNREADABLE",
    "AnchorsInvalid",
    "CertificateVerdict",
    "Purpose",
    "RevocationFinding",
    "TrustAnchors",
    "VerdictStatus",
    "fingerprint",
    "issued_for",
    "issuer_of",
    "same_name",
    "verify_certificate",
]

ANCHORS_MISSING: Final = ErrorKind("ANCHORS-MISSING", "Trust anchors are missing", 500)
ANCHORS_UNREADABLE: Final = ErrorKind("ANCHORS-UNREADABLE", "Trust anchors are unreadable", 500)
ANCHORS_CHAIN: Final = ErrorKind("ANCHORS-CHAIN", "Trust anchors form no chain", 500)
ANCHORS_NOT_AUTHORITY: Final = ErrorKind(
    "ANCHORS-NOT-AUTHORITY", "A trust anchor is no authority's certificate", 500
)
ANCHORS_SHARED: Final = ErrorKind("ANCHORS-SHARED", "Trust anchors are not kept apart", 500)

MINIMUM_RSA_BITS: Final = 2048
ACCEPTED_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
UNDERSTOOD_EXTENSIONS: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)
REVOCATION_NOT_CHECKED: Final = "not checked"
UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""How the certificate library fails on what is nearly a certificate, a list or an answer."""


class Purpose(StrEnum):
    """What a certificate is used for: an access point's AS4 messages or an SMP's answers."""

    AP = "ap"
    SMP = "smp"


class VerdictStatus(StrEnum):
    """OK and FAILED are certain; INDETERMINATE means this instance could not decide."""

    OK = "ok"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"


class RevocationFinding(StrEnum):
    """What was found about revocation. UNCHECKED: nobody was asked, or nobody is named to ask."""

    UNCHECKED = "unchecked"
    GOOD = "good"
    REVOKED = "revoked"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class CertificateVerdict:
    """The judgement over one certificate for one purpose at one moment.

    ``code`` is empty when the status is ok, otherwise stable: CERT-UNTRUSTED, CERT-WRONG-CA,
    CERT-EXPIRED, CERT-NOT-YET-VALID, CERT-ISSUER-EXPIRED, CERT-KEY-TYPE, CERT-KEY-SIZE,
    CERT-KEY-USAGE, CERT-SIGNATURE-ALGORITHM, CERT-EXTENSION, CERT-SEAT-ID, CERT-UNREADABLE,
    CERT-NO-ANCHORS, CERT-REVOKED or CERT-REVOCATION-UNKNOWN. ``finding`` is what was found about
    revocation, ``revocation`` says it in words.
    """

    status: VerdictStatus
    code: str
    message: str
    subject: str
    fingerprint: str
    revocation: str = REVOCATION_NOT_CHECKED
    finding: RevocationFinding = RevocationFinding.UNCHECKED

    @property
    def ok(self) -> bool:
        """Whether the certificate may be used."""
        return self.status is VerdictStatus.OK


class AnchorsInvalid(GatewayError):
    """The configured trust anchors cannot be used: a fault of the installation."""


@dataclass(frozen=True, slots=True)
class TrustAnchors:
    """Roots and issuing authorities of one stage of the network.

    ``ap`` and ``smp`` are the issuing authorities for the two purposes; each was issued by one of
    ``roots``. Several of a kind may be valid side by side while the network changes generation.
    Build with from_pem or from_folder, which check the chain once. An instance that is not on any
    network holds empty tuples; every verdict is then indeterminate.
    """

    roots: tuple[x509.Certificate, ...]
    ap: tuple[x509.Certificate, ...]
    smp: tuple[x509.Certificate, ...]

    @classmethod
    def from_pem(cls, *, roots: bytes, ap: bytes, smp: bytes) -> "TrustAnchors":
        """Read concatenated PEM certificates. Raises AnchorsInvalid with the reason."""
        anchors = cls(
            roots=_read_pem(roots, what="root"),
            ap=_read_pem(ap, what="access point CA"),
            smp=_read_pem(smp, what="SMP CA"),
        )
        for root in anchors.roots:
            _require_authority(root, issuers=(root,))
        for issuing in (*anchors.ap, *anchors.smp):
            _require_authority(issuing, issuers=anchors.roots)
        both = {fingerprint(one) for one in anchors.ap} & {fingerprint(one) for one in anchors.smp}
        if both:
            raise AnchorsInvalid(
                ANCHORS_SHARED,
                "The same issuing authority is configured for access points and for SMPs. "
                "Configure the two separate authorities of the network.",
            )
        return anchors

    @classmethod
    def from_folder(cls, folder: Path) -> "TrustAnchors":
        """Read ``root-*.pem``, ``ap-*.pem`` and ``smp-*.pem``. Raises AnchorsInvalid."""
        contents = {}
        for kind in ("root", "ap", "smp"):
            try:
                files = [path.read_bytes() for path in sorted(folder.glob(f"{kind}-*.pem"))]
            except OSError as error:
                raise AnchorsInvalid(
                    ANCHORS_UNREADABLE,
                    f"The trust anchor {error.filename} cannot be read: {error.strerror}. "
                    "Check its permissions.",
                ) from error
            if not files:
                raise AnchorsInvalid(
                    ANCHORS_MISSING,
                    f"The folder {folder} holds no {kind}-*.pem. Import the authorities of this "
                    "stage of the network: gateway pki import.",
                )
            contents[kind] = b"\n".join(files)
        return cls.from_pem(roots=contents["root"], ap=contents["ap"], smp=contents["smp"])

    def issuing(self, purpose: Purpose) -> tuple[x509.Certificate, ...]:
        """The authorities that issue certificates for this purpose."""
        return self.ap if purpose is Purpose.AP else self.smp


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the DER bytes, as 64 lower-case hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def same_name(certificate: x509.Certificate, text: str) -> bool:
    """Whether ``text`` (RFC 4514 or its reverse, blanks after commas allowed) names the subject.

    Publishers write the parts of a name in either order, so the parts are compared as a set.
    """
    try:
        other = x509.Name.from_rfc4514_string(_AFTER_COMMA.sub(",", text.strip()), _KEYWORDS)
    except ValueError:
        return False
    return _name_parts(other) == _name_parts(certificate.subject)


def issuer_of(
    certificate: x509.Certificate, candidates: Iterable[x509.Certificate]
) -> x509.Certificate | None:
    """The candidate whose key signed this certificate; None if it is none of them."""
    return next((one for one in candidates if _issued_by(certificate, one)), None)


def issued_for(certificate: x509.Certificate, anchors: TrustAnchors) -> Purpose | None:
    """The purpose of the authority that issued this certificate; None if it is none of them."""
    for purpose in Purpose:
        if issuer_of(certificate, anchors.issuing(purpose)) is not None:
            return purpose
    return None


def verify_certificate(
    certificate: x509.Certificate, *, anchors: TrustAnchors, purpose: Purpose, at: datetime
) -> CertificateVerdict:
    """Judge a certificate: the right issuing authority, validity at ``at``, key, usage, seat id.

    ``at`` is an aware datetime. Never raises for what a certificate contains; a certificate that
    cannot be taken apart fails with CERT-UNREADABLE. Source: exchange facts 2.6.
    """
    try:
        fault = (
            _issuer_fault(certificate, anchors=anchors, purpose=purpose, at=at)
            or _algorithm_fault(certificate)
            or _validity_fault(certificate, at=at)
            or _key_fault(certificate)
            or _usage_fault(certificate, purpose=purpose)
            or _seat_fault(certificate)
        )
        subject = certificate.subject.rfc4514_string()
    except UNREADABLE:
        fault = ("CERT-UNREADABLE", "The certificate contains values that cannot be read.")
        subject = ""
    if fault is None:
        status, code, message = VerdictStatus.OK, "", "The certificate is valid."
    else:
        code, message = fault
        undecided = code == "CERT-NO-ANCHORS"
        status = VerdictStatus.INDETERMINATE if undecided else VerdictStatus.FAILED
    return CertificateVerdict(
        status=status,
        code=code,
        message=message,
        subject=subject,
        fingerprint=fingerprint(certificate),
    )


_Fault = tuple[str, str] | None
_AFTER_COMMA: Final = re.compile(r"(?<!\\),\s+")
_KEYWORDS: Final = {"EMAILADDRESS": NameOID.EMAIL_ADDRESS, "E": NameOID.EMAIL_ADDRESS}
_PURPOSE_TITLE: Final = {Purpose.AP: "access point", Purpose.SMP: "SMP"}


def _name_parts(name: x509.Name) -> list[tuple[str, str]]:
    return sorted((one.oid.dotted_string, " ".join(str(one.value).split())) for one in name)


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _issuer_fault(
    certificate: x509.Certificate, *, anchors: TrustAnchors, purpose: Purpose, at: datetime
) -> _Fault:
    title = _PURPOSE_TITLE[purpose]
    right = anchors.issuing(purpose)
    if not right:
        return "CERT-NO-ANCHORS", f"No {title} authority is configured for this stage."
    issuer = issuer_of(certificate, right)
    if issuer is None:
        other = Purpose.SMP if purpose is Purpose.AP else Purpose.AP
        if issuer_of(certificate, anchors.issuing(other)) is not None:
            return (
                "CERT-WRONG-CA",
                f"The certificate was issued for an {_PURPOSE_TITLE[other]}, not for an {title}.",
            )
        return (
            "CERT-UNTRUSTED",
            f"The certificate was not issued by the {title} authority of this stage. Certificates "
            "of another stage, generation or PKI are not accepted.",
        )
    return _authority_fault(issuer, anchors=anchors, at=at)


def _authority_fault(issuer: x509.Certificate, *, anchors: TrustAnchors, at: datetime) -> _Fault:
    root = issuer_of(issuer, anchors.roots)
    if root is None:
        return "CERT-UNTRUSTED", "The issuing authority was not issued by a configured root."
    for authority in (issuer, root):
        if _validity_fault(authority, at=at) is not None:
            return (
                "CERT-ISSUER-EXPIRED",
                f"The authority '{authority.subject.rfc4514_string()}' is not valid at "
                f"{at:%Y-%m-%d}. Configure the current trust anchors.",
            )
    return None


def _algorithm_fault(certificate: x509.Certificate) -> _Fault:
    if not isinstance(certificate.signature_hash_algorithm, ACCEPTED_HASHES):
        return (
            "CERT-SIGNATURE-ALGORITHM",
            "The certificate is signed with a digest weaker than SHA-256.",
        )
    return None


def _validity_fault(certificate: x509.Certificate, *, at: datetime) -> _Fault:
    if at < certificate.not_valid_before_utc:
        start = certificate.not_valid_before_utc
        return "CERT-NOT-YET-VALID", f"The certificate is valid only from {start:%Y-%m-%d %H:%M}Z."
    if at > certificate.not_valid_after_utc:
        end = certificate.not_valid_after_utc
        return "CERT-EXPIRED", f"The certificate expired at {end:%Y-%m-%d %H:%M}Z."
    return None


def _key_fault(certificate: x509.Certificate) -> _Fault:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return "CERT-KEY-TYPE", "The certificate has no RSA key; Peppol uses RSA keys only."
    if key.key_size < MINIMUM_RSA_BITS:
        return (
            "CERT-KEY-SIZE",
            f"The RSA key has {key.key_size} bits; at least {MINIMUM_RSA_BITS} are required.",
        )
    return None


def _usage_fault(certificate: x509.Certificate, *, purpose: Purpose) -> _Fault:
    unknown = [
        one.oid.dotted_string
        for one in certificate.extensions
        if one.critical and one.oid not in UNDERSTOOD_EXTENSIONS
    ]
    if unknown:
        return (
            "CERT-EXTENSION",
            f"The certificate has a critical extension that is not understood: {unknown[0]}.",
        )
    extensions = {one.oid: one.value for one in certificate.extensions}
    constraints = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        return "CERT-KEY-USAGE", "The certificate belongs to an authority, not to a seat."
    usage = extensions.get(ExtensionOID.KEY_USAGE)
    if not isinstance(usage, x509.KeyUsage) or not usage.digital_signature:
        return "CERT-KEY-USAGE", "The certificate's key usage does not allow digital signatures."
    if purpose is Purpose.AP and not usage.key_encipherment:
        return "CERT-KEY-USAGE", "The certificate's key usage does not allow key encipherment."
    extended = extensions.get(ExtensionOID.EXTENDED_KEY_USAGE)
    allowed = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    if isinstance(extended, x509.ExtendedKeyUsage) and not any(o in extended for o in allowed):
        return "CERT-KEY-USAGE", "The certificate's extended key usage excludes this network."
    return None


def _seat_fault(certificate: x509.Certificate) -> _Fault:
    try:
        check_seat_id(common_name(certificate) or "")
    except IdentifierInvalid:
        return (
            "CERT-SEAT-ID",
            "The subject has no common name of the form P, two letters, six digits (seat id).",
        )
    return None


def _read_pem(data: bytes, *, what: str) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(data))
    except ValueError:
        raise AnchorsInvalid(
            ANCHORS_UNREADABLE,
            f"The {what} trust anchor holds no readable PEM certificate. Give the certificate "
            "as published by the network's authority.",
        ) from None


def _require_authority(
    certificate: x509.Certificate, *, issuers: Sequence[x509.Certificate]
) -> None:
    subject = certificate.subject.rfc4514_string()
    if issuer_of(certificate, issuers) is None:
        raise AnchorsInvalid(
            ANCHORS_CHAIN,
            f"The authority '{subject}' was not issued by a configured root. Configure root and "
            "issuing authorities of the same stage and generation.",
        )
    extensions = {one.oid: one.value for one in certificate.extensions}
    constraints = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = extensions.get(ExtensionOID.KEY_USAGE)
    is_authority = isinstance(constraints, x509.BasicConstraints) and constraints.ca
    if not is_authority or not isinstance(usage, x509.KeyUsage) or not usage.key_cert_sign:
        raise AnchorsInvalid(
            ANCHORS_NOT_AUTHORITY,
            f"The certificate '{subject}' is not an authority's. Configure the issuing "
            "authority, not a certificate it issued.",
        )
