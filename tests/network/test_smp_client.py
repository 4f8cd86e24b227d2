"""The lookup over real sockets: our SMP server, and servers that misbehave."""

import asyncio
import ssl
from datetime import timedelta

import dns.message
import dns.rrset
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    DOCTYPE_WILDCARD_SCHEME,
    PROCESS_BILLING,
    PROCESS_MLS,
    DocumentTypeId,
    ParticipantId,
)
from gateway.as4.xmldsig import sign_enveloped
from gateway.core.errors import Retry
from gateway.core.outgoing import client_session
from gateway.core.settings import Stage
from gateway.network.adapters.sml_dns import DnsLocator
from gateway.network.errors import LookupFailed
from gateway.network.lookup_memory import AnswerMemory
from gateway.network.lookup_reader import SmpReader
from gateway.network.participants import Offer
from gateway.network.pki import TrustAnchors
from gateway.network.sml import SmpAddress
from gateway.network.smp import (
    MAX_ANSWER_BYTES,
    SMP_NAMESPACE,
    PublishedEndpoint,
    PublishedProcess,
    ServiceMetadata,
)
from gateway.network.smp_client import Lookup
from gateway.network.smp_documents import service_group, signed_metadata
from gateway.network.smp_selection import TRANSPORT_PROFILE
from gateway.network.trust import Trust

RECEIVER = ParticipantId.of("0088:1234567890123")
UNKNOWN = ParticipantId.of("0088:0000000000000")
PINT = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:peppol:pint:billing-1"
WILD = DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, f"{PINT}*::2.1")
CONCRETE = DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, f"{PINT}@jp-1::2.1")
# Everything that has to survive a URL: slash, percent, plus, question mark, hash, ampersand.
AWKWARD = DocumentTypeId("busdox-docid-qns", "urn:x:pdf+xml/a%2Fb?c=d&e;f::Root##cust#x::2.1")


@pytest.fixture
def database_url(sqlite_url):
    """One kind of database: both answer the same queries in test_participants."""
    return sqlite_url


class Fixed:
    """A locator that always names one SMP."""

    def __init__(self, url) -> None:
        self._url = str(url).rstrip("/")

    async def locate(self, participant: ParticipantId) -> SmpAddress:
        return SmpAddress(url=self._url, source="fixed")


@pytest.fixture
async def session():
    async with client_session(
        Stage.TEST, connect_timeout_s=60, answer_timeout_s=60
    ) as open_session:
        yield open_session


def reader(pki, session, *, stage=Stage.TEST, timeout_s=60.0, anchors=None) -> SmpReader:
    trust = Trust(anchors or pki.anchors)
    return SmpReader(session=session, trust=trust, stage=stage, timeout_s=timeout_s)


def lookup(pki, session, url, **named) -> Lookup:
    return Lookup(locator=Fixed(url), reader=reader(pki, session, **named))


async def ask(pki, asking: Lookup, *, of=RECEIVER, document_type=BILLING_INVOICE, at=None):
    return await asking.find(of, document_type, PROCESS_BILLING, at=at or pki.now)


async def refused(pki, asking: Lookup, **named) -> LookupFailed:
    with pytest.raises(LookupFailed) as caught:
        await ask(pki, asking, **named)
    assert caught.value.message
    return caught.value


# --- our own SMP -------------------------------------------------------------------------------


@pytest.fixture
async def ours(place, app, aiohttp_server):
    """Our SMP with one participant that accepts four document types."""
    offers = [
        Offer(one, PROCESS_BILLING) for one in (BILLING_INVOICE, BILLING_CREDIT_NOTE, WILD, AWKWARD)
    ]
    await place.participants.register(
        place.tenant, RECEIVER, name="Fictional Ltd", country="BE", offers=offers
    )
    server = await aiohttp_server(app)
    return server.make_url("/smp")


