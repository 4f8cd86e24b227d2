"""Whether a certificate of the network may be used now: its chain, and whether it was revoked.

The one door for everybody who meets a peer's certificate, in both directions. What the chain
must be is in ``pki``; how revocation is found out is behind ``Revocations``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography import x509

from gateway.network.pki import (
    CertificateVerdict,
    Purpose,
    TrustAnchors,
    issuer_of,
    verify_certificate,
)
from gateway.network.revocation import RevocationAnswer

__all__ = ["Judgement", "Revocations", "Trust"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict over a certificate, and the authority's answers it rests on (evidence).

    A verdict is FAILED for good (CERT-REVOKED among others) or INDETERMINATE for now
    (CERT-REVOCATION-UNKNOWN, CERT-NO-ANCHORS): ask again later, blame nobody.
    """

    verdict: CertificateVerdict
    answers: tuple[RevocationAnswer, ...] = ()


class Revocations(Protocol):
    """Who finds out whether a certificate was revoked."""

    async def judge(
        self,
        certificate: x509.Certificate,
        *,
        issuer: x509.Certificate,
        verdict: CertificateVerdict,
        at: datetime,
    ) -> Judgement:
        """Add what is known of revocation to the verdict over an otherwise valid certificate."""
        ...


class Trust:
    """Judges certificates against the anchors of this stage and their authorities' answers.

    Without ``revocations`` only the chain is judged and every verdict says "not checked".
    """

    def __init__(self, anchors: TrustAnchors, revocations: Revocations | None = None) -> None:
        self.anchors = anchors
        self._revocations = revocations

    async def judge(
        self, certificate: x509.Certificate, *, purpose: Purpose, at: datetime
    ) -> Judgement:
        """Judge a certificate for a purpose at machine time ``at``; never raises for its content.

        Nobody is asked about a certificate that is refused anyway. Call it outside of any
        transaction: it may write, and wait for somebody else's server.
        """
        verdict = verify_certificate(certificate, anchors=self.anchors, purpose=purpose, at=at)
        if self._revocations is None or not verdict.ok:
            return Judgement(verdict)
        issuer = issuer_of(certificate, self.anchors.issuing(purpose))
        if issuer is None:
            raise AssertionError("a valid certificate has an issuer")
        return await self._revocations.judge(certificate, issuer=issuer, verdict=verdict, at=at)
