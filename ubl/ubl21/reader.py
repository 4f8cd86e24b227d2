"""UBL 2.1 invoices and credit notes into the semantic model (syntax binding EN 16931-3-2).

Reads what is there, judges nothing: an invoice that breaks rules is read as far as it goes, so
that it can be shown. Parties, payment and lines have modules of their own beside this one.
"""

from collections.abc import Iterator
from typing import Final

from lxml import etree

from ubl.amounts import NO_CURRENCY, Amount
from ubl.cursor import Cursor
from ubl.model import (
    Attachment,
    DocumentKind,
    DocumentTotals,
    Identifier,
    Invoice,
    Note,
    Period,
    PrecedingInvoice,
    SupportingDocument,
    VatBreakdown,
)
from ubl.namespaces import document_namespace
from ubl.reading import Reading
from ubl.ubl21.read_line import OBJECT_TYPE, read_allowances_charges, read_line, read_period
from ubl.ubl21.read_party import (
    read_buyer,
    read_delivery,
    read_payee,
    read_seller,
    read_tax_representative,
)
from ubl.ubl21.read_payment import read_payment

__all__ = ["KINDS", "LINES", "NO_ORDER", "PROJECT_TYPE", "read_ubl"]

PROJECT_TYPE: Final = "50"
# Stands for the number of the buyer's order where only the seller's is known (Peppol BIS 3.0).
NO_ORDER: Final = "NA"
KINDS: Final = {
    f"{{{document_namespace('Invoice')}}}Invoice": DocumentKind.INVOICE,
    f"{{{document_namespace('CreditNote')}}}CreditNote": DocumentKind.CREDIT_NOTE,
}
_TYPE_CODES: Final = {
    DocumentKind.INVOICE: "cbc:InvoiceTypeCode",
    DocumentKind.CREDIT_NOTE: "cbc:CreditNoteTypeCode",
}
LINES: Final = {
    DocumentKind.INVOICE: "cac:InvoiceLine",
    DocumentKind.CREDIT_NOTE: "cac:CreditNoteLine",
}


def read_ubl(root: etree._Element) -> Reading:
    """Read a UBL Invoice or CreditNote (a root named in ``KINDS``), whatever prefixes it uses.

    Missing or unreadable values become None.
    """
    kind = KINDS[str(root.tag)]
    document = Cursor(root, currency=NO_CURRENCY)
    document.currency = document.peek("cbc:DocumentCurrencyCode") or NO_CURRENCY
    invoice = _read(document, kind)
    return Reading(invoice, document.uncovered())


def _read(document: Cursor, kind: DocumentKind) -> Invoice:
    invoiced_object, project, supporting = _read_additional_documents(document)
    allowances, charges = read_allowances_charges(document)
    return Invoice(
        kind=kind,
        number=document.text("cbc:ID"),
        issue_date=document.day("cbc:IssueDate"),
        type_code=document.text(_TYPE_CODES[kind]),
        currency=document.text("cbc:DocumentCurrencyCode"),
        vat_accounting_currency=document.text("cbc:TaxCurrencyCode"),
        tax_point_date=document.day("cbc:TaxPointDate"),
        tax_point_code=document.text("cac:InvoicePeriod", "cbc:DescriptionCode"),
        due_date=document.day("cbc:DueDate")
        or document.day("cac:PaymentMeans", "cbc:PaymentDueDate"),
        buyer_reference=document.text("cbc:BuyerReference"),
        project=document.text("cac:ProjectReference", "cbc:ID") or project,
        contract=document.text("cac:ContractDocumentReference", "cbc:ID"),
        purchase_order=_read_purchase_order(document),
        sales_order=document.text("cac:OrderReference", "cbc:SalesOrderID"),
        receiving_advice=document.text("cac:ReceiptDocumentReference", "cbc:ID"),
        despatch_advice=document.text("cac:DespatchDocumentReference", "cbc:ID"),
        tender_or_lot=document.text("cac:OriginatorDocumentReference", "cbc:ID"),
        invoiced_object=invoiced_object,
        accounting_reference=document.text("cbc:AccountingCost"),
        payment_terms=document.text("cac:PaymentTerms", "cbc:Note"),
        notes=tuple(_read_notes(document)),
        business_process=document.text("cbc:ProfileID"),
        specification=document.text("cbc:CustomizationID"),
        preceding_invoices=tuple(_read_preceding(document)),
        seller=read_seller(document),
        buyer=read_buyer(document),
        payee=read_payee(document),
        tax_representative=read_tax_representative(document),
        delivery=read_delivery(document),
        period=_read_invoice_period(document),
        payment=read_payment(document),
        allowances=allowances,
        charges=charges,
        totals=_read_totals(document),
        vat_breakdown=tuple(_read_vat_breakdown(document)),
        supporting_documents=supporting,
        lines=tuple(read_line(line, kind) for line in document.all(LINES[kind])),
    )


def _read_purchase_order(document: Cursor) -> str | None:
    """Read BT-13; UBL demands a number beside the seller's, which then says that there is none."""
    number = document.text("cac:OrderReference", "cbc:ID")
    order = document.first("cac:OrderReference")
    if number == NO_ORDER and order is not None and order.peek("cbc:SalesOrderID"):
        return None
    return number


