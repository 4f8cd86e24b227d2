"""Single traits of the reader, each shown on the smallest document that has it."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ubl.amounts import Amount
from ubl.invoice import read_invoice
from ubl.model import DocumentKind, Identifier, Period
from ubl.namespaces import CAC, CBC, document_namespace
from ubl.reading import DocumentUnreadable, Reading
from ubl.safexml import parse


def read(
    body: str, *, root: str = "Invoice", prefixes: tuple[str, str] = ("cbc", "cac")
) -> Reading:
    basic, aggregate = prefixes
    text = (
        f'<x:{root} xmlns:x="{document_namespace(root)}" xmlns:{basic}="{CBC}" '
        f'xmlns:{aggregate}="{CAC}">{body}</x:{root}>'
    )
    return read_invoice(parse(text.encode()))


def test_an_empty_invoice_is_readable() -> None:
    reading = read("")
    assert reading.invoice.kind is DocumentKind.INVOICE
    assert reading.invoice.number is None
    assert reading.invoice.lines == ()
    assert reading.invoice.totals is None
    assert reading.unread == ()


def test_prefixes_play_no_part() -> None:
    reading = read(
        "<b:ID>R-1</b:ID><a:OrderReference><b:ID>PO</b:ID></a:OrderReference>", prefixes=("b", "a")
    )
    assert (reading.invoice.number, reading.invoice.purchase_order) == ("R-1", "PO")
    assert reading.unread == ()


@pytest.mark.parametrize(
    "data",
    [
        b"<Invoice/>",
        b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"/>',
        b'<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>',
        b'<CrossIndustryInvoice xmlns="urn:ferd:CrossIndustryDocument:invoice:1p0"/>',
    ],
)
def test_another_root_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        read_invoice(parse(data))
    assert refused.value.code == "DOCUMENT-NOT-INVOICE"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("R-<!-- split -->1", "R-1"),
        ("<?pi data?>R-1<!-- after -->", "R-1"),
        ("<![CDATA[R-1]]>", "R-1"),
        ("\n   R-1\t", "R-1"),
        ("R&#45;1", "R-1"),
    ],
)
def test_text_is_the_string_value(written: str, value: str) -> None:
    reading = read(f"<cbc:ID>{written}</cbc:ID>")
    assert reading.invoice.number == value
    assert reading.unread == ()


def test_a_blank_value_is_missing_and_carries_nothing() -> None:
    reading = read("<cbc:ID>  </cbc:ID><cbc:BuyerReference/>")
    assert reading.invoice.number is None
    assert reading.unread == ()


def test_what_the_model_lacks_is_listed_by_path() -> None:
    reading = read(
        "<cbc:UBLVersionID>2.1</cbc:UBLVersionID>"
        '<cbc:Note languageID="en">one</cbc:Note><cbc:Note>two</cbc:Note>'
        "<cac:InvoiceLine><cbc:UUID>u</cbc:UUID></cac:InvoiceLine>"
        "<cac:InvoiceLine><cbc:FreeOfChargeIndicator>true</cbc:FreeOfChargeIndicator>"
        "</cac:InvoiceLine>"
        '<o:Extra xmlns:o="urn:other">kept</o:Extra>'
    )
    assert reading.unread == (
        "/Invoice/cbc:UBLVersionID",
        "/Invoice/cbc:Note[1]/@languageID",
        "/Invoice/cac:InvoiceLine[1]/cbc:UUID",
        "/Invoice/cac:InvoiceLine[2]/cbc:FreeOfChargeIndicator",
        "/Invoice/Q{urn:other}Extra",
    )


def test_a_second_value_where_one_belongs_is_listed() -> None:
    reading = read("<cbc:ID>one</cbc:ID><cbc:ID>two</cbc:ID>")
    assert reading.invoice.number == "one"
    assert reading.unread == ("/Invoice/cbc:ID[2]",)


@pytest.mark.parametrize("text", ["1,5", "1E3", "NaN", "five", "9" * 61])
def test_an_unreadable_amount_is_missing_and_listed(text: str) -> None:
    reading = read(
        "<cac:LegalMonetaryTotal>"
        f'<cbc:PayableAmount currencyID="EUR">{text}</cbc:PayableAmount>'
        "</cac:LegalMonetaryTotal>"
    )
    assert reading.invoice.totals is None
    path = "/Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount"
    assert reading.unread == (path, path + "/@currencyID")


@pytest.mark.parametrize(("attribute", "currency"), [(' currencyID="SEK"', "SEK"), ("", "EUR")])
def test_an_amount_without_currency_takes_the_documents(attribute: str, currency: str) -> None:
    reading = read(
        "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode><cac:LegalMonetaryTotal>"
        f"<cbc:PayableAmount{attribute}>10.50</cbc:PayableAmount></cac:LegalMonetaryTotal>"
    )
    assert reading.invoice.totals is not None
    assert reading.invoice.totals.due == Amount(Decimal("10.50"), currency)


@pytest.mark.parametrize(
    ("text", "day", "listed"),
    [
        ("2026-02-28", date(2026, 2, 28), False),
        (" 2026-02-28\n", date(2026, 2, 28), False),
        ("2026-02-28Z", date(2026, 2, 28), True),
        ("2026-02-28+01:00", date(2026, 2, 28), True),
        ("2026-02-30", None, True),
        ("20260228", None, True),
        ("28.02.2026", None, True),
        ("2026-W09-6", None, True),
        ("99999-01-01", None, True),
    ],
)
def test_dates_are_calendar_days(text: str, day: date | None, listed: bool) -> None:
    reading = read(f"<cbc:IssueDate>{text}</cbc:IssueDate>")
    assert reading.invoice.issue_date == day
    assert reading.unread == (("/Invoice/cbc:IssueDate",) if listed else ())


@pytest.mark.parametrize(
    ("text", "code", "note"),
    [
        ("#AAI#Thank you", "AAI", "Thank you"),
        ("#PMT#", "PMT", None),
        ("Pay #12 please", None, "Pay #12 please"),
        ("# a # b", None, "# a # b"),
        ("##x", None, "##x"),
    ],
)
def test_a_note_may_start_with_its_subject(text: str, code: str | None, note: str | None) -> None:
    (found,) = read(f"<cbc:Note>{text}</cbc:Note>").invoice.notes
    assert (found.subject_code, found.text) == (code, note)


def test_credit_notes_have_names_of_their_own() -> None:
    reading = read(
        "<cbc:CreditNoteTypeCode>381</cbc:CreditNoteTypeCode>"
        "<cac:AdditionalDocumentReference><cbc:ID>P-7</cbc:ID>"
        "<cbc:DocumentTypeCode>50</cbc:DocumentTypeCode></cac:AdditionalDocumentReference>"
        "<cac:PaymentMeans><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode>"
        "<cbc:PaymentDueDate>2026-03-01</cbc:PaymentDueDate></cac:PaymentMeans>"
        "<cac:CreditNoteLine><cbc:ID>1</cbc:ID>"
        '<cbc:CreditedQuantity unitCode="HUR">2</cbc:CreditedQuantity></cac:CreditNoteLine>',
        root="CreditNote",
    )
    invoice = reading.invoice
    assert invoice.kind is DocumentKind.CREDIT_NOTE
    assert (invoice.type_code, invoice.project) == ("381", "P-7")
    assert invoice.due_date == date(2026, 3, 1)
    quantity = invoice.lines[0].quantity
    assert quantity is not None
    assert (quantity.value, quantity.unit) == (Decimal(2), "HUR")
    assert reading.unread == ()


def test_additional_documents_are_told_apart_by_type() -> None:
    reading = read(
        "<cac:AdditionalDocumentReference><cbc:ID schemeID='ABT'>METER-1</cbc:ID>"
        "<cbc:DocumentTypeCode>130</cbc:DocumentTypeCode></cac:AdditionalDocumentReference>"
        "<cac:AdditionalDocumentReference><cbc:ID>A1</cbc:ID>"
        "<cbc:DocumentDescription>Time sheet</cbc:DocumentDescription><cac:Attachment>"
        "<cbc:EmbeddedDocumentBinaryObject mimeCode='text/csv' filename='t.csv'>YQ=="
        "</cbc:EmbeddedDocumentBinaryObject><cac:ExternalReference>"
        "<cbc:URI>https://example.org/t.csv</cbc:URI></cac:ExternalReference>"
        "</cac:Attachment></cac:AdditionalDocumentReference>"
    )
    assert reading.invoice.invoiced_object == Identifier("METER-1", "ABT")
    (document,) = reading.invoice.supporting_documents
    assert (document.reference, document.description) == ("A1", "Time sheet")
    assert document.location == "https://example.org/t.csv"
    assert document.attachment is not None
    assert document.attachment.content() == b"a"
    assert (document.attachment.mime_type, document.attachment.file_name) == ("text/csv", "t.csv")
    assert reading.unread == ()


def test_the_accounting_currency_has_its_own_vat_total() -> None:
    reading = read(
        "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>"
        "<cbc:TaxCurrencyCode>SEK</cbc:TaxCurrencyCode>"
        "<cac:TaxTotal><cbc:TaxAmount currencyID='SEK'>110</cbc:TaxAmount></cac:TaxTotal>"
        "<cac:TaxTotal><cbc:TaxAmount currencyID='EUR'>10</cbc:TaxAmount></cac:TaxTotal>"
    )
    totals = reading.invoice.totals
    assert totals is not None
    assert totals.vat == Amount(Decimal(10), "EUR")
    assert totals.vat_in_accounting_currency == Amount(Decimal(110), "SEK")


def test_tax_registrations_are_told_apart_by_scheme() -> None:
    reading = read(
        "<cac:AccountingSupplierParty><cac:Party><cac:PartyTaxScheme>"
        "<cbc:CompanyID>123/456</cbc:CompanyID><cac:TaxScheme><cbc:ID>FC</cbc:ID></cac:TaxScheme>"
        "</cac:PartyTaxScheme><cac:PartyTaxScheme><cbc:CompanyID>DE1</cbc:CompanyID>"
        "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
        "</cac:Party></cac:AccountingSupplierParty>"
    )
    seller = reading.invoice.seller
    assert seller is not None
    assert seller.vat_identifier == "DE1"
    assert seller.tax_registration == Identifier("123/456", "FC")
    assert reading.unread == ()


@pytest.mark.parametrize("has_mandate", [True, False])
def test_the_creditor_identifier_belongs_to_the_direct_debit(has_mandate: bool) -> None:
    mandate = "<cac:PaymentMandate><cbc:ID>M1</cbc:ID></cac:PaymentMandate>" if has_mandate else ""
    reading = read(
        "<cac:AccountingSupplierParty><cac:Party><cac:PartyIdentification>"
        "<cbc:ID schemeID='SEPA'>DE98ZZZ</cbc:ID></cac:PartyIdentification>"
        "<cac:PartyIdentification><cbc:ID schemeID='0088'>400</cbc:ID></cac:PartyIdentification>"
        "</cac:Party></cac:AccountingSupplierParty><cac:PaymentMeans>"
        f"<cbc:PaymentMeansCode name='Debit'>59</cbc:PaymentMeansCode>{mandate}</cac:PaymentMeans>"
    )
    debit = reading.invoice.payment[-1].direct_debit
    assert debit is not None
    assert debit.creditor_identifier == "DE98ZZZ"
    assert debit.mandate_reference == (Identifier("M1") if has_mandate else None)
    assert reading.invoice.seller is not None
    assert reading.invoice.seller.identifiers == (Identifier("400", "0088"),)
    assert reading.unread == ()


@pytest.mark.parametrize(
    ("indicator", "allowances", "charges"),
    [("true", 0, 1), ("1", 0, 1), ("false", 1, 0), ("0", 1, 0), ("maybe", 0, 0), ("", 0, 0)],
)
def test_the_indicator_decides_between_allowance_and_charge(
    indicator: str, allowances: int, charges: int
) -> None:
    reading = read(
        f"<cac:AllowanceCharge><cbc:ChargeIndicator>{indicator}</cbc:ChargeIndicator>"
        "<cbc:Amount currencyID='EUR'>5</cbc:Amount></cac:AllowanceCharge>"
    )
    assert len(reading.invoice.allowances) == allowances
    assert len(reading.invoice.charges) == charges
    assert bool(reading.unread) is (allowances + charges == 0)


def test_a_period_of_vat_point_alone_is_no_period() -> None:
    code = "<cbc:DescriptionCode>35</cbc:DescriptionCode>"
    alone = read(f"<cac:InvoicePeriod>{code}</cac:InvoicePeriod>").invoice
    assert (alone.tax_point_code, alone.period) == ("35", None)
    both = read(
        f"<cac:InvoicePeriod><cbc:StartDate>2026-01-01</cbc:StartDate>{code}</cac:InvoicePeriod>"
    ).invoice
    assert both.period == Period(start=date(2026, 1, 1))


_NAMES = st.sampled_from(
    [
        "cbc:ID",
        "cbc:IssueDate",
        "cbc:Note",
        "cbc:TaxAmount",
        "cbc:Amount",
        "cbc:Percent",
        "cbc:ChargeIndicator",
        "cbc:DocumentTypeCode",
        "cbc:DocumentCurrencyCode",
    ]
)
_GROUPS = st.sampled_from(
    [
        "cac:InvoiceLine",
        "cac:TaxTotal",
        "cac:AllowanceCharge",
        "cac:PaymentMeans",
        "cac:Item",
        "cac:Party",
        "cac:AccountingSupplierParty",
        "cac:PartyTaxScheme",
        "cac:TaxScheme",
        "cac:Price",
        "cac:Delivery",
        "cac:AdditionalDocumentReference",
        "cac:Attachment",
    ]
)
_TEXTS = st.one_of(
    st.sampled_from(["1", "-1.50", "true", "VAT", "130", "2026-01-01", "EUR", " "]),
    st.text("abc#&<>é\n 0123456789.-", max_size=12),
)
_TREES = st.recursive(
    st.tuples(_NAMES, _TEXTS), lambda inner: st.tuples(_GROUPS, st.lists(inner, max_size=5))
)


def _grow(parent: etree._Element, tree: tuple[str, object]) -> None:
    name, content = tree
    prefix, local = name.split(":")
    child = etree.SubElement(parent, f"{{{CBC if prefix == 'cbc' else CAC}}}{local}")
    if isinstance(content, str):
        child.text = content
    else:
        assert isinstance(content, list)
        for inner in content:
            _grow(child, inner)


@settings(max_examples=60)
@given(st.lists(_TREES, max_size=8))
def test_any_arrangement_of_elements_is_readable(trees: list[tuple[str, object]]) -> None:
    root = etree.Element(f"{{{document_namespace('Invoice')}}}Invoice")
    for tree in trees:
        _grow(root, tree)
    reading = read_invoice(root)
    assert all(path.startswith("/Invoice") for path in reading.unread)
    assert len(set(reading.unread)) == len(reading.unread)
