"""From the link to the bank's message: page, provider process, mock bank, webhook, camt.054."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

# Tests are no packages here: the module of the processes is found by its folder.
sys.path.insert(0, str(Path(__file__).parents[1] / "demo"))

from peer_processes import mock_bank, running

from gateway.core.settings import Stage
from gateway.payments.adapters.sandbox import SandboxProvider
from gateway.payments.arrivals import Arrivals
from gateway.payments.queries import items_of_end_to_end_ids
from gateway.payments.states import InitiationState
from gateway.receivables.tables import ItemRow
from reminders.camt import read
from reminders.entries import EntryKind
from reminders.payments import payments_of

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def clocks(clocks):
    """The provider has a clock of its own, so everybody has the real one."""
    clocks.at = datetime.now(UTC)
    clocks.day = clocks.at.date()
    return clocks


@pytest.fixture
async def provider(unused_tcp_port):
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        yield SandboxProvider(
            http=http,
            stage=Stage.DEMO,
            url=f"http://127.0.0.1:{unused_tcp_port}",
            key="sandbox-key",
            secrets=["the secret before", "the secret now"],
        )


@pytest.fixture
def bank():
    with mock_bank("2026-11-02") as url:
        yield url


@pytest.fixture
def peer(bank, provider, site):
    """The provider's process, telling our server."""
    webhook = site.client.make_url("/v1/provider-events/sandbox")
    with running(
        *(sys.executable, "-m", "gateway.demo.bank_provider", "--bank", bank),
        *("--port", provider.payer_origin.rpartition(":")[2], "--bank-account", "ACME"),
        *("--webhook", webhook, "--secret", "the secret now", "--key", "sandbox-key"),
    ) as url:
        yield url


async def decide(url, decision):
    async with aiohttp.ClientSession() as payer:
        async with payer.get(url) as page:
            assert page.status == 200
        async with payer.post(url, data={"decision": decision}, allow_redirects=False) as answer:
            return answer.headers["Location"]


async def reached(firm, state):
    async with asyncio.timeout(60):
        while (found := await firm.initiations())[-1].state is not state:
            await asyncio.sleep(0.02)
    return found


async def test_a_reminded_invoice_is_paid_by_bank(site, firm, bank, peer):
    first, second = await firm.invoice("2026-117", 60_533), await firm.invoice("2026-118", 1_000)
    _, token = await firm.link(first, second)
    answer = await site.client.post(f"/pay/{token}", headers=OURS, allow_redirects=False)
    assert answer.headers["Location"].startswith(f"{peer}/authorise/")
    back = await decide(answer.headers["Location"], "authorise")
    assert back == f"https://gateway.example/pay/{token}/back"
    (made,) = await reached(firm, InitiationState.SETTLED)
    answer = await site.client.get(back.removeprefix("https://gateway.example"))
    assert "Your payment is under way" in await answer.text()
    # The provider's word paid nothing.
    async with firm.database.read() as session:
        assert (await session.get_one(ItemRow, first.id)).open_minor == 60_533
    (credit,) = await arrived(bank)
    assert (credit.end_to_end_id, credit.minor) == (made.end_to_end_id, 61_533)
    async with firm.database.write() as session:
        ours = await items_of_end_to_end_ids(session, firm.tenant.id, [credit.end_to_end_id])
        assert set(ours[credit.end_to_end_id]) == {first.id, second.id}
        await Arrivals(today=firm.clocks.today).arrived(
            session, firm.tenant.id, credit.end_to_end_id, firm.clocks.now()
        )
    for item, minor in ((first, 60_533), (second, 1_000)):
        await firm.book(item, EntryKind.PAYMENT_ALLOCATED, minor)
    assert await firm.holds() == []
    answer = await site.client.get(f"/pay/{token}")
    assert "All paid, thank you" in await answer.text()


async def arrived(bank):
    """The payments the bank notified."""
    address = f"{bank}/_mock/mailbox?type=camt.054"
    async with aiohttp.ClientSession() as http, http.get(address) as answer:
        letters = await answer.json()
    return [one for letter in letters for one in payments_of(read(letter["body"].encode()))]


async def test_a_payer_who_refuses_can_begin_again(site, firm, bank, peer):
    _, token = await firm.link(await firm.invoice("2026-117", 60_533))
    for decision, state in (
        ("refuse", InitiationState.FAILED),
        ("authorise", InitiationState.SETTLED),
    ):
        answer = await site.client.post(f"/pay/{token}", headers=OURS, allow_redirects=False)
        await decide(answer.headers["Location"], decision)
        found = await reached(firm, state)
    assert [one.failure_code for one in found] == ["refused-by-payer", None]
    assert len(await arrived(bank)) == 1
