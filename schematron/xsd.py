"""XML schema validation: is the document built the way its standard says.

libxml2 decides, from schema files held in memory and already verified; nothing is read from disk
or network while a schema is compiled. xmlschema, a hundred times slower, only words a failure:
it names the one element that is missing where libxml2 lists all that could follow.
"""

import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

import xmlschema
from lxml import etree

from schematron.location import PREFIXES, Place, resolve
from ubl.safexml import parse

__all__ = ["SchemaFailure", "SchemaValidator"]

_BASE: Final = "memory:///"
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_PREFIX_OF: Final = {namespace: prefix for prefix, namespace in PREFIXES.items()}
_CLARK: Final = re.compile(r"\{([^}]*)\}([\w.-]+)")
_EXPECTED: Final = re.compile(r"Expected is (?:one of )?\(\s*(.+?)\s*\)\.?\s*$", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"attribute '([^']+)'")
MAX_FAILURES: Final = 200
EXPLAIN_MAX_ELEMENTS: Final = 20_000

_RULES: Final[Mapping[str, str]] = {
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "XSD-ATTRIBUTE-MISSING",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "XSD-ATTRIBUTE-UNEXPECTED",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_2": "XSD-ATTRIBUTE-UNEXPECTED",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "XSD-TEXT-UNEXPECTED",
    "SCHEMAV_CVC_TYPE_3_1_2": "XSD-ELEMENT-UNEXPECTED",
    "SCHEMAV_ELEMENT_CONTENT": "XSD-ELEMENT-UNEXPECTED",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_2": "XSD-ELEMENT-UNEXPECTED",
}


@dataclass(frozen=True, slots=True)
class SchemaFailure:
    """One breach of the schema.

    ``rule`` is XSD-ELEMENT-UNEXPECTED, XSD-ELEMENT-MISSING, XSD-VALUE, XSD-ATTRIBUTE-MISSING,
    XSD-ATTRIBUTE-UNEXPECTED, XSD-TEXT-UNEXPECTED or XSD-OTHER. ``name`` is the element or
    attribute concerned, ``expected`` what belongs there, both in conventional prefixes and empty
    where unknown; ``detail`` is the engine's own English sentence.
    """

    rule: str
    place: Place | None
    name: str
    expected: str
    detail: str


