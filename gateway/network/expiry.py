"""Certificates that end: alarms in good time, and the figures that show it coming.

Looks at our seats and at the trust anchors once an hour; also whether one of our own
certificates was revoked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.agreement import common_name
from gateway.core.alarms import Alarm, AlarmKind, Severity, clear_alarm, open_alarms, raise_alarm
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.metrics import Metrics
from gateway.network.pki import Purpose, fingerprint
from gateway.network.revocation_check import REVOCATION_SOFT_FAIL, REVOCATION_UNAVAILABLE
from gateway.network.revocation_store import RevocationStore
from gateway.network.service import Network

__all__ = [
    "ANCHOR_EXPIRING",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_EXPIRING",
    "CERTIFICATE_REVOKED",
    "KEYS_UNUSABLE",
    "WATCH",
    "TrustWatch",
    "certificate_gauges",
    "register",
]

WATCH: Final = "trust.watch"
THRESHOLDS: Final = (7, 30, 90)
"""Days before the end at which an alarm is raised, and raised anew."""
URGENT_DAYS: Final = 7
_NOT_SEEN_FOR: Final = timedelta(hours=1)

CERTIFICATE_EXPIRING: Final = AlarmKind(
    "CERTIFICATE-EXPIRING",
    Severity.WARNING,
    "A seat's certificate ends soon",
    "Request a new one (gateway pki csr), install it beside the old one and let it take over "
    "before the old one ends.",
)
CERTIFICATE_EXPIRED: Final = AlarmKind(
    "CERTIFICATE-EXPIRED",
    Severity.CRITICAL,
    "A seat's certificate has ended",
    "Nothing can be sent or received through this seat. Install a renewed certificate with its "
    "key.",
)
CERTIFICATE_REVOKED: Final = AlarmKind(
    "CERTIFICATE-REVOKED",
    Severity.CRITICAL,
    "The authority has revoked a certificate of ours",
    "Everybody refuses what this seat signs. Ask the authority why, and install a new certificate "
    "with a new key.",
)
KEYS_UNUSABLE: Final = AlarmKind(
    "KEYS-UNUSABLE",
    Severity.CRITICAL,
    "The keys of a seat cannot be used",
    "Correct what the code says in the seat's folder, or at the token. CERT-UNTRUSTED: import the "
    "authority that issued the certificate and start again, or take the certificate away.",
)
ANCHOR_EXPIRING: Final = AlarmKind(
    "ANCHOR-EXPIRING",
    Severity.WARNING,
    "A trust anchor ends soon",
    "Import the next generation of the network's authorities beside it (gateway pki import).",
)
_ALL: Final = (
    CERTIFICATE_EXPIRING,
    CERTIFICATE_EXPIRED,
    CERTIFICATE_REVOKED,
    KEYS_UNUSABLE,
    ANCHOR_EXPIRING,
)
_PASSING: Final = (REVOCATION_SOFT_FAIL, REVOCATION_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class _Finding:
    """A cause of alarm; ``facts`` hold the threshold in days that was passed, if it is one."""

    kind: AlarmKind
    subject: str
    facts: Mapping[str, str | int]


class TrustWatch:
    """Looks at seats and anchors and keeps their alarms in step with what it finds."""

    def __init__(self, *, database: Database, network: Network) -> None:
        self._database = database
        self._network = network
        self._store = RevocationStore(database)

    async def __call__(self, _job: JobContext) -> None:
        """Look once."""
        at = self._network.now()
        findings = [*self._seats(at), *self._anchors(at), *await self._revoked(at)]
        async with self._database.write() as session:
            await _keep_alarms(session, findings, at)
        await self._store.forget(at)

    def _seats(self, at: datetime) -> Iterator[_Finding]:
        for seat_id in self._network.all_seat_ids():
            try:
                ring = self._network.key_ring(seat_id)
            except GatewayError as error:
                yield _Finding(KEYS_UNUSABLE, seat_id, {"code": error.code})
                continue
            if any(self._network.purpose_of(one.certificate) is None for one in ring.pairs):
                yield _Finding(KEYS_UNUSABLE, seat_id, {"code": "CERT-UNTRUSTED"})
            # A certificate that has its successor beside it may end in peace.
            yield from _ending(
                seat_id, max(one.certificate.not_valid_after_utc for one in ring.pairs), at
            )

    def _anchors(self, at: datetime) -> Iterator[_Finding]:
        anchors = self._network.anchors
        for group in (anchors.roots, anchors.ap, anchors.smp):
            latest = max((one.not_valid_after_utc for one in group), default=None)
            for one in group:
                days = (one.not_valid_after_utc - at).days
                if one.not_valid_after_utc == latest and days < THRESHOLDS[-1]:
                    yield _Finding(ANCHOR_EXPIRING, _name(one), _facts(one.not_valid_after_utc, at))

    async def _revoked(self, at: datetime) -> list[_Finding]:
        found = []
        for purpose in Purpose:
            for seat_id in self._network.seat_ids(purpose):
                for pair in self._network.key_ring(seat_id).pairs:
                    judgement = await self._network.trust.judge(
                        pair.certificate, purpose=purpose, at=at
                    )
                    if judgement.verdict.code == "CERT-REVOKED":
                        facts = {"fingerprint": fingerprint(pair.certificate)}
                        found.append(_Finding(CERTIFICATE_REVOKED, seat_id, facts))
        return found


def _ending(seat_id: str, end: datetime, at: datetime) -> Iterator[_Finding]:
    if end < at:
        yield _Finding(CERTIFICATE_EXPIRED, seat_id, {"until": end.date().isoformat()})
    elif (end - at).days < THRESHOLDS[-1]:
        facts = _facts(end, at)
        urgent = facts["threshold"] == URGENT_DAYS
        kind = replace(CERTIFICATE_EXPIRING, severity=Severity.CRITICAL)
        yield _Finding(kind if urgent else CERTIFICATE_EXPIRING, seat_id, facts)


def _facts(end: datetime, at: datetime) -> dict[str, str | int]:
    days = max((end - at).days, 0)
    threshold = next(one for one in THRESHOLDS if days < one)
    return {"until": end.date().isoformat(), "days": days, "threshold": threshold}


async def _keep_alarms(session: AsyncSession, findings: list[_Finding], at: datetime) -> None:
    known = {(one.code, one.subject): one for one in await open_alarms(session)}
    for finding in findings:
        before = known.pop((finding.kind.code, finding.subject), None)
        if before is not None and _is_nearer(before, finding):
            await clear_alarm(session, finding.kind, finding.subject, at=at)
            await session.flush()
        await raise_alarm(session, finding.kind, finding.subject, at=at, facts=finding.facts)
    for kind in (*_ALL, *_PASSING):
        for (code, subject), row in known.items():
            passing = kind in _PASSING and at - row.last_seen_at < _NOT_SEEN_FOR
            if code == kind.code and not passing:
                await clear_alarm(session, kind, subject, at=at)


def _is_nearer(before: Alarm, finding: _Finding) -> bool:
    """Whether the end came so near that whoever looked at the alarm must look again."""
    return bool(before.facts.get("threshold") != finding.facts.get("threshold"))


def _name(certificate: x509.Certificate) -> str:
    return common_name(certificate) or certificate.subject.rfc4514_string()


def register(registry: Registry, watch: TrustWatch) -> None:
    """Look every hour."""
    registry.add(WATCH, watch)
    registry.every(WATCH, "every 3600 seconds")


def certificate_gauges(metrics: Metrics, network: Network) -> None:
    """Show when the certificates of our seats and the trust anchors end, as Unix times."""
    seats = metrics.gauge(
        "certificate_not_after_seconds", "When a seat's certificate ends", "seat", "fingerprint"
    )
    anchors = metrics.gauge(
        "anchor_not_after_seconds", "When a trust anchor ends", "kind", "fingerprint"
    )

    async def refresh() -> None:
        seats.clear()
        anchors.clear()
        for seat_id in network.all_seat_ids():
            try:
                pairs = network.key_ring(seat_id).pairs
            except GatewayError:
                continue  # the alarm KEYS-UNUSABLE tells of it
            for pair in pairs:
                end = pair.certificate.not_valid_after_utc.timestamp()
                seats.labels(seat_id, fingerprint(pair.certificate)).set(end)
        for kind in ("roots", "ap", "smp"):
            for one in getattr(network.anchors, kind):
                end = one.not_valid_after_utc.timestamp()
                anchors.labels(kind, fingerprint(one)).set(end)

    metrics.refresh_with(refresh)
