"""The item of a CII line: what was supplied, and what belongs to it."""

from collections.abc import Iterator

from ubl.cursor import Cursor
from ubl.model import (
    IncludedItem,
    Item,
    ItemAttribute,
    ItemClassification,
    ItemInstance,
    given,
)

__all__ = ["read_item"]


def read_item(line: Cursor) -> Item | None:
    """Read BG-31."""
    item = line.first("ram:SpecifiedTradeProduct")
    if item is None:
        return None
    return given(
        Item(
            name=item.text("ram:Name"),
            description=item.text("ram:Description"),
            seller_identifier=item.identifier("ram:SellerAssignedID"),
            buyer_identifier=item.identifier("ram:BuyerAssignedID"),
            standard_identifier=item.identifier("ram:GlobalID"),
            classifications=tuple(_read_classifications(item)),
            origin_country=item.text("ram:OriginTradeCountry", "ram:ID"),
            attributes=tuple(_read_attributes(item)),
            identifier=item.text("ram:ID"),
            industry_identifier=item.text("ram:IndustryAssignedID"),
            model_identifier=item.text("ram:ModelID"),
            batches=item.texts("ram:BatchID"),
            brand=item.text("ram:BrandName"),
            model=item.text("ram:ModelName"),
            instances=tuple(_read_instances(item)),
            included=tuple(_read_included(item)),
        )
    )


def _read_classifications(item: Cursor) -> Iterator[ItemClassification]:
    for classification in item.all("ram:DesignatedProductClassification"):
        place = classification.first("ram:ClassCode")
        code = None if place is None else place.own_text()
        if place is not None and code is not None:
            yield ItemClassification(
                code=code,
                scheme=place.attribute("listID"),
                version=place.attribute("listVersionID"),
                name=classification.text("ram:ClassName"),
            )


def _read_attributes(item: Cursor) -> Iterator[ItemAttribute]:
    for place in item.all("ram:ApplicableProductCharacteristic"):
        attribute = given(
            ItemAttribute(
                name=place.text("ram:Description"),
                value=place.text("ram:Value"),
                code=place.text("ram:TypeCode"),
                measure=place.quantity("ram:ValueMeasure"),
            )
        )
        if attribute is not None:
            yield attribute


def _read_instances(item: Cursor) -> Iterator[ItemInstance]:
    for place in item.all("ram:IndividualTradeProductInstance"):
        instance = given(
            ItemInstance(
                batch=place.text("ram:BatchID"),
                serial_number=place.text("ram:SupplierAssignedSerialID"),
            )
        )
        if instance is not None:
            yield instance


def _read_included(item: Cursor) -> Iterator[IncludedItem]:
    for place in item.all("ram:IncludedReferencedProduct"):
        identifiers = (entry.identifier() for entry in place.all("ram:GlobalID"))
        included = given(
            IncludedItem(
                name=place.text("ram:Name"),
                description=place.text("ram:Description"),
                identifier=place.text("ram:ID"),
                seller_identifier=place.text("ram:SellerAssignedID"),
                buyer_identifier=place.text("ram:BuyerAssignedID"),
                standard_identifiers=tuple(found for found in identifiers if found),
                industry_identifier=place.text("ram:IndustryAssignedID"),
                quantity=place.quantity("ram:UnitQuantity"),
            )
        )
        if included is not None:
            yield included
