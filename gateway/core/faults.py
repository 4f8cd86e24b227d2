"""Named points where a test may break the gateway on purpose.

A crash test proves "nothing lost, nothing doubled" only if the process really dies, at a known
place, without a chance to clean up. Settings refuse these switches in production.
"""

import os
import signal
from collections import Counter
from typing import Literal

from gateway.core.settings import FaultSettings

__all__ = ["Faults", "Point"]

Point = Literal[
    "blob-fsynced",
    "row-committed",
    "bytes-sent",
    "receipt-read",
    "receipt-committed",
    "message-spooled",
    "message-committed",
    "receipt-sent",
    "inbox-committed",
    "reminder-planned",
    "reminder-drafted",
    "reminder-composed",
    "reminder-sent",
    "mail-agreed",
    "mail-marked",
    "mail-taken",
    "mail-ended",
    "check-examined",
    "check-committed",
]


class Faults:
    """The breaking points of one process, all quiet unless the settings say otherwise."""

    def __init__(self, settings: FaultSettings) -> None:
        self._cut = frozenset(settings.cut)
        point, _, count = settings.kill_at.partition(":")
        self._kill_at = point
        self._kill_on = int(count or 1)
        self._reached: Counter[str] = Counter()

    def reach(self, point: Point) -> None:
        """Pass a named point; the process dies here if the settings ask for it."""
        if not self._kill_at:
            return
        self._reached[point] += 1
        if point == self._kill_at and self._reached[point] == self._kill_on:
            os.kill(os.getpid(), signal.SIGKILL)

    def cuts(self, answer: Literal["receipt", "mls", "response"]) -> bool:
        """Whether this kind of answer is to be withheld."""
        return answer in self._cut
