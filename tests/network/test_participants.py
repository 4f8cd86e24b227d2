"""Participants and seats on both databases: whose they are, what they publish, who may act."""

import asyncio
import shutil
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlmodel import col, select

from gateway.access.audit import verify_chain
from gateway.access.principal import CallerKind, Principal
from gateway.access.tables import AuditEntry
from gateway.as4.identifiers import (
    BILLING_INVOICE,
    MESSAGE_LEVEL_STATUS,
    PROCESS_BILLING,
    PROCESS_MLS,
    PROCESS_SELF_BILLING,
    REMINDER,
    ParticipantId,
)
from gateway.core.errors import GatewayError
from gateway.core.settings import Stage
from gateway.network import queries
from gateway.network.keys import FileKeys
from gateway.network.participants import BILLING_OFFERS, REMINDER_OFFER, Offer, Participants
from gateway.network.pki import Purpose, TrustAnchors
from gateway.network.service import Network
from gateway.network.smp import open_signed_metadata, read_metadata
from gateway.network.smp_selection import select_endpoint
from gateway.network.smp_server import SmpServer

ALPHA = ParticipantId.of("0208:0123456789")
BETA = ParticipantId.of("0208:9876543210")


async def register(place, participant=ALPHA, *, tenant=None, **named):
    return await place.participants.register(
        tenant or place.tenant, participant, name="Fictional Ltd", country="BE", **named
    )


async def refused(awaitable) -> str:
    with pytest.raises(GatewayError) as caught:
        await awaitable
    assert caught.value.message
    return caught.value.code


async def test_a_registered_participant_is_served(place, pki) -> None:
    await register(place)
    async with place.database.read() as session:
        served = await place.network.served(session, ParticipantId.of("0208:0123456789"))
        assert (served.tenant_id, served.country) == (place.tenant, "BE")
        assert served.seat_id == pki.ap_seat
        assert await place.network.find_served(session, BETA) is None
        assert await refused(place.network.served(session, BETA)) == "PARTICIPANT-UNKNOWN"


async def test_case_does_not_make_another_participant(place) -> None:
    await register(place, ParticipantId.of("9915:Test-Company"))
    code = await refused(register(place, ParticipantId.of("9915:TEST-company")))
    assert code == "PARTICIPANT-EXISTS"


async def test_a_participant_belongs_to_one_tenant(place) -> None:
    await register(place)
    assert await refused(register(place)) == "PARTICIPANT-EXISTS"
    assert await refused(register(place, tenant=place.other_tenant)) == "PARTICIPANT-EXISTS"
    async with place.database.read() as session:
        assert await queries.own_participant(session, place.tenant, ALPHA) is not None
        assert await queries.own_participant(session, place.other_tenant, ALPHA) is None
    someone_else = (place.other_tenant, ALPHA, BILLING_INVOICE)
    for attempt in (
        place.participants.published(*someone_else),
        place.participants.publish(*someone_else, [Offer(BILLING_INVOICE, PROCESS_BILLING)]),
        place.participants.withdraw(*someone_else),
    ):
        assert await refused(attempt) == "PARTICIPANT-UNKNOWN"
    assert await place.participants.published(place.tenant, ALPHA, BILLING_INVOICE)


async def test_two_registrations_at_once_leave_one(place) -> None:
    results = await asyncio.gather(
        register(place), register(place, tenant=place.other_tenant), return_exceptions=True
    )
    failures = [one for one in results if isinstance(one, GatewayError)]
    assert [one.code for one in failures] == ["PARTICIPANT-EXISTS"]


async def test_pages_follow_registration(place) -> None:
    ids = [ParticipantId.of(f"0208:{number:010}") for number in range(5)]
    for one in ids:
        await register(place, one, offers=[])
    await register(place, BETA, tenant=place.other_tenant, offers=[])
    first = await place.participants.page(place.tenant, after=None, limit=3)
    rest = await place.participants.page(place.tenant, after=first[-1].id, limit=3)
    assert [one.value for one in (*first, *rest)] == [one.value for one in ids]


