"""What each certificate of a seat does now, and what becomes of it: a pure view of a key ring."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.network.keys import KeyPair, KeyRing
from gateway.network.pki import fingerprint

__all__ = ["PUBLICATION_AGE", "CertificateState", "SeatCertificate", "seat_certificates"]

PUBLICATION_AGE: Final = timedelta(days=7)
"""How long after a change of the certificate messages for the old one may still come: senders
remember an SMP's answer, and send the same bytes again for days."""


class CertificateState(StrEnum):
    """SIGNING: signs, decrypts, is published. WAITING and RETIRING: decrypts. EXPIRED: over."""

    SIGNING = "signing"
    WAITING = "waiting"
    RETIRING = "retiring"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class SeatCertificate:
    """One certificate of a seat at one moment. Times are aware UTC.

    ``signs_from`` is when it takes or took over, ``removable_from`` when nothing is addressed to
    it any more (None while it is in use or will be).
    """

    pair: KeyPair
    fingerprint: str
    state: CertificateState
    signs_from: datetime
    removable_from: datetime | None
    days_left: int

    @property
    def not_after(self) -> datetime:
        """Until when it is valid."""
        return self.pair.certificate.not_valid_after_utc


def seat_certificates(ring: KeyRing, at: datetime) -> tuple[SeatCertificate, ...]:
    """Every certificate of the ring, newest first, as it stands at machine time ``at``."""
    valid = [
        one
        for one in ring.pairs
        if one.certificate.not_valid_before_utc <= at <= one.certificate.not_valid_after_utc
    ]
    signing = ring.signing(at) if valid else None
    return tuple(_one(ring, pair, signing, at) for pair in ring.pairs)


def _one(ring: KeyRing, pair: KeyPair, signing: KeyPair | None, at: datetime) -> SeatCertificate:
    start = ring.starts_at(pair)
    end = pair.certificate.not_valid_after_utc
    removable = None
    if end < at:
        state, removable = CertificateState.EXPIRED, end + PUBLICATION_AGE
    elif pair is signing:
        state = CertificateState.SIGNING
    elif signing is None or not ring.has_started(pair, at):
        state = CertificateState.WAITING
    else:
        state, removable = CertificateState.RETIRING, ring.starts_at(signing) + PUBLICATION_AGE
    return SeatCertificate(
        pair=pair,
        fingerprint=fingerprint(pair.certificate),
        state=state,
        signs_from=start,
        removable_from=removable,
        days_left=(end - at).days,
    )
