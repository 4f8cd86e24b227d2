"""Places in a document: from an engine's XPath to an element, a short XPath, line and column.

Engines write locations in several dialects, and as a number where their stylesheets were made
lean. This module walks the parsed tree for the element and counts elements over the original
bytes for the exact place. What costs a walk is done once per document, whatever is asked.
"""

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from xml.parsers import expat

from lxml import etree

__all__ = ["PREFIXES", "Place", "Spot", "Tree", "resolve", "value_at"]

PREFIXES: Final[Mapping[str, str]] = {
    "ubl": "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2",
    "cn": "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "ext": "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2",
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
    "ar": "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2",
    "rem": "urn:oasis:names:specification:ubl:schema:xsd:Reminder-2",
    "sta": "urn:oasis:names:specification:ubl:schema:xsd:Statement-2",
    "cdar": "urn:un:unece:uncefact:data:standard:CrossDomainAcknowledgementAndResponse:100",
    "tsr": "urn:fdc:peppol:transaction-statistics-report:1.0",
    "eusr": "urn:fdc:peppol:end-user-statistics-report:1.1",
}
_PREFIX_OF: Final = {namespace: prefix for prefix, namespace in PREFIXES.items()}
MAX_VALUE: Final = 200
_ANY: Final = "*"

_NAME: Final = r"[^\s/\[\]@:{}'\"()*]+"
_LOCAL: Final = r"local-name\(\)\s*=\s*(?P<q{0}>['\"])(?P<local{0}>[^'\"]+)(?P=q{0})"
_URI: Final = r"namespace-uri\(\)\s*=\s*(?P<p{0}>['\"])(?P<uri{0}>.*?)(?P=p{0})"
_STEP: Final = re.compile(
    rf"""
    /(?:
        Q\{{(?P<braced>[^}}]*)\}}(?P<braced_name>{_NAME})
      | \*:(?P<wild_name>{_NAME})
      | \*\[{_LOCAL.format(1)}(?:\s*and\s*{_URI.format(1)})?\]
      | \*\[{_URI.format(2)}\s*and\s*{_LOCAL.format(2)}\]
      | (?P<star>\*)
      | (?:(?P<prefix>{_NAME}):)?(?P<name>{_NAME})
    )
    (?:\[{_URI.format(3)}\])?
    (?:\[(?P<index>\d+)\])?
    """,
    re.VERBOSE,
)
_ATTRIBUTE: Final = re.compile(
    rf"""
    /@(?:
        (?:Q\{{[^}}]*\}}|\*:|{_NAME}:)?(?P<name>{_NAME})
      | \*\[.*?{_LOCAL.format(1)}.*?\](?:\[1\])?
    )$
    """,
    re.VERBOSE,
)
_NUMBERED: Final = re.compile(r"#(?P<number>\d*)(?:/@(?P<attribute>.+))?")
_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECLARED: Final = re.compile(rb"\s*<\?xml[^>]{0,100}encoding\s*=\s*['\"]([A-Za-z0-9._-]{1,40})")
_INSIDE: Final = re.compile(r"/(?:text|comment)\(\)(?:\[\d+\])?$")


@dataclass(frozen=True, slots=True)
class Place:
    """An element of the tree, or one of its attributes when ``attribute`` names one."""

    element: etree._Element
    attribute: str | None = None


def resolve(root: etree._Element, path: str) -> Place | None:
    """Find what an engine's location means, or None if it names nothing in this document.

    Understands ``/*:Name[namespace-uri()='…'][n]``, ``/Q{…}Name[n]``,
    ``/*[local-name()='Name' and namespace-uri()='…'][n]`` in either order, prefixed names (by the
    document's own prefixes, then PREFIXES) and libxml2's ``/*/*[n]``, each with an optional last
    ``/@name``. A text or comment stands for the element it is in.
    """
    attribute = _ATTRIBUTE.search(path)
    steps = path[: attribute.start()] if attribute else _INSIDE.sub("", path)
    if steps in ("", "/"):
        return Place(root) if path in ("", "/") else None
    current: etree._Element | None = None
    end = 0
    while end < len(steps):
        match = _STEP.match(steps, end)
        if match is None:
            return None
        end = match.end()
        siblings: Iterable[etree._Element] = [root] if current is None else current
        current = _pick(siblings, match, root)
        if current is None:
            return None
    if current is None:
        return None
    return Place(current, (attribute["name"] or attribute["local1"]) if attribute else None)


