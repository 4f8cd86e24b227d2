"""Where the time of one validation goes, by layer, taken by wrapping the product's functions.

Time is counted exclusively: what an inner part took is not counted for the outer one. A faulty
invoice stands beside the correct ones, because only findings have texts and places.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from bench.figures import Section, median
from bench.validator_own import DAY, RULES
from schematron import engine, svrl, validate, worker
from schematron.container import open_document
from schematron.finding import Report
from schematron.layers import Target, check_rules, check_schema
from schematron.location import Tree

__all__ = ["shares"]

_SAXON: Final = "in Saxon"
_REST: Final = "the rest"
_PARTS: Final = (
    "gate, container, reading the XML",
    "XML schema",
    "the document as Saxon's own tree",
    *(f"{name} {_SAXON}" for name in RULES),
    "reading SVRL",
    "findings: texts, terms, values",
    "places: line, column, excerpt",
    "report as JSON object",
    _REST,
)


class _Clock:
    """Seconds of processor time by part."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner: list[float] = []
        self._ruleset = ""

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Book the time of the block to a part, less that of parts inside it."""
        self._inner.append(0.0)
        began = time.process_time()
        try:
            yield
        finally:
            elapsed = time.process_time() - began
            self.seconds[name] += elapsed - self._inner.pop()
            if self._inner:
                self._inner[-1] += elapsed

    def timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function with its time booked."""

        @wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            with self.part(name):
                return function(*arguments, **options)

        return call

    def of_ruleset(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``check_rules`` with its time booked, and the rule set kept for what runs inside it."""

        @wraps(function)
        def call(target: Any, chosen: Any) -> Any:
            self._ruleset = chosen.ruleset.id
            with self.part("findings: texts, terms, values"):
                return function(target, chosen)

        return call

    def in_saxon(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``Engine.run`` with its time booked to the rule set at work."""

        @wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            with self.part(f"{self._ruleset} {_SAXON}"):
                return function(*arguments, **options)

        return call


def shares(store: Path | None, documents: Sequence[tuple[str, Path, int]]) -> Section:
    """Milliseconds by part for each (title, file, repeats), and for a faulty one of the second."""
    worker.initialise(None, str(store) if store else None, warm=RULES)
    title, file, repeats = documents[1]
    faulty = file.with_name("faulty.xml")
    faulty.write_bytes(file.read_bytes().replace(b'unitCode="DAY"', b'unitCode="WRONG"'))
    columns = [*documents, (f"{title}, each line faulty", faulty, repeats)]
    section = Section(
        "Where the time of one validation goes, ms", ("part", *(one[0] for one in columns))
    )
    measured = [_measure(file.read_bytes(), repeats) for _, file, repeats in columns]
    for part in _PARTS:
        section.add(part, *(found.get(part, 0.0) * 1000 for found in measured))
    section.add("together", *(sum(found.values()) * 1000 for found in measured))
    section.notes = ["Processor time with the product's functions wrapped from outside; medians."]
    return section


def _measure(content: bytes, repeats: int) -> dict[str, float]:
    """Seconds of processor time by part, medians of several rounds."""
    rounds = []
    for _ in range(3):
        clock = _Clock()
        with _wrapped(clock):
            for _ in range(repeats):
                with clock.part(_REST):
                    worker.run(content, as_of=DAY.isoformat())
        rounds.append({name: spent / repeats for name, spent in clock.seconds.items()})
    unknown = set().union(*rounds) - set(_PARTS)
    if unknown:
        raise RuntimeError(f"time was booked to {sorted(unknown)}, which the table does not show")
    return {name: median([one.get(name, 0.0) for one in rounds]) for name in _PARTS}


@contextmanager
def _wrapped(clock: _Clock) -> Iterator[None]:
    with ExitStack() as stack:
        for owner, name, replacement in (
            (validate, "open_document", clock.timed(open_document, _PARTS[0])),
            (validate, "check_schema", clock.timed(check_schema, _PARTS[1])),
            (Target, "loaded", clock.timed(Target.loaded, _PARTS[2])),
            (validate, "check_rules", clock.of_ruleset(check_rules)),
            (engine.Engine, "run", clock.in_saxon(engine.Engine.run)),
            (svrl, "read", clock.timed(svrl.read, "reading SVRL")),
            (Tree, "spots", clock.timed(Tree.spots, "places: line, column, excerpt")),
            (Tree, "short_path", clock.timed(Tree.short_path, "places: line, column, excerpt")),
            (Report, "to_json", clock.timed(Report.to_json, "report as JSON object")),
        ):
            stack.enter_context(patch.object(owner, name, replacement))
        yield
