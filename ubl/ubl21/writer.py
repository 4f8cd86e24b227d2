"""The semantic model into UBL 2.1 invoices and credit notes (syntax binding EN 16931-3-2).

Writes what the model says and judges nothing; the elements are in the order of the schema. What
the extensions add is written where UBL has a place for it. Parties, references, payment, totals
and lines have modules of their own beside this one.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from lxml import etree

from ubl.model import DocumentKind, FurtherParties, Invoice, Note
from ubl.namespaces import CAC, CBC, document_namespace
from ubl.pen import Pen
from ubl.ubl21.read_line import LINES
from ubl.ubl21.write_delivery import write_delivery
from ubl.ubl21.write_line import write_line, write_period
from ubl.ubl21.write_party import (
    write_buyer,
    write_payee,
    write_seller,
    write_tax_representative,
)
from ubl.ubl21.write_payment import (
    write_payment,
    write_payment_terms,
    write_third_party_payments,
)
from ubl.ubl21.write_references import (
    write_additional_documents,
    write_contract,
    write_orders_and_advices,
    write_project,
    write_project_as_document,
    write_tender,
)
from ubl.ubl21.write_totals import (
    write_adjustments,
    write_currency_exchange,
    write_sums,
    write_vat,
)

__all__ = ["write_ubl"]

_ROOTS: Final = {DocumentKind.INVOICE: "Invoice", DocumentKind.CREDIT_NOTE: "CreditNote"}
_BOOLEANS: Final = {True: "true", False: "false", None: None}


def write_ubl(invoice: Invoice) -> etree._Element:
    """Write an Invoice or CreditNote, as ``invoice.kind`` says.

    Raises DocumentUnwritable and AmountUnreadable for values no XML document can carry.
    """
    name = _ROOTS[invoice.kind]
    document = Pen(name)
    for write in _SEQUENCES[invoice.kind]:
        write(document, invoice)
    return document.tree({"": document_namespace(name), "cac": CAC, "cbc": CBC})


def _identification(document: Pen, invoice: Invoice) -> None:
    document.text("cbc:CustomizationID", invoice.specification)
    document.text("cbc:ProfileID", invoice.business_process)
    document.text("cbc:ID", invoice.number)
    document.text("cbc:CopyIndicator", _BOOLEANS[invoice.is_copy])
    document.day("cbc:IssueDate", invoice.issue_date)


def _invoice_type(document: Pen, invoice: Invoice) -> None:
    document.day("cbc:DueDate", invoice.due_date)
    document.text("cbc:InvoiceTypeCode", invoice.type_code)
    document.texts("cbc:Note", map(_note_text, invoice.notes))
    document.day("cbc:TaxPointDate", invoice.tax_point_date)


def _credit_note_type(document: Pen, invoice: Invoice) -> None:
    document.day("cbc:TaxPointDate", invoice.tax_point_date)
    document.text("cbc:CreditNoteTypeCode", invoice.type_code)
    document.texts("cbc:Note", map(_note_text, invoice.notes))


def _note_text(note: Note) -> str:
    text = note.text or ""
    return f"#{note.subject_code}#{text}" if note.subject_code else text


def _currencies_and_period(document: Pen, invoice: Invoice) -> None:
    document.text("cbc:DocumentCurrencyCode", invoice.currency)
    document.text("cbc:TaxCurrencyCode", invoice.vat_accounting_currency)
    document.text("cbc:AccountingCost", invoice.accounting_reference)
    document.text("cbc:BuyerReference", invoice.buyer_reference)
    period = document.at("cac:InvoicePeriod")
    write_period(period, invoice.period)
    period.text("cbc:DescriptionCode", invoice.tax_point_code)


def _parties(document: Pen, invoice: Invoice) -> None:
    parties = invoice.parties or FurtherParties()
    write_seller(document, invoice.seller, parties, payee=invoice.payee, payment=invoice.payment)
    write_buyer(document, invoice.buyer, parties)
    write_payee(document, invoice.payee, invoice.payment)
    write_tax_representative(document, invoice.tax_representative)
    write_delivery(document.at("cac:Delivery"), invoice.delivery)
    document.at("cac:DeliveryTerms").text("cbc:ID", invoice.delivery_terms)


def _payment(document: Pen, invoice: Invoice) -> None:
    is_credit_note = invoice.kind is DocumentKind.CREDIT_NOTE
    write_payment(
        document,
        invoice.payment,
        due_date=invoice.due_date if is_credit_note else None,
        payer=invoice.parties.payer if invoice.parties else None,
    )
    write_payment_terms(document, invoice)


def _lines(document: Pen, invoice: Invoice) -> None:
    for line in invoice.lines:
        place = document.at(LINES[invoice.kind])
        write_line(place, line, invoice.kind, number=invoice.number)


# What stands in which order; the two documents differ here and there.
_SEQUENCES: Final = MappingProxyType[DocumentKind, tuple[Callable[[Pen, Invoice], None], ...]](
    {
        DocumentKind.INVOICE: (
            *(_identification, _invoice_type, _currencies_and_period, write_orders_and_advices),
            *(write_tender, write_contract, write_additional_documents, write_project),
            *(_parties, _payment, write_third_party_payments, write_adjustments),
            *(write_currency_exchange, write_vat, write_sums, _lines),
        ),
        DocumentKind.CREDIT_NOTE: (
            *(_identification, _credit_note_type, _currencies_and_period),
            *(write_orders_and_advices, write_contract, write_project_as_document),
            *(write_additional_documents, write_tender, _parties, _payment),
            *(write_currency_exchange, write_adjustments, write_vat, write_sums, _lines),
        ),
    }
)
