"""Writes allowances and charges in UBL: of the invoice, of a line, and on a price."""

from typing import Final

from ubl.amounts import Amount
from ubl.model import AllowanceCharge, Price
from ubl.pen import Pen
from ubl.ubl21.read_party import VAT

__all__ = ["write_allowances_charges", "write_price", "write_tax_scheme"]

_INDICATORS: Final = {False: "false", True: "true"}
_NO_DISCOUNT: Final = AllowanceCharge()


def write_allowances_charges(
    place: Pen, allowances: tuple[AllowanceCharge, ...], charges: tuple[AllowanceCharge, ...]
) -> None:
    """Write allowances (BG-20, BG-27), then charges (BG-21, BG-28): in UBL one element."""
    for entry in allowances:
        _write_entry(place.at("cac:AllowanceCharge"), entry, is_charge=False)
    for entry in charges:
        _write_entry(place.at("cac:AllowanceCharge"), entry, is_charge=True)


def write_price(place: Pen, price: Price | None) -> None:
    """Write BG-29; the gross price is the base of the first discount."""
    if price is None:
        return
    place.amount("cbc:PriceAmount", price.net)
    place.quantity("cbc:BaseQuantity", price.base_quantity)
    discount_amount = _discount(price)
    discount = AllowanceCharge(
        amount=discount_amount,
        base_amount=None if discount_amount is None else price.gross,
        percentage=price.discount_percentage,
        reason=price.discount_reason,
        reason_code=price.discount_reason_code,
    )
    has_discount = discount != _NO_DISCOUNT or price.further_discounts
    discounts = (discount, *price.further_discounts) if has_discount else ()
    write_allowances_charges(place, discounts, price.charges)


def _discount(price: Price) -> Amount | None:
    """Give BT-147, which UBL demands with a gross price: what lies between gross and net.

    None, and then no gross price either, where that is less than nothing or the two prices are
    for different quantities.
    """
    if price.discount is not None or price.gross is None or price.net is None:
        return price.discount
    if price.gross_base_quantity not in (None, price.base_quantity):
        return None
    amount = price.gross.value - price.net.value
    return None if amount < 0 else Amount(amount, price.gross.currency)


def write_tax_scheme(category: Pen) -> None:
    """End a tax category that has content by saying that the tax is VAT."""
    if not category.is_empty:
        category.at("cac:TaxScheme").text("cbc:ID", VAT)


def _write_entry(place: Pen, entry: AllowanceCharge, *, is_charge: bool) -> None:
    place.text("cbc:ChargeIndicator", _INDICATORS[is_charge])
    place.text("cbc:AllowanceChargeReasonCode", entry.reason_code)
    place.text("cbc:AllowanceChargeReason", entry.reason)
    place.number("cbc:MultiplierFactorNumeric", entry.percentage)
    place.amount("cbc:Amount", entry.amount)
    place.amount("cbc:BaseAmount", entry.base_amount)
    category = place.at("cac:TaxCategory")
    category.text("cbc:ID", entry.vat_category)
    category.number("cbc:Percent", entry.vat_rate)
    write_tax_scheme(category)
