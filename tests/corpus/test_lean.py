"""What a published stylesheet says it still says after being made lean.

Every official rule set runs twice over every document of the corpus that is of its kind: as
published in a Saxon of its own, and as this product runs it. Both must report the same rules, of
the same severity, in the same words, at the same places, in the same order. Where the published
one stops early, the lean one must not be content: whether an error comes to light depends on what
an engine evaluates first, which it is free to choose.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import pytest
from lxml import etree
from saxonche import PySaxonApiError, PySaxonProcessor, PyXsltExecutable

from schematron import registry as registries
from schematron.container import open_document
from schematron.engine import shared
from schematron.errors import EngineFailed
from schematron.location import Tree
from schematron.manifest import Source
from schematron.registry import Registry
from schematron.stylesheet import lean
from ubl.safexml import Limits, parse

pytestmark = pytest.mark.corpus

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
FIRED = (f"{SVRL}failed-assert", f"{SVRL}successful-report")
OFFICIAL = sorted(
    ruleset.id
    for ruleset in registries.load().rulesets
    if any(source.kind in ("package", "maven", "url") for source in ruleset.sources)
)
# Rule, flag, role, text and place of one assertion.
Said = tuple[str, str, str, str, object]


@dataclass
class Comparison:
    """How a rule set fared over the documents of its kind."""

    documents: int = 0
    assertions: int = 0
    stopped: list[str] = field(default_factory=list)
    differing: dict[str, str] = field(default_factory=dict)


@cache
def documents() -> dict[str, list[tuple[str, etree._Element, bytes]]]:
    """The corpus by syntax: name, root element, and the bytes it was read from."""
    found: dict[str, list[tuple[str, etree._Element, bytes]]] = {}
    for name in ("index.jsonl", "index-flagged.jsonl"):
        for line in (CORPUS / name).read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            contents = open_document((CORPUS / case["file"]).read_bytes(), Limits())
            if contents.root is None or contents.recognised is None:
                continue
            syntax = contents.recognised.document.syntax
            if syntax is not None:
                entry = (case["id"], contents.root, contents.data)
                found.setdefault(syntax, []).append(entry)
    return found


@pytest.fixture(scope="module")
def registry(official_rules: Path) -> Registry:
    """The rule sets as an operator has them after ``gateway rules sync``."""
    if not CORPUS.is_dir():
        pytest.skip("the third-party corpus is not beside the checkout (../shared/corpus)")
    return registries.load(store=official_rules)


@pytest.fixture(scope="module")
def saxon() -> PySaxonProcessor:
    """A Saxon of its own, which may read files."""
    return PySaxonProcessor(license=False)


def as_published(
    saxon: PySaxonProcessor, registry: Registry, source: Source, folder: Path
) -> PyXsltExecutable:
    """Compile a stylesheet from a folder with all files it reads."""
    for name, content in registry.artefacts.companions(source).items():
        (folder / name).write_bytes(content)
    path = folder / "published.xslt"
    path.write_bytes(registry.artefacts.stylesheet(source))
    return saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(path))


def said(report: bytes, tree: Tree) -> list[Said]:
    return [
        (
            item.get("id", ""),
            item.get("flag", ""),
            item.get("role", ""),
            " ".join(str(item.xpath("string()")).split()),
            tree.resolve(item.get("location", "")),
        )
        for item in parse(report, Limits(max_markup=20_000_000)).iter(*FIRED)
    ]


def compare(
    name: str, wanted: Callable[[], str], got: Callable[[], bytes], tree: Tree, into: Comparison
) -> None:
    into.documents += 1
    try:
        before: list[Said] | None = said(str(wanted()).encode(), tree)
    except PySaxonApiError:
        before = None
        into.stopped.append(name)
    try:
        after: list[Said] | None = said(got(), tree)
    except EngineFailed:
        after = None
    into.assertions += len(before or ())
    if before != after if before is not None else after == []:
        into.differing[name] = f"published {before}, lean {after}"[:600]


@pytest.mark.parametrize("ruleset_id", OFFICIAL)
def test_lean_says_the_same(
    ruleset_id: str,
    registry: Registry,
    saxon: PySaxonProcessor,
    tmp_path: Path,
    tell: Callable[[str, str, str], None],
) -> None:
    ruleset = registry.ruleset(ruleset_id)
    source = next((item for item in ruleset.sources if item.kind != "authored"), None)
    if source is None or not registry.artefacts.has(source):
        pytest.skip(f"NOT CHECKED: the official {ruleset_id} is not at hand")
    published = as_published(saxon, registry, source, tmp_path)
    stylesheet = lean(registry.artefacts.stylesheet(source), registry.artefacts.companions(source))
    result = Comparison()
    for syntax in ruleset.syntax:
        for name, root, data in documents().get(syntax, ()):
            text = etree.tostring(root, encoding="unicode", with_tail=False)
            node = saxon.parse_xml(xml_text=text, encoding="utf-8")
            compare(
                name,
                partial(published.transform_to_string, xdm_node=node),
                partial(shared().run, f"lean {ruleset_id}", lambda: stylesheet, document=text),
                Tree(root, data),
                result,
            )
    tell(
        "lean",
        ruleset_id,
        f"{ruleset_id:30} {result.documents:5} documents {result.assertions:6} assertions "
        f"{len(result.stopped):3} stop   differing {len(result.differing)}",
    )
    assert result.differing == {}
