"""Rules that stop before their end: which value of the document it was, where, and what to do."""

from dataclasses import replace

import pytest

from schematron.abort import cause_of
from schematron.finding import Verdict
from schematron.report.view import report_view
from schematron.texts import LANGUAGES
from schematron.validate import validate
from ubl.safexml import parse

CEN = "cen-ubl-1.3.16"
TWICE = 'A sequence of more than one item { ("VAT", "VAT") } is not allowed as the value'
PAYABLE = ">121.00</cbc:PayableAmount>"


def failure(text, registry, today):
    options = replace(today, rules=(CEN,))
    report = validate(text.encode(), options=options, registry=registry)
    assert report.verdict is Verdict.ENGINE_ERROR
    (finding,) = report.findings
    assert finding.rule == "ENGINE-FAILED"
    return finding, report.to_json()


def said(report, lang):
    view = report_view(report, lang=lang)
    (rule,) = [one for s in view.groups for group in s.groups for one in group.rules]
    return rule


@pytest.mark.parametrize(
    ("there", "cause", "named"),
    [("ZZZ", "number", "«ZZZ»"), ("2099-12-31", "number", "«2099-12-31»"), ("", "empty", "")],
)
def test_a_value_that_is_no_number_is_named_with_its_place(
    invoice, registry, today, there, cause, named
):
    assert PAYABLE in invoice
    broken = invoice.replace(PAYABLE, f">{there}</cbc:PayableAmount>")
    finding, report = failure(broken, registry, today)
    assert finding.words["cause"] == cause
    assert finding.location.endswith("/cac:LegalMonetaryTotal/cbc:PayableAmount")
    assert finding.line == broken[: broken.index(f">{there}</cbc:PayableAmount>")].count("\n") + 1
    assert finding.value == (there or None)
    messages = {lang: said(report, lang).message for lang in LANGUAGES}
    assert len(set(messages.values())) == len(LANGUAGES)
    assert all(named in message for message in messages.values())
    assert messages["en"] == finding.message
    assert all(said(report, lang).hint for lang in LANGUAGES)


def test_what_stands_twice_is_named(invoice, registry, today):
    scheme = "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
    assert scheme in invoice
    twice = scheme.replace("<cbc:ID>VAT</cbc:ID>", "<cbc:ID>VAT</cbc:ID>" * 2)
    finding, report = failure(invoice.replace(scheme, twice, 1), registry, today)
    assert (finding.words["cause"], finding.words["values"]) == ("repeated", "«VAT» (2×)")
    assert "«VAT» (2×)" in said(report, "de").message


@pytest.mark.parametrize(
    ("complaint", "document"),
    [
        ('Cannot convert string "ab" to xs:decimal', "<a><b>xaby</b></a>"),
        ('Cannot convert string "" to xs:decimal: no digits', "<a><b>-1</b></a>"),
        ('Cannot convert string "x" to xs:date', "<a>x</a>"),
        (TWICE, "<a><b>VATS</b></a>"),
        ("A sequence of more than one item { (<a/>, <a/>) } is not allowed", "<a/>"),
        ("FOAR0001: Integer division by zero", "<a>0</a>"),
        ("", "<a/>"),
    ],
)
def test_what_the_document_does_not_have_is_not_blamed(complaint, document):
    assert cause_of(complaint, parse(document.encode())) is None


def test_a_value_in_several_places_has_none_and_an_attribute_has_its_own():
    complaint = 'FORG0001: Cannot convert string "x" to double'
    several = cause_of(complaint, parse(b"<a><b>x</b><b> x </b></a>"))
    assert (several.kind, several.values, several.place) == ("number", ("x",), None)
    only = cause_of(complaint, parse(b'<a xmlns:n="urn:n"><b n:rate="x">1</b></a>'))
    assert (only.place.element.tag, only.place.attribute) == ("b", "rate")
