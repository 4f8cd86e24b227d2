"""The semantic model of EN 16931-1 and its extensions as frozen values, each field numbered.

Holds facts only: it neither reads XML, nor calculates, nor judges.
"""

from ubl.model.extension_line import IncludedItem, ItemInstance, LineDelivery, LineTotals
from ubl.model.extension_party import FurtherParties, Party
from ubl.model.extension_payment import (
    AdvancePayment,
    AdvanceVat,
    CurrencyExchange,
    LogisticsCharge,
    PaymentCondition,
    PaymentTerms,
    ThirdPartyPayment,
)
from ubl.model.extension_references import (
    DocumentReference,
    DocumentReferences,
    LineReferences,
)
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
from ubl.model.terms import (
    BusinessTerm,
    business_terms,
    field_numbers,
    field_types,
    term_of,
    value_type,
)
from ubl.model.totals import AllowanceCharge, DocumentTotals, VatBreakdown
from ubl.model.values import Identifier, Period, Quantity, given

__all__ = [
    "Address",
    "AdvancePayment",
    "AdvanceVat",
    "AllowanceCharge",
    "Attachment",
    "AttachmentUnreadable",
    "BusinessTerm",
    "Buyer",
    "Contact",
    "CreditTransfer",
    "CurrencyExchange",
    "Delivery",
    "DirectDebit",
    "DocumentKind",
    "DocumentReference",
    "DocumentReferences",
    "DocumentTotals",
    "FurtherParties",
    "Identifier",
    "IncludedItem",
    "Invoice",
    "InvoiceLine",
    "Item",
    "ItemAttribute",
    "ItemClassification",
    "ItemInstance",
    "LineDelivery",
    "LineReferences",
    "LineTotals",
    "LineVat",
    "LogisticsCharge",
    "Note",
    "Party",
    "Payee",
    "PaymentCard",
    "PaymentCondition",
    "PaymentInstructions",
    "PaymentTerms",
    "Period",
    "PrecedingInvoice",
    "Price",
    "Quantity",
    "Seller",
    "SupportingDocument",
    "TaxRepresentative",
    "ThirdPartyPayment",
    "VatBreakdown",
    "business_terms",
    "field_numbers",
    "field_types",
    "given",
    "term_of",
    "value_type",
]
