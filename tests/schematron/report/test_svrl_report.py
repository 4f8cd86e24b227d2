"""SVRL: the grammar of ISO/IEC 19757-3:2016 annex D, and no silence about what did not run."""

import pytest
from lxml import etree

from schematron.location import PREFIXES
from schematron.report.svrl import render_svrl
from schematron.svrl import read
from schematron.texts import LANGUAGES

SVRL = "{http://purl.oclc.org/dsdl/svrl}"

GRAMMAR = """
<grammar xmlns="http://relaxng.org/ns/structure/1.0" ns="http://purl.oclc.org/dsdl/svrl"
         datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
  <define name="text"><element name="text"><text/></element></define>
  <define name="role"><optional><attribute name="role"><data type="NMTOKEN"/></attribute></optional>
  </define>
  <start><element name="schematron-output">
    <optional><attribute name="title"/></optional>
    <optional><attribute name="phase"><data type="NMTOKEN"/></attribute></optional>
    <optional><attribute name="schemaVersion"/></optional>
    <zeroOrMore><ref name="text"/></zeroOrMore>
    <zeroOrMore><element name="ns-prefix-in-attribute-values">
      <attribute name="prefix"><data type="NMTOKEN"/></attribute><attribute name="uri"/>
    </element></zeroOrMore>
    <oneOrMore>
      <element name="active-pattern">
        <optional><attribute name="id"><data type="NCName"/></attribute></optional>
        <optional><attribute name="name"/></optional><ref name="role"/>
      </element>
      <oneOrMore>
        <element name="fired-rule">
          <attribute name="context"/><ref name="role"/>
        </element>
        <zeroOrMore><element name="failed-assert">
          <attribute name="id"><data type="NCName"/></attribute>
          <attribute name="location"/><attribute name="test"/>
          <ref name="role"/>
          <optional><attribute name="flag"><data type="NMTOKEN"/></attribute></optional>
          <zeroOrMore><element name="diagnostic-reference">
            <attribute name="diagnostic"><data type="NMTOKEN"/></attribute><ref name="text"/>
          </element></zeroOrMore>
          <zeroOrMore><element name="property-reference">
            <attribute name="property"><data type="NMTOKEN"/></attribute><ref name="text"/>
          </element></zeroOrMore>
          <ref name="text"/>
        </element></zeroOrMore>
      </oneOrMore>
    </oneOrMore>
  </element></start>
</grammar>
"""


@pytest.fixture(scope="module")
def grammar():
    return etree.RelaxNG(etree.fromstring(GRAMMAR))


def patterns(root):
    """The failed assertions under each active pattern."""
    found, current = {}, []
    for element in root:
        if element.tag == f"{SVRL}active-pattern":
            current = found[element.get("id")] = []
        elif element.tag == f"{SVRL}failed-assert":
            current.append(element)
    return found


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_keeps_the_grammar(report, grammar, lang):
    root = etree.fromstring(render_svrl(report, lang=lang))
    grammar.assertValid(root)
    declared = {
        e.get("prefix"): e.get("uri") for e in root.iter(f"{SVRL}ns-prefix-in-attribute-values")
    }
    assert declared == dict(PREFIXES)


def test_each_rule_set_is_a_pattern_and_each_finding_an_assertion(report):
    root = etree.fromstring(render_svrl(report, lang="en"))
    found = patterns(root)
    assert list(found) == ["document", "xsd", "cen-ubl-1.3.16", "demo-set-1"]
    assert found["xsd"] == []
    line = next(one for one in found["cen-ubl-1.3.16"] if one.get("id") == "BR-25")
    assert line.get("flag") == "fatal"
    assert line.get("location") == "/ubl:Invoice/cac:InvoiceLine[1]"
    assert line.findtext(f"{SVRL}text") == "The name of the item is missing (BT-153)."
    said = {
        one.get("property"): one.findtext(f"{SVRL}text")
        for one in line.iter(f"{SVRL}property-reference")
    }
    assert said == {"line": "41", "column": "3", "term": "BT-153"}


def test_a_rule_set_that_stopped_or_did_not_run_is_an_assertion(report):
    report["findings"] = []
    report["rulesets"][0]["verdict"] = "not-run"
    found = patterns(etree.fromstring(render_svrl(report, lang="en")))
    assert [one.get("role") for one in found["xsd"]] == ["not-run"]
    assert [one.get("role") for one in found["demo-set-1"]] == ["engine-error"]


def test_what_cannot_be_read_is_an_assertion_too(report):
    report["rulesets"] = []
    for found in report["findings"]:
        found["ruleset"] = None
    found = patterns(etree.fromstring(render_svrl(report, lang="en")))
    assert list(found) == ["document"]
    assert len(found["document"]) == len(report["findings"])


def test_our_own_reader_of_svrl_reads_it(report):
    result = read(render_svrl(report, lang="en"))
    assert len([one for one in result.assertions if one.rule == "BR-25"]) == 30


def test_any_rule_id_becomes_a_name(report, grammar):
    for found, name in zip(report["findings"], ("", "1", "a:b c", "é²", "-x"), strict=False):
        found["rule"] = name
    grammar.assertValid(etree.fromstring(render_svrl(report, lang="en")))


def test_spaces_that_hold_words_together_are_kept(report):
    report["findings"][0]["official"] = "12\u00a0000\u202f€\x0b"
    assert "12\u00a0000\u202f€" in render_svrl(report, lang="fr").decode()
