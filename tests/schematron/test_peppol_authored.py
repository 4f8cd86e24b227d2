"""The authored Peppol set fires what the official release 2026.5 fires, and says why.

Here: the rules for every country and those on identifiers. The national ones have files of their
own; tests/corpus proves the whole set against the official stylesheet.
"""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from schematron.build import compile_schematron
from schematron.engine import shared
from schematron.rules import FOLDER, covered, messages, sources
from schematron.schema import read_schema
from schematron.texts import LANGUAGES
from ubl.safexml import parse

RULESET = "peppol-ubl-2026.5"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
UBL = "urn:oasis:names:specification:ubl:schema:xsd"
NAMES = f'xmlns:cac="{UBL}:CommonAggregateComponents-2" xmlns:cbc="{UBL}:CommonBasicComponents-2"'
P = "PEPPOL-EN16931-"
NATIONAL = re.compile(r"[A-Z]{2}-[RS]-")

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
    ("billing:3.0<", "billing:3.0#conformant#urn:example:x<", set()),
    ("billing:3.0<", "billing:3.0::2.1<", {"R004"}),
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
    return compile_schematron(source.read_bytes(), base=source.parent, within=FOLDER)


def report(document: str) -> etree._Element:
    return parse(shared().run("authored-test", stylesheet, document=document))


def fired(document: str) -> dict[str, list[object]]:
    found = list(report(document).iter(f"{SVRL}failed-assert", f"{SVRL}successful-report"))
    counts = Counter(item.get("id") for item in found)
    severity = {item.get("id"): item.get("flag") for item in found}
    return {rule: [severity[rule], count] for rule, count in counts.items()}


def ids(document: str) -> set[str]:
    """Ids without their prefix; what a country adds to a document made for all is left out."""
    return {rule.removeprefix(P) for rule in fired(document) if not NATIONAL.match(rule)}


def test_agrees_with_the_official_release_on_the_corpus(corpus):
    differing = {}
    cases = corpus.judged_by(RULESET)
    for case in cases:
        official = case["oracle"][RULESET]
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


def test_half_of_base_and_percentage_is_the_only_thing_said():
    document = INVOICE.replace(BASE, "", 1).replace(
        "<cbc:ChargeIndicator>true", "<cbc:ChargeIndicator>1"
    )
    assert ids(document) == {"R041"}


def test_allowances_are_added_up_to_the_cent():
    thirds = ALLOWANCE.replace(">5.00<", ">1.664<").replace(">50.00<", ">16.64<") * 3
    line = INVOICE.replace(ALLOWANCE, thirds)
    assert ids(line.replace(">95.00<", ">95.03<")) == set()
    assert ids(line.replace(">95.00<", ">95.031<")) == {"R120"}


def test_every_covered_rule_is_fired_by_a_test():
    shown = set().union(*(rules for _, _, rules in [*INVOICE_FAULTS, *CREDIT_NOTE_FAULTS]))
    shown = {P + rule for rule in shown | {"R053", "R055"}} | {
        rule for _, rule, _, _ in IDENTIFIERS
    }
    assert shown == {rule for rule in covered(RULESET) if not NATIONAL.match(rule)}


# --- identifiers ---------------------------------------------------------------------------------

# (scheme, rule, identifiers that are right, identifiers that are wrong)
IDENTIFIERS = [
    ("0088", "R040", ("7300010000001", " 7300010000001 ", "0"), ("7300010000002", "73000100A0001")),
    ("0192", "R041", ("974760673", "\n123456785"), ("974760674", "97476067", "000000000")),
    ("0184", "R042", ("DK12345678", "12345678"), ("dk12345678", "12345678 ", "DK1234567")),
    ("0208", "R043", ("0123456749", " 0202239951 "), ("0123456748", "BE0123456749", "123456749")),
    ("0201", "R044", ("UF1234", "abcDEF"), ("UF12345", "UF 123", "ÙF1234")),
    ("0210", "R045", ("RSSMRA80A01H501U", "12345678901", "RSSMRA80A01++-1U"),
     ("RSSMRA80A01H501", "RSSMR180A01H501U", "RSSMRAxxA01H501U", "1234567890A", "IT12345678901")),
    ("9907", "R046", ("RSSMRA80A01H501U", "12345678901"), ("1234567890", "RSSMRA80A01H50UU")),
    ("0211", "R047", ("IT07643520567", "it07643520567", "FR123", "It1"),
     ("IT07643520568", "IT0764352056", "IT+7643520567")),
    ("0007", "R049", ("5560000001", " 2021005489"), ("5560000002", "556000-0001", "556000001")),
    ("0151", "R050", ("51824753556",), ("51824753557", "5182475355", "5182475355X")),
    ("0096", "R052", ("1234567890",), ("123456789", "1234567890 ", "123456789A")),
    ("0198", "R053", ("DK12345678",), ("12345678", "DK123456789", " DK12345678")),
    ("0106", "R054", ("12345678", " 12345678 "), ("1234567", "123456789", "NL345678")),
    ("0190", "R055", ("00000001234567890000",), ("0000000123456789000", "0000000123456789000X")),
    ("9944", "R056-1", ("NL123456789B12",), ("NL123456789b12", "123456789B12", "NL12345678B12")),
    ("VAT", "R056-2", ("NL123456789B12", "BE0123456749"), ("NL123456789B1", "NL123456789")),
    ("0217", "R057", ("123456789012",), ("12345678901", "12345678901X")),
]  # fmt: skip
IDENTIFIERS = [(s, f"PEPPOL-COMMON-{rule}", good, bad) for s, rule, good, bad in IDENTIFIERS]
ONLY_WARN = {
    f"PEPPOL-COMMON-R0{number}"
    for number in ("44", "45", "46", "47", "54", "55", "56-1", "56-2", "57")
}


