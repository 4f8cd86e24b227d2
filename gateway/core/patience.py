"""How long each phase of an HTTP exchange may take, and in which phase it stands.

The HTTP client knows one time-out for connecting and one for reading. What an operator must know
is where it got stuck: name server, connection, TLS, the way there, the wait, the way back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Patience", "Phase", "Progress", "enter", "exchange"]


class Phase(StrEnum):
    """Where an exchange stands. What was sent before WAIT is certainly not the whole message."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    SEND = "send"
    WAIT = "wait"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for each phase.

    ``dns``, ``connect``, ``tls`` and ``wait`` (for the first byte of the answer) are for the
    whole phase, ``send`` and ``read`` for every piece: a large message may take its time as long
    as it moves.
    """

    dns: float
    connect: float
    tls: float
    send: float
    wait: float
    read: float

    def of(self, phase: Phase) -> float:
        """The seconds of one phase."""
        return float(getattr(self, phase.value))


class Progress:
    """One exchange under way: its phase, and whether its time ran out there."""

    def __init__(self, patience: Patience, clock: asyncio.Timeout) -> None:
        self._patience = patience
        self._clock = clock
        self.phase = Phase.CONNECT

    @property
    def expired(self) -> bool:
        """Whether the patience of the present phase was exhausted."""
        return self._clock.expired()

    def enter(self, phase: Phase) -> None:
        """Go on to a phase, or to the next piece of it, with fresh patience.

        An answer may begin before the last of the message was written: then nothing that is
        still sent counts any more.
        """
        if self.phase is Phase.READ and phase is not Phase.READ:
            return
        # Too late: the time ran out while this was on its way.
        with suppress(RuntimeError):
            deadline = asyncio.get_running_loop().time() + self._patience.of(phase)
            self._clock.reschedule(deadline)
            self.phase = phase


_present: ContextVar[Progress | None] = ContextVar("progress", default=None)


def enter(phase: Phase) -> None:
    """Tell the exchange that is under way here, if any, that it reached a phase."""
    progress = _present.get()
    if progress is not None:
        progress.enter(phase)


@asynccontextmanager
async def exchange(patience: Patience) -> AsyncIterator[Progress]:
    """Bound one exchange, from its connection on; raises TimeoutError in the phase it stuck in."""
    async with asyncio.timeout(patience.connect) as clock:
        progress = Progress(patience, clock)
        token = _present.set(progress)
        try:
            yield progress
        finally:
            _present.reset(token)
