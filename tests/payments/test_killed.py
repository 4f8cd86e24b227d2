"""The process dies while the provider has the order: the payer tries again, one payment results."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from gateway.core.settings import Stage
from gateway.payments.adapters.sandbox import SandboxProvider
from gateway.payments.states import InitiationState

DEATHS = 3

CHILD = """
import asyncio, sys
from datetime import timedelta
import aiohttp
from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.settings import Stage
from gateway.core.vault import Vault
from gateway.payments.adapters.sandbox import SandboxProvider
from gateway.payments.links import PaymentLinks
from gateway.payments.paying import Paying

async def pay(database, provider, token):
    async with aiohttp.ClientSession() as http:
        links = PaymentLinks(
            public_url="https://gateway.example",
            link_days=30,
            vault=Vault([bytes(32)]),
            now=now,
        )
        paying = Paying(
            database=Database(database), links=links,
            provider=SandboxProvider(
                http=http, stage=Stage.TEST, url=provider, key="k", secrets=[]
            ),
            now=now, today=lambda: now().date(),
            patience=timedelta(minutes=15), wait=timedelta(days=5),
        )
        invitation = await paying.look(token)
        await paying.start(invitation.link, token=token)

asyncio.run(pay(*sys.argv[1:]))
"""


@pytest.fixture
def clocks(clocks):
    """The child has the real clock, so everybody has."""
    clocks.at = datetime.now(UTC)
    clocks.day = clocks.at.date()
    return clocks


class Peer:
    """A provider that remembers orders by key and, at first, answers nobody."""

    def __init__(self):
        self.orders = []
        self.asked = asyncio.Event()
        self.mute = True

    async def create(self, request):
        key, order = request.headers["Idempotency-Key"], await request.json()
        self.orders.append((key, json.dumps(order, sort_keys=True)))
        self.asked.set()
        if self.mute:
            await asyncio.sleep(3600)
        return web.json_response(
            {
                "id": f"p-{key}",
                "status": "authorising",
                "authorise_url": f"{request.url.origin()}/authorise/{key}",
                "expires_at": order["expires_at"],
            },
            status=201,
        )


@pytest.fixture
def peer():
    return Peer()


@pytest.fixture
async def provider(peer, aiohttp_server):
    app = web.Application()
    app.router.add_post("/payments", peer.create)
    server = await aiohttp_server(app)
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        yield SandboxProvider(
            http=http,
            stage=Stage.TEST,
            url=str(server.make_url("/")),
            key="k",
            secrets=[],
        )


async def test_a_process_killed_at_the_provider_makes_one_payment(
    firm, peer, provider, database_url
):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    for _ in range(DEATHS):
        peer.asked.clear()
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", CHILD, database_url, provider.payer_origin, token)
        )
        async with asyncio.timeout(60):
            await peer.asked.wait()
        child.kill()
        assert await child.wait() < 0
        (made,) = await firm.initiations()
        assert (made.state, made.provider_id) == (InitiationState.CREATED, None)
    assert len(await firm.holds()) == 1  # a reminder would not go out now
    peer.mute = False
    assert await firm.start(token) == f"{provider.payer_origin}/authorise/{made.id}"
    assert len(set(peer.orders)) == 1  # again and again the very same order
    assert len(peer.orders) == DEATHS + 1
    (made,) = await firm.initiations()
    assert made.state is InitiationState.AUTHORISING
    assert made.expires_at - made.created_at == timedelta(minutes=15)
