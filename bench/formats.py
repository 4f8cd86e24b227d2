"""Formats: reading, writing, converting and rendering invoices of 2, 200 and 5,000 lines.

Ours beside other products, each in a process of its own that measures itself, taking turns. Where
a product does not do a task or fails at it, the table says so.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.figures import Section, median
from bench.java_project import build
from bench.long_invoice import EXAMPLE, invoice_of_lines
from bench.peer import PeerMissing
from bench.talk import Talker
from bench.validators import environment
from ubl.formats import FORMATS
from ubl.invoice import read_invoice, write_invoice
from ubl.safexml import parse

__all__ = ["measure"]

_OURS: Final = "this product"
_MUSTANG: Final = "Mustang 2.25.0"
PYPI_PEERS: Final = {"drafthorse": "2025.2.0", "factur-x": "7.8", "mock-einvoice": "0.4.0"}
_TASKS: Final[Mapping[str, str]] = {
    "read UBL": "ubl",
    "write UBL": "ubl",
    "read CII": "cii",
    "write CII": "cii",
    "UBL to CII": "ubl",
    "CII to UBL": "cii",
    "render HTML": "cii",
    "render PDF": "cii",
    "XML into PDF": "cii",
    "Factur-X from data": "cii",
}
"""The tasks, and in which syntax the invoice is that each starts from."""
_PAGES: Final = (
    EXAMPLE.parents[1]
    / "pdf-mustang"
    / "library_src_test_resources_MustangGnuaccountingBeispielRE-20201121_508blankoA3.pdf"
)
"""An invoice of one page in PDF/A-3, which the XML is put into whatever its length."""
_TOO_LONG_S: Final = 5
"""What takes longer is measured once."""
_FAR_TOO_LONG_S: Final = 30
"""What is expected to take longer, by what fewer lines took, is not measured."""
_TELLING_LINES: Final = 200
_WARM_UP_S: Final = 6.0
_ROUND_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Document:
    """An invoice in both syntaxes, and how often each task is done on it."""

    lines: int
    files: Mapping[str, Path]
    repeats: int
    cold: int
    """How often a Java machine does a task before it counts."""


@dataclass(slots=True)
class _Contender:
    """A product, and the processor seconds it took by task and document."""

    name: str
    process: Talker
    is_java: bool = False
    took: defaultdict[tuple[str, int], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    last: dict[tuple[str, int], float] = field(default_factory=dict)
    absent: dict[tuple[str, int], str] = field(default_factory=dict)
    peak: dict[int, float] = field(default_factory=dict)

    def warm_up(self, task: str, document: _Document) -> None:
        """Have a task done until it is warm, and see how long it takes."""
        place = task, document.lines
        expected = max(
            (
                took * document.lines / lines
                for (one, lines), took in self.last.items()
                if one == task and lines >= _TELLING_LINES
            ),
            default=0.0,
        )
        if expected > _FAR_TOO_LONG_S:
            self.absent[place] = f"left out, about {expected:.0f} s are to be expected"
            return
        seconds = self._ask(task, document, 1)
        if seconds is None:
            return
        if seconds > _TOO_LONG_S:
            self.took[place].append(seconds)
        elif self.is_java:
            self._ask(task, document, _fitting(document.cold, seconds, _WARM_UP_S))

    def measure(self, task: str, document: _Document) -> None:
        """Have a task done some times, and keep what it took."""
        place = task, document.lines
        if place in self.absent or (self.took[place] and self.took[place][0] > _TOO_LONG_S):
            return
        repeats = _fitting(document.repeats, self.last[place], _ROUND_S)
        if (seconds := self._ask(task, document, repeats)) is not None:
            self.took[place].append(seconds)

    def _ask(self, task: str, document: _Document, repeats: int) -> float | None:
        place = task, document.lines
        file = document.files[_TASKS[task]]
        answer = self.process.ask(f"{task}|{repeats}|{file}|{_PAGES}")
        if why := answer.get("absent"):
            self.absent[place] = str(why)
            return None
        self.last[place] = float(answer["seconds"])
        return self.last[place]


def measure(folder: Path, *, rounds: int, peers: bool) -> list[Section]:
    """One table for each size of invoice, and the memory each product held."""
    if not EXAMPLE.is_file():
        missing = Section("Formats", ("",))
        missing.notes = ["LEFT OUT: there is no ../shared/corpus to take an invoice from."]
        return [missing]
    documents = [_document(folder, *size) for size in ((2, 30, 60), (200, 3, 4), (5000, 1, 0))]
    commands, absent = _commands(peers)
    with ExitStack() as stack:
        contenders = [
            _Contender(
                name,
                stack.enter_context(Talker(command, quiet=name == _MUSTANG)),
                is_java=name == _MUSTANG,
            )
            for name, command in {
                _OURS: [sys.executable, "-m", "bench.format_own"],
                **commands,
            }.items()
        ]
        for document in documents:
            for task in _TASKS:
                _take_turns(contenders, task, document, rounds)
            for contender in contenders:
                contender.peak[document.lines] = contender.process.peak_megabytes()
    compared = [_compared(contenders, one, rounds=rounds, absent=absent) for one in documents]
    return [*compared, _memory(contenders, documents)]


def _document(folder: Path, lines: int, repeats: int, cold: int) -> _Document:
    ubl, cii = (folder / f"{lines}.{kind}.xml" for kind in ("ubl", "cii"))
    ubl.write_bytes(invoice_of_lines(EXAMPLE.read_bytes(), lines))
    invoice = read_invoice(parse(ubl.read_bytes())).invoice
    cii.write_bytes(write_invoice(invoice, FORMATS["en16931-cii"]).xml)
    return _Document(lines, {"ubl": ubl, "cii": cii}, repeats, cold)


def _commands(peers: bool) -> tuple[dict[str, list[str]], list[str]]:
    """The other products' commands, and who is missing and why."""
    if not peers:
        return {}, ["A quick run fetches no other products"]
    commands: dict[str, list[str]] = {}
    absent = []
    try:
        python = environment("formats", [f"{name}=={of}" for name, of in PYPI_PEERS.items()])
        script = str(Path(__file__).with_name("format_peer.py"))
        for name, version in PYPI_PEERS.items():
            commands[f"{name} {version}"] = [python, script, name]
    except PeerMissing as reason:
        absent.append(f"NO {', '.join(PYPI_PEERS)} IN THIS RUN: {reason}")
    try:
        java, path = build(Path(__file__).with_name("mustang"), "mustang")
        commands[_MUSTANG] = [java, "-cp", path, "peer.MustangFormats"]
    except PeerMissing as reason:
        absent.append(f"NO Mustang IN THIS RUN: {reason}")
    return commands, absent


