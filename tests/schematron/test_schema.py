"""What operators write in Schematron: parts of files, names by pattern, phases, bounds."""

import os
from pathlib import Path

import pytest
from lxml import etree

from schematron.build import SchematronError, compile_schematron
from schematron.engine import shared
from schematron.errors import EngineFailed
from schematron.schema import read_schema
from ubl.safexml import parse

SCH = "http://purl.oclc.org/dsdl/schematron"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
XSL = 'xmlns:xsl="http://www.w3.org/1999/XSL/Transform"'


def schema(body: str, attributes: str = "") -> bytes:
    return (
        f'<schema xmlns="{SCH}" queryBinding="xslt2" {attributes}>'
        f'<ns prefix="f" uri="urn:f"/>{body}</schema>'
    ).encode()


def pattern(*rules: str, attributes: str = "") -> str:
    return f"<pattern {attributes}>{''.join(rules)}</pattern>"


def rule(context: str, body: str) -> str:
    return f'<rule context="{context}">{body}</rule>'


def fail(identifier: str, test: str = "false()", text: str = "") -> str:
    return f'<assert id="{identifier}" flag="fatal" test="{test}">{text}</assert>'


def report(source: bytes, document: str = "<a/>", **folders: Path) -> etree._Element:
    stylesheet = compile_schematron(source, **folders)
    key = f"schema-test-{hash(stylesheet)}"
    return parse(shared().run(key, lambda: stylesheet, document=document))


def ids(source: bytes, document: str = "<a/>", **folders: Path) -> list[str]:
    found = report(source, document, **folders).iter(f"{SVRL}failed-assert")
    return [str(item.get("id")) for item in found]


def texts(source: bytes, document: str = "<a/>", **folders: Path) -> list[str | None]:
    return [item.text for item in report(source, document, **folders).iter(f"{SVRL}text")]


