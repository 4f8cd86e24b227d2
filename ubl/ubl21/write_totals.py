"""Writes what a UBL invoice adds up to: allowances and charges, VAT and sums."""

from decimal import Decimal, localcontext

from ubl.amounts import MAX_DIGITS, Amount
from ubl.model import (
    AllowanceCharge,
    CurrencyExchange,
    DocumentTotals,
    Invoice,
    LogisticsCharge,
)
from ubl.pen import Pen
from ubl.ubl21.write_allowance import write_allowances_charges, write_tax_scheme

__all__ = ["write_adjustments", "write_currency_exchange", "write_sums", "write_vat"]


def write_adjustments(document: Pen, invoice: Invoice) -> None:
    """Write BG-20 and BG-21; what CII states as logistics is a charge like others in UBL."""
    logistics = tuple(map(_as_charge, invoice.logistics_charges))
    write_allowances_charges(document, invoice.allowances, (*invoice.charges, *logistics))


def write_currency_exchange(document: Pen, invoice: Invoice) -> None:
    """Write the rate between invoice and accounting currency (Factur-X BG-X-41)."""
    exchange = invoice.currency_exchange or CurrencyExchange()
    place = document.at("cac:TaxExchangeRate")
    place.text("cbc:SourceCurrencyCode", exchange.source_currency)
    place.text("cbc:TargetCurrencyCode", exchange.target_currency)
    place.number("cbc:CalculationRate", exchange.rate)
    place.day("cbc:Date", exchange.day)


def write_vat(document: Pen, invoice: Invoice) -> None:
    """Write BT-110 with BG-23, then BT-111 in an element of its own.

    UBL cannot have a breakdown without its sum, CII can: then the sum is added.
    """
    totals = invoice.totals or DocumentTotals()
    total = document.at("cac:TaxTotal")
    total.amount("cbc:TaxAmount", totals.vat or _sum_of_taxes(invoice))
    for entry in invoice.vat_breakdown:
        subtotal = total.at("cac:TaxSubtotal")
        subtotal.amount("cbc:TaxableAmount", entry.taxable_amount)
        subtotal.amount("cbc:TaxAmount", entry.tax_amount)
        category = subtotal.at("cac:TaxCategory")
        category.text("cbc:ID", entry.category)
        category.number("cbc:Percent", entry.rate)
        category.text("cbc:TaxExemptionReasonCode", entry.exemption_reason_code)
        category.text("cbc:TaxExemptionReason", entry.exemption_reason)
        write_tax_scheme(category)
    document.at("cac:TaxTotal").amount("cbc:TaxAmount", totals.vat_in_accounting_currency)


def write_sums(document: Pen, invoice: Invoice) -> None:
    """Write BG-22 but for the VAT."""
    totals = invoice.totals or DocumentTotals()
    sums = document.at("cac:LegalMonetaryTotal")
    sums.amount("cbc:LineExtensionAmount", totals.lines)
    sums.amount("cbc:TaxExclusiveAmount", totals.without_vat)
    sums.amount("cbc:TaxInclusiveAmount", totals.with_vat)
    sums.amount("cbc:AllowanceTotalAmount", totals.allowances)
    sums.amount("cbc:ChargeTotalAmount", totals.charges)
    sums.amount("cbc:PrepaidAmount", totals.paid)
    sums.amount("cbc:PayableRoundingAmount", totals.rounding)
    sums.amount("cbc:PayableAmount", totals.due)


def _sum_of_taxes(invoice: Invoice) -> Amount | None:
    """Add up the taxes (BT-117); None without any, or where one is missing or in other money."""
    taxes = [entry.tax_amount for entry in invoice.vat_breakdown]
    known = [tax.value for tax in taxes if tax is not None and tax.currency == invoice.currency]
    if invoice.currency is None or not known or len(known) < len(taxes):
        return None
    with localcontext(prec=2 * MAX_DIGITS):
        return Amount(sum(known, Decimal(0)), invoice.currency)


def _as_charge(logistics: LogisticsCharge) -> AllowanceCharge:
    return AllowanceCharge(
        amount=logistics.amount,
        vat_category=logistics.vat_category,
        vat_rate=logistics.vat_rate,
        reason=logistics.description,
    )
