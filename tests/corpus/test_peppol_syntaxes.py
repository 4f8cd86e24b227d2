"""What mutation seldom hits: every code, the small syntaxes inside texts, and sums at the cent.

Beside the official stylesheet of the release. Code lists are compared whole: a list is equal if the
official rules accept each code of ours and refuse every other that can be written. The syntaxes
(identifiers with check digits, account numbers, discounts, Greek invoice numbers) are compared on
seeded variations of examples, one to a document, sums on random lines a hair's breadth around the
tolerance.
"""

import random
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from itertools import product

import pytest
from lxml import etree

from schematron.rules import FOLDER

pytestmark = [pytest.mark.corpus, pytest.mark.xdist_group("peppol-authored")]

RULESET = "peppol-ubl-2026.5"
UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
VARIATIONS = 70
LINES = 400


def written(alphabet: str, length: int) -> list[str]:
    return ["".join(letters) for letters in product(alphabet, repeat=length)]


def document(content: str, root: str = "Invoice") -> bytes:
    text = (
        f'<{root} xmlns="{UBL}{root}-2" xmlns:cac="{UBL}CommonAggregateComponents-2"'
        f' xmlns:cbc="{UBL}CommonBasicComponents-2">{content}</{root}>'
    )
    return text.encode()


# --- code lists ----------------------------------------------------------------------------------

ALLOWANCE = (
    "<cac:AllowanceCharge><cbc:ChargeIndicator>{}</cbc:ChargeIndicator>"
    "<cbc:AllowanceChargeReasonCode>{{}}</cbc:AllowanceChargeReasonCode></cac:AllowanceCharge>"
)
PROFILE = "<cbc:ProfileID>urn:fdc:peppol.eu:2017:poacc:billing:01:1.0</cbc:ProfileID>"
# (list, rule, root, element with the code, every code that can be written)
LISTS = {
    "currency": ("CL007", '<cbc:TaxAmount currencyID="{}">1</cbc:TaxAmount>', written(LETTERS, 3)),
    "electronic-address-scheme": (
        "CL008",
        '<cbc:EndpointID schemeID="{}">1</cbc:EndpointID>',
        written(DIGITS, 4),
    ),
    "vat-date": (
        "CL006",
        "<cac:InvoicePeriod><cbc:DescriptionCode>{}</cbc:DescriptionCode></cac:InvoicePeriod>",
        [str(number) for number in range(1000)],
    ),
    "allowance-reason": (
        "CL002",
        ALLOWANCE.format("false"),
        [str(number) for number in range(1000)],
    ),
    "charge-reason": (
        "CL003",
        ALLOWANCE.format("true"),
        [code for length in (1, 2, 3) for code in written(LETTERS, length)]
        + [letter + digit for letter in LETTERS for digit in DIGITS],
    ),
    "invoice-type": (
        "P0100",
        "<cbc:InvoiceTypeCode>{}</cbc:InvoiceTypeCode>",
        [str(number) for number in range(1000)],
    ),
    "credit-note-type": (
        "P0101",
        "<cbc:CreditNoteTypeCode>{}</cbc:CreditNoteTypeCode>",
        [str(number) for number in range(1000)],
    ),
    "mime": (
        "CL001",
        '<cbc:EmbeddedDocumentBinaryObject mimeCode="{}">QQ==</cbc:EmbeddedDocumentBinaryObject>',
        ["application/xml", "application/zip", "image/gif", "image/tiff", "text/plain",
         "text/html", "application/PDF", "application/msword", "application/json"],
    ),
}  # fmt: skip


def in_groups(element: str, codes: list[str]) -> bytes:
    """All codes in one document, few beside each other: a place is found by counting siblings."""
    groups = [codes[start : start + 100] for start in range(0, len(codes), 100)]
    written_out = ("".join(element.format(code) for code in group) for group in groups)
    return document(PROFILE + "".join(f"<cac:Group>{group}</cac:Group>" for group in written_out))


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_code_list_is_that_of_the_release(name, beside_official):
    short, element, possible = LISTS[name]
    rule = (f"PEPPOL-EN16931-{short}", "fatal")
    listed = FOLDER / "peppol-ubl" / "codelists" / f"{name}.toml"
    ours = [str(code) for code in tomllib.loads(listed.read_text(encoding="utf-8"))["codes"]]
    others = sorted(set(possible) - set(ours))
    both = beside_official(RULESET)
    for codes, refused in ((ours, 0), (others, len(others))):
        got, wanted = both.verdicts(in_groups(element, codes))
        assert wanted is not None
        assert wanted.get(rule, 0) == refused
        assert got == wanted


