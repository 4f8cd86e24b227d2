"""The item of a CII line: what was supplied, and what belongs to it."""

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


def _read_classifications(item: Cursor, name: str) -> tuple[ItemClassification, ...]:
    found: list[ItemClassification] = []
    for classification in item.all(name):
        place = classification.first("ram:ClassCode")
        code = None if place is None else place.own_text()
        if place is not None and code is not None:
            found.append(
                ItemClassification(
                    code=code,
                    scheme=place.attribute("listID"),
                    version=place.attribute("listVersionID"),
                    name=classification.text("ram:ClassName"),
                )
            )
    return tuple(found)


def _read_all_included(item: Cursor, name: str) -> tuple[IncludedItem, ...]:
    return tuple(filter(None, map(_read_included, item.all(name))))


def _read_included(place: Cursor) -> IncludedItem | None:
    identifiers = (entry.identifier() for entry in place.all("ram:GlobalID"))
    return _INCLUDED.given(place, standard_identifiers=tuple(filter(None, identifiers)))


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
    groups={
        "ram:DesignatedProductClassification": ("classifications", _read_classifications),
        "ram:ApplicableProductCharacteristic": ("attributes", _ATTRIBUTE.all_given),
        "ram:BatchID": ("batches", Cursor.texts),
        "ram:IndividualTradeProductInstance": ("instances", _INSTANCE.all_given),
        "ram:IncludedReferencedProduct": ("included", _read_all_included),
    },
)


def read_item(line: Cursor) -> Item | None:
    """Read BG-31."""
    return _ITEM.given(line.first("ram:SpecifiedTradeProduct"))
