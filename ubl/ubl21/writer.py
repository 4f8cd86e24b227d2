"""The semantic model into UBL 2.1 invoices and credit notes (syntax binding EN 16931-3-2).

Writes what the model says and judges nothing; the elements are in the order of the schema.
Parties, payment and lines have modules of their own beside this one.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from lxml import etree

from ubl.model import DocumentKind, DocumentTotals, Invoice, Note, SupportingDocument
from ubl.namespaces import CAC, CBC, document_namespace
from ubl.pen import Pen
from ubl.ubl21.read_line import OBJECT_TYPE
from ubl.ubl21.reader import LINES, NO_ORDER, PROJECT_TYPE
from ubl.ubl21.write_line import (
    write_allowances_charges,
    write_line,
    write_period,
    write_tax_category,
)
from ubl.ubl21.write_party import (
    write_buyer,
    write_delivery,
    write_payee,
    write_seller,
    write_tax_representative,
)
from ubl.ubl21.write_payment import write_payment

__all__ = ["write_ubl"]

_ROOTS: Final = {DocumentKind.INVOICE: "Invoice", DocumentKind.CREDIT_NOTE: "CreditNote"}


def write_ubl(invoice: Invoice) -> etree._Element:
    """Write an Invoice or CreditNote, as ``invoice.kind`` says.

    Raises DocumentUnwritable and AmountUnreadable for values no XML document can carry.
    """
    name = _ROOTS[invoice.kind]
    namespace = document_namespace(name)
    namespaces = {None: namespace, "cac": CAC, "cbc": CBC}
    document = Pen.document(f"{{{namespace}}}{name}", namespaces)
    for write in _SEQUENCES[invoice.kind]:
        write(document, invoice)
    return document.element


def _identification(document: Pen, invoice: Invoice) -> None:
    document.text("cbc:CustomizationID", invoice.specification)
    document.text("cbc:ProfileID", invoice.business_process)
    document.text("cbc:ID", invoice.number)
    document.day("cbc:IssueDate", invoice.issue_date)


def _invoice_type(document: Pen, invoice: Invoice) -> None:
    document.day("cbc:DueDate", invoice.due_date)
    document.text("cbc:InvoiceTypeCode", invoice.type_code)
    _notes(document, invoice)
    document.day("cbc:TaxPointDate", invoice.tax_point_date)


def _credit_note_type(document: Pen, invoice: Invoice) -> None:
    document.day("cbc:TaxPointDate", invoice.tax_point_date)
    document.text("cbc:CreditNoteTypeCode", invoice.type_code)
    _notes(document, invoice)


def _notes(document: Pen, invoice: Invoice) -> None:
    document.texts("cbc:Note", map(_note_text, invoice.notes))


def _note_text(note: Note) -> str:
    text = note.text or ""
    return f"#{note.subject_code}#{text}" if note.subject_code else text


def _currencies_and_orders(document: Pen, invoice: Invoice) -> None:
    document.text("cbc:DocumentCurrencyCode", invoice.currency)
    document.text("cbc:TaxCurrencyCode", invoice.vat_accounting_currency)
    document.text("cbc:AccountingCost", invoice.accounting_reference)
    document.text("cbc:BuyerReference", invoice.buyer_reference)
    period = document.at("cac:InvoicePeriod")
    write_period(period, invoice.period)
    period.text("cbc:DescriptionCode", invoice.tax_point_code)
    if invoice.purchase_order is not None or invoice.sales_order is not None:
        order = document.at("cac:OrderReference")
        order.text("cbc:ID", invoice.purchase_order or NO_ORDER)
        order.text("cbc:SalesOrderID", invoice.sales_order)
    for earlier in invoice.preceding_invoices:
        reference = document.at("cac:BillingReference", "cac:InvoiceDocumentReference")
        reference.text("cbc:ID", earlier.number)
        reference.day("cbc:IssueDate", earlier.issue_date)
    document.at("cac:DespatchDocumentReference").text("cbc:ID", invoice.despatch_advice)
    document.at("cac:ReceiptDocumentReference").text("cbc:ID", invoice.receiving_advice)


def _contract(document: Pen, invoice: Invoice) -> None:
    document.at("cac:ContractDocumentReference").text("cbc:ID", invoice.contract)


def _tender(document: Pen, invoice: Invoice) -> None:
    document.at("cac:OriginatorDocumentReference").text("cbc:ID", invoice.tender_or_lot)


def _additional_documents(document: Pen, invoice: Invoice) -> None:
    if invoice.invoiced_object is not None:
        reference = document.at("cac:AdditionalDocumentReference")
        reference.identifier("cbc:ID", invoice.invoiced_object)
        reference.text("cbc:DocumentTypeCode", OBJECT_TYPE)
    for supporting in invoice.supporting_documents:
        _supporting(document.at("cac:AdditionalDocumentReference"), supporting)


def _supporting(reference: Pen, supporting: SupportingDocument) -> None:
    reference.text("cbc:ID", supporting.reference)
    reference.text("cbc:DocumentDescription", supporting.description)
    place = reference.at("cac:Attachment")
    if (attachment := supporting.attachment) is not None:
        place.text(
            "cbc:EmbeddedDocumentBinaryObject",
            attachment.encoded,
            mimeCode=attachment.mime_type,
            filename=attachment.file_name,
        )
    place.at("cac:ExternalReference").text("cbc:URI", supporting.location)


def _project(document: Pen, invoice: Invoice) -> None:
    document.at("cac:ProjectReference").text("cbc:ID", invoice.project)


def _project_as_document(document: Pen, invoice: Invoice) -> None:
    """Write BT-11 of a credit note, which has no element of its own for it."""
    if invoice.project is not None:
        reference = document.at("cac:AdditionalDocumentReference")
        reference.text("cbc:ID", invoice.project)
        reference.text("cbc:DocumentTypeCode", PROJECT_TYPE)


def _parties(document: Pen, invoice: Invoice) -> None:
    write_seller(document, invoice.seller, payee=invoice.payee, payment=invoice.payment)
    write_buyer(document, invoice.buyer)
    write_payee(document, invoice.payee, invoice.payment)
    write_tax_representative(document, invoice.tax_representative)
    write_delivery(document, invoice.delivery)


def _payment(document: Pen, invoice: Invoice) -> None:
    is_credit_note = invoice.kind is DocumentKind.CREDIT_NOTE
    due_date = invoice.due_date if is_credit_note else None
    write_payment(document, invoice.payment, due_date=due_date)
    document.at("cac:PaymentTerms").text("cbc:Note", invoice.payment_terms)


def _sums(document: Pen, invoice: Invoice) -> None:
    write_allowances_charges(document, invoice.allowances, invoice.charges)
    totals = invoice.totals or DocumentTotals()
    _vat(document, invoice, totals)
    sums = document.at("cac:LegalMonetaryTotal")
    sums.amount("cbc:LineExtensionAmount", totals.lines)
    sums.amount("cbc:TaxExclusiveAmount", totals.without_vat)
    sums.amount("cbc:TaxInclusiveAmount", totals.with_vat)
    sums.amount("cbc:AllowanceTotalAmount", totals.allowances)
    sums.amount("cbc:ChargeTotalAmount", totals.charges)
    sums.amount("cbc:PrepaidAmount", totals.paid)
    sums.amount("cbc:PayableRoundingAmount", totals.rounding)
    sums.amount("cbc:PayableAmount", totals.due)


def _vat(document: Pen, invoice: Invoice, totals: DocumentTotals) -> None:
    total = document.at("cac:TaxTotal")
    total.amount("cbc:TaxAmount", totals.vat)
    for entry in invoice.vat_breakdown:
        subtotal = total.at("cac:TaxSubtotal")
        subtotal.amount("cbc:TaxableAmount", entry.taxable_amount)
        subtotal.amount("cbc:TaxAmount", entry.tax_amount)
        category = subtotal.at("cac:TaxCategory")
        category.text("cbc:ID", entry.category)
        category.number("cbc:Percent", entry.rate)
        category.text("cbc:TaxExemptionReasonCode", entry.exemption_reason_code)
        category.text("cbc:TaxExemptionReason", entry.exemption_reason)
        write_tax_category(category)
    document.at("cac:TaxTotal").amount("cbc:TaxAmount", totals.vat_in_accounting_currency)


def _lines(document: Pen, invoice: Invoice) -> None:
    for line in invoice.lines:
        write_line(document.at(LINES[invoice.kind]), line, invoice.kind)


_SEQUENCES: Final = MappingProxyType[DocumentKind, tuple[Callable[[Pen, Invoice], None], ...]](
    {
        DocumentKind.INVOICE: (
            *(_identification, _invoice_type, _currencies_and_orders, _tender, _contract),
            *(_additional_documents, _project, _parties, _payment, _sums, _lines),
        ),
        DocumentKind.CREDIT_NOTE: (
            *(_identification, _credit_note_type, _currencies_and_orders, _contract),
            *(_additional_documents, _project_as_document, _tender, _parties, _payment),
            *(_sums, _lines),
        ),
    }
)
