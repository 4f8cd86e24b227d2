"""Converting at the console in a real browser: what was lost is read, the result is downloaded."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from console_visits import Visit
from playwright.async_api import Page, expect

from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice
from gateway.demo.stage import Stage
from ubl.formats import FORMATS
from ubl.invoice import read_invoice, write_invoice
from ubl.safexml import parse

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    # The browser's pipes are closed by its own process, sometimes after the loop.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def upload(*, off_by: int = 0) -> dict[str, object]:
    content = render_invoice(
        number="VT-77",
        seller=SELLER,
        buyer=BUYER,
        issued=date(2026, 11, 22),
        total_off_by=Decimal(off_by),
    )
    return {"name": "VT-77.xml", "mimeType": "application/xml", "buffer": content}


async def convert(page: Page, to: str, file: dict[str, object]) -> None:
    await page.goto(f"/convert?to={to}")
    await page.set_input_files("input[name=file]", file)  # type: ignore[arg-type] # its own dict
    await page.click(".upload .button")


@pytest.mark.parametrize("script", [True, False])
async def test_a_result_is_downloaded_and_is_the_invoice(
    visit: Visit, stage: Stage, tmp_path: Path, script: bool
) -> None:
    async with visit(stage.seller, script=script) as page:
        await convert(page, "en16931-ubl", upload())
        await expect(page.locator("#result")).to_have_text("EN 16931 (UBL)")
        await expect(page.locator("section .badge.green").first).to_be_visible()
        async with page.expect_download() as waiting:
            await page.click("a[download]")
        download = await waiting.value
        assert download.suggested_filename == "VT-77-en16931-ubl.xml"
        await download.save_as(tmp_path / "got.xml")
    assert read_invoice(parse((tmp_path / "got.xml").read_bytes())).invoice.number == "VT-77"


async def test_what_a_format_cannot_hold_and_sums_that_differ_are_read_on_the_page(
    visit: Visit, stage: Stage
) -> None:
    async with visit(stage.seller) as page:
        await convert(page, "facturx-basic-wl", upload(off_by=1))
        await expect(page.get_by_text("makes it another invoice").first).to_be_visible()
        await expect(page.get_by_text("BR-CO-15").first).to_be_visible()
        await convert(page, "fr-ctc-ubl", upload())
        await expect(page.get_by_role("alert")).to_contain_text("CONVERSION-MODE")
    async with visit(stage.buyer, width=390, dark=True) as page:
        await convert(page, "facturx-minimum", upload())
        await expect(page.locator("#result")).to_be_visible()
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390


async def test_what_the_format_adds_is_not_shown_as_lost(visit: Visit, stage: Stage) -> None:
    """CII may state a VAT breakdown without its sum; UBL has to state it."""
    invoice = read_invoice(parse(upload()["buffer"])).invoice  # type: ignore[arg-type] # bytes
    assert invoice.totals is not None
    source = replace(invoice, totals=replace(invoice.totals, vat=None))
    content = write_invoice(source, FORMATS["en16931-cii"]).xml
    file: dict[str, object] = {
        "name": "VT-77.xml",
        "mimeType": "application/xml",
        "buffer": content,
    }
    async with visit(stage.seller) as page:
        await convert(page, "en16931-ubl", file)
        added = page.locator("h3:has-text('Added by the format') + ul li")
        await expect(added).to_have_count(1)
        await expect(added).to_contain_text("EUR")
        await expect(added).to_contain_text("BT-110")
        await expect(page.locator("h3", has_text="does not hold")).to_have_count(0)
