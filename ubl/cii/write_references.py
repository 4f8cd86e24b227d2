"""Writes what a CII invoice points at: notes, other documents, supporting documents."""

from collections.abc import Iterable
from datetime import date

from ubl.cii.codes import INVOICED_OBJECT_TYPE
from ubl.cii.write_places import write_formatted_day
from ubl.model import DocumentReference, Identifier, Note, PrecedingInvoice, SupportingDocument
from ubl.pen import Pen

__all__ = [
    "write_dated_number",
    "write_notes",
    "write_object",
    "write_preceding",
    "write_references",
    "write_supporting",
]


def write_notes(document: Pen, notes: Iterable[Note]) -> None:
    """Write BG-1, or the notes of a line."""
    for note in notes:
        place = document.at("ram:IncludedNote")
        place.text("ram:ContentCode", note.content_code)
        place.text("ram:Content", note.text)
        place.text("ram:SubjectCode", note.subject_code)


def write_preceding(settlement: Pen, preceding: Iterable[PrecedingInvoice]) -> None:
    """Write BG-3."""
    for earlier in preceding:
        reference = settlement.at("ram:InvoiceReferencedDocument")
        reference.text("ram:IssuerAssignedID", earlier.number)
        reference.text("ram:TypeCode", earlier.type_code)
        write_formatted_day(reference.at("ram:FormattedIssueDateTime"), earlier.issue_date)


def write_dated_number(
    above: Pen,
    name: str,
    number: str | None,
    issue_date: date | None,
    *,
    line: str | None = None,
    reference_type: str | None = None,
) -> None:
    """Write a document of which the number, and perhaps the day of issue, are known."""
    reference = above.at(name)
    reference.text("ram:IssuerAssignedID", number)
    reference.text("ram:LineID", line)
    reference.text("ram:ReferenceTypeCode", reference_type)
    write_formatted_day(reference.at("ram:FormattedIssueDateTime"), issue_date)


def write_references(above: Pen, name: str, documents: Iterable[DocumentReference | None]) -> None:
    """Write the documents of that name referred to; None stands for none."""
    for document in documents:
        if document is not None:
            reference = above.at(name)
            reference.text("ram:IssuerAssignedID", document.number)
            reference.text("ram:LineID", document.line)
            reference.text("ram:TypeCode", document.type_code)
            write_formatted_day(reference.at("ram:FormattedIssueDateTime"), document.issue_date)


def write_object(
    above: Pen,
    identifier: Identifier | None,
    *,
    line: str | None = None,
    issue_date: date | None = None,
) -> None:
    """Write the invoiced object (BT-18, BT-128) as a document reference of type 130."""
    if identifier is None:
        return
    reference = above.at("ram:AdditionalReferencedDocument")
    reference.text("ram:IssuerAssignedID", identifier.value)
    reference.text("ram:LineID", line)
    reference.text("ram:TypeCode", INVOICED_OBJECT_TYPE)
    reference.text("ram:ReferenceTypeCode", identifier.scheme)
    write_formatted_day(reference.at("ram:FormattedIssueDateTime"), issue_date)


def write_supporting(
    above: Pen, supporting: SupportingDocument, *, type_code: str | None = None
) -> None:
    """Write a document that backs the invoice or a line; ``type_code`` is that where it has none.

    The element is there also where nothing but its type is known.
    """
    reference = above.at("ram:AdditionalReferencedDocument")
    reference.text("ram:IssuerAssignedID", supporting.reference)
    reference.text("ram:URIID", supporting.location)
    reference.text("ram:LineID", supporting.line)
    reference.text("ram:TypeCode", supporting.type_code or type_code)
    reference.text("ram:Name", supporting.description)
    if (attachment := supporting.attachment) is not None:
        reference.text(
            "ram:AttachmentBinaryObject",
            attachment.encoded,
            mimeCode=attachment.mime_type,
            filename=attachment.file_name,
        )
    reference.text("ram:ReferenceTypeCode", supporting.reference_type)
    write_formatted_day(reference.at("ram:FormattedIssueDateTime"), supporting.issue_date)
