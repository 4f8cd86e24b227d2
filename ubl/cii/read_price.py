"""The price of a CII line, and the allowances and charges on prices, lines and documents."""

from dataclasses import replace
from typing import Final

from ubl.cii.codes import VAT
from ubl.cii.places import read_indicator
from ubl.cursor import Cursor
from ubl.model import AllowanceCharge, Price, Quantity, given
from ubl.places import Places

__all__ = ["read_allowances_charges", "read_price"]

_ENTRY: Final = Places(
    AllowanceCharge,
    {
        "ram:ActualAmount": "amount",
        "ram:BasisAmount": "base_amount",
        "ram:CalculationPercent": "percentage",
        "ram:CategoryTradeTax/ram:CategoryCode": "vat_category",
        "ram:CategoryTradeTax/ram:RateApplicablePercent": "vat_rate",
        "ram:Reason": "reason",
        "ram:ReasonCode": "reason_code",
    },
    implied={"ram:CategoryTradeTax/ram:TypeCode": VAT},
)


def read_allowances_charges(
    place: Cursor | None, name: str = "ram:SpecifiedTradeAllowanceCharge"
) -> tuple[tuple[AllowanceCharge, ...], tuple[AllowanceCharge, ...]]:
    """Read allowances (BG-20, BG-27) and charges (BG-21, BG-28), which CII keeps in one element.

    An element whose indicator is missing or no boolean is neither, and stays unread.
    """
    found: dict[bool, list[AllowanceCharge]] = {False: [], True: []}
    for entry in () if place is None else place.all(name):
        is_charge = read_indicator(entry, "ram:ChargeIndicator")
        if is_charge is None:
            continue
        found[is_charge].append(_ENTRY.read(entry))
    return tuple(found[False]), tuple(found[True])


def read_price(agreement: Cursor | None) -> Price | None:
    """Read BG-29; the first allowance on the gross price is the discount (BT-147)."""
    if agreement is None:
        return None
    net = agreement.first("ram:NetPriceProductTradePrice")
    gross = agreement.first("ram:GrossPriceProductTradePrice")
    base, gross_base = _read_base_quantities(net, gross)
    discounts, charges = read_allowances_charges(gross, "ram:AppliedTradeAllowanceCharge")
    price = Price(
        net=None if net is None else net.amount("ram:ChargeAmount"),
        gross=None if gross is None else gross.amount("ram:ChargeAmount"),
        base_quantity=base,
        gross_base_quantity=gross_base,
        charges=charges,
    )
    if discounts:
        price = _with_discounts(price, discounts)
    return given(price)


def _with_discounts(price: Price, discounts: tuple[AllowanceCharge, ...]) -> Price:
    """Take the first for BT-147, unless it has VAT of its own, which BT-147 cannot say."""
    first = discounts[0]
    if first.vat_category is not None or first.vat_rate is not None:
        return replace(price, further_discounts=discounts)
    return replace(
        price,
        discount=first.amount,
        discount_percentage=first.percentage,
        discount_base=first.base_amount,
        discount_reason=first.reason,
        discount_reason_code=first.reason_code,
        further_discounts=discounts[1:],
    )


def _read_base_quantities(
    net: Cursor | None, gross: Cursor | None
) -> tuple[Quantity | None, Quantity | None]:
    """Read BT-149, which may stand at either price, and that of the gross price if it differs."""
    base = None if net is None else net.quantity("ram:BasisQuantity")
    of_gross = None if gross is None else gross.quantity("ram:BasisQuantity")
    if base is None or of_gross == base:
        return base or of_gross, None
    return base, of_gross
