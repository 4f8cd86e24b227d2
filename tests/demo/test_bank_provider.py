"""The sandbox provider as a process, with a mock bank behind it and webhooks into this test."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web

# Tests are no packages here: the module of the processes is found by its folder.
sys.path.insert(0, str(Path(__file__).parent))

from peer_processes import mock_bank, running

from gateway.core.errors import GatewayError
from gateway.core.settings import Stage
from gateway.payments.adapters.sandbox import SandboxProvider
from gateway.payments.ports import ProviderOrder
from gateway.payments.states import InitiationEvent
from reminders.camt import read
from reminders.payments import payments_of
from ubl.amounts import Amount

KEY, SECRET = "sandbox-key", "sandbox-secret"
E = InitiationEvent


@pytest.fixture(scope="module")
def bank() -> Iterator[str]:
    with mock_bank("2026-11-02") as url:
        yield url


class Mailbox:
    """Where the provider's webhooks arrive; refuses the first ones if told to."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.refuse = 0

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.read()))
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=503)
        return web.Response(status=204)

    async def events(self, provider: SandboxProvider, last: str) -> list[tuple[str, str]]:
        """Verified events as (id, kind), once the one of this kind is there."""
        async with asyncio.timeout(60):
            while True:
                found = [
                    provider.verify({k.lower(): v for k, v in headers.items()}, body, now=now())
                    for headers, body in list(self.received)
                ]
                if any(one.kind == last for one in found):
                    return [(one.event_id, one.kind) for one in found]
                await asyncio.sleep(0.02)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def mailbox(aiohttp_server):
    found = Mailbox()
    app = web.Application()
    app.router.add_post("/v1/provider-events/sandbox", found.take)
    server = await aiohttp_server(app)
    found.url = str(server.make_url("/v1/provider-events/sandbox"))
    return found


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@contextmanager
def provider_at(http, bank, mailbox, *more):
    with running(
        *(sys.executable, "-m", "gateway.demo.bank_provider", "--port", "0", "--bank", bank),
        *("--bank-account", "ACME", "--webhook", mailbox.url, "--secret", SECRET, "--key", KEY),
        *more,
    ) as url:
        yield SandboxProvider(http=http, stage=Stage.DEMO, url=url, key=KEY, secrets=[SECRET])


def order(**more) -> ProviderOrder:
    number = uuid4()
    return replace(
        ProviderOrder(
            initiation_id=number,
            end_to_end_id=f"PG{number.hex[:20].upper()}",
            amount=Amount(Decimal("605.33"), "EUR"),
            creditor_name="Atelier Dubois",
            creditor_iban="NL41MOCK0000000001",
            creditor_bic=None,
            payer_name="Brasserie du Canal",
            text="2026-117 2026-118",
            return_url="http://127.0.0.1:1/pay/token/back",
            expires_at=now() + timedelta(minutes=15),
        ),
        **more,
    )


async def decide(http, url, decision):
    async with http.get(url) as page:
        text = await page.text()
    async with http.post(url, data={"decision": decision}, allow_redirects=False) as answer:
        return text, answer.status, answer.headers["Location"]


async def credits(http, bank, end_to_end_id):
    """What the bank's notifications say came under an end-to-end id."""
    async with http.get(f"{bank}/_mock/mailbox?type=camt.054") as answer:
        letters = await answer.json()
    return [
        payment
        for letter in letters
        for message in [read(letter["body"].encode())]
        for payment in payments_of(message)
        if payment.end_to_end_id == end_to_end_id
    ]


async def test_an_authorised_payment_moves_money_and_is_told(http, bank, mailbox):
    mailbox.refuse = 2
    with provider_at(http, bank, mailbox) as provider:
        wanted = order()
        created = await provider.create(wanted)
        again = await provider.create(wanted)
        assert again == created
        assert (await provider.get(created.provider_id)).event is E.AUTHORISING
        text, status, place = await decide(http, created.authorise_url, "authorise")
        assert (status, place) == (303, wanted.return_url)
        assert "not a real bank" in text
        assert "€605.33" in text
        assert "Atelier Dubois" in text
        assert "<script" not in text
        assert (await provider.get(created.provider_id)).event is E.SETTLED
        events = await mailbox.events(provider, "payment.settled")
        # Two were refused and came again under their id; order is kept.
        assert [kind for _, kind in events] == [
            *["payment.authorising"] * 3,
            "payment.accepted",
            "payment.settled",
        ]
        assert len({event_id for event_id, _ in events}) == 3
        # A second look or click moves nothing more.
        text, status, _ = await decide(http, created.authorise_url, "authorise")
        assert "no longer be decided" in text
        assert (await provider.cancel(created.provider_id)).event is E.SETTLED
    (credit,) = await credits(http, bank, wanted.end_to_end_id)
    assert (credit.minor, credit.currency) == (60_533, "EUR")


