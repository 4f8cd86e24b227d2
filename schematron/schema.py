"""Reads an ISO Schematron schema into plain values with nothing left to resolve.

Pure: ``schematron.schema_source`` brings the files together. Abstract patterns with their
parameters and abstract rules are resolved here, so that the writer sees patterns, rules and tests
only. Whatever has a meaning that
is not understood is refused; elements of other vocabularies that only annotate are left out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lxml import etree

from schematron.schema_patterns import Let, Message, Pattern, Rule, Test, own_names
from schematron.schema_source import (
    MAX_ELEMENTS,
    XSLT_NS,
    Catalogue,
    SchematronError,
    Source,
    fault,
    kind_of,
    load,
    sch,
)

__all__ = ["Let", "Message", "Pattern", "Rule", "Schema", "SchematronError", "Test", "read_schema"]

_BINDINGS: Final = frozenset({"xslt2", "xslt3", "xpath2", "xpath3"})
_NCNAME: Final = re.compile(r"[^\W\d][\w.\-]*")
_LITERAL: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_REACHES_OUT: Final = re.compile(
    r"(?<![\w.\-])(?:fn:)?(doc|doc-available|document|collection|uri-collection|unparsed-text"
    r"|unparsed-text-lines|unparsed-text-available|environment-variable"
    r"|available-environment-variables|json-doc|transform|load-xquery-module)\s*[(#]"
)
_XSLT_VARIABLE: Final = f"{{{XSLT_NS}}}variable"
_XSLT_VALUE_OF: Final = f"{{{XSLT_NS}}}value-of"
_LABELS: Final = ("id", "flag", "role", "see")
_PHRASING: Final = frozenset({"emph", "dir", "span"})
_DOCUMENTARY: Final = frozenset({"title", "p", "diagnostics", "diagnostic", "properties"})
_DECLARATIONS: Final = frozenset({"function", "key", "variable"})
_INSTRUCTIONS: Final = frozenset(
    {"function", "key", "param", "variable", "sequence", "value-of", "text", "choose", "when"}
    | {"otherwise", "if", "for-each", "for-each-group", "sort", "perform-sort", "analyze-string"}
    | {"matching-substring", "non-matching-substring", "copy-of", "element", "attribute", "map"}
    | {"map-entry", "iterate", "next-iteration", "break", "on-completion", "try", "catch"}
)
# Attributes that would let text or elements be run as code beyond what is checked here.
_SWITCHES: Final = frozenset({"expand-text", "extension-element-prefixes", "use-when"})
_MAX_TEXT: Final = 32 * 1024 * 1024
_MAX_EXTENDS: Final = 50


def read_schema(source: bytes, *, base: Path | None = None, within: Path | None = None) -> "Schema":
    """Read a schema with everything it includes. Raises SchematronError.

    ``base`` is the folder the schema lies in, without which it may include nothing; ``within`` is
    the folder that includes may not leave, ``base`` unless given.
    """
    loaded = load(source, base=base, within=within)
    binding = (loaded.root.get("queryBinding") or "xslt").lower()
    if binding not in _BINDINGS:
        raise fault(
            "SCH-BINDING",
            loaded.root,
            f"The schema is written for the query binding '{binding}'. "
            "Only XPath 2.0 and later (queryBinding='xslt2') is compiled.",
        )
    return Schema.read(loaded)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema with includes, abstract patterns and abstract rules already resolved.

    ``phases`` holds the ids of the patterns of each phase, ``phase_lets`` for each name the value
    it has in each phase that gives it one; ``prefixes`` those that XSLT elements use beside the
    ``namespaces`` that are declared for expressions; ``messages`` the texts of included
    catalogues, by rule id, then language, as ``message`` and ``hint``.
    """

    title: str
    default_phase: str
    namespaces: Mapping[str, str]
    prefixes: Mapping[str, str]
    lets: tuple[Let, ...]
    foreign: tuple[etree._Element, ...]
    phases: Mapping[str, tuple[str, ...]]
    phase_lets: Mapping[str, Mapping[str, str]]
    patterns: tuple[Pattern, ...]
    messages: Catalogue

    @classmethod
    def read(cls, source: Source) -> "Schema":
        """Check the structure of a schema and gather what is to be written."""
        root = source.root
        parts = _Parts(prefixes=dict(source.prefixes))
        for child in root:
            parts.take(child)
        patterns = tuple(
            own_names(_Builder.of(root).patterns(parts.patterns), {let.name for let in parts.lets})
        )
        _check_references(root, parts.phases, patterns)
        _check_unique(root, parts.lets)
        return cls(
            title=" ".join((root.findtext(sch("title")) or "").split()),
            default_phase=root.get("defaultPhase") or "#ALL",
            namespaces=parts.namespaces,
            prefixes=source.prefixes,
            lets=tuple(parts.lets),
            foreign=tuple(parts.foreign),
            phases=parts.phases,
            phase_lets=parts.phase_lets,
            patterns=patterns,
            messages=source.messages,
        )


