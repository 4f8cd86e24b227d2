"""The operator's console in a real browser: an access point goes away, is seen, and comes back."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from console_visits import Person, Visit, faults, speak
from playwright.async_api import Page, expect
from sqlmodel import col, select, update

sys.path.insert(0, str(Path(__file__).parents[1] / "exchange"))

from exchange_houses import (
    RECEIVER_SEAT,
    SENDER_SEAT,
    SMP_SEAT,
    THIRD_SEAT,
    House,
    Pair,
    Pki,
    invoice_bytes,
    open_network,
)

from gateway.access.roles import Role
from gateway.access.tables import Tenant
from gateway.core.jobs.tables import Job, JobState, Lane
from gateway.exchange.lanes import AGEING
from gateway.exchange.states import TransportState
from gateway.network.local_pki import ensure_test_pki
from schematron import worker as engine

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    # The browser's pipes are closed by its own process, sometimes after the loop.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PASSWORD = "correct horse battery"
BREAKS = 5
SCREENS = (
    "/operations",
    "/operations/alarms?cleared=1",
    "/operations/failures",
    "/operations/queues",
    "/operations/messages",
    "/operations/mls",
    "/network/onboarding",
    "/network/statistics",
    "/reports/rules",
)
SHOTS = os.environ.get("GATEWAY_SHOTS")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(
    chromium: str, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    """Two gateways in this process, on one network of their own."""
    folder = tmp_path_factory.mktemp("operations")
    places = ensure_test_pki(
        folder / "network",
        ap_seats=[SENDER_SEAT, RECEIVER_SEAT, THIRD_SEAT],
        smp_seats=[SMP_SEAT],
        at=datetime.now(UTC),
    )
    databases = [folder / f"{name}.db" for name in ("sender", "receiver")]
    for one in databases:
        shutil.copyfile(sqlite_template, one)
    await asyncio.to_thread(engine.initialise)
    pki = Pki(places, None, None, None)  # type: ignore[arg-type] # no forgeries are made here
    urls = f"sqlite:///{databases[0]}", f"sqlite:///{databases[1]}"
    with pytest.MonkeyPatch.context() as patch:
        async with open_network(urls, folder, pki, patch) as pair:
            yield pair


async def operator(house: House, email: str = "en@operator.example") -> Person:
    """Somebody of the service provider's account."""
    async with house.gateway.platform.database.read() as session:
        tenant = (await session.exec(select(Tenant).where(col(Tenant.is_operator)))).one()
    await house.gateway.access.create_user(
        tenant_id=tenant.id, email=email, password=PASSWORD, role=Role.OWNER, locale="en"
    )
    return Person(house.url, email, PASSWORD)


async def due_now(house: House) -> None:
    """Let the waits between tries pass, but no lane's pause."""
    async with house.gateway.platform.database.write() as session:
        await session.exec(
            update(Job)
            .where(col(Job.state) == JobState.READY)
            .values(run_at=datetime(2020, 1, 1, tzinfo=UTC))
        )
    await house.work()


async def watch(house: House) -> None:
    """Look after what waits too long, as the clock makes the gateway do."""
    platform = house.gateway.platform
    async with platform.database.write() as session:
        await platform.queue.enqueue(session, kind=AGEING, payload={})
    await house.work()


async def shot(page: Page, name: str) -> None:
    """Pictures for whoever wants to look, where GATEWAY_SHOTS names a folder."""
    if SHOTS is None:
        return
    for width, scheme in ((1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # one of its words
        await page.set_viewport_size({"width": width, "height": 900})
        await page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": 1280, "height": 800})


async def the_columns_stand_beneath_each_other(page: Page) -> None:
    """On a telephone every figure of a wide table stands beside the name of its column."""
    table = page.locator("table.stacked").first
    lane = table.locator("tbody td").nth(1)
    named = "one => getComputedStyle(one, '::before').content"
    assert await lane.evaluate(named) == "none"
    await page.set_viewport_size({"width": 390, "height": 844})
    await expect(table.locator("thead")).to_be_hidden()
    assert await lane.evaluate(named) == '"Lane"'
    action = table.get_by_role("button", name="Resume")
    await expect(action).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.set_viewport_size({"width": 1280, "height": 800})
    await expect(table.locator("thead")).to_be_visible()


async def test_an_access_point_goes_down_is_seen_and_comes_back(
    visit: Visit, network: Pair
) -> None:
    house, peer = network.sender, network.receiver
    async with visit(await operator(house)) as page:
        await page.goto("/operations")
        await expect(page.get_by_text("Nothing needs your attention.")).to_be_visible()

        await network.delivered("OP-0")
        answer = await house.submit(invoice_bytes("OP-1"))
        assert answer.status == 202, answer.body
        for _ in range(BREAKS):
            peer.line.answer(b"down for maintenance", status=503, content_type="text/plain")
            await due_now(house)
        await watch(house)

        await page.goto("/operations")
        await expect(page.get_by_text("An access point does not answer").first).to_be_visible()
        await shot(page, "overview")
        await page.click("nav.page-tabs >> text=Alarms")
        await shot(page, "alarms")
        await page.click("text=I look after it")
        await expect(page.get_by_text("looked after by en@operator.example")).to_be_visible()

        await page.click("nav.page-tabs >> text=Queues")
        await expect(page.get_by_text("Shut", exact=True)).to_be_visible()
        await shot(page, "queues")
        await the_columns_stand_beneath_each_other(page)

        await page.click("text=Resume")
        await expect(page.get_by_text("Shut", exact=True)).to_have_count(0)
        await network.settle()
        document = await house.document(answer.body["id"])
        assert document.transport is TransportState.DELIVERED

        await watch(house)
        await page.goto("/operations/alarms")
        await expect(page.get_by_text("Nothing needs your attention.")).to_be_visible()
        await page.goto("/operations/alarms?cleared=1")
        await expect(page.get_by_text("An access point does not answer").first).to_be_visible()

        (sent,) = await house.transmissions(answer.body["id"])
        await page.goto(f"/operations/messages?id={sent.message_id}")
        await shot(page, "messages")
        await page.click("text=Inspect")
        await expect(page.get_by_role("heading", name="ebMS header")).to_be_visible()
        await expect(page.get_by_text(document.sbdh_id).first).to_be_visible()
        await shot(page, "message")
    async with house.gateway.platform.database.read() as session:
        lanes = await session.exec(select(Lane).where(col(Lane.name).startswith("ap:")))
        assert all(one.failures == 0 and one.paused_until is None for one in lanes)


@pytest.mark.parametrize("language", ["fr", "de"])
async def test_the_operators_screens_have_no_serious_fault(
    visit: Visit, network: Pair, language: str
) -> None:
    narrow = language == "de"
    house = network.sender
    who = await operator(house, f"{language}@operator.example")
    async with visit(who, width=390 if narrow else 1280, dark=narrow) as page:
        await speak(page, language)
        for screen in SCREENS:
            answer = await page.goto(screen)
            assert answer is not None
            assert answer.ok, screen
            assert await faults(page) == [], screen
