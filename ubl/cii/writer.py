"""The semantic model into CII invoices (syntax binding EN 16931-3-3).

Writes what the model says and judges nothing; the elements are in the order of the schema, which
is the same from D16B to D22B and in all profiles of Factur-X. Parties, payment and lines have
modules of their own beside this one.
"""

from typing import Final

from lxml import etree

from ubl.amounts import NO_CURRENCY, decimal_text
from ubl.cii.codes import (
    PROJECT_NAME,
    SUPPORTING_TYPE,
    TENDER_TYPE,
    VAT,
    tax_point_code_out,
)
from ubl.cii.reader import CII_ROOT
from ubl.cii.write_line import write_allowances_charges, write_line, write_object
from ubl.cii.write_party import (
    write_buyer,
    write_delivery,
    write_payee,
    write_seller,
    write_tax_representative,
)
from ubl.cii.write_payment import (
    creditor_of,
    mandate_of,
    payment_reference_of,
    write_payment_means,
)
from ubl.cii.write_places import (
    begun,
    write_amount,
    write_date,
    write_day,
    write_formatted_day,
    write_period,
)
from ubl.model import DocumentTotals, Invoice, SupportingDocument, VatBreakdown
from ubl.namespaces import QDT, RAM, RSM, UDT
from ubl.pen import Pen

__all__ = ["write_cii"]

_NAMESPACES: Final[dict[str | None, str]] = {"rsm": RSM, "ram": RAM, "qdt": QDT, "udt": UDT}


def write_cii(invoice: Invoice) -> etree._Element:
    """Write a CrossIndustryInvoice.

    What a profile does not hold must have been taken off before (``ubl.profiles``). Raises
    DocumentUnwritable and AmountUnreadable for values no XML document can carry.
    """
    document = Pen.document(CII_ROOT, _NAMESPACES)
    _write_context(document.at("rsm:ExchangedDocumentContext"), invoice)
    _write_exchanged(document.at("rsm:ExchangedDocument"), invoice)
    transaction = document.at("rsm:SupplyChainTradeTransaction")
    currency = invoice.currency or NO_CURRENCY
    for line in invoice.lines:
        write_line(transaction.at("ram:IncludedSupplyChainTradeLineItem"), line, currency=currency)
    _write_agreement(transaction.at("ram:ApplicableHeaderTradeAgreement"), invoice)
    _write_delivery(begun(transaction, "ram:ApplicableHeaderTradeDelivery"), invoice)
    _write_settlement(transaction.at("ram:ApplicableHeaderTradeSettlement"), invoice, currency)
    return document.element


def _write_context(context: Pen, invoice: Invoice) -> None:
    process = context.at("ram:BusinessProcessSpecifiedDocumentContextParameter")
    process.text("ram:ID", invoice.business_process)
    guideline = context.at("ram:GuidelineSpecifiedDocumentContextParameter")
    guideline.text("ram:ID", invoice.specification)


def _write_exchanged(document: Pen, invoice: Invoice) -> None:
    document.text("ram:ID", invoice.number)
    document.text("ram:TypeCode", invoice.type_code)
    write_day(document.at("ram:IssueDateTime"), invoice.issue_date)
    for note in invoice.notes:
        place = document.at("ram:IncludedNote")
        place.text("ram:Content", note.text)
        place.text("ram:SubjectCode", note.subject_code)


def _write_agreement(agreement: Pen, invoice: Invoice) -> None:
    agreement.text("ram:BuyerReference", invoice.buyer_reference)
    write_seller(agreement, invoice.seller)
    write_buyer(agreement, invoice.buyer)
    write_tax_representative(agreement, invoice.tax_representative)
    for name, number in (
        ("ram:SellerOrderReferencedDocument", invoice.sales_order),
        ("ram:BuyerOrderReferencedDocument", invoice.purchase_order),
        ("ram:ContractReferencedDocument", invoice.contract),
    ):
        agreement.at(name).text("ram:IssuerAssignedID", number)
    for supporting in invoice.supporting_documents:
        _write_supporting(agreement.at("ram:AdditionalReferencedDocument"), supporting)
    if invoice.tender_or_lot is not None:
        tender = agreement.at("ram:AdditionalReferencedDocument")
        tender.text("ram:IssuerAssignedID", invoice.tender_or_lot)
        tender.text("ram:TypeCode", TENDER_TYPE)
    write_object(agreement, invoice.invoiced_object)
    if invoice.project is not None:
        project = agreement.at("ram:SpecifiedProcuringProject")
        project.text("ram:ID", invoice.project)
        project.text("ram:Name", PROJECT_NAME)


