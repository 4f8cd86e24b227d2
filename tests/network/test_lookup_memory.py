"""Remembered answers of SMPs, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlmodel import select

from gateway.network.lookup_memory import MAX_REMEMBERED_BYTES, AnswerMemory, SmpAnswer
from gateway.network.lookup_tables import LookupAnswer

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URL = "https://smp.example/iso6523-actorid-upis%3A%3A0088%3Ax"


def answer(url: str = URL, *, at: datetime = NOW, status: int = 200, body: bytes = b"<a/>"):
    return SmpAnswer(url=url, status=status, body=body, fetched_at=at)


async def kept(database) -> list[str]:
    async with database.read() as session:
        return sorted((await session.exec(select(LookupAnswer.url))).all())


async def test_an_answer_is_kept_for_its_time(database) -> None:
    memory = AnswerMemory(database=database, ttl_s=60)
    await memory.put(answer())
    assert await memory.get(URL, NOW + timedelta(seconds=59)) == answer()
    assert await memory.get(URL, NOW + timedelta(seconds=60)) is None
    # From a clock that is ahead of ours: not known to be young.
    assert await memory.get(URL, NOW - timedelta(seconds=1)) is None
    assert await memory.get(URL + "y", NOW) is None


async def test_that_nothing_is_there_is_kept_for_a_moment(database) -> None:
    memory = AnswerMemory(database=database, ttl_s=900)
    await memory.put(answer(status=404, body=b""))
    assert await memory.get(URL, NOW + timedelta(seconds=29)) is not None
    assert await memory.get(URL, NOW + timedelta(seconds=30)) is None


async def test_a_newer_answer_takes_the_place_of_the_older(database) -> None:
    memory = AnswerMemory(database=database, ttl_s=60)
    newer = answer(at=NOW + timedelta(seconds=5), body=b"<b/>")
    await memory.put(answer())
    await memory.put(newer)
    assert await memory.get(URL, NOW + timedelta(seconds=6)) == newer
    await asyncio.gather(*(memory.put(newer) for _ in range(5)))
    assert await kept(database) == [URL]


async def test_answers_past_their_time_are_removed(database) -> None:
    memory = AnswerMemory(database=database, ttl_s=60)
    await memory.put(answer("https://a.example"))
    await memory.put(answer("https://b.example", at=NOW + timedelta(seconds=30)))
    await memory.put(answer("https://c.example", at=NOW + timedelta(seconds=61)))
    assert await kept(database) == ["https://b.example", "https://c.example"]


async def test_what_is_large_or_unwanted_is_not_kept(database) -> None:
    memory = AnswerMemory(database=database, ttl_s=60)
    await memory.put(answer(body=b"x" * (MAX_REMEMBERED_BYTES + 1)))
    off = AnswerMemory(database=database, ttl_s=0)
    await off.put(answer())
    assert await kept(database) == []
    await memory.put(answer())
    assert await off.get(URL, NOW) is None
