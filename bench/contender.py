"""A product in the comparison of formats: what each task took it, or why there is no figure.

Every task has its limits: what takes long is measured once, what takes far too long is ended, and
what is expected to is not begun, so that the whole comes to its end whatever a product does.
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Final

from bench.talk import Talker, TookTooLong

__all__ = ["LIMIT_S", "TOO_LONG_S", "Absent", "Contender", "Document"]

TOO_LONG_S: Final = 1
"""What takes longer is measured once, at its first time."""
LIMIT_S: Final = 20
"""What takes longer is ended, and what is expected to, by what fewer lines took, is not begun."""
_TELLING_LINES: Final = 200
_WARM_UP_S: Final = 2.0
_ROUND_S: Final = 0.25
_NOT_DONE: Final = "does not do it"

_Place = tuple[str, int]
"""A task and the number of lines."""


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice in both syntaxes, and how often each task is done on it."""

    lines: int
    files: Mapping[str, Path]
    repeats: int
    cold: int
    """How often a Java machine does a task before it counts."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Why there is no figure: the few words in its place, and more of them where there are."""

    cell: str | None
    why: str = ""


@dataclass(slots=True)
class Contender:
    """A product, and the processor seconds it took by task and document.

    ``tasks`` says in which syntax the invoice is that each task starts from, ``pages`` is the PDF
    that the XML is put into. By the monotonic clock, after ``hurry`` one round is enough, and after
    ``deadline`` nothing more is begun.
    """

    name: str
    process: Talker
    tasks: Mapping[str, str]
    pages: Path
    _: KW_ONLY
    hurry: float
    deadline: float
    is_java: bool = False
    took: defaultdict[_Place, list[float]] = field(default_factory=lambda: defaultdict(list))
    absent: dict[_Place, Absent] = field(default_factory=dict)
    peak: dict[int, float] = field(default_factory=dict)
    _last: dict[_Place, float] = field(default_factory=dict)

    def warm_up(self, task: str, document: Document) -> None:
        """Have a task done until it is warm, and see how long it takes."""
        place = task, document.lines
        expected = self._expected(task, document.lines)
        if time.monotonic() > self.deadline:
            self.absent[place] = Absent("no time")
        elif expected > LIMIT_S:
            why = f"{expected:.0f} s or more were to be expected"
            self.absent[place] = Absent("left out", why)
        elif (seconds := self._ask(task, document, 1)) is None:
            return
        elif seconds > TOO_LONG_S:
            self.took[place].append(seconds)
        elif self.is_java:
            self._ask(task, document, _fitting(document.cold, seconds, _WARM_UP_S))

    def measure(self, task: str, document: Document) -> None:
        """Have a task done some times, and keep what it took."""
        place = task, document.lines
        took = self.took[place]
        is_enough = took and (took[0] > TOO_LONG_S or time.monotonic() > self.hurry)
        if place in self.absent or is_enough:
            return
        repeats = _fitting(document.repeats, self._last[place], _ROUND_S)
        if (seconds := self._ask(task, document, repeats)) is not None:
            took.append(seconds)

    def _expected(self, task: str, lines: int) -> float:
        """How long a task may be expected to take by what fewer lines took, in seconds."""
        known = (
            took * lines / fewer
            for (one, fewer), took in self._last.items()
            if one == task and fewer >= _TELLING_LINES
        )
        return max(known, default=0.0)

    def _ask(self, task: str, document: Document, repeats: int) -> float | None:
        place = task, document.lines
        file = document.files[self.tasks[task]]
        order = f"{task}|{repeats}|{file}|{self.pages}"
        try:
            answer = self.process.ask(order, most=LIMIT_S)
        except TookTooLong:
            self._last[place] = LIMIT_S
            self.absent[place] = Absent(f"over {LIMIT_S} s")
            return None
        if why := answer.get("absent"):
            is_none_of_its = _NOT_DONE in str(why)
            self.absent[place] = Absent(None) if is_none_of_its else Absent("failed", str(why))
            return None
        self._last[place] = float(answer["seconds"])
        return self._last[place]


def _fitting(most: int, seconds: float, room: float) -> int:
    """How often something that takes so long fits into the room, at least once."""
    return max(1, min(most, int(room / max(seconds, 1e-6))))
