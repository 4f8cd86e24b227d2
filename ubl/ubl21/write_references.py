"""Writes what a UBL invoice refers to: orders, earlier invoices, the object, documents."""

from datetime import date

from ubl.model import DocumentReferences, Invoice, SupportingDocument
from ubl.pen import Pen
from ubl.ubl21.read_references import NO_ORDER, OBJECT_TYPE, PROJECT_TYPE

__all__ = [
    "write_additional_documents",
    "write_contract",
    "write_orders_and_advices",
    "write_project",
    "write_project_as_document",
    "write_supporting",
    "write_tender",
]


def write_orders_and_advices(document: Pen, invoice: Invoice) -> None:
    """Write BT-13, BT-14, BG-3, BT-16 and BT-15."""
    days = invoice.references or DocumentReferences()
    if invoice.purchase_order or invoice.sales_order:
        order = document.at("cac:OrderReference")
        order.text("cbc:ID", invoice.purchase_order or NO_ORDER)
        order.text("cbc:SalesOrderID", invoice.sales_order)
        order.day("cbc:IssueDate", days.purchase_order_date)
    for earlier in invoice.preceding_invoices:
        reference = document.at("cac:BillingReference", "cac:InvoiceDocumentReference")
        reference.text("cbc:ID", earlier.number)
        reference.day("cbc:IssueDate", earlier.issue_date)
        reference.text("cbc:DocumentTypeCode", earlier.type_code)
    despatch = document.at("cac:DespatchDocumentReference")
    _write_reference(despatch, invoice.despatch_advice, days.despatch_advice_date)
    receipt = document.at("cac:ReceiptDocumentReference")
    _write_reference(receipt, invoice.receiving_advice, days.receiving_advice_date)


def write_contract(document: Pen, invoice: Invoice) -> None:
    """Write BT-12."""
    days = invoice.references or DocumentReferences()
    place = document.at("cac:ContractDocumentReference")
    _write_reference(place, invoice.contract, days.contract_date)


def write_tender(document: Pen, invoice: Invoice) -> None:
    """Write BT-17."""
    days = invoice.references or DocumentReferences()
    place = document.at("cac:OriginatorDocumentReference")
    _write_reference(place, invoice.tender_or_lot, days.tender_date)


def write_project(document: Pen, invoice: Invoice) -> None:
    """Write BT-11 of an invoice."""
    document.at("cac:ProjectReference").text("cbc:ID", invoice.project)


def write_project_as_document(document: Pen, invoice: Invoice) -> None:
    """Write BT-11 of a credit note, which has no element of its own for it."""
    if invoice.project:
        reference = document.at("cac:AdditionalDocumentReference")
        reference.text("cbc:ID", invoice.project)
        reference.text("cbc:DocumentTypeCode", PROJECT_TYPE)


def write_additional_documents(document: Pen, invoice: Invoice) -> None:
    """Write BT-18 and BG-24."""
    if invoice.invoiced_object is not None:
        days = invoice.references or DocumentReferences()
        reference = document.at("cac:AdditionalDocumentReference")
        reference.identifier("cbc:ID", invoice.invoiced_object)
        reference.day("cbc:IssueDate", days.invoiced_object_date)
        reference.text("cbc:DocumentTypeCode", OBJECT_TYPE)
    # Without an object or a project of the invoice, their types would make the document one.
    taken = {OBJECT_TYPE: invoice.invoiced_object is None, PROJECT_TYPE: not invoice.project}
    for supporting in invoice.supporting_documents:
        type_code = supporting.type_code
        if type_code is not None and taken.get(type_code):
            type_code = None
        place = document.at("cac:AdditionalDocumentReference")
        write_supporting(place, supporting, type_code=type_code)


def write_supporting(
    reference: Pen, supporting: SupportingDocument, *, type_code: str | None
) -> None:
    """Write BG-24, or a document that backs a line, with the type it is to have in UBL."""
    reference.text("cbc:ID", supporting.reference, schemeID=supporting.reference_type)
    reference.day("cbc:IssueDate", supporting.issue_date)
    reference.text("cbc:DocumentTypeCode", type_code)
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


def _write_reference(place: Pen, number: str | None, day: date | None) -> None:
    """Write a reference; a day without the number of the document says nothing in UBL."""
    place.text("cbc:ID", number)
    if not place.is_empty:
        place.day("cbc:IssueDate", day)