async def test_what_is_refused_taken_back_or_late_moves_nothing(http, bank, mailbox):
    with provider_at(http, bank, mailbox) as provider:
        refused, taken_back, late = order(), order(), order(expires_at=now())
        made = [await provider.create(one) for one in (refused, taken_back, late)]
        await decide(http, made[0].authorise_url, "refuse")
        report = await provider.get(made[0].provider_id)
        assert (report.event, report.failure_code) == (E.FAILED, "refused-by-payer")
        assert (await provider.cancel(made[1].provider_id)).event is E.EXPIRED
        for one in made[1:]:
            text, _, _ = await decide(http, one.authorise_url, "authorise")
            assert "no longer be decided" in text
            assert (await provider.get(one.provider_id)).event is E.EXPIRED
        events = await mailbox.events(provider, "payment.failed")
        assert [kind for _, kind in events] == ["payment.authorising", "payment.failed"]
    for one in (refused, taken_back, late):
        assert await credits(http, bank, one.end_to_end_id) == []


async def test_wrong_keys_and_orders_are_refused(http, bank, mailbox):
    with provider_at(http, bank, mailbox) as provider:
        wanted = order()
        created = await provider.create(wanted)
        stranger = SandboxProvider(
            http=http, stage=Stage.DEMO, url=provider._url, key="other", secrets=[]
        )
        for call in (
            stranger.create(order()),
            stranger.get(created.provider_id),
            stranger.cancel(created.provider_id),
            provider.create(replace(wanted, text="another text")),
            provider.create(order(creditor_iban="NL41MOCK0000000002")),
            provider.create(order(amount=Amount(Decimal("0.00"), "EUR"))),
            provider.create(order(amount=Amount(Decimal("1.00"), "USD"))),
        ):
            with pytest.raises(GatewayError) as failed:
                await call
            assert failed.value.code == "PAYMENT-PROVIDER-REFUSED"
        assert (await provider.get("p-unknown")).event is E.EXPIRED


async def test_a_bank_that_is_away_makes_the_payment_fail(http, mailbox, unused_tcp_port):
    with provider_at(http, f"http://127.0.0.1:{unused_tcp_port}", mailbox) as provider:
        created = await provider.create(order())
        await decide(http, created.authorise_url, "authorise")
        report = await provider.get(created.provider_id)
        assert (report.event, report.failure_code) == (E.FAILED, "bank-refused")
        assert (await mailbox.events(provider, "payment.failed"))[-1][1] == "payment.failed"


async def test_a_silent_provider_tells_nothing_by_itself(http, bank, mailbox):
    with provider_at(http, bank, mailbox, "--silent") as provider:
        wanted = order(text="RF18539007547034")
        created = await provider.create(wanted)
        await decide(http, created.authorise_url, "authorise")
        assert (await provider.get(created.provider_id)).event is E.SETTLED
    assert mailbox.received == []
    (credit,) = await credits(http, bank, wanted.end_to_end_id)
    assert credit.minor == 60_533


async def test_the_page_speaks_the_payers_language(http, bank, mailbox):
    with provider_at(http, bank, mailbox) as provider:
        created = await provider.create(order(payer_name="<b>Brasserie</b>"))
        spoken = {"en": "Authorise", "fr": "Autoriser", "nl": "Goedkeuren", "de": "Freigeben"}
        for language, word in spoken.items():
            headers = {"Accept-Language": language}
            async with http.get(created.authorise_url, headers=headers) as answer:
                text = await answer.text()
            assert word in text
            assert "<b>" not in text
            assert (
                "form-action 'self' http://127.0.0.1:1" in answer.headers["Content-Security-Policy"]
            )