async def test_our_smp_answers_our_client(pki, session, ours) -> None:
    found = await ask(pki, lookup(pki, session, ours))
    assert found.endpoint.url == "https://gateway.example/as4"
    assert found.endpoint.certificate == pki.ap_pair.certificate
    assert found.endpoint.seat_id == pki.ap_seat
    assert found.signer == pki.smp_pair.certificate
    assert found.smp.source == "fixed"
    assert [one.status for one in found.evidence] == [200]
    assert found.evidence[0].url == found.asked_url
    assert found.evidence[0].body.startswith(b"<?xml")
    assert "%3A%3A0088%3A1234567890123/services/busdox-docid-qns%3A%3Aurn" in found.asked_url
    assert "%23%23" in found.asked_url


async def test_from_the_dns_to_the_endpoint(pki, session, ours, name_server) -> None:
    def naptr(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        text = f'100 10 "U" "Meta:SMP" "!.*!{ours}!" .'
        answer = dns.rrset.from_text(query.question[0].name, 60, "IN", "NAPTR", text)
        response.answer.append(answer)
        return response

    address, asked = await name_server(naptr)
    locator = DnsLocator(zone=lambda: "sml.example", resolvers=[address], timeout_s=60)
    asking = Lookup(locator=locator, reader=reader(pki, session))
    found = await ask(pki, asking)
    assert found.endpoint.seat_id == pki.ap_seat
    assert [f"{found.smp.source}. IN NAPTR"] == asked


async def test_identifiers_survive_the_url(pki, session, ours) -> None:
    found = await ask(pki, lookup(pki, session, ours), document_type=AWKWARD)
    assert found.document_type == AWKWARD


async def test_a_wildcard_registration_is_found_through_the_group(pki, session, ours) -> None:
    found = await ask(pki, lookup(pki, session, ours), document_type=CONCRETE)
    assert found.document_type == WILD
    assert len(found.evidence) == 2
    nothing = DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, CONCRETE.value.replace("billing", "order"))
    error = await refused(pki, lookup(pki, session, ours), document_type=nothing)
    assert error.code == "LOOKUP-DOCUMENT-TYPE"


async def test_what_our_smp_does_not_have(pki, session, ours) -> None:
    asking = lookup(pki, session, ours)
    unknown = await refused(pki, asking, of=UNKNOWN)
    assert (unknown.code, unknown.retry) == ("LOOKUP-NOT-REGISTERED", Retry.NO)
    other_type = DocumentTypeId("busdox-docid-qns", "urn:other::Root##x::2.1")
    unsupported = await refused(pki, asking, document_type=other_type)
    assert (unsupported.code, unsupported.retry) == ("LOOKUP-DOCUMENT-TYPE", Retry.NO)
    with pytest.raises(LookupFailed, match="LOOKUP-PROCESS"):
        await asking.find(RECEIVER, BILLING_INVOICE, PROCESS_MLS, at=pki.now)
    wild_unknown = await refused(pki, asking, of=UNKNOWN, document_type=CONCRETE)
    assert wild_unknown.code == "LOOKUP-NOT-REGISTERED"


async def test_trust_decides_at_the_moment_of_asking(pki, session, ours) -> None:
    late = await refused(pki, lookup(pki, session, ours), at=pki.now + timedelta(days=1000))
    assert (late.code, late.facts["reason"]) == ("LOOKUP-SMP-CERTIFICATE", "CERT-EXPIRED")
    without = lookup(pki, session, ours, anchors=TrustAnchors((), (), ()))
    assert (await refused(pki, without)).code == "LOOKUP-CERTIFICATE-UNDECIDED"


async def test_the_smp_serves_identifiers_in_any_case_and_refuses_nonsense(ours, session) -> None:
    base = str(ours)
    for path, status in (
        ("/ISO6523-ACTORID-UPIS%3A%3A0088%3A1234567890123", 400),
        ("/iso6523-actorid-upis::0088:1234567890123", 200),
        ("/nonsense", 400),
        ("/iso6523-actorid-upis%3A%3A0088%3A1234567890123/services/nonsense", 400),
        ("/iso6523-actorid-upis%3A%3A0088%3A1234567890123/services/a-b-c%3A%3Ax", 404),
    ):
        async with session.get(base + path) as response:
            assert response.status == status, path
    async with session.get(f"{base}/{RECEIVER.percent_encoded}") as response:
        assert response.headers["Content-Type"] == "text/xml; charset=utf-8"


