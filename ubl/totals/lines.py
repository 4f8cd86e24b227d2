"""What a line comes to: its net price, its allowances and charges, its net amount (BT-131)."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from ubl.amounts import Amount
from ubl.model import AllowanceCharge, InvoiceLine, Price
from ubl.totals.money import ZERO, Money

__all__ = ["complete_allowances", "complete_line", "goods_value", "line_net", "net_price", "share"]

_HUNDRED: Final = Decimal(100)


def complete_line(line: InvoiceLine, money: Money, *, recompute: bool) -> InvoiceLine:
    """Fill in what of a line follows from the rest of it."""
    line = replace(line, price=complete_price(line.price, recompute=recompute))
    goods = goods_value(line, money)
    line = replace(
        line,
        allowances=complete_allowances(line.allowances, goods, money, recompute=recompute),
        charges=complete_allowances(line.charges, goods, money, recompute=recompute),
    )
    if line.net_amount is None or recompute:
        net = line_net(line, money)
        if net is not None:
            return replace(line, net_amount=money.amount(net))
    return line


def complete_price(price: Price | None, *, recompute: bool) -> Price | None:
    """Take the net price (BT-146) from the gross price less its discount, without rounding."""
    if price is None or price.gross is None:
        return price
    if price.net is not None and not (recompute and price.discount is not None):
        return price
    net = net_price(price)
    return price if net is None else replace(price, net=Amount(net, price.gross.currency))


def net_price(price: Price) -> Decimal | None:
    """Return the gross price (BT-148) less the discount (BT-147); unknown without a gross price."""
    if price.gross is None:
        return None
    if price.discount is None:
        return price.gross.value
    if price.discount.currency != price.gross.currency:
        return None
    return price.gross.value - price.discount.value


def goods_value(line: InvoiceLine, money: Money) -> Decimal | None:
    """Return quantity times price per unit, not rounded.

    Unknown where one of them is missing, where the price is for no or a negative quantity
    (PEPPOL-EN16931-R121), or where it is for another unit than the one invoiced.
    """
    if line.price is None or line.quantity is None:
        return None
    price = money.value(line.price.net)
    if price is None:
        return None
    base = line.price.base_quantity
    if base is None:
        return line.quantity.value * price
    if base.value <= 0 or (base.unit and line.quantity.unit and base.unit != line.quantity.unit):
        return None
    return line.quantity.value * price / base.value


def line_net(line: InvoiceLine, money: Money) -> Decimal | None:
    """Return the goods' value less allowances plus charges, rounded; None where unknown."""
    goods = goods_value(line, money)
    allowances = money.total(entry.amount for entry in line.allowances)
    charges = money.total(entry.amount for entry in line.charges)
    if goods is None or allowances is None or charges is None:
        return None
    return money.rounded(goods - allowances + charges)


def complete_allowances(
    entries: Iterable[AllowanceCharge], whole: Decimal | None, money: Money, *, recompute: bool
) -> tuple[AllowanceCharge, ...]:
    """Fill in amounts that are given as a percentage.

    ``whole`` is what the percentage is of where the entry states no base amount itself.
    """
    return tuple(_complete_allowance(entry, whole, money, recompute=recompute) for entry in entries)


def _complete_allowance(
    entry: AllowanceCharge, whole: Decimal | None, money: Money, *, recompute: bool
) -> AllowanceCharge:
    if entry.percentage is None:
        return entry
    if entry.base_amount is None and entry.amount is None and whole is not None:
        entry = replace(entry, base_amount=money.amount(whole))
    computed = share(entry, money)
    if computed is None or not (entry.amount is None or recompute):
        return entry
    return replace(entry, amount=money.amount(computed))


def share(entry: AllowanceCharge, money: Money) -> Decimal | None:
    """Return base amount times percentage, rounded; None where one of them is missing."""
    base = money.value(entry.base_amount)
    if base is None or entry.percentage is None:
        return None
    return money.rounded(base * entry.percentage / _HUNDRED) + ZERO
