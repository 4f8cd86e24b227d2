"""The lines of a UBL invoice or credit note, and the periods they share with the document."""

from dataclasses import replace
from typing import Final

from ubl.cursor import Cursor
from ubl.model import (
    DocumentKind,
    DocumentReference,
    Identifier,
    InvoiceLine,
    LineReferences,
    LineTotals,
    Note,
    Period,
    SupportingDocument,
    given,
)
from ubl.places import Places
from ubl.ubl21.read_allowance import read_allowances_charges, read_price
from ubl.ubl21.read_delivery import NO_LINE, read_line_delivery
from ubl.ubl21.read_item import read_item, read_line_vat
from ubl.ubl21.read_party import read_party
from ubl.ubl21.read_references import OBJECT_TYPE, read_supporting
from ubl.ubl21.read_totals import read_vat_totals

__all__ = ["LINES", "QUANTITIES", "RELATED_TYPE", "SUB_LINES", "read_line", "read_period"]

# Tells a document that backs a line from the object of the line: code 916 of UNTDID 1001.
RELATED_TYPE: Final = "916"

LINES: Final = {
    DocumentKind.INVOICE: "cac:InvoiceLine",
    DocumentKind.CREDIT_NOTE: "cac:CreditNoteLine",
}
SUB_LINES: Final = {
    DocumentKind.INVOICE: "cac:SubInvoiceLine",
    DocumentKind.CREDIT_NOTE: "cac:SubCreditNoteLine",
}
QUANTITIES: Final = {
    DocumentKind.INVOICE: "cbc:InvoicedQuantity",
    DocumentKind.CREDIT_NOTE: "cbc:CreditedQuantity",
}


def read_period(place: Cursor, name: str = "cac:InvoicePeriod") -> Period | None:
    """Read BG-14 of a document or BG-26 of a line; the element may carry BT-8 alone."""
    period = place.first(name)
    if period is None:
        return None
    return given(Period(start=period.day("cbc:StartDate"), end=period.day("cbc:EndDate")))


def _read_order_line(line: Cursor, name: str) -> str | None:
    reference = line.first(name)
    if reference is None:
        return None
    number = reference.text("cbc:LineID")
    has_order = reference.first("cac:OrderReference", "cbc:ID") is not None
    return None if number == NO_LINE and has_order else number


_PLACES: Final = {
    kind: Places(
        InvoiceLine,
        {
            "cbc:ID": "identifier",
            quantity: "quantity",
            "cbc:LineExtensionAmount": "net_amount",
            "cbc:AccountingCost": "accounting_reference",
        },
        groups={
            "cac:InvoicePeriod": ("period", read_period),
            "cac:OrderLineReference": ("order_line", _read_order_line),
            "cac:Price": ("price", read_price),
        },
    )
    for kind, quantity in QUANTITIES.items()
}


def read_line(
    line: Cursor,
    kind: DocumentKind,
    *,
    number: str | None,
    accounting_currency: str | None,
) -> InvoiceLine:
    """Read BG-25.

    The kind of document decides what the quantity is called; its ``number`` (BT-1) tells a
    reference to a line of this invoice from one to an earlier invoice.
    """
    allowances, charges = read_allowances_charges(line)
    object_identifier, documents, other_objects = _read_documents(line)
    parent_line, subtype, preceding = _read_billing(line, number)
    note, *further_notes = line.texts("cbc:Note") or (None,)
    item = line.first("cac:Item")
    return _PLACES[kind].read(
        line,
        note=note,
        object_identifier=object_identifier,
        allowances=allowances,
        charges=charges,
        vat=None if item is None else read_line_vat(item),
        item=None if item is None else read_item(item),
        further_notes=tuple(Note(text=text) for text in further_notes if text),
        parent_line=parent_line,
        subtype=subtype,
        references=_read_references(line, preceding, documents, other_objects),
        delivery=read_line_delivery(line),
        seller=None if item is None else read_party(item.first("cac:ManufacturerParty")),
        totals=_read_totals(line, accounting_currency),
        sub_lines=tuple(
            read_line(below, kind, number=number, accounting_currency=accounting_currency)
            for below in line.all(SUB_LINES[kind])
        ),
    )


def _read_references(
    line: Cursor,
    preceding: tuple[DocumentReference, ...],
    documents: tuple[SupportingDocument, ...],
    other_objects: tuple[DocumentReference, ...],
) -> LineReferences | None:
    order = line.first("cac:OrderLineReference", "cac:OrderReference")
    if order is None and not (preceding or documents or other_objects):
        return None
    return given(
        LineReferences(
            purchase_order=None if order is None else order.text("cbc:ID"),
            purchase_order_date=None if order is None else order.day("cbc:IssueDate"),
            preceding_invoices=preceding,
            documents=documents,
            other_objects=other_objects,
        )
    )


def _read_documents(
    line: Cursor,
) -> tuple[Identifier | None, tuple[SupportingDocument, ...], tuple[DocumentReference, ...]]:
    """Tell apart what a line points at: its object (BT-128), further objects, documents."""
    found: Identifier | None = None
    documents: list[SupportingDocument] = []
    objects: list[DocumentReference] = []
    for reference in line.all("cac:DocumentReference"):
        type_code = reference.peek("cbc:DocumentTypeCode")
        if type_code not in (OBJECT_TYPE, None):
            document = read_supporting(reference)
            if document.type_code == RELATED_TYPE:
                document = replace(document, type_code=None)
            documents.append(document)
            continue
        reference.expect("cbc:DocumentTypeCode", value=OBJECT_TYPE)
        identifier = reference.identifier("cbc:ID")
        if found is None:
            found = identifier
        elif identifier is not None:
            objects.append(DocumentReference(number=identifier.value, type_code=identifier.scheme))
    return found, tuple(documents), tuple(objects)


def _read_billing(
    line: Cursor, number: str | None
) -> tuple[str | None, str | None, tuple[DocumentReference, ...]]:
    """Read the line above this one and what this one is, and the earlier invoices.

    EXTENDED-CTC-FR says both in a reference to the invoice itself.
    """
    parent_line: str | None = None
    subtype: str | None = None
    preceding: list[DocumentReference] = []
    for reference in line.all("cac:BillingReference"):
        earlier = reference.first("cac:InvoiceDocumentReference")
        if earlier is None:
            continue
        is_own = number is not None and earlier.peek("cbc:ID") == number
        if is_own and parent_line is None and subtype is None:
            earlier.text("cbc:ID")
            parent_line = reference.text("cac:BillingReferenceLine", "cbc:ID")
            subtype = earlier.text("cbc:DocumentStatusCode")
            continue
        entry = DocumentReference(
            number=earlier.text("cbc:ID"),
            line=reference.text("cac:BillingReferenceLine", "cbc:ID"),
            issue_date=earlier.day("cbc:IssueDate"),
            type_code=earlier.text("cbc:DocumentTypeCode"),
        )
        preceding.append(entry)
    return parent_line, subtype, tuple(preceding)


def _read_totals(line: Cursor, accounting_currency: str | None) -> LineTotals | None:
    if not line.has("cac:TaxTotal"):
        return None
    vat, accounting = read_vat_totals(line, accounting_currency)
    return given(LineTotals(vat=vat, vat_in_accounting_currency=accounting))
