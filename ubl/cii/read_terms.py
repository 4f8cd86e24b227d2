"""What a CII invoice says of money beyond its sums: terms of payment, advances, freight charges."""

from collections.abc import Iterator
from typing import Final

from ubl.cii.codes import VAT
from ubl.cii.places import read_day
from ubl.cii.read_party import read_party
from ubl.cii.read_references import read_reference
from ubl.cursor import Cursor
from ubl.model import (
    AdvancePayment,
    AdvanceVat,
    CurrencyExchange,
    LogisticsCharge,
    PaymentCondition,
    PaymentTerms,
    given,
)

__all__ = [
    "read_advance_payments",
    "read_currency_exchange",
    "read_logistics_charges",
    "read_terms_details",
]

_TERMS: Final = "ram:SpecifiedTradePaymentTerms"


def read_terms_details(settlement: Cursor) -> tuple[PaymentTerms, ...]:
    """Read what the terms of payment say beyond BT-9 and BT-20 of the first.

    Where further terms follow, the first entry is there even if it has nothing to add.
    """
    details = [
        PaymentTerms(
            text=terms.text("ram:Description") if index else None,
            due_date=read_day(terms, "ram:DueDateDateTime") if index else None,
            partial_amount=terms.amount("ram:PartialPaymentAmount"),
            penalties=tuple(
                _read_conditions(terms, "ram:ApplicableTradePaymentPenaltyTerms", "Penalty")
            ),
            discounts=tuple(
                _read_conditions(terms, "ram:ApplicableTradePaymentDiscountTerms", "Discount")
            ),
            payee=read_party(terms, "ram:PayeeTradeParty"),
        )
        for index, terms in enumerate(settlement.all(_TERMS))
    ]
    while details and details[-1] == PaymentTerms():
        details.pop()
    return tuple(details)


def _read_conditions(terms: Cursor, name: str, kind: str) -> Iterator[PaymentCondition]:
    for place in terms.all(name):
        condition = given(
            PaymentCondition(
                from_date=read_day(place, "ram:BasisDateTime"),
                period=place.quantity("ram:BasisPeriodMeasure"),
                base_amount=place.amount("ram:BasisAmount"),
                percentage=place.number("ram:CalculationPercent"),
                amount=place.amount(f"ram:Actual{kind}Amount"),
            )
        )
        if condition is not None:
            yield condition


def read_logistics_charges(settlement: Cursor) -> Iterator[LogisticsCharge]:
    """Read the charges for freight and the like (BG-X-42)."""
    for place in settlement.all("ram:SpecifiedLogisticsServiceCharge"):
        place.expect("ram:AppliedTradeTax", "ram:TypeCode", value=VAT)
        yield LogisticsCharge(
            description=place.text("ram:Description"),
            amount=place.amount("ram:AppliedAmount"),
            vat_category=place.text("ram:AppliedTradeTax", "ram:CategoryCode"),
            vat_rate=place.number("ram:AppliedTradeTax", "ram:RateApplicablePercent"),
        )


def read_currency_exchange(settlement: Cursor) -> CurrencyExchange | None:
    """Read the rate between the invoice's and the accounting currency (BG-X-41)."""
    place = settlement.first("ram:TaxApplicableTradeCurrencyExchange")
    if place is None:
        return None
    return given(
        CurrencyExchange(
            source_currency=place.text("ram:SourceCurrencyCode"),
            target_currency=place.text("ram:TargetCurrencyCode"),
            rate=place.number("ram:ConversionRate"),
            day=read_day(place, "ram:ConversionRateDateTime"),
        )
    )


def read_advance_payments(settlement: Cursor) -> Iterator[AdvancePayment]:
    """Read what was paid in advance and the VAT in it (BG-X-45)."""
    for place in settlement.all("ram:SpecifiedAdvancePayment"):
        yield AdvancePayment(
            amount=place.amount("ram:PaidAmount"),
            received_on=read_day(place, "ram:FormattedReceivedDateTime"),
            vat=tuple(_read_advance_vat(tax) for tax in place.all("ram:IncludedTradeTax")),
            invoice=read_reference(place, "ram:InvoiceSpecifiedReferencedDocument"),
        )


def _read_advance_vat(tax: Cursor) -> AdvanceVat:
    tax.expect("ram:TypeCode", value=VAT)
    return AdvanceVat(
        amount=tax.amount("ram:CalculatedAmount"),
        category=tax.text("ram:CategoryCode"),
        rate=tax.number("ram:RateApplicablePercent"),
        exemption_reason=tax.text("ram:ExemptionReason"),
        exemption_reason_code=tax.text("ram:ExemptionReasonCode"),
    )
