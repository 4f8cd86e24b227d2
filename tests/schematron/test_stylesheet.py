"""A lean stylesheet says what the published one says, in whichever dialect it was compiled."""

import pytest

from schematron.engine import Engine, shared
from schematron.errors import EngineFailed
from schematron.stylesheet import lean
from ubl.safexml import XmlRefused, parse

XSL = "http://www.w3.org/1999/XSL/Transform"
SVRL = "http://purl.oclc.org/dsdl/svrl"
DOCUMENT = '<a xmlns:p="urn:p"><!-- c --><b/>text<p:b p:code="EUR">1</p:b><b code="XXX"/></a>'

SKELETON_PATH = """
<xsl:template match="*" mode="schematron-select-full-path">
  <xsl:apply-templates select="." mode="schematron-get-full-path"/></xsl:template>
<xsl:template match="*" mode="schematron-get-full-path">
  <xsl:apply-templates select="parent::*" mode="schematron-get-full-path"/>/<xsl:value-of
  select="concat('*:', local-name(), '[namespace-uri()=''', namespace-uri(), '''][',
  1 + count(preceding-sibling::*[node-name(.) = node-name(current())]), ']')"/></xsl:template>
"""
LOCATIONS = {
    "skeleton": (
        "",
        '<xsl:attribute name="location"><xsl:apply-templates select="." '
        'mode="schematron-select-full-path"/></xsl:attribute>',
    ),
    "call": (' location="{f:location(.)}"', ""),
    "select": (
        "",
        '<xsl:where-populated><xsl:attribute name="location" select="path($here)"/>'
        "</xsl:where-populated>",
    ),
    "value": (
        "",
        '<xsl:attribute name="location"><xsl:value-of select="path(.)"/></xsl:attribute>',
    ),
}


def stylesheet(
    attribute: str, child: str, *, match: str = "b", mode: str = "", body: str = ""
) -> bytes:
    return f"""<xsl:stylesheet version="2.0" xmlns:xsl="{XSL}" xmlns:svrl="{SVRL}"
  xmlns:f="urn:f" xmlns:p="urn:p" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xsl:output indent="yes"/>{mode}
<xsl:function name="f:location"><xsl:param name="n"/><xsl:sequence select="path($n)"/>
</xsl:function>
{SKELETON_PATH}
<xsl:template match="/"><svrl:schematron-output><svrl:active-pattern/>
  <xsl:apply-templates select="//*"/><xsl:apply-templates select="//@*"/></svrl:schematron-output>
</xsl:template>
<xsl:template match="*|@*"/>
<xsl:template match="{match}" priority="1"><xsl:variable name="here" select="."/>
  <svrl:fired-rule context="b"/>{body}
  <xsl:if test="true()"><svrl:failed-assert id="R-1" flag="fatal" test="not({{1}})"{attribute}>
    <xsl:attribute name="test">false()</xsl:attribute>{child}
    <svrl:text>Wrong: <xsl:value-of select="."/></svrl:text></svrl:failed-assert></xsl:if>
</xsl:template></xsl:stylesheet>""".encode()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return shared()


def report(engine: Engine, text: bytes) -> list[tuple[str | None, str]]:
    """Run a stylesheet: location and text of each failure."""
    root = parse(engine.run(text, lambda: text, document=DOCUMENT))
    fired = root.findall(f"{{{SVRL}}}failed-assert")
    assert [item.get("flag") for item in fired] == ["fatal"] * len(fired)
    return [(item.get("location"), str(item.xpath("string()")).strip()) for item in fired]


@pytest.mark.parametrize("dialect", sorted(LOCATIONS))
def test_places_become_numbers_whatever_wrote_them(engine, dialect):
    text = stylesheet(*LOCATIONS[dialect])
    assert [said for _, said in report(engine, text)] == ["Wrong:", "Wrong:"]
    assert report(engine, lean(text)) == [("#2", "Wrong:"), ("#4", "Wrong:")]


@pytest.mark.parametrize("dialect", sorted(LOCATIONS))
def test_attributes_are_placed_by_element_and_name(engine, dialect):
    text = lean(stylesheet(*LOCATIONS[dialect], match="@*"))
    assert report(engine, text) == [("#3/@code", "Wrong: EUR"), ("#4/@code", "Wrong: XXX")]


def test_text_tests_and_what_fired_are_left_out(engine):
    text = lean(stylesheet(*LOCATIONS["call"]))
    assert b"fired-rule" not in text
    assert b"false()" not in text
    assert b"not({1})" not in text
    assert b'test="true()"' in text
    assert b'indent="no"' in text
    assert b"<svrl:text>Wrong: " in text


@pytest.mark.parametrize(
    ("attribute", "child"),
    [
        (' location="/a/b"', ""),
        (' location="{f:location(..)}"', ""),
        ("", '<xsl:attribute name="location">/<xsl:value-of select="name()"/></xsl:attribute>'),
        ("", ""),
    ],
)
def test_a_place_written_in_another_way_stays(engine, attribute, child):
    text = stylesheet(attribute, child)
    assert report(engine, lean(text)) == report(engine, text)


@pytest.mark.parametrize(
    "mode", ['<xsl:mode use-accumulators=""/>', '<xsl:mode name="m" use-accumulators=""/>']
)
def test_declared_modes_are_kept(engine, mode):
    text = stylesheet(*LOCATIONS["select"], mode=mode).replace(b'version="2.0"', b'version="3.0"')
    assert [place for place, _ in report(engine, lean(text))] == ["#2", "#4"]


CODES = b"""<codedb><cl id="1"><enumeration value="EUR"/><enumeration value="it's"/></cl>
<cl id="2"><enumeration value="XXX"/></cl></codedb>"""


def coded(test: str) -> bytes:
    body = f"<xsl:variable name='c1' select='.'/><xsl:if test=\"{test}\"><hit/></xsl:if>"
    text = stylesheet(*LOCATIONS["call"], match="@*", body=body)
    return lean(text, {"codes.xml": CODES})


def hits(engine: Engine, text: bytes) -> int:
    return engine.run(text, lambda: text, document=DOCUMENT).count(b"<hit")


@pytest.mark.parametrize(
    ("test", "count"),
    [
        ("document('codes.xml')/codedb/cl[@id=1]/enumeration[@value=$c1]", 1),
        ("document('codes.xml')/codedb/cl[@id=2]/enumeration[@value=$c1]", 1),
        ("document('codes.xml')/codedb/cl[@id=3]/enumeration[@value=$c1]", 0),
        (
            "$c1='' or document('codes.xml')/codedb/cl[@id=1]/enumeration[@value=$c1]",
            1,
        ),
        ("not(document('codes.xml')/codedb/cl[@id=1]/enumeration[@value=$c1])", 1),
        ("document('codes.xml')//enumeration[@value=$c1]", 2),
        ("count(document( 'codes.xml' )/codedb/cl) = 2", 2),
    ],
)
def test_code_lists_become_part_of_the_stylesheet(engine, test, count):
    text = coded(test)
    assert b"document(" not in text
    assert hits(engine, text) == count


def test_a_file_that_was_not_given_stays_out_of_reach(engine):
    text = coded("document('other.xml')/codedb")
    with pytest.raises(EngineFailed, match="prohibited"):
        hits(engine, text)


def test_what_is_no_xml_is_refused():
    with pytest.raises(XmlRefused):
        lean(b"no stylesheet")
    with pytest.raises(XmlRefused):
        lean(stylesheet("", ""), {"codes.xml": b"<codedb>"})
