"""Places in a document: from an engine's XPath to an element, a short XPath, line and column.

Engines write locations in several dialects and number them in none. This module walks the
parsed tree for the element and counts elements over the original bytes for the exact place.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from lxml import etree

__all__ = ["PREFIXES", "Place", "positions", "resolve", "short_path", "value_at"]

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


def short_path(place: Place) -> str:
    """Write a place as a short XPath with PREFIXES; positions only where a name repeats."""
    steps: list[str] = []
    element: etree._Element | None = place.element
    while element is not None:
        tag = etree.QName(element)
        prefix = _PREFIX_OF.get(tag.namespace or "", _ANY if tag.namespace else "")
        step = f"{prefix}:{tag.localname}" if prefix else tag.localname
        before = sum(1 for _ in element.itersiblings(element.tag, preceding=True))
        repeated = before or next(element.itersiblings(element.tag), None) is not None
        steps.append(f"{step}[{before + 1}]" if repeated else step)
        element = element.getparent()
    path = "/" + "/".join(reversed(steps))
    return f"{path}/@{place.attribute}" if place.attribute else path


def value_at(place: Place) -> str | None:
    """Give the text at a place, at most 200 characters; None for an element with children."""
    element = place.element
    if place.attribute is not None:
        value = element.get(place.attribute)
        return value if value is None else _shorten(value)
    if any(isinstance(child.tag, str) for child in element):
        return None
    return _shorten(str(element.xpath("string()")))


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def positions(
    data: bytes, root: etree._Element, elements: Iterable[etree._Element]
) -> dict[etree._Element, tuple[int, int | None]]:
    """Find line and column (from 1) of each element's start tag in the bytes as received.

    Walks the bytes once with expat and matches elements by document order. If expat cannot read
    what libxml2 could, the line comes from the tree and the column is None.
    """
    wanted = set(elements)
    if not wanted:
        return {}
    order = {
        number: element
        for number, element in enumerate(root.iter(etree.Element))
        if element in wanted
    }
    found: dict[etree._Element, tuple[int, int | None]] = {}
    counter = -1

    def on_start(_name: str, _attributes: list[str]) -> None:
        nonlocal counter
        counter += 1
        element = order.get(counter)
        if element is not None:
            found[element] = (parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)

    parser = expat.ParserCreate()
    parser.ordered_attributes = True
    parser.StartElementHandler = on_start
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError):
        found.clear()
    for element in wanted - found.keys():
        line = element.sourceline
        found[element] = (line if isinstance(line, int) else 1, None)
    return found
