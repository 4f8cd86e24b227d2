"""Going straight to what rules can match says what walking said, and is not done in doubt."""

import pytest
from lxml import etree

from schematron.engine import shared
from schematron.walk import names_matched, shorten_walks
from ubl.safexml import parse

XSL = "http://www.w3.org/1999/XSL/Transform"
HEAD = f'<xsl:stylesheet version="2.0" xmlns:xsl="{XSL}" xmlns:p="urn:p" xmlns:q="urn:q">'
DOCUMENT = """<a xmlns="" xmlns:p="urn:p" p:x="1">one<p:b n="1"><c>t</c><p:b n="2"/></p:b><!-- - -->
<c n="3"><p:d/><p:b n="4"><q:b xmlns:q="urn:q"/></p:b></c><?pi ?></a>"""
START = '<xsl:apply-templates select="/" mode="M1"/>'
ONWARD = '<xsl:apply-templates select="@*|*" mode="M1"/>'
REST = (
    '<xsl:template match="text()" mode="M1" priority="-1"/>'
    f'<xsl:template match="@*|node()" mode="M1" priority="-2">{ONWARD}</xsl:template>'
)


def rule(match: str, *, body: str = "", onward: str = ONWARD, more: str = "", rank: int = 9) -> str:
    said = '<hit><xsl:value-of select="name(), @n"/></hit>'
    return (
        f'<xsl:template match="{match}" mode="M1" priority="{rank}"{more}>'
        f"{said}{body}{onward}</xsl:template>"
    )


def sheet(*rules: str, start: str = START, silent: str = "", rest: str = REST) -> bytes:
    strip = '<xsl:template match="text()" priority="-1"/>'
    entry = f'<xsl:template match="/"><r>{silent}{start}</r></xsl:template>'
    return (HEAD + strip + entry + "".join(rules) + rest + "</xsl:stylesheet>").encode()


def shortened(text: bytes) -> bytes:
    root = parse(text)
    shorten_walks(root)
    return etree.tostring(root)


def result(text: bytes) -> bytes:
    return shared().run(text, lambda: text, document=DOCUMENT)


@pytest.mark.parametrize(
    ("context", "names"),
    [
        ("p:b", ("p:b",)),
        ("/a/p:b | c[x/y | z = 'a|b/c']", ("p:b", "c")),
        ("(a | p:b)[1]/c", ("c",)),
        ("/a//(p:b | c[2])", ("p:b", "c")),
        ("//p:*[@n]", ("p:*",)),
        ("a/*", ("*",)),
        ("$x/c", ("c",)),
        ("@n", ()),
        ("a | a/@n", ()),
        ("a/text()", ()),
        ("/", ()),
        (".", ()),
        ("a union c", ()),
        ("a/descendant::c", ()),
        ("a (: or c :)", ()),
        ("key('k', 'v')", ()),
        ("(a | @n)", ()),
        ("(a)[1] except (c)", ()),
    ],
)
def test_names_of_what_a_context_matches(context, names):
    assert names_matched(context) == names


@pytest.mark.parametrize(
    "rules",
    [
        (rule("p:b"),),
        (rule("c/p:b | c"), rule("p:b", rank=8)),
        (rule("*[@n]"),),
        (rule("p:*"), rule("c", onward=ONWARD.replace("@*|*", "*"))),
        (rule("(p:b | c)[@n]"),),
        (rule("p:b[last()]", body='<xsl:if test="c[last() = 1]"><x/></xsl:if>'),),
    ],
)
def test_the_same_is_said_in_the_same_order(rules):
    text = sheet(*rules, silent="<xsl:apply-templates/>")
    straight = shortened(text)
    assert b'select="/"' not in straight
    assert b"<xsl:apply-templates/>" not in straight
    assert result(text).count(b"<hit>") > 1
    assert result(straight) == result(text)


DOUBTFUL = {
    "an attribute": sheet(rule("p:b | @n")),
    "a rule that stops": sheet(rule("p:b", onward="")),
    "a rule that skips": sheet(rule("p:b", onward=ONWARD.replace("@*|*", "*/*"))),
    "onward under a condition": sheet(
        rule("p:b", onward=f'<xsl:if test="@n = 1">{ONWARD}</xsl:if>')
    ),
    "onward twice": sheet(rule("p:b", body=ONWARD)),
    "text behind": sheet(rule("p:b", onward=f"{ONWARD}text")),
    "the position": sheet(rule("p:b", body='<xsl:value-of select="position()"/>')),
    "the position in an attribute": sheet(rule("p:b", body='<x y="[{last()}]"/>')),
    "another start": sheet(rule("p:b"), start=START.replace('"/"', '"/a/c"')),
    "two starts": sheet(rule("p:b"), start=START * 2),
    "a sorted start": sheet(
        rule("p:b"),
        start=START.replace("/>", '><xsl:sort select="name()"/></xsl:apply-templates>'),
    ),
    "no rest": sheet(rule("p:b"), rest=""),
    "a rest that speaks": sheet(rule("p:b"), rest=REST.replace(ONWARD, f"<n/>{ONWARD}")),
    "a rest that stops": sheet(
        rule("p:b"), '<xsl:template match="c" mode="M1" priority="0"/>', rest=REST
    ),
    "a template called by name": sheet(rule("p:b", more=' name="n"')),
    "another template's mode": sheet(
        rule("p:b"), '<xsl:template match="c" mode="M1 M2" priority="99"/>'
    ),
    "every mode": sheet(rule("p:b"), '<xsl:template match="c" mode="#all" priority="99"/>'),
    "the next match": sheet(rule("p:b", body="<xsl:next-match/>")),
    "another meaning of a prefix": sheet(rule("p:b", more=' xmlns:p="urn:q"')),
    "a default namespace of paths": sheet(
        rule("b", more=' xpath-default-namespace="urn:p"'), rule("c")
    ),
    "an attribute worked out": sheet(rule("p:b", body='<xsl:value-of _select="1"/>')),
}


@pytest.mark.parametrize("why", sorted(DOUBTFUL))
def test_in_doubt_the_whole_document_is_walked(why):
    text = DOUBTFUL[why]
    start = b'select="/a/c"' if why == "another start" else b'select="/"'
    assert start in shortened(text)
    assert b"<hit" in result(text)


def test_a_silent_walk_that_may_speak_stays():
    speaking = '<xsl:template match="c"><d/></xsl:template>'
    text = sheet(rule("p:b"), speaking, silent="<xsl:apply-templates/>")
    assert b"<xsl:apply-templates/>" in shortened(text)
    assert result(shortened(text)) == result(text)
