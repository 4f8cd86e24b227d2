"""The semantic model into CII invoices (syntax binding EN 16931-3-3).

Writes what the model says and judges nothing; the elements are in the order of the schema, which
is the same from D16B to D22B and in all profiles of Factur-X. Parties, payment and lines have
modules of their own beside this one.
"""

from typing import Final

from lxml import etree

from ubl.amounts import NO_CURRENCY
from ubl.cii.codes import (
    INVOICE_ROOT,
    PROJECT_NAME,
    SUPPORTING_TYPE,
    TENDER_TYPE,
    VAT,
    tax_point_code_out,
)
from ubl.cii.write_line import write_line
from ubl.cii.write_party import party_of, write_party
from ubl.cii.write_payment import creditor_of, payment_reference_of, write_payment_means
from ubl.cii.write_places import (
    write_amount,
    write_date,
    write_day,
    write_formatted_day,
    write_indicator,
    write_period,
    write_vat_sums,
)
from ubl.cii.write_price import write_allowances_charges
from ubl.cii.write_references import (
    write_dated_number,
    write_notes,
    write_object,
    write_preceding,
    write_references,
    write_supporting,
)
from ubl.cii.write_terms import (
    write_advance_payments,
    write_currency_exchange,
    write_logistics_charges,
    write_terms,
)
from ubl.model import DocumentReferences, DocumentTotals, FurtherParties, Invoice
from ubl.namespaces import QDT, RAM, RSM, UDT
from ubl.pen import Pen

__all__ = ["write_cii"]

_NAMESPACES: Final = {"rsm": RSM, "ram": RAM, "qdt": QDT, "udt": UDT}


def write_cii(invoice: Invoice) -> etree._Element:
    """Write a CrossIndustryInvoice.

    What a profile does not hold must have been taken off before (``ubl.profiles``). Raises
    DocumentUnwritable and AmountUnreadable for values no XML document can carry.
    """
    document = Pen(INVOICE_ROOT)
    _write_context(document.begun("rsm:ExchangedDocumentContext"), invoice)
    _write_exchanged(document.begun("rsm:ExchangedDocument"), invoice)
    transaction = document.begun("rsm:SupplyChainTradeTransaction")
    currency = invoice.currency or NO_CURRENCY
    for line in invoice.lines:
        place = transaction.begun("ram:IncludedSupplyChainTradeLineItem")
        write_line(place, line, currency=currency)
    references = invoice.references or DocumentReferences()
    parties = invoice.parties or FurtherParties()
    agreement = transaction.begun("ram:ApplicableHeaderTradeAgreement")
    _write_agreement(agreement, invoice, references, parties)
    delivery = transaction.begun("ram:ApplicableHeaderTradeDelivery")
    _write_delivery(delivery, invoice, references, parties)
    settlement = transaction.begun("ram:ApplicableHeaderTradeSettlement")
    _write_settlement(settlement, invoice, references, parties, currency)
    return document.tree(_NAMESPACES)


def _write_context(context: Pen, invoice: Invoice) -> None:
    if invoice.is_test is not None:
        write_indicator(context, "ram:TestIndicator", value=invoice.is_test)
    process = context.at("ram:BusinessProcessSpecifiedDocumentContextParameter")
    process.text("ram:ID", invoice.business_process)
    guideline = context.at("ram:GuidelineSpecifiedDocumentContextParameter")
    guideline.text("ram:ID", invoice.specification)


def _write_exchanged(document: Pen, invoice: Invoice) -> None:
    document.text("ram:ID", invoice.number)
    document.text("ram:Name", invoice.name)
    document.text("ram:TypeCode", invoice.type_code)
    write_day(document.at("ram:IssueDateTime"), invoice.issue_date)
    if invoice.is_copy is not None:
        write_indicator(document, "ram:CopyIndicator", value=invoice.is_copy)
    document.texts("ram:LanguageID", invoice.languages)
    write_notes(document, invoice.notes)
    period = document.at("ram:EffectiveSpecifiedPeriod")
    write_day(period.at("ram:CompleteDateTime"), invoice.contractual_due_date)


