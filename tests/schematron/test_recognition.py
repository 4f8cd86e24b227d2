"""Recognition by root and identifiers, whatever the prefixes."""

from datetime import date

import pytest

from schematron.recognition import recognise
from ubl.safexml import parse

UBL = "urn:oasis:names:specification:ubl:schema:xsd"


def test_an_invoice_says_what_it_is(invoice):
    document = recognise(parse(invoice.encode())).document
    assert document.syntax == "ubl-invoice"
    assert document.root == "Invoice"
    assert document.customization == "urn:cen.eu:en16931:2017"
    assert document.profile is None
    assert document.id == "2026-117"
    assert document.issue_date == date(2026, 10, 5)


def test_prefixes_white_space_and_comments_do_not_matter():
    text = (
        f'<x:CreditNote xmlns:x="{UBL}:CreditNote-2" xmlns:y="{UBL}:CommonBasicComponents-2">'
        "<y:CustomizationID>\n urn:a<!-- x -->:b </y:CustomizationID>"
        "<y:ProfileID/><y:IssueDate>soon</y:IssueDate></x:CreditNote>"
    )
    document = recognise(parse(text.encode())).document
    assert document.syntax == "ubl-creditnote"
    assert document.customization == "urn:a:b"
    assert document.profile is None
    assert document.id is None
    assert document.issue_date is None


def test_a_cii_invoice_is_read_too(corpus):
    case = next(case for case in corpus.suite("cen-examples") if case["syntax"] == "cii-d16b")
    document = recognise(parse(corpus.read(case))).document
    assert document.syntax == "cii"
    assert document.customization == case["customization"]
    assert document.id
    assert document.issue_date is not None


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (f'<Order xmlns="{UBL}:Order-2"/>', "UBL 2.1 Order"),
        (
            '<rsm:CrossIndustryDocument xmlns:rsm="urn:ferd:CrossIndustryDocument:invoice:1p0"/>',
            "ZUGFeRD 1 invoice",
        ),
        (
            '<StandardBusinessDocument xmlns="http://www.unece.org/cefact/namespaces/'
            'StandardBusinessDocumentHeader"/>',
            "SBDH envelope around a document",
        ),
        (
            '<p:FatturaElettronica xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/'
            'fatture/v1.2"/>',
            "FatturaPA invoice",
        ),
        ("<Invoice/>", None),
        ('<Invoice xmlns="urn:other"/>', None),
    ],
)
def test_foreign_roots_are_named(text, title):
    recognised = recognise(parse(text.encode()))
    assert recognised.title == title
    assert recognised.document.syntax is None
    assert recognised.document.root


def test_the_corpus_syntaxes(corpus):
    wanted = {"ubl-invoice": "ubl-invoice", "ubl-creditnote": "ubl-creditnote", "cii-d16b": "cii"}
    cases = [case for case in corpus.suite("xr-xmute", "gobl-ubl", "facturx-xml")]
    for case in cases:
        document = recognise(parse(corpus.read(case))).document
        assert document.syntax == wanted[case["syntax"]], case["id"]
        assert document.customization == (case["customization"] or None), case["id"]
