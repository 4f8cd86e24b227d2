"""The invoice as a whole: everything EN 16931 lets an invoice or credit note say."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from ubl.model.extension_party import FurtherParties
from ubl.model.extension_payment import (
    AdvancePayment,
    CurrencyExchange,
    LogisticsCharge,
    PaymentTerms,
    ThirdPartyPayment,
)
from ubl.model.extension_references import DocumentReferences
from ubl.model.line import InvoiceLine
from ubl.model.party import Buyer, Delivery, Payee, Seller, TaxRepresentative
from ubl.model.payment import PaymentInstructions
from ubl.model.references import Note, PrecedingInvoice, SupportingDocument
from ubl.model.terms import SyntaxOnly, Term
from ubl.model.totals import AllowanceCharge, DocumentTotals, VatBreakdown
from ubl.model.values import Identifier, Period

__all__ = ["DocumentKind", "Invoice"]


class DocumentKind(StrEnum):
    """Which of the two UBL documents carried the invoice: it decides names, not meaning."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit-note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice or credit note in the terms of EN 16931-1 and of its extensions.

    The fields after the lines belong to the extensions: Factur-X and ZUGFeRD EXTENDED (BT-X),
    XRechnung (BG-DEX) and EXTENDED-CTC-FR (EXT-FR-FE). Every field may be missing: the model can
    hold an invoice that breaks the rules, so that it can be shown. Amounts are Decimal with their
    currency, signs are as the document has them.
    """

    kind: Annotated[DocumentKind, SyntaxOnly("UBL document the invoice was carried in.")]
    number: Annotated[str | None, Term("BT-1", "Number the seller gave the invoice.")] = None
    issue_date: Annotated[date | None, Term("BT-2", "Day on which the invoice was issued.")] = None
    type_code: Annotated[str | None, Term("BT-3", "Type of invoice: a code of UNTDID 1001.")] = None
    currency: Annotated[
        str | None, Term("BT-5", "Currency of all amounts but BT-111, ISO 4217.")
    ] = None
    vat_accounting_currency: Annotated[
        str | None, Term("BT-6", "Currency the seller accounts VAT in, ISO 4217.")
    ] = None
    tax_point_date: Annotated[date | None, Term("BT-7", "Day on which VAT becomes due.")] = None
    tax_point_code: Annotated[
        str | None, Term("BT-8", "Event that makes VAT due: a code of UNTDID 2005 (3, 35 or 432).")
    ] = None
    due_date: Annotated[date | None, Term("BT-9", "Day by which payment is due.")] = None
    buyer_reference: Annotated[
        str | None, Term("BT-10", "Reference the buyer asked for, for routing.")
    ] = None
    project: Annotated[str | None, Term("BT-11", "Project the invoice belongs to.")] = None
    contract: Annotated[str | None, Term("BT-12", "Contract the invoice belongs to.")] = None
    purchase_order: Annotated[str | None, Term("BT-13", "Order of the buyer.")] = None
    sales_order: Annotated[str | None, Term("BT-14", "Order as the seller registered it.")] = None
    receiving_advice: Annotated[str | None, Term("BT-15", "Receiving advice for the delivery.")] = (
        None
    )
    despatch_advice: Annotated[str | None, Term("BT-16", "Despatch advice for the delivery.")] = (
        None
    )
    tender_or_lot: Annotated[str | None, Term("BT-17", "Tender or lot the invoice belongs to.")] = (
        None
    )
    invoiced_object: Annotated[
        Identifier | None, Term("BT-18", "Object the invoice is about; scheme from UNTDID 1153.")
    ] = None
    accounting_reference: Annotated[
        str | None, Term("BT-19", "Where the buyer is to book the invoice.")
    ] = None
    payment_terms: Annotated[str | None, Term("BT-20", "Terms of payment in words.")] = None
    notes: Annotated[tuple[Note, ...], Term("BG-1", "Free texts on the invoice.")] = ()
    business_process: Annotated[
        str | None, Term("BT-23", "Business process the invoice is part of.")
    ] = None
    specification: Annotated[
        str | None,
        Term("BT-24", "Rules the invoice follows: EN 16931 or a specification based on it."),
    ] = None
    preceding_invoices: Annotated[
        tuple[PrecedingInvoice, ...], Term("BG-3", "Earlier invoices referred to.")
    ] = ()
    seller: Annotated[Seller | None, Term("BG-4", "Who supplies and invoices.")] = None
    buyer: Annotated[Buyer | None, Term("BG-7", "Who buys and is to pay.")] = None
    payee: Annotated[Payee | None, Term("BG-10", "Who is paid, where not the seller.")] = None
    tax_representative: Annotated[
        TaxRepresentative | None, Term("BG-11", "Who answers for the seller's VAT.")
    ] = None
    delivery: Annotated[Delivery | None, Term("BG-13", "Where and when delivery took place.")] = (
        None
    )
    period: Annotated[Period | None, Term("BG-14", "Period the invoice is for.")] = None
    payment: Annotated[
        tuple[PaymentInstructions, ...], Term("BG-16", "How the invoice may be paid.")
    ] = ()
    allowances: Annotated[
        tuple[AllowanceCharge, ...], Term("BG-20", "Allowances on document level.")
    ] = ()
    charges: Annotated[
        tuple[AllowanceCharge, ...], Term("BG-21", "Charges on document level.")
    ] = ()
    totals: Annotated[DocumentTotals | None, Term("BG-22", "Sums of the invoice.")] = None
    vat_breakdown: Annotated[
        tuple[VatBreakdown, ...], Term("BG-23", "VAT by category and rate.")
    ] = ()
    supporting_documents: Annotated[
        tuple[SupportingDocument, ...], Term("BG-24", "Documents that back the invoice.")
    ] = ()
    lines: Annotated[tuple[InvoiceLine, ...], Term("BG-25", "Lines of the invoice.")] = ()
    name: Annotated[str | None, Term("BT-X-2", "Name of the document, such as its title.")] = None
    is_test: Annotated[bool | None, Term("BT-X-1", "Whether the document is a test.")] = None
    is_copy: Annotated[bool | None, Term("BT-X-3", "Whether the document is a copy.")] = None
    languages: Annotated[
        tuple[str, ...], Term("BT-X-4", "Languages of the document, ISO 639-1.")
    ] = ()
    contractual_due_date: Annotated[
        date | None, Term("BT-X-6", "Day by which the contract asks for payment.")
    ] = None
    project_name: Annotated[
        str | None, SyntaxOnly("Name of the project, which CII states beside BT-11.")
    ] = None
    references: Annotated[
        DocumentReferences | None, SyntaxOnly("Dates of references, and further documents.")
    ] = None
    parties: Annotated[
        FurtherParties | None, SyntaxOnly("Agents, payers and others who take part.")
    ] = None
    delivery_terms: Annotated[
        str | None, Term("BT-X-145", "Terms of delivery: a code of UNTDID 4053 (Incoterms).")
    ] = None
    transport_mode: Annotated[
        str | None, Term("BT-X-152", "Means of transport: a code of UN/ECE Recommendation 19.")
    ] = None
    payment_terms_details: Annotated[
        tuple[PaymentTerms, ...],
        SyntaxOnly("Discounts, penalties and instalments; the first belongs to BT-20 and BT-9."),
    ] = ()
    logistics_charges: Annotated[
        tuple[LogisticsCharge, ...], Term("BG-X-42", "Charges for transport and packing.")
    ] = ()
    currency_exchange: Annotated[
        CurrencyExchange | None, Term("BG-X-41", "Rate VAT was converted at.")
    ] = None
    advance_payments: Annotated[
        tuple[AdvancePayment, ...], Term("BG-X-45", "Payments made in advance, with their VAT.")
    ] = ()
    third_party_payments: Annotated[
        tuple[ThirdPartyPayment, ...],
        Term("BG-DEX-09", "Claims of others collected with the invoice."),
    ] = ()
