"""Looking for bounces by the clock: every reader in turn, one that is away does not stop others."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from gateway.core.errors import GatewayError
from gateway.core.jobs.registry import JobContext
from gateway.dispatch.bounce_message import BOUNCE_UNREADABLE
from gateway.dispatch.bounce_readers import Take
from gateway.dispatch.bounces import Bounces

__all__ = ["BounceJob", "Reader"]

log = structlog.get_logger(__name__)


class Reader(Protocol):
    """A place bounces come to."""

    def read(self, take: Take) -> int:
        """Hand out what is there; blocking. Raises GatewayError."""
        ...


class BounceJob:
    """One look at every reader."""

    def __init__(self, *, readers: Sequence[Reader], bounces: Bounces) -> None:
        self._readers = tuple(readers)
        self._bounces = bounces

    async def __call__(self, job: JobContext) -> None:
        """Take what is there; raises the last failure after all readers were asked."""
        loop, failed = asyncio.get_running_loop(), None

        def take(content: bytes) -> None:
            asyncio.run_coroutine_threadsafe(self._take(content), loop).result()

        for reader in self._readers:
            try:
                await asyncio.to_thread(reader.read, take)
            except GatewayError as error:
                failed = error
        if failed is not None:
            raise failed

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
