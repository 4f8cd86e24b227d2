"""Revocation lists: which certificates an authority has revoked, signed by itself.

Pure: reads bytes, fetches nothing. Only complete lists signed by the issuer of the certificate
in question are used; delta, indirect and partial lists are refused. Source: RFC 5280 §5 and 6.3.
"""

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from gateway.network.pki import ACCEPTED_HASHES, UNREADABLE
from gateway.network.revocation import (
    CLOCK_SKEW,
    Reading,
    RevocationRefused,
    RevocationStatus,
)

__all__ = ["RevocationList", "crl_addresses", "read_crl"]

MAX_AGE: Final = timedelta(days=40)
"""How old a list may be even where it claims to hold longer."""
_PEM: Final = b"-----BEGIN"
_UNDERSTOOD_ENTRIES: Final = frozenset(
    {CRLEntryExtensionOID.CRL_REASON, CRLEntryExtensionOID.INVALIDITY_DATE}
)


def crl_addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """Where the certificate says its authority publishes its complete list."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints)
    except (x509.ExtensionNotFound, *UNREADABLE):
        return ()
    return tuple(
        name.value
        for point in points.value
        if point.crl_issuer is None and point.reasons is None
        for name in point.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
        and name.value.startswith(("http://", "https://"))
    )


class RevocationList:
    """A verified list of one authority. Build with read_crl."""

    def __init__(self, crl: x509.CertificateRevocationList) -> None:
        self._crl = crl
        self.this_update = crl.last_update_utc
        self.next_update = crl.next_update_utc

    def check_dates(self, at: datetime) -> None:
        """Refuse a list that does not hold at machine time ``at``; raises RevocationRefused."""
        if self.this_update > at + CLOCK_SKEW:
            raise RevocationRefused("REVOCATION-EARLY", "The list is dated in the future.")
        latest = self.this_update + MAX_AGE
        if self.next_update is not None and self.next_update < latest:
            latest = self.next_update
        if at > latest + CLOCK_SKEW:
            raise RevocationRefused(
                "REVOCATION-STALE", f"The list held until {latest:%Y-%m-%d %H:%M}Z."
            )

    def reading(self, certificate: x509.Certificate) -> Reading:
        """What the list says about a certificate of its authority."""
        entry = self._crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        revoked = entry is not None and not _was_taken_back(entry)
        return Reading(
            status=RevocationStatus.REVOKED if revoked else RevocationStatus.GOOD,
            this_update=self.this_update,
            next_update=self.next_update,
            revoked_at=entry.revocation_date_utc if entry is not None and revoked else None,
        )


def read_crl(data: bytes, *, issuer: x509.Certificate, url: str, at: datetime) -> RevocationList:
    """Verify a list (DER or PEM) fetched from ``url`` for certificates of ``issuer``.

    Raises RevocationRefused for everything that proves nothing.
    """
    try:
        load = x509.load_pem_x509_crl if data.startswith(_PEM) else x509.load_der_x509_crl
        crl = load(data)
        _verify(crl, issuer=issuer)
        _check_scope(crl, url=url)
    except UNREADABLE as error:
        raise RevocationRefused("REVOCATION-ANSWER", "The list cannot be read.") from error
    found = RevocationList(crl)
    found.check_dates(at)
    return found


def _verify(crl: x509.CertificateRevocationList, *, issuer: x509.Certificate) -> None:
    if crl.issuer != issuer.subject:
        raise RevocationRefused("REVOCATION-OTHER", "The list is another authority's.")
    key = issuer.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise RevocationRefused("REVOCATION-SIGNATURE", "The authority's key is of no known kind.")
    strong = isinstance(crl.signature_hash_algorithm, ACCEPTED_HASHES)
    usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    if not (strong and usage.crl_sign and crl.is_signature_valid(key)):
        raise RevocationRefused("REVOCATION-SIGNATURE", "The authority did not sign the list.")


def _check_scope(crl: x509.CertificateRevocationList, *, url: str) -> None:
    """Refuse a list that need not name every revoked certificate of a seat."""
    for extension in crl.extensions:
        value = extension.value
        if extension.oid == ExtensionOID.DELTA_CRL_INDICATOR:
            raise RevocationRefused("REVOCATION-OTHER", "The list holds changes only.")
        if isinstance(value, x509.IssuingDistributionPoint):
            _check_distribution(value, url=url)
        elif extension.critical:
            raise RevocationRefused(
                "REVOCATION-ANSWER", "The list has a critical extension that is not understood."
            )
    for entry in crl:
        if any(one.critical and one.oid not in _UNDERSTOOD_ENTRIES for one in entry.extensions):
            raise RevocationRefused(
                "REVOCATION-ANSWER", "The list has an entry that is not understood."
            )


def _check_distribution(point: x509.IssuingDistributionPoint, *, url: str) -> None:
    partial = (
        point.only_contains_ca_certs
        or point.only_contains_attribute_certs
        or point.only_some_reasons is not None
        or point.indirect_crl
        or point.relative_name is not None
    )
    names = [getattr(one, "value", None) for one in point.full_name or ()]
    if partial or (names and url not in names):
        raise RevocationRefused("REVOCATION-OTHER", "The list is not for this certificate.")


def _was_taken_back(entry: x509.RevokedCertificate) -> bool:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return False
    return reason is x509.ReasonFlags.remove_from_crl