# --- SMPs that misbehave -----------------------------------------------------------------------


def metadata_of(
    pki,
    *,
    participant=RECEIVER,
    document_type=BILLING_INVOICE,
    url="https://ap.example/as4",
    pair=None,
) -> bytes:
    endpoint = PublishedEndpoint(
        transport_profile=TRANSPORT_PROFILE,
        url=url,
        certificate=pki.ap_pair.certificate.public_bytes(Encoding.PEM).decode(),
        activation=None,
        expiry=None,
    )
    metadata = ServiceMetadata(
        participant=participant,
        document_type=document_type,
        processes=(PublishedProcess(process=PROCESS_BILLING, endpoints=(endpoint,)),),
    )
    signer = pair or pki.smp_pair
    return signed_metadata(metadata, key=signer.key, certificate=signer.certificate)


def redirect_to(pki, href: str, *, uid: str | None = None) -> bytes:
    root = etree.Element(f"{{{SMP_NAMESPACE}}}SignedServiceMetadata", nsmap={None: SMP_NAMESPACE})
    outer = etree.SubElement(root, f"{{{SMP_NAMESPACE}}}ServiceMetadata")
    redirect = etree.SubElement(outer, f"{{{SMP_NAMESPACE}}}Redirect", href=href)
    name = etree.SubElement(redirect, f"{{{SMP_NAMESPACE}}}CertificateUID")
    name.text = uid or pki.smp_pair.certificate.subject.rfc4514_string()
    sign_enveloped(root, key=pki.smp_pair.key, certificate=pki.smp_pair.certificate)
    return etree.tostring(root)


@pytest.fixture
def smp_of(aiohttp_server):
    """An SMP that answers every path with what the given function returns."""

    async def start(answer):
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        server = await aiohttp_server(app)
        return server.make_url("/smp")

    return start


def saying(body: bytes, *, status: int = 200, headers=None):
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, content_type="text/xml", headers=headers)

    return answer


async def test_a_foreign_smp_is_understood(pki, session, smp_of) -> None:
    url = await smp_of(saying(metadata_of(pki)))
    assert (await ask(pki, lookup(pki, session, url))).endpoint.url == "https://ap.example/as4"


async def test_a_remembered_answer_is_used_until_its_time_or_a_fresh_question(
    pki, session, smp_of
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=metadata_of(pki), content_type="text/xml")

    asking = Lookup(locator=Fixed(await smp_of(answer)), reader=reader(pki, session), cache_s=60)
    question = (RECEIVER, BILLING_INVOICE, PROCESS_BILLING)
    assert asking.remembered(*question, at=pki.now) is None
    first = await ask(pki, asking)
    assert await ask(pki, asking, at=pki.now + timedelta(seconds=59)) is first
    assert asking.remembered(*question, at=pki.now + timedelta(seconds=59)) is first
    assert len(asked) == 1
    assert asking.remembered(*question, at=pki.now + timedelta(seconds=60)) is None
    again = await ask(pki, asking, at=pki.now + timedelta(seconds=60))
    assert (len(asked), again.found_at) == (2, pki.now + timedelta(seconds=60))
    await asking.find(RECEIVER, BILLING_INVOICE, PROCESS_BILLING, at=again.found_at, fresh=True)
    assert len(asked) == 3
    assert again.best_before == pki.smp_pair.certificate.not_valid_after_utc


async def test_a_question_of_many_is_asked_once(pki, session, smp_of) -> None:
    asked: list[str] = []
    go = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        await go.wait()
        return web.Response(body=metadata_of(pki), content_type="text/xml")

    asking = Lookup(locator=Fixed(await smp_of(answer)), reader=reader(pki, session), cache_s=60)
    impatient, *others = [asyncio.create_task(ask(pki, asking)) for _ in range(20)]
    while not asked:
        await asyncio.sleep(0.01)
    impatient.cancel()
    await asyncio.wait([impatient])
    go.set()
    found = await asyncio.gather(*others)
    assert impatient.cancelled()
    assert len({id(one) for one in found}) == len(asked) == 1


