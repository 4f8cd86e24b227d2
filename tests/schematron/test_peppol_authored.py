"""The authored Peppol set fires what the official release 2026.5 fires, and says why."""

from collections import Counter

import pytest
from lxml import etree

from schematron.build import compile_schematron
from schematron.engine import shared
from schematron.rules import LANGUAGES, covered, messages, sources
from schematron.schema import read_schema
from ubl.safexml import parse

RULESET = "peppol-ubl-2026.5"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
UBL = "urn:oasis:names:specification:ubl:schema:xsd"
NAMES = f'xmlns:cac="{UBL}:CommonAggregateComponents-2" xmlns:cbc="{UBL}:CommonBasicComponents-2"'
P = "PEPPOL-EN16931-"

PERIOD = "<cac:InvoicePeriod><cbc:StartDate>2026-09-01</cbc:StartDate>" + (
    "<cbc:EndDate>2026-09-30</cbc:EndDate></cac:InvoicePeriod>"
)
LINE_PERIOD = PERIOD.replace("09-01", "09-05").replace("09-30", "09-20")
CHARGE = (
    "<cac:AllowanceCharge><cbc:ChargeIndicator>true</cbc:ChargeIndicator>"
    "<cbc:AllowanceChargeReasonCode>FC</cbc:AllowanceChargeReasonCode>"
    "<cbc:MultiplierFactorNumeric>10</cbc:MultiplierFactorNumeric>"
    '<cbc:Amount currencyID="EUR">5.00</cbc:Amount>'
    '<cbc:BaseAmount currencyID="EUR">50.00</cbc:BaseAmount></cac:AllowanceCharge>'
)
ALLOWANCE = CHARGE.replace("true", "false").replace(">FC<", ">95<")
INVOICE = f"""<Invoice xmlns="{UBL}:Invoice-2" {NAMES}>
<cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0</cbc:CustomizationID>
<cbc:ProfileID>urn:fdc:peppol.eu:2017:poacc:billing:01:1.0</cbc:ProfileID>
<cbc:ID>2026-204</cbc:ID><cbc:IssueDate>2026-10-01</cbc:IssueDate>
<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:Note>Thank you</cbc:Note>
<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
<cbc:TaxCurrencyCode>SEK</cbc:TaxCurrencyCode>
<cbc:BuyerReference>Desk 4</cbc:BuyerReference>{PERIOD}
<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>
<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf"
>QQ==</cbc:EmbeddedDocumentBinaryObject>
</cac:Attachment></cac:AdditionalDocumentReference>
<cac:AccountingSupplierParty><cac:Party><cbc:EndpointID schemeID="0007">5561234567</cbc:EndpointID>
<cac:PostalAddress><cac:Country><cbc:IdentificationCode>SE</cbc:IdentificationCode></cac:Country>
</cac:PostalAddress></cac:Party></cac:AccountingSupplierParty>
<cac:AccountingCustomerParty><cac:Party><cbc:EndpointID schemeID="0208">0123456749</cbc:EndpointID>
<cac:PostalAddress><cac:Country><cbc:IdentificationCode>DE</cbc:IdentificationCode></cac:Country>
</cac:PostalAddress></cac:Party></cac:AccountingCustomerParty>
<cac:PaymentMeans><cbc:PaymentMeansCode>59</cbc:PaymentMeansCode>
<cac:PaymentMandate><cbc:ID>M-1</cbc:ID></cac:PaymentMandate></cac:PaymentMeans>
{CHARGE}
<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">0.00</cbc:TaxAmount><cac:TaxSubtotal>
<cbc:TaxableAmount currencyID="EUR">145.00</cbc:TaxableAmount>
<cbc:TaxAmount currencyID="EUR">1.00</cbc:TaxAmount><cac:TaxCategory><cbc:ID>AE</cbc:ID>
<cbc:TaxExemptionReasonCode>VATEX-EU-AE</cbc:TaxExemptionReasonCode></cac:TaxCategory>
</cac:TaxSubtotal></cac:TaxTotal>
<cac:TaxTotal><cbc:TaxAmount currencyID="SEK">0.00</cbc:TaxAmount></cac:TaxTotal>
<cac:LegalMonetaryTotal><cbc:PayableAmount currencyID="EUR">145.00</cbc:PayableAmount>
</cac:LegalMonetaryTotal>
<cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:InvoicedQuantity unitCode="C62">10</cbc:InvoicedQuantity>
<cbc:LineExtensionAmount currencyID="EUR">95.00</cbc:LineExtensionAmount>{LINE_PERIOD}
<cac:DocumentReference><cbc:ID>M</cbc:ID><cbc:DocumentTypeCode>130</cbc:DocumentTypeCode></cac:DocumentReference>
{ALLOWANCE}
<cac:Price><cbc:PriceAmount currencyID="EUR">20.00</cbc:PriceAmount>
<cbc:BaseQuantity unitCode="C62">2</cbc:BaseQuantity>
<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>
<cbc:Amount currencyID="EUR">1.00</cbc:Amount>
<cbc:BaseAmount currencyID="EUR">21.00</cbc:BaseAmount></cac:AllowanceCharge>
</cac:Price></cac:InvoiceLine></Invoice>"""

