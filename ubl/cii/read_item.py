"""The item of a CII line: what was supplied, and what belongs to it."""

from collections.abc import Iterator
from typing import Final

from ubl.cursor import Cursor
from ubl.model import (
    IncludedItem,
    Item,
    ItemAttribute,
    ItemClassification,
    ItemInstance,
)
from ubl.places import Places

__all__ = ["read_item"]

_ITEM: Final = Places(
    Item,
    {
        "ram:Name": "name",
        "ram:Description": "description",
        "ram:SellerAssignedID": "seller_identifier",
        "ram:BuyerAssignedID": "buyer_identifier",
        "ram:GlobalID": "standard_identifier",
        "ram:OriginTradeCountry/ram:ID": "origin_country",
        "ram:ID": "identifier",
        "ram:IndustryAssignedID": "industry_identifier",
        "ram:ModelID": "model_identifier",
        "ram:BrandName": "brand",
        "ram:ModelName": "model",
    },
)
_ATTRIBUTE: Final = Places(
    ItemAttribute,
    {
        "ram:Description": "name",
        "ram:Value": "value",
        "ram:TypeCode": "code",
        "ram:ValueMeasure": "measure",
    },
)
_INSTANCE: Final = Places(
    ItemInstance, {"ram:BatchID": "batch", "ram:SupplierAssignedSerialID": "serial_number"}
)
_INCLUDED: Final = Places(
    IncludedItem,
    {
        "ram:Name": "name",
        "ram:Description": "description",
        "ram:ID": "identifier",
        "ram:SellerAssignedID": "seller_identifier",
        "ram:BuyerAssignedID": "buyer_identifier",
        "ram:IndustryAssignedID": "industry_identifier",
        "ram:UnitQuantity": "quantity",
    },
)


def read_item(line: Cursor) -> Item | None:
    """Read BG-31."""
    item = line.first("ram:SpecifiedTradeProduct")
    if item is None:
        return None
    attributes = map(_ATTRIBUTE.given, item.all("ram:ApplicableProductCharacteristic"))
    instances = map(_INSTANCE.given, item.all("ram:IndividualTradeProductInstance"))
    included = map(_read_included, item.all("ram:IncludedReferencedProduct"))
    return _ITEM.given(
        item,
        classifications=tuple(_read_classifications(item)),
        attributes=tuple(filter(None, attributes)),
        batches=item.texts("ram:BatchID"),
        instances=tuple(filter(None, instances)),
        included=tuple(filter(None, included)),
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


def _read_included(place: Cursor) -> IncludedItem | None:
    identifiers = (entry.identifier() for entry in place.all("ram:GlobalID"))
    return _INCLUDED.given(place, standard_identifiers=tuple(filter(None, identifiers)))
