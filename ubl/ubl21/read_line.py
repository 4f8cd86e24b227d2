"""The lines of a UBL invoice or credit note, and what lines share with the document level."""

from typing import Final

from ubl.cursor import Cursor
from ubl.model import (
    AllowanceCharge,
    DocumentKind,
    Identifier,
    InvoiceLine,
    Item,
    ItemAttribute,
    ItemClassification,
    LineVat,
    Period,
    Price,
)

__all__ = ["OBJECT_TYPE", "QUANTITIES", "read_allowances_charges", "read_line", "read_period"]

OBJECT_TYPE: Final = "130"
QUANTITIES: Final = {
    DocumentKind.INVOICE: "cbc:InvoicedQuantity",
    DocumentKind.CREDIT_NOTE: "cbc:CreditedQuantity",
}
_IS_CHARGE: Final = {"true": True, "1": True, "false": False, "0": False}


def read_line(line: Cursor, kind: DocumentKind) -> InvoiceLine:
    """Read BG-25; the kind of document decides what the quantity is called."""
    allowances, charges = read_allowances_charges(line)
    return InvoiceLine(
        identifier=line.text("cbc:ID"),
        note=line.text("cbc:Note"),
        object_identifier=_read_object(line),
        quantity=line.quantity(QUANTITIES[kind]),
        net_amount=line.amount("cbc:LineExtensionAmount"),
        order_line=line.text("cac:OrderLineReference", "cbc:LineID"),
        accounting_reference=line.text("cbc:AccountingCost"),
        period=read_period(line),
        allowances=allowances,
        charges=charges,
        price=_read_price(line),
        vat=_read_line_vat(line),
        item=_read_item(line),
    )


def read_period(place: Cursor) -> Period | None:
    """Read BG-14 of a document or BG-26 of a line."""
    period = place.first("cac:InvoicePeriod")
    if period is None:
        return None
    return Period(start=period.day("cbc:StartDate"), end=period.day("cbc:EndDate"))


def read_allowances_charges(
    place: Cursor,
) -> tuple[tuple[AllowanceCharge, ...], tuple[AllowanceCharge, ...]]:
    """Read allowances (BG-20, BG-27) and charges (BG-21, BG-28), which UBL keeps in one element.

    An element whose indicator is missing or no boolean is neither, and stays unread.
    """
    found: dict[bool, list[AllowanceCharge]] = {False: [], True: []}
    for entry in place.all("cac:AllowanceCharge"):
        is_charge = _IS_CHARGE.get(entry.peek("cbc:ChargeIndicator") or "")
        if is_charge is None:
            continue
        entry.text("cbc:ChargeIndicator")
        entry.expect("cac:TaxCategory", "cac:TaxScheme", "cbc:ID", value="VAT")
        found[is_charge].append(
            AllowanceCharge(
                amount=entry.amount("cbc:Amount"),
                base_amount=entry.amount("cbc:BaseAmount"),
                percentage=entry.number("cbc:MultiplierFactorNumeric"),
                vat_category=entry.text("cac:TaxCategory", "cbc:ID"),
                vat_rate=entry.number("cac:TaxCategory", "cbc:Percent"),
                reason=entry.text("cbc:AllowanceChargeReason"),
                reason_code=entry.text("cbc:AllowanceChargeReasonCode"),
            )
        )
    return tuple(found[False]), tuple(found[True])


def _read_object(line: Cursor) -> Identifier | None:
    for reference in line.all("cac:DocumentReference"):
        if reference.peek("cbc:DocumentTypeCode") in (OBJECT_TYPE, None):
            reference.expect("cbc:DocumentTypeCode", value=OBJECT_TYPE)
            return reference.identifier("cbc:ID")
    return None


def _read_price(line: Cursor) -> Price | None:
    price = line.first("cac:Price")
    if price is None:
        return None
    discount = price.first("cac:AllowanceCharge")
    if discount is not None and _IS_CHARGE.get(discount.peek("cbc:ChargeIndicator") or "") is False:
        discount.text("cbc:ChargeIndicator")
    else:
        discount = None
    return Price(
        net=price.amount("cbc:PriceAmount"),
        discount=None if discount is None else discount.amount("cbc:Amount"),
        gross=None if discount is None else discount.amount("cbc:BaseAmount"),
        base_quantity=price.quantity("cbc:BaseQuantity"),
    )


def _read_line_vat(line: Cursor) -> LineVat | None:
    category = line.first("cac:Item", "cac:ClassifiedTaxCategory")
    if category is None:
        return None
    category.expect("cac:TaxScheme", "cbc:ID", value="VAT")
    return LineVat(category=category.text("cbc:ID"), rate=category.number("cbc:Percent"))


def _read_item(line: Cursor) -> Item | None:
    item = line.first("cac:Item")
    if item is None:
        return None
    return Item(
        name=item.text("cbc:Name"),
        description=item.text("cbc:Description"),
        seller_identifier=item.identifier("cac:SellersItemIdentification", "cbc:ID"),
        buyer_identifier=item.identifier("cac:BuyersItemIdentification", "cbc:ID"),
        standard_identifier=item.identifier("cac:StandardItemIdentification", "cbc:ID"),
        classifications=_read_classifications(item),
        origin_country=item.text("cac:OriginCountry", "cbc:IdentificationCode"),
        attributes=tuple(
            ItemAttribute(name=entry.text("cbc:Name"), value=entry.text("cbc:Value"))
            for entry in item.all("cac:AdditionalItemProperty")
        ),
    )


def _read_classifications(item: Cursor) -> tuple[ItemClassification, ...]:
    found: list[ItemClassification] = []
    for commodity in item.all("cac:CommodityClassification"):
        place = commodity.first("cbc:ItemClassificationCode")
        code = None if place is None else place.own_text()
        if place is not None and code is not None:
            found.append(
                ItemClassification(
                    code=code,
                    scheme=place.attribute("listID"),
                    version=place.attribute("listVersionID"),
                )
            )
    return tuple(found)
