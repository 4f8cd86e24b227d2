"""CII invoices (D16B to D22B) into the semantic model (syntax binding EN 16931-3-3).

Reads what is there, judges nothing: an invoice that breaks rules is read as far as it goes, so
that it can be shown. Parties, payment, references and lines have modules of their own beside
this one.
"""

from dataclasses import replace
from datetime import date
from typing import Final

from lxml import etree

from ubl.amounts import NO_CURRENCY, Amount
from ubl.cii.codes import INVOICE_ROOT, PROJECT_NAME, VAT, kind_of, tax_point_code_in
from ubl.cii.places import read_day, read_period, unaccounted
from ubl.cii.read_line import read_allowances_charges, read_line
from ubl.cii.read_party import (
    read_buyer,
    read_delivery,
    read_payee,
    read_seller,
    read_tax_representative,
)
from ubl.cii.read_payment import read_payment
from ubl.cii.read_references import read_additional_documents, read_notes, read_preceding
from ubl.cursor import Cursor
from ubl.model import DocumentTotals, Invoice, VatBreakdown
from ubl.namespaces import clark
from ubl.reading import Reading

__all__ = ["CII_ROOT", "read_cii"]

CII_ROOT: Final = clark(INVOICE_ROOT)
_CONTEXT: Final = "rsm:ExchangedDocumentContext"
_DOCUMENT: Final = "rsm:ExchangedDocument"
_TRANSACTION: Final = "rsm:SupplyChainTradeTransaction"
_AGREEMENT: Final = "ram:ApplicableHeaderTradeAgreement"
_DELIVERY: Final = "ram:ApplicableHeaderTradeDelivery"
_SETTLEMENT: Final = "ram:ApplicableHeaderTradeSettlement"
_LINE: Final = "ram:IncludedSupplyChainTradeLineItem"
_TAX: Final = "ram:ApplicableTradeTax"
_ASSIGNED_ID: Final = "ram:IssuerAssignedID"
_SUMS: Final = "ram:SpecifiedTradeSettlementHeaderMonetarySummation"


def read_cii(root: etree._Element) -> Reading:
    """Read a CrossIndustryInvoice (the root ``CII_ROOT``), whatever prefixes it uses.

    Missing or unreadable values become None.
    """
    document = Cursor(root, currency=NO_CURRENCY)
    settlement = document.first(_TRANSACTION, _SETTLEMENT)
    if settlement is not None:
        document.currency = settlement.peek("ram:InvoiceCurrencyCode") or NO_CURRENCY
    return Reading(_read(document), document.uncovered())


def _read(document: Cursor) -> Invoice:
    """Read the parts one after the other; each takes the fields the parts before left open."""
    type_code = document.text(_DOCUMENT, "ram:TypeCode")
    exchanged = document.first(_DOCUMENT)
    invoice = Invoice(
        kind=kind_of(type_code),
        number=document.text(_DOCUMENT, "ram:ID"),
        issue_date=read_day(document, _DOCUMENT, "ram:IssueDateTime"),
        type_code=type_code,
        notes=() if exchanged is None else tuple(read_notes(exchanged)),
        business_process=document.text(
            _CONTEXT, "ram:BusinessProcessSpecifiedDocumentContextParameter", "ram:ID"
        ),
        specification=document.text(
            _CONTEXT, "ram:GuidelineSpecifiedDocumentContextParameter", "ram:ID"
        ),
    )
    transaction = document.first(_TRANSACTION)
    if transaction is None:
        return invoice
    if agreement := transaction.first(_AGREEMENT):
        invoice = _with_agreement(invoice, agreement)
    if delivery := transaction.first(_DELIVERY):
        invoice = _with_delivery(invoice, delivery)
    if settlement := transaction.first(_SETTLEMENT):
        invoice = _with_settlement(invoice, settlement)
    lines = tuple(read_line(line) for line in transaction.all(_LINE))
    return replace(invoice, lines=lines)


def _with_agreement(invoice: Invoice, agreement: Cursor) -> Invoice:
    tender, invoiced_object, supporting = read_additional_documents(agreement)
    agreement.expect("ram:SpecifiedProcuringProject", "ram:Name", value=PROJECT_NAME)
    return replace(
        invoice,
        buyer_reference=agreement.text("ram:BuyerReference"),
        project=agreement.text("ram:SpecifiedProcuringProject", "ram:ID"),
        contract=agreement.text("ram:ContractReferencedDocument", _ASSIGNED_ID),
        purchase_order=agreement.text("ram:BuyerOrderReferencedDocument", _ASSIGNED_ID),
        sales_order=agreement.text("ram:SellerOrderReferencedDocument", _ASSIGNED_ID),
        tender_or_lot=tender,
        invoiced_object=invoiced_object,
        seller=read_seller(agreement),
        buyer=read_buyer(agreement),
        tax_representative=read_tax_representative(agreement),
        supporting_documents=supporting,
    )