class _MemoryResolver(etree.Resolver):
    """Serves the verified schema files by name and nothing else."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__()
        self._files = {PurePosixPath(name).name: data for name, data in files.items()}

    def resolve(  # type: ignore[override]  # lxml-stubs lacks the context that lxml passes
        self, system_url: str, public_id: str, context: object
    ) -> object:
        """Answer with the file of that name; an unknown name gets an empty text, not the disk."""
        data = self._files.get(PurePosixPath(system_url or "").name, b"")
        return self.resolve_string(data, context, base_url=system_url)


class SchemaValidator:
    """A compiled schema; calls are serialised because libxml2 keeps errors on the schema."""

    def __init__(self, *, main: str, files: Mapping[str, bytes], uncoupled: bool = False) -> None:
        """Compile ``files[main]``, resolving its imports from ``files`` alone.

        ``uncoupled`` sets the code lists in the files aside. Raises lxml's XMLSchemaParseError if
        the files are no schema.
        """
        if uncoupled:
            files = {name: _without_codes(data) for name, data in files.items()}
        self._main = main
        self._files = files
        self._explainer: xmlschema.XMLSchema10 | None = None
        self._lock = threading.Lock()
        # A published schema may carry a DOCTYPE with internal entities, which the door for
        # foreign XML refuses; these bytes are pinned by hash.
        parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=True)
        parser.resolvers.add(_MemoryResolver(files))
        self._schema = etree.XMLSchema(
            etree.fromstring(files[main], parser, base_url=f"{_BASE}{main}")
        )

    def check(self, root: etree._Element) -> tuple[list[SchemaFailure], int]:
        """List the breaches in document order, and count those beyond the first 200.

        One value may break several constraints at once: that is one breach. Documents of more
        than 20,000 elements get libxml2's wording only.
        """
        with self._lock:
            if self._schema.validate(root):
                return [], 0
            entries = self._entries()
            failures = [_failure(root, entry) for entry in entries[:MAX_FAILURES]]
            more = max(0, len(entries) - MAX_FAILURES)
            if sum(1 for _ in root.iter(etree.Element)) > EXPLAIN_MAX_ELEMENTS:
                return failures, more
            expected = self._expected_children(root)
        return [_with_expected(failure, expected) for failure in failures], more

    def _entries(self) -> list[etree._LogEntry]:
        """Give the log without what it says again of the same value."""
        log: list[etree._LogEntry] = list(self._schema.error_log)  # type: ignore[call-overload]  # lxml-stubs lacks iteration
        kept: dict[object, etree._LogEntry] = {}
        for number, entry in enumerate(log):
            attribute = _ATTRIBUTE.search(entry.message)
            of_value = _rule(entry) == "XSD-VALUE"
            key = (entry.path, attribute[1] if attribute else "") if of_value else number
            kept.setdefault(key, entry)
        return list(kept.values())

    def _expected_children(self, root: etree._Element) -> dict[etree._Element, str]:
        """Name, per element whose content is wrong, the child that is required there."""
        if self._explainer is None:
            self._explainer = _explainer(self._main, self._files)
        found: dict[etree._Element, str] = {}
        for error in islice(self._explainer.iter_errors(root), MAX_FAILURES):
            if isinstance(error, xmlschema.XMLSchemaChildrenValidationError) and isinstance(
                error.elem, etree._Element
            ):
                names = [item.name for item in error.expected or () if item.name]
                found[error.elem] = ", ".join(_readable(name) for name in names)
        return found


def _without_codes(schema: bytes) -> bytes:
    """Leave every type that lists codes open to any of its base type."""
    root = parse(schema)
    for code in list(root.iter(f"{_XS}enumeration")):
        parent = code.getparent()
        if parent is not None:
            parent.remove(code)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _explainer(main: str, files: Mapping[str, bytes]) -> xmlschema.XMLSchema10:
    """Compile the schema once more, from files of its own that are gone afterwards."""
    by_name = {PurePosixPath(name).name: data for name, data in files.items()}
    with tempfile.TemporaryDirectory(prefix="schema-") as folder:
        for name, data in by_name.items():
            Path(folder, name).write_bytes(data)

        def own(uri: str) -> str:
            """Find a file by its name alone, as libxml2 does here, wherever a schema looks."""
            name = PurePosixPath(uri).name
            return str(Path(folder, name)) if name in by_name else uri

        # The schema itself is known to be right; checking it again costs two seconds.
        return xmlschema.XMLSchema10(
            str(Path(folder, PurePosixPath(main).name)),
            allow="local",
            defuse="never",
            validation="skip",
            uri_mapper=own,
        )


def _rule(entry: etree._LogEntry) -> str:
    if entry.type_name == "SCHEMAV_ELEMENT_CONTENT" and "Missing child" in entry.message:
        return "XSD-ELEMENT-MISSING"
    if "DATATYPE" in entry.type_name or "is not a valid value" in entry.message:
        return "XSD-VALUE"
    if entry.type_name.endswith(("_ENUMERATION_VALID", "_PATTERN_VALID", "LENGTH_VALID")):
        return "XSD-VALUE"
    return _RULES.get(entry.type_name, "XSD-OTHER")


def _failure(root: etree._Element, entry: etree._LogEntry) -> SchemaFailure:
    detail = _readable(entry.message)
    rule = _rule(entry)
    place = resolve(root, entry.path) if entry.path else None
    listed = _EXPECTED.search(detail) if rule.startswith("XSD-ELEMENT") else None
    attribute = _ATTRIBUTE.search(detail) if rule.startswith("XSD-ATTRIBUTE") else None
    element_name = _readable(str(place.element.tag)) if place else ""
    return SchemaFailure(
        rule=rule,
        place=place,
        name=attribute[1] if attribute else element_name,
        expected=listed[1] if listed else "",
        detail=detail,
    )


def _with_expected(failure: SchemaFailure, expected: Mapping[etree._Element, str]) -> SchemaFailure:
    """Replace libxml2's list of all that could follow by the one child that is required."""
    if failure.place is None:
        return failure
    if failure.rule == "XSD-ELEMENT-MISSING":
        holder: etree._Element | None = failure.place.element
    elif failure.rule == "XSD-ELEMENT-UNEXPECTED":
        holder = failure.place.element.getparent()
    else:
        holder = None
    if holder is None or holder not in expected:
        return failure
    element = failure.place.element
    earlier = next(element.itersiblings(element.tag, preceding=True), None)
    if holder is not element and earlier is not None:
        # Once too often: what may come next would only mislead.
        return replace(failure, expected="")
    return replace(failure, expected=expected[holder])


def _readable(text: str) -> str:
    """Replace ``{namespace}name`` by the conventional prefix and name."""

    def shorten(match: re.Match[str]) -> str:
        prefix = _PREFIX_OF.get(match[1])
        return f"{prefix}:{match[2]}" if prefix else match[2]

    return _CLARK.sub(shorten, text)
