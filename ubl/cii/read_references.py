"""What a CII invoice points at: notes, earlier invoices, tender and supporting documents."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from ubl.cii.codes import INVOICED_OBJECT_TYPE, SUPPORTING_TYPE, TENDER_TYPE
from ubl.cii.places import read_day
from ubl.cursor import Cursor
from ubl.model import (
    Attachment,
    DocumentReference,
    Identifier,
    Note,
    PrecedingInvoice,
    SupportingDocument,
    given,
)

__all__ = [
    "ISSUE_DATE",
    "AdditionalDocuments",
    "read_additional_documents",
    "read_dated_number",
    "read_notes",
    "read_object",
    "read_preceding",
    "read_reference",
    "read_references",
    "read_supporting",
]

ISSUE_DATE: Final = "ram:FormattedIssueDateTime"


def read_notes(document: Cursor | None) -> Iterator[Note]:
    """Read BG-1 of a document or the notes of a line; one that says nothing is left out."""
    for place in () if document is None else document.all("ram:IncludedNote"):
        note = given(
            Note(
                subject_code=place.text("ram:SubjectCode"),
                text=place.text("ram:Content"),
                content_code=place.text("ram:ContentCode"),
            )
        )
        if note is not None:
            yield note


def read_preceding(settlement: Cursor) -> Iterator[PrecedingInvoice]:
    """Read BG-3."""
    for reference in settlement.all("ram:InvoiceReferencedDocument"):
        earlier = given(
            PrecedingInvoice(
                number=reference.text("ram:IssuerAssignedID"),
                issue_date=read_day(reference, ISSUE_DATE),
                type_code=reference.text("ram:TypeCode"),
            )
        )
        if earlier is not None:
            yield earlier


def read_dated_number(place: Cursor | None, name: str) -> tuple[str | None, date | None]:
    """Read the number of a document referred to, and the day it was issued."""
    reference = None if place is None else place.first(name)
    if reference is None:
        return None, None
    return reference.text("ram:IssuerAssignedID"), read_day(reference, ISSUE_DATE)


def read_references(place: Cursor | None, name: str) -> Iterator[DocumentReference]:
    """Read every document of that name referred to, with the line meant and the day of issue."""
    for reference in () if place is None else place.all(name):
        found = given(
            DocumentReference(
                number=reference.text("ram:IssuerAssignedID"),
                line=reference.text("ram:LineID"),
                issue_date=read_day(reference, ISSUE_DATE),
                type_code=reference.text("ram:TypeCode"),
            )
        )
        if found is not None:
            yield found


def read_reference(place: Cursor | None, name: str) -> DocumentReference | None:
    """Read the one document of that name referred to; a second one stays unread."""
    return next(read_references(place, name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionalDocuments:
    """What CII puts into one element by its type code: BT-17, BT-18 and BG-24."""

    tender: str | None = None
    tender_date: date | None = None
    invoiced_object: Identifier | None = None
    invoiced_object_date: date | None = None
    supporting: tuple[SupportingDocument, ...] = ()


def read_additional_documents(agreement: Cursor | None) -> AdditionalDocuments:
    """Tell apart what CII puts into one element.

    Code 50 is the tender or lot (BT-17), code 130 the invoiced object (BT-18); 916 and any other
    backs the invoice (BG-24).
    """
    found = AdditionalDocuments()
    supporting: list[SupportingDocument] = []
    places = () if agreement is None else agreement.all("ram:AdditionalReferencedDocument")
    for reference in places:
        type_code = reference.peek("ram:TypeCode")
        is_plain = reference.peek("ram:IssuerAssignedID") is not None
        if type_code == TENDER_TYPE and is_plain and found.tender is None:
            reference.text("ram:TypeCode")
            number, day = reference.text("ram:IssuerAssignedID"), read_day(reference, ISSUE_DATE)
            found = replace(found, tender=number, tender_date=day)
        elif type_code == INVOICED_OBJECT_TYPE and is_plain and found.invoiced_object is None:
            identifier, day = read_object(reference), read_day(reference, ISSUE_DATE)
            found = replace(found, invoiced_object=identifier, invoiced_object_date=day)
        else:
            supporting.append(read_supporting(reference))
    return replace(found, supporting=tuple(map(_without_usual_type, supporting)))


def read_object(reference: Cursor) -> Identifier | None:
    """Read an invoiced object (BT-18, BT-128) from a document reference of type 130."""
    value = reference.text("ram:IssuerAssignedID")
    if value is None:
        return None
    reference.expect("ram:TypeCode", value=INVOICED_OBJECT_TYPE)
    return Identifier(value, reference.text("ram:ReferenceTypeCode"))


def read_supporting(reference: Cursor) -> SupportingDocument:
    """Read a document that backs the invoice (BG-24) or a line (BG-X-3)."""
    return SupportingDocument(
        reference=reference.text("ram:IssuerAssignedID"),
        description=reference.text("ram:Name"),
        location=reference.text("ram:URIID"),
        attachment=_read_attachment(reference),
        issue_date=read_day(reference, ISSUE_DATE),
        type_code=reference.text("ram:TypeCode"),
        reference_type=reference.text("ram:ReferenceTypeCode"),
        line=reference.text("ram:LineID"),
    )


def _without_usual_type(document: SupportingDocument) -> SupportingDocument:
    if document.type_code != SUPPORTING_TYPE:
        return document
    return replace(document, type_code=None)


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
