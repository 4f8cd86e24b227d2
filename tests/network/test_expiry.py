"""Alarms before certificates end, and what else is watched of our own certificates."""

import shutil
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from gateway.core.alarms import Severity, open_alarms, raise_alarm
from gateway.core.jobs.registry import Registry
from gateway.core.metrics import Metrics
from gateway.core.settings import Stage
from gateway.network.expiry import WATCH, TrustWatch, certificate_gauges, register
from gateway.network.keys import FileKeys
from gateway.network.pki import CertificateVerdict, VerdictStatus, fingerprint
from gateway.network.revocation_check import REVOCATION_UNAVAILABLE
from gateway.network.service import Network
from gateway.network.trust import Judgement, Trust

DAY = timedelta(days=1)


class Revoked:
    """An authority's word for every certificate."""

    async def judge(self, certificate, *, issuer, verdict, at) -> Judgement:
        return Judgement(
            CertificateVerdict(
                status=VerdictStatus.FAILED,
                code="CERT-REVOKED",
                message="",
                subject=verdict.subject,
                fingerprint=verdict.fingerprint,
            )
        )


class Watched:
    def __init__(self, pki, database, folder) -> None:
        self.pki, self.database, self.folder = pki, database, folder
        self.now = pki.now
        self.network = self.net()
        self.end = pki.ap_pair.certificate.not_valid_after_utc

    def net(self, trust: Trust | None = None) -> Network:
        return Network(
            anchors=self.pki.anchors,
            keys=FileKeys(self.folder),
            stage=Stage.TEST,
            as4_url="",
            smp_url="",
            now=lambda: self.now,
            trust=trust,
        )

    async def look(self, *, before_end: timedelta, network: Network | None = None):
        """Look that long before the end of the seat's first certificate; gives the alarms."""
        self.now = self.end - before_end
        watch = TrustWatch(database=self.database, network=network or self.network)
        await watch(None)
        async with self.database.read() as session:
            return {(one.code, one.subject): one for one in await open_alarms(session)}


@pytest.fixture
def watched(pki, database, tmp_path) -> Watched:
    shutil.copytree(pki.folder / "keys" / pki.ap_seat, tmp_path / pki.ap_seat)
    return Watched(pki, database, tmp_path)


async def test_an_end_is_told_at_90_30_and_7_days(watched) -> None:
    key = ("CERTIFICATE-EXPIRING", watched.pki.ap_seat)
    assert await watched.look(before_end=91 * DAY) == {}
    first = (await watched.look(before_end=89 * DAY))[key]
    again = (await watched.look(before_end=40 * DAY))[key]
    assert (first.id, first.severity) == (again.id, Severity.WARNING)
    assert (again.occurrences, again.facts["days"], again.facts["threshold"]) == (2, 40, 90)
    nearer = (await watched.look(before_end=29 * DAY))[key]
    assert nearer.id != first.id
    urgent = (await watched.look(before_end=6 * DAY))[key]
    assert urgent.severity is Severity.CRITICAL
    gone = await watched.look(before_end=-DAY)
    assert set(gone) == {("CERTIFICATE-EXPIRED", watched.pki.ap_seat)}


async def test_a_successor_ends_the_alarm(watched) -> None:
    assert len(await watched.look(before_end=20 * DAY)) == 1
    folder = watched.folder / watched.pki.ap_seat
    (folder / "second.key.pem").touch(mode=0o600)
    (folder / "second.key.pem").write_bytes(
        watched.pki.spare_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    renewed = watched.pki.issue(not_after=watched.end + 700 * DAY)
    (folder / "second.cert.pem").write_bytes(renewed.public_bytes(Encoding.PEM))
    assert await watched.look(before_end=20 * DAY) == {}


async def test_anchors_are_watched_too(watched) -> None:
    end = watched.pki.anchors.roots[0].not_valid_after_utc
    found = await watched.look(before_end=watched.end - end + 10 * DAY)
    codes = {code for code, _ in found}
    assert codes == {"CERTIFICATE-EXPIRED", "ANCHOR-EXPIRING"}
    assert len([1 for code, _ in found if code == "ANCHOR-EXPIRING"]) == 3
    over = await watched.look(before_end=watched.end - end - 10 * DAY)
    assert all(one.facts["days"] == 0 for (code, _), one in over.items() if "ANCHOR" in code)


async def test_keys_that_cannot_be_used_are_told(watched) -> None:
    key_file = watched.folder / watched.pki.ap_seat / "first.key.pem"
    key_file.chmod(0o644)
    found = await watched.look(before_end=300 * DAY, network=watched.net())
    assert found["KEYS-UNUSABLE", watched.pki.ap_seat].facts == {"code": "KEYS-PERMISSIONS"}
    key_file.chmod(0o600)
    assert await watched.look(before_end=300 * DAY, network=watched.net()) == {}


async def test_a_certificate_of_ours_that_was_revoked_is_told(watched) -> None:
    trust = Trust(watched.pki.anchors, Revoked())
    found = await watched.look(before_end=300 * DAY, network=watched.net(trust))
    alarm = found["CERTIFICATE-REVOKED", watched.pki.ap_seat]
    assert alarm.facts == {"fingerprint": fingerprint(watched.pki.ap_pair.certificate)}
    assert await watched.look(before_end=300 * DAY) == {}


async def test_an_alarm_of_silence_ends_when_nobody_sees_it_for_an_hour(watched) -> None:
    at = watched.end - 300 * DAY
    async with watched.database.write() as session:
        await raise_alarm(session, REVOCATION_UNAVAILABLE, "TEST CA", at=at)
    assert len(await watched.look(before_end=300 * DAY - timedelta(minutes=59))) == 1
    assert await watched.look(before_end=300 * DAY - timedelta(minutes=61)) == {}


async def test_the_figures_name_every_end(watched) -> None:
    metrics = Metrics()
    certificate_gauges(metrics, watched.network)
    text = (await metrics.render()).decode()
    mark = fingerprint(watched.pki.ap_pair.certificate)
    line = (
        f'gateway_certificate_not_after_seconds{{fingerprint="{mark}",'
        f'seat="{watched.pki.ap_seat}"}} {watched.end.timestamp()!r}'
    )
    assert line.split("} ", maxsplit=1)[0] in text
    assert text.count("gateway_anchor_not_after_seconds{") == 3


def test_it_looks_every_hour(watched) -> None:
    registry = Registry()
    register(registry, TrustWatch(database=watched.database, network=watched.network))
    assert [(one.kind, one.spec) for one in registry.plans] == [(WATCH, "every 3600 seconds")]