def _pick(
    siblings: Iterable[etree._Element], step: re.Match[str], root: etree._Element
) -> etree._Element | None:
    name = _first(step, "braced_name", "wild_name", "local1", "local2", "name")
    namespace = _first(step, "braced", "uri1", "uri2", "uri3")
    if namespace is None and step["prefix"]:
        namespace = root.nsmap.get(step["prefix"]) or PREFIXES.get(step["prefix"])
    wanted = int(step["index"] or 1)
    for element in siblings:
        if not isinstance(element.tag, str):
            continue
        tag = etree.QName(element)
        if not step["star"] and tag.localname != name:
            continue
        if namespace is not None and (tag.namespace or "") != namespace:
            continue
        wanted -= 1
        if wanted == 0:
            return element
    return None


def _first(step: re.Match[str], *groups: str) -> str | None:
    return next((step[group] for group in groups if step[group] is not None), None)


def value_at(place: Place) -> str | None:
    """Give the text at a place, at most 200 characters; None for an element with children."""
    element = place.element
    if place.attribute is not None:
        value = _attribute(element, place.attribute)
        return value if value is None else _shorten(value)
    if any(isinstance(child.tag, str) for child in element):
        return None
    return _shorten(str(element.xpath("string()")))


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def _attribute(element: etree._Element, name: str) -> str | None:
    """Give an attribute by its local name, which is all that a location tells of it."""
    value = element.get(name)
    if value is not None:
        return value
    suffix = f"}}{name}"
    return next((str(v) for key, v in element.attrib.items() if str(key).endswith(suffix)), None)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an element begins: line and column from 1, None where unknown, and that line.

    ``excerpt`` is the start of the line as received, at most 200 printable characters; of a line
    longer than that, what stands around the element.
    """

    line: int
    column: int | None = None
    excerpt: str | None = None


class Tree:
    """A parsed document together with the bytes it was read from.

    ``skipped`` counts the elements that come before the root in those bytes, where the document
    was taken out of an envelope.
    """

    def __init__(self, root: etree._Element, data: bytes = b"", *, skipped: int = 0) -> None:
        self.root = root
        self._data = data
        self._skipped = skipped
        self._steps: dict[etree._Element, dict[etree._Element, str]] = {}

    @cached_property
    def elements(self) -> list[etree._Element]:
        """List all elements in document order."""
        return list(self.root.iter(etree.Element))

    def resolve(self, path: str) -> Place | None:
        """Find what an engine's location means: a number (``#17/@name``) or any XPath dialect."""
        numbered = _NUMBERED.fullmatch(path)
        if numbered is None:
            return resolve(self.root, path)
        number = int(numbered["number"] or 1)
        if not 1 <= number <= len(self.elements):
            return None
        return Place(self.elements[number - 1], numbered["attribute"])

    def short_path(self, place: Place) -> str:
        """Write a place as a short XPath with PREFIXES; positions only where a name repeats."""
        steps: list[str] = []
        element = place.element
        while element is not self.root:
            parent = element.getparent()
            if parent is None:
                break
            if parent not in self._steps:
                self._steps[parent] = _children_steps(parent)
            steps.append(self._steps[parent][element])
            element = parent
        steps.append(_step(element))
        path = "/" + "/".join(reversed(steps))
        return f"{path}/@{place.attribute}" if place.attribute else path

    def spots(self, wanted: Iterable[etree._Element]) -> dict[etree._Element, Spot]:
        """Find where elements begin in the bytes as received.

        Walks the bytes once with expat, up to the last of them, and matches elements by document
        order. If expat cannot read what libxml2 could, the line comes from the tree and the
        column is None.
        """
        left = set(wanted)
        if not left:
            return {}
        order = {
            number: element
            for number, element in enumerate(self.elements, self._skipped)
            if element in left
        }
        found = _walk(self._data, order)
        for element in left - found.keys():
            line = element.sourceline
            found[element] = Spot(line if isinstance(line, int) else 1)
        return found


