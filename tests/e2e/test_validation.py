"""Checking documents at the console in a real browser: one, many, in French, as a file."""

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


def invoice(number: str, *, off_by: int = 0) -> dict[str, object]:
    content = render_invoice(
        number=number,
        seller=SELLER,
        buyer=BUYER,
        issued=date(2026, 11, 22),
        total_off_by=Decimal(off_by),
    )
    return {"name": f"{number}.xml", "mimeType": "application/xml", "buffer": content}


async def check(page: Page, *files: dict[str, object]) -> None:
    await page.goto("/reports")
    await page.set_input_files("input[type=file]", list(files))  # type: ignore[arg-type] # dicts
    await page.click(".upload .button")


async def test_a_faulty_invoice_is_explained_in_any_language_and_kept_as_a_file(
    visit: Visit, stage: Stage
) -> None:
    async with visit(stage.seller) as page:
        await check(page, invoice("VT-71", off_by=1))
        await expect(page.locator("h1")).to_have_text("VT-71.xml")
        await expect(page.locator(".finding").first).to_contain_text("BR-CO-15")
        english = await page.locator(".finding-message").first.inner_text()
        await page.get_by_role("link", name="Français").click()
        await expect(page.locator("section[lang=fr] .finding").first).to_contain_text("BR-CO-15")
        assert await page.locator(".finding-message").first.inner_text() != english
        async with page.expect_download() as started:
            await page.get_by_role("link", name="PDF").first.click()
        download = await started.value
        assert download.suggested_filename == "VT-71-report-fr.pdf"
        assert (await download.path()).read_bytes().startswith(b"%PDF-")
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 800})
            overflow = "document.documentElement.scrollWidth - innerWidth"
            assert await page.evaluate(overflow) <= 0


async def test_many_files_are_followed_to_their_end_and_found_again(
    visit: Visit, stage: Stage
) -> None:
    nothing = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not an invoice"}
    async with visit(stage.seller) as page:
        await check(page, invoice("VT-72"), invoice("VT-73", off_by=1), nothing)
        await expect(page.locator("h1")).to_have_text("3 files checked together")
        await expect(page.locator("#order")).not_to_contain_text("waiting")
        rows = page.locator("#order tbody tr")
        await expect(rows.nth(0)).to_contain_text("valid")
        await expect(rows.nth(1)).to_contain_text("not valid")
        await expect(rows.nth(2)).to_contain_text("unreadable")
        await page.goto("/reports")
        await page.select_option("select[name=verdict]", "unreadable")
        await page.wait_for_url("**verdict=unreadable**")
        await expect(page.locator("[data-row]")).to_have_count(1)
        await page.fill(".filters input[name=q]", "no such file")
        await page.press(".filters input[name=q]", "Enter")
        await expect(page.locator(".empty")).to_be_visible()


async def test_checking_needs_no_script(visit: Visit, stage: Stage) -> None:
    async with visit(stage.seller, script=False) as page:
        await check(page, invoice("VT-74"))
        await expect(page.locator("h1")).to_have_text("VT-74.xml")
        await check(page, invoice("VT-75"), invoice("VT-76"))
        await expect(page.locator("h1")).to_have_text("2 files checked together")


async def test_a_webhook_is_added_tried_and_switched_off(visit: Visit, stage: Stage) -> None:
    async with visit(stage.seller) as page:
        await page.goto("/settings/webhooks")
        await page.fill("#url", f"{stage.buyer.url}/healthz")
        await page.click("form.stack .button")
        await expect(page.get_by_role("status")).to_contain_text("whsec_")
        await page.get_by_role("button", name="Send a test message").click()
        await expect(page.locator("table")).to_contain_text("Test message")
        await expect(page.get_by_role("status")).to_have_count(0)
        await page.get_by_role("button", name="Switch off").click()
        await expect(page.get_by_role("alert")).to_contain_text("switched off")