async def test_who_registers_and_publishes_is_in_the_audit_log(place) -> None:
    caller = Principal(place.tenant, "erp", CallerKind.API_KEY, frozenset())
    await register(place, caller=caller)
    target = (place.tenant, ALPHA, BILLING_INVOICE)
    await place.participants.publish(
        *target, [Offer(BILLING_INVOICE, PROCESS_SELF_BILLING)], caller=caller
    )
    await place.participants.withdraw(*target, caller=caller)
    async with place.database.read() as session:
        assert (await verify_chain(session)).holds
        rows = list(await session.exec(select(AuditEntry).order_by(col(AuditEntry.number))))
    assert [one.action for one in rows] == [
        "participant.registered",
        "service.published",
        "service.withdrawn",
    ]
    assert {(one.object, one.actor, one.tenant_id) for one in rows} == {
        (ALPHA.value, "erp", place.tenant)
    }
    assert rows[1].facts == {"document_type": str(BILLING_INVOICE)}


async def test_publishing_replaces_and_withdrawing_removes(place) -> None:
    await register(place)
    target = (place.tenant, ALPHA, BILLING_INVOICE)
    offers = [Offer(BILLING_INVOICE, one) for one in (PROCESS_SELF_BILLING, PROCESS_BILLING)]
    await place.participants.publish(*target, offers)
    assert {one.process for one in await place.participants.published(*target)} == {
        str(PROCESS_BILLING),
        str(PROCESS_SELF_BILLING),
    }
    await place.participants.publish(*target, offers[:1])
    assert len(await place.participants.published(*target)) == 1
    await place.participants.withdraw(*target)
    assert await refused(place.participants.published(*target)) == "PUBLICATION-UNKNOWN"
    assert await refused(place.participants.withdraw(*target)) == "PUBLICATION-UNKNOWN"
    async with place.database.read() as session:
        row = await queries.own_participant(session, place.tenant, ALPHA)
        assert row is not None
        left = await queries.capabilities(session, row)
    assert len(left) == len(BILLING_OFFERS) - 1