async def test_what_is_refused_for_good_is_remembered_for_a_moment(pki, session, smp_of) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=404)

    asking = Lookup(locator=Fixed(await smp_of(answer)), reader=reader(pki, session), cache_s=900)
    first = await refused(pki, asking)
    again = await refused(pki, asking, at=pki.now + timedelta(seconds=29))
    assert first.code == again.code == "LOOKUP-NOT-REGISTERED"
    assert again.facts == first.facts
    once = len(asked)
    await refused(pki, asking, at=pki.now + timedelta(seconds=30))
    assert len(asked) == 2 * once
    with pytest.raises(LookupFailed):
        await asking.find(RECEIVER, BILLING_INVOICE, PROCESS_BILLING, at=pki.now, fresh=True)
    assert len(asked) == 3 * once


async def test_an_outage_is_not_remembered(pki, session, smp_of) -> None:
    answers = [web.Response(status=503), web.Response(body=metadata_of(pki))]

    async def answer(_request: web.Request) -> web.Response:
        return answers.pop(0)

    asking = Lookup(locator=Fixed(await smp_of(answer)), reader=reader(pki, session), cache_s=900)
    assert (await refused(pki, asking)).code == "LOOKUP-SMP-UNAVAILABLE"
    assert (await ask(pki, asking)).endpoint.seat_id == pki.ap_seat


async def test_who_is_withdrawn_is_not_found_in_memory(pki, session, smp_of) -> None:
    answers = [web.Response(body=metadata_of(pki)), web.Response(status=404)]

    async def answer(_request: web.Request) -> web.Response:
        return answers.pop(0) if len(answers) > 1 else web.Response(status=404)

    asking = Lookup(locator=Fixed(await smp_of(answer)), reader=reader(pki, session), cache_s=900)
    await ask(pki, asking)
    with pytest.raises(LookupFailed):
        await asking.find(RECEIVER, BILLING_INVOICE, PROCESS_BILLING, at=pki.now, fresh=True)
    assert (await refused(pki, asking)).code == "LOOKUP-NOT-REGISTERED"


async def test_processes_share_what_one_of_them_asked(pki, session, smp_of, database) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=metadata_of(pki), content_type="text/xml")

    url = await smp_of(answer)
    memory = AnswerMemory(database=database, ttl_s=60)

    def process() -> Lookup:
        trust = Trust(pki.anchors)
        reading = SmpReader(
            session=session, trust=trust, stage=Stage.TEST, timeout_s=60, memory=memory
        )
        return Lookup(locator=Fixed(url), reader=reading, cache_s=60)

    await ask(pki, process())
    second = process()
    shared = await ask(pki, second, at=pki.now + timedelta(seconds=50))
    assert (len(asked), shared.found_at) == (1, pki.now)
    # Remembered twice, it is believed no longer than once.
    later = await ask(pki, second, at=pki.now + timedelta(seconds=60))
    assert (len(asked), later.found_at) == (2, pki.now + timedelta(seconds=60))


async def test_nobody_is_refused_for_what_was_said_a_while_ago(
    pki, session, smp_of, database
) -> None:
    registered: list[DocumentTypeId] = []

    async def answer(request: web.Request) -> web.Response:
        if "/services/" in request.path:
            return web.Response(body=metadata_of(pki, document_type=WILD))
        return web.Response(body=service_group(RECEIVER, registered, base_url="https://s.example"))

    trust, memory = Trust(pki.anchors), AnswerMemory(database=database, ttl_s=900)
    reading = SmpReader(session=session, trust=trust, stage=Stage.TEST, timeout_s=60, memory=memory)
    asking = Lookup(locator=Fixed(await smp_of(answer)), reader=reading, cache_s=900)
    error = await refused(pki, asking, document_type=CONCRETE)
    assert error.code == "LOOKUP-DOCUMENT-TYPE"
    registered.append(WILD)
    later = pki.now + timedelta(seconds=31)
    found = await ask(pki, asking, document_type=CONCRETE, at=later)
    assert (found.document_type, found.found_at) == (WILD, later)