# --- syntaxes inside texts -----------------------------------------------------------------------

ENDPOINT = '<cbc:EndpointID schemeID="{}">{{}}</cbc:EndpointID>'


def between(country: str, content: str = "", tax: str = "", party: str = "") -> str:
    address = (
        "<cac:PostalAddress><cac:Country><cbc:IdentificationCode>"
        f"{country}</cbc:IdentificationCode></cac:Country></cac:PostalAddress>"
    )
    scheme = "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
    number = (
        f"<cac:PartyTaxScheme><cbc:CompanyID>{tax}</cbc:CompanyID>{scheme}</cac:PartyTaxScheme>"
    )
    return (
        f"<cac:AccountingSupplierParty><cac:Party>{party}{address}{number if tax else ''}"
        "</cac:Party></cac:AccountingSupplierParty><cac:AccountingCustomerParty><cac:Party>"
        f"{address}</cac:Party></cac:AccountingCustomerParty>{content}"
    )


def means(code: str, content: str) -> str:
    coded = f"<cbc:PaymentMeansCode>{code}</cbc:PaymentMeansCode>"
    return f"<cac:PaymentMeans>{coded}{content}</cac:PaymentMeans>"


PAYEE = "<cac:PayeeFinancialAccount><cbc:ID>{}</cbc:ID></cac:PayeeFinancialAccount>"
BRANCHED = (
    "<cac:PayeeFinancialAccount><cbc:ID>{{}}</cbc:ID><cac:FinancialInstitutionBranch><cbc:ID>{}"
    "</cbc:ID></cac:FinancialInstitutionBranch></cac:PayeeFinancialAccount>"
)
REGISTERED = "<cac:PartyLegalEntity><cbc:CompanyID>{}</cbc:CompanyID></cac:PartyLegalEntity>"
CONTACT = "<cac:Contact><cbc:Telephone>{0}</cbc:Telephone><cbc:ElectronicMail>{0}" + (
    "</cbc:ElectronicMail></cac:Contact>"
)
LINK = (
    "<cac:AdditionalDocumentReference><cac:Attachment><cac:ExternalReference><cbc:URI>{}</cbc:URI>"
    "</cac:ExternalReference></cac:Attachment></cac:AdditionalDocumentReference>"
)
NOTED = "<cac:PaymentTerms><cbc:Note>{}</cbc:Note></cac:PaymentTerms>"
PAID_BY_FIK = "<cbc:PaymentID>{}</cbc:PaymentID>" + PAYEE.format("12345678")
IBANS = ("DE75512108001245126199", "NL91ABNA0417164300", "de75 5121 0800 1245 1261 99")
# (name, what stands around the text, examples of the text)
SYNTAXES: dict[str, tuple[str, tuple[str, ...]]] = {
    "GLN": (ENDPOINT.format("0088"), ("7300010000001", "73000100000010", "0")),
    "Norwegian number": (ENDPOINT.format("0192"), ("974760673", "123456785")),
    "CVR": (ENDPOINT.format("0184"), ("DK12345678", "12345678")),
    "P number": (ENDPOINT.format("0096"), ("1234567890",)),
    "SE number": (ENDPOINT.format("0198"), ("DK12345678",)),
    "Belgian number": (ENDPOINT.format("0208"), ("0123456749", "0202239951")),
    "codice IPA": (ENDPOINT.format("0201"), ("UF1234", "abcDE1")),
    "codice fiscale": (ENDPOINT.format("0210"), ("RSSMRA80A01H501U", "12345678901")),
    "codice fiscale, old": (ENDPOINT.format("9907"), ("RSSMRA80A01H501U", "12345678901")),
    "partita IVA": (ENDPOINT.format("0211"), ("IT07643520567", "it07643520567")),
    "Swedish number": (ENDPOINT.format("0007"), ("5560000001", "2021005489")),
    "ABN": (ENDPOINT.format("0151"), ("51824753556", "53004085616")),
    "KVK": (ENDPOINT.format("0106"), ("12345678",)),
    "OIN": (ENDPOINT.format("0190"), ("00000001234567890000",)),
    "Dutch VAT": (ENDPOINT.format("9944"), ("NL123456789B12",)),
    "Dutch establishment": (ENDPOINT.format("0217"), ("123456789012",)),
    "Dutch VAT of a party": (between("FR", tax="{}"), ("NL123456789B12",)),
    "Norwegian VAT": (between("NO", tax="{}"), ("NO974760673MVA", "NO123456785MVA")),
    "Swedish VAT": (between("SE", tax="{}"), ("SE556000000101", "SE202100548901")),
    "Greek VAT": (between("GR", tax="{}"), ("EL094019245", "EL123456783")),
    "Italian VAT": (between("IT", tax="{}"), ("IT07643520567",)),
    "Swedish registration": (between("SE", party=REGISTERED), ("5560000001", "2021005489")),
    "Icelandic registration": (between("IS", party=REGISTERED), ("5402697509",)),
    "Danish registration": (
        between("DK", party=REGISTERED.replace("ID>{", 'ID schemeID="0184">{')),
        ("DK16356706", "16356706"),
    ),
    "contact": (between("DE", party=CONTACT), ("a@kiel.example", "+49 431 5", "x.y@a.b.de")),
    "IBAN to be paid": (between("DE", means("58", PAYEE)), IBANS),
    "IBAN to be debited": (
        between("DE", means("59", f"<cac:PaymentMandate>{PAYEE}</cac:PaymentMandate>".replace(
            "Payee", "Payer"))),
        IBANS,
    ),
    "Skonto": (
        between("DE", NOTED),
        ("#SKONTO#TAGE=14#PROZENT=2.00#\n",
         "Text\n#SKONTO#TAGE=7#PROZENT=2.00#BASISBETRAG=-10.00#\n#SKONTO#TAGE=9#PROZENT=1.00#\n x"),
    ),
    "link": (between("DE", LINK), ("https://kiel.example/a", "mailto:a@b.c", "xy:")),
    "Bankgiro": (
        between("SE", means("30", BRANCHED.format("SE:BANKGIRO"))),
        ("1234567", "12345678"),
    ),
    "Plusgiro": (between("SE", means("30", BRANCHED.format("SE:PLUSGIRO"))), ("12", "12345678")),
    "FIK": (
        between("DK", means("93", PAID_BY_FIK)),
        ("71#123456789012345", "73#", "75#12345678901234"),
    ),
    "Giro": (
        between("DK", means("50", "<cbc:PaymentID>{}</cbc:PaymentID>" + PAYEE.format("1234567"))),
        ("01#", "04#1234567890123456", "15#1234567890123456"),
    ),
    "Icelandic account": (between("IS", means("9", PAYEE)), ("015926123456",)),
    "Greek invoice number": (
        f"<cbc:ID>{{}}</cbc:ID><cbc:IssueDate>2026-06-30</cbc:IssueDate>"
        f"{between('GR', tax='EL094019245')}",
        ("094019245|30/06/2026|0|1.1|0|1", "094019245|30/06/2026|12|5.2|A|77"),
    ),
    "specification": (
        "<cbc:CustomizationID>{}</cbc:CustomizationID>",
        ("urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",),
    ),
    "date": ("<cbc:IssueDate>{}</cbc:IssueDate>", ("2026-02-28", "2024-02-29")),
}  # fmt: skip
STRAY = DIGITS + "AZaz .-+|#:@/\n\u00e9"


