"""Two certificates of a seat side by side: which signs, from when, and who decided it."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from sqlmodel import select

from gateway.access.tables import AuditEntry
from gateway.core.alarms import open_alarms
from gateway.core.errors import GatewayError
from gateway.core.jobs.registry import JobContext
from gateway.core.settings import Stage
from gateway.network.expiry import TrustWatch
from gateway.network.key_schedule import SCHEDULES, KeySchedules
from gateway.network.keys import FileKeys
from gateway.network.pki import Purpose, fingerprint
from gateway.network.seat_api import ROUTES
from gateway.network.seat_view import PUBLICATION_AGE, CertificateState, seat_certificates
from gateway.network.service import NETWORK, Network

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def add(folder: Path, pki, name: str, **validity):
    certificate = pki.issue(**validity)
    path = folder / f"{name}.key.pem"
    path.touch(mode=0o600)
    path.write_bytes(pki.spare_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / f"{name}.cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return certificate


class Renewal:
    """A seat with its first certificate; a second one may be added while everything runs."""

    def __init__(self, pki, place, folder: Path) -> None:
        self.pki, self.place, self.folder = pki, place, folder
        self.now = pki.now
        self.first = pki.ap_pair.certificate
        self.network, self.schedules = self.process()

    def process(self):
        network = Network(
            anchors=self.pki.anchors,
            keys=FileKeys(self.folder),
            stage=Stage.TEST,
            as4_url="https://gateway.example/as4",
            smp_url="https://gateway.example/smp",
            now=lambda: self.now,
        )
        return network, KeySchedules(database=self.place.database, network=network)

    def renew(self, **validity):
        values = {"not_before": self.now - MINUTE, "not_after": self.now + 700 * DAY, **validity}
        return add(self.folder / self.pki.ap_seat, self.pki, "second", **values)

    def signing(self, network=None, *, after: timedelta = timedelta(0)):
        ring = (network or self.network).key_ring(self.pki.ap_seat)
        return ring.signing(self.now + after).certificate

    def states(self, *, after: timedelta = timedelta(0)) -> dict[str, CertificateState]:
        ring = self.network.key_ring(self.pki.ap_seat)
        return {one.pair.name: one.state for one in seat_certificates(ring, self.now + after)}

    async def decide(self, certificate, when, **changes):
        return await self.schedules.decide(
            self.pki.ap_seat,
            fingerprint(certificate),
            when,
            **{"tenant_id": self.place.tenant, "actor": "op@example.com", **changes},
        )


@pytest.fixture
def renewal(pki, place, tmp_path) -> Renewal:
    folder = tmp_path / "keys"
    shutil.copytree(pki.folder / "keys" / pki.ap_seat, folder / pki.ap_seat)
    return Renewal(pki, place, folder)


async def test_a_renewed_certificate_takes_over_when_it_was_decided(renewal) -> None:
    second = renewal.renew()
    await renewal.schedules.refresh()
    assert renewal.signing() == second  # nobody decided anything: the newest signs
    await renewal.decide(second, renewal.now + 3 * DAY)
    assert renewal.signing() == renewal.first
    assert renewal.states() == {"first": "signing", "second": "waiting"}
    assert len(renewal.network.decryption_keys()) == 2
    assert renewal.signing(after=3 * DAY) == second
    assert renewal.states(after=3 * DAY) == {"first": "retiring", "second": "signing"}
    ring = renewal.network.key_ring(renewal.pki.ap_seat)
    old = seat_certificates(ring, renewal.now + 4 * DAY)[0 if ring.pairs[0].name == "first" else 1]
    assert old.removable_from == renewal.now + 3 * DAY + PUBLICATION_AGE


async def test_every_process_follows_the_decision(renewal) -> None:
    second = renewal.renew()
    other, their_schedules = renewal.process()
    await renewal.decide(second, renewal.now + 3 * DAY)
    await their_schedules.refresh()
    assert renewal.signing(other) == renewal.first
    assert renewal.signing(other, after=4 * DAY) == second


async def test_an_earlier_certificate_is_taken_back_into_use(renewal) -> None:
    second = renewal.renew()
    await renewal.decide(second, renewal.now)
    assert renewal.signing() == second
    await renewal.decide(renewal.first, renewal.now + timedelta(hours=1))
    assert renewal.signing(after=timedelta(hours=2)) == renewal.first


async def test_a_certificate_announced_first_never_signs_too_early(renewal) -> None:
    await renewal.schedules.refresh()
    assert renewal.signing() == renewal.first
    second = renewal.pki.issue(not_before=renewal.now - MINUTE, not_after=renewal.now + 700 * DAY)
    await renewal.process()[1].announce(
        renewal.pki.ap_seat,
        second,
        renewal.now + 2 * DAY,
        tenant_id=renewal.place.tenant,
        actor="command line",
    )
    folder = renewal.folder / renewal.pki.ap_seat
    (folder / "second.key.pem").touch(mode=0o600)
    (folder / "second.key.pem").write_bytes(
        renewal.pki.spare_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (folder / "second.cert.pem").write_bytes(second.public_bytes(Encoding.PEM))
    # This process has not heard of the decision yet; the new certificate waits for that.
    assert renewal.signing() == renewal.first
    assert len(renewal.network.decryption_keys()) == 2
    await renewal.schedules.refresh()
    assert renewal.signing() == renewal.first
    assert renewal.signing(after=2 * DAY) == second


async def test_a_new_certificate_without_a_decision_signs_after_the_next_look(renewal) -> None:
    await renewal.schedules.refresh()
    assert renewal.signing() == renewal.first
    second = renewal.renew()
    assert renewal.signing() == renewal.first
    await renewal.schedules.refresh()
    assert renewal.signing() == second


async def test_rather_a_waiting_certificate_than_none(renewal) -> None:
    shutil.rmtree(renewal.folder / renewal.pki.ap_seat)
    (renewal.folder / renewal.pki.ap_seat).mkdir()
    only = renewal.renew()
    other, schedules = renewal.process()
    await schedules.announce(
        renewal.pki.ap_seat,
        only,
        renewal.now + 5 * DAY,
        tenant_id=renewal.place.tenant,
        actor="x",
    )
    await schedules.refresh()
    assert renewal.signing(other) == only


async def test_what_cannot_be_decided(renewal) -> None:
    first = fingerprint(renewal.first)
    for seat, certificate, when, code in (
        (renewal.pki.ap_seat, first, renewal.now + 9000 * DAY, "KEY-SCHEDULE-INVALID"),
        (renewal.pki.ap_seat, first, renewal.now - 9000 * DAY, "KEY-SCHEDULE-INVALID"),
        (renewal.pki.ap_seat, "0" * 64, renewal.now, "CERTIFICATE-UNKNOWN"),
        ("POP000999", first, renewal.now, "KEYS-MISSING"),
    ):
        with pytest.raises(GatewayError) as refused:
            await renewal.schedules.decide(
                seat, certificate, when, tenant_id=renewal.place.tenant, actor="x"
            )
        assert refused.value.code == code


async def test_who_decided_is_in_the_audit_log(renewal) -> None:
    second = renewal.renew()
    await renewal.decide(second, renewal.now + DAY)
    await renewal.decide(second, renewal.now + 2 * DAY, actor="other@example.com")
    async with renewal.place.database.read() as session:
        rows = (await session.exec(select(AuditEntry).order_by(AuditEntry.number))).all()
    assert [(one.actor, one.action, one.object) for one in rows] == [
        (who, "seat.certificate-scheduled", renewal.pki.ap_seat)
        for who in ("op@example.com", "other@example.com")
    ]
    assert rows[1].facts["fingerprint"] == fingerprint(second)


def test_an_ended_certificate_may_go_a_week_later(renewal) -> None:
    end = renewal.first.not_valid_after_utc
    ring = renewal.network.key_ring(renewal.pki.ap_seat)
    (gone,) = seat_certificates(ring, end + DAY)
    assert (gone.state, gone.days_left) == (CertificateState.EXPIRED, -1)
    assert gone.removable_from == end + PUBLICATION_AGE


def test_a_seat_that_is_broken_does_not_stop_the_others(renewal) -> None:
    broken = renewal.folder / "POP000999"
    broken.mkdir()
    assert renewal.network.all_seat_ids() == (renewal.pki.ap_seat,)
    (broken / "x.cert.pem").write_text("rubbish")
    assert renewal.network.all_seat_ids() == (renewal.pki.ap_seat, "POP000999")
    assert len(renewal.network.decryption_keys()) == 1
    assert renewal.network.any_signing(renewal.now).certificate == renewal.first


async def test_a_certificate_of_the_next_generation_waits_until_that_is_trusted(renewal) -> None:
    """Its authority is imported, but this process was not started again since."""
    network, seat = renewal.network, renewal.pki.ap_seat
    before = network.decryption_keys()
    second = renewal.renew(issuer=renewal.pki.smp)
    stranger = replace(renewal.pki.anchors, smp=())
    restarted = Network(
        anchors=stranger,
        keys=FileKeys(renewal.folder),
        stage=Stage.TEST,
        as4_url="https://gateway.example/as4",
        smp_url="https://gateway.example/smp",
        now=lambda: renewal.now,
    )
    assert restarted.seat_ids(Purpose.AP) == (seat,)
    assert [one for one, _ in restarted.decryption_keys()] == [second, before[0][0]]
    assert restarted.pair_of(renewal.first).certificate == renewal.first
    assert restarted.any_signing(renewal.now).certificate == renewal.first
    async with renewal.place.database.write() as session:
        await restarted.enrol_seats(session)
    watch = TrustWatch(database=renewal.place.database, network=restarted)
    await watch(cast("JobContext", None))
    async with renewal.place.database.read() as session:
        found = {one.code: one.facts for one in await open_alarms(session)}
    assert found["KEYS-UNUSABLE"] == {"code": "CERT-UNTRUSTED"}


async def test_a_seat_whose_keys_are_away_is_still_ours(renewal) -> None:
    seat = renewal.pki.ap_seat
    network, _ = renewal.process()
    network.require_keys(seat)
    network.require_keys("POP000998")
    async with renewal.place.database.write() as session:
        await network.enrol_seats(session)
    (renewal.folder / seat).rename(renewal.folder / "away")
    restarted, _ = renewal.process()
    async with renewal.place.database.write() as session:
        await restarted.enrol_seats(session)
    with pytest.raises(GatewayError) as refused:
        restarted.require_keys(seat)
    assert (refused.value.code, refused.value.kind.status) == ("SEAT-KEYS-UNUSABLE", 503)


@pytest.fixture
async def api(renewal, app, aiohttp_client):
    """The routes of seats beside the others of the package."""
    fresh = web.Application(middlewares=list(app.middlewares))
    fresh[NETWORK] = renewal.network
    fresh[SCHEDULES] = renewal.schedules
    for route in ROUTES:
        fresh.router.add_route(route.method, route.path, route.handler)
    client = await aiohttp_client(fresh)

    async def call(method: str, path: str, body=None):
        headers = {"X-Tenant": str(renewal.place.tenant)}
        async with client.request(method, path, json=body, headers=headers) as response:
            return response.status, await response.json()

    return call


async def test_the_seat_through_the_api(renewal, api) -> None:
    second = renewal.renew()
    path = f"/v1/seats/{renewal.pki.ap_seat}"
    status, seat = await api("GET", path)
    assert status == 200
    assert {one["name"]: one["signs"] for one in seat["certificates"]} == {
        "first": False,
        "second": True,
    }
    assert "PRIVATE" not in str(seat)
    later = (renewal.now + DAY).isoformat()
    schedule = f"{path}/certificates/{fingerprint(second)}/schedule"
    status, seat = await api("PUT", schedule, {"signs_from": later})
    assert status == 200
    assert {one["name"]: one["state"] for one in seat["certificates"]} == {
        "first": "signing",
        "second": "waiting",
    }
    for path, body, expected in (
        (schedule, {"signs_from": "2026-11-22T12:00:00"}, 400),
        (schedule, {"signs_from": "2099-01-01T00:00:00Z"}, 422),
        (schedule.replace(fingerprint(second), "0" * 64), {"signs_from": later}, 404),
        (schedule.replace(renewal.pki.ap_seat, "POP000999"), {"signs_from": later}, 404),
    ):
        assert (await api("PUT", path, body))[0] == expected
    assert (await api("GET", "/v1/seats/POP000999"))[0] == 404
    assert (await api("GET", "/v1/seats/..%2Fetc"))[0] == 404


def test_the_routes_of_seats_are_the_operator_s_own() -> None:
    assert {one.scope for one in ROUTES} == {"operations:read", "operations:write"}