def _step(element: etree._Element) -> str:
    tag = etree.QName(element)
    prefix = _PREFIX_OF.get(tag.namespace or "", _ANY if tag.namespace else "")
    return f"{prefix}:{tag.localname}" if prefix else tag.localname


def _children_steps(parent: etree._Element) -> dict[etree._Element, str]:
    """Write the step to every child of an element, all at once: each alone would count again."""
    children = [child for child in parent if isinstance(child.tag, str)]
    total = Counter(child.tag for child in children)
    seen: Counter[str] = Counter()
    steps = {}
    for child in children:
        seen[str(child.tag)] += 1
        step = _step(child)
        steps[child] = f"{step}[{seen[str(child.tag)]}]" if total[child.tag] > 1 else step
    return steps


class _AllFound(Exception):
    pass


def _walk(data: bytes, order: Mapping[int, etree._Element]) -> dict[etree._Element, Spot]:
    """Count start tags over the bytes; gives nothing if expat cannot read them."""
    found: dict[etree._Element, Spot] = {}
    last = max(order, default=-1)
    counter = -1
    codec, marked = _codec(data), data.startswith(_MARKS)

    def on_start(_name: str, _attributes: list[str]) -> None:
        nonlocal counter
        counter += 1
        element = order.get(counter)
        if element is None:
            return
        line, column = parser.CurrentLineNumber, parser.CurrentColumnNumber + 1
        if marked and line == 1:
            # expat counts the byte order mark, which no editor shows.
            column -= 1
        excerpt = _excerpt(data, parser.CurrentByteIndex, codec)
        found[element] = Spot(line, column, excerpt)
        if counter == last:
            raise _AllFound

    parser = expat.ParserCreate(_override(codec, marked=marked))
    parser.ordered_attributes = True
    parser.StartElementHandler = on_start
    try:
        parser.Parse(data, True)
    except _AllFound:
        pass
    except (expat.ExpatError, LookupError, ValueError):
        found.clear()
    return found


def _codec(data: bytes) -> str:
    """Name the encoding well enough to show a line of it."""
    if data.startswith((b"\xff\xfe", b"<\x00")):
        return "utf-16-le"
    if data.startswith((b"\xfe\xff", b"\x00<")):
        return "utf-16-be"
    declared = _DECLARED.match(data)
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    return name if name in ("iso-8859-1", "iso-8859-15", "windows-1252") else "utf-8"


def _override(codec: str, *, marked: bool) -> str | None:
    """Name for expat what the bytes themselves say they are, whatever they declare to be.

    None where only the declaration says it. With a byte order mark expat finds the order itself.
    """
    if codec.startswith("utf-16"):
        return "UTF-16" if marked else codec.replace("-le", "LE").replace("-be", "BE")
    return codec if marked else None


def _excerpt(data: bytes, index: int, codec: str) -> str | None:
    """Give the start of the line an element is on, or of what is around it on a long line."""
    if index < 0:
        return None
    width = 2 if codec.startswith("utf-16") else 1
    begin = max(0, index - MAX_VALUE // 2 * width)
    before = data[begin:index].decode(codec, "replace")
    after = data[index : index + 4 * MAX_VALUE * width].decode(codec, "replace")
    line = before.rpartition("\n")[2].lstrip("\ufeff") + after.partition("\n")[0]
    text = "".join(char if char.isprintable() else " " for char in line).strip()
    return _shorten(text) or None