def _write_supporting(reference: Pen, supporting: SupportingDocument) -> None:
    reference.text("ram:IssuerAssignedID", supporting.reference)
    reference.text("ram:URIID", supporting.location)
    reference.text("ram:TypeCode", SUPPORTING_TYPE)
    reference.text("ram:Name", supporting.description)
    if (attachment := supporting.attachment) is not None:
        reference.text(
            "ram:AttachmentBinaryObject",
            attachment.encoded,
            mimeCode=attachment.mime_type,
            filename=attachment.file_name,
        )


def _write_delivery(delivery: Pen, invoice: Invoice) -> None:
    write_delivery(delivery, invoice.delivery)
    for name, number in (
        ("ram:DespatchAdviceReferencedDocument", invoice.despatch_advice),
        ("ram:ReceivingAdviceReferencedDocument", invoice.receiving_advice),
    ):
        delivery.at(name).text("ram:IssuerAssignedID", number)


def _write_settlement(settlement: Pen, invoice: Invoice, currency: str) -> None:
    settlement.text("ram:CreditorReferenceID", creditor_of(invoice.payment))
    settlement.text("ram:PaymentReference", payment_reference_of(invoice.payment))
    settlement.text("ram:TaxCurrencyCode", invoice.vat_accounting_currency)
    settlement.text("ram:InvoiceCurrencyCode", invoice.currency)
    write_payee(settlement, invoice.payee)
    write_payment_means(settlement, invoice.payment)
    for breakdown in invoice.vat_breakdown:
        tax = settlement.at("ram:ApplicableTradeTax")
        _write_breakdown(tax, breakdown, invoice, currency)
    write_period(settlement, invoice.period)
    write_allowances_charges(
        settlement, allowances=invoice.allowances, charges=invoice.charges, currency=currency
    )
    terms = settlement.at("ram:SpecifiedTradePaymentTerms")
    terms.text("ram:Description", invoice.payment_terms)
    write_day(terms.at("ram:DueDateDateTime"), invoice.due_date)
    terms.identifier("ram:DirectDebitMandateID", mandate_of(invoice.payment))
    if invoice.totals is not None:
        sums = settlement.at("ram:SpecifiedTradeSettlementHeaderMonetarySummation")
        _write_totals(sums, invoice.totals, currency)
    for earlier in invoice.preceding_invoices:
        reference = settlement.at("ram:InvoiceReferencedDocument")
        reference.text("ram:IssuerAssignedID", earlier.number)
        write_formatted_day(reference.at("ram:FormattedIssueDateTime"), earlier.issue_date)
    account = settlement.at("ram:ReceivableSpecifiedTradeAccountingAccount")
    account.text("ram:ID", invoice.accounting_reference)


def _write_breakdown(tax: Pen, entry: VatBreakdown, invoice: Invoice, currency: str) -> None:
    """Write one entry of BG-23, and BT-7 and BT-8, which CII repeats in each."""
    write_amount(tax, "ram:CalculatedAmount", entry.tax_amount, currency=currency)
    tax.text("ram:TypeCode", VAT)
    tax.text("ram:ExemptionReason", entry.exemption_reason)
    write_amount(tax, "ram:BasisAmount", entry.taxable_amount, currency=currency)
    tax.text("ram:CategoryCode", entry.category)
    tax.text("ram:ExemptionReasonCode", entry.exemption_reason_code)
    write_date(tax.at("ram:TaxPointDate"), invoice.tax_point_date)
    tax.text("ram:DueDateTypeCode", tax_point_code_out(invoice.tax_point_code))
    tax.number("ram:RateApplicablePercent", entry.rate)


def _write_totals(sums: Pen, totals: DocumentTotals, currency: str) -> None:
    write_amount(sums, "ram:LineTotalAmount", totals.lines, currency=currency)
    write_amount(sums, "ram:ChargeTotalAmount", totals.charges, currency=currency)
    write_amount(sums, "ram:AllowanceTotalAmount", totals.allowances, currency=currency)
    write_amount(sums, "ram:TaxBasisTotalAmount", totals.without_vat, currency=currency)
    for total in (totals.vat, totals.vat_in_accounting_currency):
        if total is not None:
            named = None if total.currency == NO_CURRENCY else total.currency
            sums.text("ram:TaxTotalAmount", decimal_text(total.value), currencyID=named)
    write_amount(sums, "ram:RoundingAmount", totals.rounding, currency=currency)
    write_amount(sums, "ram:GrandTotalAmount", totals.with_vat, currency=currency)
    write_amount(sums, "ram:TotalPrepaidAmount", totals.paid, currency=currency)
    write_amount(sums, "ram:DuePayableAmount", totals.due, currency=currency)
