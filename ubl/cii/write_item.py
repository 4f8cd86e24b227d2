"""Writes the item of a CII line."""

from ubl.model import IncludedItem, Item, ItemAttribute
from ubl.pen import Pen

__all__ = ["write_item"]


def write_item(line: Pen, item: Item | None) -> None:
    """Write BG-31."""
    if item is None:
        return
    product = line.at("ram:SpecifiedTradeProduct")
    product.text("ram:ID", item.identifier)
    product.identifier("ram:GlobalID", item.standard_identifier)
    product.identifier("ram:SellerAssignedID", item.seller_identifier)
    product.identifier("ram:BuyerAssignedID", item.buyer_identifier)
    product.text("ram:IndustryAssignedID", item.industry_identifier)
    product.text("ram:ModelID", item.model_identifier)
    product.text("ram:Name", item.name)
    product.text("ram:Description", item.description)
    product.texts("ram:BatchID", item.batches)
    product.text("ram:BrandName", item.brand)
    product.text("ram:ModelName", item.model)
    for attribute in item.attributes:
        _write_attribute(product.at("ram:ApplicableProductCharacteristic"), attribute)
    for classification in item.classifications:
        place = product.at("ram:DesignatedProductClassification")
        place.text(
            "ram:ClassCode",
            classification.code,
            listID=classification.scheme,
            listVersionID=classification.version,
        )
        place.text("ram:ClassName", classification.name)
    for instance in item.instances:
        place = product.at("ram:IndividualTradeProductInstance")
        place.text("ram:BatchID", instance.batch)
        place.text("ram:SupplierAssignedSerialID", instance.serial_number)
    product.at("ram:OriginTradeCountry").text("ram:ID", item.origin_country)
    for included in item.included:
        _write_included(product.at("ram:IncludedReferencedProduct"), included)


def _write_attribute(place: Pen, attribute: ItemAttribute) -> None:
    place.text("ram:TypeCode", attribute.code)
    place.text("ram:Description", attribute.name)
    place.quantity("ram:ValueMeasure", attribute.measure)
    place.text("ram:Value", attribute.value)


def _write_included(place: Pen, included: IncludedItem) -> None:
    place.text("ram:ID", included.identifier)
    for identifier in included.standard_identifiers:
        place.identifier("ram:GlobalID", identifier)
    place.text("ram:SellerAssignedID", included.seller_identifier)
    place.text("ram:BuyerAssignedID", included.buyer_identifier)
    place.text("ram:IndustryAssignedID", included.industry_identifier)
    place.text("ram:Name", included.name)
    place.text("ram:Description", included.description)
    place.quantity("ram:UnitQuantity", included.quantity)