def _read_invoice_period(document: Cursor) -> Period | None:
    """Read BG-14; the group's element also carries BT-8 and alone that makes no period."""
    period = read_period(document)
    return None if period == Period() else period


def _read_notes(document: Cursor) -> Iterator[Note]:
    """Read BG-1: UBL writes the subject code before the text, between two hash signs."""
    for text in document.texts("cbc:Note"):
        pieces = text.split("#", 2)
        if len(pieces) == len(("", "code", "text")) and not pieces[0] and pieces[1].isalnum():
            yield Note(subject_code=pieces[1], text=pieces[2].strip() or None)
        else:
            yield Note(text=text)


def _read_preceding(document: Cursor) -> Iterator[PrecedingInvoice]:
    for reference in document.all("cac:BillingReference"):
        for earlier in reference.all("cac:InvoiceDocumentReference"):
            yield PrecedingInvoice(
                number=earlier.text("cbc:ID"), issue_date=earlier.day("cbc:IssueDate")
            )


def _read_additional_documents(
    document: Cursor,
) -> tuple[Identifier | None, str | None, tuple[SupportingDocument, ...]]:
    """Tell apart what UBL puts into one element by its type code.

    Code 130 is the invoiced object (BT-18); code 50, in a credit note, the project (BT-11);
    everything else backs the invoice (BG-24).
    """
    invoiced_object: Identifier | None = None
    project: str | None = None
    supporting: list[SupportingDocument] = []
    for reference in document.all("cac:AdditionalDocumentReference"):
        type_code = reference.peek("cbc:DocumentTypeCode")
        if type_code == OBJECT_TYPE and invoiced_object is None:
            reference.expect("cbc:DocumentTypeCode", value=OBJECT_TYPE)
            invoiced_object = reference.identifier("cbc:ID")
        elif type_code == PROJECT_TYPE and project is None:
            reference.expect("cbc:DocumentTypeCode", value=PROJECT_TYPE)
            project = reference.text("cbc:ID")
        else:
            supporting.append(_read_supporting(reference))
    return invoiced_object, project, tuple(supporting)


def _read_supporting(reference: Cursor) -> SupportingDocument:
    return SupportingDocument(
        reference=reference.text("cbc:ID"),
        description=reference.text("cbc:DocumentDescription"),
        location=reference.text("cac:Attachment", "cac:ExternalReference", "cbc:URI"),
        attachment=_read_attachment(reference),
    )


def _read_attachment(reference: Cursor) -> Attachment | None:
    place = reference.first("cac:Attachment", "cbc:EmbeddedDocumentBinaryObject")
    encoded = None if place is None else place.own_text()
    if place is None or encoded is None:
        return None
    return Attachment(
        encoded=encoded,
        mime_type=place.attribute("mimeCode"),
        file_name=place.attribute("filename"),
    )


def _read_totals(document: Cursor) -> DocumentTotals | None:
    sums = document.first("cac:LegalMonetaryTotal")
    vat, accounting = _read_vat_totals(document)
    if sums is None:
        if vat is None and accounting is None:
            return None
        return DocumentTotals(vat=vat, vat_in_accounting_currency=accounting)
    return DocumentTotals(
        lines=sums.amount("cbc:LineExtensionAmount"),
        allowances=sums.amount("cbc:AllowanceTotalAmount"),
        charges=sums.amount("cbc:ChargeTotalAmount"),
        without_vat=sums.amount("cbc:TaxExclusiveAmount"),
        vat=vat,
        vat_in_accounting_currency=accounting,
        with_vat=sums.amount("cbc:TaxInclusiveAmount"),
        paid=sums.amount("cbc:PrepaidAmount"),
        rounding=sums.amount("cbc:PayableRoundingAmount"),
        due=sums.amount("cbc:PayableAmount"),
    )


def _read_vat_totals(document: Cursor) -> tuple[Amount | None, Amount | None]:
    """Tell BT-110 from BT-111: same element, the latter in the accounting currency (BT-6)."""
    accounting_currency = document.peek("cbc:TaxCurrencyCode")
    vat: Amount | None = None
    accounting: Amount | None = None
    for total in document.all("cac:TaxTotal"):
        place = total.first("cbc:TaxAmount")
        if place is None:
            continue
        currency = place.element.get("currencyID", document.currency).strip()
        is_accounting = currency == accounting_currency != document.currency
        if is_accounting and accounting is None:
            accounting = place.amount()
        elif not is_accounting and vat is None:
            vat = place.amount()
    return vat, accounting


def _read_vat_breakdown(document: Cursor) -> Iterator[VatBreakdown]:
    for total in document.all("cac:TaxTotal"):
        for subtotal in total.all("cac:TaxSubtotal"):
            subtotal.expect("cac:TaxCategory", "cac:TaxScheme", "cbc:ID", value="VAT")
            yield VatBreakdown(
                taxable_amount=subtotal.amount("cbc:TaxableAmount"),
                tax_amount=subtotal.amount("cbc:TaxAmount"),
                category=subtotal.text("cac:TaxCategory", "cbc:ID"),
                rate=subtotal.number("cac:TaxCategory", "cbc:Percent"),
                exemption_reason=subtotal.text("cac:TaxCategory", "cbc:TaxExemptionReason"),
                exemption_reason_code=subtotal.text(
                    "cac:TaxCategory", "cbc:TaxExemptionReasonCode"
                ),
            )
