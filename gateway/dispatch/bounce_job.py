"""Looking for bounces by the clock: every reader in turn, one that is away does not stop others."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from gateway.core.alarms import AlarmKind, Severity, clear_alarm, raise_alarm
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.jobs.registry import JobContext
from gateway.dispatch.bounce_message import BOUNCE_UNREADABLE
from gateway.dispatch.bounce_readers import Take
from gateway.dispatch.bounces import Bounces

__all__ = ["BOUNCES_UNREAD", "BounceJob", "Reader"]

log = structlog.get_logger(__name__)


BOUNCES_UNREAD: Final = AlarmKind(
    "BOUNCES-UNREAD",
    Severity.WARNING,
    "Returned e-mails cannot be read",
    "Check the dispatch.bounce_* settings and the mailbox: until then, documents that came back "
    "look as if they had arrived.",
)


class Reader(Protocol):
    """A place bounces come to."""

    @property
    def place(self) -> str:
        """What the operator knows it by; no secret."""
        ...

    def read(self, take: Take) -> int:
        """Hand out what is there; blocking. Raises GatewayError."""
        ...


class BounceJob:
    """One look at every reader; an alarm is open as long as one cannot be read."""

    def __init__(
        self,
        *,
        readers: Sequence[Reader],
        bounces: Bounces,
        database: Database,
        now: MachineClock,
    ) -> None:
        self._readers = tuple(readers)
        self._bounces = bounces
        self._database = database
        self._now = now

    async def __call__(self, job: JobContext) -> None:
        """Take what is there; raises the last failure after all readers were asked."""
        loop, failed = asyncio.get_running_loop(), None

        def take(content: bytes) -> None:
            asyncio.run_coroutine_threadsafe(self._take(content), loop).result()

        for reader in self._readers:
            fault = None
            try:
                await asyncio.to_thread(reader.read, take)
            except GatewayError as error:
                failed = fault = error
            await self._tell_operator(reader.place, fault)
        if failed is not None:
            raise failed

    async def _tell_operator(self, place: str, fault: GatewayError | None) -> None:
        at = self._now()
        async with self._database.write() as session:
            if fault is None:
                await clear_alarm(session, BOUNCES_UNREAD, place, at=at)
            else:
                facts = {"code": fault.code, "text": fault.message}
                await raise_alarm(session, BOUNCES_UNREAD, place, at=at, facts=facts)

    async def _take(self, content: bytes) -> None:
        try:
            outcome = await self._bounces.take(content)
        except GatewayError as error:
            if error.kind is not BOUNCE_UNREADABLE:
                raise
            # Not readable now is not readable later: it is out of the way, and said.
            log.warning("dispatch.bounce_unreadable", code=error.code)
            return
        log.info(
            "dispatch.bounce_taken",
            verdict=outcome.verdict.value,
            dispatch_id=str(outcome.dispatch_id) if outcome.dispatch_id else None,
            changed=outcome.changed,
        )
