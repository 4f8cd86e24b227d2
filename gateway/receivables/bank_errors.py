"""What can go wrong with bank messages and with decisions on payments, as stable codes.

The refusals of the reader (`reminders.camt_fields.BankMessageRefused`) keep their codes on the
way out.
"""

from collections.abc import Mapping
from typing import Final

from gateway.core.errors import ErrorKind, GatewayError

__all__ = [
    "ALLOCATION_INVALID",
    "DECISION_TAKEN",
    "PROPOSAL_STALE",
    "REFUSALS",
    "refusal",
]

XML: Final = ErrorKind("BANK-XML", "The bank message is not readable XML", 422)
NOT_CAMT: Final = ErrorKind("BANK-NOT-CAMT", "This is no account message of a bank", 422)
VERSION: Final = ErrorKind("BANK-VERSION", "This version of the bank message is not read", 422)
EMPTY: Final = ErrorKind("BANK-EMPTY", "The bank message speaks of no account", 422)
MISSING: Final = ErrorKind("BANK-MISSING", "The bank message lacks a mandatory field", 422)
AMOUNT: Final = ErrorKind("BANK-AMOUNT", "An amount of the bank message cannot be booked", 422)
CURRENCY: Final = ErrorKind("BANK-CURRENCY", "A currency of the bank message is unreadable", 422)
DATE: Final = ErrorKind("BANK-DATE", "A date of the bank message is unreadable", 422)
NUMBER: Final = ErrorKind("BANK-NUMBER", "A number of the bank message is unreadable", 422)
CODE: Final = ErrorKind("BANK-CODE", "A code of the bank message is not allowed there", 422)
TEXT: Final = ErrorKind("BANK-TEXT", "A text of the bank message is too long", 422)

REFUSALS: Final[Mapping[str, ErrorKind]] = {
    kind.code: kind
    for kind in (
        XML,
        NOT_CAMT,
        VERSION,
        EMPTY,
        MISSING,
        AMOUNT,
        CURRENCY,
        DATE,
        NUMBER,
        CODE,
        TEXT,
    )
}
"""What an account message is refused for, by the reader's code."""

DECISION_TAKEN: Final = ErrorKind("BANK-DECIDED", "This payment is booked already", 409)
PROPOSAL_STALE: Final = ErrorKind("BANK-STALE", "The open items have changed meanwhile", 409)
ALLOCATION_INVALID: Final = ErrorKind("BANK-ALLOCATION", "The money cannot be shared so", 422)


def refusal(code: str, message: str, **facts: str | int) -> GatewayError:
    """The reader's refusal as the product's error."""
    return GatewayError(REFUSALS[code], message, **facts)
