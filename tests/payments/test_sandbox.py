"""The sandbox adapter towards providers that are down, slow of wit, or not what they say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from gateway.core.errors import GatewayError
from gateway.core.settings import Stage
from gateway.payments.adapters.sandbox import SandboxProvider
from gateway.payments.ports import ProviderOrder
from gateway.payments.signatures import signed_headers
from gateway.payments.states import InitiationEvent
from ubl.amounts import Amount

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
OURS = UUID("01a20164-0000-7000-8000-000000000001")
ORDER = ProviderOrder(
    initiation_id=OURS,
    end_to_end_id="PGABC",
    amount=Amount(Decimal("605.30"), "EUR"),
    creditor_name="Atelier Dubois",
    creditor_iban="NL41MOCK0000000001",
    creditor_bic=None,
    payer_name="Brasserie du Canal",
    text="2026-117",
    return_url="https://gateway.example/pay/x/back",
    expires_at=NOW + timedelta(minutes=15),
)


@pytest.fixture
async def peer(aiohttp_server):
    """A server that answers everything as told, and remembers what it was asked."""
    seen, answers = [], []

    async def answer(request):
        seen.append((request.method, request.path, dict(request.headers), await request.read()))
        made = answers[0]
        return made(request) if callable(made) else web.json_response(*made[:1], **made[1])

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    server = await aiohttp_server(app)
    url = str(server.make_url("/")).rstrip("/")
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        yield _provider(http, url), seen, answers, url


def _provider(http, url, stage=Stage.TEST):
    return SandboxProvider(http=http, stage=stage, url=url, key="key-1", secrets=["new", "old"])


def payment(url, **more):
    return {
        "id": "p/1?x",
        "status": "authorising",
        "authorise_url": f"{url}/authorise/1",
        "expires_at": NOW.isoformat(),
        **more,
    }


async def failure(call):
    with pytest.raises(GatewayError) as failed:
        await call
    return failed.value.code, failed.value.retry.value


async def test_an_order_names_everything_and_its_key(peer):
    provider, seen, answers, url = peer
    answers.append((payment(url), {"status": 201}))
    created = await provider.create(ORDER)
    assert (created.provider_id, created.authorise_url) == ("p/1?x", f"{url}/authorise/1")
    (method, path, headers, body) = seen[0]
    assert (method, path) == ("POST", "/payments")
    assert headers["Authorization"] == "Bearer key-1"
    assert headers["Idempotency-Key"] == str(OURS)
    assert b'"amount": "605.30"' in body
    await provider.create(ORDER)
    assert seen[1][3] == body  # byte for byte, so that it is the same order to anybody
    await provider.get("p/1?x")
    assert seen[2][1] == "/payments/p/1?x"
    assert provider.payer_origin == url


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ({}, 500, ("PAYMENT-PROVIDER-DOWN", "backoff")),
        ({}, 429, ("PAYMENT-PROVIDER-DOWN", "backoff")),
        ({}, 401, ("PAYMENT-PROVIDER-REFUSED", "no")),
        ({}, 409, ("PAYMENT-PROVIDER-REFUSED", "no")),
        ({}, 200, ("PAYMENT-PROVIDER-ANSWER", "no")),
        ([1], 201, ("PAYMENT-PROVIDER-ANSWER", "no")),
        ({"id": "1", "status": 7}, 200, ("PAYMENT-PROVIDER-ANSWER", "no")),
        ({"id": "x" * 70_000}, 200, ("PAYMENT-PROVIDER-ANSWER", "no")),
    ],
)
async def test_odd_answers_have_codes(peer, content, status, code):
    provider, _, answers, _ = peer
    answers.append((content, {"status": status}))
    assert await failure(provider.create(ORDER)) == code
    assert await failure(provider.get("1")) == code
    assert await failure(provider.cancel("1")) == code


async def test_payers_are_sent_to_the_provider_only(peer):
    provider, _, answers, url = peer
    for place in ("https://evil.example/authorise/1", "javascript:alert(1)", "/authorise/1", "::"):
        answers[:] = [(payment(url, authorise_url=place), {"status": 201})]
        assert (await failure(provider.create(ORDER)))[0] == "PAYMENT-PROVIDER-ANSWER"


async def test_a_redirect_is_not_followed(peer):
    provider, seen, answers, url = peer
    answers.append(lambda _: web.Response(status=307, headers={"Location": f"{url}/elsewhere"}))
    assert (await failure(provider.get("1")))[0] == "PAYMENT-PROVIDER-REFUSED"
    assert len(seen) == 1


async def test_a_state_nobody_documented_is_not_guessed_at(peer):
    provider, _, answers, url = peer
    answers.append((payment(url, status="refunded"), {"status": 200}))
    assert (await failure(provider.get("1")))[0] == "PAYMENT-PROVIDER-ANSWER"
    answers[:] = [(payment(url, status="failed", failure_code="x"), {"status": 200})]
    report = await provider.get("1")
    assert (report.event, report.failure_code) == (InitiationEvent.FAILED, "x")


@pytest.mark.parametrize("status", [404, 410])
async def test_an_order_the_provider_has_forgotten_is_over(peer, status):
    provider, _, answers, _ = peer
    answers.append(({}, {"status": status}))
    assert (await provider.get("1")).event is InitiationEvent.EXPIRED
    assert (await provider.cancel("1")).event is InitiationEvent.EXPIRED
    assert (await failure(provider.create(ORDER)))[0] == "PAYMENT-PROVIDER-REFUSED"


async def test_control_characters_get_no_further(peer):
    provider, _, answers, url = peer
    for odd in (
        {"id": "1\x00"},
        {"authorise_url": f"{url}/authorise/1\r\nSet-Cookie: a=b"},
        {"failure_code": "a\nb"},
    ):
        answers[:] = [(payment(url, **odd), {"status": 201})]
        assert (await failure(provider.create(ORDER)))[0] == "PAYMENT-PROVIDER-ANSWER"


async def test_a_provider_that_is_not_there(peer, unused_tcp_port):
    provider = _provider(peer[0]._http, f"http://127.0.0.1:{unused_tcp_port}")
    assert await failure(provider.get("1")) == ("PAYMENT-PROVIDER-DOWN", "backoff")


async def test_an_answer_cut_off_in_the_middle(peer):
    provider, _, answers, _ = peer

    def cut(request):
        request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{")
        request.transport.close()
        return web.Response()

    answers.append(cut)
    assert await failure(provider.get("1")) == ("PAYMENT-PROVIDER-DOWN", "backoff")


async def test_production_refuses_an_address_without_tls(peer):
    with pytest.raises(GatewayError) as refused:
        _provider(peer[0]._http, "http://provider.example", Stage.PRODUCTION)
    assert refused.value.code == "OUTGOING-ADDRESS"


def signed(body, secret=b"new"):
    return signed_headers(event_id="evt_1", at=NOW, body=body, secrets=[secret])


async def test_a_genuine_event_is_read(peer):
    provider = peer[0]
    body = b'{"type":"payment.failed","payment_id":"p1","failure_code":"x","more":1}'
    event = provider.verify(signed(body, b"old"), body, now=NOW)
    assert (event.event_id, event.provider_id, event.initiation_id) == ("evt_1", "p1", None)
    assert (event.report.event, event.report.failure_code) == (InitiationEvent.FAILED, "x")
    body = b'{"type":"payment.refunded","payment_id":"p1","client_reference":"%s"}' % (
        str(OURS).encode()
    )
    event = provider.verify(signed(body), body, now=NOW)
    assert (event.kind, event.report, event.initiation_id) == ("payment.refunded", None, OURS)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"\xff", b'{"type":1}', b'{"type":"payment.failed","payment_id":""}'],
)
async def test_a_genuine_event_that_says_nothing_is_refused(peer, body):
    with pytest.raises(GatewayError) as refused:
        peer[0].verify(signed(body), body, now=NOW)
    assert refused.value.code == "PAYMENT-EVENT-INVALID"
