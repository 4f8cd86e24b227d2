"""Peers of the demonstration as processes of their own, which end with the block they serve."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:[0-9]+)/")
MOCK_BANK = Path(sys.executable).with_name("mock-bank")


@contextmanager
def running(*command: object) -> Iterator[str]:
    """A process that says where it listens, for as long as the block lasts."""
    process = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := LISTENING.search(line):
                yield found[1]
                break
        else:
            pytest.fail("it did not start:\n" + "".join(said))
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


@contextmanager
def mock_bank(day: str) -> Iterator[str]:
    """The address of a bank in Brussels on the morning of ``day``; skips where there is none."""
    if not MOCK_BANK.exists():
        reason = "mock-bank is not installed: pip install 'peppol-gateway[demo]'"
        if "mock-bank" in os.environ.get("GATEWAY_REQUIRE", "").split(","):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    zone = ("--timezone", "Europe/Brussels")
    with running(MOCK_BANK, "--port", "0", "--clock", f"{day}T09:00", *zone) as url:
        yield url
