"""A participant after it was registered: served or not, published how, replaced in bulk."""

from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from aiohttp.test_utils import TestClient, TestServer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import select

from gateway.access.principal import CallerKind, Principal
from gateway.access.tables import AuditEntry
from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    DOCTYPE_WILDCARD_SCHEME,
    PROCESS_BILLING,
    PROCESS_MLS,
    DocumentTypeId,
    ParticipantId,
    ProcessId,
)
from gateway.core.errors import GatewayError
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.worker import Worker
from gateway.core.settings import JobSettings, ReceiverCheck
from gateway.network import queries
from gateway.network.business_card import (
    BUSINESS_CARD_NAMESPACE,
    BusinessEntity,
    CardContact,
    CardIdentifier,
    CardName,
)
from gateway.network.participant_changes import Amendment, ParticipantChanges
from gateway.network.participants import BILLING_OFFERS, Offer
from gateway.network.pki import fingerprint
from gateway.network.publication_changes import PublicationChanges, register_jobs
from gateway.network.receiver_check import find_receiver
from gateway.network.registration_states import ChangeState
from gateway.network.sml_registration import SmlRegistrar
from gateway.network.smp import Redirect, open_signed_metadata, read_metadata, read_service_group
from gateway.network.smp_server import SmpServer

ALPHA = ParticipantId.of("0208:0123456789")
BETA = ParticipantId.of("0208:9876543210")
ELSEWHERE = "https://other.example/as4"


async def refused(awaitable) -> str:
    with pytest.raises(GatewayError) as caught:
        await awaitable
    assert caught.value.message
    return caught.value.code


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


@pytest.fixture
def caller(place) -> Principal:
    return Principal(place.tenant, "test", CallerKind.API_KEY, frozenset())


@pytest.fixture
def changes(place) -> ParticipantChanges:
    registrar = SmlRegistrar(
        database=place.database,
        queue=JobQueue(place.database),
        client=None,
        smp_url="",
        smp_ip="",
        now=place.network.now,
    )
    return ParticipantChanges(database=place.database, network=place.network, registrar=registrar)


@pytest.fixture
def smp(place) -> SmpServer:
    return SmpServer(database=place.database, network=place.network)


async def register(place, participant=ALPHA, *, tenant=None, offers=BILLING_OFFERS):
    return await place.participants.register(
        tenant or place.tenant, participant, name="Fictional Ltd", country="BE", offers=offers
    )


async def receiver(place, *, document_type=BILLING_INVOICE, process=PROCESS_BILLING, **named):
    async with place.database.read() as session:
        return await find_receiver(session, place.network, ALPHA, document_type, process, **named)


async def test_c3_asks_for_participant_document_type_and_process(place) -> None:
    assert await receiver(place) is None
    await register(place)
    assert (await receiver(place)).tenant_id == place.tenant
    assert await receiver(place, process=PROCESS_MLS) is None
    other = DocumentTypeId.parse(f"{BILLING_INVOICE}x")
    assert await receiver(place, document_type=other) is None
    lenient = await receiver(place, document_type=other, check=ReceiverCheck.PARTICIPANT)
    assert lenient is not None


async def test_a_wildcard_registration_takes_what_it_covers(place) -> None:
    head = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:peppol:pint"
    wild = DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, f"{head}:billing-1*::2.1")
    sent = DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, f"{head}:billing-1@jp-1::2.1")
    process = ProcessId("cenbii-procid-ubl", "urn:peppol:bis:billing")
    await register(place, offers=[Offer(wild, process)])
    assert await receiver(place, document_type=sent, process=process) is not None
    elsewhere = DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, f"{head}:selfbilling-1@jp-1::2.1")
    assert await receiver(place, document_type=elsewhere, process=process) is None


@pytest.mark.parametrize(
    ("activation", "expiry", "taken"),
    [(-1, 1, True), (1, None, False), (None, -1, False), (None, None, True)],
)
async def test_only_what_is_in_force_is_taken(place, activation, expiry, taken) -> None:
    at = place.network.now()
    offer = Offer(
        BILLING_INVOICE,
        PROCESS_BILLING,
        activation=None if activation is None else at + timedelta(days=activation),
        expiry=None if expiry is None else at + timedelta(days=expiry),
    )
    await register(place, offers=[offer])
    assert (await receiver(place) is not None) is taken