async def test_tampering_wrong_signer_wrong_answer(pki, session, smp_of) -> None:
    good = metadata_of(pki)
    for body, code in (
        (good.replace(b"https://ap.example", b"https://no.example"), "LOOKUP-SIGNATURE"),
        (metadata_of(pki, pair=pki.ap_pair), "LOOKUP-SMP-CERTIFICATE"),
        (metadata_of(pki, participant=UNKNOWN), "LOOKUP-MISMATCH"),
        (metadata_of(pki, url="ftp://ap.example"), "LOOKUP-ENDPOINT-ADDRESS"),
        (b"", "LOOKUP-SMP-ANSWER"),
        (b"<html>maintenance</html>", "LOOKUP-SMP-ANSWER"),
    ):
        error = await refused(pki, lookup(pki, session, await smp_of(saying(body))))
        assert (error.code, error.retry) == (code, Retry.NO)


@pytest.mark.parametrize(
    ("status", "code", "retry"),
    [
        (500, "LOOKUP-SMP-UNAVAILABLE", Retry.BACKOFF),
        (503, "LOOKUP-SMP-UNAVAILABLE", Retry.BACKOFF),
        (429, "LOOKUP-SMP-UNAVAILABLE", Retry.BACKOFF),
        (400, "LOOKUP-SMP-ANSWER", Retry.NO),
        (401, "LOOKUP-SMP-ANSWER", Retry.NO),
        (204, "LOOKUP-SMP-ANSWER", Retry.NO),
        (404, "LOOKUP-NOT-REGISTERED", Retry.NO),
    ],
)
async def test_http_statuses(pki, session, smp_of, status, code, retry) -> None:
    error = await refused(pki, lookup(pki, session, await smp_of(saying(b"", status=status))))
    assert (error.code, error.retry) == (code, retry)


async def test_http_redirects_are_not_followed(pki, session, smp_of) -> None:
    good = await smp_of(saying(metadata_of(pki)))
    answer = saying(b"", status=302, headers={"Location": str(good)})
    error = await refused(pki, lookup(pki, session, await smp_of(answer)))
    assert (error.code, error.facts["status"]) == ("LOOKUP-SMP-ANSWER", 302)


async def test_an_oversized_answer_is_cut_off(pki, session, smp_of) -> None:
    body = metadata_of(pki) + b" " * MAX_ANSWER_BYTES
    error = await refused(pki, lookup(pki, session, await smp_of(saying(body))))
    assert error.code == "LOOKUP-SMP-ANSWER"
    assert str(MAX_ANSWER_BYTES) in error.message


async def test_an_endless_answer_is_cut_off(pki, session, smp_of) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"<a/>" * 16_384)
        except ConnectionError:
            return response

    error = await refused(pki, lookup(pki, session, await smp_of(answer)))
    assert error.code == "LOOKUP-SMP-ANSWER"


async def test_a_compressed_answer_is_not_asked_for(pki, session, smp_of) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers["Accept-Encoding"])
        return web.Response(body=metadata_of(pki), content_type="text/xml")

    await ask(pki, lookup(pki, session, await smp_of(answer)))
    assert asked == ["identity"]


async def test_a_dead_smp(pki, session, unused_tcp_port) -> None:
    error = await refused(pki, lookup(pki, session, f"http://127.0.0.1:{unused_tcp_port}"))
    assert (error.code, error.retry) == ("LOOKUP-SMP-UNAVAILABLE", Retry.BACKOFF)
    assert error.facts["reason"] == "ClientConnectorError"


async def test_a_silent_smp(pki, session, smp_of, pass_time) -> None:
    done = asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        pass_time(61)
        await done.wait()
        return web.Response()

    error = await refused(pki, lookup(pki, session, await smp_of(answer)))
    done.set()
    assert (error.code, error.retry) == ("LOOKUP-SMP-UNAVAILABLE", Retry.BACKOFF)


async def test_a_cut_answer(pki, session, smp_of) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "5000"})
        await response.prepare(request)
        await response.write(b"<?xml")
        assert request.transport is not None
        request.transport.close()
        return response

    error = await refused(pki, lookup(pki, session, await smp_of(answer)))
    assert (error.code, error.retry) == ("LOOKUP-SMP-UNAVAILABLE", Retry.BACKOFF)


