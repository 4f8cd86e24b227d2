"""Processes for work that would hold the interpreter lock: rule engines, typesetting.

Written on ``multiprocessing`` (spawn) and one pipe per process instead of
``ProcessPoolExecutor``, because a task that hangs or swells must be ended by killing the one
process it runs in: the executor cannot cancel a running task and breaks as a whole when a
process dies. Spawn, never fork: the engines have threads and locks that a fork would not copy.
The memory bound is a watchdog on resident memory, because an engine may reserve far more
address space than it ever uses. Knows nothing of the work: what to load and what to run is
handed in.
"""

import asyncio
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import structlog

from gateway.core.errors import ErrorKind, GatewayError, Retry

__all__ = [
    "POOL_BUSY",
    "POOL_CRASHED",
    "POOL_FAILED",
    "POOL_MEMORY",
    "POOL_TIMEOUT",
    "ComputePool",
]

log = structlog.get_logger(__name__)

POOL_BUSY: Final = ErrorKind("POOL-BUSY", "Too much is being computed", 503, Retry.BACKOFF)
POOL_TIMEOUT: Final = ErrorKind("POOL-TIMEOUT", "A computation took too long", 504, Retry.BACKOFF)
POOL_MEMORY: Final = ErrorKind("POOL-MEMORY", "A computation needed too much memory", 422)
POOL_CRASHED: Final = ErrorKind("POOL-CRASHED", "A computation crashed", 500, Retry.BACKOFF)
POOL_FAILED: Final = ErrorKind("POOL-FAILED", "A computation failed", 500)

R = TypeVar("R")

_WATCH_S: Final = 0.2
_START_S: Final = 120.0
_KILL_ABOVE: Final = 1.5
_GONE: Final = (EOFError, OSError)


class _Crashed(Exception):
    """The process ended in the middle of a task."""


@dataclass(slots=True)
class _Child:
    """One process and our end of its pipe."""

    process: BaseProcess
    pipe: Connection

    def exchange(self, arguments: Sequence[Any]) -> Any:
        """Hand a task over and wait for its answer (blocking); raises _Crashed."""
        try:
            self.pipe.send(arguments)
            return self.pipe.recv()
        except _GONE:
            raise _Crashed from None

    def kill(self) -> None:
        """End the process at once and wait until it is gone (blocking)."""
        self.process.kill()
        self.process.join()
        self.pipe.close()

    def rss_bytes(self) -> int:
        """Resident memory; 0 where the system does not tell (no /proc)."""
        try:
            pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class _Slot:
    """A place for one process; empty while it has none."""

    child: _Child | None = None


