"""Peppol application responses: message-level status and invoice response, as values and as XML.

Pure: no clock, no identifiers of its own; the caller hands both in.
"""

from ubl.response.codes import (
    CREDIT_NOTE_CODES,
    FAILURES,
    ClarificationList,
    InvoiceStatus,
    MlsCode,
    MlsReason,
    StatusAction,
    StatusReason,
)
from ubl.response.errors import Fault, ResponseRefused
from ubl.response.invoice_response import (
    INVOICE_RESPONSE_CUSTOMIZATION,
    INVOICE_RESPONSE_PROFILES,
    Clarification,
    Condition,
    InvoiceReference,
    InvoiceResponse,
    NamedParty,
    ResponseParty,
    read_invoice_response,
    write_invoice_response,
)
from ubl.response.mls import (
    MLS_ADDRESS_RULES,
    MLS_CUSTOMIZATION,
    MLS_PROFILE,
    Mls,
    MlsIssue,
    read_mls,
    write_mls,
)

__all__ = [
    "CREDIT_NOTE_CODES",
    "FAILURES",
    "INVOICE_RESPONSE_CUSTOMIZATION",
    "INVOICE_RESPONSE_PROFILES",
    "MLS_ADDRESS_RULES",
    "MLS_CUSTOMIZATION",
    "MLS_PROFILE",
    "Clarification",
    "ClarificationList",
    "Condition",
    "Fault",
    "InvoiceReference",
    "InvoiceResponse",
    "InvoiceStatus",
    "Mls",
    "MlsCode",
    "MlsIssue",
    "MlsReason",
    "NamedParty",
    "ResponseParty",
    "ResponseRefused",
    "StatusAction",
    "StatusReason",
    "read_invoice_response",
    "read_mls",
    "write_invoice_response",
    "write_mls",
]
