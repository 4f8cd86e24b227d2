"""What an invoice starts from: nothing, another one, or one that is to be credited. Pure."""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from ubl.model import (
    Address,
    Buyer,
    DocumentKind,
    Identifier,
    Invoice,
    InvoiceLine,
    PaymentInstructions,
    PrecedingInvoice,
    Seller,
)
from ubl.totals import with_rate

__all__ = ["blank", "credit", "duplicate", "kind_of_type", "named_seller", "next_number"]

_CREDITS: Final = {"389": "261", "393": "396"}
_CREDIT_TYPES: Final = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532"}
)
_DIGITS: Final = re.compile(r"(\d+)(?=\D*\Z)")
_TERM: Final = timedelta(days=30)


def next_number(number: str | None) -> str | None:
    """The number after this one: its last digits counted up, their width kept."""
    found = _DIGITS.search(number or "")
    if number is None or found is None or len(found[1]) > 18:
        return None
    counted = str(int(found[1]) + 1).zfill(len(found[1]))
    return number[: found.start()] + counted + number[found.end() :]


def kind_of_type(type_code: str | None) -> DocumentKind:
    """Whether a type (BT-3, UNTDID 1001) is carried by an invoice or a credit note."""
    return DocumentKind.CREDIT_NOTE if type_code in _CREDIT_TYPES else DocumentKind.INVOICE


def blank(*, seller: Seller | None, last: Invoice | None, today: date) -> Invoice:
    """An invoice with one empty line: the seller, the terms and the number after the last one."""
    start = Invoice(
        kind=DocumentKind.INVOICE,
        type_code="380",
        issue_date=today,
        due_date=today + _TERM,
        currency="EUR",
        seller=seller,
        buyer=Buyer(),
        lines=(InvoiceLine(identifier="1"),),
    )
    if last is None:
        return start
    return replace(
        start,
        number=next_number(last.number),
        currency=last.currency or start.currency,
        due_date=_due(last, today) or start.due_date,
        seller=last.seller or seller,
        payment=_payable(last),
        payment_terms=last.payment_terms,
        tax_representative=last.tax_representative,
        payee=last.payee,
    )


def duplicate(invoice: Invoice, *, number: str | None, today: date) -> Invoice:
    """The same again, today: what belongs to the one occasion is left out.

    That is its references to earlier invoices, its enclosures, when it was delivered, the period
    it was for, what was paid, and every sum: those follow from the lines, and VAT in the
    accounting currency from the rate it was converted at.
    """
    delivery = invoice.delivery
    return replace(
        with_rate(invoice),
        number=number,
        issue_date=today,
        due_date=_due(invoice, today),
        tax_point_date=None,
        period=None,
        preceding_invoices=(),
        supporting_documents=(),
        delivery=replace(delivery, delivered_on=None) if delivery else None,
        payment=_payable(invoice),
        totals=None,
        advance_payments=(),
        lines=tuple(replace(line, period=None) for line in invoice.lines),
    )


def credit(invoice: Invoice, *, number: str | None, today: date) -> Invoice:
    """A credit note for the whole invoice, which names it (BG-3); the roles stay as they are."""
    earlier = PrecedingInvoice(number=invoice.number, issue_date=invoice.issue_date)
    return replace(
        duplicate(invoice, number=number, today=today),
        kind=DocumentKind.CREDIT_NOTE,
        type_code=_CREDITS.get(invoice.type_code or "", "381"),
        due_date=today,
        period=invoice.period,
        delivery=invoice.delivery,
        preceding_invoices=(earlier,),
        lines=invoice.lines,
    )


def named_seller(name: str, country: str, address: Identifier) -> Seller:
    """A seller of whom only the registration on the network is known."""
    return Seller(name=name, electronic_address=address, address=Address(country=country))


def _due(invoice: Invoice, today: date) -> date | None:
    """As long after today as the invoice was due after its date."""
    if invoice.due_date is None or invoice.issue_date is None:
        return None
    return today + max(invoice.due_date - invoice.issue_date, timedelta(0))


def _payable(invoice: Invoice) -> tuple[PaymentInstructions, ...]:
    return tuple(replace(way, remittance_information=()) for way in invoice.payment)