def parties(*identifiers: str) -> str:
    """A document that is nothing but parties with these elements."""
    return f'<Invoice xmlns="{UBL}:Invoice-2" {NAMES}>{"".join(identifiers)}</Invoice>'


def vat_number(number: str, attributes: str = "") -> str:
    return (
        f"<cac:PartyTaxScheme><cbc:CompanyID{attributes}>{number}</cbc:CompanyID>"
        "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
    )


def places(scheme: str, number: str) -> list[str]:
    """The number in every place where its scheme is looked at."""
    if scheme == "VAT":
        return [vat_number(number)]
    said = f'schemeID="{scheme}">{number}</cbc:'
    everywhere = [
        f"<cbc:EndpointID {said}EndpointID>",
        f"<cac:PartyIdentification><cbc:ID {said}ID></cac:PartyIdentification>",
        f"<cac:PartyLegalEntity><cbc:CompanyID {said}CompanyID></cac:PartyLegalEntity>",
    ]
    return everywhere[:1] if scheme == "9907" else everywhere


def on_identifiers(document: str) -> dict[str, list[object]]:
    return {k: v for k, v in fired(document).items() if k.startswith("PEPPOL-COMMON-")}


@pytest.mark.parametrize(("scheme", "rule", "good", "bad"), IDENTIFIERS)
def test_identifiers_of_a_scheme(scheme, rule, good, bad):
    right = [place for number in good for place in places(scheme, number)]
    wrong = [place for number in bad for place in places(scheme, number)]
    assert on_identifiers(parties(*right)) == {}
    severity = "warning" if rule in ONLY_WARN else "fatal"
    assert on_identifiers(parties(*right, *wrong)) == {rule: [severity, len(wrong)]}


def test_a_dutch_vat_number_with_a_scheme_is_judged_by_that_scheme():
    assert set(on_identifiers(parties(vat_number("NL1", ' schemeID="9944"')))) == {
        "PEPPOL-COMMON-R056-1"
    }
    assert set(on_identifiers(parties(vat_number("NL1", ' schemeID="0217"')))) == {
        "PEPPOL-COMMON-R056-2"
    }
    assert set(on_identifiers(parties(vat_number("NL1", ' schemeID="9999"')))) == {
        "PEPPOL-COMMON-R056-2"
    }


def weighted(body: str, weights: tuple[int, ...], modulus: int) -> int:
    digits = [int(digit) for digit in reversed(body)]
    total = sum(digit * weights[n % len(weights)] for n, digit in enumerate(digits))
    return -total % modulus


def luhn(body: str) -> int:
    digits = [int(digit) for digit in reversed(body)]
    return -sum(sum(divmod(d * 2, 10)) if n % 2 == 0 else d for n, d in enumerate(digits)) % 10


CHECKED = {
    "0088": (12, lambda body: weighted(body, (3, 1), 10)),
    "0192": (8, lambda body: weighted(body, (2, 3, 4, 5, 6, 7), 11)),
    "0007": (9, luhn),
    "0211": (10, luhn),
    "0208": (8, lambda body: 97 - int(body) % 97),
}


@given(st.sampled_from(sorted(CHECKED)), st.data())
@settings(max_examples=40, deadline=None)
def test_check_digits_are_worked_out_as_published(scheme, data):
    length, check = CHECKED[scheme]
    body = data.draw(st.text("0123456789", min_size=length, max_size=length).filter(int))
    places_for_it = 2 if scheme == "0208" else 1
    wanted = f"{check(body):0{places_for_it}}"
    given_digits = data.draw(st.one_of(st.just(wanted), st.text("0123456789", min_size=1)))
    number = ("IT" if scheme == "0211" else "") + body + given_digits
    silent = on_identifiers(parties(places(scheme, number)[0])) == {}
    if scheme == "0088":
        assert silent is (weighted(number, (1, 3), 10) == 0)
    else:
        # Modulo 11 may ask for a check digit of 10: no number begins like that.
        assert silent is (given_digits == wanted and len(wanted) == places_for_it)


def test_location_leads_to_the_fault():
    document = INVOICE.replace(">95.00<", ">90.00<")
    location = report(document).find(f"{SVRL}failed-assert").get("location")
    (place,) = parse(document.encode()).xpath(location)
    assert etree.QName(place).localname == "InvoiceLine"


def test_every_rule_speaks_every_language():
    texts = messages(RULESET)
    assert set(texts) == covered(RULESET)
    assert len(texts) == 165
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


def test_all_rules_carry_the_severity_of_the_release():
    source = sources()[RULESET]
    schema = read_schema(source.read_bytes(), base=source.parent, within=FOLDER)
    tests = [t for pattern in schema.patterns for rule in pattern.rules for t in rule.tests]
    weights = Counter(test.labels["flag"] for test in tests)
    assert weights == {"fatal": 139, "warning": 26}
