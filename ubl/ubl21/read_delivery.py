"""Deliveries in UBL: of the whole invoice, and of one line where it has its own."""

from typing import Final

from ubl.cursor import Cursor
from ubl.model import Delivery, DocumentReference, LineDelivery, Party, given
from ubl.ubl21.read_party import read_address

__all__ = ["NO_LINE", "read_delivery", "read_line_delivery"]

# Stands for the line of another document, which UBL demands, where only the document is known.
NO_LINE: Final = "NA"
_LINE_DELIVERY: Final = ("cac:Delivery", "cac:DespatchLineReference", "cac:ReceiptLineReference")


def read_delivery(document: Cursor) -> Delivery | None:
    """Read BG-13."""
    delivery = document.first("cac:Delivery")
    if delivery is None:
        return None
    return given(
        Delivery(
            name=delivery.text("cac:DeliveryParty", "cac:PartyName", "cbc:Name"),
            location=delivery.identifier("cac:DeliveryLocation", "cbc:ID"),
            delivered_on=delivery.day("cbc:ActualDeliveryDate"),
            address=read_address(delivery.first("cac:DeliveryLocation", "cac:Address")),
        )
    )


def read_line_delivery(line: Cursor) -> LineDelivery | None:
    """Read the delivery of a line and the advices about it (Factur-X BG-X-7, BG-X-13, BG-X-82)."""
    if not any(map(line.has, _LINE_DELIVERY)):
        return None
    delivery = line.first("cac:Delivery")
    return given(
        LineDelivery(
            delivered_on=None if delivery is None else delivery.day("cbc:ActualDeliveryDate"),
            ship_to=None if delivery is None else _read_ship_to(delivery),
            despatch_advice=_read_advice(line.first("cac:DespatchLineReference")),
            receiving_advice=_read_advice(line.first("cac:ReceiptLineReference")),
        )
    )


def _read_ship_to(delivery: Cursor) -> Party | None:
    location = delivery.identifier("cac:DeliveryLocation", "cbc:ID")
    return given(
        Party(
            name=delivery.text("cac:DeliveryParty", "cac:PartyName", "cbc:Name"),
            identifiers=() if location is None else (location,),
            address=read_address(delivery.first("cac:DeliveryLocation", "cac:Address")),
        )
    )


def _read_advice(reference: Cursor | None) -> DocumentReference | None:
    if reference is None:
        return None
    number = reference.text("cac:DocumentReference", "cbc:ID")
    line = reference.text("cbc:LineID")
    return given(
        DocumentReference(
            number=number,
            line=None if line == NO_LINE and number is not None else line,
            issue_date=reference.day("cac:DocumentReference", "cbc:IssueDate"),
            type_code=reference.text("cac:DocumentReference", "cbc:DocumentTypeCode"),
        )
    )