def variations(examples: tuple[str, ...], seed: str) -> Iterator[str]:
    """The examples, and each with up to three characters changed, dropped or put in."""
    yield from examples
    rng = random.Random(seed)
    for _ in range(VARIATIONS):
        text = rng.choice(examples)
        alphabet = STRAY + "".join(examples)
        for _ in range(rng.choice((1, 1, 2, 3))):
            at = rng.randrange(len(text) + 1)
            drop = rng.choice((0, 1, 1))
            text = text[:at] + rng.choice((rng.choice(alphabet), "")) + text[at + drop :]
        yield text


def escaped(text: str) -> str:
    node = etree.Element("x")
    node.text = text
    return etree.tostring(node, encoding="unicode").removeprefix("<x>").removesuffix("</x>")


def test_syntaxes_inside_texts(beside_official, tell):
    both = beside_official(RULESET)
    for name, (around, examples) in SYNTAXES.items():
        for text in variations(examples, name):
            content = around.format(escaped(text))
            for root in ("Invoice", "CreditNote"):
                title = f"{name} {text!r} in {root}"
                both.judge(title, document(content, root), schema_valid=False)
    tell(
        "authored sets",
        f"{RULESET} syntaxes",
        f"{RULESET}, {len(SYNTAXES)} syntaxes: {both.documents} documents, "
        f"{len(both.differing)} differ, {len(both.aborted)} end the official stylesheet; "
        f"{len(both.both_fired)} rules fired in both",
    )
    assert both.differing == {}
    assert both.stopped == []
    assert len(both.aborted) <= both.documents // 20
    assert len(both.both_fired) >= len(SYNTAXES)


