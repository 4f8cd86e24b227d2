"""Brings a Schematron schema and all files it includes together as one tree.

The only code of the compiler that opens files: those below one folder the caller names, never the
network. Comments and processing instructions are dropped; everything else is left for
``schematron.schema`` to understand or refuse.

Besides parts of a schema three kinds of data may be included (TOML), so that long lists and texts
for people live in files of their own: a code list (``name`` and ``codes``) becomes a variable
that holds its codes as strings; a message catalogue (table ``messages``) gives its English text
to every test that has an id and no text; a table of elements (``element``) becomes a pattern that
says which children an element must have and that it may have no others.
"""

import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from lxml import etree

from ubl.safexml import Limits, XmlRefused, parse

__all__ = [
    "SCHEMATRON_NS",
    "XSLT_NS",
    "Catalogue",
    "SchematronError",
    "Source",
    "fault",
    "kind_of",
    "load",
    "sch",
]

SCHEMATRON_NS: Final = "http://purl.oclc.org/dsdl/schematron"
XSLT_NS: Final = "http://www.w3.org/1999/XSL/Transform"

_LIMITS: Final = Limits(max_bytes=16 * 1024 * 1024)
_XML_ID: Final = "{http://www.w3.org/XML/1998/namespace}id"
_MAX_INCLUDE_DEPTH: Final = 16
_MAX_INCLUDES: Final = 500
MAX_ELEMENTS: Final = 200_000

Catalogue = Mapping[str, Mapping[str, Mapping[str, str]]]


