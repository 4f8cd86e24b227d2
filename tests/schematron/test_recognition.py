"""Recognition by root and identifiers, whatever the prefixes."""

from datetime import date

import pytest

from schematron.recognition import MAX_NAME, recognise
from ubl.safexml import parse

UBL = "urn:oasis:names:specification:ubl:schema:xsd"


def test_an_invoice_says_what_it_is(invoice):
    document = recognise(parse(invoice.encode())).document
    assert document.syntax == "ubl-invoice"
    assert document.title == "UBL 2.1 Invoice"
    assert document.sender == "Brouwerij De Linde"
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
        (f'<Order xmlns="{UBL}:Order-2"/>', "UBL 2 Order"),
        (f'<DespatchAdvice xmlns="{UBL}:DespatchAdvice-2"/>', "UBL 2 Despatch Advice"),
        (f'<Order xmlns="{UBL}:Invoice-2"/>', None),
        ('<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"/>', "KSeF invoice (FA)"),
        (
            '<Facturae xmlns="http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml"/>',
            "Facturae invoice",
        ),
        (
            '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"/>',
            "ISO 20022 bank statement (camt)",
        ),
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


def test_messages_of_one_syntax_are_told_apart(corpus):
    titles = {
        "peppol-ir": "Peppol Invoice Response",
        "peppol-mlr": "Peppol Message Level Response",
        "peppol-mls": "Peppol Message Level Status",
    }
    for suite, title in titles.items():
        cases = [c for c in corpus.suite(suite) if c["syntax"] == "ubl-applicationresponse"]
        for case in cases:
            document = recognise(parse(corpus.read(case))).document
            assert document.title == title, case["id"]
            assert document.syntax == "ubl-applicationresponse"


def test_a_message_without_identifier_is_known_by_its_profile():
    text = (
        f'<ApplicationResponse xmlns="{UBL}:ApplicationResponse-2" '
        f'xmlns:cbc="{UBL}:CommonBasicComponents-2">'
        "<cbc:ProfileID>urn:fdc:peppol.eu:poacc:bis:mlr:3</cbc:ProfileID></ApplicationResponse>"
    )
    assert recognise(parse(text.encode())).title == "Peppol Message Level Response"


def test_life_cycle_messages_are_read(corpus):
    for case in corpus.suite("cdar"):
        document = recognise(parse(corpus.read(case))).document
        assert document.syntax == "cdar"
        assert document.customization == case["customization"]
        assert document.id
        assert document.issue_date is not None


STATISTICS = """<{root} xmlns="{namespace}"><CustomizationID> urn:c </CustomizationID>
<ProfileID>urn:p</ProfileID><Header><ReporterID>POP000360</ReporterID></Header></{root}>"""


@pytest.mark.parametrize(
    ("root", "namespace", "syntax"),
    [
        ("TransactionStatisticsReport", "urn:fdc:peppol:transaction-statistics-report:1.0", "tsr"),
        ("EndUserStatisticsReport", "urn:fdc:peppol:end-user-statistics-report:1.1", "eusr"),
        ("EndUserStatisticsReport", "urn:fdc:peppol:end-user-statistics-report:9.0", None),
    ],
)
def test_statistics_reports(root, namespace, syntax):
    text = STATISTICS.format(root=root, namespace=namespace)
    document = recognise(parse(text.encode())).document
    assert document.syntax == syntax
    assert document.title is not None
    if syntax is not None:
        assert (document.customization, document.sender) == ("urn:c", "POP000360")
    else:
        assert "another version" in document.title


@pytest.mark.parametrize("name", ["Reminder", "Statement"])
def test_reminders_and_statements(name):
    text = (
        f'<{name} xmlns="{UBL}:{name}-2" xmlns:cbc="{UBL}:CommonBasicComponents-2" '
        f'xmlns:cac="{UBL}:CommonAggregateComponents-2"><cbc:ID>M-1</cbc:ID>'
        "<cbc:IssueDate>2026-11-02+01:00</cbc:IssueDate><cac:AccountingSupplierParty><cac:Party>"
        "<cac:PartyName><cbc:Name>De Linde</cbc:Name></cac:PartyName></cac:Party>"
        f"</cac:AccountingSupplierParty></{name}>"
    )
    document = recognise(parse(text.encode())).document
    assert document.syntax == f"ubl-{name.lower()}"
    assert document.id == "M-1"
    assert document.issue_date == date(2026, 11, 2)
    assert document.sender == "De Linde"


def test_a_reminder_in_an_invoice_is_called_one():
    customization = (
        "urn:cen.eu:en16931:2017#conformant#urn:fdc:anskaffelser.no:2019:ehf:reminder:3.0"
    )
    text = (
        f'<Invoice xmlns="{UBL}:Invoice-2" xmlns:cbc="{UBL}:CommonBasicComponents-2">'
        f"<cbc:CustomizationID>{customization}</cbc:CustomizationID></Invoice>"
    )
    recognised = recognise(parse(text.encode()))
    assert recognised.title == "EHF Reminder (UBL Invoice)"
    assert recognised.document.syntax == "ubl-invoice"


def test_what_a_document_says_of_itself_is_cut():
    text = (
        f'<Invoice xmlns="{UBL}:Invoice-2" xmlns:cbc="{UBL}:CommonBasicComponents-2">'
        f"<cbc:ID>{'9' * 5000}</cbc:ID></Invoice>"
    )
    assert recognise(parse(text.encode())).document.id == "9" * MAX_NAME
