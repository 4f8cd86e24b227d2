"""What the extensions add to UBL: read where it has a place, and told where it has none."""

from datetime import date
from decimal import Decimal

import pytest
from lxml import etree

from ubl.amounts import Amount
from ubl.invoice import read_invoice
from ubl.model import (
    Address,
    Contact,
    CreditTransfer,
    DocumentReference,
    Identifier,
    PaymentInstructions,
    PaymentTerms,
    ThirdPartyPayment,
)
from ubl.namespaces import CAC, CBC, document_namespace
from ubl.reading import Reading
from ubl.safexml import parse
from ubl.ubl21.writer import write_ubl

XRECHNUNG = (
    "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
    "#conformant#urn:xeinkauf.de:kosit:extension:xrechnung_3.0"
)


def read(body: str, *, root: str = "Invoice") -> Reading:
    """Read a document, and see that what was read is written and read in the same way."""
    text = (
        f'<{root} xmlns="{document_namespace(root)}" xmlns:cbc="{CBC}" '
        f'xmlns:cac="{CAC}">{body}</{root}>'
    )
    reading = read_invoice(parse(text.encode()))
    again = read_invoice(parse(etree.tostring(write_ubl(reading.invoice))))
    assert again.invoice == reading.invoice
    assert again.unread == ()
    return reading


def in_line(body: str, *, number: str = "") -> Reading:
    name = f"<cbc:ID>{number}</cbc:ID>" if number else ""
    return read(f"{name}<cac:InvoiceLine>{body}</cac:InvoiceLine>")


AGENT = (
    "<cbc:IndustryClassificationCode>SR</cbc:IndustryClassificationCode>"
    "<cac:PartyLegalEntity><cbc:RegistrationName>Sample Agents</cbc:RegistrationName>"
    "</cac:PartyLegalEntity><cac:Contact><cbc:Name>Ada</cbc:Name><cbc:Telefax>22</cbc:Telefax>"
    "</cac:Contact>"
)


@pytest.mark.parametrize(
    ("field", "around"),
    [
        ("sales_agent", "AccountingSupplierParty Party AgentParty"),
        ("invoicer", "AccountingSupplierParty Party ServiceProviderParty Party"),
        ("buyer_agent", "AccountingCustomerParty Party AgentParty"),
        ("invoicee", "AccountingCustomerParty Party ServiceProviderParty Party"),
    ],
)
def test_who_acts_for_a_party_stands_within_it(field: str, around: str) -> None:
    names = around.split()
    begin = "".join(f"<cac:{name}>" for name in names)
    end = "".join(f"</cac:{name}>" for name in reversed(names))
    reading = read(f"{begin}{AGENT}{end}")
    assert reading.unread == ()
    party = getattr(reading.invoice.parties, field)
    assert party.name == "Sample Agents"
    assert party.role == "SR"
    assert party.contact == Contact(name="Ada", fax="22")


def test_who_pays_for_the_buyer_stands_with_the_mandate() -> None:
    reading = read(
        "<cac:PaymentMeans><cbc:PaymentMeansCode>59</cbc:PaymentMeansCode><cac:PaymentMandate>"
        f"<cbc:ID>M1</cbc:ID><cac:PayerParty>{AGENT}</cac:PayerParty></cac:PaymentMandate>"
        "</cac:PaymentMeans>"
    )
    assert reading.unread == ()
    assert reading.invoice.parties is not None
    assert reading.invoice.parties.payer is not None
    assert reading.invoice.parties.payer.name == "Sample Agents"
    (payment,) = reading.invoice.payment
    assert payment.direct_debit is not None
    assert payment.direct_debit.mandate_reference == Identifier("M1")


def test_a_payer_alone_is_no_direct_debit() -> None:
    reading = read(
        "<cac:PaymentMeans><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode><cac:PaymentMandate>"
        f"<cac:PayerParty>{AGENT}</cac:PayerParty></cac:PaymentMandate></cac:PaymentMeans>"
    )
    assert reading.invoice.payment == (PaymentInstructions(means_code="30"),)


def test_accounts_of_one_group_are_read_as_one() -> None:
    means = (
        "<cac:PaymentMeans><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode>"
        "<cbc:PaymentID>{}</cbc:PaymentID><cac:PayeeFinancialAccount><cbc:ID>{}</cbc:ID>"
        "</cac:PayeeFinancialAccount></cac:PaymentMeans>"
    )
    reading = read(means.format("R1", "A") + means.format("R1", "B") + means.format("R2", "C"))
    accounts = [
        [transfer.account for transfer in entry.credit_transfers]
        for entry in reading.invoice.payment
    ]
    assert accounts == [[Identifier("A"), Identifier("B")], [Identifier("C")]]
    assert reading.unread == ()