async def test_what_another_access_point_takes_is_not_taken_here(place, pki) -> None:
    offer = Offer(
        BILLING_INVOICE,
        PROCESS_BILLING,
        endpoint_url=ELSEWHERE,
        certificate_pem=pem(pki.issue()),
    )
    await register(place, offers=[offer])
    assert await receiver(place) is None


async def test_a_suspended_participant_is_kept_but_neither_served_nor_published(
    place, changes, smp, caller
) -> None:
    await register(place)
    assert await smp.service_group(ALPHA) is not None
    await changes.suspend(caller, ALPHA, because="the contract is unpaid")
    row = await changes.suspend(caller, ALPHA, because="still unpaid")
    assert (row.suspended_at, row.suspended_because) == (place.network.now(), "still unpaid")
    assert await receiver(place) is None
    assert await smp.service_group(ALPHA) is None
    assert await smp.service_metadata(ALPHA, BILLING_INVOICE) is None
    async with place.database.read() as session:
        assert await refused(place.network.served(session, ALPHA)) == "PARTICIPANT-UNKNOWN"
    await changes.resume(caller, ALPHA)
    await changes.resume(caller, ALPHA)
    assert await receiver(place) is not None
    async with place.database.read() as session:
        actions = [one.action for one in await session.exec(select(AuditEntry))]
    assert actions.count("participant.suspended") == 1
    assert actions.count("participant.resumed") == 1


async def test_service_times_bound_serving(place, changes, caller) -> None:
    await register(place)
    at = place.network.now()

    async def amend(start, end):
        return await changes.amend(caller, ALPHA, Amendment("New Name Ltd", "NL", start, end))

    row = await amend(at + timedelta(hours=1), None)
    assert (row.name, row.country) == ("New Name Ltd", "NL")
    assert await receiver(place) is None
    await amend(None, at)
    assert await receiver(place) is None, "the end is not served any more"
    await amend(at, at + timedelta(seconds=1))
    assert await receiver(place) is not None
    assert await refused(amend(at, at)) == "PARTICIPANT-TIMES"


async def test_removing_takes_everything_published_along(place, changes, smp, caller) -> None:
    await register(place)
    await changes.set_card(
        caller, ALPHA, [BusinessEntity(names=[CardName(name="A")], country="BE")]
    )
    await changes.redirect(
        caller, ALPHA, BILLING_CREDIT_NOTE, href=f"{ELSEWHERE}/x", certificate_uid="CN=PSM000009"
    )
    await changes.remove(caller, ALPHA)
    assert await smp.service_group(ALPHA) is None
    assert await refused(changes.show(caller, ALPHA)) == "PARTICIPANT-UNKNOWN"
    await register(place, tenant=place.other_tenant)
    assert await smp.business_card(ALPHA) is None


async def test_nobody_changes_anothers_participant(place, changes, caller) -> None:
    await register(place, tenant=place.other_tenant)
    entity = BusinessEntity(names=[CardName(name="A")], country="BE")
    for attempt in (
        changes.show(caller, ALPHA),
        changes.amend(caller, ALPHA, Amendment("X", "BE", None, None)),
        changes.suspend(caller, ALPHA, because="x"),
        changes.resume(caller, ALPHA),
        changes.remove(caller, ALPHA),
        changes.set_card(caller, ALPHA, [entity]),
        changes.withdraw_card(caller, ALPHA),
        changes.redirect(
            caller, ALPHA, BILLING_INVOICE, href=ELSEWHERE, certificate_uid="CN=PSM000009"
        ),
        changes.end_redirect(caller, ALPHA, BILLING_INVOICE),
    ):
        assert await refused(attempt) == "PARTICIPANT-UNKNOWN"


