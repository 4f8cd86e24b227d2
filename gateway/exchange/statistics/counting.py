"""Which exchanges a statistics report counts, and how. Pure: values in, values out."""

from enum import StrEnum
from typing import Final

from gateway.as4.identifiers import (
    END_USER_STATISTICS_REPORT,
    MESSAGE_LEVEL_STATUS,
    TRANSACTION_STATISTICS_REPORT,
    DocumentTypeId,
)

__all__ = ["UNKNOWN_COUNTRY", "Counting", "ReportKind", "counting_of"]

UNKNOWN_COUNTRY: Final = "ZZ"
"""What a report says for a country that nobody stated (TSR 1.0)."""


class ReportKind(StrEnum):
    """The two reports a service provider owes each month.

    TSR counts transactions (Transaction Statistics Report 1.0), EUSR counts the end users behind
    them (End User Statistics Report 1.1).
    """

    TSR = "tsr"
    EUSR = "eusr"


class Counting(StrEnum):
    """In which reports an exchange counts.

    ``NEITHER`` are the statistics reports themselves. ``TRANSACTIONS`` are messages between
    service providers (MLS): transactions, but no end user's.
    """

    BOTH = "both"
    TRANSACTIONS = "transactions"
    NEITHER = "neither"

    def includes(self, kind: ReportKind) -> bool:
        """Whether an exchange counted like this is part of that report."""
        return self is Counting.BOTH or (self is Counting.TRANSACTIONS and kind is ReportKind.TSR)


_REPORTS: Final = frozenset({TRANSACTION_STATISTICS_REPORT, END_USER_STATISTICS_REPORT})


def counting_of(document_type: DocumentTypeId) -> Counting:
    """How an exchange of this document type counts (TSR 1.0 §2.2.1, EUSR 1.1 §2.2.1)."""
    if document_type in _REPORTS:
        return Counting.NEITHER
    return Counting.TRANSACTIONS if document_type == MESSAGE_LEVEL_STATUS else Counting.BOTH
