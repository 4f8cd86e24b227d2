"""Completing an invoice: every amount that follows from others (EN 16931 BG-22, BG-23, BT-131).

Nothing is guessed: an amount whose parts are not all known stays away.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from ubl.amounts import Amount, round_half_away
from ubl.model import CurrencyExchange, DocumentTotals, Invoice
from ubl.totals.document import (
    allowances_total,
    amount_due,
    charges_total,
    lines_total,
    paid_total,
    vat_total,
)
from ubl.totals.lines import complete_allowances, complete_lines
from ubl.totals.money import ZERO, Money, add, exactly, less
from ubl.totals.vat import complete_breakdown, vat_groups

__all__ = ["complete", "with_rate"]

# Enough for a rate taken from two rounded amounts to give the one from the other again.
_RATE_DIGITS: Final = 12


def with_rate(invoice: Invoice) -> Invoice:
    """Hold the rate of exchange that VAT was converted at (BG-X-41), where only the sums tell it.

    So that the VAT in the accounting currency (BT-111) follows when an invoice is changed. The
    rate is the quotient of BT-111 and BT-110; nothing is done where there is a rate already.
    """
    totals = invoice.totals or DocumentTotals()
    vat, converted = totals.vat, totals.vat_in_accounting_currency
    if invoice.currency_exchange is not None or vat is None or converted is None or not vat.value:
        return invoice
    with exactly():
        rate = round_half_away(converted.value / vat.value, _RATE_DIGITS)
    exchange = CurrencyExchange(
        source_currency=vat.currency, target_currency=converted.currency, rate=rate
    )
    return replace(invoice, currency_exchange=exchange)


def complete(invoice: Invoice, *, recompute: bool = False) -> Invoice:
    """Compute what is missing: net prices, line amounts, allowances, VAT breakdown and totals.

    Stated amounts are kept unless ``recompute``: then everything computable replaces what was
    stated. Amounts are rounded half away from zero to the decimals of the currency, two at most;
    net prices are not rounded. What was paid (BT-113) is filled in from advance payments only,
    the rounding amount (BT-114) never; the VAT in the accounting currency (BT-111) only where
    the invoice holds the rate of exchange. An invoice without lines, as MINIMUM and BASIC WL
    have it, keeps its taxable amounts and its sum of lines.
    """
    with exactly():
        money = Money.of(invoice)
        lines = complete_lines(invoice.lines, money, recompute=recompute)
        whole = lines_total(lines, money)
        invoice = replace(
            invoice,
            lines=lines,
            allowances=complete_allowances(invoice.allowances, whole, money, recompute=recompute),
            charges=complete_allowances(invoice.charges, whole, money, recompute=recompute),
        )
        invoice = replace(
            invoice,
            vat_breakdown=complete_breakdown(
                invoice.vat_breakdown, vat_groups(invoice, money), money, recompute=recompute
            ),
        )
        return _Totals(invoice, money, recompute=recompute).complete()


class _Totals:
    """The totals of one invoice while they are filled in, each after those it is made of."""

    def __init__(self, invoice: Invoice, money: Money, *, recompute: bool) -> None:
        self._invoice = invoice
        self._money = money
        self._recompute = recompute
        self._totals = invoice.totals or DocumentTotals()

    def complete(self) -> Invoice:
        """Fill in BG-22 and return the invoice with it."""
        invoice, money = self._invoice, self._money
        lines = self._settle("lines", lines_total(invoice.lines, money))
        allowances = self._settle_part(
            "allowances", allowances_total(invoice, money), there=bool(invoice.allowances)
        )
        charges = self._settle_part(
            "charges",
            charges_total(invoice, money),
            there=bool(invoice.charges or invoice.logistics_charges),
        )
        without_vat = self._settle("without_vat", less(add((lines, charges)), allowances))
        vat = self._settle("vat", vat_total(invoice, money))
        self._convert_vat(vat)
        with_vat = self._settle("with_vat", add((without_vat, vat)))
        if self._totals.paid is None:
            self._settle("paid", paid_total(invoice, money))
        self._settle("due", amount_due(self._with_totals(), money, with_vat=with_vat))
        return self._with_totals()

    def _with_totals(self) -> Invoice:
        stated = None if self._totals == DocumentTotals() else self._totals
        return replace(self._invoice, totals=stated)

    def _settle(self, field: str, computed: Decimal | None) -> Decimal | None:
        """Keep what is stated or fill in what was computed, and return what now stands there."""
        stated: Amount | None = getattr(self._totals, field)
        if computed is None or (stated is not None and not self._recompute):
            return self._money.value(stated)
        amount = self._money.summed(computed)
        self._totals = replace(self._totals, **{field: amount})
        return amount.value

    def _settle_part(self, field: str, computed: Decimal | None, *, there: bool) -> Decimal | None:
        """Settle a sum that is left out where nothing belongs to it."""
        if not there and getattr(self._totals, field) is None:
            return ZERO
        return self._settle(field, computed)

    def _convert_vat(self, vat: Decimal | None) -> None:
        """Convert the total VAT at the rate the invoice holds (BT-111, Factur-X BG-X-41)."""
        exchange = self._invoice.currency_exchange
        wanted = self._invoice.vat_accounting_currency
        if vat is None or exchange is None or exchange.rate is None or wanted is None:
            return
        if (exchange.source_currency, exchange.target_currency) != (self._money.currency, wanted):
            return
        if self._totals.vat_in_accounting_currency is None or self._recompute:
            converted = Money(wanted).amount(vat * exchange.rate)
            self._totals = replace(self._totals, vat_in_accounting_currency=converted)
