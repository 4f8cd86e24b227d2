"""The compiler: what Schematron means, and what it refuses."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from schematron.build import SchematronError, compile_schematron
from schematron.engine import shared
from schematron.errors import EngineFailed
from ubl.safexml import parse

SCH = "http://purl.oclc.org/dsdl/schematron"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
XSL = 'xmlns:xsl="http://www.w3.org/1999/XSL/Transform"'


def schema(body: str, attributes: str = "") -> bytes:
    return (
        f'<schema xmlns="{SCH}" queryBinding="xslt2" {attributes}>'
        f'<ns prefix="d" uri="urn:d"/>{body}</schema>'
    ).encode()


def rule(context: str, body: str) -> str:
    return f'<rule context="{context}">{body}</rule>'


def fail(identifier: str, test: str = "false()", text: str = "") -> str:
    return f'<assert id="{identifier}" flag="fatal" test="{test}">{text}</assert>'


def run(
    source: bytes, document: str, *, base: Path | None = None, phase: str | None = None
) -> etree._Element:
    stylesheet = compile_schematron(source, base=base)
    if phase is not None:
        start = stylesheet.index(b">", stylesheet.index(b':phase" as=')) + 1
        end = stylesheet.index(b"<", start)
        stylesheet = stylesheet[:start] + phase.encode() + stylesheet[end:]
    key = f"build-test-{hash(stylesheet)}"
    return parse(shared().run(key, lambda: stylesheet, document=document))


def findings(report: etree._Element) -> list[etree._Element]:
    return list(report.iter(f"{SVRL}failed-assert", f"{SVRL}successful-report"))


def ids(source: bytes, document: str, **options: object) -> list[str]:
    return [str(item.get("id")) for item in findings(run(source, document, **options))]


def test_first_matching_rule_of_a_pattern_wins():
    source = schema(
        "<pattern>" + rule("d:b[@x]", fail("special")) + rule("d:b", fail("general")) + "</pattern>"
    )
    document = '<a xmlns="urn:d"><b x="1"/><b/></a>'
    assert ids(source, document) == ["special", "general"]


def test_every_pattern_judges_every_node():
    one = "<pattern>" + rule("d:b", fail("one")) + "</pattern>"
    source = schema(one + one.replace("one", "two"))
    assert ids(source, '<a xmlns="urn:d"><b/><b/></a>') == ["one", "one", "two", "two"]


def test_a_rule_that_matches_does_not_hide_its_descendants():
    source = schema("<pattern>" + rule("d:a", fail("a")) + rule("d:b", fail("b")) + "</pattern>")
    assert ids(source, '<a xmlns="urn:d"><b/></a>') == ["a", "b"]


def test_assert_fails_on_false_and_report_on_true():
    body = fail("kept", "true()") + '<report id="said" test="true()"/><report id="no" test="0"/>'
    report = run(schema("<pattern>" + rule("/*", body) + "</pattern>"), "<a/>")
    assert [(item.tag, item.get("id")) for item in findings(report)] == [
        (f"{SVRL}successful-report", "said")
    ]


def test_attributes_of_a_test_are_carried_over():
    test = '<assert id="x" flag="warning" role="r" see="urn:s{1}" test="false()"/>'
    (item,) = findings(run(schema("<pattern>" + rule("/*", test) + "</pattern>"), "<a/>"))
    assert (item.get("flag"), item.get("role"), item.get("see")) == ("warning", "r", "urn:s{1}")
    assert item.get("test") is None


def test_message_has_values_names_and_emphasis():
    text = 'Is <value-of select="1 + 1"/> in <name/>, <name path="@x"/>:\n  <emph>not {so}</emph>!'
    source = schema("<pattern>" + rule("d:a", fail("m", text=text)) + "</pattern>")
    report = run(source, '<p:a xmlns:p="urn:d" x="1"/>')
    assert report.findtext(f".//{SVRL}text") == "Is 2 in p:a, x: not {so}!"


def test_variables_of_schema_pattern_and_rule():
    source = schema(
        '<let name="one" value="1"/><pattern><let name="two" value="$one + 1"/>'
        + rule(
            "d:b[position() = $two]",
            '<let name="n" value="$two + 1"/><let name="m" value="$n + 1"/>'
            + fail("v", "$m = 5", '<value-of select="$m"/>'),
        )
        + "</pattern>"
    )
    report = run(source, '<a xmlns="urn:d"><b/><b/></a>')
    assert [text.text for text in report.iter(f"{SVRL}text")] == ["4"]


def test_abstract_pattern_with_parameters():
    source = schema(
        '<pattern abstract="true" id="needs">'
        + rule("$what", fail("x", "$what-child", "$what lacks one"))
        + '</pattern><pattern is-a="needs" id="p">'
        '<param name="what" value="d:b"/><param name="what-child" value="d:c"/></pattern>'
    )
    report = run(source, '<a xmlns="urn:d"><b/><b><c/></b></a>')
    assert len(findings(report)) == 1
    assert [p.get("id") for p in report.iter(f"{SVRL}active-pattern")] == ["p"]


def test_abstract_rules_extend_each_other():
    source = schema(
        '<pattern><rule abstract="true" id="deep">'
        + fail("deep")
        + '</rule><rule abstract="true" id="mid"><extends rule="deep"/>'
        + fail("mid")
        + "</rule>"
        + rule("/*", '<extends rule="mid"/>' + fail("own"))
        + "</pattern>"
    )
    assert ids(source, "<a/>") == ["deep", "mid", "own"]


def test_keys_and_functions_are_embedded():
    source = schema(
        f'<ns prefix="f" uri="urn:f"/><xsl:key {XSL} name="k" match="d:b" use="@i"/>'
        f'<xsl:function {XSL} name="f:twice"><xsl:param name="n"/>'
        '<xsl:sequence select="$n * 2"/></xsl:function>'
        "<pattern>"
        + rule("d:c", fail("k", "key('k', @ref)") + fail("f", "f:twice(@n) = 4"))
        + "</pattern>"
    )
    document = '<a xmlns="urn:d"><b i="1"/><c ref="1" n="2"/><c ref="9" n="3"/></a>'
    assert ids(source, document) == ["k", "f"]


@pytest.mark.parametrize(
    ("context", "count"),
    [("@x", 2), ("d:b/@x", 1), ("text()", 1), ("comment()", 1), ("d:a", 1), ("/", 1), ("*", 2)],
)
def test_contexts_reach_every_kind_of_node(context, count):
    source = schema("<pattern>" + rule(context, fail("x")) + "</pattern>")
    document = '<a xmlns="urn:d" x="1"><b x="2">t</b><!-- c --></a>'
    assert len(ids(source, document)) == count


@pytest.mark.parametrize(
    "context",
    [
        "d:b | d:c[d:e | d:f = '|']/d:f[. = ']']",
        "d:c[. = &quot;a/b&quot;]/d:f | d:a",
        "(d:c | d:f)[1]",
        "d:c/child::d:f",
        "id('x')/d:f",
        "d:c union d:f",
        "d:b[1] union d:f[. = ']']",
        "d:c[d:f] except d:a",
        "d:c (: | d:x :) | d:f",
        "*[self::d:f]",
        "d:c//d:f[../d:f[2]]",
    ],
)
def test_going_straight_to_named_elements_finds_what_a_walk_finds(context):
    """One more rule that never matches but could match anything makes the same pattern walk."""
    document = '<a xmlns="urn:d"><b><c>a/b</c></b><c><e>|</e><f>]</f><f><c><f>]</f></c></f></c></a>'
    straight = schema("<pattern>" + rule(context, fail("x")) + "</pattern>")
    walked = schema(
        "<pattern>" + rule(context, fail("x")) + rule("*[false()]", fail("y")) + "</pattern>"
    )
    places = [
        [item.get("location") for item in findings(run(source, document))]
        for source in (straight, walked)
    ]
    assert places[0] == places[1]


PHASED = schema(
    '<phase id="quick"><active pattern="p1"/></phase>'
    '<pattern id="p1">' + rule("/*", fail("one")) + "</pattern>"
    '<pattern id="p2">' + rule("/*", fail("two")) + "</pattern>",
)


def test_phases_select_patterns():
    assert ids(PHASED, "<a/>") == ["one", "two"]
    assert ids(PHASED, "<a/>", phase="quick") == ["one"]


def test_default_phase_is_used():
    source = PHASED.replace(b'queryBinding="xslt2"', b'queryBinding="xslt2" defaultPhase="quick"')
    assert ids(source, "<a/>") == ["one"]


def test_a_phase_that_does_not_exist_is_no_pass():
    with pytest.raises(EngineFailed):
        run(PHASED, "<a/>", phase="slow")


@pytest.mark.parametrize(
    "document",
    [
        '<a xmlns="urn:d"><b/><x:b xmlns:x="urn:other"/><b><bad/></b></a>',
        "<a xmlns=\"urn:it's\"><b xmlns='urn:d'><bad/></b></a>",
        "<a><bad xmlns='urn:d'/></a>",
    ],
)
def test_location_finds_the_node_without_prefixes(document):
    source = schema("<pattern>" + rule("*:bad", fail("x")) + "</pattern>")
    (item,) = findings(run(source, document))
    (found,) = parse(document.encode()).xpath(item.get("location"))
    assert etree.QName(found).localname == "bad"


def test_location_of_attribute_and_text():
    source = schema("<pattern>" + rule("@x | text()", fail("x")) + "</pattern>")
    document = '<a xmlns:d="urn:d"><b d:x="" x="7">t<c/>u</b></a>'
    root = parse(document.encode())
    places = [root.xpath(item.get("location")) for item in findings(run(source, document))]
    assert places == [["7"], ["t"], ["u"]]


def test_prefixes_of_the_schema_may_be_ours():
    source = (
        f'<schema xmlns="{SCH}" queryBinding="xslt2"><ns prefix="xsl" uri="urn:d"/>'
        '<ns prefix="svrl" uri="urn:d"/><ns prefix="own" uri="urn:d"/><ns prefix="xs" uri="urn:d"/>'
        '<pattern><rule context="xsl:a"><assert id="x" test="svrl:b and own:b and xs:c"/>'
        "</rule></pattern></schema>"
    ).encode()
    assert ids(source, '<a xmlns="urn:d"><b/></a>') == ["x"]


def test_documentary_elements_are_left_out():
    source = schema(
        "<title>T</title><p>about</p><pattern><title>P</title><p>why</p>"
        + rule("/*", "<p>r</p>" + fail("x"))
        + '</pattern><diagnostics><diagnostic id="d">long</diagnostic></diagnostics>'
    )
    report = run(source, "<a/>")
    assert report.get("title") == "T"
    assert "long" not in etree.tostring(report, encoding="unicode")


def test_includes_below_the_folder(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "p.sch").write_text(
        f'<pattern xmlns="{SCH}"><!-- c -->' + rule("/*", fail("in")) + "</pattern>"
    )
    assert ids(schema('<include href="parts/p.sch"/>'), "<a/>", base=tmp_path) == ["in"]


def test_extends_a_rule_in_another_file(tmp_path):
    (tmp_path / "r.sch").write_text(f'<rule xmlns="{SCH}" abstract="true">{fail("far")}</rule>')
    source = schema("<pattern>" + rule("/*", '<extends href="r.sch"/>') + "</pattern>")
    assert ids(source, "<a/>", base=tmp_path) == ["far"]


def test_code_list_and_messages_are_included(tmp_path):
    (tmp_path / "codes.toml").write_text('name = "codes"\ncodes = ["A", "B\'s"]\n')
    (tmp_path / "m.toml").write_text('[messages.x.en]\nmessage = "Not <known>."\n')
    source = schema(
        '<include href="codes.toml"/><include href="m.toml"/><pattern>'
        + rule("d:b", fail("x", "@c = $codes"))
        + "</pattern>"
    )
    report = run(source, '<a xmlns="urn:d"><b c="A"/><b c="B\'s"/><b c="C"/></a>', base=tmp_path)
    assert [text.text for text in report.iter(f"{SVRL}text")] == ["Not <known>."]


PATTERN = "<pattern>{}</pattern>"
HOSTILE = {
    "no XML": (b"schema", "SCH-XML"),
    "document type": (b'<!DOCTYPE s [<!ENTITY e "x">]>' + schema(""), "SCH-XML"),
    "other root": (b"<stylesheet/>", "SCH-ROOT"),
    "other language": (schema("").replace(b"xslt2", b"xquery"), "SCH-BINDING"),
    "no language is XSLT 1": (f'<schema xmlns="{SCH}"/>'.encode(), "SCH-BINDING"),
    "rule without context": (schema("<pattern><rule/></pattern>"), "SCH-STRUCTURE"),
    "test missing": (schema(PATTERN.format(rule("a", "<assert/>"))), "SCH-STRUCTURE"),
    "rule in schema": (schema(rule("a", "")), "SCH-STRUCTURE"),
    "element in message": (
        schema(PATTERN.format(rule("a", fail("x", text="<pattern/>")))),
        "SCH-STRUCTURE",
    ),
    "result document": (
        schema(f'<xsl:function {XSL} name="d:f"><xsl:result-document href="x"/></xsl:function>'),
        "SCH-STRUCTURE",
    ),
    "template": (schema(f'<xsl:template {XSL} match="/"/>'), "SCH-STRUCTURE"),
    "two meanings": (schema('<ns prefix="d" uri="urn:e"/>'), "SCH-NAME"),
    "variable name": (schema('<let name="a b" value="1"/>'), "SCH-NAME"),
    "variable twice": (
        schema('<let name="a" value="1"/><let name="a" value="2"/>'),
        "SCH-NAME",
    ),
    "phase name": (schema('<phase id="\')"/>'), "SCH-NAME"),
    "unknown pattern": (schema('<phase id="f"><active pattern="p"/></phase>'), "SCH-REFERENCE"),
    "unknown phase": (schema("", 'defaultPhase="f"'), "SCH-REFERENCE"),
    "unknown abstract pattern": (schema('<pattern is-a="p"/>'), "SCH-REFERENCE"),
    "unknown abstract rule": (
        schema(PATTERN.format(rule("a", '<extends rule="r"/>'))),
        "SCH-REFERENCE",
    ),
    "rule extends itself": (
        schema(
            PATTERN.format(
                '<rule abstract="true" id="r"><extends rule="r"/></rule>'
                + rule("a", '<extends rule="r"/>')
            )
        ),
        "SCH-REFERENCE",
    ),
    "reads a file": (
        schema(PATTERN.format(rule("a", fail("x", "doc('file:///etc/passwd')")))),
        "SCH-EXTERNAL",
    ),
    "reads the environment": (
        schema('<let name="e" value="environment-variable (\'HOME\')"/>'),
        "SCH-EXTERNAL",
    ),
    "reads in a function": (
        schema(
            f'<xsl:function {XSL} name="d:f"><xsl:sequence select="unparsed-text(\'x\')"/>'
            "</xsl:function>"
        ),
        "SCH-EXTERNAL",
    ),
    "include without folder": (schema('<include href="p.sch"/>'), "SCH-INCLUDE"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_with_its_code(name):
    source, code = HOSTILE[name]
    with pytest.raises(SchematronError) as refused:
        compile_schematron(source)
    assert refused.value.code == code
    assert refused.value.message


@pytest.mark.parametrize(
    "href",
    ["../p.sch", "/etc/passwd", "http://127.0.0.1:9/p.sch", "file:///etc/passwd", "none.sch", ""],
)
def test_include_stays_below_the_folder(tmp_path, href):
    (tmp_path / "p.sch").write_text(f'<pattern xmlns="{SCH}"/>')
    folder = tmp_path / "own"
    folder.mkdir()
    with pytest.raises(SchematronError) as refused:
        compile_schematron(schema(f'<include href="{href}"/>'), base=folder)
    assert refused.value.code == "SCH-INCLUDE"


def test_include_through_a_link_stays_below_the_folder(tmp_path):
    (tmp_path / "p.sch").write_text(f'<pattern xmlns="{SCH}"/>')
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "link.sch").symlink_to(tmp_path / "p.sch")
    with pytest.raises(SchematronError) as refused:
        compile_schematron(schema('<include href="link.sch"/>'), base=folder)
    assert refused.value.code == "SCH-INCLUDE"


def test_include_of_itself_ends(tmp_path):
    (tmp_path / "p.sch").write_text(f'<pattern xmlns="{SCH}"><include href="p.sch"/></pattern>')
    with pytest.raises(SchematronError) as refused:
        compile_schematron(schema('<include href="p.sch"/>'), base=tmp_path)
    assert refused.value.code == "SCH-INCLUDE"


def test_includes_that_multiply_end(tmp_path):
    twice = '<include href="p{0}.sch"/>' * 40
    for level in range(15):
        (tmp_path / f"p{level}.sch").write_text(
            f'<pattern xmlns="{SCH}">{twice.format(level + 1)}</pattern>'
        )
    (tmp_path / "p15.sch").write_text(f'<pattern xmlns="{SCH}"/>')
    with pytest.raises(SchematronError) as refused:
        compile_schematron(schema('<include href="p0.sch"/>'), base=tmp_path)
    assert refused.value.code == "SCH-TOO-LARGE"


@pytest.mark.parametrize("content", ["name = 1", "codes = []", "not toml", '[messages]\nx = "y"'])
def test_data_file_that_is_none(tmp_path, content):
    (tmp_path / "d.toml").write_text(content)
    source = schema('<include href="d.toml"/><pattern>' + rule("/*", fail("x")) + "</pattern>")
    with pytest.raises(SchematronError) as refused:
        compile_schematron(source, base=tmp_path)
    assert refused.value.code == "SCH-INCLUDE"


def test_message_missing_in_the_catalogue(tmp_path):
    (tmp_path / "m.toml").write_text('[messages.y.en]\nmessage = "?"\n')
    source = schema('<include href="m.toml"/><pattern>' + rule("/*", fail("x")) + "</pattern>")
    with pytest.raises(SchematronError) as refused:
        compile_schematron(source, base=tmp_path)
    assert (refused.value.code, refused.value.line) == ("SCH-REFERENCE", 1)


def test_a_word_like_doc_inside_text_is_allowed():
    source = schema("<pattern>" + rule("/*", fail("x", "'doc(1)' = name()")) + "</pattern>")
    assert ids(source, "<a/>") == ["x"]


def test_an_expression_that_is_no_xpath_is_found_by_the_engine():
    with pytest.raises(EngineFailed):
        run(schema("<pattern>" + rule("/*", fail("x", "1 +")) + "</pattern>"), "<a/>")


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.sampled_from(
            ["", "<p/>", '<let name="a" value="1"/>', fail("x"), '<extends rule="r"/>', "text"]
        ),
        lambda inner: st.builds(
            lambda name, attribute, parts: f"<{name} {attribute}>{''.join(parts)}</{name}>",
            st.sampled_from(["pattern", "rule", "phase", "assert", "include", "emph", "schema"]),
            st.sampled_from(["", 'id="r"', 'abstract="true" id="r"', 'context="*"', 'is-a="r"']),
            st.lists(inner, max_size=3),
        ),
        max_leaves=12,
    )
)
def test_any_schema_compiles_or_is_refused_with_a_code(body):
    outcome = ""
    try:
        outcome = str(etree.QName(parse(compile_schematron(schema(body)))).localname)
    except SchematronError as refused:
        outcome = refused.code
    assert outcome == "stylesheet" or outcome.startswith("SCH-")
