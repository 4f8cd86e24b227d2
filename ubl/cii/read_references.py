"""What a CII invoice points at: notes, earlier invoices, tender and supporting documents."""

from collections.abc import Iterator

from ubl.cii.codes import (
    INVOICED_OBJECT_TYPE,
    SUPPORTING_TYPE,
    TENDER_TYPE,
)
from ubl.cii.places import read_day
from ubl.cursor import Cursor
from ubl.model import Attachment, Identifier, Note, PrecedingInvoice, SupportingDocument

__all__ = ["read_additional_documents", "read_notes", "read_preceding"]


def read_notes(document: Cursor) -> Iterator[Note]:
    """Read BG-1; a note with neither text nor subject is none."""
    for place in document.all("ram:IncludedNote"):
        note = Note(subject_code=place.text("ram:SubjectCode"), text=place.text("ram:Content"))
        if note != Note():
            yield note


def read_preceding(settlement: Cursor) -> Iterator[PrecedingInvoice]:
    """Read BG-3."""
    for reference in settlement.all("ram:InvoiceReferencedDocument"):
        yield PrecedingInvoice(
            number=reference.text("ram:IssuerAssignedID"),
            issue_date=read_day(reference, "ram:FormattedIssueDateTime"),
        )


def read_additional_documents(
    agreement: Cursor,
) -> tuple[str | None, Identifier | None, tuple[SupportingDocument, ...]]:
    """Tell apart what CII puts into one element by its type code.

    Code 50 is the tender or lot (BT-17), code 130 the invoiced object (BT-18), everything else
    backs the invoice (BG-24), where the code expected is 916.
    """
    tender: str | None = None
    invoiced_object: Identifier | None = None
    supporting: list[SupportingDocument] = []
    for reference in agreement.all("ram:AdditionalReferencedDocument"):
        type_code = reference.peek("ram:TypeCode")
        number = reference.peek("ram:IssuerAssignedID")
        if type_code == TENDER_TYPE and tender is None and number is not None:
            reference.expect("ram:TypeCode", value=TENDER_TYPE)
            tender = reference.text("ram:IssuerAssignedID")
        elif type_code == INVOICED_OBJECT_TYPE and invoiced_object is None and number is not None:
            reference.expect("ram:TypeCode", value=INVOICED_OBJECT_TYPE)
            reference.text("ram:IssuerAssignedID")
            invoiced_object = Identifier(number, reference.text("ram:ReferenceTypeCode"))
        else:
            supporting.append(_read_supporting(reference))
    return tender, invoiced_object, tuple(supporting)


def _read_supporting(reference: Cursor) -> SupportingDocument:
    reference.expect("ram:TypeCode", value=SUPPORTING_TYPE)
    return SupportingDocument(
        reference=reference.text("ram:IssuerAssignedID"),
        description=reference.text("ram:Name"),
        location=reference.text("ram:URIID"),
        attachment=_read_attachment(reference),
    )


def _read_attachment(reference: Cursor) -> Attachment | None:
    place = reference.first("ram:AttachmentBinaryObject")
    encoded = None if place is None else place.own_text()
    if place is None or encoded is None:
        return None
    return Attachment(
        encoded=encoded,
        mime_type=place.attribute("mimeCode"),
        file_name=place.attribute("filename"),
    )