def _with_delivery(invoice: Invoice, delivery: Cursor) -> Invoice:
    return replace(
        invoice,
        receiving_advice=delivery.text("ram:ReceivingAdviceReferencedDocument", _ASSIGNED_ID),
        despatch_advice=delivery.text("ram:DespatchAdviceReferencedDocument", _ASSIGNED_ID),
        delivery=read_delivery(delivery),
    )


def _with_settlement(invoice: Invoice, settlement: Cursor) -> Invoice:
    allowances, charges = read_allowances_charges(settlement)
    taxes = tuple(settlement.all(_TAX))
    return replace(
        invoice,
        currency=settlement.text("ram:InvoiceCurrencyCode"),
        vat_accounting_currency=settlement.text("ram:TaxCurrencyCode"),
        tax_point_date=_read_tax_point_date(taxes),
        tax_point_code=_read_tax_point_code(taxes),
        due_date=read_day(settlement, "ram:SpecifiedTradePaymentTerms", "ram:DueDateDateTime"),
        accounting_reference=settlement.text(
            "ram:ReceivableSpecifiedTradeAccountingAccount", "ram:ID"
        ),
        payment_terms=settlement.text("ram:SpecifiedTradePaymentTerms", "ram:Description"),
        preceding_invoices=tuple(read_preceding(settlement)),
        payee=read_payee(settlement),
        period=read_period(settlement),
        payment=read_payment(settlement),
        allowances=allowances,
        charges=charges,
        totals=_read_totals(settlement),
        vat_breakdown=tuple(_read_vat_breakdown(tax) for tax in taxes),
    )


def _read_tax_point_date(taxes: tuple[Cursor, ...]) -> date | None:
    """Read BT-7, which CII repeats in each VAT breakdown; one that differs stays unread."""
    found: date | None = None
    for tax in taxes:
        if found is None:
            found = read_day(tax, "ram:TaxPointDate")
        elif read_day(unaccounted(tax), "ram:TaxPointDate") == found:
            read_day(tax, "ram:TaxPointDate")
    return found


def _read_tax_point_code(taxes: tuple[Cursor, ...]) -> str | None:
    """Read BT-8, which CII repeats in each VAT breakdown; one that differs stays unread."""
    found: str | None = None
    for tax in taxes:
        code = tax.peek("ram:DueDateTypeCode")
        if code is None or tax_point_code_in(code) is None:
            continue
        if found is None or code == found:
            found = tax.text("ram:DueDateTypeCode")
    return tax_point_code_in(found)


def _read_totals(settlement: Cursor) -> DocumentTotals | None:
    sums = settlement.first(_SUMS)
    if sums is None:
        return None
    vat, accounting = _read_vat_totals(sums, settlement.peek("ram:TaxCurrencyCode"))
    return DocumentTotals(
        lines=sums.amount("ram:LineTotalAmount"),
        allowances=sums.amount("ram:AllowanceTotalAmount"),
        charges=sums.amount("ram:ChargeTotalAmount"),
        without_vat=sums.amount("ram:TaxBasisTotalAmount"),
        vat=vat,
        vat_in_accounting_currency=accounting,
        with_vat=sums.amount("ram:GrandTotalAmount"),
        paid=sums.amount("ram:TotalPrepaidAmount"),
        rounding=sums.amount("ram:RoundingAmount"),
        due=sums.amount("ram:DuePayableAmount"),
    )


def _read_vat_totals(
    sums: Cursor, accounting_currency: str | None
) -> tuple[Amount | None, Amount | None]:
    """Tell BT-110 from BT-111: same element, the latter in the accounting currency (BT-6)."""
    vat: Amount | None = None
    accounting: Amount | None = None
    for total in sums.all("ram:TaxTotalAmount"):
        currency = total.element.get("currencyID", sums.currency).strip()
        is_accounting = currency == accounting_currency != sums.currency
        if is_accounting and accounting is None:
            accounting = total.amount()
        elif not is_accounting and vat is None:
            vat = total.amount()
    return vat, accounting


def _read_vat_breakdown(tax: Cursor) -> VatBreakdown:
    tax.expect("ram:TypeCode", value=VAT)
    return VatBreakdown(
        taxable_amount=tax.amount("ram:BasisAmount"),
        tax_amount=tax.amount("ram:CalculatedAmount"),
        category=tax.text("ram:CategoryCode"),
        rate=tax.number("ram:RateApplicablePercent"),
        exemption_reason=tax.text("ram:ExemptionReason"),
        exemption_reason_code=tax.text("ram:ExemptionReasonCode"),
    )
