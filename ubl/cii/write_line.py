"""Writes the lines of a CII invoice, and what lines share with the document level."""

from collections.abc import Iterable

from ubl.cii.codes import INVOICED_OBJECT_TYPE, VAT
from ubl.cii.write_places import write_amount, write_indicator, write_period
from ubl.model import AllowanceCharge, Identifier, InvoiceLine, Item, LineVat, Price
from ubl.pen import Pen

__all__ = ["write_allowances_charges", "write_line", "write_object"]


def write_line(place: Pen, line: InvoiceLine, *, currency: str) -> None:
    """Write BG-25; ``currency`` is that of the invoice, which amounts need not name."""
    document = place.at("ram:AssociatedDocumentLineDocument")
    document.text("ram:LineID", line.identifier)
    document.at("ram:IncludedNote").text("ram:Content", line.note)
    if line.item is not None:
        _write_item(place.at("ram:SpecifiedTradeProduct"), line.item)
    agreement = place.at("ram:SpecifiedLineTradeAgreement")
    agreement.at("ram:BuyerOrderReferencedDocument").text("ram:LineID", line.order_line)
    if line.price is not None:
        _write_price(agreement, line.price, currency=currency)
    place.at("ram:SpecifiedLineTradeDelivery").quantity("ram:BilledQuantity", line.quantity)
    _write_settlement(place.at("ram:SpecifiedLineTradeSettlement"), line, currency=currency)


def _write_settlement(settlement: Pen, line: InvoiceLine, *, currency: str) -> None:
    if line.vat is not None:
        _write_vat(settlement, line.vat)
    write_period(settlement, line.period)
    write_allowances_charges(
        settlement, allowances=line.allowances, charges=line.charges, currency=currency
    )
    sums = settlement.at("ram:SpecifiedTradeSettlementLineMonetarySummation")
    write_amount(sums, "ram:LineTotalAmount", line.net_amount, currency=currency)
    write_object(settlement, line.object_identifier)
    account = settlement.at("ram:ReceivableSpecifiedTradeAccountingAccount")
    account.text("ram:ID", line.accounting_reference)


def write_allowances_charges(
    settlement: Pen,
    *,
    allowances: Iterable[AllowanceCharge],
    charges: Iterable[AllowanceCharge],
    currency: str,
) -> None:
    """Write allowances (BG-20, BG-27), then charges (BG-21, BG-28)."""
    for is_charge, entries in ((False, allowances), (True, charges)):
        for entry in entries:
            place = settlement.at("ram:SpecifiedTradeAllowanceCharge")
            write_indicator(place, "ram:ChargeIndicator", value=is_charge)
            place.number("ram:CalculationPercent", entry.percentage)
            write_amount(place, "ram:BasisAmount", entry.base_amount, currency=currency)
            write_amount(place, "ram:ActualAmount", entry.amount, currency=currency)
            place.text("ram:ReasonCode", entry.reason_code)
            place.text("ram:Reason", entry.reason)
            if entry.vat_category is not None or entry.vat_rate is not None:
                tax = place.at("ram:CategoryTradeTax")
                tax.text("ram:TypeCode", VAT)
                tax.text("ram:CategoryCode", entry.vat_category)
                tax.number("ram:RateApplicablePercent", entry.vat_rate)


def write_object(place: Pen, identifier: Identifier | None) -> None:
    """Write the invoiced object (BT-18, BT-128) as a document reference of type 130."""
    if identifier is None:
        return
    reference = place.at("ram:AdditionalReferencedDocument")
    reference.text("ram:IssuerAssignedID", identifier.value)
    reference.text("ram:TypeCode", INVOICED_OBJECT_TYPE)
    reference.text("ram:ReferenceTypeCode", identifier.scheme)


def _write_price(agreement: Pen, price: Price, *, currency: str) -> None:
    """Write BG-29; the base quantity, which is that of both prices, goes to the net one."""
    if price.gross is not None or price.discount is not None:
        gross = agreement.at("ram:GrossPriceProductTradePrice")
        write_amount(gross, "ram:ChargeAmount", price.gross, currency=currency)
        gross.quantity("ram:BasisQuantity", price.base_quantity)
        if price.discount is not None:
            discount = gross.at("ram:AppliedTradeAllowanceCharge")
            write_indicator(discount, "ram:ChargeIndicator", value=False)
            write_amount(discount, "ram:ActualAmount", price.discount, currency=currency)
    net = agreement.at("ram:NetPriceProductTradePrice")
    write_amount(net, "ram:ChargeAmount", price.net, currency=currency)
    net.quantity("ram:BasisQuantity", price.base_quantity)


def _write_vat(settlement: Pen, vat: LineVat) -> None:
    tax = settlement.at("ram:ApplicableTradeTax")
    tax.text("ram:TypeCode", VAT)
    tax.text("ram:CategoryCode", vat.category)
    tax.number("ram:RateApplicablePercent", vat.rate)


def _write_item(product: Pen, item: Item) -> None:
    product.identifier("ram:GlobalID", item.standard_identifier)
    product.identifier("ram:SellerAssignedID", item.seller_identifier)
    product.identifier("ram:BuyerAssignedID", item.buyer_identifier)
    product.text("ram:Name", item.name)
    product.text("ram:Description", item.description)
    for attribute in item.attributes:
        place = product.at("ram:ApplicableProductCharacteristic")
        place.text("ram:Description", attribute.name)
        place.text("ram:Value", attribute.value)
    for classification in item.classifications:
        place = product.at("ram:DesignatedProductClassification")
        place.text(
            "ram:ClassCode",
            classification.code,
            listID=classification.scheme,
            listVersionID=classification.version,
        )
    product.at("ram:OriginTradeCountry").text("ram:ID", item.origin_country)
