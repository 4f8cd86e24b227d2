"""Compiles ISO Schematron with XPath 2.0 expressions into one XSLT stylesheet that writes SVRL.

Pure: bytes in, bytes out; the only files it may open are includes below a folder the caller
names. It does not run anything and does not know Saxon: an expression that is not XPath is
found by the engine that loads the result.

The generated stylesheet gives each pattern a mode of its own, where the first rule that matches a
node wins. It goes straight to the elements whose names a pattern's rules end in; only where those
cannot be told it visits the whole document, and attributes, text and comments only for patterns
whose rule contexts can match them. A location is worked out only for a test that failed. Against
the letter of SVRL it writes neither ``fired-rule`` events nor the text of the test: they cost a
fifth of the run and most of the size of a report and tell its reader nothing.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lxml import etree

from schematron.schema import Let, Message, Pattern, Schema, SchematronError, Test, read_schema
from schematron.walk import names_matched

__all__ = ["SchematronError", "compile_schematron"]

SVRL_NS: Final = "http://purl.oclc.org/dsdl/svrl"
XSLT_NS: Final = "http://www.w3.org/1999/XSL/Transform"
XS_NS: Final = "http://www.w3.org/2001/XMLSchema"
OWN_NS: Final = "urn:peppol-gateway:schematron"

_NOT_ONLY_ELEMENTS: Final = re.compile(
    r"@|attribute\s*(?:::|\()|text\s*\(|comment\s*\(|node\s*\(|processing-instruction\s*\(|\.\s*$"
)


def _direct(pattern: Pattern) -> tuple[str, ...]:
    """Names of all elements a pattern's rules can match, none if that cannot be told.

    Going straight to them costs half of walking the whole document once more for each pattern.
    """
    names: dict[str, None] = {}
    for rule in pattern.rules:
        matched = names_matched(rule.context)
        if not matched:
            return ()
        names.update(dict.fromkeys(matched))
    return tuple(names)


def compile_schematron(
    source: bytes, *, base: Path | None = None, within: Path | None = None
) -> bytes:
    """Turn an ISO Schematron schema into an XSLT 3.0 stylesheet that reports in SVRL.

    ``base`` is the folder the schema lies in; without it ``include`` and ``extends href`` are
    refused, and the network is never used. ``within`` is the folder that includes may not leave,
    ``base`` unless given. The stylesheet takes one parameter, ``phase`` in the namespace OWN_NS:
    the id of a phase or ``#ALL``; it starts as the schema's ``defaultPhase`` and a phase that does
    not exist ends the run with an error. In the report every failed assertion and successful
    report carries ``id``, ``flag``, ``role``, ``see`` as written, and ``location``, an XPath 1.0
    expression that needs no prefixes. Raises SchematronError.
    """
    schema = read_schema(source, base=base, within=within)
    return etree.tostring(
        _Writer(schema).stylesheet(), xml_declaration=True, encoding="UTF-8", pretty_print=True
    )


def _free_prefix(wanted: str, taken: Mapping[str, str], uri: str) -> str:
    """A prefix that means ``uri`` and does not change the meaning of one of the schema."""
    while taken.get(wanted, uri) != uri:
        wanted += "_"
    return wanted


def _braces(text: str) -> str:
    """Protect text that becomes an attribute value template."""
    return text.replace("{", "{{").replace("}", "}}")


@dataclass(slots=True)
class _Writer:
    """Writes the stylesheet of one schema."""

    schema: Schema
    own: str = field(init=False)
    xs: str = field(init=False)

    def __post_init__(self) -> None:
        taken = {**self.schema.prefixes, **self.schema.namespaces}
        self.own = _free_prefix("own", taken, OWN_NS)
        self.xs = _free_prefix("xs", taken, XS_NS)

    def stylesheet(self) -> etree._Element:
        """The whole stylesheet as a tree."""
        taken = {**self.schema.prefixes, **self.schema.namespaces}
        prefixes = dict(taken)
        prefixes[self.own] = OWN_NS
        prefixes[self.xs] = XS_NS
        prefixes[_free_prefix("xsl", taken, XSLT_NS)] = XSLT_NS
        prefixes[_free_prefix("svrl", taken, SVRL_NS)] = SVRL_NS
        sheet = etree.Element(f"{{{XSLT_NS}}}stylesheet", nsmap=prefixes)
        sheet.set("version", "3.0")
        sheet.set("exclude-result-prefixes", "#all")
        _xsl(sheet, "output", method="xml", encoding="UTF-8", indent="no")
        parameter = _xsl(sheet, "param", name=f"{self.own}:phase")
        parameter.text = self.schema.default_phase
        parameter.set("as", f"{self.xs}:string")
        for item in self._global_lets():
            _xsl(sheet, "variable", name=item.name, select=item.value)
        for foreign in self.schema.foreign:
            copy = deepcopy(foreign)
            copy.tail = None
            sheet.append(copy)
        self._entry(sheet)
        for number, pattern in enumerate(self.schema.patterns, 1):
            self._pattern(sheet, pattern, f"p{number}")
        self._location(sheet)
        return sheet

    def _global_lets(self) -> Iterator[Let]:
        """Variables of the schema and of patterns: rule contexts may refer to both."""
        by_phase = dict(self.schema.phase_lets)
        for let in self.schema.lets:
            yield self._in_phases(let.name, by_phase.pop(let.name, {}), let.value)
        for name, values in by_phase.items():
            yield self._in_phases(name, values, "()")
        for pattern in self.schema.patterns:
            yield from pattern.lets

    def _in_phases(self, name: str, values: Mapping[str, str], otherwise: str) -> Let:
        """A variable with a value of its own in some phases."""
        chosen = (
            f"if (${self.own}:phase = '{phase}') then ({value}) else "
            for phase, value in values.items()
        )
        return Let(name, f"{''.join(chosen)}({otherwise})" if values else otherwise)

    def _entry(self, sheet: etree._Element) -> None:
        entry = _xsl(sheet, "template", match="/")
        known = "', '".join(["#ALL", *self.schema.phases])
        stop = _xsl(entry, "if", test=f"not(${self.own}:phase = ('{known}'))")
        _xsl(stop, "message", terminate="yes").text = "The phase asked for does not exist."
        output = _svrl(entry, "schematron-output", phase=f"{{${self.own}:phase}}")
        if self.schema.title:
            output.set("title", _braces(self.schema.title))
        for prefix, uri in self.schema.namespaces.items():
            _svrl(output, "ns-prefix-in-attribute-values", uri=_braces(uri), prefix=_braces(prefix))
        for number, pattern in enumerate(self.schema.patterns, 1):
            phases = ["#ALL"]
            phases += [name for name, active in self.schema.phases.items() if pattern.id in active]
            listed = "', '".join(phases)
            run = _xsl(output, "if", test=f"${self.own}:phase = ('{listed}')")
            active = _svrl(run, "active-pattern")
            if pattern.id:
                active.set("id", _braces(pattern.id))
            direct = _direct(pattern)
            start = f"//({' | '.join(direct)})" if direct else "/"
            _xsl(run, "apply-templates", select=start, mode=f"p{number}")

    def _pattern(self, sheet: etree._Element, pattern: Pattern, mode: str) -> None:
        walks = not _direct(pattern)
        beyond_elements = any(_NOT_ONLY_ELEMENTS.search(rule.context) for rule in pattern.rules)
        onward = "@* | node()" if beyond_elements else "*"
        for rank, rule in enumerate(pattern.rules):
            priority = str(len(pattern.rules) - rank)
            body = _xsl(sheet, "template", match=rule.context, mode=mode, priority=priority)
            for item in rule.lets:
                _xsl(body, "variable", name=item.name, select=item.value)
            for test in rule.tests:
                self._test(body, test)
            if walks:
                _xsl(body, "apply-templates", select=onward, mode=mode)
        rest = _xsl(sheet, "template", match="node() | @* | /", mode=mode, priority="-1")
        if walks:
            _xsl(rest, "apply-templates", select=onward, mode=mode)

    def _test(self, body: etree._Element, test: Test) -> None:
        branch = _xsl(body, "if", test=test.failing)
        event = _svrl(branch, "successful-report" if test.is_report else "failed-assert")
        for name, value in test.labels.items():
            event.set(name, _braces(value))
        event.set("location", f"{{{self.own}:location(.)}}")
        for name, message in test.diagnostics.items():
            _say(_svrl(event, "diagnostic-reference", diagnostic=_braces(name)), message)
        _say(_svrl(event, "text"), test.message)

    def _location(self, sheet: etree._Element) -> None:
        """The function that names the place of a node so that any XPath 1.0 engine finds it."""
        function = _xsl(sheet, "function", name=f"{self.own}:location")
        function.set("as", f"{self.xs}:string")
        _xsl(function, "param", name="node").set("as", "node()")
        steps = _xsl(function, "variable", name="steps")
        steps.set("as", f"{self.xs}:string*")
        walk = _xsl(steps, "for-each", select="$node/ancestor-or-self::*")
        _xsl(walk, "variable", name="name", select="node-name(.)")
        _xsl(
            walk,
            "sequence",
            select=f"concat('/*', {self.own}:test(.), '[', "
            "1 + count(preceding-sibling::*[node-name(.) eq $name]), ']')",
        )
        _xsl(
            steps,
            "sequence",
            select=f"if ($node instance of attribute()) then concat('/@*', {self.own}:test($node))"
            " else if ($node instance of text()) then "
            "concat('/text()[', 1 + count($node/preceding-sibling::text()), ']')"
            " else if ($node instance of comment()) then "
            "concat('/comment()[', 1 + count($node/preceding-sibling::comment()), ']') else ()",
        )
        _xsl(
            function,
            "sequence",
            select="if (exists($steps)) then string-join($steps, '') else '/'",
        )
        self._name_test(sheet)

    def _name_test(self, sheet: etree._Element) -> None:
        function = _xsl(sheet, "function", name=f"{self.own}:test")
        function.set("as", f"{self.xs}:string")
        _xsl(function, "param", name="node").set("as", "node()")
        _xsl(function, "variable", name="uri", select="string(namespace-uri($node))")
        # A namespace may hold one kind of quote; with both kinds only the local name is left.
        _xsl(
            function,
            "variable",
            name="quote",
            select="""if (contains($uri, "'")) then '"' else "'" """.strip(),
        )
        _xsl(
            function,
            "sequence",
            select="concat('[', if (contains($uri, $quote)) then '' else "
            "concat('namespace-uri()=', $quote, $uri, $quote, ' and '), "
            "'local-name()=''', local-name($node), ''']')",
        )


def _say(text: etree._Element, message: Message) -> None:
    for is_expression, part in message:
        if is_expression:
            _xsl(text, "value-of", select=part)
        else:
            _xsl(text, "text").text = part


def _xsl(parent: etree._Element, tag: str, /, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{XSLT_NS}}}{tag}", dict(attributes))


def _svrl(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{SVRL_NS}}}{name}", dict(attributes))
