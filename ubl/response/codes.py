"""Code lists of Peppol application responses, with the codes' own names from the network."""

from enum import StrEnum
from typing import Final

__all__ = [
    "CREDIT_NOTE_CODES",
    "FAILURES",
    "ClarificationList",
    "InvoiceStatus",
    "MlsCode",
    "MlsReason",
    "StatusAction",
    "StatusReason",
]


class MlsCode(StrEnum):
    """What became of a message at the receiving access point (MLS 1.0, response code)."""

    DELIVERED = "AP"
    """Delivered to the receiver, who confirmed it."""
    FORWARDED = "AB"
    """Passed on, without any way to know that it arrived."""
    REJECTED = "RE"
    """Not passed on."""


class MlsReason(StrEnum):
    """Why an issue is reported (MLS 1.0, status reason code)."""

    RULE_VIOLATION = "BV"
    RULE_WARNING = "BW"
    SYNTAX_VIOLATION = "SV"
    FAILURE_OF_DELIVERY = "FD"


FAILURES: Final = frozenset(
    {MlsReason.RULE_VIOLATION, MlsReason.SYNTAX_VIOLATION, MlsReason.FAILURE_OF_DELIVERY}
)


class InvoiceStatus(StrEnum):
    """Where an invoice stands at the buyer (UNCL4343 as used by Invoice Response T111)."""

    ACKNOWLEDGED = "AB"
    IN_PROCESS = "IP"
    UNDER_QUERY = "UQ"
    CONDITIONALLY_ACCEPTED = "CA"
    REJECTED = "RE"
    ACCEPTED = "AP"
    PAID = "PD"


class ClarificationList(StrEnum):
    """Which list a clarification code is of: the buyer's reason, or what the seller shall do."""

    REASON = "OPStatusReason"
    ACTION = "OPStatusAction"


class StatusReason(StrEnum):
    """Why the buyer gives the status (code list OPStatusReason)."""

    NO_ISSUE = "NON"
    REFERENCES_INCORRECT = "REF"
    LEGAL_INFORMATION_INCORRECT = "LEG"
    RECEIVER_UNKNOWN = "REC"
    ITEM_QUALITY = "QUA"
    DELIVERY_ISSUES = "DEL"
    PRICES_INCORRECT = "PRI"
    QUANTITY_INCORRECT = "QTY"
    ITEMS_INCORRECT = "ITM"
    PAYMENT_TERMS_INCORRECT = "PAY"
    NOT_RECOGNISED = "UNR"
    FINANCE_INCORRECT = "FIN"
    PARTIALLY_PAID = "PPD"
    OTHER = "OTH"


class StatusAction(StrEnum):
    """What the buyer asks of the seller (code list OPStatusAction)."""

    NO_ACTION = "NOA"
    PROVIDE_INFORMATION = "PIN"
    ISSUE_NEW_INVOICE = "NIN"
    CREDIT_FULLY = "CNF"
    CREDIT_PARTIALLY = "CNP"
    CREDIT_THE_AMOUNT = "CNA"
    OTHER = "OTH"


CREDIT_NOTE_CODES: Final = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"}
)
"""Document type codes (UNCL 1001) of EN 16931 that make an invoice a credit note."""
