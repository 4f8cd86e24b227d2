"""A look at a participant over real sockets: every step and every document type."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    DOCTYPE_WILDCARD_SCHEME,
    INVOICE_RESPONSE,
    PROCESS_BILLING,
    PROCESS_MLS,
    DocumentTypeId,
    ParticipantId,
)
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST
from gateway.core.outgoing import client_session
from gateway.core.settings import Stage
from gateway.network.errors import NOT_REGISTERED, LookupFailed
from gateway.network.lookup_api import INSPECTOR
from gateway.network.lookup_api import ROUTES as LOOKUP_ROUTES
from gateway.network.lookup_inspection import Inspector, _Look
from gateway.network.lookup_memory import AnswerMemory
from gateway.network.lookup_reader import SmpReader
from gateway.network.service import NETWORK
from gateway.network.sml import NaptrRecord, SmpAddress
from gateway.network.smp import PublishedEndpoint, PublishedProcess, ServiceMetadata
from gateway.network.smp_documents import service_group, signed_metadata
from gateway.network.smp_selection import TRANSPORT_PROFILE
from gateway.network.trust import Trust

RECEIVER = ParticipantId.of("0088:1234567890123")
PINT = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:peppol:pint:billing-1"
WILD = DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, f"{PINT}*::2.1")
CONCRETE = DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, f"{PINT}@jp-1::2.1")
RECORD = NaptrRecord(100, 10, "U", "Meta:SMP", "!.*!http://smp.example!", ".")


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


class Fixed:
    def __init__(self, url) -> None:
        self._url = str(url).rstrip("/")

    async def locate(self, participant: ParticipantId) -> SmpAddress:
        if participant != RECEIVER:
            raise LookupFailed(NOT_REGISTERED, "Nobody.")
        return SmpAddress(self._url, "name.example", ("alias.example",), (RECORD,), True)


class Smp:
    """An SMP with whatever it is told to publish; remembers what it was asked."""

    def __init__(self, pki) -> None:
        self.pki = pki
        self.types: dict[DocumentTypeId, bytes | int] = {}
        self.asked: list[str] = []
        self.silent = asyncio.Event()

    def endpoint(self, **changed) -> PublishedEndpoint:
        certificate = changed.pop("of", self.pki.ap_pair.certificate)
        values = {
            "transport_profile": TRANSPORT_PROFILE,
            "url": "https://ap.example/as4",
            "certificate": certificate.public_bytes(Encoding.PEM).decode(),
            "activation": None,
            "expiry": None,
        }
        return PublishedEndpoint(**(values | changed))

    def publish(self, document_type, *endpoints, process=PROCESS_BILLING, pair=None) -> None:
        pair = pair or self.pki.smp_pair
        processes = (PublishedProcess(process, endpoints or (self.endpoint(),)),)
        metadata = ServiceMetadata(RECEIVER, document_type, processes)
        self.types[document_type] = signed_metadata(
            metadata, key=pair.key, certificate=pair.certificate
        )

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        _, services, last = request.path.partition("/services/")
        if not services:
            group = service_group(RECEIVER, tuple(self.types), base_url="https://smp.example")
            return web.Response(body=group, content_type="text/xml")
        body = self.types[DocumentTypeId.parse(last)]
        if body == -1:
            await self.silent.wait()
            return web.Response()
        if isinstance(body, int):
            return web.Response(status=body)
        return web.Response(body=body, content_type="text/xml")


@pytest.fixture
async def smp(pki):
    found = Smp(pki)
    yield found
    found.silent.set()


@pytest.fixture
async def inspector(smp, pki, aiohttp_server, database):
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", smp.answer)
    server = await aiohttp_server(app)
    async with client_session(Stage.TEST, connect_timeout_s=60, answer_timeout_s=60) as session:
        reader = SmpReader(
            session=session,
            trust=Trust(pki.anchors),
            stage=Stage.TEST,
            timeout_s=60,
            memory=AnswerMemory(database=database, ttl_s=900),
        )
        yield Inspector(locator=Fixed(server.make_url("/")), reader=reader, deadline_s=60)


async def test_everything_a_participant_publishes(smp, inspector, pki) -> None:
    expired = pki.issue(not_before=pki.now - timedelta(days=3), not_after=pki.now)
    smp.publish(BILLING_INVOICE)
    smp.publish(
        BILLING_CREDIT_NOTE,
        smp.endpoint(transport_profile="busdox-transport-as2-ver2p0"),
        smp.endpoint(of=expired, url="https://old.example"),
        smp.endpoint(activation=pki.now + timedelta(days=1)),
        smp.endpoint(expiry=pki.now - timedelta(days=1)),
        smp.endpoint(certificate="rubbish"),
        smp.endpoint(url="ftp://ap.example"),
    )
    smp.publish(INVOICE_RESPONSE, pair=pki.ap_pair)
    smp.types[WILD] = 404
    found = await inspector.inspect(RECEIVER, at=pki.now + timedelta(seconds=1))
    assert (found.fault, found.match) == (None, None)
    assert found.smp.records == (RECORD,)
    by_type = {one.document_type: one for one in found.types}
    assert list(by_type) == [BILLING_INVOICE, BILLING_CREDIT_NOTE, INVOICE_RESPONSE, WILD]
    assert [one.usable for one in found.types] == [True, False, False, False]
    invoice = by_type[BILLING_INVOICE]
    assert invoice.signer.certificate == pki.smp_pair.certificate
    assert invoice.processes[0].endpoints[0].judged.verdict.ok
    assert [one.fault.code for one in by_type[BILLING_CREDIT_NOTE].processes[0].endpoints] == [
        "LOOKUP-NO-AS4-ENDPOINT",
        "LOOKUP-AP-CERTIFICATE",
        "LOOKUP-NOT-ACTIVE",
        "LOOKUP-EXPIRED",
        "LOOKUP-AP-CERTIFICATE",
        "LOOKUP-ENDPOINT-ADDRESS",
    ]
    assert by_type[INVOICE_RESPONSE].fault.code == "LOOKUP-SMP-CERTIFICATE"
    assert by_type[WILD].fault.code == "LOOKUP-SMP-ANSWER"


async def test_a_wildcard_registration_is_looked_at_alone(smp, inspector, pki) -> None:
    smp.publish(BILLING_INVOICE)
    smp.publish(WILD)
    found = await inspector.inspect(RECEIVER, at=pki.now, document_type=CONCRETE)
    assert found.fault is None
    assert (found.match.matched, found.match.reason) == (WILD, "wildcard")
    assert [one.looked_at for one in found.types] == [False, True]
    assert len(smp.asked) == 2


@pytest.mark.parametrize(
    ("document_type", "process", "code"),
    [
        (BILLING_INVOICE, PROCESS_BILLING, None),
        (BILLING_INVOICE, None, None),
        (BILLING_INVOICE, PROCESS_MLS, "LOOKUP-PROCESS"),
        (BILLING_CREDIT_NOTE, None, "LOOKUP-EXPIRED"),
        (INVOICE_RESPONSE, None, "LOOKUP-SMP-UNAVAILABLE"),
        (CONCRETE, None, "LOOKUP-DOCUMENT-TYPE"),
    ],
)
async def test_what_keeps_a_document_from_being_sent(
    smp, inspector, pki, document_type, process, code
) -> None:
    old = smp.endpoint(expiry=pki.now - timedelta(days=1))
    smp.publish(BILLING_INVOICE, old, smp.endpoint())
    smp.publish(BILLING_CREDIT_NOTE, old)
    smp.types[INVOICE_RESPONSE] = 503
    found = await inspector.inspect(
        RECEIVER, at=pki.now, document_type=document_type, process=process
    )
    assert (found.fault.code if found.fault else None) == code
    if found.fault is not None:
        assert found.fault.passing is (code == "LOOKUP-SMP-UNAVAILABLE")


async def test_who_is_not_there(inspector, pki) -> None:
    found = await inspector.inspect(ParticipantId.of("0088:0"), at=pki.now)
    assert (found.fault.code, found.smp, found.types) == ("LOOKUP-NOT-REGISTERED", None, ())


async def test_remembered_answers_say_their_age(smp, inspector, pki) -> None:
    smp.publish(BILLING_INVOICE)
    first = await inspector.inspect(RECEIVER, at=pki.now)
    later = await inspector.inspect(RECEIVER, at=pki.now + timedelta(seconds=90))
    assert (first.age_s, later.age_s, later.answered_at, len(smp.asked)) == (0, 90, pki.now, 2)
    fresh = await inspector.inspect(RECEIVER, at=pki.now + timedelta(seconds=91), fresh=True)
    assert (fresh.age_s, len(smp.asked)) == (0, 4)


async def test_a_silent_smp_costs_its_own_type_only_and_the_look_ends(
    smp, inspector, pki, monkeypatch, pass_time
) -> None:
    smp.publish(BILLING_INVOICE)
    smp.types[INVOICE_RESPONSE] = -1
    inspector._deadline_s = 30
    look_at = _Look._type

    async def then_time_is_up(*look):
        seen = await look_at(*look)
        asyncio.get_running_loop().call_soon(pass_time, 31)
        return seen

    monkeypatch.setattr(_Look, "_type", then_time_is_up)
    found = await inspector.inspect(RECEIVER, at=pki.now)
    assert found.fault.code == "LOOKUP-DEADLINE"
    assert [(one.looked_at, one.usable) for one in found.types] == [(True, True), (False, False)]


@pytest.fixture
async def api(place, inspector, aiohttp_client):
    @web.middleware
    async def problems(request, handler):
        try:
            return await handler(request)
        except GatewayError as error:
            return web.json_response({"code": error.code}, status=error.kind.status)
        except ValueError:
            return web.json_response({"code": BAD_REQUEST.code}, status=400)

    app = web.Application(middlewares=[problems])
    app[NETWORK] = place.network
    app[INSPECTOR] = inspector
    for route in LOOKUP_ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
    return await aiohttp_client(app)


async def test_the_api_shows_all_of_it(smp, api, pki) -> None:
    smp.publish(BILLING_INVOICE)
    smp.publish(WILD)
    answer = await api.get("/v1/lookups/0088:1234567890123")
    body = await answer.json()
    assert answer.status == 200
    assert (body["participant"], body["fault"], body["age_s"]) == (str(RECEIVER), None, 0)
    assert body["smp"]["authenticated"] is True
    assert body["smp"]["records"][0]["regexp"] == RECORD.regexp
    invoice, wildcard = body["document_types"]
    assert invoice["title"] == "Invoice · Peppol BIS Billing 3"
    assert invoice["signer"]["verdict"] == "ok"
    assert wildcard["document_type"] == str(WILD)
    end = invoice["processes"][0]["endpoints"][0]
    assert (end["url"], end["fault"]) == ("https://ap.example/as4", None)
    assert end["certificate"]["issuer"].count("CN=") == 1
    assert end["certificate"]["revocation"] == "not checked"


async def test_the_api_says_why(smp, api) -> None:
    smp.publish(WILD)
    query = {"document_type": str(CONCRETE), "process": str(PROCESS_BILLING), "fresh": "true"}
    body = await (await api.get("/v1/lookups/0088:1234567890123", params=query)).json()
    assert body["match"]["registered"] == str(WILD)
    assert body["match"]["reason"] == "wildcard"
    query["document_type"] = str(BILLING_INVOICE)
    body = await (await api.get("/v1/lookups/0088:1234567890123", params=query)).json()
    assert body["fault"]["code"] == "LOOKUP-DOCUMENT-TYPE"
    assert body["match"] | {"tried": [], "near": [], "detail": ""} == {
        "document_type": str(BILLING_INVOICE),
        "registered": None,
        "reason": "other-specification",
        "detail": "",
        "tried": [],
        "near": [],
    }


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("0088:1", {"document_type": "nonsense"}),
        ("0088:1", {"unknown": "1"}),
    ],
)
async def test_the_api_refuses_what_is_no_question(api, path, query) -> None:
    answer = await api.get(f"/v1/lookups/{path}", params=query)
    assert (answer.status, (await answer.json())["code"]) == (400, BAD_REQUEST.code)


async def test_the_api_finds_nothing_under_what_names_nobody(api) -> None:
    answer = await api.get("/v1/lookups/nonsense")
    assert (answer.status, (await answer.json())["code"]) == (404, "NOT-FOUND")
