"""What the extensions add to a line: delivery of its own, its totals, parts of the item.

The numbers are those of Factur-X and ZUGFeRD EXTENDED; EXTENDED-CTC-FR has some under its own.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from ubl.amounts import Amount
from ubl.model.extension_party import Party
from ubl.model.extension_references import DocumentReference
from ubl.model.terms import Term
from ubl.model.values import Identifier, Quantity

__all__ = ["IncludedItem", "ItemInstance", "LineDelivery", "LineTotals"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDelivery:
    """Where, when and how the goods of a line were delivered."""

    delivered_on: Annotated[
        date | None,
        Term("BT-X-85", "Day on which the line was delivered.", also="EXT-FR-FE-158"),
    ] = None
    ship_to: Annotated[Party | None, Term("BG-X-7", "Who the goods of the line went to.")] = None
    ultimate_ship_to: Annotated[
        Party | None, Term("BG-X-10", "Who the goods of the line go to in the end.")
    ] = None
    charge_free_quantity: Annotated[
        Quantity | None, Term("BT-X-46", "Number of units that cost nothing.")
    ] = None
    package_quantity: Annotated[Quantity | None, Term("BT-X-47", "Number of packages.")] = None
    quantity_per_package: Annotated[
        Quantity | None, Term("BT-X-561", "Number of units in a package.")
    ] = None
    despatch_advice: Annotated[
        DocumentReference | None, Term("BG-X-13", "Despatch advice for the line.")
    ] = None
    receiving_advice: Annotated[
        DocumentReference | None, Term("BG-X-82", "Receiving advice for the line.")
    ] = None
    delivery_note: Annotated[
        DocumentReference | None, Term("BG-X-83", "Delivery note for the line.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTotals:
    """Sums of one line beside its net amount (BT-131)."""

    charges: Annotated[Amount | None, Term("BT-X-327", "Sum of the charges on the line.")] = None
    allowances: Annotated[Amount | None, Term("BT-X-328", "Sum of the allowances on the line.")] = (
        None
    )
    allowances_charges: Annotated[
        Amount | None, Term("BT-X-98", "Sum of allowances and charges on the line.")
    ] = None
    vat: Annotated[Amount | None, Term("BT-X-329", "VAT of the line.", also="EXT-FR-FE-181")] = None
    vat_in_accounting_currency: Annotated[
        Amount | None,
        Term("BT-X-590", "VAT of the line in the accounting currency.", also="EXT-FR-FE-182"),
    ] = None
    with_vat: Annotated[
        Amount | None, Term("BT-X-330", "Amount of the line with VAT.", also="EXT-FR-FE-184")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemInstance:
    """One piece of the item, known by its batch or serial number (BG-X-84)."""

    batch: Annotated[str | None, Term("BT-X-306", "Number of the batch.")] = None
    serial_number: Annotated[str | None, Term("BT-X-307", "Serial number.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncludedItem:
    """An item that is part of the item of the line (BG-X-1)."""

    name: Annotated[str | None, Term("BT-X-18", "Name of the item.")] = None
    description: Annotated[str | None, Term("BT-X-19", "Description of the item.")] = None
    identifier: Annotated[str | None, Term("BT-X-308", "Identifier of the item.")] = None
    seller_identifier: Annotated[str | None, Term("BT-X-16", "Identifier the seller gave it.")] = (
        None
    )
    buyer_identifier: Annotated[str | None, Term("BT-X-17", "Identifier the buyer gave it.")] = None
    standard_identifiers: Annotated[
        tuple[Identifier, ...],
        Term("BT-X-15", "Identifiers in registered schemes (ICD), for instance a GTIN."),
    ] = ()
    industry_identifier: Annotated[
        str | None, Term("BT-X-309", "Identifier the industry gave it.")
    ] = None
    quantity: Annotated[Quantity | None, Term("BT-X-20", "How many of it one item contains.")] = (
        None
    )
