"""How a story is told: one line a step, each printed only after it happened; and asking an API."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TextIO

import aiohttp

__all__ = ["StepMissing", "Teller", "expect", "fetch", "send"]

_POLL_S: Final = 0.1


class StepMissing(Exception):
    """A step that did not happen, and what was seen instead."""


@dataclass(slots=True)
class Teller:
    """Prints the steps and knows which one is being told."""

    out: TextIO
    began: float
    patience_s: float
    number: int = 0

    def step(self, text: str) -> None:
        """Tell the next step, now that it happened."""
        elapsed = time.monotonic() - self.began
        self.number += 1
        print(f"{self.number:2}  {elapsed:6.2f} s  {text}", file=self.out, flush=True)

    async def until(
        self, look: Callable[[], Awaitable[Mapping[str, Any] | None]], otherwise: str
    ) -> Mapping[str, Any]:
        """Wait for what the next step is about; raises StepMissing when patience ends."""
        deadline = time.monotonic() + self.patience_s
        while time.monotonic() < deadline:
            found = await look()
            if found is not None:
                return found
            await asyncio.sleep(_POLL_S)
        raise StepMissing(f"Waited {self.patience_s:g} seconds: {otherwise}.")


def expect(holds: bool, otherwise: str) -> None:
    """Stop the story where something is not as it should be."""
    if not holds:
        raise StepMissing(otherwise)


async def fetch(http: aiohttp.ClientSession, path: str) -> Any:
    """What an API shows under a path."""
    async with http.get(path) as answer:
        body = await answer.read()
        expect(answer.status == 200, f"{path} was answered with HTTP {answer.status}")
        return json.loads(body)


async def send(
    http: aiohttp.ClientSession, path: str, body: Mapping[str, Any], *, status: int = 200
) -> Any:
    """Ask an API to do something, and what it answers when it did."""
    async with http.post(path, json=body) as answer:
        told = await answer.json(content_type=None)
        expect(answer.status == status, f"{path} was answered with HTTP {answer.status}: {told}")
        return told
