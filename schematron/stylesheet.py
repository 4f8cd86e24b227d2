"""Makes a published rule stylesheet fit for service without touching what it tests.

Four things only: reports that stay small, no visits that can have no effect, places that cost
nothing to find, and code lists that are part of the stylesheet instead of files read again in
every run. Tests, ids, flags, messages and the places meant stay as published.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from lxml import etree

from schematron.walk import shorten_walks
from ubl.safexml import parse

__all__ = ["PLACE", "lean"]

_XSL: Final = "{http://www.w3.org/1999/XSL/Transform}"
_SVRL: Final = "{http://purl.oclc.org/dsdl/svrl}"
_FIRED: Final = (f"{_SVRL}failed-assert", f"{_SVRL}successful-report")
# What a report says of rules that did not fail: a third of its cost, and nobody reads it.
_NARRATION: Final = (f"{_SVRL}fired-rule", f"{_SVRL}suppressed-rule")
_OWN: Final = "urn:peppol-gateway:stylesheet"
_PLACE_OF: Final = f"Q{{{_OWN}}}place"
_ORDER: Final = f"Q{{{_OWN}}}order"

PLACE: Final = "#"
"""How a place written by a lean stylesheet begins: ``#17`` is the 17th element of the document in
document order, ``#17/@currencyID`` its attribute, ``#`` the document itself."""

# Ways in which compilers of Schematron write the place of a failure; another way stays as it is.
_CALL: Final = re.compile(r"\{[\w.:-]+\(\.\)\}")
_PATH: Final = re.compile(r"(?:fn:)?path\(([^()]+)\)")
_FULL_PATH_MODES: Final = frozenset(
    f"schematron-{name}" for name in ("select-full-path", "get-full-path", "get-full-path-3")
)
_DOCUMENT: Final = re.compile(r"document\(\s*(?P<quote>['\"])(?P<name>[^'\"]+)(?P=quote)\s*\)")
_ENUMERATION: Final = re.compile(
    _DOCUMENT.pattern
    + r"/codedb/cl\[@id\s*=\s*(?P<list>\d+)\]/enumeration\[@value\s*=\s*(?P<value>\$[\w.-]+)\]"
)


def lean(stylesheet: bytes, companions: Mapping[str, bytes] | None = None) -> bytes:
    """Make a stylesheet write reports whose size and cost stay in bounds.

    The text of failed tests is left out: code lists make it 10 kB per finding. Places are numbers
    (see PLACE): the usual XPath counts all preceding siblings again for every finding, which is
    quadratic in invoice lines. ``companions`` are the files it reads by ``document()``, by the
    name it asks for. Raises XmlRefused if this, or one of them, is no XML.
    """
    root = parse(stylesheet)
    for element in list(root.iter(*_NARRATION)):
        _remove(element)
    places = [_shorten(element) for element in root.iter(*_FIRED)]
    shorten_walks(root)
    if any(places):
        _add_places(root)
    for output in root.findall(f"{_XSL}output"):
        output.set("indent", "no")
    if companions:
        _inline(root, companions)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _remove(element: etree._Element) -> None:
    """Take an element out, keeping the text behind it."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail and element.tail.strip():
        before = element.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def _shorten(fired: etree._Element) -> bool:
    """Take the test's text out of a failure; tell whether its place is now a number."""
    if "test" in fired.attrib:
        del fired.attrib["test"]
    for attribute in fired.findall(f"{_XSL}attribute[@name='test']"):
        _remove(attribute)
    written = fired.get("location")
    if written is not None:
        if not _CALL.fullmatch(written):
            return False
        del fired.attrib["location"]
        # Attributes come before all else.
        fired.insert(0, _place("."))
        return True
    for attribute in fired.iter(f"{_XSL}attribute"):
        if attribute.get("name") == "location":
            return _renumber(attribute)
    return False