async def test_tls_that_is_not_trusted(pki, session, aiohttp_server, tmp_path) -> None:
    chain = tmp_path / "tls.pem"
    seat = pki.folder / "keys" / pki.ap_seat
    chain.write_bytes(
        (seat / "first.cert.pem").read_bytes() + (seat / "first.key.pem").read_bytes()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server = await aiohttp_server(web.Application(), ssl=context)
    error = await refused(pki, lookup(pki, session, server.make_url("/smp")))
    assert (error.code, error.retry) == ("LOOKUP-SMP-TLS", Retry.BACKOFF)


@pytest.mark.parametrize(
    "url", ["http://smp.example", "https://127.0.0.1/smp", "https://10.0.0.1", "https://[::1]/"]
)
async def test_production_asks_public_https_addresses_only(pki, url) -> None:
    async with client_session(
        Stage.PRODUCTION, connect_timeout_s=60, answer_timeout_s=60
    ) as guarded:
        error = await refused(pki, lookup(pki, guarded, url, stage=Stage.PRODUCTION))
    assert (error.code, error.retry) == ("LOOKUP-SMP-ADDRESS", Retry.NO)


async def test_production_refuses_names_that_lead_inside(pki) -> None:
    async with client_session(
        Stage.PRODUCTION, connect_timeout_s=60, answer_timeout_s=60
    ) as guarded:
        error = await refused(
            pki, lookup(pki, guarded, "https://localhost/smp", stage=Stage.PRODUCTION)
        )
    assert (error.code, error.retry) == ("LOOKUP-SMP-ADDRESS", Retry.NO)


# --- redirects of the protocol -----------------------------------------------------------------


async def test_one_redirect_is_followed(pki, session, smp_of) -> None:
    target = await smp_of(saying(metadata_of(pki, url="https://second.example/as4")))
    first = await smp_of(saying(redirect_to(pki, f"{target}/x%3A%3Ay")))
    found = await ask(pki, lookup(pki, session, first))
    assert found.endpoint.url == "https://second.example/as4"
    assert [one.url for one in found.evidence] == [found.asked_url, f"{target}/x%3A%3Ay"]


async def test_redirects_that_must_not_be_followed(pki, session, smp_of) -> None:
    good = await smp_of(saying(metadata_of(pki)))
    again = await smp_of(saying(redirect_to(pki, str(good))))
    gone = await smp_of(saying(b"", status=404))
    for body in (
        redirect_to(pki, str(good), uid="CN=POP000999,O=Somebody Else,C=BE"),
        redirect_to(pki, str(good), uid="nobody"),
        redirect_to(pki, str(again)),
        redirect_to(pki, str(gone)),
        redirect_to(pki, "file:///etc/passwd"),
        redirect_to(pki, ""),
    ):
        error = await refused(pki, lookup(pki, session, await smp_of(saying(body))))
        assert (error.code, error.retry) == ("LOOKUP-REDIRECT", Retry.NO)


async def test_the_target_of_a_redirect_is_verified_like_any_answer(pki, session, smp_of) -> None:
    forged = metadata_of(pki).replace(b"https://ap.example", b"https://no.example")
    target = await smp_of(saying(forged))
    first = await smp_of(saying(redirect_to(pki, str(target))))
    assert (await refused(pki, lookup(pki, session, first))).code == "LOOKUP-SIGNATURE"


async def test_a_group_that_lists_what_is_not_published(pki, session, smp_of) -> None:
    group = service_group(RECEIVER, [BILLING_INVOICE], base_url="https://smp.example")

    async def answer(request: web.Request) -> web.Response:
        if "/services/" in request.path:
            return web.Response(status=404)
        return web.Response(body=group, content_type="text/xml")

    error = await refused(pki, lookup(pki, session, await smp_of(answer)))
    assert (error.code, error.retry) == ("LOOKUP-SMP-ANSWER", Retry.NO)


async def test_a_group_of_somebody_else(pki, session, smp_of) -> None:
    group = service_group(UNKNOWN, [WILD], base_url="https://smp.example")
    error = await refused(
        pki, lookup(pki, session, await smp_of(saying(group))), document_type=CONCRETE
    )
    assert error.code == "LOOKUP-MISMATCH"
