"""Reads an ISO Schematron schema into plain values with nothing left to resolve.

Pure apart from includes, which it reads only below a folder the caller names and never from a
network. Includes, abstract patterns with their parameters and abstract rules are resolved here,
so that the writer sees patterns, rules and tests only. Whatever it does not understand it refuses.

Two kinds of data may be included next to schema parts, so that long lists and texts for people
live in files of their own: a code list (TOML with ``name`` and ``codes``) becomes a variable that
holds its codes as strings, and a message catalogue (TOML with a table ``messages``) gives its
English text to every test that has an id and no text.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lxml import etree

from ubl.safexml import Limits, XmlRefused, parse

__all__ = ["Let", "Pattern", "Rule", "Schema", "SchematronError", "Test", "read_schema"]

SCHEMATRON_NS: Final = "http://purl.oclc.org/dsdl/schematron"
XSLT_NS: Final = "http://www.w3.org/1999/XSL/Transform"

_LIMITS: Final = Limits(max_bytes=16 * 1024 * 1024)
_BINDINGS: Final = frozenset({"xslt2", "xslt3", "xpath2", "xpath3"})
_MAX_INCLUDE_DEPTH: Final = 16
_MAX_INCLUDES: Final = 500
_MAX_ELEMENTS: Final = 200_000
_NCNAME: Final = re.compile(r"[^\W\d][\w.\-]*")
_LITERAL: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_REACHES_OUT: Final = re.compile(
    r"(?<![\w.\-])(?:fn:)?(doc|doc-available|document|collection|uri-collection|unparsed-text"
    r"|unparsed-text-lines|unparsed-text-available|environment-variable"
    r"|available-environment-variables|json-doc|transform|load-xquery-module)\s*[(#]"
)
_LABELS: Final = ("id", "flag", "role", "see")
_PHRASING: Final = frozenset({"emph", "dir", "span"})
_DOCUMENTARY: Final = frozenset({"title", "p", "diagnostics", "diagnostic", "properties"})
_INSTRUCTIONS: Final = frozenset(
    {"function", "key", "param", "variable", "sequence", "value-of", "text", "choose", "when"}
    | {"otherwise", "if", "for-each", "for-each-group", "sort", "perform-sort", "analyze-string"}
    | {"matching-substring", "non-matching-substring"}
)


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


def read_schema(source: bytes, *, base: Path | None = None) -> "Schema":
    """Read a schema with everything it includes from below ``base``. Raises SchematronError."""
    root = _read(source)
    if root.tag != _sch("schema"):
        raise _fault("SCH-ROOT", root, "A Schematron file starts with the element 'schema'.")
    binding = (root.get("queryBinding") or "xslt").lower()
    if binding not in _BINDINGS:
        raise _fault(
            "SCH-BINDING",
            root,
            f"The schema is written for the query binding '{binding}'. "
            "Only XPath 2.0 and later (queryBinding='xslt2') is compiled.",
        )
    _include(root, base.resolve() if base else None, _MAX_INCLUDE_DEPTH, iter(range(_MAX_INCLUDES)))
    return Schema.read(root)


def _sch(name: str) -> str:
    return f"{{{SCHEMATRON_NS}}}{name}"


def _line(node: etree._Element) -> int:
    line = node.sourceline
    return line if isinstance(line, int) else 0


def _fault(code: str, node: etree._Element, message: str) -> SchematronError:
    return SchematronError(code, message, line=_line(node))


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


def _include(root: etree._Element, base: Path | None, depth: int, budget: Iterator[int]) -> None:
    """Put the content of every included file in the place of its reference.

    ``budget`` is shared by all files: includes that include twice each must come to an end.
    """
    for node in list(root.iter(_sch("include"), _sch("extends"))):
        href = node.get("href")
        if node.tag == _sch("extends") and href is None:
            continue
        if depth == 0:
            raise _fault(
                "SCH-INCLUDE", node, f"Includes are nested more than {_MAX_INCLUDE_DEPTH} deep."
            )
        if next(budget, None) is None:
            raise _fault("SCH-TOO-LARGE", node, f"There are more than {_MAX_INCLUDES} includes.")
        data = _included_bytes(node, href or "", base)
        parent = node.getparent()
        if parent is None:
            raise _fault("SCH-STRUCTURE", node, "An include cannot be the whole schema.")
        if (href or "").endswith(".toml"):
            _include_data(root, node, data)
            continue
        other = _read(data)
        _include(other, base, depth - 1, budget)
        if node.tag == _sch("extends"):
            for child in other:
                node.addprevious(deepcopy(child))
            parent.remove(node)
        else:
            parent.replace(node, other)
    if sum(1 for _ in root.iter()) > _MAX_ELEMENTS:
        raise SchematronError(
            "SCH-TOO-LARGE", f"With its includes the schema has over {_MAX_ELEMENTS} elements."
        )


def _included_bytes(node: etree._Element, href: str, base: Path | None) -> bytes:
    url = urlsplit(href)
    if base is None or url.scheme or url.netloc or url.fragment or url.query or not url.path:
        raise _fault(
            "SCH-INCLUDE",
            node,
            f"The include '{href}' is not allowed: only plain files below the folder of the "
            "schema are read, and nothing from a network.",
        )
    path = (base / href).resolve()
    if not path.is_relative_to(base):
        raise _fault("SCH-INCLUDE", node, f"The include '{href}' leaves the folder of the schema.")
    try:
        return path.read_bytes()
    except OSError:
        raise _fault("SCH-INCLUDE", node, f"The include '{href}' cannot be read.") from None


def _include_data(root: etree._Element, node: etree._Element, data: bytes) -> None:
    """Put a code list in place as a variable, or give their texts to tests without one."""
    try:
        content = tomllib.loads(data.decode())
        if "messages" in content:
            _fill_in_messages(root, content["messages"])
            parent = node.getparent()
            if parent is not None:
                parent.remove(node)
            return
        codes = ", ".join("'" + str(code).replace("'", "''") + "'" for code in content["codes"])
        variable = etree.Element(_sch("let"), {"name": content["name"], "value": f"({codes})"})
    except SchematronError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _fault(
            "SCH-INCLUDE",
            node,
            f"The data file '{node.get('href')}' is neither a code list nor messages in TOML.",
        ) from None
    parent = node.getparent()
    if parent is not None:
        parent.replace(node, variable)


def _fill_in_messages(
    root: etree._Element, messages: Mapping[str, Mapping[str, Mapping[str, str]]]
) -> None:
    for test in root.iter(_sch("assert"), _sch("report")):
        identifier = test.get("id")
        if len(test) or (test.text or "").strip() or identifier is None:
            continue
        if identifier not in messages:
            raise _fault("SCH-REFERENCE", test, f"There is no message for '{identifier}'.")
        test.text = messages[identifier]["en"]["message"]


@dataclass(frozen=True, slots=True)
class Let:
    """A named value that expressions refer to as ``$name``."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Test:
    """One assert or report.

    ``failing`` is the expression that is true when there is something to say. ``labels`` are the
    attributes id, flag, role and see that were given. ``message`` alternates literal text and
    expressions whose value stands in the text: pairs (is an expression, text or expression).
    """

    is_report: bool
    failing: str
    labels: Mapping[str, str]
    message: tuple[tuple[bool, str], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """The tests that hold for every node that ``context`` matches."""

    context: str
    lets: tuple[Let, ...]
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rules of which at most one, the first that matches, applies to any node."""

    id: str | None
    lets: tuple[Let, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema with includes, abstract patterns and abstract rules already resolved."""

    title: str
    default_phase: str
    namespaces: Mapping[str, str]
    lets: tuple[Let, ...]
    foreign: tuple[etree._Element, ...]
    phases: Mapping[str, tuple[str, ...]]
    patterns: tuple[Pattern, ...]

    @classmethod
    def read(cls, root: etree._Element) -> "Schema":
        """Check the structure of a schema and gather what is to be written."""
        namespaces: dict[str, str] = {}
        lets: list[Let] = []
        foreign: list[etree._Element] = []
        phases: dict[str, tuple[str, ...]] = {}
        sources: list[etree._Element] = []
        for child in root:
            kind = _kind(child)
            if kind == "ns":
                prefix = _name(child, "prefix")
                if namespaces.setdefault(prefix, _need(child, "uri")) != child.get("uri"):
                    raise _fault("SCH-NAME", child, f"The prefix '{prefix}' has two meanings.")
            elif kind == "let":
                lets.append(_let(child))
            elif kind == "phase":
                phases[_name(child, "id")] = _phase(child)
            elif kind == "pattern":
                sources.append(child)
            elif kind is None:
                foreign.append(_checked_foreign(child))
            elif kind not in _DOCUMENTARY:
                raise _fault("SCH-STRUCTURE", child, f"'{kind}' is out of place in a schema.")
        patterns = tuple(_patterns(sources))
        _check_references(root, phases, patterns)
        _check_unique(root, [*lets, *(item for pattern in patterns for item in pattern.lets)])
        return cls(
            title=" ".join((root.findtext(_sch("title")) or "").split()),
            default_phase=root.get("defaultPhase") or "#ALL",
            namespaces=namespaces,
            lets=tuple(lets),
            foreign=tuple(foreign),
            phases=phases,
            patterns=patterns,
        )


def _kind(node: etree._Element) -> str | None:
    """Name of a Schematron element, None for an element of another vocabulary."""
    name = etree.QName(node)
    return name.localname if name.namespace == SCHEMATRON_NS else None


def _need(node: etree._Element, attribute: str) -> str:
    value = node.get(attribute)
    if value is None or not value.strip():
        raise _fault("SCH-STRUCTURE", node, f"'{_kind(node)}' needs the attribute '{attribute}'.")
    return value


def _name(node: etree._Element, attribute: str) -> str:
    value = _need(node, attribute)
    if not _NCNAME.fullmatch(value):
        raise _fault("SCH-NAME", node, f"'{value}' cannot be used as the {attribute} here.")
    return value


def _expression(node: etree._Element, attribute: str) -> str:
    value = _need(node, attribute)
    _check_inside(node, value)
    return value


def _check_inside(node: etree._Element, expression: str) -> None:
    found = _REACHES_OUT.search(_LITERAL.sub("''", expression))
    if found:
        raise _fault(
            "SCH-EXTERNAL",
            node,
            f"The expression calls {found.group(1)}(), which reads outside the document. "
            "Put the data into the schema.",
        )


def _let(node: etree._Element) -> Let:
    return Let(_name(node, "name"), _expression(node, "value"))


def _phase(node: etree._Element) -> tuple[str, ...]:
    active = []
    for child in node:
        if _kind(child) == "active":
            active.append(_need(child, "pattern"))
        elif _kind(child) != "p":
            raise _fault("SCH-STRUCTURE", child, "A phase holds only 'active' elements.")
    return tuple(active)


def _checked_foreign(node: etree._Element) -> etree._Element:
    """Accept an XSLT function or key that only computes; refuse everything else."""
    top = etree.QName(node)
    if top.namespace != XSLT_NS or top.localname not in {"function", "key"}:
        raise _fault(
            "SCH-STRUCTURE", node, f"'{top.localname}' is not part of Schematron or allowed XSLT."
        )
    for inner in node.iter():
        name = etree.QName(inner)
        if name.namespace != XSLT_NS or name.localname not in _INSTRUCTIONS:
            raise _fault(
                "SCH-STRUCTURE", inner, f"'{name.localname}' may not be used in a function."
            )
        for value in inner.attrib.values():
            _check_inside(inner, str(value))
    return node


def _patterns(sources: list[etree._Element]) -> Iterator[Pattern]:
    abstract: dict[str | None, etree._Element] = {
        _name(node, "id"): node for node in sources if node.get("abstract") == "true"
    }
    for node in sources:
        if node.get("abstract") == "true":
            continue
        template = node.get("is-a")
        if template is None:
            yield _pattern(node, node.get("id"))
            continue
        if template not in abstract:
            raise _fault("SCH-REFERENCE", node, f"There is no abstract pattern '{template}'.")
        values = {
            _name(param, "name"): param.get("value") or "" for param in node.iter(_sch("param"))
        }
        yield _pattern(_instance(abstract[template], values), node.get("id"))


def _instance(template: etree._Element, values: Mapping[str, str]) -> etree._Element:
    """Copy an abstract pattern with its parameters, longest name first, put in place."""
    copy = deepcopy(template)
    if not values:
        return copy
    names = "|".join(re.escape(name) for name in sorted(values, key=len, reverse=True))
    reference = re.compile(rf"\$({names})(?![\w.\-])")
    for node in copy.iter():
        for attribute, text in node.attrib.items():
            node.set(attribute, reference.sub(lambda found: values[found.group(1)], str(text)))
    return copy


def _pattern(node: etree._Element, identifier: str | None) -> Pattern:
    lets: list[Let] = []
    abstract: dict[str, etree._Element] = {}
    concrete: list[etree._Element] = []
    for child in node:
        kind = _kind(child)
        if kind == "let":
            lets.append(_let(child))
        elif kind == "rule" and child.get("abstract") == "true":
            abstract[_need(child, "id")] = child
        elif kind == "rule":
            concrete.append(child)
        elif kind != "param" and kind not in _DOCUMENTARY:
            raise _fault("SCH-STRUCTURE", child, f"'{kind}' is out of place in a pattern.")
    return Pattern(identifier, tuple(lets), tuple(_rule(rule, abstract) for rule in concrete))


def _rule(node: etree._Element, abstract: Mapping[str, etree._Element]) -> Rule:
    lets: list[Let] = []
    tests: list[Test] = []
    for part in _parts(node, abstract, frozenset()):
        if _kind(part) == "let":
            lets.append(_let(part))
        else:
            tests.append(_test(part))
    _check_unique(node, lets)
    return Rule(_expression(node, "context"), tuple(lets), tuple(tests))


def _test(node: etree._Element) -> Test:
    expression = _expression(node, "test")
    is_report = _kind(node) == "report"
    labels = {name: str(node.get(name)) for name in _LABELS if node.get(name) is not None}
    return Test(
        is_report=is_report,
        failing=expression if is_report else f"not({expression})",
        labels=labels,
        message=tuple(_message(node)),
    )


def _message(node: etree._Element) -> Iterator[tuple[bool, str]]:
    if node.text:
        yield False, " ".join(re.split(r"\s+", node.text))
    for child in node:
        kind = _kind(child)
        if kind == "value-of":
            yield True, _expression(child, "select")
        elif kind == "name":
            path = child.get("path") or "."
            _check_inside(child, path)
            yield True, f"name({path})"
        elif kind in _PHRASING:
            yield from _message(child)
        else:
            raise _fault("SCH-STRUCTURE", child, f"'{kind}' is out of place in a message.")
        if child.tail:
            yield False, " ".join(re.split(r"\s+", child.tail))


def _parts(
    node: etree._Element, abstract: Mapping[str, etree._Element], above: frozenset[str]
) -> Iterator[etree._Element]:
    """The lets and tests of a rule, with those of the rules it extends in their place."""
    for child in node:
        kind = _kind(child)
        if kind in {"let", "assert", "report"}:
            yield child
        elif kind == "extends":
            name = _need(child, "rule")
            if name not in abstract or name in above:
                raise _fault(
                    "SCH-REFERENCE",
                    child,
                    f"The abstract rule '{name}' does not exist in this pattern or extends itself.",
                )
            yield from _parts(abstract[name], abstract, above | {name})
        elif kind not in _DOCUMENTARY:
            raise _fault("SCH-STRUCTURE", child, f"'{kind}' is out of place in a rule.")


def _check_references(
    root: etree._Element, phases: Mapping[str, tuple[str, ...]], patterns: Iterable[Pattern]
) -> None:
    known = {pattern.id for pattern in patterns}
    for name, active in phases.items():
        for pattern in active:
            if pattern not in known:
                raise _fault(
                    "SCH-REFERENCE", root, f"Phase '{name}' activates no known '{pattern}'."
                )
    default = root.get("defaultPhase")
    if default not in {None, "#ALL", *phases}:
        raise _fault("SCH-REFERENCE", root, f"The default phase '{default}' does not exist.")


def _check_unique(node: etree._Element, lets: Iterable[Let]) -> None:
    seen: set[str] = set()
    for item in lets:
        if item.name in seen:
            raise _fault("SCH-NAME", node, f"The variable '{item.name}' is defined twice.")
        seen.add(item.name)