async def test_a_redirect_is_signed_and_replaces_the_endpoint(place, changes, smp, caller) -> None:
    await register(place)
    uid = "CN=PSM000009,O=Other Provider,C=BE"
    for wrong in (
        {"href": "ftp://x", "certificate_uid": uid},
        {"href": ELSEWHERE, "certificate_uid": "="},
    ):
        attempt = changes.redirect(caller, ALPHA, BILLING_INVOICE, **wrong)
        assert await refused(attempt) == "PUBLICATION-INVALID"
    await changes.redirect(caller, ALPHA, BILLING_INVOICE, href=ELSEWHERE, certificate_uid=uid)
    data = await smp.service_metadata(ALPHA, BILLING_INVOICE)
    assert data is not None
    answer = open_signed_metadata(data)
    assert read_metadata(answer) == Redirect(href=ELSEWHERE, certificate_uid=uid)
    group = await smp.service_group(ALPHA)
    assert group is not None
    assert BILLING_INVOICE in read_service_group(group, participant=ALPHA).document_types
    await changes.end_redirect(caller, ALPHA, BILLING_INVOICE)
    assert await smp.service_metadata(ALPHA, BILLING_INVOICE) is None
    ending = changes.end_redirect(caller, ALPHA, BILLING_INVOICE)
    assert await refused(ending) == "PUBLICATION-UNKNOWN"
    await changes.redirect(caller, ALPHA, BILLING_INVOICE, href=ELSEWHERE, certificate_uid=uid)
    offer = Offer(BILLING_INVOICE, PROCESS_BILLING)
    await place.participants.publish(place.tenant, ALPHA, BILLING_INVOICE, [offer])
    assert (await changes.show(caller, ALPHA)).redirects == []


async def test_a_business_card_says_all_it_was_given(place, changes, smp, caller, vectors) -> None:
    await register(place)
    assert await smp.business_card(ALPHA) is None
    assert await refused(changes.withdraw_card(caller, ALPHA)) == "PUBLICATION-UNKNOWN"
    entity = BusinessEntity(
        names=[CardName(name="Voorbeeld & Zonen", language="nl"), CardName(name="Exemple SA")],
        country="BE",
        location="Gent",
        identifiers=[CardIdentifier(scheme="VAT", value="BE0123456789")],
        websites=["https://fictional.example"],
        contacts=[CardContact(type="support", email="help@fictional.example")],
        additional="Open on weekdays",
        registered_on=date(2026, 1, 31),
    )
    await changes.set_card(caller, ALPHA, [entity])
    data = await smp.business_card(ALPHA)
    assert data is not None
    root = ElementTree.fromstring(data)
    (business,) = root.findall(f"{{{BUSINESS_CARD_NAMESPACE}}}BusinessEntity")
    names = [one.tag.rpartition("}")[2] for one in business]
    assert names == [
        "Name", "Name", "CountryCode", "GeographicalInformation", "Identifier", "WebsiteURI",
        "Contact", "AdditionalInformation", "RegistrationDate",
    ]  # fmt: skip
    assert [one.get("language") for one in business[:2]] == ["nl", None]
    assert business[6].attrib == {"type": "support", "email": "help@fictional.example"}
    theirs = ElementTree.parse(vectors / "smp" / "peppol-business-card-v3.xml").getroot()
    assert root.tag == theirs.tag
    assert [one.tag for one in root] == [one.tag for one in theirs]
    assert {one.tag for one in theirs[1]} <= {one.tag for one in business}
    await changes.set_card(caller, ALPHA, [entity, entity])
    shown = await changes.show(caller, ALPHA)
    assert shown.card is not None
    assert len(shown.card.entities) == 2
    await changes.withdraw_card(caller, ALPHA)
    assert await smp.business_card(ALPHA) is None


async def test_the_smp_answers_politely(place, app, changes, caller) -> None:
    await register(place, ParticipantId.of("9915:test"))
    entity = BusinessEntity(names=[CardName(name="A")], country="BE")
    await changes.set_card(caller, ParticipantId.of("9915:test"), [entity])
    async with TestClient(TestServer(app)) as client:
        group = await client.get("/smp/iso6523-actorid-upis::9915:TEST")
        assert group.status == 200
        assert group.headers["Cache-Control"] == "public, max-age=60, must-revalidate"
        encoded = "/smp/iso6523-actorid-upis%3A%3A9915%3Atest"
        same = await client.get(encoded, headers={"If-None-Match": group.headers["ETag"]})
        assert (same.status, await same.read()) == (304, b"")
        other = await client.get(encoded, headers={"If-None-Match": '"else"'})
        assert (other.status, await other.read()) == (200, await group.read())
        twice = await client.get("/smp/iso6523-actorid-upis%253A%253A9915%253Atest")
        assert twice.status == 200
        types = f"{encoded}/services/{BILLING_INVOICE.percent_encoded}"
        first, second = await client.get(types), await client.get(types)
        assert first.headers["ETag"] == second.headers["ETag"], "signing again changes nothing"
        card = await client.get("/smp/businesscard/iso6523-actorid-upis%3A%3A9915%3Atest")
        assert (card.status, card.content_type) == (200, "text/xml")
        missing = await client.get("/smp/businesscard/iso6523-actorid-upis%3A%3A9915%3Aother")
        assert missing.status == 404
        assert "9915:other" in (await missing.json())["detail"]
        assert (await client.get("/smp/nonsense")).status == 400


