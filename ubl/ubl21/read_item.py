"""The item of a line in UBL: its identifiers, classifications, properties and VAT."""

from typing import Final

from ubl.cursor import Cursor
from ubl.model import Item, ItemAttribute, ItemClassification, ItemInstance, LineVat
from ubl.places import Places

__all__ = ["read_item", "read_line_vat"]


def _read_classifications(item: Cursor, name: str) -> tuple[ItemClassification, ...]:
    found: list[ItemClassification] = []
    for commodity in item.all(name):
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


_VAT: Final = Places(
    LineVat,
    {
        "cbc:ID": "category",
        "cbc:Percent": "rate",
        "cbc:TaxExemptionReason": "exemption_reason",
        "cbc:TaxExemptionReasonCode": "exemption_reason_code",
    },
    implied={"cac:TaxScheme/cbc:ID": "VAT"},
)
_ATTRIBUTE: Final = Places(
    ItemAttribute,
    {
        "cbc:Name": "name",
        "cbc:Value": "value",
        "cbc:NameCode": "code",
        "cbc:ValueQuantity": "measure",
    },
)
_INSTANCE: Final = Places(
    ItemInstance,
    {"cac:LotIdentification/cbc:LotNumberID": "batch", "cbc:SerialID": "serial_number"},
)
_ITEM: Final = Places(
    Item,
    {
        "cbc:Name": "name",
        "cbc:Description": "description",
        "cac:SellersItemIdentification/cbc:ID": "seller_identifier",
        "cac:BuyersItemIdentification/cbc:ID": "buyer_identifier",
        "cac:StandardItemIdentification/cbc:ID": "standard_identifier",
        "cac:OriginCountry/cbc:IdentificationCode": "origin_country",
        "cbc:BrandName": "brand",
        "cbc:ModelName": "model",
    },
    groups={
        "cac:CommodityClassification": ("classifications", _read_classifications),
        "cac:AdditionalItemProperty": ("attributes", _ATTRIBUTE.all),
        "cac:ItemInstance": ("instances", _INSTANCE.all),
    },
)


def read_item(item: Cursor) -> Item:
    """Read BG-31."""
    return _ITEM.read(item)


def read_line_vat(item: Cursor) -> LineVat | None:
    """Read BG-30, which UBL keeps with the item."""
    category = item.first("cac:ClassifiedTaxCategory")
    return None if category is None else _VAT.read(category)
