"""Allowances and charges in UBL: of the invoice, of a line, and on the price of an item."""

from typing import Final

from ubl.cursor import Cursor
from ubl.model import AllowanceCharge, Price
from ubl.places import Places

__all__ = ["read_allowances_charges", "read_price"]

_ENTRY: Final = Places(
    AllowanceCharge,
    {
        "cbc:Amount": "amount",
        "cbc:BaseAmount": "base_amount",
        "cbc:MultiplierFactorNumeric": "percentage",
        "cac:TaxCategory/cbc:ID": "vat_category",
        "cac:TaxCategory/cbc:Percent": "vat_rate",
        "cbc:AllowanceChargeReason": "reason",
        "cbc:AllowanceChargeReasonCode": "reason_code",
    },
    implied={"cac:TaxCategory/cac:TaxScheme/cbc:ID": "VAT"},
)
_PRICE: Final = Places(Price, {"cbc:PriceAmount": "net", "cbc:BaseQuantity": "base_quantity"})
_NO_DISCOUNT: Final = AllowanceCharge()
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
        found[is_charge].append(_ENTRY.read(entry))
    return tuple(found[False]), tuple(found[True])


def read_price(line: Cursor, name: str) -> Price | None:
    """Read BG-29 from the child of that name. The gross price is the base of the first discount."""
    price = line.first(name)
    if price is None:
        return None
    discounts, charges = read_allowances_charges(price)
    discount = discounts[0] if discounts else _NO_DISCOUNT
    return _PRICE.read(
        price,
        discount=discount.amount,
        gross=discount.base_amount,
        discount_percentage=discount.percentage,
        discount_reason=discount.reason,
        discount_reason_code=discount.reason_code,
        further_discounts=discounts[1:],
        charges=charges,
    )
