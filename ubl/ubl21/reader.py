"""UBL 2.1 invoices and credit notes into the semantic model (syntax binding EN 16931-3-2).

Reads what is there, judges nothing: an invoice that breaks rules is read as far as it goes, so
that it can be shown. What the extensions add is read where UBL has a place for it. Parties,
references, payment, totals and lines have modules of their own beside this one.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from lxml import etree

from ubl.amounts import NO_CURRENCY
from ubl.cursor import Account, Cursor
from ubl.model import DocumentKind, Invoice, Note
from ubl.namespaces import document_namespace
from ubl.reading import Reading
from ubl.ubl21.read_allowance import read_allowances_charges
from ubl.ubl21.read_delivery import read_delivery
from ubl.ubl21.read_line import LINES, read_line, read_period
from ubl.ubl21.read_party import (
    read_buyer,
    read_further_parties,
    read_payee,
    read_seller,
    read_tax_representative,
)
from ubl.ubl21.read_payment import read_payment, read_terms_details, read_third_party_payments
from ubl.ubl21.read_references import (
    AdditionalDocuments,
    read_additional_documents,
    read_preceding,
    read_purchase_order,
    read_reference_days,
)
from ubl.ubl21.read_totals import read_currency_exchange, read_totals, read_vat_breakdown

__all__ = ["KINDS", "read_ubl", "ubl_invoice"]

KINDS: Final = {
    f"{{{document_namespace('Invoice')}}}Invoice": DocumentKind.INVOICE,
    f"{{{document_namespace('CreditNote')}}}CreditNote": DocumentKind.CREDIT_NOTE,
}
_TYPE_CODES: Final = {
    DocumentKind.INVOICE: "cbc:InvoiceTypeCode",
    DocumentKind.CREDIT_NOTE: "cbc:CreditNoteTypeCode",
}
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def read_ubl(root: etree._Element) -> Reading:
    """Read a UBL Invoice or CreditNote (a root named in ``KINDS``), whatever prefixes it uses.

    Missing or unreadable values become None.
    """
    document = _begin(root, set())
    return Reading(_read(document, KINDS[str(root.tag)]), document.uncovered())


def ubl_invoice(root: etree._Element) -> Invoice:
    """Read what the model holds, without an account of what the document says beyond it."""
    return _read(_begin(root, None), KINDS[str(root.tag)])


def _begin(root: etree._Element, covered: Account | None) -> Cursor:
    document = Cursor(root, currency=NO_CURRENCY, covered=covered)
    document.currency = document.peek("cbc:DocumentCurrencyCode") or NO_CURRENCY
    return document


def _read(document: Cursor, kind: DocumentKind) -> Invoice:
    """Read what EN 16931 numbers, then what the extensions add."""
    additional = read_additional_documents(document)
    allowances, charges = read_allowances_charges(document)
    number = document.text("cbc:ID")
    accounting_currency = document.text("cbc:TaxCurrencyCode")
    invoice = Invoice(
        kind=kind,
        number=number,
        issue_date=document.day("cbc:IssueDate"),
        type_code=document.text(_TYPE_CODES[kind]),
        currency=document.text("cbc:DocumentCurrencyCode"),
        vat_accounting_currency=accounting_currency,
        tax_point_date=document.day("cbc:TaxPointDate"),
        tax_point_code=document.text("cac:InvoicePeriod", "cbc:DescriptionCode"),
        due_date=document.day("cbc:DueDate")
        or document.day("cac:PaymentMeans", "cbc:PaymentDueDate"),
        buyer_reference=document.text("cbc:BuyerReference"),
        project=document.text("cac:ProjectReference", "cbc:ID") or additional.project,
        contract=document.text("cac:ContractDocumentReference", "cbc:ID"),
        purchase_order=read_purchase_order(document),
        sales_order=document.text("cac:OrderReference", "cbc:SalesOrderID"),
        receiving_advice=document.text("cac:ReceiptDocumentReference", "cbc:ID"),
        despatch_advice=document.text("cac:DespatchDocumentReference", "cbc:ID"),
        tender_or_lot=document.text("cac:OriginatorDocumentReference", "cbc:ID"),
        invoiced_object=additional.invoiced_object,
        accounting_reference=document.text("cbc:AccountingCost"),
        payment_terms=document.text("cac:PaymentTerms", "cbc:Note"),
        notes=tuple(_read_notes(document)),
        business_process=document.text("cbc:ProfileID"),
        specification=document.text("cbc:CustomizationID"),
        preceding_invoices=tuple(read_preceding(document)),
        seller=read_seller(document),
        buyer=read_buyer(document),
        payee=read_payee(document),
        tax_representative=read_tax_representative(document),
        delivery=read_delivery(document),
        period=read_period(document),
        payment=read_payment(document),
        allowances=allowances,
        charges=charges,
        totals=read_totals(document, accounting_currency),
        vat_breakdown=tuple(read_vat_breakdown(document)),
        supporting_documents=additional.supporting,
        lines=tuple(
            read_line(line, kind, number=number, accounting_currency=accounting_currency)
            for line in document.all(LINES[kind])
        ),
    )
    return _with_extensions(invoice, document, additional)


def _with_extensions(
    invoice: Invoice, document: Cursor, additional: AdditionalDocuments
) -> Invoice:
    return replace(
        invoice,
        is_copy=_read_boolean(document, "cbc:CopyIndicator"),
        references=read_reference_days(document, additional.invoiced_object_date),
        parties=read_further_parties(document),
        delivery_terms=document.text("cac:DeliveryTerms", "cbc:ID"),
        payment_terms_details=read_terms_details(document),
        currency_exchange=read_currency_exchange(document),
        third_party_payments=tuple(read_third_party_payments(document)),
    )


def _read_boolean(document: Cursor, name: str) -> bool | None:
    value = _BOOLEANS.get(document.peek(name) or "")
    if value is not None:
        document.text(name)
    return value


def _read_notes(document: Cursor) -> Iterator[Note]:
    """Read BG-1: UBL writes the subject code before the text, between two hash signs."""
    for text in document.texts("cbc:Note"):
        pieces = text.split("#", 2)
        if len(pieces) == len(("", "code", "text")) and not pieces[0] and pieces[1].isalnum():
            yield Note(subject_code=pieces[1], text=pieces[2].strip() or None)
        else:
            yield Note(text=text)
