"""The consoles of a seller and a buyer in a real browser, from refusal to acceptance."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice
from gateway.demo.stage import House, Stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    # The browser's pipes are closed by its own process, sometimes after the loop.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

NUMBER = "VT-2026-0099"
PATIENCE_MS = 30_000
EXPECTED = ("422", "404")


def invoice(*, off_by: int = 0) -> dict[str, object]:
    content = render_invoice(
        number=NUMBER,
        seller=SELLER,
        buyer=BUYER,
        issued=date(2026, 11, 22),
        total_off_by=Decimal(off_by),
    )
    return {"name": f"{NUMBER}.xml", "mimeType": "application/xml", "buffer": content}


@asynccontextmanager
async def visit(
    browser: Browser, house: House, *, width: int = 1280, script: bool = True
) -> AsyncIterator[Page]:
    """Sign in at a house; on leaving, nothing may have been complained about."""
    context = await browser.new_context(
        base_url=house.url,
        viewport={"width": width, "height": 800},
        locale="en",
        java_script_enabled=script,
    )
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(
            f"status of {one}" in message.text for one in EXPECTED
        ):
            complaints.append(message.text)

    page = await context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto("/")
    await page.fill("#email", house.actor.person)
    await page.fill("#password", house.password)
    await page.click("form .button")
    await page.wait_for_url("**/outbox")
    yield page
    await context.close()
    assert complaints == []


async def send(page: Page, file: dict[str, object]) -> None:
    await page.goto("/outbox/new")
    await page.set_input_files("input[type=file]", file)  # type: ignore[arg-type] # its own dict
    await page.click(".upload .button")


async def test_an_invoice_goes_from_refusal_to_acceptance(browser: Browser, stage: Stage) -> None:
    async with visit(browser, stage.seller) as seller, visit(browser, stage.buyer) as buyer:
        await expect(seller.locator("h1")).to_have_text("Outbox")
        await expect(seller.get_by_text("Nothing sent yet")).to_be_visible()

        await send(seller, invoice(off_by=1))
        await expect(seller.get_by_role("alert")).to_contain_text(f"{NUMBER} was not sent")
        await expect(seller.locator(".finding").first).to_contain_text("BR-CO-15")
        await expect(seller.locator(".finding .tag").first).to_contain_text("line")

        await send(seller, invoice())
        await seller.wait_for_url("**/documents/*")
        live = seller.locator("#live")
        await expect(live).to_contain_text("Delivered, receipt verified", timeout=PATIENCE_MS)
        await expect(live).to_contain_text("Delivered to the buyer", timeout=PATIENCE_MS)

        await buyer.goto("/inbox")
        await buyer.get_by_role("link", name=NUMBER).click()
        await expect(buyer.locator("h1")).to_have_text(NUMBER)
        await expect(buyer.locator(".paper")).to_contain_text("Vuurtoren Tripel")
        await buyer.check("input[value=UQ]")
        await expect(buyer.locator("#answer .why")).to_be_visible()
        await buyer.check("input[name=reason][value=PRI]")
        await buyer.fill("#note", "Prix convenu : 30 €")
        await buyer.click("#answer .button")
        await expect(seller.locator(".standing")).to_contain_text(
            "under query", timeout=PATIENCE_MS
        )
        await expect(live).to_contain_text("Prix convenu : 30 €")

        await buyer.check("input[value=AP]")
        await expect(buyer.locator("#answer .why")).to_be_hidden()
        await buyer.click("#answer .button")
        await expect(seller.locator(".standing")).to_contain_text("accepted", timeout=PATIENCE_MS)
        await seller.get_by_role("link", name="Evidence", exact=True).click()
        await expect(seller.locator(".main-part .badge").first).to_contain_text("checks hold")


async def test_nothing_needs_a_script(browser: Browser, stage: Stage) -> None:
    async with visit(browser, stage.seller, script=False) as page:
        await send(page, invoice(off_by=2))
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.goto("/outbox?state=refused")
        assert await page.locator("[data-row]").count() >= 1
        await page.click(".filters button")


async def test_the_keyboard_is_enough(browser: Browser, stage: Stage) -> None:
    async with visit(browser, stage.seller) as page:
        await send(page, invoice(off_by=3))
        await page.goto("/outbox")
        await page.keyboard.press("j")
        first = page.locator("[data-row]").first
        await expect(first).to_have_class("selected")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/documents/*")
        await page.keyboard.press("/")
        await expect(page.locator("[data-search]")).to_be_focused()
        await page.keyboard.type(NUMBER)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/outbox?q=*")


@pytest.mark.parametrize("width", [1280, 390])
async def test_every_field_has_a_name_and_focus_shows(
    browser: Browser, stage: Stage, width: int
) -> None:
    async with visit(browser, stage.seller, width=width) as page:
        for path in ("/outbox", "/outbox/new", "/inbox", "/reports", "/network", "/settings"):
            await page.goto(path)
            nameless = await page.evaluate(
                """() => [...document.querySelectorAll("input, select, textarea, button")]
                .filter((one) => one.type !== "hidden")
                .filter((one) => !(one.labels && one.labels.length) && !one.ariaLabel
                    && !one.textContent.trim())
                .map((one) => one.outerHTML)"""
            )
            assert nameless == [], path
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            await page.keyboard.press("Tab")
            skip = await page.evaluate("document.activeElement.className")
            assert skip == "skip", path
            await page.keyboard.press("Tab")
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", path


async def test_the_language_changes_at_once(browser: Browser, stage: Stage) -> None:
    async with visit(browser, stage.seller) as page:
        for language, heading in (("fr", "Envois"), ("en", "Outbox")):
            await page.click(".person summary")
            await page.select_option("#language", language)
            await expect(page.locator("h1")).to_have_text(heading)
