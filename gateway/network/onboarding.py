"""Going live, as a list that can be run: what must hold before this gateway is on the network.

Values and the runner; what each step looks at is in onboarding_checks and with the packages that
bring checks of their own. Nothing here changes anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import structlog

from gateway.core.errors import GatewayError

__all__ = ["Check", "Finding", "Onboarding", "Outcome", "failed", "ok", "skipped"]

PATIENCE_S: Final = 45.0

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What a check found; BY_HAND is a step that only a person can take."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    ``check`` names it; the console words title and advice by it. ``said`` is the machine's own
    sentence (English), ``facts`` what to paste where, by label.
    """

    check: str
    outcome: Outcome
    said: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


Look = Callable[[], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One step of the list."""

    name: str
    look: Look


class Onboarding:
    """Runs the list: every check once, none can stop the others."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = tuple(checks)

    @property
    def names(self) -> tuple[str, ...]:
        """The checks in their order."""
        return tuple(one.name for one in self._checks)

    async def run(self) -> tuple[Finding, ...]:
        """Look at everything; findings in the order of the list."""
        return tuple(await asyncio.gather(*(self._one(check) for check in self._checks)))

    async def _one(self, check: Check) -> Finding:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await check.look()
        except GatewayError as error:
            return failed(check.name, str(error))
        except TimeoutError:
            return failed(check.name, f"There was no answer within {PATIENCE_S:.0f} seconds.")
        except Exception as error:
            # A check that breaks must not hide what the others found; the log has the rest.
            log.exception("onboarding.check_broke", check=check.name)
            return failed(check.name, f"The check itself broke ({type(error).__name__}).")


def ok(check: str, said: str = "", **facts: str) -> Finding:
    """The finding that a check holds; ``facts`` are what a person copies, by label."""
    return Finding(check, Outcome.OK, said, facts)


def failed(check: str, said: str, **facts: str) -> Finding:
    """The finding that a check does not hold; ``said`` tells what was seen (English)."""
    return Finding(check, Outcome.FAILED, said, facts)


def skipped(check: str, said: str) -> Finding:
    """The finding that there was nothing to look at; ``said`` tells why (English)."""
    return Finding(check, Outcome.SKIPPED, said)
