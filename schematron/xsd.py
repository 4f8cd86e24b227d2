"""XML schema validation: is the document built the way its standard says.

libxml2 decides, from schema files held in memory and already verified; nothing is read from disk
or network while a schema is compiled. xmlschema, a hundred times slower, only words a failure:
it names the one element that is missing where libxml2 lists all that could follow.
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

import xmlschema
from lxml import etree

from schematron.location import PREFIXES, Place, resolve

__all__ = ["SchemaFailure", "SchemaValidator"]

_BASE: Final = "memory:///"
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

    def __init__(self, *, main: str, files: Mapping[str, bytes], folder: Path) -> None:
        """Compile ``files[main]``, resolving its imports from ``files`` alone.

        ``folder`` is where the same files lie on disk; only the wording of failures reads them.
        Raises lxml's XMLSchemaParseError if the files are no schema.
        """
        self._explainer_path = folder / main
        self._explainer: xmlschema.XMLSchema10 | None = None
        self._lock = threading.Lock()
        # A published schema may carry a DOCTYPE with internal entities, which the door for
        # foreign XML refuses; these bytes are pinned by hash.
        parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=True)
        parser.resolvers.add(_MemoryResolver(files))
        self._schema = etree.XMLSchema(
            etree.fromstring(files[main], parser, base_url=f"{_BASE}{main}")
        )

    def check(self, root: etree._Element) -> list[SchemaFailure]:
        """List the breaches in document order, at most 200; an empty list means none.

        Documents of more than 20,000 elements get libxml2's wording only.
        """
        with self._lock:
            if self._schema.validate(root):
                return []
            failures = [_failure(root, entry) for entry in self._entries()]
            if sum(1 for _ in root.iter(etree.Element)) > EXPLAIN_MAX_ELEMENTS:
                return failures
            expected = self._expected_children(root)
        return [_with_expected(failure, expected) for failure in failures]

    def _entries(self) -> list[etree._LogEntry]:
        log: list[etree._LogEntry] = list(self._schema.error_log)  # type: ignore[call-overload]  # lxml-stubs lacks iteration
        return log[:MAX_FAILURES]

    def _expected_children(self, root: etree._Element) -> dict[etree._Element, str]:
        """Name, per element whose content is wrong, the child that is required there."""
        if self._explainer is None:
            # The schema itself is known to be right; checking it again costs two seconds.
            self._explainer = xmlschema.XMLSchema10(
                str(self._explainer_path), allow="local", defuse="never", validation="skip"
            )
        found: dict[etree._Element, str] = {}
        for error in islice(self._explainer.iter_errors(root), MAX_FAILURES):
            if isinstance(error, xmlschema.XMLSchemaChildrenValidationError) and isinstance(
                error.elem, etree._Element
            ):
                names = [item.name for item in error.expected or () if item.name]
                found[error.elem] = ", ".join(_readable(name) for name in names)
        return found


def _failure(root: etree._Element, entry: etree._LogEntry) -> SchemaFailure:
    detail = _readable(entry.message)
    rule = _RULES.get(entry.type_name, "XSD-OTHER")
    if entry.type_name == "SCHEMAV_ELEMENT_CONTENT" and "Missing child" in detail:
        rule = "XSD-ELEMENT-MISSING"
    elif "DATATYPE" in entry.type_name or "is not a valid value" in detail:
        rule = "XSD-VALUE"
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
