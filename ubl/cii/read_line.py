"""The lines of a CII invoice, and what lines share with the document level."""

from typing import Final

from ubl.amounts import Amount
from ubl.cii.codes import INVOICED_OBJECT_TYPE, VAT
from ubl.cii.places import peek_indicator, read_indicator, read_period, unaccounted
from ubl.cursor import Cursor
from ubl.model import (
    AllowanceCharge,
    Identifier,
    InvoiceLine,
    Item,
    ItemAttribute,
    ItemClassification,
    LineVat,
    Price,
    Quantity,
)

__all__ = ["read_allowances_charges", "read_line", "read_object"]

_DOCUMENT: Final = "ram:AssociatedDocumentLineDocument"
_AGREEMENT: Final = "ram:SpecifiedLineTradeAgreement"
_DELIVERY: Final = "ram:SpecifiedLineTradeDelivery"
_SETTLEMENT: Final = "ram:SpecifiedLineTradeSettlement"


def read_line(line: Cursor) -> InvoiceLine:
    """Read BG-25; what is missing becomes None."""
    settlement = line.first(_SETTLEMENT)
    allowances, charges = read_allowances_charges(settlement)
    return InvoiceLine(
        identifier=line.text(_DOCUMENT, "ram:LineID"),
        note=line.text(_DOCUMENT, "ram:IncludedNote", "ram:Content"),
        object_identifier=read_object(settlement),
        quantity=line.quantity(_DELIVERY, "ram:BilledQuantity"),
        net_amount=line.amount(
            _SETTLEMENT, "ram:SpecifiedTradeSettlementLineMonetarySummation", "ram:LineTotalAmount"
        ),
        order_line=line.text(_AGREEMENT, "ram:BuyerOrderReferencedDocument", "ram:LineID"),
        accounting_reference=line.text(
            _SETTLEMENT, "ram:ReceivableSpecifiedTradeAccountingAccount", "ram:ID"
        ),
        period=None if settlement is None else read_period(settlement),
        allowances=allowances,
        charges=charges,
        price=_read_price(line.first(_AGREEMENT)),
        vat=_read_vat(line.first(_SETTLEMENT, "ram:ApplicableTradeTax")),
        item=_read_item(line),
    )


def read_allowances_charges(
    settlement: Cursor | None,
) -> tuple[tuple[AllowanceCharge, ...], tuple[AllowanceCharge, ...]]:
    """Read allowances (BG-20, BG-27) and charges (BG-21, BG-28), which CII keeps in one element.

    An element whose indicator is missing or no boolean is neither, and stays unread.
    """
    found: dict[bool, list[AllowanceCharge]] = {False: [], True: []}
    if settlement is None:
        return (), ()
    for entry in settlement.all("ram:SpecifiedTradeAllowanceCharge"):
        is_charge = read_indicator(entry, "ram:ChargeIndicator")
        if is_charge is None:
            continue
        entry.expect("ram:CategoryTradeTax", "ram:TypeCode", value=VAT)
        found[is_charge].append(
            AllowanceCharge(
                amount=entry.amount("ram:ActualAmount"),
                base_amount=entry.amount("ram:BasisAmount"),
                percentage=entry.number("ram:CalculationPercent"),
                vat_category=entry.text("ram:CategoryTradeTax", "ram:CategoryCode"),
                vat_rate=entry.number("ram:CategoryTradeTax", "ram:RateApplicablePercent"),
                reason=entry.text("ram:Reason"),
                reason_code=entry.text("ram:ReasonCode"),
            )
        )
    return tuple(found[False]), tuple(found[True])


def read_object(place: Cursor | None) -> Identifier | None:
    """Read the invoiced object (BT-18, BT-128): the document reference of type 130."""
    references = () if place is None else place.all("ram:AdditionalReferencedDocument")
    for reference in references:
        if reference.peek("ram:TypeCode") != INVOICED_OBJECT_TYPE:
            continue
        value = reference.text("ram:IssuerAssignedID")
        if value is not None:
            reference.expect("ram:TypeCode", value=INVOICED_OBJECT_TYPE)
            return Identifier(value, reference.text("ram:ReferenceTypeCode"))
    return None


def _read_price(agreement: Cursor | None) -> Price | None:
    """Read BG-29. The base quantity stands at both prices; where they differ the net one counts."""
    if agreement is None:
        return None
    net = agreement.first("ram:NetPriceProductTradePrice")
    gross = agreement.first("ram:GrossPriceProductTradePrice")
    if net is None and gross is None:
        return None
    return Price(
        net=None if net is None else net.amount("ram:ChargeAmount"),
        discount=None if gross is None else _read_discount(gross),
        gross=None if gross is None else gross.amount("ram:ChargeAmount"),
        base_quantity=_read_base_quantity(net, gross),
    )


def _read_discount(gross: Cursor) -> Amount | None:
    """Read BT-147; a charge on the price, which EN 16931 does not know, stays unread."""
    discount = gross.first("ram:AppliedTradeAllowanceCharge")
    if discount is None or peek_indicator(discount, "ram:ChargeIndicator") is not False:
        return None
    read_indicator(discount, "ram:ChargeIndicator")
    return discount.amount("ram:ActualAmount")


def _read_base_quantity(net: Cursor | None, gross: Cursor | None) -> Quantity | None:
    base = None if net is None else net.quantity("ram:BasisQuantity")
    place = None if gross is None else gross.first("ram:BasisQuantity")
    if place is None:
        return base
    if base is None or unaccounted(place).quantity() == base:
        return place.quantity()
    return base


def _read_vat(tax: Cursor | None) -> LineVat | None:
    if tax is None:
        return None
    tax.expect("ram:TypeCode", value=VAT)
    return LineVat(
        category=tax.text("ram:CategoryCode"), rate=tax.number("ram:RateApplicablePercent")
    )


def _read_item(line: Cursor) -> Item | None:
    item = line.first("ram:SpecifiedTradeProduct")
    if item is None:
        return None
    return Item(
        name=item.text("ram:Name"),
        description=item.text("ram:Description"),
        seller_identifier=item.identifier("ram:SellerAssignedID"),
        buyer_identifier=item.identifier("ram:BuyerAssignedID"),
        standard_identifier=item.identifier("ram:GlobalID"),
        classifications=_read_classifications(item),
        origin_country=item.text("ram:OriginTradeCountry", "ram:ID"),
        attributes=tuple(
            ItemAttribute(name=entry.text("ram:Description"), value=entry.text("ram:Value"))
            for entry in item.all("ram:ApplicableProductCharacteristic")
        ),
    )


def _read_classifications(item: Cursor) -> tuple[ItemClassification, ...]:
    found: list[ItemClassification] = []
    for classification in item.all("ram:DesignatedProductClassification"):
        place = classification.first("ram:ClassCode")
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
