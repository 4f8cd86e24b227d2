"""The rules of Peppol Billing between two German parties: a correct invoice and single faults."""

from collections import Counter

import pytest
from lxml import etree

from schematron.build import compile_schematron
from schematron.engine import shared
from schematron.rules import FOLDER, covered, sources
from ubl.safexml import parse

RULESET = "peppol-ubl-2026.5"
WARNINGS = {"017", "019", "020", "026", "027", "028", "T02"}
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
UBL = "urn:oasis:names:specification:ubl:schema:xsd"
IBAN = "DE75512108001245126199"
ADDRESS = (
    "<cac:PostalAddress><cbc:CityName>Kiel</cbc:CityName><cbc:PostalZone>24103</cbc:PostalZone>"
    "<cac:Country><cbc:IdentificationCode>DE</cbc:IdentificationCode></cac:Country>"
    "</cac:PostalAddress>"
)
REGISTRATION = "<cac:PartyTaxScheme><cbc:CompanyID>DE1</cbc:CompanyID></cac:PartyTaxScheme>"
CONTACT = (
    "<cac:Contact><cbc:Name>Desk</cbc:Name><cbc:Telephone>+49 431 5</cbc:Telephone>"
    "<cbc:ElectronicMail>desk@kiel.example</cbc:ElectronicMail></cac:Contact>"
)
SEPA = "<cac:PartyIdentification><cbc:ID schemeID='SEPA'>DE98ZZZ</cbc:ID></cac:PartyIdentification>"
DELIVERY = (
    "<cac:Delivery><cac:DeliveryLocation><cac:Address><cbc:CityName>Bremen</cbc:CityName>"
    "<cbc:PostalZone>28195</cbc:PostalZone></cac:Address></cac:DeliveryLocation></cac:Delivery>"
)
ACCOUNT = f"<cac:PayeeFinancialAccount><cbc:ID>{IBAN}</cbc:ID></cac:PayeeFinancialAccount>"
PAYER = f"<cac:PayerFinancialAccount><cbc:ID>{IBAN}</cbc:ID></cac:PayerFinancialAccount>"
MANDATE = f"<cac:PaymentMandate><cbc:ID>M-1</cbc:ID>{PAYER}</cac:PaymentMandate>"
CARD = "<cac:CardAccount><cbc:NetworkID>VISA</cbc:NetworkID></cac:CardAccount>"
TERMS = "#SKONTO#TAGE=14#PROZENT=2.00#\n"
NOTE = f"<cac:PaymentTerms><cbc:Note>{TERMS}</cbc:Note></cac:PaymentTerms>"


def means(code: str, *groups: str) -> str:
    return (
        f"<cac:PaymentMeans><cbc:PaymentMeansCode>{code}</cbc:PaymentMeansCode>"
        f"{''.join(groups)}</cac:PaymentMeans>"
    )


def attached(name: str, uri: str = "https://kiel.example/a") -> str:
    return (
        "<cac:AdditionalDocumentReference><cac:Attachment>"
        f"<cbc:EmbeddedDocumentBinaryObject filename='{name}'>QQ=="
        "</cbc:EmbeddedDocumentBinaryObject>"
        f"<cac:ExternalReference><cbc:URI>{uri}</cbc:URI></cac:ExternalReference>"
        "</cac:Attachment></cac:AdditionalDocumentReference>"
    )


TRANSFER = means("58", ACCOUNT)
INVOICE = (
    f'<Invoice xmlns="{UBL}:Invoice-2" xmlns:cac="{UBL}:CommonAggregateComponents-2"'
    f' xmlns:cbc="{UBL}:CommonBasicComponents-2"><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>'
    "<cbc:BuyerReference>04011000-1234512345-06</cbc:BuyerReference>"
    f"{attached('a.pdf')}{attached('b.pdf')}"
    f"<cac:AccountingSupplierParty><cac:Party>{ADDRESS}{REGISTRATION}{CONTACT}</cac:Party>"
    "</cac:AccountingSupplierParty>"
    f"<cac:AccountingCustomerParty><cac:Party>{ADDRESS.replace('24103', '24105')}</cac:Party>"
    f"</cac:AccountingCustomerParty>{DELIVERY}{TRANSFER}{NOTE}"
    "<cac:TaxTotal><cac:TaxSubtotal><cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>19</cbc:Percent>"
    "</cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>"
    "<cac:InvoiceLine><cac:Item><cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID>"
    "</cac:ClassifiedTaxCategory></cac:Item></cac:InvoiceLine></Invoice>"
)
CORRECTED = "<cac:BillingReference><cac:InvoiceDocumentReference/></cac:BillingReference>"
BUYER_CITY = "<cbc:CityName>Kiel</cbc:CityName><cbc:PostalZone>24105"