def refusal(source: bytes, **folders: Path) -> str:
    with pytest.raises(SchematronError) as refused:
        compile_schematron(source, **folders)
    assert refused.value.message
    return refused.value.code


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Two sets side by side, of which one takes parts of the other."""
    (tmp_path / "own").mkdir()
    (tmp_path / "parts" / "codes").mkdir(parents=True)
    (tmp_path / "parts" / "all.sch").write_text(
        f'<schema xmlns="{SCH}"><ns prefix="f" uri="urn:f"/><include href="texts.toml"/>'
        f'<include href="codes/c.toml"/><xsl:function {XSL} name="f:one"><xsl:sequence select="1"/>'
        "</xsl:function>"
        + pattern(rule("a", fail("x", "f:one() = 2")), attributes='id="first"')
        + pattern(rule("a", fail("y", "@c = $codes")), attributes='id="second"')
        + "</schema>"
    )
    (tmp_path / "parts" / "codes" / "c.toml").write_text('name = "codes"\ncodes = ["C"]\n')
    (tmp_path / "parts" / "texts.toml").write_text(
        '[messages.x.en]\nmessage = "Theirs x."\n[messages.y.en]\nmessage = "Theirs y."\n'
    )
    return tmp_path


def test_includes_are_looked_for_from_the_file_that_names_them(shelf):
    source = schema('<extends href="../parts/all.sch"/>')
    assert ids(source, base=shelf / "own", within=shelf) == ["x", "y"]


def test_includes_leave_no_other_folder(shelf):
    source = schema('<extends href="../parts/all.sch"/>')
    assert refusal(source, base=shelf / "own") == "SCH-INCLUDE"
    outside = schema('<include href="../../x.sch"/>')
    assert refusal(outside, base=shelf / "own", within=shelf) == "SCH-INCLUDE"


def test_a_part_of_a_file_is_included_by_its_id(shelf):
    source = schema(
        '<include href="../parts/codes/c.toml"/><include href="../parts/all.sch#second"/>'
    )
    assert ids(source, '<a c="D"/>', base=shelf / "own", within=shelf) == ["y"]
    assert ids(source, '<a c="C"/>', base=shelf / "own", within=shelf) == []


def test_a_function_is_included_by_its_name_and_a_test_by_its_id(shelf):
    source = schema(
        '<include href="../parts/all.sch#f:one"/>'
        + pattern(rule("b", '<include href="../parts/all.sch#x"/>'))
    )
    assert ids(source, "<a><b/></a>", base=shelf / "own", within=shelf) == ["x"]


def test_a_part_that_is_not_there(shelf):
    source = schema('<include href="all.sch#third"/>')
    assert refusal(source, base=shelf / "parts") == "SCH-INCLUDE"


def test_the_file_that_includes_has_the_last_word_on_texts(shelf):
    (shelf / "own" / "texts.toml").write_text('[messages.x.en]\nmessage = "Ours."\n')
    source = schema('<include href="texts.toml"/><extends href="../parts/all.sch"/>')
    assert texts(source, base=shelf / "own", within=shelf) == ["Ours.", "Theirs y."]
    read = read_schema(source, base=shelf / "own", within=shelf)
    assert {key: text["en"]["message"] for key, text in read.messages.items()} == {
        "x": "Ours.",
        "y": "Theirs y.",
    }


TABLE = """
id = "model"
flag = "warning"
[[element]]
path = "/a"
optional = ["c"]
other = "stray"
[element.required]
b = "no-b"
d = "no-d"
[[element]]
path = "/a/c"
other = "c-is-empty"
"""


def test_a_table_of_elements_becomes_a_pattern(tmp_path):
    (tmp_path / "model.toml").write_text(TABLE)
    source = schema('<include href="model.toml"/>')
    assert ids(source, "<a><b/><c/><d/></a>", base=tmp_path) == []
    assert ids(source, "<a><c><b/></c><x/><x><y/></x></a>", base=tmp_path) == [
        "no-b", "no-d", "c-is-empty", "stray", "stray",
    ]  # fmt: skip
    assert report(source, base=tmp_path).find(f"{SVRL}failed-assert").get("flag") == "warning"


@pytest.mark.parametrize("table", ["element = 1", '[[element]]\npath = "/a"', "element = []"])
def test_a_table_of_elements_that_is_none(tmp_path, table):
    (tmp_path / "model.toml").write_text(table)
    assert refusal(schema('<include href="model.toml"/>'), base=tmp_path) == "SCH-INCLUDE"


def test_a_variable_of_a_pattern_holds_only_there():
    one = pattern('<let name="v" value="1"/>', rule("a[@n = $v]", fail("one", "$v = 0")))
    two = pattern(
        '<let name="v" value="2"/><let name="w" value="$v + 1"/>',
        rule("a[@n = $v]", fail("two", "$w = 0", "$v is <value-of select='$v'/>")),
    )
    source = schema('<let name="u" value="3"/>' + one + two)
    assert ids(source, '<a n="1"/>') == ["one"]
    assert ids(source, '<a n="2"/>') == ["two"]
    assert texts(source, '<a n="2"/>') == ["$v is 2"]


def test_a_variable_of_a_rule_hides_that_of_its_pattern():
    inner = '<let name="v" value="$v + 1"/>'
    source = schema(
        '<let name="v" value="10"/>'
        + pattern('<let name="v" value="20"/>', rule("a", inner + fail("x", "$v ne 21")))
        + pattern(rule("a", fail("y", "$v ne 10") + fail("z", "'$v' ne '$v'")))
    )
    assert ids(source) == ["x", "y", "z"]


def test_a_phase_gives_variables_a_value():
    body = (
        '<let name="v" value="1"/><phase id="p"><let name="v" value="2"/><let name="w" value="3"/>'
        '<active pattern="q"/></phase>'
        + pattern(
            rule("a", fail("x", "false()", "<value-of select='$v, $w'/>")), attributes="id='q'"
        )
    )
    assert texts(schema(body)) == ["1"]
    assert texts(schema(body, 'defaultPhase="p"')) == ["2 3"]


def test_diagnostics_are_reported_beside_the_message():
    body = '<assert id="x" diagnostics="d e" test="false()">No.</assert>'
    source = schema(
        pattern(rule("a", body))
        + '<diagnostics><diagnostic id="d">It is <name/>.</diagnostic>'
        + '<diagnostic id="e">So.</diagnostic></diagnostics><properties><p/></properties>'
    )
    found = report(source).iter(f"{SVRL}diagnostic-reference")
    assert [(item.get("diagnostic"), item.text) for item in found] == [
        ("d", "It is a."),
        ("e", "So."),
    ]
    assert refusal(schema(pattern(rule("a", body)))) == "SCH-REFERENCE"


def test_abstract_rules_of_the_whole_schema():
    base = '<rule abstract="true" id="r">' + fail("shared") + "</rule>"
    user = pattern(rule("a", '<extends rule="r"/>'))
    assert ids(schema(f"<rules>{base}</rules>" + user)) == ["shared"]
    assert ids(schema(pattern(base) + user)) == ["shared"]


def test_parameters_have_defaults_and_stray_white_space():
    source = schema(
        '<pattern abstract="true" id="t"><param name="p" value="1"/>'
        + rule("a", fail("x", "@p = $p"))
        + '</pattern><pattern is-a="t"/><pattern is-a="t"><param name="p " value="2"/></pattern>'
    )
    assert ids(source, '<a p="1"/>') == ["x"]


def test_prefixes_of_the_file_hold_in_its_functions():
    source = (
        f'<schema xmlns="{SCH}" xmlns:g="urn:f" queryBinding="xslt2">'
        '<ns prefix="f" uri="urn:f"/>'
        f'<xsl:function {XSL} name="g:one"><xsl:sequence select="1"/></xsl:function>'
        + pattern(rule("a", fail("x", "f:one() = 2")))
        + "</schema>"
    ).encode()
    assert ids(source) == ["x"]


def test_a_prefix_with_two_meanings():
    function = f'<xsl:function {XSL} xmlns:f="urn:g" name="f:one"/>'
    assert refusal(schema(function)) == "SCH-NAME"


def test_other_vocabularies_only_annotate():
    note = '<n:note xmlns:n="urn:n"><n:b>for readers</n:b></n:note>'
    source = schema(
        note
        + pattern(note, rule("a", note + fail("x", "false()", "<n:b xmlns:n='urn:n'>bold</n:b>")))
    )
    assert texts(source) == ["bold"]


def test_instructions_that_only_compute_are_taken():
    source = schema(
        f'<xsl:variable {XSL} name="table"><f:row xmlns:f="urn:f" k="A">1</f:row></xsl:variable>'
        + pattern(
            rule(
                "a",
                f'<xsl:variable {XSL} name="v" select="$table/f:row[@k = \'A\']"/>'
                + fail("x", "$v = 2", f'<xsl:value-of {XSL} select="$v"/>'),
            )
        )
    )
    assert texts(source) == ["1"]


REFUSED = {
    "text that is code": (
        f'<xsl:function {XSL} name="f:x" expand-text="yes">{{1}}</xsl:function>',
        "SCH-STRUCTURE",
    ),
    "text that is code, in a table": (
        f'<xsl:variable {XSL} name="x"><row xmlns="urn:f" xsl:expand-text="yes"/></xsl:variable>',
        "SCH-STRUCTURE",
    ),
    "an instruction beside tests": (
        pattern(rule("a", f'<xsl:message {XSL}>hello</xsl:message>')),
        "SCH-STRUCTURE",
    ),
    "an instruction in a message": (
        pattern(rule("a", fail("x", text=f'<xsl:copy-of {XSL} select="doc(\'x\')"/>'))),
        "SCH-STRUCTURE",
    ),
    "a value from elsewhere": (
        pattern(rule("a", fail("x", text="<value-of select=\"doc('x')\"/>"))),
        "SCH-EXTERNAL",
    ),
    "other documents": (pattern(attributes='documents="@href"'), "SCH-EXTERNAL"),
    "a rule in a phase": ('<phase id="p">' + rule("a", "") + "</phase>", "SCH-STRUCTURE"),
    "two variables of a pattern": (
        pattern('<let name="v" value="1"/><let name="v" value="2"/>'),
        "SCH-NAME",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_its_code(name):
    body, code = REFUSED[name]
    assert refusal(schema(body)) == code


def test_what_is_no_plain_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.sch")
    (tmp_path / "folder.sch").mkdir()
    with (tmp_path / "huge.sch").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    (tmp_path / "deep.toml").write_text("codes = " + "[" * 5_000)
    codes = {
        name: refusal(schema(f'<include href="{name}"/>'), base=tmp_path)
        for name in ("pipe.sch", "folder.sch", "huge.sch", "deep.toml")
    }
    assert codes == {
        "pipe.sch": "SCH-INCLUDE",
        "folder.sch": "SCH-INCLUDE",
        "huge.sch": "SCH-TOO-LARGE",
        "deep.toml": "SCH-INCLUDE",
    }


def abstract(name: str, body: str) -> str:
    return f'<rule abstract="true" id="{name}">{body}</rule>'


def chain(length: int, times: int) -> str:
    links = (abstract(f"r{n}", f'<extends rule="r{n + 1}"/>' * times) for n in range(length))
    last = abstract(f"r{length}", "")
    return pattern(*links, last, rule("a", '<extends rule="r0"/>'))


UNFOLDING = {
    "rules that extend two rules each": (chain(40, 2), "SCH-TOO-LARGE"),
    "rules that extend each other": (chain(4_000, 1), "SCH-REFERENCE"),
    "a long parameter used often": (
        '<pattern abstract="true" id="t">'
        + rule("$p" * 20_000, "")
        + f'</pattern><pattern is-a="t"><param name="p" value="{"x" * 200_000}"/></pattern>',
        "SCH-TOO-LARGE",
    ),
    "many instances of many rules": (
        '<pattern abstract="true" id="t">'
        + rule("$p", "") * 2_000
        + "</pattern>"
        + '<pattern is-a="t"><param name="p" value="x"/></pattern>' * 2_000,
        "SCH-TOO-LARGE",
    ),
    "elements without end in a message": (
        pattern(rule("a", fail("x", text="<emph>" * 5_000 + "</emph>" * 5_000))),
        "SCH-XML",
    ),
    "entities": ("&lol;", "SCH-XML"),
    "over 16 MB": ("<p>" + "x" * 17 * 1024 * 1024 + "</p>", "SCH-XML"),
}


@pytest.mark.parametrize("name", UNFOLDING)
def test_a_small_schema_that_unfolds_is_refused(name):
    body, code = UNFOLDING[name]
    assert refusal(schema(body)) == code


def test_ten_megabytes_are_compiled():
    tests = "".join(fail(f"x{n}", f"@n ne '{n}'", "y" * 950) for n in range(10_000))
    source = schema(pattern(rule("a", tests)))
    assert len(source) > 10_000_000
    assert len(read_schema(source).patterns[0].rules[0].tests) == 10_000
    assert len(compile_schematron(source)) > 10_000_000


def test_recursion_without_end_is_an_engine_error():
    source = schema(
        f'<xsl:function {XSL} name="f:x"><xsl:param name="n"/>'
        '<xsl:sequence select="1 + f:x($n + 1)"/></xsl:function>'
        + pattern(rule("a", fail("x", "f:x(1) = 1")))
    )
    with pytest.raises(EngineFailed):
        report(source)


def test_a_loop_without_end_hangs_neither_the_compiler_nor_the_engine_that_loads_it():
    source = schema(
        f'<xsl:function {XSL} name="f:x"><xsl:param name="n"/>'
        '<xsl:sequence select="f:x($n + 1)"/></xsl:function>'
        + pattern(rule("a", fail("x", "f:x(1) = 1")) + rule("b", fail("y")))
    )
    assert ids(source, "<b/>") == ["y"]
