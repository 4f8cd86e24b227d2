"""The sums of the document (BG-22), each from the parts EN 16931 says it is made of."""

from collections.abc import Sequence
from decimal import Decimal

from ubl.amounts import Amount
from ubl.model import DocumentTotals, Invoice, InvoiceLine, LineVat
from ubl.totals.groups import counted
from ubl.totals.money import ZERO, Money, add, less
from ubl.totals.vat import group_key

__all__ = [
    "allowances_total",
    "amount_due",
    "charges_total",
    "lines_total",
    "optional",
    "paid_total",
    "third_parties_total",
    "vat_total",
]


def optional(amount: Amount | None, money: Money) -> Decimal | None:
    """Return what an amount adds that may be left out: nothing where it is."""
    return ZERO if amount is None else money.value(amount)


def lines_total(lines: Sequence[InvoiceLine], money: Money) -> Decimal | None:
    """Add up the net amounts of the lines (BT-106, BR-CO-10); None where there are no lines."""
    invoiced = counted(lines)
    return money.total(line.net_amount for line in invoiced) if invoiced else None


def allowances_total(invoice: Invoice, money: Money) -> Decimal | None:
    """Add up the allowances on document level (BT-107, BR-CO-11)."""
    return money.total(entry.amount for entry in invoice.allowances)


def charges_total(invoice: Invoice, money: Money) -> Decimal | None:
    """Add up the charges on document level, logistics among them (BT-108, BR-FXEXT-CO-12)."""
    charges = [entry.amount for entry in invoice.charges]
    charges += [entry.amount for entry in invoice.logistics_charges]
    return money.total(charges)


def vat_total(invoice: Invoice, money: Money) -> Decimal | None:
    """Add up the taxes of the breakdown (BT-110, BR-CO-14).

    None without a breakdown, or where it leaves out what a line is taxed with.
    """
    entries = invoice.vat_breakdown
    there = {group_key(entry.category, entry.rate) for entry in entries}
    vats = [line.vat or LineVat() for line in counted(invoice.lines)]
    if not entries or any(group_key(vat.category, vat.rate) not in there for vat in vats):
        return None
    return money.total(entry.tax_amount for entry in entries)


def paid_total(invoice: Invoice, money: Money) -> Decimal | None:
    """Add up the payments made in advance (BT-113); None where there are none."""
    advances = invoice.advance_payments
    return money.total(advance.amount for advance in advances) if advances else None


def third_parties_total(invoice: Invoice, money: Money) -> Decimal | None:
    """Add up what is collected for others (XRechnung BR-DEX-09, Factur-X BR-FXEXT-CO-16)."""
    return money.total(payment.amount for payment in invoice.third_party_payments)


def amount_due(invoice: Invoice, money: Money, *, with_vat: Decimal | None) -> Decimal | None:
    """Take what was paid off the total, add rounding and what is others' (BT-115, BR-CO-16)."""
    totals = invoice.totals or DocumentTotals()
    others = third_parties_total(invoice, money)
    return less(
        add((with_vat, optional(totals.rounding, money), others)), optional(totals.paid, money)
    )
