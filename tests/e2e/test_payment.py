"""From the reminder's e-mail to a paid invoice, as a payer does it on a telephone."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from io import StringIO
from time import monotonic

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from gateway.demo.cast import BUYER, SELLER
from gateway.demo.stage import Stage
from gateway.demo.story_exchange import event_of, submit_invoice
from gateway.demo.story_payment import bank_tells, first_reminder, move_dates
from gateway.demo.telling import Teller, fetch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    # The browser's pipes are closed by its own process, sometimes after the loop.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PHONE = ViewportSize(width=390, height=844)


@asynccontextmanager
async def telephone(browser: Browser) -> AsyncIterator[Page]:
    """A telephone without script; on leaving, nothing may have been complained about."""
    context = await browser.new_context(viewport=PHONE, locale="fr", java_script_enabled=False)
    complaints: list[str] = []
    page = await context.new_page()
    page.on("console", lambda message: complaints.append(f"{message.text} {message.location}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    await context.close()
    assert complaints == []


async def no_sideways_scrolling(page: Page) -> None:
    box = await page.locator("body").bounding_box()
    assert box is not None
    assert box["width"] <= PHONE["width"]


async def test_a_payer_goes_from_the_mail_to_paid(browser: Browser, stage: Stage) -> None:
    teller = Teller(StringIO(), monotonic(), 60)
    invoice = await submit_invoice(stage.seller, "VT-2026-0142", BUYER)
    await event_of(teller, stage.seller, invoice["id"], "mls.received")
    due = date.fromisoformat(invoice["due_date"])
    await move_dates(stage, due + timedelta(days=1))
    reminder = await first_reminder(teller, stage, due)

    async with telephone(browser) as page:
        await teller.until(lambda: _mail(stage), "no e-mail arrives")
        await page.goto(stage.peers.mail_url)
        await page.get_by_role("link", name=re.compile(reminder["number"])).click()
        letter = page.frame_locator("iframe")
        await expect(letter.get_by_text("VT-2026-0142").first).to_be_visible()
        await letter.locator("a[href*='/pay/']").first.click()

        await expect(page).to_have_url(re.compile("/pay/"))
        await expect(page.get_by_text(SELLER.business).first).to_be_visible()
        await expect(page.get_by_text("VT-2026-0142").first).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("lang", "fr")
        await no_sideways_scrolling(page)
        link = page.url
        await page.locator("form.form button").click()

        await page.locator("button[value=authorise]").click()
        await expect(page).to_have_url(re.compile("/pay/.+/back"))
        await no_sideways_scrolling(page)
        # The provider said the order went through: that is not money yet.
        shown = await fetch(stage.seller.http, f"/v1/documents/{invoice['id']}")
        assert shown["states"]["payment"] == "none"
        await page.goto(link)
        assert await page.locator("form.form button").count() == 0

        await bank_tells(stage)
        paid = await fetch(stage.seller.http, f"/v1/documents/{invoice['id']}")
        assert paid["states"]["payment"] == "paid"
        await page.goto(link)
        await expect(page.locator("main")).to_contain_text(re.compile("pay[ée]", re.IGNORECASE))
        assert await page.locator("form.form button").count() == 0


async def _mail(stage: Stage) -> dict[str, object] | None:
    mails = await stage.peers.mails()
    return mails[0] if mails else None
