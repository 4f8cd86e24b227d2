"""Writing invoices at the console in a real browser: sums as one types, findings, sending."""

import pytest
from console_visits import Visit
from playwright.async_api import Page, expect

from gateway.demo.cast import BUYER, SELLER
from gateway.demo.stage import Stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    # The browser's pipes are closed by its own process, sometimes after the loop.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

NUMBER = "VT-2026-0501"


def field(path: str) -> str:
    return f"[name='invoice.{path}']"


async def fill(page: Page, values: dict[str, str]) -> None:
    for path, value in values.items():
        place = page.locator(field(path))
        if await place.evaluate("one => one.tagName") == "SELECT":
            await place.select_option(value)
        else:
            await place.fill(value)


def parties() -> dict[str, str]:
    scheme, _, value = BUYER.participant.value.partition(":")
    own_scheme, _, own = SELLER.participant.value.partition(":")
    return {
        "number": NUMBER,
        "buyer_reference": "PO-7",
        "buyer.name": BUYER.business,
        "buyer.electronic_address.scheme": scheme,
        "buyer.electronic_address.value": value,
        "buyer.address.line1": BUYER.street,
        "buyer.address.post_code": BUYER.post_code,
        "buyer.address.city": BUYER.city,
        "buyer.address.country": "BE",
        "seller.name": SELLER.business,
        "seller.vat_identifier": "BE0765432146",
        "seller.electronic_address.scheme": own_scheme,
        "seller.electronic_address.value": own,
        "seller.address.line1": "Havenlaan 2",
        "seller.address.post_code": "9000",
        "seller.address.city": "Gent",
        "payment.0.means_code": "30",
        "payment.0.credit_transfers.0.account.value": "BE71096123456769",
    }


def line(index: int, name: str, quantity: str, price: str) -> dict[str, str]:
    place = f"lines.{index}"
    return {
        f"{place}.item.name": name,
        f"{place}.quantity.value": quantity,
        f"{place}.quantity.unit": "H87",
        f"{place}.price.net.value": price,
        f"{place}.vat.category": "S",
        f"{place}.vat.rate": "21",
    }


async def test_an_invoice_is_written_sent_credited_and_copied(visit: Visit, stage: Stage) -> None:
    async with visit(stage.seller) as page:
        await page.get_by_role("link", name="Write an invoice").first.click()
        await page.get_by_role("button", name="New invoice", exact=True).click()
        await page.wait_for_url("**/drafts/*-*")
        desk = page.locator("#desk")
        await expect(desk).to_contain_text("still to be filled in")

        await fill(page, parties())
        await fill(page, line(0, "Crate", "2,5", "10"))
        await page.keyboard.press("Tab")
        await expect(page.locator("#net-0")).to_have_text("€25.00")
        await expect(desk).to_contain_text("€30.25")
        await expect(desk).to_contain_text("Complete; it can be sent.")

        await page.focus(field("lines.0.vat.rate"))
        await page.keyboard.press("Enter")
        await page.wait_for_url("**focus=lines-1**")
        await expect(page.locator(field("lines.1.item.name"))).to_be_focused()
        await fill(page, line(1, "Pallet", "1", "5"))
        await page.fill(field("lines.1.vat.rate"), "0")
        await page.keyboard.press("Tab")
        wrong = page.locator("#m-lines-1-vat-category")
        await expect(wrong).to_contain_text("BR-S-05")
        await page.click("button:text-is('Send')")
        await expect(page.get_by_role("alert").first).to_contain_text("Not sent")
        await page.fill(field("lines.1.vat.rate"), "21")
        await page.keyboard.press("Tab")
        await expect(wrong).to_have_text("")
        await expect(desk).to_contain_text("€36.30")

        await page.click("button:text-is('Send')")
        await page.wait_for_url("**/documents/*")
        await expect(page.locator("h1")).to_have_text(NUMBER)
        await page.goto("/outbox")
        await page.get_by_role("link", name=NUMBER).click()

        await page.get_by_role("button", name="Credit").click()
        await page.wait_for_url("**/drafts/*-*")
        await expect(page.locator(field("preceding_invoices.0.number"))).to_have_value(NUMBER)
        await expect(page.locator("h1")).to_contain_text("Credit note")
        await expect(desk).to_contain_text("Complete; it can be sent.")
        await page.get_by_role("link", name="To the invoice it was made from").click()
        await page.get_by_role("button", name="Duplicate").click()
        await expect(page.locator(field("number"))).to_have_value("VT-2026-0502")


