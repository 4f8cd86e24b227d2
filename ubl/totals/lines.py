"""What a line comes to: its net price, its allowances and charges, its net amount (BT-131)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from ubl.amounts import Amount
from ubl.model import AllowanceCharge, InvoiceLine, LineVat, Price, Quantity
from ubl.totals.groups import DETAIL, GROUP, group_nets, sub_lines_total
from ubl.totals.money import ZERO, Money, add, less

__all__ = [
    "complete_allowances",
    "complete_lines",
    "goods_value",
    "line_net",
    "net_price",
    "share",
]

_ONE: Final = Decimal(1)
_HUNDRED: Final = Decimal(100)


def complete_lines(
    lines: Sequence[InvoiceLine], money: Money, *, recompute: bool
) -> tuple[InvoiceLine, ...]:
    """Fill in what of each line follows from the rest of it, then what groups of lines come to."""
    done = tuple(_complete_line(line, money, recompute=recompute) for line in lines)
    if all(line.subtype != GROUP for line in done):
        return done
    nets = group_nets(done, money)
    return tuple(
        _with_net(line, nets.get(line.identifier or ""), money, recompute=recompute)
        if line.subtype == GROUP
        else line
        for line in done
    )


def _complete_line(line: InvoiceLine, money: Money, *, recompute: bool) -> InvoiceLine:
    if line.subtype not in (None, DETAIL):
        return line
    parts = _Parts(line, money, recompute=recompute)
    changes = parts.changes()
    # Copying a line is what costs most here, so it is done once.
    line = replace(line, **changes) if changes else line
    if line.sub_lines and parts.net is None:
        line = _with_net(line, sub_lines_total(line, money), money, recompute=recompute)
    return _renewed(line, money) if recompute else line


class _Parts:
    """What a line's net amount is made of, once all that can be computed of it is."""

    def __init__(self, line: InvoiceLine, money: Money, *, recompute: bool) -> None:
        self._line = line
        self.price = _complete_price(line.price, recompute=recompute)
        self.sub_lines = complete_lines(line.sub_lines, money, recompute=recompute)
        goods = goods_value(line.quantity, self.price, money)
        self.allowances = complete_allowances(line.allowances, goods, money, recompute=recompute)
        self.charges = complete_allowances(line.charges, goods, money, recompute=recompute)
        self.net = _net(goods, self.allowances, self.charges, money)
        self.net_amount = line.net_amount
        if self.net is not None and (line.net_amount is None or recompute):
            self.net_amount = money.amount(self.net)

    def changes(self) -> dict[str, Any]:
        """Return the fields that are no longer what the line has."""
        names = ("price", "sub_lines", "allowances", "charges", "net_amount")
        return {
            name: value
            for name in names
            if (value := getattr(self, name)) is not getattr(self._line, name)
        }


def _with_net(
    line: InvoiceLine, net: Decimal | None, money: Money, *, recompute: bool
) -> InvoiceLine:
    if net is None or not (line.net_amount is None or recompute):
        return line
    return replace(line, net_amount=money.summed(net))


def _renewed(line: InvoiceLine, money: Money) -> InvoiceLine:
    """Bring what else a line states of its sums in step with them (BT-X-95, BT-X-327 to 330)."""
    net = money.value(line.net_amount)
    tax = None if net is None or line.vat is None else _tax_on(net, line.vat, money)
    if line.vat is not None and line.vat.amount is not None and tax is not None:
        line = replace(line, vat=replace(line.vat, amount=money.amount(tax)))
    if line.totals is None:
        return line
    computed = {
        "charges": money.total(entry.amount for entry in line.charges),
        "allowances": money.total(entry.amount for entry in line.allowances),
        "vat": tax,
        "with_vat": add((net, tax)),
    }
    renewed = {
        name: money.summed(value)
        for name, value in computed.items()
        if value is not None and getattr(line.totals, name) is not None
    }
    return replace(line, totals=replace(line.totals, **renewed))


def _tax_on(net: Decimal, vat: LineVat, money: Money) -> Decimal | None:
    """Return the VAT on a line's net amount, rounded; unknown without a rate."""
    return None if vat.rate is None else money.rounded(net * vat.rate / _HUNDRED)


def _complete_price(price: Price | None, *, recompute: bool) -> Price | None:
    """Take the net price (BT-146) from the gross price less its discount, without rounding."""
    if price is None or price.gross is None:
        return price
    if price.net is not None and not (recompute and price.discount is not None):
        return price
    net = net_price(price)
    return price if net is None else replace(price, net=Amount(net, price.gross.currency))


def net_price(price: Price) -> Decimal | None:
    """Return the gross price (BT-148) less discounts (BT-147) plus charges on it.

    Unknown without a gross price, in mixed currencies, or where the gross price is for another
    quantity than the net price.
    """
    if price.gross is None or _units(price.gross_base_quantity) not in (
        None,
        _units(price.base_quantity) or _ONE,
    ):
        return None
    money = Money(price.gross.currency)
    off = money.total(entry.amount for entry in price.further_discounts)
    on = money.total(entry.amount for entry in price.charges)
    discount = ZERO if price.discount is None else money.value(price.discount)
    return less(add((price.gross.value, on)), add((discount, off)))


def _units(quantity: Quantity | None) -> Decimal | None:
    return None if quantity is None else quantity.value


def goods_value(quantity: Quantity | None, price: Price | None, money: Money) -> Decimal | None:
    """Return quantity times price per unit, not rounded.

    Unknown where one of them is missing, where the price is for no or a negative quantity
    (PEPPOL-EN16931-R121), or where it is for another unit than the one invoiced.
    """
    if price is None or quantity is None:
        return None
    net = money.value(price.net)
    if net is None:
        return None
    base = price.base_quantity
    if base is None:
        return quantity.value * net
    if base.value <= 0 or (base.unit and quantity.unit and base.unit != quantity.unit):
        return None
    return quantity.value * net / base.value


def line_net(line: InvoiceLine, money: Money) -> Decimal | None:
    """Return the goods' value less allowances plus charges, rounded; None where unknown."""
    goods = goods_value(line.quantity, line.price, money)
    return _net(goods, line.allowances, line.charges, money)


def _net(
    goods: Decimal | None,
    allowances: Sequence[AllowanceCharge],
    charges: Sequence[AllowanceCharge],
    money: Money,
) -> Decimal | None:
    off = money.total(entry.amount for entry in allowances)
    on = money.total(entry.amount for entry in charges)
    if goods is None or off is None or on is None:
        return None
    return money.rounded(goods - off + on)


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
        entry = replace(entry, base_amount=money.summed(whole))
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
