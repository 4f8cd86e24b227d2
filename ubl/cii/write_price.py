"""Writes the price of a CII line, and allowances and charges wherever they stand."""

from collections.abc import Iterable
from decimal import localcontext
from typing import Final

from ubl.amounts import MAX_DIGITS, Amount
from ubl.cii.codes import VAT
from ubl.cii.write_places import write_amount, write_indicator
from ubl.model import AllowanceCharge, Price
from ubl.pen import Pen

__all__ = ["write_allowances_charges", "write_price"]

_NO_DISCOUNT: Final = AllowanceCharge()


def write_allowances_charges(
    settlement: Pen,
    *,
    allowances: Iterable[AllowanceCharge],
    charges: Iterable[AllowanceCharge],
    currency: str,
    name: str = "ram:SpecifiedTradeAllowanceCharge",
) -> None:
    """Write allowances (BG-20, BG-27), then charges (BG-21, BG-28)."""
    for is_charge, entries in ((False, allowances), (True, charges)):
        for entry in entries:
            place = settlement.at(name)
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


def write_price(agreement: Pen, price: Price, *, currency: str) -> None:
    """Write BG-29; the base quantity (BT-149) goes to both prices where it is the same.

    CII wants a gross price where there is a discount: where the invoice gives none, it is the net
    price plus the discount (EN 16931: BT-146 = BT-148 - BT-147).
    """
    gross = agreement.at("ram:GrossPriceProductTradePrice")
    write_amount(gross, "ram:ChargeAmount", _gross(price), currency=currency)
    discounts = (*_discount(price), *price.further_discounts)
    if not gross.is_empty or price.gross_base_quantity or discounts or price.charges:
        gross.quantity("ram:BasisQuantity", price.gross_base_quantity or price.base_quantity)
    write_allowances_charges(
        gross,
        allowances=discounts,
        charges=price.charges,
        currency=currency,
        name="ram:AppliedTradeAllowanceCharge",
    )
    net = agreement.at("ram:NetPriceProductTradePrice")
    write_amount(net, "ram:ChargeAmount", price.net, currency=currency)
    net.quantity("ram:BasisQuantity", price.base_quantity)


def _gross(price: Price) -> Amount | None:
    if price.gross is not None or price.net is None or price.discount is None:
        return price.gross
    with localcontext(prec=2 * MAX_DIGITS):
        return Amount(price.net.value + price.discount.value, price.net.currency)


def _discount(price: Price) -> tuple[AllowanceCharge, ...]:
    """Return BT-147 and what EXTENDED adds to it as the first allowance on the gross price."""
    discount = AllowanceCharge(
        amount=price.discount,
        base_amount=price.discount_base,
        percentage=price.discount_percentage,
        reason=price.discount_reason,
        reason_code=price.discount_reason_code,
    )
    return () if discount == _NO_DISCOUNT else (discount,)
