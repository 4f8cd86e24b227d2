"""The sums of the document (BG-22), each from the parts EN 16931 says it is made of."""

from collections.abc import Sequence
from decimal import Decimal

from ubl.amounts import Amount
from ubl.model import DocumentTotals, Invoice, InvoiceLine
from ubl.totals.money import ZERO, Money, add, less
from ubl.totals.vat import group_key

__all__ = ["amount_due", "lines_total", "optional", "vat_total"]


def optional(amount: Amount | None, money: Money) -> Decimal | None:
    """Return what an amount adds that may be left out: nothing where it is."""
    return ZERO if amount is None else money.value(amount)


def lines_total(lines: Sequence[InvoiceLine], money: Money) -> Decimal | None:
    """Add up the net amounts of the lines (BT-106, BR-CO-10); None where there are no lines."""
    return money.total(line.net_amount for line in lines) if lines else None


def vat_total(invoice: Invoice, money: Money) -> Decimal | None:
    """Add up the taxes of the breakdown (BT-110, BR-CO-14).

    None without a breakdown, or where it leaves out what a line is taxed with.
    """
    entries = invoice.vat_breakdown
    there = {group_key(entry.category, entry.rate) for entry in entries}
    vats = [
        (line.vat.category, line.vat.rate) if line.vat else (None, None) for line in invoice.lines
    ]
    if not entries or any(group_key(*vat) not in there for vat in vats):
        return None
    return money.total(entry.tax_amount for entry in entries)


def amount_due(totals: DocumentTotals, with_vat: Decimal | None, money: Money) -> Decimal | None:
    """Take what was paid off the total and add the rounding (BT-115, BR-CO-16)."""
    return less(add((with_vat, optional(totals.rounding, money))), optional(totals.paid, money))