# (what is replaced, by what, the rules that must fire); the first occurrence is replaced.
FAULTS = [
    (TRANSFER, "", {"001"}),
    (CONTACT, "", {"002"}),
    ("<cbc:CityName>Kiel</cbc:CityName>", "<cbc:CityName> </cbc:CityName>", {"003"}),
    ("<cbc:PostalZone>24103</cbc:PostalZone>", "", {"004"}),
    ("<cbc:Name>Desk</cbc:Name>", "", {"005"}),
    ("<cbc:Telephone>+49 431 5</cbc:Telephone>", "", {"006", "027"}),
    ("+49 431 5", "4 9", {"027"}),
    ("+49 431 5", "call 1-1-0", set()),
    ("<cbc:ElectronicMail>desk@kiel.example</cbc:ElectronicMail>", "", {"007", "028"}),
    ("desk@kiel.example", "desk@kiel", {"028"}),
    ("desk@kiel.example", "desk@@kiel.example", {"028"}),
    ("desk@kiel.example", "desk@kiel.example.", {"028"}),
    ("desk@kiel.example", "a b@kiel.example", {"028"}),
    ("desk@kiel.example", " desk@sub.kiel.example ", set()),
    (BUYER_CITY, "<cbc:PostalZone>24105", {"008"}),
    ("<cbc:PostalZone>24105</cbc:PostalZone>", "", {"009"}),
    ("<cbc:CityName>Bremen</cbc:CityName>", "", {"010"}),
    ("<cbc:PostalZone>28195</cbc:PostalZone>", "", {"011"}),
    ("<cbc:Percent>19</cbc:Percent>", "", {"014"}),
    ("04011000-1234512345-06", "  ", {"015"}),
    (REGISTRATION, "", {"016"}),
    (REGISTRATION, "<cac:PartyTaxScheme><cbc:CompanyID> </cbc:CompanyID></cac:PartyTaxScheme>",
     {"016"}),
    (">380<", ">393<", {"017"}),
    ("14#PROZENT", "x#PROZENT", {"018"}),
    ("=2.00#\n", "=2.00#", {"018"}),
    ("=2.00#\n", "=2#\n", {"018"}),
    ("=2.00#\n", "=2.00#BASISBETRAG=-100.00#\n", set()),
    ("=2.00#\n", "=2.00#BASISBETRAG=100#\n", {"018"}),
    (TERMS, "In 30 days. # of days: 30", set()),
    (TERMS, f"In 30 days.\n  {TERMS}{TERMS.replace('14', '7')} Thanks", set()),
    (TERMS, f"{TERMS}#SKONTO#TAGE=7#PROZENT=1.00#", {"018"}),
    (TERMS, f"#VERZUG#TAGE=14#PROZENT=2.00#\n{TERMS}", {"018"}),
    (IBAN, IBAN[:-1] + "8", {"019"}),
    (IBAN, "DE75 5121 0800 1245 1261 99", set()),
    (IBAN, "de75512108001245126199", {"019"}),
    (IBAN, "1234567", {"019"}),
    ("b.pdf", "a.pdf", {"022"}),
    ("b.pdf", "A.pdf", set()),
    (TRANSFER, means("58"), {"019", "023-1"}),
    (TRANSFER, means("30"), {"023-1"}),
    (TRANSFER, means("30", ACCOUNT, CARD), {"023-2"}),
    (TRANSFER, means("58", ACCOUNT, MANDATE), {"023-2", "030"}),
    (TRANSFER, means("54", CARD), set()),
    (TRANSFER, means("48"), {"024-1"}),
    (TRANSFER, means("55", CARD, ACCOUNT), {"024-2"}),
    (TRANSFER, means("59", MANDATE), {"030"}),
    (TRANSFER, means("59"), {"020", "025-1"}),
    (TRANSFER, means("59", MANDATE, CARD), {"025-2", "030"}),
    (TRANSFER, means("59", MANDATE.replace(PAYER, "")), {"020", "030", "031"}),
    (TRANSFER, means("59", MANDATE.replace(IBAN, "DE1")), {"020", "030"}),
    (TRANSFER, means("10"), set()),
    (">380<", ">384<", {"026"}),
    ("https://kiel.example/a", "www.kiel.example/a", {"T02"}),
    ("https://kiel.example/a", "mailto:desk@kiel.example", set()),
]  # fmt: skip


