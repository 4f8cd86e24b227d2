"""The amounts a sum is made of, by name, so that a reader can add them up again.

Only sums have parts: what is multiplied or taken as a percentage is told in words. Works on the
model alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ubl.amounts import Amount
from ubl.model import AllowanceCharge, Invoice, InvoiceLine, LogisticsCharge
from ubl.totals.checking import Discrepancy
from ubl.totals.document import third_parties_total
from ubl.totals.groups import counted
from ubl.totals.money import Money
from ubl.totals.vat import GroupKey, group_key

__all__ = ["Part", "parts_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """One amount of a sum: its business term, what tells it from others, how much it adds.

    ``name`` is a line's identifier (BT-126), a reason, or a VAT category with its rate; empty where
    the term occurs once. ``amount`` is negative for what is taken off.
    """

    term: str
    name: str
    amount: Amount


def parts_of(invoice: Invoice, discrepancy: Discrepancy) -> Iterator[Part]:
    """Yield what the computed amount of a discrepancy is the sum of; nothing if it is no sum."""
    if discrepancy.term == "BT-116":
        index = int(discrepancy.path.partition("[")[2].partition("]")[0])
        entry = invoice.vat_breakdown[index]
        yield from _of_group(invoice, group_key(entry.category, entry.rate))
        return
    found = _SUMS.get(discrepancy.term)
    if found is not None:
        yield from found(invoice)


def _lines(invoice: Invoice, key: GroupKey | None = None) -> Iterator[Part]:
    for line in counted(invoice.lines):
        if line.net_amount is not None and (key is None or _is_of(line, key)):
            yield Part("BT-131", line.identifier or "", line.net_amount)


def _is_of(line: InvoiceLine, key: GroupKey) -> bool:
    return line.vat is not None and group_key(line.vat.category, line.vat.rate) == key


def _allowances(invoice: Invoice) -> Iterator[Part]:
    yield from _entries(invoice.allowances, "BT-92")


def _charges(invoice: Invoice) -> Iterator[Part]:
    yield from _entries(invoice.charges, "BT-99")
    yield from _entries(invoice.logistics_charges, "BT-X-272")


def _entries(
    entries: tuple[AllowanceCharge, ...] | tuple[LogisticsCharge, ...],
    term: str,
    key: GroupKey | None = None,
    sign: int = 1,
) -> Iterator[Part]:
    for entry in entries:
        if entry.amount is None:
            continue
        if key is None or group_key(entry.vat_category, entry.vat_rate) == key:
            yield Part(term, _reason(entry), _signed(entry.amount, sign))


def _reason(entry: AllowanceCharge | LogisticsCharge) -> str:
    if isinstance(entry, LogisticsCharge):
        return entry.description or ""
    return entry.reason or entry.reason_code or ""


def _signed(amount: Amount, sign: int) -> Amount:
    return amount if sign > 0 else Amount(-amount.value, amount.currency)


def _of_group(invoice: Invoice, key: GroupKey | None) -> Iterator[Part]:
    if key is None:
        return
    yield from _lines(invoice, key)
    yield from _entries(invoice.allowances, "BT-92", key, -1)
    yield from _entries(invoice.charges, "BT-99", key)
    yield from _entries(invoice.logistics_charges, "BT-X-272", key)


def _taxes(invoice: Invoice) -> Iterator[Part]:
    for entry in invoice.vat_breakdown:
        if entry.tax_amount is not None:
            rate = "" if entry.rate is None else f" {entry.rate.normalize():f} %"
            yield Part("BT-117", f"{entry.category or ''}{rate}".strip(), entry.tax_amount)


def _without_vat(invoice: Invoice) -> Iterator[Part]:
    yield from _totals(invoice, ("BT-106", "lines", 1), ("BT-107", "allowances", -1))
    yield from _totals(invoice, ("BT-108", "charges", 1))


def _with_vat(invoice: Invoice) -> Iterator[Part]:
    yield from _totals(invoice, ("BT-109", "without_vat", 1), ("BT-110", "vat", 1))


def _due(invoice: Invoice) -> Iterator[Part]:
    yield from _totals(
        invoice, ("BT-112", "with_vat", 1), ("BT-113", "paid", -1), ("BT-114", "rounding", 1)
    )
    money = Money.of(invoice)
    others = third_parties_total(invoice, money)
    if others:
        yield Part("BT-DEX-002", "", Amount(others, money.currency))


def _totals(invoice: Invoice, *wanted: tuple[str, str, int]) -> Iterator[Part]:
    for term, field, sign in wanted:
        amount: Amount | None = getattr(invoice.totals, field, None)
        if amount is not None:
            yield Part(term, "", _signed(amount, sign))


_SUMS: Final[Mapping[str, Callable[[Invoice], Iterator[Part]]]] = MappingProxyType(
    {
        "BT-106": _lines,
        "BT-107": _allowances,
        "BT-108": _charges,
        "BT-109": _without_vat,
        "BT-110": _taxes,
        "BT-112": _with_vat,
        "BT-115": _due,
    }
)
