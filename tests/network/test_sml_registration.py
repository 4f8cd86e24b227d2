"""Registration in the SML against a registry of our own that asks for our SMP's certificate."""

import hashlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sml_registry import SmlRegistry
from sqlmodel import col, select

from gateway.access.principal import CallerKind, Principal
from gateway.access.tables import AuditEntry, Tenant
from gateway.as4.identifiers import ParticipantId
from gateway.core.alarms import open_alarms
from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.tables import Job
from gateway.core.jobs.worker import Worker
from gateway.core.settings import JobSettings, Stage
from gateway.network import queries, sml_messages
from gateway.network.keys import FileKeys
from gateway.network.local_pki import ensure_test_pki
from gateway.network.participant_changes import ParticipantChanges
from gateway.network.participant_moves import ParticipantMoves
from gateway.network.participants import Participants
from gateway.network.pki import Purpose, TrustAnchors
from gateway.network.registration_states import (
    MoveState,
    Registration,
)
from gateway.network.service import Network
from gateway.network.sml import SmpAddress
from gateway.network.sml_client import SmlAddress, SmlClient, TlsProvider
from gateway.network.sml_registration import SmlRegistrar, register_jobs
from gateway.network.tables import ParticipantMove, SmlRegistration

ALPHA = ParticipantId.of("0208:0123456789")
BETA = ParticipantId.of("0208:9876543210")
SMP_ID = "SMP-TEST-01"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PKI of today, with a TLS certificate for the SML beside it."""
    folder = tmp_path_factory.mktemp("sml")
    ensure_test_pki(folder, ap_seats=["POP000911"], smp_seats=["PSM000911"], at=now())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    place = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(place, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "tls.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return folder


@dataclass(frozen=True, slots=True)
class Stand:
    """An instance whose SMP is registered at a running SML."""

    sml: SmlRegistry
    database: Database
    registrar: SmlRegistrar
    participants: Participants
    changes: ParticipantChanges
    moves: ParticipantMoves
    make_client: Callable[..., SmlClient]
    worker: Worker
    caller: Principal
    leads_to: dict[str, str]

    async def entry(self, participant: ParticipantId = ALPHA) -> SmlRegistration | None:
        async with self.database.read() as session:
            return await queries.registration(session, participant)

    async def register(self, participant: ParticipantId = ALPHA, **named) -> None:
        await self.participants.register(
            self.caller.tenant_id, participant, name="Fictional Ltd", country="BE", **named
        )


class FixedLocator:
    """Where the directory leads; a test may lead elsewhere."""

    def __init__(self, leads_to: dict[str, str]) -> None:
        self._leads_to = leads_to

    async def locate(self, participant: ParticipantId) -> SmpAddress:
        return SmpAddress(url=self._leads_to["url"], source="test")


@pytest.fixture
async def stand(database: Database, keys: Path) -> AsyncIterator[Stand]:
    sml = SmlRegistry(publishers={SMP_ID: "https://gateway.example/smp"})
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(keys / "tls.pem", keys / "tls.key")
    tls.verify_mode = ssl.CERT_REQUIRED
    for one in (keys / "trust").glob("*.pem"):
        tls.load_verify_locations(one)
    app = web.Application()
    app.router.add_post("/edelivery-sml/{service}", sml.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    network = Network(
        anchors=TrustAnchors.from_folder(keys / "trust"),
        keys=FileKeys(keys / "keys"),
        stage=Stage.TEST,
        as4_url="https://gateway.example/as4",
        smp_url="https://gateway.example/smp",
        now=now,
    )
    session = aiohttp.ClientSession()
    signer = network.seat_ids(Purpose.SMP)[0], network.smp_signing(now()).certificate

    def make_client(folder: Path | None = None, **changed: str) -> SmlClient:
        address = {"url": f"https://127.0.0.1:{port}/edelivery-sml", "smp_id": SMP_ID, **changed}
        provider = TlsProvider(
            smp=lambda: signer, folder=folder or keys / "keys", ca_file=keys / "tls.pem"
        )
        return SmlClient(
            session=session,
            tls=provider,
            address=SmlAddress(**address, stage=Stage.TEST, timeout_s=10),
        )

    tenant = Tenant(slug="alpha", name="alpha", created_at=now())
    async with database.write() as writing:
        writing.add(tenant)
        await network.enrol_seats(writing)
    queue, registry = JobQueue(database), Registry()
    registrar = SmlRegistrar(
        database=database,
        queue=queue,
        client=make_client(),
        smp_url=network.smp_url,
        smp_ip="0.0.0.0",
        now=now,
    )
    register_jobs(registry, registrar)
    leads_to = {"url": "https://gateway.example/smp"}
    yield Stand(
        sml=sml,
        database=database,
        registrar=registrar,
        participants=Participants(database=database, network=network, directory=registrar),
        changes=ParticipantChanges(database=database, network=network, registrar=registrar),
        moves=ParticipantMoves(
            database=database,
            registrar=registrar,
            locator=FixedLocator(leads_to),
            smp_url=network.smp_url,
            now=now,
        ),
        make_client=make_client,
        worker=Worker(database=database, queue=queue, registry=registry, settings=JobSettings()),
        caller=Principal(tenant.id, "test", CallerKind.API_KEY, frozenset()),
        leads_to=leads_to,
    )
    await session.close()
    await runner.cleanup()


async def refused(awaitable) -> str:
    with pytest.raises(GatewayError) as caught:
        await awaitable
    assert caught.value.message
    return caught.value.code


async def test_publishing_registers_and_removing_removes(stand: Stand) -> None:
    await stand.register()
    assert stand.sml.entries == {}, "nothing is asked before the transaction is over"
    await stand.worker.run_due()
    assert stand.sml.entries == {ALPHA: SMP_ID}
    assert stand.sml.peers == {"PSM000911"}, "the SMP showed its certificate"
    entry = await stand.entry()
    assert entry is not None
    assert entry.state is Registration.REGISTERED
    await stand.changes.remove(stand.caller, ALPHA)
    await stand.worker.run_due()
    assert stand.sml.entries == {}
    entry = await stand.entry()
    assert entry is not None
    assert entry.state is Registration.REMOVED
    await stand.register()
    await stand.worker.run_due()
    assert stand.sml.entries == {ALPHA: SMP_ID}, "and it may come back"


async def test_who_only_sends_or_arrives_later_is_not_registered(stand: Stand) -> None:
    await stand.register(offers=())
    await stand.register(BETA, announce=False)
    assert await stand.worker.run_due() == 0
    assert await stand.entry() is None
    assert await stand.entry(BETA) is None


async def test_an_answer_that_got_lost_does_not_fail_the_registration(stand: Stand) -> None:
    stand.sml.entries[BETA] = SMP_ID  # a first page that is not about us
    stand.sml.lose_next_answer = True
    await stand.register()
    await stand.worker.run_due()
    entry = await stand.entry()
    assert entry is not None
    assert entry.state is Registration.PENDING
    assert ALPHA in stand.sml.entries, "it had arrived"
    await due_now(stand)
    await stand.worker.run_due()
    entry = await stand.entry()
    assert entry is not None
    assert entry.state is Registration.REGISTERED


async def due_now(stand: Stand) -> None:
    async with stand.database.write() as session:
        for job in (await session.exec(select(Job))).all():
            job.run_at = now() - timedelta(seconds=1)


async def test_a_server_error_is_tried_again(stand: Stand) -> None:
    stand.sml.fail_next = [503]
    await stand.register()
    await stand.worker.run_due()
    assert stand.sml.entries == {}
    await due_now(stand)
    await stand.worker.run_due()
    assert stand.sml.entries == {ALPHA: SMP_ID}


async def test_another_smps_participant_needs_a_person(stand: Stand) -> None:
    stand.sml.entries[ALPHA] = "SMP-OF-OTHERS"
    await stand.register()
    await stand.worker.run_due()
    entry = await stand.entry()
    assert entry is not None
    assert (entry.state, entry.error_code) == (Registration.FAILED, "SML-REFUSED")
    assert "exists already" in entry.error_text
    async with stand.database.read() as session:
        (alarm,) = await open_alarms(session)
    assert (alarm.code, alarm.subject) == ("SML-REGISTRATION-FAILED", ALPHA.value)
    assert alarm.tenant_id == stand.caller.tenant_id

    del stand.sml.entries[ALPHA]
    await stand.registrar.try_again(stand.caller, ALPHA)
    await stand.worker.run_due()
    entry = await stand.entry()
    assert entry is not None
    assert entry.state is Registration.REGISTERED
    async with stand.database.read() as session:
        assert await open_alarms(session) == []
    again = stand.registrar.try_again(stand.caller, ALPHA)
    assert await refused(again) == "SML-REGISTRATION-STATE"


async def test_what_was_published_before_the_sml_was_on_is_registered_in_one_go(
    stand: Stand,
) -> None:
    stand.participants._directory = None
    await stand.register()
    await stand.register(BETA)
    assert await stand.registrar.synchronise(stand.caller) == 2
    await stand.worker.run_due()
    assert set(stand.sml.entries) == {ALPHA, BETA}
    assert await stand.registrar.synchronise(stand.caller) == 0


async def test_a_participant_that_changes_accounts_takes_its_entry_along(stand: Stand) -> None:
    stand.sml.entries[ALPHA] = "SMP-OF-OTHERS"
    await stand.register()
    await stand.worker.run_due()
    await stand.changes.remove(stand.caller, ALPHA)
    other = Tenant(slug="beta", name="beta", created_at=now())
    async with stand.database.write() as session:
        session.add(other)
    await stand.participants.register(other.id, ALPHA, name="Fictional Ltd", country="BE")
    entry = await stand.entry()
    assert entry is not None
    assert (entry.tenant_id, entry.state) == (other.id, Registration.PENDING)
    await stand.worker.run_due()
    again = stand.registrar.try_again(stand.caller, ALPHA)
    assert await refused(again) == "SML-REGISTRATION-STATE", "it is another account's now"
    await stand.registrar.try_again(replace(stand.caller, tenant_id=other.id), ALPHA)


async def test_a_job_given_up_says_nothing_about_what_is_wanted_since(stand: Stand) -> None:
    await stand.register()
    async with stand.database.read() as session:
        (first,) = (await session.exec(select(Job))).all()
    await stand.changes.remove(stand.caller, ALPHA)
    async with stand.database.write() as session:
        await stand.registrar.gave_up(session, first, JobError("SML-REFUSED", "too late"))
    entry = await stand.entry()
    assert entry is not None
    assert entry.state is Registration.REMOVING
    await stand.worker.run_due()
    entry = await stand.entry()
    assert entry is not None
    assert entry.state is Registration.REMOVED


async def test_what_people_do_about_the_sml_is_in_the_audit_log(stand: Stand) -> None:
    stand.sml.entries[ALPHA] = "SMP-OF-OTHERS"
    await stand.register(caller=stand.caller)
    await stand.worker.run_due()
    del stand.sml.entries[ALPHA]
    await stand.registrar.try_again(stand.caller, ALPHA)
    await stand.registrar.announce_smp(stand.caller)
    await stand.registrar.synchronise(stand.caller)
    async with stand.database.read() as session:
        rows = await session.exec(select(AuditEntry).order_by(col(AuditEntry.number)))
        said = [(one.action, one.object) for one in rows]
    assert said == [
        ("participant.registered", ALPHA.value),
        ("sml.tried-again", ALPHA.value),
        ("sml.smp-announced", SMP_ID),
        ("sml.synchronised", SMP_ID),
    ]


async def test_our_smp_is_made_known_and_kept_up_to_date(stand: Stand) -> None:
    stand.sml.publishers.clear()
    await stand.registrar.announce_smp(stand.caller)
    assert stand.sml.publishers == {SMP_ID: "https://gateway.example/smp"}
    stand.sml.publishers[SMP_ID] = "https://old.example/smp"
    await stand.registrar.announce_smp(stand.caller)
    assert stand.sml.publishers == {SMP_ID: "https://gateway.example/smp"}
    await stand.registrar.announce_smp(stand.caller)
    assert stand.sml.seen[-1] == "READ_PUBLISHER", "nothing is changed that is right"


async def test_lists_are_all_or_nothing(stand: Stand) -> None:
    client = stand.make_client()
    await client.create([ALPHA, BETA])
    assert set(stand.sml.entries) == {ALPHA, BETA}
    assert await refused(client.create([ALPHA, ParticipantId.of("0208:1")])) == "SML-REFUSED"
    assert len(stand.sml.entries) == 2
    await client.delete([ALPHA, BETA])
    assert stand.sml.entries == {}
    assert await refused(client.delete([ALPHA])) == "SML-NOT-FOUND"
    await client.delete_publisher()
    assert await refused(client.create([ALPHA])) == "SML-NOT-FOUND"
    assert {"CREATE_LIST", "DELETE_LIST", "DELETE_PUBLISHER"} <= set(stand.sml.seen)


async def test_a_participant_leaves_with_a_key_and_the_directory_decides(stand: Stand) -> None:
    assert await refused(stand.moves.prepare(stand.caller, ALPHA)) == "PARTICIPANT-UNKNOWN"
    await stand.register()
    assert await refused(stand.moves.prepare(stand.caller, ALPHA)) == "SML-REGISTRATION-STATE"
    await stand.worker.run_due()
    first = await stand.moves.prepare(stand.caller, ALPHA)
    second = await stand.moves.prepare(stand.caller, ALPHA)
    assert stand.sml.keys == {ALPHA: second.key}
    assert first.key != second.key
    assert second.move.key_sha256 == hashlib.sha256(second.key.encode()).hexdigest()
    async with stand.database.read() as session:
        rows = (await session.exec(select(ParticipantMove))).all()
    assert not any(second.key in repr(row) for row in rows), "the key itself is not kept"
    assert await refused(stand.moves.complete(stand.caller, first.move.id)) == "MOVE-STATE"
    assert await refused(stand.moves.complete(stand.caller, second.move.id)) == "MOVE-STATE"

    await stand.make_client(smp_id="SMP-OF-OTHERS").migrate(ALPHA, second.key)
    stand.leads_to["url"] = "https://others.example/smp"
    moved = await stand.moves.complete(stand.caller, second.move.id)
    assert moved.state is MoveState.LEFT
    entry = await stand.entry()
    assert entry is not None
    assert entry.state is Registration.MOVED
    await stand.changes.remove(stand.caller, ALPHA)
    await stand.worker.run_due()
    assert stand.sml.entries == {ALPHA: "SMP-OF-OTHERS"}, "it is not ours to remove any more"


async def test_a_cancelled_key_is_void(stand: Stand) -> None:
    await stand.register()
    await stand.worker.run_due()
    prepared = await stand.moves.prepare(stand.caller, ALPHA)
    await stand.moves.cancel(stand.caller, prepared.move.id)
    taking = stand.make_client(smp_id="SMP-OF-OTHERS").migrate(ALPHA, prepared.key)
    assert await refused(taking) == "SML-UNAUTHORIZED"
    assert await refused(stand.moves.cancel(stand.caller, prepared.move.id)) == "MOVE-STATE"
    stranger = Principal(new_tenant_id(), "x", CallerKind.API_KEY, frozenset())
    assert await refused(stand.moves.cancel(stranger, prepared.move.id)) == "NOT-FOUND"


def new_tenant_id():
    return Tenant(slug="x", name="x", created_at=now()).id


async def test_a_participant_arrives_with_the_key_of_its_former_provider(stand: Stand) -> None:
    key = sml_messages.migration_key()
    stand.sml.entries[ALPHA], stand.sml.keys[ALPHA] = "SMP-OF-OTHERS", key
    await stand.register(announce=False)
    arriving = stand.moves.arrive(stand.caller, ALPHA, "too-simple")
    assert await refused(arriving) == "MIGRATION-KEY-INVALID"
    wrong = stand.moves.arrive(stand.caller, ALPHA, sml_messages.migration_key())
    assert await refused(wrong) == "SML-UNAUTHORIZED"
    assert (await stand.moves.arrive(stand.caller, ALPHA, key)).state is MoveState.ARRIVED
    assert stand.sml.entries == {ALPHA: SMP_ID}
    entry = await stand.entry()
    assert entry is not None
    assert entry.state is Registration.REGISTERED
    states = [one.state for one in await stand.moves.history(stand.caller.tenant_id, ALPHA)]
    assert states == [MoveState.ARRIVED, MoveState.REFUSED]


async def test_the_way_to_the_sml_is_https_with_a_key_from_a_file(
    stand: Stand, tmp_path: Path
) -> None:
    plain = stand.make_client(url="http://127.0.0.1:1/sml")
    assert await refused(plain.publisher()) == "SML-TLS"
    assert await refused(stand.make_client(folder=tmp_path).publisher()) == "SML-KEY"
    closed = stand.make_client(url="https://127.0.0.1:1/sml")
    assert await refused(closed.publisher()) == "SML-UNAVAILABLE"


async def test_an_sml_of_strangers_is_not_spoken_to(stand: Stand, keys: Path) -> None:
    client = stand.make_client()
    client._tls._ca_file = next((keys / "trust").glob("root-*.pem"))
    assert await refused(client.publisher()) == "SML-TLS"
    assert stand.sml.seen == []


async def test_switched_off_nothing_is_asked(stand: Stand) -> None:
    off = SmlRegistrar(
        database=stand.database,
        queue=JobQueue(stand.database),
        client=None,
        smp_url="",
        smp_ip="",
        now=now,
    )
    stand.participants._directory = off
    await stand.register()
    assert await stand.entry() is None
    assert await refused(off.synchronise(stand.caller)) == "SML-OFF"
    assert not off.is_on
