"""Writes deliveries in UBL: of the whole invoice, and of one line where it has its own."""

from typing import Final

from ubl.model import Address, Delivery, DocumentReference, Identifier, LineDelivery, Party
from ubl.pen import Pen
from ubl.ubl21.read_delivery import NO_LINE
from ubl.ubl21.write_party import write_address

__all__ = ["write_advice", "write_delivery", "write_line_delivery"]

_NO_PARTY: Final = Party()


def write_delivery(place: Pen, delivery: Delivery | None) -> None:
    """Write BG-13."""
    if delivery is None:
        return
    place.day("cbc:ActualDeliveryDate", delivery.delivered_on)
    _write_destination(place, delivery.location, delivery.address, delivery.name)


def write_line_delivery(place: Pen, delivery: LineDelivery) -> None:
    """Write the delivery of a line; the advices about it stand before it."""
    place.day("cbc:ActualDeliveryDate", delivery.delivered_on)
    party = delivery.ship_to or _NO_PARTY
    location = party.identifiers[0] if party.identifiers else None
    _write_destination(place, location, party.address, party.name)


def write_advice(place: Pen, advice: DocumentReference | None) -> None:
    """Write a despatch or receiving advice that a line refers to."""
    if advice is None or advice == DocumentReference():
        return
    place.text("cbc:LineID", advice.line or NO_LINE)
    reference = place.at("cac:DocumentReference")
    reference.text("cbc:ID", advice.number)
    reference.day("cbc:IssueDate", advice.issue_date)
    reference.text("cbc:DocumentTypeCode", advice.type_code)


def _write_destination(
    place: Pen, location: Identifier | None, address: Address | None, name: str | None
) -> None:
    destination = place.at("cac:DeliveryLocation")
    destination.identifier("cbc:ID", location)
    write_address(destination.at("cac:Address"), address)
    place.at("cac:DeliveryParty", "cac:PartyName").text("cbc:Name", name)