def _write_agreement(
    agreement: Pen, invoice: Invoice, references: DocumentReferences, parties: FurtherParties
) -> None:
    agreement.text("ram:BuyerReference", invoice.buyer_reference)
    for name, party in (
        ("ram:SellerTradeParty", party_of(invoice.seller)),
        ("ram:BuyerTradeParty", party_of(invoice.buyer)),
        ("ram:SalesAgentTradeParty", parties.sales_agent),
        ("ram:BuyerTaxRepresentativeTradeParty", parties.buyer_tax_representative),
        ("ram:SellerTaxRepresentativeTradeParty", party_of(invoice.tax_representative)),
        ("ram:ProductEndUserTradeParty", parties.product_end_user),
    ):
        write_party(agreement, name, party)
    terms = agreement.at("ram:ApplicableTradeDeliveryTerms")
    terms.text("ram:DeliveryTypeCode", invoice.delivery_terms)
    for name, number, day in (
        ("ram:SellerOrderReferencedDocument", invoice.sales_order, references.sales_order_date),
        (
            "ram:BuyerOrderReferencedDocument",
            invoice.purchase_order,
            references.purchase_order_date,
        ),
    ):
        write_dated_number(agreement, name, number, day)
    write_references(agreement, "ram:QuotationReferencedDocument", (references.quotation,))
    write_dated_number(
        agreement,
        "ram:ContractReferencedDocument",
        invoice.contract,
        references.contract_date,
        reference_type=references.contract_type,
    )
    _write_additional(agreement, invoice, references)
    write_party(agreement, "ram:BuyerAgentTradeParty", parties.buyer_agent)
    if invoice.project is not None or invoice.project_name is not None:
        project = agreement.at("ram:SpecifiedProcuringProject")
        project.text("ram:ID", invoice.project)
        project.text("ram:Name", invoice.project_name or PROJECT_NAME)
    write_references(
        agreement,
        "ram:UltimateCustomerOrderReferencedDocument",
        references.ultimate_customer_orders,
    )


def _write_additional(agreement: Pen, invoice: Invoice, references: DocumentReferences) -> None:
    """Write what CII tells apart by type code only: BT-17, BT-18 and BG-24.

    The reader takes the first of type 50 and of type 130 for the former two.
    """
    if invoice.tender_or_lot is not None:
        tender = agreement.at("ram:AdditionalReferencedDocument")
        tender.text("ram:IssuerAssignedID", invoice.tender_or_lot)
        tender.text("ram:TypeCode", TENDER_TYPE)
        write_formatted_day(tender.at("ram:FormattedIssueDateTime"), references.tender_date)
    write_object(agreement, invoice.invoiced_object, issue_date=references.invoiced_object_date)
    for supporting in invoice.supporting_documents:
        write_supporting(agreement, supporting, type_code=SUPPORTING_TYPE)


def _write_delivery(
    delivery: Pen, invoice: Invoice, references: DocumentReferences, parties: FurtherParties
) -> None:
    movement = delivery.at(
        "ram:RelatedSupplyChainConsignment", "ram:SpecifiedLogisticsTransportMovement"
    )
    movement.text("ram:ModeCode", invoice.transport_mode)
    for name, party in (
        ("ram:ShipToTradeParty", party_of(invoice.delivery)),
        ("ram:UltimateShipToTradeParty", parties.ultimate_ship_to),
        ("ram:ShipFromTradeParty", parties.ship_from),
    ):
        write_party(delivery, name, party)
    if invoice.delivery is not None:
        event = delivery.at("ram:ActualDeliverySupplyChainEvent")
        write_day(event.at("ram:OccurrenceDateTime"), invoice.delivery.delivered_on)
    for name, number, day in (
        (
            "ram:DespatchAdviceReferencedDocument",
            invoice.despatch_advice,
            references.despatch_advice_date,
        ),
        (
            "ram:ReceivingAdviceReferencedDocument",
            invoice.receiving_advice,
            references.receiving_advice_date,
        ),
        (
            "ram:DeliveryNoteReferencedDocument",
            references.delivery_note,
            references.delivery_note_date,
        ),
    ):
        write_dated_number(delivery, name, number, day)


