"""Documents and the console under axe-core: nothing that it calls serious or critical.

Pages as people get them, in Chromium: renditions of varied third-party documents in French and
Dutch, and the console's main screens with something in them.
"""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from console_visits import Visit, faults, speak
from playwright.async_api import Browser, Page

from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice
from gateway.demo.stage import Stage
from gateway.exchange.rendering import Order, RenditionFormat, render_document

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    # The browser's pipes are closed by its own process, sometimes after the loop.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

CORPUS = Path(__file__).resolve().parents[3] / "shared/corpus"
DOCUMENTS = (
    "cen-examples/ubl_examples_ubl-tc434-example2",
    "cen-examples/ubl_examples_ubl-tc434-example5",
    "cen-examples/ubl_examples_guide-example1",
    "br-fr/validator_src_test_resources_UC10_F202600004_EXTENDED_FX_CII_Commentee",
    "br-fr/tests_fixtures_xml_ubl-21-extended-ctc-fr",
    "mustang-xml/library_src_test_resources_subinvoicelines_Extended_SubInvoiceLines_Hardware_Bsp2",
    "mustang-xml/library_src_test_resources_cii_extended_warenrechnung_based_doublecashdiscount",
    "xrechnung-testsuite/src_test_business-cases_extension_04.01a-INVOICE_ubl",
    "peppol-examples/rules_examples_base-negative-inv-correction",
    "peppol-ir/rules_examples_Invoice_reponse_use_cases_T111-uc006c-Wrong_detail_partial_credit",
)
SCREENS = (
    "/outbox",
    "/inbox",
    "/outbox/new",
    "/drafts",
    "/dispatches",
    "/convert",
    "/receivables",
    "/receivables/items",
    "/reminders",
    "/bank",
    "/bank/messages",
    "/reports",
    "/reports/rules",
    "/network",
    "/network/lookup",
    "/network/seats",
    "/settings",
    "/settings/answers",
    "/settings/code-lists",
    "/settings/code-lists/UNTDID-1001",
    "/settings/delivery",
    "/settings/hand-over",
    "/settings/mail-texts",
    "/settings/webhooks",
)
NUMBER = "VT-2026-0777"


def corpus() -> dict[str, dict[str, Any]]:
    index = CORPUS / "index.jsonl"
    if not index.is_file():
        pytest.skip("the shared corpus is not on this machine")
    cases = [json.loads(line) for line in index.read_text("utf-8").splitlines()]
    return {case["id"]: case for case in cases}


@pytest.mark.parametrize("language", ["fr", "nl"])
@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_renditions_have_no_serious_fault(
    browser: Browser, language: str, colours: str
) -> None:
    cases = corpus()
    order = Order(RenditionFormat.HTML, language, datetime(2026, 11, 22, tzinfo=UTC))
    page = await browser.new_page(color_scheme=colours)  # type: ignore[arg-type] # its own literal
    for name in DOCUMENTS:
        content = (CORPUS / cases[name]["file"]).read_bytes()
        await page.set_content(render_document(content, order).content.decode())
        assert await faults(page) == [], name
    await page.close()


async def test_the_tool_does_find_faults(browser: Browser) -> None:
    page = await browser.new_page()
    await page.set_content("<html><body><img src='x'><button></button></body></html>")
    assert {one.partition(" ")[0] for one in await faults(page)} >= {"image-alt", "button-name"}
    await page.close()


@pytest.mark.parametrize(
    ("language", "width", "dark", "step"),
    [("en", 1280, False, 1), ("fr", 390, True, 1), ("nl", 1280, True, 4), ("de", 390, False, 4)],
)
async def test_the_console_has_no_serious_fault(
    visit: Visit, stage: Stage, language: str, width: int, dark: bool, step: int
) -> None:
    """Every screen in two languages; in the others every ``step``-th, with other colours."""
    async with visit(stage.seller, width=width, dark=dark) as page:
        await speak(page, language)
        document, draft = await _document(page), await _draft(page)
        beside = (f"{document}/formats", f"{document}/formats?to=facturx-minimum")
        tabs = (f"{document}?tab={one}" for one in ("report", "messages", "evidence"))
        for screen in (*SCREENS[::step], document, *tabs, *beside, draft):
            answer = await page.goto(screen)
            assert answer is not None
            assert answer.ok, screen
            assert await page.get_attribute("html", "lang") == language
            assert await faults(page) == [], screen


async def test_no_page_is_wider_than_its_window(visit: Visit, stage: Stage) -> None:
    """In German, whose words are the longest: nothing is cut, nothing scrolls sideways."""
    async with visit(stage.seller) as page:
        await speak(page, "de")
        for screen in (*SCREENS[::3], await _document(page), await _draft(page)):
            await page.goto(screen)
            for width in (1280, 1024, 390):
                await page.set_viewport_size({"width": width, "height": 900})
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                    f"{screen} at {width}"
                )


async def test_the_way_in_has_no_serious_fault(browser: Browser, stage: Stage) -> None:
    page = await browser.new_page(base_url=stage.seller.url)
    await page.goto("/sign-in")
    assert await faults(page) == []
    await page.close()


async def _draft(page: Page) -> str:
    """The address of a draft that lacks everything, and says so beside its fields."""
    await page.goto("/drafts")
    await page.locator("form[action='/drafts'] button").first.click()
    await page.wait_for_url("**/drafts/*-*")
    return page.url.partition("?")[0]


async def _document(page: Page) -> str:
    """The address of a document that was sent by hand, once for all widths."""
    await page.goto(f"/outbox?q={NUMBER}")
    row = page.locator("table a").first
    if await row.count() == 0:
        content = render_invoice(
            number=NUMBER, seller=SELLER, buyer=BUYER, issued=date(2026, 11, 22)
        )
        await page.goto("/outbox/new")
        await page.set_input_files(
            "input[type=file]",
            {"name": f"{NUMBER}.xml", "mimeType": "application/xml", "buffer": content},
        )
        await page.click(".upload .button")
        await page.wait_for_url("**/documents/*")
        return page.url.partition("?")[0]
    return str(await row.get_attribute("href"))