class SchematronError(ValueError):
    """The schema cannot be compiled.

    ``code`` is stable: SCH-XML (not acceptable XML), SCH-ROOT (not a Schematron schema),
    SCH-BINDING (another query language), SCH-STRUCTURE (an element or attribute that is missing
    or out of place), SCH-NAME (a name that is malformed or defined twice), SCH-REFERENCE (points
    at nothing, or at itself), SCH-INCLUDE (a file that may not be or cannot be read),
    SCH-EXTERNAL (an expression that reaches outside the document) or SCH-TOO-LARGE.
    ``line`` counts from 1 in the file that has the fault and is 0 where unknown.
    """

    def __init__(self, code: str, message: str, *, line: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Source:
    """A schema with its includes in place.

    ``messages`` holds every catalogue that was included: rule id, language, then ``message`` and
    ``hint``. Where two speak of a rule, the file that includes has the word before the included.
    ``prefixes`` are those in scope in XSLT elements, which mean the same in all files.
    """

    root: etree._Element
    messages: Catalogue
    prefixes: Mapping[str, str]


def load(source: bytes, *, base: Path | None, within: Path | None) -> Source:
    """Read a schema and put its includes in place. Raises SchematronError.

    ``base`` is the folder the schema lies in, None for one that may include nothing; included
    files are looked for from the file that names them and never outside ``within``, which is
    ``base`` itself unless given.
    """
    root = _read(source)
    if root.tag != sch("schema"):
        raise fault("SCH-ROOT", root, "A Schematron file starts with the element 'schema'.")
    limit = within or base
    includes = _Includes(limit.resolve() if base and limit else None)
    includes.note_prefixes(root)
    includes.resolve(root, base.resolve() if base else None, ())
    if includes.messages:
        _give_texts(root, includes.messages)
    return Source(root, includes.messages, includes.prefixes)


def sch(name: str) -> str:
    """The Clark name of a Schematron element."""
    return f"{{{SCHEMATRON_NS}}}{name}"


def kind_of(node: etree._Element) -> str | None:
    """Name of a Schematron element, None for an element of another vocabulary."""
    name = etree.QName(node)
    return name.localname if name.namespace == SCHEMATRON_NS else None


def fault(code: str, node: etree._Element, message: str) -> SchematronError:
    """The error to raise about a node, with its line."""
    line = node.sourceline
    return SchematronError(code, message, line=line if isinstance(line, int) else 0)


def _read(data: bytes) -> etree._Element:
    try:
        root = parse(data, _LIMITS)
    except XmlRefused as refused:
        raise SchematronError(
            "SCH-XML", f"The schema is not readable XML. {refused.message}", line=refused.line
        ) from None
    for node in list(root.iter(etree.Comment, etree.ProcessingInstruction)):
        _drop_keeping_tail(node)
    return root


def _drop_keeping_tail(node: etree._Element) -> None:
    parent = node.getparent()
    if parent is None:
        return
    previous = node.getprevious()
    if node.tail:
        if previous is None:
            parent.text = (parent.text or "") + node.tail
        else:
            previous.tail = (previous.tail or "") + node.tail
    parent.remove(node)


def _size(node: etree._Element) -> int:
    return sum(1 for _ in node.iter())


@dataclass(slots=True)
class _Includes:
    """Resolves the includes of one schema; each file is read once, however often it is named."""

    within: Path | None
    messages: Catalogue = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    _trees: dict[Path, etree._Element] = field(default_factory=dict)
    _budget: Iterator[int] = field(default_factory=lambda: iter(range(_MAX_INCLUDES)))

    def resolve(self, root: etree._Element, folder: Path | None, above: tuple[Path, ...]) -> None:
        """Put the content of every included file in the place of its reference.

        ``above`` are the files that led here.
        """
        total = _size(root)
        texts: list[Catalogue] = []
        for node in list(root.iter(sch("include"), sch("extends"))):
            if node.tag == sch("extends") and node.get("href") is None:
                continue
            if next(self._budget, None) is None:
                raise fault("SCH-TOO-LARGE", node, f"There are more than {_MAX_INCLUDES} includes.")
            parent = node.getparent()
            if parent is None:
                raise fault("SCH-STRUCTURE", node, "An include cannot be the whole schema.")
            path, fragment = self._target(node, folder)
            if path.suffix == ".toml":
                texts += _put_data(node, _content(node, path))
                continue
            part = self._part(node, path, fragment, above)
            total += _size(part)
            if total > MAX_ELEMENTS:
                raise fault(
                    "SCH-TOO-LARGE",
                    node,
                    f"With its includes the schema has over {MAX_ELEMENTS} elements.",
                )
            if node.tag == sch("extends"):
                for child in part:
                    node.addprevious(deepcopy(child))
                _drop_keeping_tail(node)
            else:
                _replace(node, deepcopy(part))
        for catalogue in texts:
            self.messages = {**self.messages, **catalogue}

    def note_prefixes(self, tree: etree._Element) -> None:
        """Keep the prefixes of XSLT elements: moving them to another tree may lose some."""
        for node in tree.iter(f"{{{XSLT_NS}}}*"):
            for prefix, uri in node.nsmap.items():
                if prefix is not None and self.prefixes.setdefault(prefix, uri) != uri:
                    raise fault("SCH-NAME", node, f"The prefix '{prefix}' has two meanings.")

    def _target(self, node: etree._Element, folder: Path | None) -> tuple[Path, str]:
        """The file a reference names, and the part of it."""
        href = node.get("href") or ""
        url = urlsplit(href)
        if self.within is None or folder is None or url.scheme or url.netloc or url.query:
            raise fault(
                "SCH-INCLUDE",
                node,
                f"The include '{href}' is not allowed: only plain files below the folder of the "
                "schema are read, and nothing from a network.",
            )
        if not url.path or "\0" in unquote(url.path):
            raise fault("SCH-INCLUDE", node, f"The include '{href}' names no file.")
        path = (folder / unquote(url.path)).resolve()
        if not path.is_relative_to(self.within):
            raise fault(
                "SCH-INCLUDE", node, f"The include '{href}' leaves the folder of the schema."
            )
        return path, url.fragment

    def _part(
        self, node: etree._Element, path: Path, fragment: str, above: tuple[Path, ...]
    ) -> etree._Element:
        """A file with its own includes resolved, or the element in it that ``fragment`` names.

        That is the element with this id, or the function of this name: functions have no id.
        """
        if path in above or len(above) >= _MAX_INCLUDE_DEPTH:
            raise fault(
                "SCH-INCLUDE",
                node,
                f"The include '{node.get('href')}' leads back to itself or deeper than "
                f"{_MAX_INCLUDE_DEPTH} files.",
            )
        tree = self._trees.get(path)
        if tree is None:
            tree = _read(_content(node, path))
            self.note_prefixes(tree)
            self.resolve(tree, path.parent, (*above, path))
            self._trees[path] = tree
        if not fragment:
            return tree
        named = (
            item
            for item in tree.iter()
            if fragment in (item.get("id"), item.get(_XML_ID))
            or (item.tag == f"{{{XSLT_NS}}}function" and item.get("name") == fragment)
        )
        found = next(named, None)
        if found is None:
            raise fault("SCH-INCLUDE", node, f"There is nothing named '{fragment}' in {path.name}.")
        return found


def _replace(node: etree._Element, other: etree._Element) -> None:
    parent = node.getparent()
    if parent is not None:
        other.tail = node.tail
        parent.replace(node, other)


def _put_data(node: etree._Element, content: bytes) -> list[Catalogue]:
    """Put a code list or a table of elements in place; give the messages, if that is what it is."""
    try:
        table = tomllib.loads(content.decode())
        if "messages" in table:
            _drop_keeping_tail(node)
            return [_catalogue(table["messages"])]
        _replace(node, _pattern(table) if "element" in table else _variable(table))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise fault(
            "SCH-INCLUDE",
            node,
            f"The data file '{node.get('href')}' is neither a code list nor messages nor a table "
            "of elements in TOML.",
        ) from None
    return []


def _catalogue(messages: Catalogue) -> Catalogue:
    for by_language in messages.values():
        for text in by_language.values():
            text["message"].strip()
        by_language["en"]
    return messages


def _give_texts(root: etree._Element, messages: Catalogue) -> None:
    """Give every test that has an id and no text of its own its English message."""
    for test in root.iter(sch("assert"), sch("report")):
        identifier = test.get("id")
        if identifier is None or len(test) or (test.text or "").strip():
            continue
        if identifier not in messages:
            raise fault("SCH-REFERENCE", test, f"There is no message for '{identifier}'.")
        test.text = messages[identifier]["en"]["message"]


def _content(node: etree._Element, path: Path) -> bytes:
    href = node.get("href")
    try:
        if not path.is_file():
            raise fault("SCH-INCLUDE", node, f"The include '{href}' is not there, or is no file.")
        if path.stat().st_size > _LIMITS.max_bytes:
            raise fault("SCH-TOO-LARGE", node, f"The include '{href}' is too large.")
        return path.read_bytes()
    except OSError:
        raise fault("SCH-INCLUDE", node, f"The include '{href}' cannot be read.") from None


def _variable(table: Mapping[str, Any]) -> etree._Element:
    codes = ", ".join("'" + str(code).replace("'", "''") + "'" for code in table["codes"])
    return etree.Element(sch("let"), {"name": table["name"], "value": f"({codes})"})


def _pattern(table: Mapping[str, Any]) -> etree._Element:
    """A pattern from a table of elements.

    Each row has ``path``, ``required`` (child to rule id), ``optional`` (children) and, where
    other children are forbidden, ``other`` (rule id). ``flag`` is that of all rules.
    """
    pattern = etree.Element(sch("pattern"), {"id": table["id"]})
    for row in table["element"]:
        path, required = row["path"], row.get("required", {})
        rule = etree.SubElement(pattern, sch("rule"), {"context": path})
        for child, identifier in required.items():
            _assert(rule, identifier, table["flag"], child)
        if "other" in row:
            known = " | ".join(f"self::{child}" for child in [*required, *row.get("optional", [])])
            stray = etree.SubElement(
                pattern, sch("rule"), {"context": f"{path}/*[not({known or '()'})]"}
            )
            _assert(stray, row["other"], table["flag"], "false()")
    return pattern


def _assert(rule: etree._Element, identifier: str, flag: str, test: str) -> None:
    etree.SubElement(rule, sch("assert"), {"id": identifier, "flag": flag, "test": test})
