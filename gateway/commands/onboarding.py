"""``gateway onboarding``: what must hold before this gateway is on the network.

The server's parts are loaded only when the list is run: the other commands do not wait. The
gateway itself must be running, because the list looks at it from outside.
"""

import argparse
import asyncio
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from gateway.commands.settings import EXIT_FAILED, read_settings
from gateway.core import telemetry

if TYPE_CHECKING:
    from gateway.network.onboarding import Finding

__all__ = ["register"]

_MARKS: Final = {"ok": "ok     ", "failed": "FAILED ", "skipped": "skipped", "by-hand": "by hand"}


def register(add_configured: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = add_configured(
        "onboarding", _onboarding, "check everything that must hold before going live"
    )
    parser.add_argument("--json", action="store_true", help="the same as POST /v1/onboarding")


def _onboarding(options: argparse.Namespace) -> int:
    findings = asyncio.run(_run(options))
    # The server's parts: see the module's text.
    from gateway.network.onboarding_api import OnboardingOut  # noqa: PLC0415

    found = OnboardingOut.of(findings)
    print(found.model_dump_json(indent=2) if options.json else "\n".join(_report(findings)))
    return 0 if found.ready else EXIT_FAILED


async def _run(options: argparse.Namespace) -> "tuple[Finding, ...]":
    # The server's parts: see the module's text.
    from gateway.app import open_gateway  # noqa: PLC0415
    from gateway.network.onboarding_api import ONBOARDING  # noqa: PLC0415

    telemetry.configure(level="ERROR")
    async with open_gateway(read_settings(options.config)) as gateway:
        return await gateway.web[ONBOARDING].run()


def _report(findings: "tuple[Finding, ...]") -> Iterator[str]:
    from gateway.web.i18n import Catalogues  # noqa: PLC0415 - see the module's text

    words = Catalogues.of(["gateway.network"])
    for one in findings:
        yield f"{_MARKS[one.outcome]}  {words.sentence('en', f'onboarding.{one.check}.title')}"
        if one.said:
            yield _indented(one.said)
        if one.outcome != "ok":
            yield _indented(words.sentence("en", f"onboarding.{one.check}.todo"))
        for key, value in one.facts.items():
            label = words.sentence("en", f"onboarding.fact.{key}")
            yield f"{'':9}{label}: {value.strip()}"


def _indented(text: str) -> str:
    return textwrap.fill(text, 98, initial_indent=" " * 9, subsequent_indent=" " * 9)
