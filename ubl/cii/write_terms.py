"""Writes what a CII invoice says of money beyond its sums: terms, advances, freight charges."""

from collections.abc import Iterable

from ubl.cii.codes import VAT
from ubl.cii.write_party import write_party
from ubl.cii.write_payment import mandate_of
from ubl.cii.write_places import write_amount, write_day, write_formatted_day
from ubl.cii.write_references import write_references
from ubl.model import (
    AdvancePayment,
    CurrencyExchange,
    Invoice,
    LogisticsCharge,
    PaymentCondition,
    PaymentTerms,
)
from ubl.payment_terms import terms_text
from ubl.pen import Pen

__all__ = [
    "write_advance_payments",
    "write_currency_exchange",
    "write_logistics_charges",
    "write_terms",
]


def write_terms(settlement: Pen, invoice: Invoice, *, currency: str) -> None:
    """Write the terms of payment: BT-9, BT-20 and BT-89 with the first, then further ones."""
    first, *further = invoice.payment_terms_details or (PaymentTerms(),)
    # Further terms are told from the first by their place alone, so it is written even if empty.
    place = (Pen.begun if further else Pen.at)(settlement, "ram:SpecifiedTradePaymentTerms")
    place.text("ram:Description", terms_text(invoice.payment_terms))
    write_day(place.at("ram:DueDateDateTime"), invoice.due_date)
    place.identifier("ram:DirectDebitMandateID", mandate_of(invoice.payment))
    _write_details(place, first, currency)
    for terms in further:
        place = settlement.at("ram:SpecifiedTradePaymentTerms")
        place.text("ram:Description", terms.text)
        write_day(place.at("ram:DueDateDateTime"), terms.due_date)
        _write_details(place, terms, currency)


def _write_details(place: Pen, terms: PaymentTerms, currency: str) -> None:
    write_amount(place, "ram:PartialPaymentAmount", terms.partial_amount, currency=currency)
    for kind, conditions in (("Penalty", terms.penalties), ("Discount", terms.discounts)):
        for condition in conditions:
            detail = place.at(f"ram:ApplicableTradePayment{kind}Terms")
            _write_condition(detail, condition, kind=kind, currency=currency)
    write_party(place, "ram:PayeeTradeParty", terms.payee)


def _write_condition(place: Pen, condition: PaymentCondition, *, kind: str, currency: str) -> None:
    write_day(place.at("ram:BasisDateTime"), condition.from_date)
    place.quantity("ram:BasisPeriodMeasure", condition.period)
    write_amount(place, "ram:BasisAmount", condition.base_amount, currency=currency)
    place.number("ram:CalculationPercent", condition.percentage)
    write_amount(place, f"ram:Actual{kind}Amount", condition.amount, currency=currency)


def write_logistics_charges(
    settlement: Pen, charges: Iterable[LogisticsCharge], *, currency: str
) -> None:
    """Write the charges for freight and the like (BG-X-42)."""
    for charge in charges:
        place = settlement.at("ram:SpecifiedLogisticsServiceCharge")
        place.text("ram:Description", charge.description)
        write_amount(place, "ram:AppliedAmount", charge.amount, currency=currency)
        if charge.vat_category is not None or charge.vat_rate is not None:
            tax = place.at("ram:AppliedTradeTax")
            tax.text("ram:TypeCode", VAT)
            tax.text("ram:CategoryCode", charge.vat_category)
            tax.number("ram:RateApplicablePercent", charge.vat_rate)


def write_currency_exchange(settlement: Pen, exchange: CurrencyExchange | None) -> None:
    """Write the rate between the invoice's and the accounting currency (BG-X-41)."""
    if exchange is None:
        return
    place = settlement.at("ram:TaxApplicableTradeCurrencyExchange")
    place.text("ram:SourceCurrencyCode", exchange.source_currency)
    place.text("ram:TargetCurrencyCode", exchange.target_currency)
    place.number("ram:ConversionRate", exchange.rate)
    write_day(place.at("ram:ConversionRateDateTime"), exchange.day)


def write_advance_payments(
    settlement: Pen, payments: Iterable[AdvancePayment], *, currency: str
) -> None:
    """Write what was paid in advance and the VAT in it (BG-X-45)."""
    for payment in payments:
        place = settlement.at("ram:SpecifiedAdvancePayment")
        write_amount(place, "ram:PaidAmount", payment.amount, currency=currency)
        write_formatted_day(place.at("ram:FormattedReceivedDateTime"), payment.received_on)
        for entry in payment.vat:
            tax = place.at("ram:IncludedTradeTax")
            write_amount(tax, "ram:CalculatedAmount", entry.amount, currency=currency)
            tax.text("ram:TypeCode", VAT)
            tax.text("ram:ExemptionReason", entry.exemption_reason)
            tax.text("ram:CategoryCode", entry.category)
            tax.text("ram:ExemptionReasonCode", entry.exemption_reason_code)
            tax.number("ram:RateApplicablePercent", entry.rate)
        write_references(place, "ram:InvoiceSpecifiedReferencedDocument", (payment.invoice,))