def _renumber(attribute: etree._Element) -> bool:
    """Let an ``xsl:attribute`` write the number of the place it wrote the path of."""
    path = _PATH.fullmatch(attribute.get("select", ""))
    if path is not None:
        attribute.set("select", f"{_PLACE_OF}({path[1]})")
        return True
    content = list(attribute)
    if len(content) != 1 or content[0].tag not in (f"{_XSL}apply-templates", f"{_XSL}value-of"):
        return False
    select = _PATH.fullmatch(content[0].get("select", ""))
    of = content[0].get("select") if content[0].get("mode") in _FULL_PATH_MODES else None
    node = of or (select[1] if select is not None else None)
    if node is None:
        return False
    attribute.clear()
    attribute.attrib.update(_place(node).attrib)
    return True


def _place(node: str) -> etree._Element:
    return etree.Element(f"{_XSL}attribute", name="location", select=f"{_PLACE_OF}({node})")


def _add_places(root: etree._Element) -> None:
    """Add what counts the elements: once for the whole document, not once for each place."""
    order = etree.SubElement(root, f"{_XSL}accumulator", {"name": _ORDER, "initial-value": "0"})
    etree.SubElement(order, f"{_XSL}accumulator-rule", match="*", select="$value + 1")
    function = etree.SubElement(root, f"{_XSL}function", name=_PLACE_OF)
    etree.SubElement(function, f"{_XSL}param", name="node")
    etree.SubElement(
        function,
        f"{_XSL}sequence",
        select=(
            f"concat('{PLACE}', $node/ancestor-or-self::*[1]/accumulator-before('{_ORDER}'), "
            "if ($node instance of attribute()) then concat('/@', local-name($node)) else '')"
        ),
    )
    unnamed = [mode for mode in root.findall(f"{_XSL}mode") if mode.get("name") is None]
    if not unnamed:
        # In front of the rest, but behind what must come first.
        imports = len(root.findall(f"{_XSL}import"))
        unnamed = [etree.Element(f"{_XSL}mode")]
        root.insert(imports, unnamed[0])
    for mode in unnamed:
        mode.set("use-accumulators", "#all")


def _inline(root: etree._Element, companions: Mapping[str, bytes]) -> None:
    """Replace what is read from the companions by values worked out at compile time."""
    trees = {name: parse(data) for name, data in companions.items()}
    variables: dict[str, str] = {}

    def look_up(match: re.Match[str]) -> str:
        if match["name"] not in trees:
            return match[0]
        codes = _codes(trees[match["name"]], match["list"])
        variable = f"codes-{list(trees).index(match['name'])}-{match['list']}"
        entries = ", ".join(f"{_literal(code)}: true()" for code in codes)
        variables[variable] = f"map {{ {entries} }}"
        # Equal to some value of the list: what the comparison of attribute and node sets meant.
        return f"exists({match['value']} ! $Q{{{_OWN}}}{variable}(string(.)))"

    def whole(match: re.Match[str]) -> str:
        if match["name"] not in trees:
            return match[0]
        variable = f"document-{list(trees).index(match['name'])}"
        text = etree.tostring(trees[match["name"]], encoding="unicode")
        variables[variable] = f"parse-xml({_literal(text)})"
        return f"$Q{{{_OWN}}}{variable}"

    for element, name, value in list(_expressions(root)):
        element.set(name, _DOCUMENT.sub(whole, _ENUMERATION.sub(look_up, value)))
    for variable, select in variables.items():
        root.insert(
            0,
            etree.Element(
                f"{_XSL}variable", name=f"Q{{{_OWN}}}{variable}", static="yes", select=select
            ),
        )


def _expressions(root: etree._Element) -> Iterator[tuple[etree._Element, str, str]]:
    for element in root.iter(f"{_XSL}*"):
        for name, value in element.attrib.items():
            if "document(" in value:
                yield element, str(name), str(value)


def _codes(tree: etree._Element, list_id: str) -> list[str]:
    """Give the distinct values of one list of a code database."""
    entries = (
        entry
        for codes in tree.findall("cl")
        if codes.get("id") == list_id
        for entry in codes.findall("enumeration")
    )
    return list(dict.fromkeys(str(entry.get("value", "")) for entry in entries))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
