"""The item of a line in UBL: its identifiers, classifications, properties and VAT."""

from ubl.cursor import Cursor
from ubl.model import Item, ItemAttribute, ItemClassification, ItemInstance, LineVat

__all__ = ["read_item", "read_line_vat"]


def read_item(line: Cursor) -> Item | None:
    """Read BG-31."""
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
        attributes=tuple(map(_read_attribute, item.all("cac:AdditionalItemProperty"))),
        brand=item.text("cbc:BrandName"),
        model=item.text("cbc:ModelName"),
        instances=tuple(map(_read_instance, item.all("cac:ItemInstance"))),
    )


def read_line_vat(line: Cursor) -> LineVat | None:
    """Read BG-30, which UBL keeps with the item."""
    category = line.first("cac:Item", "cac:ClassifiedTaxCategory")
    if category is None:
        return None
    category.expect("cac:TaxScheme", "cbc:ID", value="VAT")
    return LineVat(
        category=category.text("cbc:ID"),
        rate=category.number("cbc:Percent"),
        exemption_reason=category.text("cbc:TaxExemptionReason"),
        exemption_reason_code=category.text("cbc:TaxExemptionReasonCode"),
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
                    name=place.attribute("name"),
                )
            )
    return tuple(found)


def _read_attribute(entry: Cursor) -> ItemAttribute:
    return ItemAttribute(
        name=entry.text("cbc:Name"),
        value=entry.text("cbc:Value"),
        code=entry.text("cbc:NameCode"),
        measure=entry.quantity("cbc:ValueQuantity"),
    )


def _read_instance(entry: Cursor) -> ItemInstance:
    return ItemInstance(
        batch=entry.text("cac:LotIdentification", "cbc:LotNumberID"),
        serial_number=entry.text("cbc:SerialID"),
    )
