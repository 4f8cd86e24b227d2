"""Two real gateways and an SMP on this machine, and Chromium to look at their consoles."""

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

# Tests are no packages here, so the modules beside this one are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from console_visits import Visit, be_patient, visits

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def chromium() -> str:
    """Where the browser is; skips without one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no browser: install Debian's chromium")
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncIterator[object]:
    from playwright.async_api import async_playwright

    be_patient()
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=chromium, args=list(CHROMIUM_ARGUMENTS)
        )
        yield found
        await found.close()


@pytest.fixture(scope="module")
def visit(browser: object) -> Visit:
    """How tests go to a console: signed in, and nothing may have been complained about."""
    return visits(browser)  # type: ignore[arg-type] # Playwright is imported only with a browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[object]:
    """The stage of ``gateway demo``: ordinary gateways over real sockets, each a process."""
    from gateway.demo.stage import set_stage

    folder: Path = tmp_path_factory.mktemp("stage") / "data"
    async with set_stage(folder) as found:
        yield found
