"""The semantic model of EN 16931-1 as frozen values, each field with its BT or BG number.

Holds facts only: it neither reads XML, nor calculates, nor judges.
"""

from ubl.model.invoice import DocumentKind, Invoice
from ubl.model.line import (
    InvoiceLine,
    Item,
    ItemAttribute,
    ItemClassification,
    LineVat,
    Price,
)
from ubl.model.party import (
    Address,
    Buyer,
    Contact,
    Delivery,
    Payee,
    Seller,
    TaxRepresentative,
)
from ubl.model.payment import CreditTransfer, DirectDebit, PaymentCard, PaymentInstructions
from ubl.model.references import (
    Attachment,
    AttachmentUnreadable,
    Note,
    PrecedingInvoice,
    SupportingDocument,
)
from ubl.model.terms import BusinessTerm, business_terms, field_numbers
from ubl.model.totals import AllowanceCharge, DocumentTotals, VatBreakdown
from ubl.model.values import Identifier, Period, Quantity

__all__ = [
    "Address",
    "AllowanceCharge",
    "Attachment",
    "AttachmentUnreadable",
    "BusinessTerm",
    "Buyer",
    "Contact",
    "CreditTransfer",
    "Delivery",
    "DirectDebit",
    "DocumentKind",
    "DocumentTotals",
    "Identifier",
    "Invoice",
    "InvoiceLine",
    "Item",
    "ItemAttribute",
    "ItemClassification",
    "LineVat",
    "Note",
    "Payee",
    "PaymentCard",
    "PaymentInstructions",
    "Period",
    "PrecedingInvoice",
    "Price",
    "Quantity",
    "Seller",
    "SupportingDocument",
    "TaxRepresentative",
    "VatBreakdown",
    "business_terms",
    "field_numbers",
]
