"""Whether a certificate was revoked: the answers there can be, and what they mean together.

Pure: no request is made here and no clock is read. Sources: RFC 6960 (OCSP), RFC 5280 §5-6
(CRL), exchange facts 2.6 and 3 (row 3: an outage of the responder must not stop traffic).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from io import BytesIO
from typing import Final, Literal
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from gateway.network.pki import CertificateVerdict, RevocationFinding, VerdictStatus

__all__ = [
    "Reading",
    "RevocationAnswer",
    "RevocationKind",
    "RevocationRefused",
    "RevocationStatus",
    "believed_until",
    "evidence_of_revocation",
    "judged",
    "without_answer",
]

RevocationKind = Literal["ocsp", "crl"]

# Clocks of machines that talk to each other differ a little.
CLOCK_SKEW: Final = timedelta(minutes=5)
_SUFFIX: Final = {"ocsp": "der", "crl": "crl"}
_TITLE: Final = {"ocsp": "OCSP", "crl": "CRL"}


class RevocationStatus(StrEnum):
    """GOOD and REVOKED are the authority's word; UNKNOWN means it gave none about this one."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class RevocationRefused(Exception):
    """An answer about revocation that proves nothing.

    ``code`` is stable: REVOCATION-ANSWER (unreadable, or an error of the responder),
    REVOCATION-SIGNATURE, REVOCATION-OTHER (about something else), REVOCATION-STALE,
    REVOCATION-EARLY, REVOCATION-ADDRESS, REVOCATION-SIZE or REVOCATION-UNREACHABLE.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Reading:
    """What a verified answer says about one certificate; all times are aware UTC."""

    status: RevocationStatus
    this_update: datetime
    next_update: datetime | None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RevocationAnswer:
    """One answer of an authority about a certificate, as received: evidence.

    ``fetched_at`` is when it was received, which for a remembered answer is some time ago.
    """

    kind: RevocationKind
    url: str
    fetched_at: datetime
    body: bytes
    status: RevocationStatus
    this_update: datetime
    next_update: datetime | None
    revoked_at: datetime | None = None


def believed_until(
    *, fetched_at: datetime, next_update: datetime | None, longest: timedelta
) -> datetime:
    """Until when an answer is used without asking again: its own word, ``longest`` at most."""
    latest = fetched_at + longest
    return latest if next_update is None else min(latest, next_update)


def judged(verdict: CertificateVerdict, answer: RevocationAnswer) -> CertificateVerdict:
    """The verdict over a certificate that is otherwise right, with the authority's answer."""
    title = _TITLE[answer.kind]
    if answer.status is RevocationStatus.REVOKED:
        since = f" on {answer.revoked_at:%Y-%m-%d %H:%M}Z" if answer.revoked_at else ""
        return replace(
            verdict,
            status=VerdictStatus.FAILED,
            code="CERT-REVOKED",
            message=f"The certificate was revoked{since} by the authority that issued it.",
            revocation=f"revoked{since} by {title} of {answer.this_update:%Y-%m-%d %H:%M}Z",
            finding=RevocationFinding.REVOKED,
        )
    return replace(
        verdict,
        revocation=f"good by {title} of {answer.this_update:%Y-%m-%d %H:%M}Z",
        finding=RevocationFinding.GOOD,
    )


def without_answer(
    verdict: CertificateVerdict,
    *,
    last_good: datetime | None,
    soft_fail: timedelta,
    at: datetime,
    reason: str,
) -> CertificateVerdict:
    """The verdict when nobody answered: what was good lately may pass, nothing else.

    ``last_good`` is when the authority last said that the certificate is good, ``soft_fail`` how
    long that counts while it says nothing; ``reason`` names the trouble by its code.
    """
    if last_good is not None and at - last_good < soft_fail:
        return replace(
            verdict,
            revocation=f"no answer ({reason}); last known good {last_good:%Y-%m-%d %H:%M}Z",
            finding=RevocationFinding.UNANSWERED,
        )
    return replace(
        verdict,
        status=VerdictStatus.INDETERMINATE,
        code="CERT-REVOCATION-UNKNOWN",
        message=(
            "The authority does not say whether the certificate was revoked. This is no fault of "
            "the message; try again later."
        ),
        revocation=f"no answer ({reason})",
        finding=RevocationFinding.UNANSWERED,
    )


def evidence_of_revocation(answers: Sequence[RevocationAnswer]) -> bytes:
    """The answers as received, in one zip with an index in JSON (times in UTC)."""
    packed = BytesIO()
    index = []
    with ZipFile(packed, "w", ZIP_DEFLATED) as bundle:
        for number, answer in enumerate(answers, start=1):
            name = f"{number:02}-{answer.kind}.{_SUFFIX[answer.kind]}"
            _put(bundle, name, answer.body)
            index.append(
                {
                    "file": name,
                    "kind": answer.kind,
                    "url": answer.url,
                    "fetched_at": _utc(answer.fetched_at),
                    "status": answer.status.value,
                    "this_update": _utc(answer.this_update),
                    "next_update": _utc(answer.next_update),
                    "revoked_at": _utc(answer.revoked_at),
                }
            )
        _put(bundle, "revocation.json", json.dumps(index, indent=2).encode() + b"\n")
    return packed.getvalue()


def _put(bundle: ZipFile, name: str, body: bytes) -> None:
    # Without a time stamp of its own, the same answers always make the same file.
    bundle.writestr(ZipInfo(name), body, compress_type=ZIP_DEFLATED)


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
