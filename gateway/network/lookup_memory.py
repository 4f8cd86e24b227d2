"""Answers of SMPs remembered in the database: what one process asked, none has to ask again.

Keeps bytes and says how old they are; believes nothing. Whoever uses an answer verifies it again.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, delete

from gateway.core.database import Database
from gateway.core.jobs.dialect import insert_or_skip
from gateway.network.lookup_tables import LookupAnswer

__all__ = ["AnswerMemory", "SmpAnswer"]

ABSENT: Final = 404
ABSENCE_TTL: Final = timedelta(seconds=30)
MAX_REMEMBERED_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class SmpAnswer:
    """One raw answer of an SMP, received at ``fetched_at`` (aware UTC): evidence of that moment."""

    url: str
    status: int
    body: bytes
    fetched_at: datetime


class AnswerMemory:
    """Answers by address, each for ``ttl_s`` seconds; that nothing is there, for 30 at most.

    With ``ttl_s`` 0 nothing is remembered. Answers of more than 256 KiB are not kept; those past
    their time are removed as new ones come, so there are never more than were asked for lately.
    """

    def __init__(self, *, database: Database, ttl_s: float) -> None:
        self._database = database
        self._ttl = timedelta(seconds=ttl_s)

    async def get(self, url: str, at: datetime) -> SmpAnswer | None:
        """The answer of this address, if one is young enough at this moment."""
        if not self._ttl:
            return None
        async with self._database.read() as session:
            row = await session.get(LookupAnswer, _hash(url))
        if row is None or row.url != url or not self._holds(row, at):
            return None
        return SmpAnswer(url=row.url, status=row.status, body=row.body, fetched_at=row.fetched_at)

    async def put(self, answer: SmpAnswer) -> None:
        """Remember an answer in place of an older one of the same address."""
        if not self._ttl or len(answer.body) > MAX_REMEMBERED_BYTES:
            return
        # A caller that gives up waiting must not leave a half-written answer behind.
        await asyncio.shield(self._write(answer))

    async def _write(self, answer: SmpAnswer) -> None:
        key = _hash(answer.url)
        async with self._database.write() as session:
            await session.exec(
                delete(LookupAnswer).where(
                    (col(LookupAnswer.fetched_at) < answer.fetched_at - self._ttl)
                    | (col(LookupAnswer.address_hash) == key)
                )
            )
            # Another process may have written the same address meanwhile; its answer is as good.
            await session.exec(
                insert_or_skip(session, LookupAnswer).values(
                    address_hash=key,
                    url=answer.url,
                    status=answer.status,
                    body=answer.body,
                    fetched_at=answer.fetched_at,
                )
            )

    def _holds(self, row: LookupAnswer, at: datetime) -> bool:
        longest = min(self._ttl, ABSENCE_TTL) if row.status == ABSENT else self._ttl
        return row.fetched_at <= at < row.fetched_at + longest


def _hash(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