@pytest.fixture
def bulk(place) -> tuple[PublicationChanges, Worker]:
    queue, registry = JobQueue(place.database), Registry()
    changes = PublicationChanges(database=place.database, network=place.network, queue=queue)
    register_jobs(registry, changes)
    worker = Worker(database=place.database, queue=queue, registry=registry, settings=JobSettings())
    return changes, worker


def elsewhere(certificate: x509.Certificate) -> list[Offer]:
    return [
        Offer(
            BILLING_INVOICE,
            PROCESS_BILLING,
            endpoint_url=ELSEWHERE,
            certificate_pem=pem(certificate),
        ),
        Offer(BILLING_CREDIT_NOTE, PROCESS_BILLING),
    ]


async def published_certificates(place, participant) -> list[str | None]:
    async with place.database.read() as session:
        row = await queries.registered_participant(session, participant)
        return [one.certificate_pem for one in await queries.capabilities(session, row)]


async def test_a_certificate_is_replaced_wherever_it_is_published(place, bulk, caller, pki) -> None:
    changes, worker = bulk
    old, new = pki.issue("POP000902"), pki.issue("POP000903")
    await register(place, offers=elsewhere(old))
    await register(place, BETA, tenant=place.other_tenant, offers=elsewhere(old))
    spelled = ":".join(f"{byte:02X}" for byte in bytes.fromhex(fingerprint(old)))
    replacement = await changes.certificate(spelled, pem(new))
    own = await changes.preview(caller, replacement, everywhere=False)
    assert [one.participant.value for one in own] == [ALPHA.value]
    assert len(await changes.preview(caller, replacement, everywhere=True)) == 2

    row = await changes.schedule(caller, replacement, everywhere=False, effective_at=None)
    await worker.run_due()
    assert set(await published_certificates(place, ALPHA)) == {None, pem(new)}
    assert set(await published_certificates(place, BETA)) == {None, pem(old)}
    (shown,) = await changes.page(caller)
    assert (shown.id, shown.state, shown.affected) == (row.id, ChangeState.APPLIED, 1)
    assert await refused(changes.cancel(caller, row.id)) == "PUBLICATION-CHANGE-OVER"

    await changes.schedule(caller, replacement, everywhere=True, effective_at=None)
    await worker.run_due()
    assert set(await published_certificates(place, BETA)) == {None, pem(new)}


async def test_an_address_is_replaced_at_its_moment_unless_called_off(
    place, bulk, caller, pki
) -> None:
    changes, worker = bulk
    await register(place, offers=elsewhere(pki.issue("POP000902")))
    replacement = changes.endpoint(ELSEWHERE, "https://new.example/as4")
    later = place.network.now() + timedelta(days=400)
    row = await changes.schedule(caller, replacement, everywhere=False, effective_at=later)
    assert await worker.run_due() == 0
    stranger = Principal(place.other_tenant, "x", CallerKind.API_KEY, frozenset())
    assert await refused(changes.cancel(stranger, row.id)) == "NOT-FOUND"
    assert (await changes.cancel(caller, row.id)).state is ChangeState.CANCELLED
    await changes.schedule(caller, replacement, everywhere=False, effective_at=None)
    await worker.run_due()
    async with place.database.read() as session:
        mine = await queries.registered_participant(session, ALPHA)
        urls = {one.endpoint_url for one in await queries.capabilities(session, mine)}
    assert urls == {None, "https://new.example/as4"}


async def test_a_bulk_change_to_something_unusable_is_refused(place, bulk, pki) -> None:
    changes, _worker = bulk
    old = pki.issue("POP000902")
    assert await refused(changes.certificate(pem(old), "nonsense")) == "PUBLICATION-INVALID"
    assert await refused(changes.certificate(pem(old), pem(old))) == "PUBLICATION-INVALID"
    foreign = pki.issue("POP000903", issuer=pki.smp)
    assert await refused(changes.certificate(pem(old), pem(foreign))) == "PUBLICATION-INVALID"
    for new in ("nonsense", ELSEWHERE):
        with pytest.raises(GatewayError, match="PUBLICATION-INVALID"):
            changes.endpoint(ELSEWHERE, new)
