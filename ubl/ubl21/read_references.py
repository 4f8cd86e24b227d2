"""What a UBL invoice refers to: orders, earlier invoices, the invoiced object, documents."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from ubl.cursor import Cursor
from ubl.model import (
    Attachment,
    DocumentReferences,
    Identifier,
    PrecedingInvoice,
    SupportingDocument,
    given,
)

__all__ = [
    "NO_ORDER",
    "OBJECT_TYPE",
    "PROJECT_TYPE",
    "AdditionalDocuments",
    "read_additional_documents",
    "read_preceding",
    "read_purchase_order",
    "read_reference_days",
    "read_supporting",
]

OBJECT_TYPE: Final = "130"
PROJECT_TYPE: Final = "50"
# Stands for the number of the buyer's order where only the seller's is known (Peppol BIS 3.0).
NO_ORDER: Final = "NA"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionalDocuments:
    """What UBL puts into one element and tells apart by its type code."""

    invoiced_object: Identifier | None
    invoiced_object_date: date | None
    project: str | None
    supporting: tuple[SupportingDocument, ...]


def read_additional_documents(document: Cursor) -> AdditionalDocuments:
    """Read BT-18 (type 130), BT-11 of a credit note (type 50), and everything else as BG-24.

    An invoice has an element of its own for BT-11; where it is used, type 50 is a document.
    """
    has_project = document.first("cac:ProjectReference", "cbc:ID") is not None
    invoiced_object: Identifier | None = None
    invoiced_object_date: date | None = None
    project: str | None = None
    supporting: list[SupportingDocument] = []
    for reference in document.all("cac:AdditionalDocumentReference"):
        type_code = reference.peek("cbc:DocumentTypeCode")
        if type_code == OBJECT_TYPE and invoiced_object is None:
            reference.expect("cbc:DocumentTypeCode", value=OBJECT_TYPE)
            invoiced_object = reference.identifier("cbc:ID")
            invoiced_object_date = reference.day("cbc:IssueDate")
        elif type_code == PROJECT_TYPE and project is None and not has_project:
            reference.expect("cbc:DocumentTypeCode", value=PROJECT_TYPE)
            project = reference.text("cbc:ID")
        else:
            supporting.append(read_supporting(reference))
    return AdditionalDocuments(
        invoiced_object=invoiced_object,
        invoiced_object_date=invoiced_object_date,
        project=project,
        supporting=tuple(supporting),
    )


def read_supporting(reference: Cursor) -> SupportingDocument:
    """Read BG-24, or a document that backs a line."""
    identifier = reference.identifier("cbc:ID")
    return SupportingDocument(
        reference=None if identifier is None else identifier.value,
        description=reference.text("cbc:DocumentDescription"),
        location=reference.text("cac:Attachment", "cac:ExternalReference", "cbc:URI"),
        attachment=_read_attachment(reference),
        issue_date=reference.day("cbc:IssueDate"),
        type_code=reference.text("cbc:DocumentTypeCode"),
        reference_type=None if identifier is None else identifier.scheme,
    )


def read_purchase_order(document: Cursor) -> str | None:
    """Read BT-13; UBL demands a number beside the seller's, which then says that there is none."""
    order = document.first("cac:OrderReference")
    if order is None:
        return None
    number = order.text("cbc:ID")
    return None if number == NO_ORDER and order.peek("cbc:SalesOrderID") else number


def read_preceding(document: Cursor) -> Iterator[PrecedingInvoice]:
    """Read BG-3."""
    for reference in document.all("cac:BillingReference"):
        for earlier in reference.all("cac:InvoiceDocumentReference"):
            yield PrecedingInvoice(
                number=earlier.text("cbc:ID"),
                issue_date=earlier.day("cbc:IssueDate"),
                type_code=earlier.text("cbc:DocumentTypeCode"),
            )


def read_reference_days(
    document: Cursor, invoiced_object_date: date | None
) -> DocumentReferences | None:
    """Read the days of the documents the invoice refers to (Factur-X EXTENDED)."""
    return given(
        DocumentReferences(
            purchase_order_date=document.day("cac:OrderReference", "cbc:IssueDate"),
            contract_date=document.day("cac:ContractDocumentReference", "cbc:IssueDate"),
            despatch_advice_date=document.day("cac:DespatchDocumentReference", "cbc:IssueDate"),
            receiving_advice_date=document.day("cac:ReceiptDocumentReference", "cbc:IssueDate"),
            tender_date=document.day("cac:OriginatorDocumentReference", "cbc:IssueDate"),
            invoiced_object_date=invoiced_object_date,
        )
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
