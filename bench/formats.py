"""Formats: reading, writing, converting and rendering invoices of 2, 200 and 5,000 lines.

Ours beside other products, each in a process of its own that measures itself, taking turns. Where
a product does not do a task, fails at it or takes far too long, the table says so.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from lxml import etree

from bench.contender import LIMIT_S, TOO_LONG_S, Absent, Contender, Document
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
    "write UBL, not read back": "ubl",
    "read CII": "cii",
    "write CII": "cii",
    "write CII, not read back": "cii",
    "UBL to CII": "ubl",
    "CII to UBL": "cii",
    "render HTML": "cii",
    "render PDF": "cii",
    "XML into PDF": "cii",
    "Factur-X from data": "cii",
}
"""The tasks, and in which syntax the invoice is that each starts from."""
_COMPARED_WITH: Final = {
    "write UBL, not read back": "write UBL",
    "write CII, not read back": "write CII",
}
"""Tasks only we need, and which of the others' they are compared with: none of them reads back."""
_PAGES: Final = (
    EXAMPLE.parents[1]
    / "pdf-mustang"
    / "library_src_test_resources_MustangGnuaccountingBeispielRE-20201121_508blankoA3.pdf"
)
"""An invoice of one page in PDF/A-3, which the XML is put into whatever its length."""
_NO_REASON: Final = Absent(None)
_UNREADABLE_TO_SOME: Final = "{*}CommodityClassification"
"""drafthorse reads no class without the version of its list, and writes none that it read."""
_SHORT_S: Final = 180
"""When so much time has passed by the clock on the wall, one round is enough."""
_ALL_OF_IT_S: Final = 540
"""When so much time has passed, nothing more is begun."""


def measure(folder: Path, *, rounds: int, peers: bool) -> list[Section]:
    """One table for each size of invoice, and the memory each product held."""
    if not EXAMPLE.is_file():
        missing = Section("Formats", ("",))
        missing.notes = ["LEFT OUT: there is no ../shared/corpus to take an invoice from."]
        return [missing]
    documents = [_document(folder, *size) for size in ((2, 30, 60), (200, 3, 4), (5000, 1, 0))]
    commands, absent = _commands(peers)
    began = time.monotonic()
    with ExitStack() as stack:
        contenders = [
            Contender(
                name,
                stack.enter_context(Talker(command, quiet=name == _MUSTANG)),
                _TASKS,
                _PAGES,
                hurry=began + _SHORT_S,
                deadline=began + _ALL_OF_IT_S,
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


def _document(folder: Path, lines: int, repeats: int, cold: int) -> Document:
    ubl, cii = (folder / f"{lines}.{kind}.xml" for kind in ("ubl", "cii"))
    root = parse(invoice_of_lines(EXAMPLE.read_bytes(), lines))
    etree.strip_elements(root, _UNREADABLE_TO_SOME, with_tail=False)
    ubl.write_bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
    invoice = read_invoice(root).invoice
    cii.write_bytes(write_invoice(invoice, FORMATS["en16931-cii"]).xml)
    return Document(lines, {"ubl": ubl, "cii": cii}, repeats, cold)


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
    contenders: Sequence[Contender], task: str, document: Document, rounds: int
) -> None:
    taking_part = contenders[:1] if task in _COMPARED_WITH else contenders
    for contender in taking_part:
        contender.warm_up(task, document)
    for _ in range(rounds):
        for contender in taking_part:
            contender.measure(task, document)


def _compared(
    contenders: Sequence[Contender], document: Document, *, rounds: int, absent: Sequence[str]
) -> Section:
    ours, *others = contenders
    size = document.files["ubl"].stat().st_size
    shown = f"{size / 1e6:.1f} MB" if size >= 1_000_000 else f"{size / 1000:.0f} kB"
    section = Section(
        f"Formats, {document.lines} lines, {shown}: what others take of our time",
        ("task", "ours, ms", *(one.name for one in others)),
    )
    for task in _TASKS:
        place = task, document.lines
        own = median(ours.took[place]) if ours.took[place] else None
        shown_own = ours.absent[place].cell if own is None else own * 1000
        theirs = _COMPARED_WITH.get(task, task), document.lines
        section.add(task, shown_own, *(_cell(one, theirs, own) for one in others))
    reasons = (
        f"{one.name} on {task}: {one.absent[task, document.lines].why}"
        for task in _TASKS
        for one in contenders
        if one.absent.get((task, document.lines), _NO_REASON).why
    )
    section.notes = [
        f"Processor time of one, warm, medians of {rounds} rounds in turn; - does not do it.",
        f"What took more than {TOO_LONG_S} s was measured once, more than {LIMIT_S} s was ended.",
        f"After {_SHORT_S} s one round was enough, after {_ALL_OF_IT_S} s nothing was begun.",
        "Writing and converting of ours read back what was written, to tell what was lost, as no",
        "other does; the rows that say so leave that away.",
        *(f"{one}." for one in [*reasons, *absent]),
    ]
    return section


def _cell(other: Contender, place: tuple[str, int], own: float | None) -> str | None:
    """What another took of our time; in seconds where ours is not known."""
    if not other.took[place]:
        return other.absent[place].cell
    seconds = median(other.took[place])
    if own is None:
        return f"{seconds:.2g} s"
    ratio = seconds / own
    return f"{ratio:.1f} x" if ratio >= 1 else f"{ratio:.2f} x"


def _memory(contenders: Sequence[Contender], documents: Sequence[Document]) -> Section:
    section = Section(
        "Most memory a product's process has held, MB",
        ("product", *(f"up to {one.lines} lines" for one in documents)),
    )
    for contender in contenders:
        section.add(contender.name, *(contender.peak[one.lines] for one in documents))
    return section
