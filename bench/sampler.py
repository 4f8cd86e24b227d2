"""On what a process spends its processor time, found by looking at its threads now and then.

Every few milliseconds each thread's processor clock is read, and what it used since the last
look is booked to what it is doing now. Unlike a stopwatch this is not fooled by waiting, so it
holds on a busy machine too.
"""

import sys
import threading
import time
from collections import Counter
from types import FrameType, TracebackType
from typing import Final, Self

__all__ = ["BENCHMARK", "Sampler"]

BENCHMARK: Final = "the benchmark itself"

_EVERY_S: Final = 0.002
_SWITCH_S: Final = 0.0002
_OURSELVES: Final = "/bench/"
_WRAPPERS: Final = "/bench/stopwatch.py"
_KINDS: Final = (
    ("database (SQLAlchemy and driver)", ("/sqlalchemy/", "/sqlmodel/", "/aiosqlite/", "/psycopg")),
    ("AS4 and certificates", ("/gateway/as4/", "/cryptography/", "/gateway/network/pki.py")),
    ("files with fsync", ("/gateway/core/blobs.py", "/gateway/core/blob_format.py")),
    ("the invoice's XML", ("/ubl/",)),
    ("log", ("/structlog/", "/logging/")),
    ("HTTP", ("/aiohttp/", "/yarl/", "/multidict/", "/gateway/web/")),
    ("JSON and API models", ("/pydantic", "/json/")),
    ("rule engine", ("/gateway/core/pool.py", "/multiprocessing/")),
    ("the gateway's own code", ("/gateway/",)),
)
_BELOW_TASKS: Final = ("/asyncio/events.py", "/asyncio/base_events.py")
_LOOP: Final = "event loop and threads' idling"


class Sampler:
    """Seconds of processor time by kind of work, for as long as it is entered."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._switch_before = sys.getswitchinterval()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler")

    def __enter__(self) -> Self:
        # Else a thread is seen only where it lets go of the interpreter by itself, which is in
        # its system calls.
        sys.setswitchinterval(_SWITCH_S)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        sys.setswitchinterval(self._switch_before)

    def _run(self) -> None:
        known: dict[int, float] = {}
        while not self._stop.wait(_EVERY_S):
            frames = sys._current_frames()
            for thread in threading.enumerate():
                if thread is self._thread or thread.ident is None:
                    continue
                try:
                    clock = time.pthread_getcpuclockid(thread.ident)
                    now = time.clock_gettime(clock)
                except OSError:
                    continue  # it has ended meanwhile
                used = now - known.get(thread.ident, now)
                known[thread.ident] = now
                if used > 0:
                    self.seconds[_kind(frames.get(thread.ident))] += used


def _kind(frame: FrameType | None) -> str:
    """What a stack is about: the innermost frame that belongs to a kind decides."""
    found = _LOOP
    while frame is not None:
        place = frame.f_code.co_filename
        if place.endswith(_BELOW_TASKS):
            break  # under it is only who started the loop
        if _OURSELVES in place and not place.endswith(_WRAPPERS):
            return BENCHMARK
        if found is _LOOP:
            found = next((kind for kind, marks in _KINDS if any(m in place for m in marks)), _LOOP)
        frame = frame.f_back
    return found