@dataclass(slots=True)
class _Parts:
    """The children of a schema, sorted by what they are."""

    prefixes: Mapping[str, str]
    namespaces: dict[str, str] = field(default_factory=dict)
    lets: list[Let] = field(default_factory=list)
    foreign: list[etree._Element] = field(default_factory=list)
    phases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    phase_lets: dict[str, dict[str, str]] = field(default_factory=dict)
    patterns: list[etree._Element] = field(default_factory=list)

    def take(self, child: etree._Element) -> None:
        kind = kind_of(child)
        match kind:
            case "ns":
                prefix = _name(child, "prefix")
                uri = _need(child, "uri")
                known = self.prefixes.get(prefix, uri)
                if self.namespaces.setdefault(prefix, uri) != uri or known != uri:
                    raise fault("SCH-NAME", child, f"The prefix '{prefix}' has two meanings.")
            case "let":
                self.lets.append(_let(child))
            case "phase":
                self._phase(child)
            case "pattern":
                self.patterns.append(child)
            case "rules":
                pass
            case None:
                if _is_xslt(child):
                    self.foreign.append(_checked_foreign(child))
            case _:
                if kind not in _DOCUMENTARY:
                    raise fault("SCH-STRUCTURE", child, f"'{kind}' is out of place in a schema.")

    def _phase(self, node: etree._Element) -> None:
        phase = _name(node, "id")
        active: list[str] = []
        for child in node:
            match kind_of(child):
                case "active":
                    active.append(_need(child, "pattern"))
                case "let":
                    let = _let(child)
                    self.phase_lets.setdefault(let.name, {})[phase] = let.value
                case "p" | None:
                    pass
                case _:
                    raise fault(
                        "SCH-STRUCTURE", child, "A phase holds only 'active' and 'let' elements."
                    )
        self.phases[phase] = tuple(active)


def _is_xslt(node: etree._Element) -> bool:
    return etree.QName(node).namespace == XSLT_NS


def _need(node: etree._Element, attribute: str) -> str:
    value = node.get(attribute)
    if value is None or not value.strip():
        raise fault("SCH-STRUCTURE", node, f"'{kind_of(node)}' needs the attribute '{attribute}'.")
    return value


def _name(node: etree._Element, attribute: str) -> str:
    value = _need(node, attribute).strip()
    if not _NCNAME.fullmatch(value):
        raise fault("SCH-NAME", node, f"'{value}' cannot be used as the {attribute} here.")
    return value


def _expression(node: etree._Element, attribute: str) -> str:
    value = _need(node, attribute)
    _check_inside(node, value)
    return value


def _check_inside(node: etree._Element, expression: str) -> None:
    found = _REACHES_OUT.search(_LITERAL.sub("''", expression))
    if found:
        raise fault(
            "SCH-EXTERNAL",
            node,
            f"The expression calls {found.group(1)}(), which reads outside the document. "
            "Put the data into the schema.",
        )


def _let(node: etree._Element) -> Let:
    return Let(_name(node, "name"), _expression(node, "value"))


