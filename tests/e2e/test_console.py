"""The consoles of a seller and a buyer in a real browser, from refusal to acceptance."""

from datetime import date
from decimal import Decimal

import pytest
from console_visits import Visit
from playwright.async_api import Page, expect

from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice
from gateway.demo.stage import Stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    # The browser's pipes are closed by its own process, sometimes after the loop.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

NUMBER = "VT-2026-0099"


def invoice(*, off_by: int = 0) -> dict[str, object]:
    content = render_invoice(
        number=NUMBER,
        seller=SELLER,
        buyer=BUYER,
        issued=date(2026, 11, 22),
        total_off_by=Decimal(off_by),
    )
    return {"name": f"{NUMBER}.xml", "mimeType": "application/xml", "buffer": content}


async def send(page: Page, file: dict[str, object]) -> None:
    await page.goto("/outbox/new")
    await page.set_input_files("input[type=file]", file)  # type: ignore[arg-type] # its own dict
    await page.click(".upload .button")


async def test_an_invoice_goes_from_refusal_to_acceptance(visit: Visit, stage: Stage) -> None:
    async with visit(stage.seller) as seller, visit(stage.buyer) as buyer:
        await expect(seller.locator("h1")).to_have_text("Outbox")
        await expect(seller.get_by_text("Nothing sent yet")).to_be_visible()

        await send(seller, invoice(off_by=1))
        await expect(seller.get_by_role("alert")).to_contain_text(f"{NUMBER} was not sent")
        await expect(seller.locator(".finding").first).to_contain_text("BR-CO-15")
        await expect(seller.locator(".finding .tag").first).to_contain_text("line")

        await send(seller, invoice())
        await seller.wait_for_url("**/documents/*")
        live = seller.locator("#live")
        await expect(live).to_contain_text("Delivered, receipt verified")
        await expect(live).to_contain_text("Delivered to the buyer")

        await buyer.goto("/inbox")
        await buyer.get_by_role("link", name=NUMBER).click()
        await expect(buyer.locator("h1")).to_have_text(NUMBER)
        await expect(buyer.locator(".paper")).to_contain_text("Vuurtoren Tripel")
        await buyer.check("input[value=UQ]")
        await expect(buyer.locator("#answer .why")).to_be_visible()
        await buyer.check("input[name=reason][value=PRI]")
        await buyer.fill("#note", "Prix convenu : 30 €")
        await buyer.click("#answer .button")
        await expect(seller.locator(".standing")).to_contain_text("under query")
        await expect(live).to_contain_text("Prix convenu : 30 €")

        await buyer.check("input[value=AP]")
        await expect(buyer.locator("#answer .why")).to_be_hidden()
        await buyer.click("#answer .button")
        await expect(seller.locator(".standing")).to_contain_text("accepted")
        await seller.get_by_role("link", name="Evidence", exact=True).click()
        await expect(seller.locator(".main-part .badge").first).to_contain_text("checks hold")


async def test_nothing_needs_a_script(visit: Visit, stage: Stage) -> None:
    async with visit(stage.seller, script=False) as page:
        await send(page, invoice(off_by=2))
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.goto("/outbox?state=refused")
        assert await page.locator("[data-row]").count() >= 1
        await page.click(".filters button")


async def test_the_keyboard_is_enough(visit: Visit, stage: Stage) -> None:
    async with visit(stage.seller) as page:
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
    visit: Visit, stage: Stage, width: int
) -> None:
    async with visit(stage.seller, width=width) as page:
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


async def test_the_language_changes_at_once(visit: Visit, stage: Stage) -> None:
    async with visit(stage.seller) as page:
        for language, heading in (("fr", "Envois"), ("en", "Outbox")):
            await page.click(".person summary")
            await page.select_option("#language", language)
            await expect(page.locator("h1")).to_have_text(heading)
