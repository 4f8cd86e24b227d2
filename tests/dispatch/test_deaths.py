"""The process is killed over an e-mail: it goes out once or not at all, and the row tells which."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import col, update

from gateway.core.jobs.tables import Job, JobState

PROGRAM = Path(__file__).with_name("dispatch_process.py")
AT_MOST_S = 60.0
ENDS = {
    "mail-agreed": ("sent", 1),
    "mail-marked": ("unknown", 0),
    "mail-taken": ("unknown", 1),
    "mail-ended": ("sent", 1),
}
"""By where it dies: what becomes of the dispatch afterwards, and how often the server got it."""

pytestmark = pytest.mark.endurance


@pytest.fixture
async def lives():
    """Hands settings to the process that dies; returns how each life ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def live(settings: str) -> str:
        process.stdin.write(settings.encode() + b"\n")
        await process.stdin.drain()
        word = await asyncio.wait_for(process.stdout.readline(), AT_MOST_S)
        return word.decode().strip()

    yield live
    process.stdin.close()
    await process.wait()


def settings_of(house, point: str) -> str:
    platform = house.gateway.platform
    settings = platform.settings.model_dump(mode="json")
    settings["faults"]["kill_at"] = point
    # What is printed of the settings lacks the password.
    settings["database"]["url"] = platform.database.url.render_as_string(hide_password=False)
    return json.dumps(settings)


async def test_whenever_the_process_dies_an_email_goes_out_at_most_once(house, lives):
    for number, (point, (state, taken)) in enumerate(ENDS.items()):
        house.sink.taken.clear()
        answer = await house.submit(house.invoice(f"MA-{number}"), "?channel=email")
        assert await lives(settings_of(house, point)) == "died", point
        assert len(house.sink.taken) == (taken if point != "mail-agreed" else 0), point
        async with house.gateway.platform.database.write() as session:
            lapsed = datetime(2020, 1, 1, tzinfo=UTC)
            await session.exec(
                update(Job).where(col(Job.state) == JobState.LEASED).values(run_at=lapsed)
            )
        for _ in range(3):
            await house.later()
        (row,) = await house.dispatches(answer.body["id"])
        assert (row.state, len(house.sink.taken)) == (state, taken), point
