"""Somebody at a console in a real browser: signed in, and no complaint left behind."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from gateway.demo.stage import House

PATIENCE_MS = 60_000
"""How long anything may take to appear: on a busy machine the first document of a kind waits for
its rules to be compiled. Nobody waits for it where a test passes."""
SERIOUS = frozenset({"serious", "critical"})
REFUSALS = ("404", "409", "422")
"""Answers that a browser complains of and that tests ask for."""


@dataclass(frozen=True)
class Person:
    """Who can get in where."""

    url: str
    email: str
    password: str

    @classmethod
    def of(cls, house: House) -> "Person":
        """Whoever keeps a house of the demonstration."""
        return cls(house.url, house.actor.person, house.password)


Visit = Callable[..., AbstractAsyncContextManager[Page]]


def be_patient() -> None:
    """Let every expectation wait as long as pages may take."""
    expect.set_options(timeout=PATIENCE_MS)


def visits(browser: Browser) -> Visit:
    """The door to the consoles: ``async with visit(person, width=390) as page``."""

    @asynccontextmanager
    async def visit(
        who: Person | House,
        *,
        width: int = 1280,
        dark: bool = False,
        script: bool = True,
        expected: Collection[str] = REFUSALS,
    ) -> AsyncIterator[Page]:
        person = Person.of(who) if isinstance(who, House) else who
        context = await browser.new_context(
            base_url=person.url,
            viewport={"width": width, "height": 900},
            locale="en",
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
        )
        context.set_default_timeout(PATIENCE_MS)
        complaints: list[str] = []

        def note(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and not any(
                f"status of {one}" in message.text for one in expected
            ):
                complaints.append(message.text)

        page = await context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await sign_in(page, person)
        yield page
        await context.close()
        assert complaints == []

    return visit


async def sign_in(page: Page, person: Person) -> None:
    """Through the door people use."""
    await page.goto("/sign-in")
    await page.fill("#email", person.email)
    await page.fill("#password", person.password)
    await page.click("form .button")
    await page.wait_for_url("**/outbox")


async def speak(page: Page, language: str) -> None:
    """Choose the language of the console, as one does without a script."""
    await page.goto("/outbox")
    await page.evaluate(
        """(language) => {
            const chosen = document.querySelector("#language");
            chosen.value = language;
            chosen.form.submit();
        }""",
        language,
    )
    await page.wait_for_selector(f"html[lang={language}]")


async def faults(page: Page) -> list[str]:
    """What axe-core finds serious, with the place of each."""
    found = (await Axe().run(page)).response
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]