# --- sums ----------------------------------------------------------------------------------------


def number(rng: random.Random, places: int) -> Decimal:
    return Decimal(rng.randrange(-(10**5), 10**6)).scaleb(-rng.randrange(places + 1))


HAIR = [Decimal(text) for text in ("0", "0.01", "0.02", "0.020001", "0.0200000000001", "0.03")]


def near(rng: random.Random, value: Decimal) -> str:
    return f"{value + rng.choice((1, -1)) * rng.choice(HAIR):f}"


def allowance(rng: random.Random, indicator: str) -> tuple[str, Decimal]:
    base, percentage = number(rng, 4), number(rng, 3)
    amount = Decimal(near(rng, base * percentage / 100))
    elements = [
        f"<cbc:ChargeIndicator>{indicator}</cbc:ChargeIndicator>",
        f"<cbc:MultiplierFactorNumeric>{percentage:f}</cbc:MultiplierFactorNumeric>",
        f"<cbc:Amount>{amount:f}</cbc:Amount>",
        f"<cbc:BaseAmount>{base:f}</cbc:BaseAmount>",
    ]
    if rng.random() < 0.3:
        del elements[rng.randrange(len(elements))]
    return f"<cac:AllowanceCharge>{''.join(elements)}</cac:AllowanceCharge>", amount


def line(rng: random.Random) -> str:
    quantity, price = number(rng, 4), number(rng, 6)
    base = rng.choice((Decimal(1), Decimal(3), Decimal(7), Decimal(0), Decimal(-2), number(rng, 2)))
    total = quantity * (price / (base or 1))
    parts = []
    for indicator in rng.choices(("true", "false", " true "), k=rng.randrange(4)):
        element, amount = allowance(rng, indicator)
        parts.append(element)
        total += amount if indicator.strip() == "true" else -amount
    discount = number(rng, 4)
    gross = price + discount + rng.choice((Decimal(0), Decimal(0), Decimal("0.000001")))
    return (
        f"<cac:InvoiceLine><cbc:InvoicedQuantity>{quantity:f}</cbc:InvoicedQuantity>"
        f"<cbc:LineExtensionAmount>{near(rng, total)}</cbc:LineExtensionAmount>{''.join(parts)}"
        f"<cac:Price><cbc:PriceAmount>{price:f}</cbc:PriceAmount>"
        f"<cbc:BaseQuantity>{base:f}</cbc:BaseQuantity><cac:AllowanceCharge>"
        "<cbc:ChargeIndicator>false</cbc:ChargeIndicator>"
        f"<cbc:Amount>{discount:f}</cbc:Amount><cbc:BaseAmount>{gross:f}</cbc:BaseAmount>"
        "</cac:AllowanceCharge></cac:Price></cac:InvoiceLine>"
    )


def test_sums_around_the_tolerance(beside_official):
    both = beside_official(RULESET)
    rng = random.Random(RULESET)
    for count in range(LINES):
        content = line(rng) + allowance(rng, rng.choice(("true", "false")))[0]
        both.judge(str(count), document(content), schema_valid=False)
    assert both.differing == {}
    assert both.aborted == []
    for rule in ("R040", "R041", "R042", "R043", "R046", "R120", "R121"):
        assert 0 < both.both_fired[f"PEPPOL-EN16931-{rule}"] < LINES