def _take_turns(
    contenders: Sequence[_Contender], task: str, document: _Document, rounds: int
) -> None:
    for contender in contenders:
        contender.warm_up(task, document)
    for _ in range(rounds):
        for contender in contenders:
            contender.measure(task, document)


def _fitting(most: int, seconds: float, room: float) -> int:
    """How often something that takes so long fits into the room, at least once."""
    return max(1, min(most, int(room / max(seconds, 1e-6))))


def _compared(
    contenders: Sequence[_Contender], document: _Document, *, rounds: int, absent: Sequence[str]
) -> Section:
    others = contenders[1:]
    size = document.files["ubl"].stat().st_size
    shown = f"{size / 1e6:.1f} MB" if size >= 1_000_000 else f"{size / 1000:.0f} kB"
    section = Section(
        f"Formats, {document.lines} lines, {shown}: what others take of our time",
        ("task", "ours, ms", *(one.name for one in others)),
    )
    failed = []
    for task in _TASKS:
        place = task, document.lines
        ours = median(contenders[0].took[place])
        cells: list[str | float | None] = []
        for other in others:
            if other.took[place]:
                cells.append(f"{median(other.took[place]) / ours:.1f} x")
            else:
                cells.append(None)
                why = other.absent.get(place, "")
                if why and why != "does not do it" and "does not do it" not in why:
                    failed.append(f"{other.name} on {task}: {why}")
        section.add(task, ours * 1000, *cells)
    section.notes = [
        f"Processor time of one, warm, medians of {rounds} rounds in turn; - does not do it.",
        "Writing and converting of ours read back what was written, to tell what was lost.",
        *(f"{one}." for one in [*failed, *absent]),
    ]
    return section


def _memory(contenders: Sequence[_Contender], documents: Sequence[_Document]) -> Section:
    section = Section(
        "Most memory a product's process has held, MB",
        ("product", *(f"up to {one.lines} lines" for one in documents)),
    )
    for contender in contenders:
        section.add(contender.name, *(contender.peak[one.lines] for one in documents))
    return section