def _checked_foreign(node: etree._Element) -> etree._Element:
    """Accept an XSLT function, key or variable that only computes; refuse everything else.

    Elements of other vocabularies are values inside a function: tables it looks things up in.
    """
    top = etree.QName(node).localname
    if top not in _DECLARATIONS:
        raise fault("SCH-STRUCTURE", node, f"'{top}' is not part of Schematron or allowed XSLT.")
    for inner in node.iter():
        name = etree.QName(inner).localname
        if _is_xslt(inner) and name not in _INSTRUCTIONS:
            raise fault("SCH-STRUCTURE", inner, f"'{name}' may not be used in a function.")
        for attribute, value in inner.attrib.items():
            switch = etree.QName(str(attribute))
            if switch.localname in _SWITCHES and switch.namespace in {None, XSLT_NS}:
                raise fault("SCH-STRUCTURE", inner, f"'{switch.localname}' may not be used here.")
            _check_inside(inner, str(value))
    return node


@dataclass(slots=True)
class _Builder:
    """Resolves what is abstract, within bounds: a small schema can unfold into a huge one."""

    shared_rules: Mapping[str, etree._Element]
    diagnostics: Mapping[str, etree._Element]
    nodes_left: int = MAX_ELEMENTS
    text_left: int = _MAX_TEXT

    @classmethod
    def of(cls, root: etree._Element) -> "_Builder":
        abstract = (node for node in root.iter(sch("rule")) if node.get("abstract") == "true")
        return cls(
            shared_rules={_need(node, "id"): node for node in abstract},
            diagnostics={node.get("id") or "": node for node in root.iter(sch("diagnostic"))},
        )

    def _spend(self, node: etree._Element, *, nodes: int = 0, text: int = 0) -> None:
        self.nodes_left -= nodes
        self.text_left -= text
        if self.nodes_left < 0 or self.text_left < 0:
            raise fault("SCH-TOO-LARGE", node, "What is abstract unfolds into too many tests.")

    def patterns(self, sources: list[etree._Element]) -> Iterator[Pattern]:
        abstract: dict[str | None, etree._Element] = {
            _name(node, "id"): node for node in sources if node.get("abstract") == "true"
        }
        for node in sources:
            if node.get("documents") is not None:
                raise fault("SCH-EXTERNAL", node, "A pattern may not judge other documents.")
            if node.get("abstract") == "true":
                continue
            template = node.get("is-a")
            if template is None:
                yield self._pattern(node, node.get("id"))
                continue
            if template not in abstract:
                raise fault("SCH-REFERENCE", node, f"There is no abstract pattern '{template}'.")
            instance = self._instance(abstract[template], _parameters(node))
            yield self._pattern(instance, node.get("id"))

    def _instance(self, template: etree._Element, given: Mapping[str, str]) -> etree._Element:
        """Copy an abstract pattern with its parameters, longest name first, put in place."""
        values = {**_parameters(template), **given}
        self._spend(template, nodes=sum(1 for _ in template.iter()))
        copy = deepcopy(template)
        if not values:
            return copy
        names = "|".join(re.escape(name) for name in sorted(values, key=len, reverse=True))
        reference = re.compile(rf"\$({names})(?![\w.\-])")
        for node in copy.iter():
            for attribute, value in node.attrib.items():
                text = str(value)
                used = reference.findall(text)
                self._spend(node, text=len(text) + sum(len(values[name]) for name in used))
                if used:
                    node.set(attribute, reference.sub(lambda found: values[found.group(1)], text))
        return copy

    def _pattern(self, node: etree._Element, identifier: str | None) -> Pattern:
        lets: list[Let] = []
        abstract: dict[str, etree._Element] = {}
        concrete: list[etree._Element] = []
        for child in node:
            kind = kind_of(child)
            if kind == "let":
                lets.append(_let(child))
            elif kind == "rule" and child.get("abstract") == "true":
                abstract[_need(child, "id")] = child
            elif kind == "rule":
                concrete.append(child)
            elif kind != "param" and not _is_remark(child):
                raise _out_of_place(child, "a pattern")
        _check_unique(node, lets)
        rules = tuple(self._rule(rule, {**self.shared_rules, **abstract}) for rule in concrete)
        return Pattern(identifier, tuple(lets), rules)

    def _rule(self, node: etree._Element, abstract: Mapping[str, etree._Element]) -> Rule:
        lets: list[Let] = []
        tests: list[Test] = []
        for part in self._parts(node, abstract, ()):
            if kind_of(part) == "let":
                lets.append(_let(part))
            elif _is_xslt(part):
                lets.append(Let(_name(part, "name"), _expression(part, "select")))
            else:
                tests.append(self._test(part))
        _check_unique(node, lets)
        return Rule(_expression(node, "context"), tuple(lets), tuple(tests))

    def _parts(
        self,
        node: etree._Element,
        abstract: Mapping[str, etree._Element],
        above: tuple[str, ...],
    ) -> Iterator[etree._Element]:
        """The lets and tests of a rule, with those of the rules it extends in their place."""
        for child in node:
            self._spend(child, nodes=1)
            kind = kind_of(child)
            if kind in {"let", "assert", "report"} or child.tag == _XSLT_VARIABLE:
                yield child
            elif kind == "extends":
                name = _need(child, "rule")
                if name not in abstract or name in above or len(above) >= _MAX_EXTENDS:
                    raise fault(
                        "SCH-REFERENCE",
                        child,
                        f"The abstract rule '{name}' does not exist, extends itself, or is one of "
                        f"over {_MAX_EXTENDS} that extend each other.",
                    )
                yield from self._parts(abstract[name], abstract, (*above, name))
            elif not _is_remark(child):
                raise _out_of_place(child, "a rule")

    def _test(self, node: etree._Element) -> Test:
        expression = _expression(node, "test")
        is_report = kind_of(node) == "report"
        diagnostics: dict[str, Message] = {}
        for name in (node.get("diagnostics") or "").split():
            if name not in self.diagnostics:
                raise fault("SCH-REFERENCE", node, f"There is no diagnostic '{name}'.")
            diagnostics[name] = tuple(_message(self.diagnostics[name]))
        return Test(
            is_report=is_report,
            failing=expression if is_report else f"not({expression})",
            labels={name: str(node.get(name)) for name in _LABELS if node.get(name) is not None},
            message=tuple(_message(node)),
            diagnostics=diagnostics,
        )


