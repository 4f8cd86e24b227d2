"""What a UBL invoice adds up to: its sums, its VAT, and the rate VAT was converted at."""

from collections.abc import Iterator

from ubl.amounts import Amount
from ubl.cursor import Cursor
from ubl.model import CurrencyExchange, DocumentTotals, VatBreakdown, given

__all__ = ["read_currency_exchange", "read_totals", "read_vat_breakdown", "read_vat_totals"]


def read_totals(document: Cursor, accounting_currency: str | None) -> DocumentTotals | None:
    """Read BG-22."""
    sums = document.first("cac:LegalMonetaryTotal")
    vat, accounting = read_vat_totals(document, accounting_currency)
    if sums is None:
        return given(DocumentTotals(vat=vat, vat_in_accounting_currency=accounting))
    return given(
        DocumentTotals(
            lines=sums.amount("cbc:LineExtensionAmount"),
            allowances=sums.amount("cbc:AllowanceTotalAmount"),
            charges=sums.amount("cbc:ChargeTotalAmount"),
            without_vat=sums.amount("cbc:TaxExclusiveAmount"),
            vat=vat,
            vat_in_accounting_currency=accounting,
            with_vat=sums.amount("cbc:TaxInclusiveAmount"),
            paid=sums.amount("cbc:PrepaidAmount"),
            rounding=sums.amount("cbc:PayableRoundingAmount"),
            due=sums.amount("cbc:PayableAmount"),
        )
    )


def read_vat_totals(
    place: Cursor, accounting_currency: str | None
) -> tuple[Amount | None, Amount | None]:
    """Tell BT-110 from BT-111: same element, the latter in the accounting currency (BT-6)."""
    vat: Amount | None = None
    accounting: Amount | None = None
    for total in place.all("cac:TaxTotal"):
        amount = total.first("cbc:TaxAmount")
        if amount is None:
            continue
        currency = amount.element.get("currencyID", place.currency).strip()
        is_accounting = currency == accounting_currency != place.currency
        if is_accounting and accounting is None:
            accounting = amount.amount()
        elif not is_accounting and vat is None:
            vat = amount.amount()
    return vat, accounting


def read_vat_breakdown(document: Cursor) -> Iterator[VatBreakdown]:
    """Read BG-23."""
    for total in document.all("cac:TaxTotal"):
        for subtotal in total.all("cac:TaxSubtotal"):
            subtotal.expect("cac:TaxCategory", "cac:TaxScheme", "cbc:ID", value="VAT")
            yield VatBreakdown(
                taxable_amount=subtotal.amount("cbc:TaxableAmount"),
                tax_amount=subtotal.amount("cbc:TaxAmount"),
                category=subtotal.text("cac:TaxCategory", "cbc:ID"),
                rate=subtotal.number("cac:TaxCategory", "cbc:Percent"),
                exemption_reason=subtotal.text("cac:TaxCategory", "cbc:TaxExemptionReason"),
                exemption_reason_code=subtotal.text(
                    "cac:TaxCategory", "cbc:TaxExemptionReasonCode"
                ),
            )


def read_currency_exchange(document: Cursor) -> CurrencyExchange | None:
    """Read the rate between invoice and accounting currency (Factur-X BG-X-41)."""
    rate = document.first("cac:TaxExchangeRate")
    if rate is None:
        return None
    return given(
        CurrencyExchange(
            source_currency=rate.text("cbc:SourceCurrencyCode"),
            target_currency=rate.text("cbc:TargetCurrencyCode"),
            rate=rate.number("cbc:CalculationRate"),
            day=rate.day("cbc:Date"),
        )
    )
