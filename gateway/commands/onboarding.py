"""``gateway onboarding``: what must hold before this gateway is on the network.

The gateway must be running, because the list looks at it from outside.
"""

import argparse
import asyncio
import textwrap
from collections.abc import Iterator
from typing import Final

from gateway.app import open_gateway
from gateway.commands.refusal import EXIT_FAILED
from gateway.commands.settings import declare_config, read_settings
from gateway.core import telemetry
from gateway.network.onboarding import Finding
from gateway.network.onboarding_api import ONBOARDING, OnboardingOut
from gateway.web.i18n import Catalogues

__all__ = ["declare"]

_MARKS: Final = {"ok": "ok     ", "failed": "FAILED ", "skipped": "skipped", "by-hand": "by hand"}


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    declare_config(parser)
    parser.add_argument("--json", action="store_true", help="the same as POST /v1/onboarding")
    parser.set_defaults(command=_onboarding)


def _onboarding(options: argparse.Namespace) -> int:
    findings = asyncio.run(_run(options))

    found = OnboardingOut.of(findings)
    print(found.model_dump_json(indent=2) if options.json else "\n".join(_report(findings)))
    return 0 if found.ready else EXIT_FAILED


async def _run(options: argparse.Namespace) -> tuple[Finding, ...]:

    telemetry.configure(level="ERROR")
    async with open_gateway(read_settings(options.config)) as gateway:
        return await gateway.web[ONBOARDING].run()


def _report(findings: tuple[Finding, ...]) -> Iterator[str]:

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