def _parameters(node: etree._Element) -> dict[str, str]:
    return {_name(item, "name"): item.get("value") or "" for item in node.iter(sch("param"))}


def _is_remark(node: etree._Element) -> bool:
    """Whether a node only explains: a text for readers, or an element of another vocabulary."""
    kind = kind_of(node)
    return kind in _DOCUMENTARY if kind is not None else not _is_xslt(node)


def _out_of_place(node: etree._Element, where: str) -> SchematronError:
    name = etree.QName(node).localname
    return fault("SCH-STRUCTURE", node, f"'{name}' is out of place in {where}.")


def _message(node: etree._Element) -> Iterator[tuple[bool, str]]:
    if node.text:
        yield False, " ".join(re.split(r"\s+", node.text))
    for child in node:
        kind = kind_of(child)
        if kind == "value-of" or child.tag == _XSLT_VALUE_OF:
            yield True, _expression(child, "select")
        elif kind == "name":
            path = child.get("path") or "."
            _check_inside(child, path)
            yield True, f"name({path})"
        elif kind in _PHRASING or (kind is None and not _is_xslt(child)):
            yield from _message(child)
        else:
            raise _out_of_place(child, "a message")
        if child.tail:
            yield False, " ".join(re.split(r"\s+", child.tail))


def _check_references(
    root: etree._Element, phases: Mapping[str, tuple[str, ...]], patterns: Iterable[Pattern]
) -> None:
    known = {pattern.id for pattern in patterns}
    for name, active in phases.items():
        for pattern in active:
            if pattern not in known:
                raise fault(
                    "SCH-REFERENCE", root, f"Phase '{name}' activates no known '{pattern}'."
                )
    default = root.get("defaultPhase")
    if default not in {None, "#ALL", *phases}:
        raise fault("SCH-REFERENCE", root, f"The default phase '{default}' does not exist.")


def _check_unique(node: etree._Element, lets: Iterable[Let]) -> None:
    seen: set[str] = set()
    for item in lets:
        if item.name in seen:
            raise fault("SCH-NAME", node, f"The variable '{item.name}' is defined twice.")
        seen.add(item.name)