class ComputePool(Generic[R]):
    """A fixed number of processes, each doing one task at a time.

    ``initialise(*initial)`` runs once in each process; what it returns is the first argument of
    every ``run(state, *arguments)`` there. Both must be importable top-level functions; arguments
    and results travel pickled, so keep them to bytes and plain values. ``rss_limit_mb`` bounds
    each process: above it the process is replaced after its task, above one and a half times it
    is killed during the task.
    """

    def __init__(
        self,
        initialise: Callable[..., Any],
        run: Callable[..., R],
        *,
        initial: Sequence[Any] = (),
        workers: int,
        timeout_s: float,
        rss_limit_mb: int,
        queue_limit: int,
    ) -> None:
        self._mission = (initialise, tuple(initial), run)
        self._timeout_s = timeout_s
        self._rss_limit = rss_limit_mb << 20
        self._queue_limit = queue_limit
        self._slots = [_Slot() for _ in range(workers)]
        self._free: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        self._waiting = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="pool")
        self._started = self._closing = False

    @property
    def ready(self) -> bool:
        """Whether at least one process is up and initialised."""
        return any(slot.child is not None for slot in self._slots)

    def start(self) -> None:
        """Start the processes in the background; does nothing the second time."""
        if not self._started:
            self._started = True
            for slot in self._slots:
                self._in_background(self._tidy(slot))

    async def run(self, *arguments: Any) -> R:
        """Do one task; returns what ``run`` returned.

        Raises GatewayError POOL-BUSY when too many wait already, POOL-TIMEOUT, POOL-MEMORY,
        POOL-CRASHED when the process died twice, POOL-FAILED for an unforeseen exception in the
        task, and whatever GatewayError the task raised. A caller that is cancelled does not
        stop the task; its process is free again when the task ends.
        """
        if self._closing or self._waiting >= self._queue_limit:
            raise GatewayError(POOL_BUSY, "More is waiting than can be done soon; retry later.")
        self.start()
        self._waiting += 1
        try:
            slot = await self._free.get()
        finally:
            self._waiting -= 1
        if self._closing:
            self._free.put_nowait(slot)  # for the next one who waits, to learn the same
            raise GatewayError(POOL_BUSY, "The gateway is stopping; retry later.")
        task = self._in_background(self._use(slot, arguments))
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        result: R = await asyncio.shield(task)
        return result

    async def close(self) -> None:
        """Stop every process, also those with a task in hand, and wait until they are gone."""
        self._closing = True
        for slot in self._slots:
            if slot.child is not None:
                slot.child.process.kill()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for slot in self._slots:
            await self._discard(slot)
        self._threads.shutdown()

    async def _use(self, slot: _Slot, arguments: Sequence[Any]) -> R:
        try:
            for _ in range(2):
                child = slot.child or await self._fill(slot)
                try:
                    return await self._watch(slot, child, arguments)
                except _Crashed:
                    log.warning("pool.crashed", pid=child.process.pid)
                    await self._discard(slot)
                    if self._closing:
                        raise GatewayError(
                            POOL_BUSY, "The gateway is stopping; retry later."
                        ) from None
            raise GatewayError(
                POOL_CRASHED, "The process that computed this died, and so did the second one."
            )
        finally:
            self._in_background(self._tidy(slot))

    async def _watch(self, slot: _Slot, child: _Child, arguments: Sequence[Any]) -> R:
        """Run one task under the eyes of clock and memory gauge."""
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._threads, child.exchange, arguments)
        deadline = loop.time() + self._timeout_s
        while not answer.done():
            left = deadline - loop.time()
            swollen = child.rss_bytes() > self._rss_limit * _KILL_ABOVE
            if left <= 0 or swollen:
                await self._discard(slot)
                await asyncio.wait([answer])
                answer.exception()
                if swollen:
                    raise GatewayError(
                        POOL_MEMORY, "This needs more memory than one computation may take."
                    )
                raise GatewayError(
                    POOL_TIMEOUT, f"This was not done within {self._timeout_s:g} seconds."
                )
            await asyncio.wait([answer], timeout=min(left, _WATCH_S))
        result: R = _unwrap(answer.result())
        return result

    async def _tidy(self, slot: _Slot) -> None:
        """Make a slot fit for its next task, then offer it."""
        if slot.child is not None and slot.child.rss_bytes() > self._rss_limit:
            log.info("pool.recycled", pid=slot.child.process.pid)
            await self._discard(slot)
        if slot.child is None and not self._closing:
            try:
                await self._fill(slot)
            except GatewayError as error:
                log.error("pool.start_failed", code=error.code, reason=error.message)
        self._free.put_nowait(slot)

    async def _fill(self, slot: _Slot) -> _Child:
        """Start a process in an empty slot and wait until it is initialised."""
        loop = asyncio.get_running_loop()
        child = await loop.run_in_executor(self._threads, _spawn, self._mission)
        hello = loop.run_in_executor(self._threads, child.pipe.recv)
        await asyncio.wait([hello], timeout=_START_S)
        try:
            if not hello.done():
                raise GatewayError(POOL_CRASHED, "A computing process did not start in time.")
            _unwrap(hello.result())
        except (GatewayError, *_GONE) as error:
            await loop.run_in_executor(None, child.kill)
            await asyncio.wait([hello])
            if isinstance(error, GatewayError):
                raise
            raise GatewayError(POOL_CRASHED, "A computing process died while starting.") from None
        slot.child = child
        return child

    async def _discard(self, slot: _Slot) -> None:
        child, slot.child = slot.child, None
        if child is not None:
            await asyncio.get_running_loop().run_in_executor(None, child.kill)

    def _in_background(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _unwrap(answer: tuple[str, Any]) -> Any:
    verdict, value = answer
    if verdict == "raised":
        raise GatewayError(value[0], value[1], **value[2])
    if verdict == "failed":
        log.error("pool.task_failed", trace=value)
        raise GatewayError(POOL_FAILED, "The computation stopped unexpectedly; see the log.")
    return value


def _spawn(mission: tuple[Any, ...]) -> _Child:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, *mission), daemon=True)
    process.start()
    theirs.close()
    return _Child(process, ours)


def _serve(
    pipe: Connection,
    initialise: Callable[..., Any],
    initial: Sequence[Any],
    run: Callable[..., Any],
) -> None:
    """The life of a process: ends when the pipe closes, which also happens if the parent dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    state: Any = None

    def prepare() -> None:
        nonlocal state
        state = initialise(*initial)

    try:
        pipe.send(_answer(prepare))
        while True:
            arguments = pipe.recv()
            pipe.send(_answer(run, state, *arguments))
    except _GONE:
        return


def _answer(function: Callable[..., Any], *arguments: Any) -> tuple[str, Any]:
    try:
        return "done", function(*arguments)
    except GatewayError as error:
        return "raised", (error.kind, error.message, dict(error.facts))
    except Exception as error:  # noqa: BLE001 - crosses to the parent, which logs it
        # Names and places only: the message of an unforeseen exception may quote its input.
        places = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
        return "failed", f"{type(error).__name__}\n{places}"