def _write_settlement(
    settlement: Pen,
    invoice: Invoice,
    references: DocumentReferences,
    parties: FurtherParties,
    currency: str,
) -> None:
    settlement.text("ram:CreditorReferenceID", creditor_of(invoice.payment))
    settlement.text("ram:PaymentReference", payment_reference_of(invoice.payment))
    settlement.text("ram:TaxCurrencyCode", invoice.vat_accounting_currency)
    settlement.text("ram:InvoiceCurrencyCode", invoice.currency)
    settlement.text("ram:InvoiceIssuerReference", references.issuer_reference)
    for name, party in (
        ("ram:InvoicerTradeParty", parties.invoicer),
        ("ram:InvoiceeTradeParty", parties.invoicee),
        ("ram:PayeeTradeParty", party_of(invoice.payee)),
        ("ram:PayerTradeParty", parties.payer),
    ):
        write_party(settlement, name, party)
    write_currency_exchange(settlement, invoice.currency_exchange)
    write_payment_means(settlement, invoice.payment)
    _write_breakdowns(settlement, invoice, currency)
    write_period(settlement, invoice.period)
    write_allowances_charges(
        settlement, allowances=invoice.allowances, charges=invoice.charges, currency=currency
    )
    write_logistics_charges(settlement, invoice.logistics_charges, currency=currency)
    write_terms(settlement, invoice, currency=currency)
    if invoice.totals is not None:
        sums = settlement.at("ram:SpecifiedTradeSettlementHeaderMonetarySummation")
        _write_totals(sums, invoice.totals, currency)
    write_preceding(settlement, invoice.preceding_invoices)
    account = settlement.at("ram:ReceivableSpecifiedTradeAccountingAccount")
    account.text("ram:ID", invoice.accounting_reference)
    write_advance_payments(settlement, invoice.advance_payments, currency=currency)


def _write_breakdowns(settlement: Pen, invoice: Invoice, currency: str) -> None:
    """Write BG-23, with BT-7 in the first entry (CII-SR-461) and BT-8 in each."""
    for index, entry in enumerate(invoice.vat_breakdown):
        tax = settlement.at("ram:ApplicableTradeTax")
        write_amount(tax, "ram:CalculatedAmount", entry.tax_amount, currency=currency)
        tax.text("ram:TypeCode", VAT)
        tax.text("ram:ExemptionReason", entry.exemption_reason)
        for name, amount in (
            ("ram:BasisAmount", entry.taxable_amount),
            ("ram:LineTotalBasisAmount", entry.lines_amount),
            ("ram:AllowanceChargeBasisAmount", entry.allowances_charges_amount),
        ):
            write_amount(tax, name, amount, currency=currency)
        tax.text("ram:CategoryCode", entry.category)
        tax.text("ram:ExemptionReasonCode", entry.exemption_reason_code)
        if index == 0:
            write_date(tax.at("ram:TaxPointDate"), invoice.tax_point_date)
        tax.text("ram:DueDateTypeCode", tax_point_code_out(invoice.tax_point_code))
        tax.number("ram:RateApplicablePercent", entry.rate)


def _write_totals(sums: Pen, totals: DocumentTotals, currency: str) -> None:
    write_amount(sums, "ram:LineTotalAmount", totals.lines, currency=currency)
    write_amount(sums, "ram:ChargeTotalAmount", totals.charges, currency=currency)
    write_amount(sums, "ram:AllowanceTotalAmount", totals.allowances, currency=currency)
    write_amount(sums, "ram:TaxBasisTotalAmount", totals.without_vat, currency=currency)
    write_vat_sums(sums, (totals.vat, totals.vat_in_accounting_currency))
    write_amount(sums, "ram:RoundingAmount", totals.rounding, currency=currency)
    write_amount(sums, "ram:GrandTotalAmount", totals.with_vat, currency=currency)
    write_amount(sums, "ram:TotalPrepaidAmount", totals.paid, currency=currency)
    write_amount(sums, "ram:DuePayableAmount", totals.due, currency=currency)
