"""Allowances and charges in UBL: of the invoice, of a line, and on the price of an item."""

from typing import Final

from ubl.cursor import Cursor
from ubl.model import AllowanceCharge, Price

__all__ = ["read_allowances_charges", "read_price"]

_IS_CHARGE: Final = {"true": True, "1": True, "false": False, "0": False}


def read_allowances_charges(
    place: Cursor,
) -> tuple[tuple[AllowanceCharge, ...], tuple[AllowanceCharge, ...]]:
    """Read allowances (BG-20, BG-27) and charges (BG-21, BG-28), which UBL keeps in one element.

    An element whose indicator is missing or no boolean is neither, and stays unread.
    """
    found: dict[bool, list[AllowanceCharge]] = {False: [], True: []}
    for entry in place.all("cac:AllowanceCharge"):
        is_charge = _IS_CHARGE.get(entry.peek("cbc:ChargeIndicator") or "")
        if is_charge is None:
            continue
        entry.text("cbc:ChargeIndicator")
        category = entry.first("cac:TaxCategory")
        if category is not None:
            category.expect("cac:TaxScheme", "cbc:ID", value="VAT")
        found[is_charge].append(
            AllowanceCharge(
                amount=entry.amount("cbc:Amount"),
                base_amount=entry.amount("cbc:BaseAmount"),
                percentage=entry.number("cbc:MultiplierFactorNumeric"),
                vat_category=None if category is None else category.text("cbc:ID"),
                vat_rate=None if category is None else category.number("cbc:Percent"),
                reason=entry.text("cbc:AllowanceChargeReason"),
                reason_code=entry.text("cbc:AllowanceChargeReasonCode"),
            )
        )
    return tuple(found[False]), tuple(found[True])


def read_price(line: Cursor) -> Price | None:
    """Read BG-29. The gross price is the base of the first discount."""
    price = line.first("cac:Price")
    if price is None:
        return None
    discounts, charges = read_allowances_charges(price)
    discount = discounts[0] if discounts else AllowanceCharge()
    return Price(
        net=price.amount("cbc:PriceAmount"),
        discount=discount.amount,
        gross=discount.base_amount,
        base_quantity=price.quantity("cbc:BaseQuantity"),
        discount_percentage=discount.percentage,
        discount_reason=discount.reason,
        discount_reason_code=discount.reason_code,
        further_discounts=discounts[1:],
        charges=charges,
    )