def test_means_of_payment_without_an_account_stay_apart() -> None:
    means = "<cac:PaymentMeans><cbc:PaymentMeansCode>10</cbc:PaymentMeansCode></cac:PaymentMeans>"
    reading = read(means + means)
    assert reading.invoice.payment == (PaymentInstructions(means_code="10"),) * 2


def test_instalments_are_further_terms_of_payment() -> None:
    reading = read(
        "<cac:PaymentTerms><cbc:Note>Half now</cbc:Note>"
        "<cbc:Amount currencyID='EUR'>50</cbc:Amount></cac:PaymentTerms>"
        "<cac:PaymentTerms><cbc:Note>Half later</cbc:Note>"
        "<cbc:PaymentDueDate>2026-12-31</cbc:PaymentDueDate></cac:PaymentTerms>"
    )
    assert reading.invoice.payment_terms == "Half now"
    assert reading.invoice.payment_terms_details == (
        PaymentTerms(partial_amount=Amount(Decimal(50), "EUR")),
        PaymentTerms(text="Half later", due_date=date(2026, 12, 31)),
    )
    assert reading.unread == ()


def test_one_set_of_terms_has_no_details() -> None:
    reading = read("<cac:PaymentTerms><cbc:Note>30 days</cbc:Note></cac:PaymentTerms>")
    assert reading.invoice.payment_terms_details == ()


PREPAID = (
    "<cac:PrepaidPayment><cbc:ID>Toll</cbc:ID><cbc:PaidAmount currencyID='EUR'>3</cbc:PaidAmount>"
    "<cbc:InstructionID>Road</cbc:InstructionID></cac:PrepaidPayment>"
)


def test_claims_of_others_are_known_by_the_specification() -> None:
    reading = read(f"<cbc:CustomizationID>{XRECHNUNG}</cbc:CustomizationID>{PREPAID}")
    claim = ThirdPartyPayment(kind="Toll", amount=Amount(Decimal(3), "EUR"), description="Road")
    assert reading.invoice.third_party_payments == (claim,)
    assert reading.unread == ()


def test_elsewhere_the_same_element_is_an_advance_and_is_told() -> None:
    reading = read(PREPAID)
    assert reading.invoice.third_party_payments == ()
    assert [path.rpartition(":")[2] for path in reading.unread] == [
        "ID",
        "PaidAmount",
        "PaidAmount/@currencyID",
        "InstructionID",
    ]


def test_lines_have_lines_below_them() -> None:
    reading = in_line(
        "<cbc:ID>1</cbc:ID><cac:SubInvoiceLine><cbc:ID>1.1</cbc:ID><cac:SubInvoiceLine>"
        "<cbc:ID>1.1.1</cbc:ID></cac:SubInvoiceLine></cac:SubInvoiceLine>"
    )
    assert reading.unread == ()
    (line,) = reading.invoice.lines
    assert line.sub_lines[0].sub_lines[0].identifier == "1.1.1"


def test_a_line_points_at_the_line_above_it_in_this_invoice() -> None:
    reading = in_line(
        "<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>R-1</cbc:ID>"
        "<cbc:DocumentStatusCode>DETAIL</cbc:DocumentStatusCode></cac:InvoiceDocumentReference>"
        "<cac:BillingReferenceLine><cbc:ID>7</cbc:ID></cac:BillingReferenceLine>"
        "</cac:BillingReference><cac:BillingReference><cac:InvoiceDocumentReference>"
        "<cbc:ID>R-0</cbc:ID><cbc:IssueDate>2026-01-02</cbc:IssueDate>"
        "<cbc:DocumentTypeCode>380</cbc:DocumentTypeCode></cac:InvoiceDocumentReference>"
        "</cac:BillingReference>",
        number="R-1",
    )
    assert reading.unread == ()
    (line,) = reading.invoice.lines
    assert (line.parent_line, line.subtype) == ("7", "DETAIL")
    assert line.references is not None
    assert line.references.preceding_invoices == (
        DocumentReference(number="R-0", issue_date=date(2026, 1, 2), type_code="380"),
    )