def pem(certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


async def test_only_what_the_network_may_act_on_is_published(place, pki) -> None:
    await register(place)
    good = pem(pki.ap_pair.certificate)
    url = "https://ap.example/as4"
    start = pki.now

    def offer(**named) -> Offer:
        return Offer(BILLING_INVOICE, PROCESS_BILLING, **named)

    wrong = [
        [],
        [offer(), offer()],
        [Offer(MESSAGE_LEVEL_STATUS, PROCESS_MLS)],
        [offer(endpoint_url=url)],
        [offer(certificate_pem=good)],
        [offer(endpoint_url="not a url", certificate_pem=good)],
        [offer(endpoint_url=url, certificate_pem="rubbish")],
        [offer(endpoint_url=url, certificate_pem=pem(pki.smp_pair.certificate))],
        [offer(activation=start, expiry=start)],
    ]
    for offers in wrong:
        attempt = place.participants.publish(place.tenant, ALPHA, BILLING_INVOICE, offers)
        assert await refused(attempt) == "PUBLICATION-INVALID", offers
    assert await refused(register(place, BETA, offers=[offer(), offer()])) == "PUBLICATION-INVALID"
    async with place.database.read() as session:
        assert await place.network.find_served(session, BETA) is None
    await place.participants.publish(
        place.tenant,
        ALPHA,
        BILLING_INVOICE,
        [offer(endpoint_url=url, certificate_pem=good, expiry=start + timedelta(days=1))],
    )


async def test_a_business_that_agreed_takes_reminders(place) -> None:
    await register(place)
    assert await refused(place.participants.published(place.tenant, ALPHA, REMINDER)) == (
        "PUBLICATION-UNKNOWN"
    )
    await register(place, BETA, offers=(*BILLING_OFFERS, REMINDER_OFFER))
    (published,) = await place.participants.published(place.tenant, BETA, REMINDER)
    assert published.document_type.startswith(
        "busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:Reminder-2::Reminder##"
    )
    assert published.process.startswith("cenbii-procid-ubl::")


async def test_production_publishes_no_reminders(place, pki) -> None:
    """The type is in no code list of Peppol, so a production SMP must not name it."""
    network = Network(
        anchors=pki.anchors,
        keys=FileKeys(pki.folder / "keys"),
        stage=Stage.PRODUCTION,
        as4_url="https://gateway.example/as4",
        smp_url="https://gateway.example/smp",
        now=lambda: pki.now,
    )
    participants = Participants(database=place.database, network=network)
    named = {"name": "Fictional Ltd", "country": "BE"}
    code = await refused(
        participants.register(
            place.tenant, ALPHA, offers=(*BILLING_OFFERS, REMINDER_OFFER), **named
        )
    )
    assert code == "PUBLICATION-NOT-AGREED"
    await participants.register(place.tenant, ALPHA, **named)
    publishing = participants.publish(place.tenant, ALPHA, REMINDER, [REMINDER_OFFER])
    assert await refused(publishing) == "PUBLICATION-NOT-AGREED"
    assert await participants.published(place.tenant, ALPHA, BILLING_INVOICE)


async def test_production_publishes_https_only(place, pki) -> None:
    network = Network(
        anchors=pki.anchors,
        keys=FileKeys(pki.folder / "keys"),
        stage=Stage.PRODUCTION,
        as4_url="https://gateway.example/as4",
        smp_url="https://gateway.example/smp",
        now=lambda: pki.now,
    )
    participants = Participants(database=place.database, network=network)
    plain = Offer(
        BILLING_INVOICE,
        PROCESS_BILLING,
        endpoint_url="http://ap.example/as4",
        certificate_pem=pem(pki.ap_pair.certificate),
    )
    await register(place)
    attempt = participants.publish(place.tenant, ALPHA, BILLING_INVOICE, [plain])
    assert await refused(attempt) == "PUBLICATION-INVALID"
    await place.participants.publish(place.tenant, ALPHA, BILLING_INVOICE, [plain])


async def test_seats_follow_from_the_keys_and_are_enrolled_once(place, pki) -> None:
    assert place.network.seat_ids(Purpose.AP) == (pki.ap_seat,)
    assert place.network.seat_ids(Purpose.SMP) == (pki.smp_seat,)
    async with place.database.write() as session:
        await place.network.enrol_seats(session)
    rows = await place.participants.seats()
    assert [(one.seat_id, one.purpose, one.spid) for one in rows] == [
        (pki.ap_seat, Purpose.AP, "0242:000901"),
        (pki.smp_seat, Purpose.SMP, "0242:000901"),
    ]
    assert {one.stage for one in rows} == {Stage.TEST}


async def test_a_seat_must_be_an_access_point_of_ours(place, pki) -> None:
    for seat_id in (pki.smp_seat, "POP999999"):
        assert await refused(register(place, seat_id=seat_id)) == "SEAT-UNKNOWN"
    assert (await register(place, seat_id=pki.ap_seat)).seat_id == pki.ap_seat


async def test_the_providers_own_identifier_takes_mls(place, pki) -> None:
    for _ in range(2):
        row = await place.participants.register_provider(
            place.tenant, pki.ap_seat, name="Fictional Provider", country="BE"
        )
    assert row.value == "0242:000901"
    spid = ParticipantId.of(row.value)
    published = await place.participants.published(place.tenant, spid, MESSAGE_LEVEL_STATUS)
    assert [one.process for one in published] == [str(PROCESS_MLS)]


async def test_an_smp_without_an_access_point_publishes_others_endpoints(
    place, pki, tmp_path
) -> None:
    shutil.copytree(pki.folder / "keys" / pki.smp_seat, tmp_path / "keys" / pki.smp_seat)
    network = Network(
        anchors=pki.anchors,
        keys=FileKeys(tmp_path / "keys"),
        stage=Stage.TEST,
        as4_url="https://gateway.example/as4",
        smp_url="https://gateway.example/smp",
        now=lambda: pki.now,
    )
    participants = Participants(database=place.database, network=network)
    elsewhere = Offer(
        BILLING_INVOICE,
        PROCESS_BILLING,
        endpoint_url="https://elsewhere.example/as4",
        certificate_pem=pem(pki.ap_pair.certificate),
    )
    here = Offer(BILLING_INVOICE, PROCESS_BILLING)
    named = {"name": "Fictional Ltd", "country": "BE"}
    assert (
        await refused(participants.register(place.tenant, ALPHA, offers=[here], **named))
        == "SEAT-UNKNOWN"
    )
    row = await participants.register(place.tenant, ALPHA, offers=[elsewhere], **named)
    assert row.seat_id is None
    attempt = participants.publish(place.tenant, ALPHA, BILLING_INVOICE, [here])
    assert await refused(attempt) == "PUBLICATION-INVALID"
    data = await SmpServer(database=place.database, network=network).service_metadata(
        ALPHA, BILLING_INVOICE
    )
    assert data is not None
    assert b"https://elsewhere.example/as4" in data
    async with place.database.read() as session:
        assert await network.find_served(session, ALPHA) is None, "published, not served"


# --- keys ------------------------------------------------------------------------------------


@pytest.fixture
def own_keys(tmp_path, pki):
    """A key folder that may be changed, and a network over it."""
    folder = tmp_path / "keys"
    shutil.copytree(pki.folder / "keys", folder)

    def network(*, now=pki.now, anchors=pki.anchors) -> Network:
        return Network(
            anchors=anchors,
            keys=FileKeys(folder),
            stage=Stage.TEST,
            as4_url="https://gateway.example/as4",
            smp_url="https://gateway.example/smp",
            now=lambda: now,
        )

    return folder, network


def renew(folder, pki, *, not_before):
    """Put a second pair into a seat's folder, as an operator would."""
    certificate = pki.issue(not_before=not_before, not_after=not_before + timedelta(days=700))
    key = folder / pki.ap_seat / "second.key.pem"
    key.touch(mode=0o600)
    key.write_bytes(pki.spare_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / pki.ap_seat / "second.cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return certificate


def test_every_key_of_access_points_decrypts_and_none_of_the_smp(own_keys, pki) -> None:
    folder, make = own_keys
    network = make()
    assert [one for one, _ in network.decryption_keys()] == [pki.ap_pair.certificate]
    renewed = renew(folder, pki, not_before=pki.now + timedelta(days=30))
    assert [one for one, _ in network.decryption_keys()] == [renewed, pki.ap_pair.certificate]
    assert network.any_signing(pki.now).certificate == pki.ap_pair.certificate
    assert network.any_signing(pki.now + timedelta(days=31)).certificate == renewed
    assert network.pair_of(renewed).certificate == renewed
    assert network.pair_of(pki.ap_pair.certificate).certificate == pki.ap_pair.certificate
    with pytest.raises(GatewayError, match="KEYS-MISSING"):
        network.pair_of(pki.smp_pair.certificate)
    assert network.smp_signing(pki.now).certificate == pki.smp_pair.certificate


def test_a_half_copied_renewal_does_not_stop_the_seat(own_keys, pki, caplog) -> None:
    folder, make = own_keys
    network = make()
    assert len(network.key_ring(pki.ap_seat).pairs) == 1
    renew(folder, pki, not_before=pki.now)
    key = folder / pki.ap_seat / "second.key.pem"
    content = key.read_bytes()
    key.unlink()
    assert len(network.key_ring(pki.ap_seat).pairs) == 1
    assert "keeps the keys read before" in caplog.text
    key.touch(mode=0o600)
    key.write_bytes(content)
    assert len(network.key_ring(pki.ap_seat).pairs) == 2


def test_without_usable_seats(own_keys, pki) -> None:
    _folder, make = own_keys
    stranger = make(anchors=TrustAnchors((), (), ()))
    assert stranger.decryption_keys() == ()
    with pytest.raises(GatewayError, match="KEYS-MISSING"):
        stranger.any_signing(pki.now)
    with pytest.raises(GatewayError, match="KEYS-NOT-VALID-NOW"):
        make().any_signing(pki.now + timedelta(days=5000))


async def test_a_renewed_certificate_is_published_by_itself(place, own_keys, pki) -> None:
    folder, make = own_keys
    await register(place)
    later = pki.now + timedelta(days=31)

    async def published(at):
        server = SmpServer(database=place.database, network=make(now=at))
        data = await server.service_metadata(ALPHA, BILLING_INVOICE)
        assert data is not None
        read = read_metadata(open_signed_metadata(data))
        return select_endpoint(read, process=PROCESS_BILLING, https_only=True, at=at).certificate

    assert await published(pki.now) == pki.ap_pair.certificate
    renewed = renew(folder, pki, not_before=pki.now + timedelta(days=30))
    assert await published(pki.now) == pki.ap_pair.certificate
    assert await published(later) == renewed
