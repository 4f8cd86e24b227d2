"""Completing an invoice: every amount that follows from others (EN 16931 BG-22, BG-23, BT-131).

Nothing is guessed: an amount whose parts are not all known stays away, and so does the VAT in
the accounting currency (BT-111), which hangs on a rate of exchange the invoice does not hold.
"""

from dataclasses import replace
from decimal import Decimal

from ubl.amounts import Amount
from ubl.model import AllowanceCharge, DocumentTotals, Invoice
from ubl.totals.document import amount_due, lines_total, vat_total
from ubl.totals.lines import complete_allowances, complete_line
from ubl.totals.money import ZERO, Money, add, exactly, less
from ubl.totals.vat import complete_breakdown, vat_groups

__all__ = ["complete"]


def complete(invoice: Invoice, *, recompute: bool = False) -> Invoice:
    """Compute what is missing: net prices, line amounts, allowances, VAT breakdown and totals.

    Stated amounts are kept unless ``recompute``: then everything computable replaces what was
    stated. Amounts are rounded half away from zero to the decimals of the currency, two at most;
    net prices are not rounded. What was paid (BT-113), the rounding amount (BT-114) and BT-111
    are never touched. An invoice without lines keeps its taxable amounts and its sum of lines.
    """
    with exactly():
        money = Money.of(invoice)
        lines = tuple(complete_line(line, money, recompute=recompute) for line in invoice.lines)
        whole = lines_total(lines, money)
        invoice = replace(
            invoice,
            lines=lines,
            allowances=complete_allowances(invoice.allowances, whole, money, recompute=recompute),
            charges=complete_allowances(invoice.charges, whole, money, recompute=recompute),
        )
        groups = vat_groups(invoice, lines, money) if lines else None
        breakdown = complete_breakdown(invoice.vat_breakdown, groups, money, recompute=recompute)
        invoice = replace(invoice, vat_breakdown=breakdown)
        return replace(invoice, totals=_complete_totals(invoice, money, recompute=recompute))


def _complete_totals(invoice: Invoice, money: Money, *, recompute: bool) -> DocumentTotals | None:
    """Fill in BG-22 in the order its sums depend on each other."""
    stated = invoice.totals or DocumentTotals()
    settled: dict[str, Amount] = {}

    def settle(field: str, computed: Decimal | None) -> Decimal | None:
        amount: Amount | None = getattr(stated, field)
        if computed is None or (amount is not None and not recompute):
            return money.value(amount)
        settled[field] = money.amount(computed)
        return settled[field].value

    def settle_sum(field: str, entries: tuple[AllowanceCharge, ...]) -> Decimal | None:
        if not entries and getattr(stated, field) is None:
            return ZERO
        return settle(field, money.total(entry.amount for entry in entries))

    lines = settle("lines", lines_total(invoice.lines, money))
    allowances = settle_sum("allowances", invoice.allowances)
    charges = settle_sum("charges", invoice.charges)
    without_vat = settle("without_vat", less(add((lines, charges)), allowances))
    vat = settle("vat", vat_total(invoice, money))
    with_vat = settle("with_vat", add((without_vat, vat)))
    settle("due", amount_due(stated, with_vat, money))
    totals = replace(stated, **settled)
    return None if totals == DocumentTotals() else totals
