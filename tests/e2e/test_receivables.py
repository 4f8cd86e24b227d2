"""The console of receivables, reminders and the bank in a real browser, by hand and keyboard."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from shutil import copy

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from console_visits import Person, Visit
from playwright.async_api import Page, expect

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))

from receivable_house import PASSWORD, open_house, plan

from gateway.core.database import Database

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    # The browser's pipes are closed by its own process, sometimes after the loop.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


Served = Callable[[str], Person]
"""A house that is served: each of its people."""


@pytest.fixture(scope="module")
def quick_passwords() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.access.passwords._N", 16)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    chromium: str,
    quick_passwords: None,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("house")
    copy(sqlite_template, folder / "gateway.db")
    database = Database(f"sqlite:///{folder / 'gateway.db'}")
    house = await open_house(database, folder, smtp_port=9)
    await house.furnish()
    await house.bank_day()
    await plan(house)
    server = TestServer(house.app)
    await server.start_server()
    url = str(server.make_url("")).rstrip("/")
    yield lambda who: Person(url, f"{who}@alpha.example", PASSWORD)
    await server.close()
    await database.close()


async def tab_to(page: Page, selector: str) -> None:
    """Go on with the Tab key until something has the focus, as one does without a mouse."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("(one) => document.activeElement.matches(one)", selector):
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", selector
            return
    pytest.fail(f"the Tab key never reaches {selector}")


async def test_a_customer_is_paused_and_resumed_by_keyboard(visit: Visit, served: Served) -> None:
    async with visit(served("owner")) as page:
        await page.goto("/receivables")
        await page.keyboard.press("j")
        await expect(page.locator("[data-row].selected")).to_contain_text("Vuurtoren Brouwerij NV")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/customers/*")
        await expect(page.locator("h1")).to_contain_text("Vuurtoren Brouwerij NV")
        await tab_to(page, "#note")
        await page.keyboard.type("agreed with Ms Peeters")
        await tab_to(page, "form[action$='/pause'] button")
        await page.keyboard.press("Enter")
        paused = page.locator(".paused")
        await expect(paused).to_contain_text("agreed with Ms Peeters")
        await expect(paused).to_contain_text("owner@alpha.example")
        await expect(page.locator("h1 .badge")).to_have_text("paused")
        await tab_to(page, "#resume")
        await page.keyboard.press("Space")
        await expect(page.locator("form[action$='/pause']")).to_be_visible()
        await expect(page.locator(".timeline")).to_contain_text("Reminders resumed")


async def test_a_payment_is_accepted_with_one_click(visit: Visit, served: Served) -> None:
    async with visit(served("owner"), width=390) as page:
        await page.goto("/bank")
        waiting = page.locator(".queue > li")
        before = await waiting.count()
        card = waiting.filter(has_text="€1,000.00")
        await card.get_by_role("button", name="Accept").click()
        await expect(page.get_by_role("status")).to_contain_text("is booked")
        await expect(waiting).to_have_count(before - 1)
        await page.get_by_role("status").get_by_role("link").click()
        await expect(page.locator("h1")).to_have_text("Café du Pont SPRL")
        await expect(page.locator(".standing")).to_contain_text("matched")


async def test_a_reminder_is_read_in_its_frame_before_it_goes(visit: Visit, served: Served) -> None:
    async with visit(served("owner")) as page:
        await page.goto("/reminders?tab=planned")
        await page.get_by_role("link", name="Bäckerei Sonnenschein GmbH").click()
        await expect(page.locator(".mail-head")).to_contain_text("accounts@koper.example")
        frame = page.frame_locator(".mail-frame")
        await expect(frame.locator("body")).to_contain_text("225,00")
        await page.get_by_role("link", name="UBL", exact=True).click()
        await expect(page.locator(".source")).to_contain_text("<cbc:")


async def test_nothing_needs_a_script(visit: Visit, served: Served) -> None:
    async with visit(served("owner"), script=False) as page:
        await page.goto("/receivables")
        await page.get_by_role("link", name="Librairie Saint-Hubert").first.click()
        await page.get_by_role("link", name="F2026-", exact=False).first.click()
        await page.fill("#reason", "wrong price")
        await page.fill("#amount", "25,50")
        await page.get_by_role("button", name="Note the dispute").click()
        await expect(page.locator(".standing")).to_contain_text("disputed")
        await page.get_by_role("button", name="End the dispute").click()
        await expect(page.locator(".standing")).to_contain_text("payment announced")


async def places(page: Page) -> list[str]:
    """One page of every kind."""
    found = ["/receivables", "/receivables/items?state=all", "/reminders?tab=all", "/bank"]
    found += ["/bank?state=all", "/bank/messages"]
    for where, link in (
        ("/receivables", ".aged-table .main a"),
        ("/receivables/items?state=disputed", ".items .main a"),
        ("/reminders?tab=all", ".reminders .main a"),
        ("/bank", ".queue h2 a"),
    ):
        await page.goto(where)
        address = await page.locator(link).first.get_attribute("href")
        assert address is not None
        found.append(address)
    return found


# What a screen reader or a keyboard would stumble over.
STUMBLES = """() => {
    const nameless = [...document.querySelectorAll(
        "input:not([type=hidden]), select, textarea, button, a, iframe, [role=img]")]
        .filter((one) => !(one.labels && one.labels.length) && !one.ariaLabel && !one.title
            && !one.textContent.trim());
    const levels = [...document.querySelectorAll("h1, h2, h3")].map((one) => +one.tagName[1]);
    const skipped = levels.filter((one, at) => at > 0 && one > levels[at - 1] + 1);
    const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
    const twice = ids.filter((one, at) => ids.indexOf(one) !== at);
    const lost = [...document.querySelectorAll("[aria-labelledby], [aria-describedby]")]
        .flatMap((one) => [one.getAttribute("aria-labelledby"),
                           one.getAttribute("aria-describedby")])
        .filter((one) => one && !document.getElementById(one));
    return {nameless: nameless.map((one) => one.outerHTML.slice(0, 120)), skipped, twice, lost,
        headings: levels.filter((one) => one === 1).length,
        wide: document.documentElement.scrollWidth > innerWidth};
}"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("who", ["owner", "viewer"])
async def test_every_page_can_be_heard_and_fits(
    visit: Visit, served: Served, width: int, who: str
) -> None:
    async with visit(served(who), width=width) as page:
        for path in await places(page):
            await page.goto(path)
            found = await page.evaluate(STUMBLES)
            assert found == {
                "nameless": [],
                "skipped": [],
                "twice": [],
                "lost": [],
                "headings": 1,
                "wide": False,
            }, path


async def test_on_a_telephone_every_page_is_within_reach(visit: Visit, served: Served) -> None:
    async with visit(served("owner"), width=390) as page:
        bar = page.locator(".rail a:visible")
        assert [await one.inner_text() for one in await bar.all()] == [
            "Outbox",
            "Inbox",
            "Receivables",
            "Reminders",
            "Bank",
        ]
        await page.click(".person summary")
        rest = page.locator(".seldom-menu a")
        await expect(rest.first).to_be_visible()
        await asyncio.gather(
            *(expect(one).to_have_attribute("href", path) for one, path in zip(
                await rest.all(), ("/reports", "/network", "/settings"), strict=True))
        )  # fmt: skip
        await rest.last.click()
        await page.wait_for_url("**/settings")
