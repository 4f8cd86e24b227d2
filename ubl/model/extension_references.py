"""Documents that only the extensions let an invoice or a line refer to, and their dates.

The numbers are those of Factur-X and ZUGFeRD EXTENDED.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from ubl.model.references import SupportingDocument
from ubl.model.terms import SyntaxOnly, Term, TermByGroup

__all__ = ["DocumentReference", "DocumentReferences", "LineReferences"]

# Document, line within it, date and type: the numbers after BT-X-.
_REFERENCES: Final[dict[str, tuple[int | None, int | None, int, int | None]]] = {
    "BG-X-2": (24, 25, 26, None),
    "BG-X-5": (43, 44, 45, None),
    "BG-X-13": (86, 87, 88, None),
    "BG-X-23": (150, None, 151, None),
    "BG-X-47": (310, 311, 312, None),
    "BG-X-48": (331, 540, 333, 332),
    "BG-X-61": (403, None, 404, None),
    "BG-X-81": (537, 538, 539, None),
    "BG-X-82": (89, 90, 91, None),
    "BG-X-83": (92, 93, 94, None),
    "BG-X-85": (558, None, 560, 559),
}


def _numbers(place: int) -> dict[str, str]:
    return {
        group: f"BT-X-{numbers[place]}"
        for group, numbers in _REFERENCES.items()
        if numbers[place] is not None
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReference:
    """A document, and a line of it where one is meant."""

    number: Annotated[
        str | None,
        TermByGroup(_numbers(0), "Number of the document.", also={"BG-X-48": "EXT-FR-FE-136"}),
    ] = None
    line: Annotated[str | None, TermByGroup(_numbers(1), "Line of the document that is meant.")] = (
        None
    )
    issue_date: Annotated[
        date | None,
        TermByGroup(_numbers(2), "Day the document was issued.", also={"BG-X-48": "EXT-FR-FE-138"}),
    ] = None
    type_code: Annotated[
        str | None,
        TermByGroup(
            _numbers(3),
            "Type of the document: a code of UNTDID 1001.",
            also={"BG-X-48": "EXT-FR-FE-137"},
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReferences:
    """What EXTENDED adds to the references of an invoice: dates, and further documents."""

    purchase_order_date: Annotated[
        date | None, Term("BT-X-147", "Day of the buyer's order (BT-13).")
    ] = None
    sales_order_date: Annotated[
        date | None, Term("BT-X-146", "Day of the seller's order (BT-14).")
    ] = None
    contract_date: Annotated[date | None, Term("BT-X-148", "Day of the contract (BT-12).")] = None
    contract_type: Annotated[
        str | None, Term("BT-X-405", "Type of the contract: a code of UNTDID 1153.")
    ] = None
    despatch_advice_date: Annotated[
        date | None, Term("BT-X-200", "Day of the despatch advice (BT-16).")
    ] = None
    receiving_advice_date: Annotated[
        date | None, Term("BT-X-201", "Day of the receiving advice (BT-15).")
    ] = None
    tender_date: Annotated[date | None, Term("BT-X-556", "Day of the tender or lot (BT-17).")] = (
        None
    )
    invoiced_object_date: Annotated[
        date | None, Term("BT-X-557", "Day of the document about the invoiced object (BT-18).")
    ] = None
    delivery_note: Annotated[str | None, Term("BT-X-202", "Number of the delivery note.")] = None
    delivery_note_date: Annotated[date | None, Term("BT-X-203", "Day of the delivery note.")] = None
    quotation: Annotated[
        DocumentReference | None, Term("BG-X-61", "Quotation the invoice rests on.")
    ] = None
    ultimate_customer_orders: Annotated[
        tuple[DocumentReference, ...],
        Term("BG-X-23", "Orders of the customer the goods go to in the end."),
    ] = ()
    issuer_reference: Annotated[
        str | None, Term("BT-X-204", "Reference of whoever issued the invoice.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReferences:
    """What EXTENDED adds to the references of a line; BT-132 stays with the line itself."""

    purchase_order: Annotated[
        str | None, Term("BT-X-21", "Order of the buyer that BT-132 is a line of.")
    ] = None
    purchase_order_date: Annotated[
        date | None, Term("BT-X-22", "Day of that order of the buyer.")
    ] = None
    sales_order: Annotated[
        DocumentReference | None, Term("BG-X-81", "Order as the seller registered it.")
    ] = None
    quotation: Annotated[
        DocumentReference | None, Term("BG-X-47", "Quotation the line rests on.")
    ] = None
    contract: Annotated[
        DocumentReference | None, Term("BG-X-2", "Contract the line belongs to.")
    ] = None
    ultimate_customer_orders: Annotated[
        tuple[DocumentReference, ...],
        Term("BG-X-5", "Orders of the customer the goods go to in the end."),
    ] = ()
    preceding_invoices: Annotated[
        tuple[DocumentReference, ...],
        Term("BG-X-48", "Earlier invoices the line refers to.", also="EXT-FR-FE-BG-06"),
    ] = ()
    documents: Annotated[
        tuple[SupportingDocument, ...], Term("BG-X-3", "Documents that back the line.")
    ] = ()
    other_objects: Annotated[
        tuple[DocumentReference, ...],
        SyntaxOnly("Objects the line is about besides BT-128; the type is a code of UNTDID 1153."),
    ] = ()
