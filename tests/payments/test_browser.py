"""The payer's way in a real browser: strict policies, no script, a phone's screen.

Screenshots are kept in the folder ``GATEWAY_SCREENSHOTS`` where it is set.
"""

import os
import re
import shutil
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp import web

from gateway.payments.ports import ProviderReport
from gateway.payments.states import InitiationEvent
from reminders.entries import EntryKind

pytestmark = pytest.mark.browser

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@pytest.fixture
def database_url(sqlite_url):
    """One kind of database will do here."""
    return sqlite_url


@pytest.fixture
def public_url(unused_tcp_port):
    return f"http://127.0.0.1:{unused_tcp_port}"


@pytest.fixture
async def browser():
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no browser: install Debian's chromium")
    api = pytest.importorskip("playwright.async_api")
    async with api.async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest.fixture
async def bank_page(aiohttp_server, provider):
    """A bank's page at an origin of its own, with a button that leads back."""

    async def show(request):
        back = provider.orders[UUID(request.match_info["id"])].return_url
        return web.Response(
            text=f'<link rel="icon" href="data:,"><title>Bank</title><a href="{back}">back</a>',
            content_type="text/html",
        )

    app = web.Application()
    app.router.add_get("/authorise/{id}", show)
    server = await aiohttp_server(app)
    provider.payer_origin = str(server.make_url("/")).rstrip("/")


async def looked_at(page, name):
    folder = os.environ.get("GATEWAY_SCREENSHOTS")
    if folder:
        await page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


async def told_by(page):
    """Everything the browser complains about: refused styles, forms, scripts."""
    complaints = []
    page.on("console", lambda one: complaints.append(one.text))
    page.on("requestfailed", lambda one: complaints.append(one.url))
    return complaints


async def test_a_payer_goes_to_the_bank_and_back_without_script(site, firm, browser, bank_page):
    first = await firm.invoice("2026-117", 60_533, reference="RF18539007547034")
    _, token = await firm.link(first, await firm.invoice("2026-118", 2_500))
    context = await browser.new_context(viewport=PHONE, java_script_enabled=False, locale="en-GB")
    page = await context.new_page()
    complaints = await told_by(page)
    asked = []
    page.on("request", lambda one: asked.append((one.method, one.url)))
    await page.goto(str(site.client.make_url(f"/pay/{token}")))
    assert len([one for one in asked if not one[1].startswith("data:")]) == 1
    await page.get_by_role("button", name="Pay by bank").click()
    await page.wait_for_url(re.compile("/authorise/"))
    firm.provider.word = ProviderReport(InitiationEvent.ACCEPTED)
    await page.get_by_text("back").click()
    await page.wait_for_url(re.compile("/back$"))
    assert await page.get_by_text("Your payment is under way").is_visible()
    assert complaints == []
    await context.close()


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_the_page_fits_every_screen(site, firm, browser, language):
    links = {}
    first = await firm.invoice("2026-117", 60_533, reference="RF18539007547034")
    second = await firm.invoice("2026-118-une-reference-de-facture-interminable-et-insecable", 123)
    _, links["open"] = await firm.link(first, second, locale=language)
    paid = await firm.invoice("2026-101", 100)
    await firm.book(paid, EntryKind.PAYMENT_ALLOCATED, 100)
    disputed = await firm.invoice("2026-102", 100)
    await firm.book(disputed, EntryKind.DISPUTE_OPENED, 100, dispute="d")
    _, links["paid"] = await firm.link(paid, locale=language)
    _, links["disputed"] = await firm.link(disputed, locale=language)
    way = await firm.invoice("2026-103", 4_200)
    _, links["way"] = await firm.link(way, locale=language)
    await firm.start(links["way"])
    firm.provider.word = ProviderReport(InitiationEvent.ACCEPTED)
    await firm.paying.inquire((await firm.paying.look(links["way"])).link)
    links["gone"] = f"x?lang={language}"
    for width, viewport in (("390", PHONE), ("1280", DESK)):
        context = await browser.new_context(viewport=viewport)
        page = await context.new_page()
        complaints = await told_by(page)
        for name, token in links.items():
            firm.clocks.at += timedelta(seconds=1)
            await page.goto(str(site.client.make_url("/pay/")) + token)
            if name == "open":
                await page.locator("summary").click()
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= viewport["width"], name
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                await looked_at(page, f"pay-{name}-{language}-{width}-{scheme}")
        assert [one for one in complaints if "404" not in one] == []
        await context.close()