async def test_two_tabs_do_not_overwrite_each_other(visit: Visit, stage: Stage) -> None:
    async with visit(stage.seller) as first:
        await first.goto("/drafts")
        await first.get_by_role("button", name="New invoice", exact=True).click()
        await first.wait_for_url("**/drafts/*-*")
        second = await first.context.new_page()
        await second.goto(first.url)
        await first.fill(field("number"), "A-1")
        await first.keyboard.press("Tab")
        await expect(first.locator("#version")).to_have_value("2")
        await second.fill(field("number"), "B-1")
        await second.keyboard.press("Tab")
        await expect(second.locator("#desk")).to_contain_text("DRAFT-CHANGED")
        await second.get_by_role("button", name="Keep this page as a draft of its own").click()
        await expect(second.locator(field("number"))).to_have_value("B-1")
        assert second.url != first.url
        await first.reload()
        await expect(first.locator(field("number"))).to_have_value("A-1")


@pytest.mark.parametrize("width", [1280, 390])
async def test_it_works_without_a_script_and_every_field_has_a_name(
    visit: Visit, stage: Stage, width: int
) -> None:
    async with visit(stage.seller, width=width, script=False) as page:
        await page.goto("/drafts")
        await page.get_by_role("button", name="New invoice", exact=True).click()
        await page.wait_for_url("**/drafts/*-*")
        await page.fill(field("number"), "N-1")
        await page.get_by_role("button", name="Add a line").click()
        await expect(page.locator(field("lines.1.item.name"))).to_be_visible()
        await expect(page.locator(field("number"))).to_have_value("N-1")
        await page.get_by_role("button", name="Remove line 2").click()
        await expect(page.locator(field("lines.1.item.name"))).to_have_count(0)
        nameless = await page.evaluate(
            """() => [...document.querySelectorAll("input, select, textarea, button")]
            .filter((one) => one.type !== "hidden")
            .filter((one) => !(one.labels && one.labels.length) && !one.ariaLabel
                && !one.textContent.trim())
            .map((one) => one.outerHTML)"""
        )
        assert nameless == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_why_there_is_no_vat_is_asked_for_where_it_is_to_be_written(
    visit: Visit, stage: Stage
) -> None:
    async with visit(stage.seller) as page:
        await page.goto("/drafts")
        await page.get_by_role("button", name="New invoice", exact=True).click()
        await page.wait_for_url("**/drafts/*-*")
        folds = page.locator("#editor details")
        await folds.evaluate_all("all => all.forEach((one) => { one.open = true })")
        await fill(page, parties())
        await fill(page, line(0, "Course", "1", "10") | {"lines.0.vat.category": "E"})
        await page.fill(field("lines.0.vat.rate"), "0")
        await page.keyboard.press("Tab")
        reason = page.locator("#m-vat_breakdown-0-exemption_reason")
        await expect(reason).to_contain_text("BR-E-10")
        await page.fill(field("vat_breakdown.0.exemption_reason"), "Teaching is exempt.")
        await page.keyboard.press("Tab")
        await expect(reason).to_have_text("")
        await expect(page.locator("#desk")).to_contain_text("Complete; it can be sent.")

        # What was written stays while the line is another, and is there when it is again.
        await page.select_option(field("lines.0.vat.category"), "AE")
        await expect(page.locator("#vat-reasons legend")).to_contain_text("(AE)")
        await page.select_option(field("lines.0.vat.category"), "E")
        await expect(page.locator("#vat-reasons legend")).to_contain_text("(E)")
        await expect(page.locator("#vat-reasons [name$='.exemption_reason']")).to_have_value(
            "Teaching is exempt."
        )