PROJECT = (
    "<cac:AdditionalDocumentReference><cbc:ID>P</cbc:ID>"
    "<cbc:DocumentTypeCode>50</cbc:DocumentTypeCode></cac:AdditionalDocumentReference>"
)
PROFILE = "<cbc:ProfileID>urn:fdc:peppol.eu:2017:poacc:billing:01:1.0</cbc:ProfileID>"
TAX_IN_SEK = '<cac:TaxTotal><cbc:TaxAmount currencyID="SEK">0.00</cbc:TaxAmount></cac:TaxTotal>'
LINE_REFERENCE = (
    "<cac:DocumentReference><cbc:ID>M</cbc:ID>"
    "<cbc:DocumentTypeCode>130</cbc:DocumentTypeCode></cac:DocumentReference>"
)
BASE = '<cbc:BaseAmount currencyID="EUR">50.00</cbc:BaseAmount>'
PERCENT = "<cbc:MultiplierFactorNumeric>10</cbc:MultiplierFactorNumeric>"

# (what is replaced, by what, the rules that must fire); the first occurrence is replaced.
INVOICE_FAULTS = [
    (PROFILE, "", {"R001", "R007"}),
    ("billing:01:1.0", "billing:02:1.0", {"R007"}),
    ("<cbc:Note>", "<cbc:Note>a</cbc:Note><cbc:Note>", {"R002"}),
    ("<cbc:BuyerReference>Desk 4</cbc:BuyerReference>", "", {"R003"}),
    ("#compliant#", "#conformant#", {"R004"}),
    ("<cbc:TaxCurrencyCode>SEK", "<cbc:TaxCurrencyCode> EUR", {"R005"}),
    ("Thank you", " ", {"R008"}),
    ('<cbc:EndpointID schemeID="0208">0123456749</cbc:EndpointID>', "", {"R010"}),
    ('<cbc:EndpointID schemeID="0007">5561234567</cbc:EndpointID>', "", {"R020"}),
    ("5.00</cbc:Amount>", "5.03</cbc:Amount>", {"R040"}),
    ("5.00</cbc:Amount>", "V</cbc:Amount>", {"R040"}),
    (BASE, "", {"R041"}),
    (PERCENT, "", {"R042"}),
    ("<cbc:ChargeIndicator>true", "<cbc:ChargeIndicator>1", {"R043"}),
    ("false</cbc:ChargeIndicator>\n", "true</cbc:ChargeIndicator>\n", {"R044"}),
    (">21.00<", ">21.01<", {"R046"}),
    ('TaxableAmount currencyID="EUR"', 'TaxableAmount currencyID="SEK"', {"R051"}),
    ("<cbc:Amount currencyID", "<cbc:Amount id", {"R051", "CL007"}),
    (TAX_IN_SEK, "", {"R054", "R055"}),
    (TAX_IN_SEK, TAX_IN_SEK + TAX_IN_SEK, {"R054"}),
    ('"EUR">0.00', '"EUR">10.00', set()),
    (TAX_IN_SEK, TAX_IN_SEK.replace("0.00", "-9.00"), set()),
    ("<cac:PaymentMandate><cbc:ID>M-1</cbc:ID></cac:PaymentMandate>", "", {"R061"}),
    (LINE_REFERENCE, LINE_REFERENCE * 2, {"R100"}),
    (">130<", ">50<", {"R101"}),
    ("2026-09-05", "2026-08-31", {"R110"}),
    ("2026-09-20", "2026-10-01", {"R111"}),
    (">95.00<", ">95.03<", {"R120"}),
    (">95.00<", ">95.02<", set()),
    (">95.00<", ">ninety<", {"R120"}),
    (">2</cbc:BaseQuantity>", ">-2</cbc:BaseQuantity>", {"R120", "R121"}),
    (">2</cbc:BaseQuantity>", ">0</cbc:BaseQuantity>", {"R120", "R121"}),
    ('BaseQuantity unitCode="C62"', 'BaseQuantity unitCode="KGM"', {"R130"}),
    ("application/pdf", "application/xml", {"CL001"}),
    (">95</cbc:AllowanceChargeReasonCode>", ">FC</cbc:AllowanceChargeReasonCode>", {"CL002"}),
    (">FC</cbc:AllowanceChargeReasonCode>", ">95</cbc:AllowanceChargeReasonCode>", {"CL003"}),
    ("<cbc:StartDate>", "<cbc:DescriptionCode>5</cbc:DescriptionCode><cbc:StartDate>", {"CL006"}),
    ('<cbc:TaxAmount currencyID="SEK"', '<cbc:TaxAmount currencyID="SKR"', {"CL007", "R055"}),
    ('schemeID="0208"', 'schemeID="9956"', {"CL008"}),
    (">380<", ">381<", {"P0100"}),
    (">380<", ">384<", {"P0112"}),
    ("2026-10-01", "2026-10-01Z", {"F001"}),
    ("2026-10-01", "2026-02-30", {"F001"}),
    ("VATEX-EU-AE", "VATEX-EU-G", {"P0104"}),
    ("VATEX-EU-AE", "VATEX-EU-O", {"P0105"}),
    ("VATEX-EU-AE", "VATEX-EU-IC", {"P0106"}),
    ("<cbc:ID>AE", "<cbc:ID>S", {"P0107"}),
    ("VATEX-EU-AE", "VATEX-EU-D", {"P0108"}),
    ("VATEX-EU-AE", "vatex-eu-f", {"P0109"}),
    ("VATEX-EU-AE", "VATEX-EU-I", {"P0110"}),
    ("VATEX-EU-AE", "VATEX-EU-J", {"P0111"}),
]
CREDIT_NOTE_FAULTS = [
    ("<cac:AccountingSupplierParty>", PROJECT * 2 + "<cac:AccountingSupplierParty>", {"R080"}),
    (">381<", ">380<", {"P0101"}),
    (">95.00<", ">90.00<", {"R120"}),
    ('BaseQuantity unitCode="C62"', 'BaseQuantity unitCode="KGM"', {"R130"}),
    ("2026-09-05", "2026-08-31", {"R110"}),
    ("2026-09-20", "2026-10-01", {"R111"}),
    (LINE_REFERENCE, LINE_REFERENCE * 2, {"R100"}),
]


