"""CII invoices (D16B to D22B) into the semantic model (syntax binding EN 16931-3-3).

Reads what is there, judges nothing: an invoice that breaks rules is read as far as it goes, so
that it can be shown. Parties, payment, references and lines have modules of their own beside
this one. The terms of Factur-X EXTENDED and EXTENDED-CTC-FR are read wherever they stand.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from lxml import etree

from ubl.amounts import NO_CURRENCY
from ubl.cii.codes import INVOICE_ROOT, PROJECT_NAME, VAT, kind_of, tax_point_code_in
from ubl.cii.places import read_day, read_indicator, read_period, unaccounted
from ubl.cii.read_line import read_line, read_vat_sums
from ubl.cii.read_party import (
    read_buyer,
    read_delivery,
    read_further_parties,
    read_payee,
    read_seller,
    read_tax_representative,
)
from ubl.cii.read_payment import read_payment
from ubl.cii.read_price import read_allowances_charges
from ubl.cii.read_references import (
    read_additional_documents,
    read_dated_number,
    read_notes,
    read_preceding,
    read_reference,
    read_references,
)
from ubl.cii.read_terms import (
    read_advance_payments,
    read_currency_exchange,
    read_logistics_charges,
    read_terms_details,
)
from ubl.cursor import Account, Cursor
from ubl.model import DocumentReferences, DocumentTotals, Invoice, VatBreakdown, given
from ubl.namespaces import clark
from ubl.reading import Reading

__all__ = ["CII_ROOT", "cii_invoice", "read_cii"]

CII_ROOT: Final = clark(INVOICE_ROOT)
_CONTEXT: Final = "rsm:ExchangedDocumentContext"
_DOCUMENT: Final = "rsm:ExchangedDocument"
_TRANSACTION: Final = "rsm:SupplyChainTradeTransaction"
_LINE: Final = "ram:IncludedSupplyChainTradeLineItem"
_TAX: Final = "ram:ApplicableTradeTax"
_SUMS: Final = "ram:SpecifiedTradeSettlementHeaderMonetarySummation"


def read_cii(root: etree._Element) -> Reading:
    """Read a CrossIndustryInvoice (the root ``CII_ROOT``), whatever prefixes it uses.

    Missing or unreadable values become None.
    """
    document = _begin(root, set())
    return Reading(_read(document), document.uncovered())


def cii_invoice(root: etree._Element) -> Invoice:
    """Read what the model holds, without an account of what the document says beyond it."""
    return _read(_begin(root, None))


def _begin(root: etree._Element, covered: Account | None) -> Cursor:
    document = Cursor(root, currency=NO_CURRENCY, covered=covered)
    settlement = document.first(_TRANSACTION, "ram:ApplicableHeaderTradeSettlement")
    if settlement is not None:
        document.currency = settlement.peek("ram:InvoiceCurrencyCode") or NO_CURRENCY
    return document


def _read(document: Cursor) -> Invoice:
    """Read the parts one after the other; each fills the fields the parts before left open."""
    invoice = _read_exchanged(document)
    transaction = document.first(_TRANSACTION)
    if transaction is None:
        return invoice
    agreement = transaction.first("ram:ApplicableHeaderTradeAgreement")
    delivery = transaction.first("ram:ApplicableHeaderTradeDelivery")
    settlement = transaction.first("ram:ApplicableHeaderTradeSettlement")
    steps: tuple[tuple[Callable[[Invoice, Cursor], Invoice], Cursor | None], ...] = (
        (_with_agreement, agreement),
        (_with_delivery, delivery),
        (_with_settlement, settlement),
        (_with_sums, settlement),
    )
    for step, place in steps:
        if place is not None:
            invoice = step(invoice, place)
    accounting_currency = invoice.vat_accounting_currency
    return replace(
        invoice,
        parties=read_further_parties(agreement, delivery, settlement),
        lines=tuple(
            read_line(line, accounting_currency=accounting_currency)
            for line in transaction.all(_LINE)
        ),
    )


def _read_exchanged(document: Cursor) -> Invoice:
    exchanged = document.first(_DOCUMENT)
    type_code = document.text(_DOCUMENT, "ram:TypeCode")
    return Invoice(
        kind=kind_of(type_code),
        number=document.text(_DOCUMENT, "ram:ID"),
        issue_date=read_day(document, _DOCUMENT, "ram:IssueDateTime"),
        type_code=type_code,
        notes=tuple(read_notes(exchanged)),
        business_process=document.text(
            _CONTEXT, "ram:BusinessProcessSpecifiedDocumentContextParameter", "ram:ID"
        ),
        specification=document.text(
            _CONTEXT, "ram:GuidelineSpecifiedDocumentContextParameter", "ram:ID"
        ),
        name=document.text(_DOCUMENT, "ram:Name"),
        is_test=read_indicator(document.first(_CONTEXT), "ram:TestIndicator"),
        is_copy=read_indicator(exchanged, "ram:CopyIndicator"),
        languages=() if exchanged is None else exchanged.texts("ram:LanguageID"),
        contractual_due_date=read_day(
            document, _DOCUMENT, "ram:EffectiveSpecifiedPeriod", "ram:CompleteDateTime"
        ),
    )


def _with_agreement(invoice: Invoice, agreement: Cursor) -> Invoice:
    documents = read_additional_documents(agreement)
    order, order_date = read_dated_number(agreement, "ram:BuyerOrderReferencedDocument")
    sale, sale_date = read_dated_number(agreement, "ram:SellerOrderReferencedDocument")
    contract, contract_date = read_dated_number(agreement, "ram:ContractReferencedDocument")
    agreement.expect("ram:SpecifiedProcuringProject", "ram:Name", value=PROJECT_NAME)
    project_name = agreement.text("ram:SpecifiedProcuringProject", "ram:Name")
    return replace(
        invoice,
        buyer_reference=agreement.text("ram:BuyerReference"),
        project=agreement.text("ram:SpecifiedProcuringProject", "ram:ID"),
        project_name=None if project_name == PROJECT_NAME else project_name,
        contract=contract,
        purchase_order=order,
        sales_order=sale,
        tender_or_lot=documents.tender,
        invoiced_object=documents.invoiced_object,
        seller=read_seller(agreement),
        buyer=read_buyer(agreement),
        tax_representative=read_tax_representative(agreement),
        supporting_documents=documents.supporting,
        delivery_terms=agreement.text("ram:ApplicableTradeDeliveryTerms", "ram:DeliveryTypeCode"),
        references=given(
            DocumentReferences(
                purchase_order_date=order_date,
                sales_order_date=sale_date,
                contract_date=contract_date,
                contract_type=agreement.text(
                    "ram:ContractReferencedDocument", "ram:ReferenceTypeCode"
                ),
                tender_date=documents.tender_date,
                invoiced_object_date=documents.invoiced_object_date,
                quotation=read_reference(agreement, "ram:QuotationReferencedDocument"),
                ultimate_customer_orders=tuple(
                    read_references(agreement, "ram:UltimateCustomerOrderReferencedDocument")
                ),
            )
        ),
    )


def _with_delivery(invoice: Invoice, delivery: Cursor) -> Invoice:
    receiving, receiving_date = read_dated_number(delivery, "ram:ReceivingAdviceReferencedDocument")
    despatch, despatch_date = read_dated_number(delivery, "ram:DespatchAdviceReferencedDocument")
    note, note_date = read_dated_number(delivery, "ram:DeliveryNoteReferencedDocument")
    return replace(
        invoice,
        receiving_advice=receiving,
        despatch_advice=despatch,
        delivery=read_delivery(delivery),
        transport_mode=delivery.text(
            "ram:RelatedSupplyChainConsignment",
            "ram:SpecifiedLogisticsTransportMovement",
            "ram:ModeCode",
        ),
        references=given(
            replace(
                invoice.references or DocumentReferences(),
                receiving_advice_date=receiving_date,
                despatch_advice_date=despatch_date,
                delivery_note=note,
                delivery_note_date=note_date,
            )
        ),
    )


def _with_settlement(invoice: Invoice, settlement: Cursor) -> Invoice:
    issuer_reference = settlement.text("ram:InvoiceIssuerReference")
    references = replace(
        invoice.references or DocumentReferences(), issuer_reference=issuer_reference
    )
    return replace(
        invoice,
        currency=settlement.text("ram:InvoiceCurrencyCode"),
        vat_accounting_currency=settlement.text("ram:TaxCurrencyCode"),
        due_date=read_day(settlement, "ram:SpecifiedTradePaymentTerms", "ram:DueDateDateTime"),
        accounting_reference=settlement.text(
            "ram:ReceivableSpecifiedTradeAccountingAccount", "ram:ID"
        ),
        payment_terms=settlement.text("ram:SpecifiedTradePaymentTerms", "ram:Description"),
        preceding_invoices=tuple(read_preceding(settlement)),
        payee=read_payee(settlement),
        period=read_period(settlement),
        payment=read_payment(settlement),
        payment_terms_details=read_terms_details(settlement),
        currency_exchange=read_currency_exchange(settlement),
        references=given(references),
    )


def _with_sums(invoice: Invoice, settlement: Cursor) -> Invoice:
    allowances, charges = read_allowances_charges(settlement)
    taxes = tuple(settlement.all(_TAX))
    return replace(
        invoice,
        tax_point_date=_read_tax_point_date(taxes),
        tax_point_code=_read_tax_point_code(taxes),
        allowances=allowances,
        charges=charges,
        totals=_read_totals(settlement, invoice.vat_accounting_currency),
        vat_breakdown=tuple(_read_vat_breakdowns(taxes)),
        logistics_charges=tuple(read_logistics_charges(settlement)),
        advance_payments=tuple(read_advance_payments(settlement)),
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
        if tax_point_code_in(code) is not None and found in (None, code):
            found = tax.text("ram:DueDateTypeCode")
    return tax_point_code_in(found)


def _read_totals(settlement: Cursor, accounting_currency: str | None) -> DocumentTotals | None:
    sums = settlement.first(_SUMS)
    if sums is None:
        return None
    vat, accounting = read_vat_sums(sums, accounting_currency)
    return given(
        DocumentTotals(
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
    )


def _read_vat_breakdowns(taxes: tuple[Cursor, ...]) -> Iterator[VatBreakdown]:
    for tax in taxes:
        tax.expect("ram:TypeCode", value=VAT)
        yield VatBreakdown(
            taxable_amount=tax.amount("ram:BasisAmount"),
            tax_amount=tax.amount("ram:CalculatedAmount"),
            category=tax.text("ram:CategoryCode"),
            rate=tax.number("ram:RateApplicablePercent"),
            exemption_reason=tax.text("ram:ExemptionReason"),
            exemption_reason_code=tax.text("ram:ExemptionReasonCode"),
            lines_amount=tax.amount("ram:LineTotalBasisAmount"),
            allowances_charges_amount=tax.amount("ram:AllowanceChargeBasisAmount"),
        )