def test_a_line_has_a_delivery_of_its_own() -> None:
    reading = in_line(
        "<cac:DespatchLineReference><cbc:LineID>NA</cbc:LineID><cac:DocumentReference>"
        "<cbc:ID>D1</cbc:ID></cac:DocumentReference></cac:DespatchLineReference><cac:Delivery>"
        "<cbc:ActualDeliveryDate>2026-11-01</cbc:ActualDeliveryDate><cac:DeliveryLocation>"
        "<cbc:ID schemeID='0088'>400</cbc:ID><cac:Address><cbc:CityName>Gent</cbc:CityName>"
        "</cac:Address></cac:DeliveryLocation><cac:DeliveryParty><cac:PartyName>"
        "<cbc:Name>Depot</cbc:Name></cac:PartyName></cac:DeliveryParty></cac:Delivery>"
    )
    assert reading.unread == ()
    delivery = reading.invoice.lines[0].delivery
    assert delivery is not None
    assert delivery.despatch_advice == DocumentReference(number="D1")
    assert delivery.ship_to is not None
    assert delivery.ship_to.identifiers == (Identifier("400", "0088"),)
    assert delivery.ship_to.address == Address(city="Gent")


def test_a_line_points_at_objects_and_documents() -> None:
    reference = (
        "<cac:DocumentReference><cbc:ID schemeID='{}'>{}</cbc:ID>"
        "<cbc:DocumentTypeCode>{}</cbc:DocumentTypeCode></cac:DocumentReference>"
    )
    reading = in_line(
        reference.format("AVV", "O1", "130")
        + reference.format("MWB", "O2", "130")
        + reference.format("AAA", "C1", "220")
    )
    assert reading.unread == ()
    (line,) = reading.invoice.lines
    assert line.object_identifier == Identifier("O1", "AVV")
    assert line.references is not None
    assert line.references.other_objects == (DocumentReference(number="O2", type_code="MWB"),)
    (document,) = line.references.documents
    assert (document.reference, document.reference_type, document.type_code) == ("C1", "AAA", "220")


def test_an_order_without_a_line_is_still_an_order() -> None:
    reading = in_line(
        "<cac:OrderLineReference><cbc:LineID>NA</cbc:LineID><cac:OrderReference><cbc:ID>PO1</cbc:ID>"
        "</cac:OrderReference></cac:OrderLineReference>"
    )
    (line,) = reading.invoice.lines
    assert line.order_line is None
    assert line.references is not None
    assert line.references.purchase_order == "PO1"


def test_a_second_note_of_a_line_is_kept() -> None:
    reading = in_line("<cbc:Note>first</cbc:Note><cbc:Note>second</cbc:Note>")
    (line,) = reading.invoice.lines
    assert line.note == "first"
    assert [note.text for note in line.further_notes] == ["second"]


def test_a_price_may_have_several_discounts_and_charges() -> None:
    entry = (
        "<cac:AllowanceCharge><cbc:ChargeIndicator>{}</cbc:ChargeIndicator>"
        "<cbc:Amount currencyID='EUR'>{}</cbc:Amount></cac:AllowanceCharge>"
    )
    reading = in_line(
        f"<cac:Price>{entry.format('false', 1)}{entry.format('false', 2)}{entry.format('true', 3)}"
        "</cac:Price>"
    )
    price = reading.invoice.lines[0].price
    assert price is not None
    assert price.discount == Amount(Decimal(1), "EUR")
    assert [entry.amount for entry in price.further_discounts] == [Amount(Decimal(2), "EUR")]
    assert [entry.amount for entry in price.charges] == [Amount(Decimal(3), "EUR")]


def test_a_tax_scheme_without_a_number_is_told() -> None:
    reading = read(
        "<cac:AccountingSupplierParty><cac:Party><cac:PartyTaxScheme><cac:TaxScheme>"
        "<cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme></cac:Party>"
        "</cac:AccountingSupplierParty>"
    )
    assert reading.unread == (
        "/Invoice/cac:AccountingSupplierParty/cac:Party/cac:PartyTaxScheme/cac:TaxScheme/cbc:ID",
    )


def test_a_transfer_holds_what_the_group_has() -> None:
    transfer = CreditTransfer(account=Identifier("BE1"), service_provider=Identifier("GEBA"))
    reading = read(
        "<cac:PaymentMeans><cac:PayeeFinancialAccount><cbc:ID>BE1</cbc:ID>"
        "<cac:FinancialInstitutionBranch><cbc:ID>GEBA</cbc:ID></cac:FinancialInstitutionBranch>"
        "</cac:PayeeFinancialAccount><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode>"
        "</cac:PaymentMeans>"
    )
    assert reading.invoice.payment == (
        PaymentInstructions(means_code="30", credit_transfers=(transfer,)),
    )