def credit_note() -> str:
    return (
        INVOICE.replace("Invoice-2", "CreditNote-2")
        .replace("<Invoice ", "<CreditNote ")
        .replace("</Invoice>", "</CreditNote>")
        .replace("InvoiceLine>", "CreditNoteLine>")
        .replace("InvoicedQuantity", "CreditedQuantity")
        .replace("InvoiceTypeCode>", "CreditNoteTypeCode>")
        .replace(">380<", ">381<")
    )


def stylesheet() -> bytes:
    source = sources()[RULESET]
    return compile_schematron(source.read_bytes(), base=source.parent)


def report(document: str) -> etree._Element:
    return parse(shared().run("authored-test", stylesheet, document=document))


def fired(document: str) -> dict[str, list[object]]:
    found = list(report(document).iter(f"{SVRL}failed-assert", f"{SVRL}successful-report"))
    counts = Counter(item.get("id") for item in found)
    severity = {item.get("id"): item.get("flag") for item in found}
    return {rule: [severity[rule], count] for rule, count in counts.items()}


def ids(document: str) -> set[str]:
    return {rule.removeprefix(P) for rule in fired(document)}


def test_agrees_with_the_official_release_on_the_corpus(corpus):
    ours = covered(RULESET)
    differing = {}
    cases = corpus.judged_by(RULESET)
    for case in cases:
        official = {k: v for k, v in case["oracle"][RULESET].items() if k in ours}
        got = fired(etree.tostring(parse(corpus.read(case)), encoding="unicode"))
        if got != official:
            differing[case["id"]] = (got, official)
    assert len(cases) >= 400
    assert not differing


