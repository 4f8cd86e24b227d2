"""Writes the lines of a UBL invoice or credit note, and what lines share with the document."""

from typing import Final

from ubl.model import (
    AllowanceCharge,
    DocumentKind,
    InvoiceLine,
    Item,
    LineVat,
    Period,
    Price,
)
from ubl.pen import Pen
from ubl.ubl21.read_line import OBJECT_TYPE, QUANTITIES
from ubl.ubl21.read_party import VAT

__all__ = ["write_allowances_charges", "write_line", "write_period", "write_tax_category"]

_INDICATORS: Final = {False: "false", True: "true"}


def write_line(place: Pen, line: InvoiceLine, kind: DocumentKind) -> None:
    """Write BG-25; the kind of document decides what the quantity is called."""
    place.text("cbc:ID", line.identifier)
    place.text("cbc:Note", line.note)
    place.quantity(QUANTITIES[kind], line.quantity)
    place.amount("cbc:LineExtensionAmount", line.net_amount)
    place.text("cbc:AccountingCost", line.accounting_reference)
    write_period(place.at("cac:InvoicePeriod"), line.period)
    place.at("cac:OrderLineReference").text("cbc:LineID", line.order_line)
    if line.object_identifier is not None:
        reference = place.at("cac:DocumentReference")
        reference.identifier("cbc:ID", line.object_identifier)
        reference.text("cbc:DocumentTypeCode", OBJECT_TYPE)
    write_allowances_charges(place, line.allowances, line.charges)
    _write_item(place.at("cac:Item"), line.item, line.vat)
    _write_price(place.at("cac:Price"), line.price)


def write_period(place: Pen, period: Period | None) -> None:
    """Write BG-14 of a document or BG-26 of a line."""
    if period is not None:
        place.day("cbc:StartDate", period.start)
        place.day("cbc:EndDate", period.end)


def write_allowances_charges(
    place: Pen, allowances: tuple[AllowanceCharge, ...], charges: tuple[AllowanceCharge, ...]
) -> None:
    """Write allowances (BG-20, BG-27), then charges (BG-21, BG-28): in UBL one element."""
    for is_charge, entries in ((False, allowances), (True, charges)):
        for entry in entries:
            if entry != AllowanceCharge():
                _write_allowance_charge(place.at("cac:AllowanceCharge"), entry, is_charge=is_charge)


def write_tax_category(place: Pen) -> None:
    """End a VAT category that has content by saying that the tax is VAT."""
    if not place.is_empty:
        place.at("cac:TaxScheme").text("cbc:ID", VAT)


def _write_allowance_charge(place: Pen, entry: AllowanceCharge, *, is_charge: bool) -> None:
    place.text("cbc:ChargeIndicator", _INDICATORS[is_charge])
    place.text("cbc:AllowanceChargeReasonCode", entry.reason_code)
    place.text("cbc:AllowanceChargeReason", entry.reason)
    place.number("cbc:MultiplierFactorNumeric", entry.percentage)
    place.amount("cbc:Amount", entry.amount)
    place.amount("cbc:BaseAmount", entry.base_amount)
    category = place.at("cac:TaxCategory")
    category.text("cbc:ID", entry.vat_category)
    category.number("cbc:Percent", entry.vat_rate)
    write_tax_category(category)


def _write_item(place: Pen, item: Item | None, vat: LineVat | None) -> None:
    item = item or Item()
    place.text("cbc:Description", item.description)
    place.text("cbc:Name", item.name)
    place.at("cac:BuyersItemIdentification").identifier("cbc:ID", item.buyer_identifier)
    place.at("cac:SellersItemIdentification").identifier("cbc:ID", item.seller_identifier)
    place.at("cac:StandardItemIdentification").identifier("cbc:ID", item.standard_identifier)
    place.at("cac:OriginCountry").text("cbc:IdentificationCode", item.origin_country)
    for entry in item.classifications:
        place.at("cac:CommodityClassification").text(
            "cbc:ItemClassificationCode",
            entry.code,
            listID=entry.scheme,
            listVersionID=entry.version,
        )
    if vat is not None:
        category = place.at("cac:ClassifiedTaxCategory")
        category.text("cbc:ID", vat.category)
        category.number("cbc:Percent", vat.rate)
        write_tax_category(category)
    for attribute in item.attributes:
        pair = place.at("cac:AdditionalItemProperty")
        pair.text("cbc:Name", attribute.name)
        pair.text("cbc:Value", attribute.value)


def _write_price(place: Pen, price: Price | None) -> None:
    if price is None:
        return
    place.amount("cbc:PriceAmount", price.net)
    place.quantity("cbc:BaseQuantity", price.base_quantity)
    if price.discount is not None or price.gross is not None:
        discount = place.at("cac:AllowanceCharge")
        discount.text("cbc:ChargeIndicator", _INDICATORS[False])
        discount.amount("cbc:Amount", price.discount)
        discount.amount("cbc:BaseAmount", price.gross)