def stylesheet() -> bytes:
    source = sources()[RULESET]
    return compile_schematron(source.read_bytes(), base=source.parent, within=FOLDER)


def fired(document: str) -> Counter[str]:
    report = parse(shared().run("authored-germany", stylesheet, document=document))
    tests = [test for test in report.iter(f"{SVRL}failed-assert") if test.get("id")[:3] == "DE-"]
    for test in tests:
        severity = "warning" if test.get("id")[5:] in WARNINGS else "fatal"
        assert test.get("flag") == severity, test.get("id")
    return Counter(test.get("id").removeprefix("DE-R-") for test in tests)


def credit_note(invoice: str) -> str:
    return (
        invoice.replace("Invoice-2", "CreditNote-2")
        .replace("<Invoice ", "<CreditNote ")
        .replace("</Invoice>", "</CreditNote>")
        .replace("InvoiceLine>", "CreditNoteLine>")
        .replace("InvoiceTypeCode>", "CreditNoteTypeCode>")
    )


def test_a_correct_invoice_passes():
    assert fired(INVOICE) == {}
    assert fired(credit_note(INVOICE)) == {}


@pytest.mark.parametrize(("old", "new", "rules"), FAULTS)
def test_one_fault(old, new, rules):
    assert old in INVOICE
    faulty = INVOICE.replace(old, new, 1)
    assert set(fired(faulty)) == rules
    assert fired(credit_note(faulty)) == fired(faulty)


@pytest.mark.parametrize("party", ["24103", "24105"])
def test_only_between_two_german_parties(party):
    """The address decides, whatever its case and white space; one from elsewhere is enough."""
    faulty = INVOICE.replace(CONTACT, "").replace(TRANSFER, "")
    start = faulty.index(party)
    for country, applies in ((" de ", True), ("AT", False), ("", False)):
        moved = faulty[:start] + faulty[start:].replace(">DE<", f">{country}<", 1)
        assert set(fired(moved)) == ({"001", "002"} if applies else set())


def test_a_mandate_needs_the_creditor_and_a_correction_what_it_corrects():
    debit = INVOICE.replace(TRANSFER, means("59", MANDATE))
    payee = f"<cac:PayeeParty>{SEPA}</cac:PayeeParty>"
    assert fired(debit.replace("<cac:Party>", f"<cac:Party>{SEPA}", 1)) == {}
    assert fired(debit.replace(DELIVERY, payee + DELIVERY)) == {}
    corrected = INVOICE.replace(">380<", ">384<")
    assert fired(corrected.replace("<cac:AccountingS", f"{CORRECTED}<cac:AccountingS", 1)) == {}


def test_a_tax_representative_stands_in_for_the_seller():
    untaxed = INVOICE.replace(REGISTRATION, "")
    assert fired(untaxed.replace(DELIVERY, f"<cac:TaxRepresentativeParty/>{DELIVERY}")) == {}
    assert fired(untaxed.replace("<cbc:ID>S</cbc:ID>", "<cbc:ID>O</cbc:ID>")) == {}


def test_a_location_leads_to_the_fault():
    faulty = INVOICE.replace("<cbc:CityName>Bremen</cbc:CityName>", "")
    report = parse(shared().run("authored-germany", stylesheet, document=faulty))
    (test,) = [t for t in report.iter(f"{SVRL}failed-assert") if t.get("id") == "DE-R-010"]
    (place,) = parse(faulty.encode()).xpath(test.get("location"))
    assert etree.QName(place).localname == "Address"


def test_every_german_rule_is_fired_by_a_test():
    shown = set().union(*(rules for _, _, rules in FAULTS))
    german = {rule for rule in covered(RULESET) if rule.startswith("DE-R-")}
    assert {f"DE-R-{rule}" for rule in shown} == german
    assert len(german) == 31