@pytest.mark.parametrize("document", [INVOICE, credit_note()], ids=["invoice", "credit-note"])
def test_a_document_that_uses_everything_passes(document):
    assert fired(document) == {}


@pytest.mark.parametrize(("old", "new", "rules"), INVOICE_FAULTS)
def test_one_fault_in_an_invoice(old, new, rules):
    assert old in INVOICE
    assert ids(INVOICE.replace(old, new, 1)) == rules


@pytest.mark.parametrize(("old", "new", "rules"), CREDIT_NOTE_FAULTS)
def test_one_fault_in_a_credit_note(old, new, rules):
    document = credit_note()
    assert old in document
    assert ids(document.replace(old, new, 1)) == rules


def test_two_breakdowns_of_vat():
    subtotal = INVOICE[INVOICE.index("<cac:TaxTotal>") : INVOICE.index(TAX_IN_SEK)]
    assert ids(INVOICE.replace(subtotal, subtotal * 2)) == {"R053"}


def test_tax_totals_of_opposite_sign():
    document = INVOICE.replace('"EUR">0.00', '"EUR">10.00').replace('"SEK">0.00', '"SEK">-9.00')
    assert ids(document) == {"R055"}


@pytest.mark.parametrize("code", ["326", "384"])
def test_what_only_two_german_parties_may_do(code):
    german = INVOICE.replace(">SE<", ">DE<").replace(">380<", f">{code}<")
    assert ids(german) == set()
    assert ids(german.replace("<cbc:Note>", "<cbc:Note>a</cbc:Note><cbc:Note>")) == set()


def test_every_covered_rule_is_fired_by_a_test():
    shown = set().union(*(rules for _, _, rules in [*INVOICE_FAULTS, *CREDIT_NOTE_FAULTS]))
    assert {P + rule for rule in shown | {"R053", "R055"}} == covered(RULESET)


def test_location_leads_to_the_fault():
    document = INVOICE.replace(">95.00<", ">90.00<")
    location = report(document).find(f"{SVRL}failed-assert").get("location")
    (place,) = parse(document.encode()).xpath(location)
    assert etree.QName(place).localname == "InvoiceLine"


def test_every_rule_speaks_every_language():
    texts = messages(RULESET)
    assert set(texts) == covered(RULESET)
    for rule, by_language in texts.items():
        assert set(by_language) == set(LANGUAGES), rule
        for text in by_language.values():
            assert set(text) == {"message", "hint"}
            assert all(part.endswith((".", "…")) for part in text.values()), rule
        assert len({text["message"] for text in by_language.values()}) == len(LANGUAGES)


def test_the_report_carries_the_english_message():
    document = INVOICE.replace("Thank you", "")
    text = report(document).findtext(f"{SVRL}failed-assert/{SVRL}text")
    assert text == messages(RULESET)[P + "R008"]["en"]["message"]


def test_coverage_of_an_unknown_set_is_an_error():
    with pytest.raises(KeyError):
        covered("peppol-ubl-1999.1")


def test_all_rules_carry_a_severity():
    source = sources()[RULESET]
    schema = read_schema(source.read_bytes(), base=source.parent)
    tests = [t for pattern in schema.patterns for rule in pattern.rules for t in rule.tests]
    assert {test.labels["flag"] for test in tests} == {"fatal"}
    assert len(tests) == len(covered(RULESET)) == 46
