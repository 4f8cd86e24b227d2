"""The errors of statistics and the alarms that come with them."""

from typing import Final

from gateway.core.alarms import AlarmKind, Severity
from gateway.core.errors import ErrorKind

__all__ = [
    "CHANGED",
    "DISAGREES",
    "DUE",
    "INVALID",
    "MISCOUNTED",
    "MISSED",
    "PERIOD_OPEN",
    "PERIOD_WRONG",
    "RECEIVER_MISSING",
    "REFUSED",
    "SEAT_UNKNOWN",
    "SENDER_MISSING",
    "UNDER_WAY",
]

PERIOD_WRONG: Final = ErrorKind("STATISTICS-PERIOD", "This is no month to report", 422)
PERIOD_OPEN: Final = ErrorKind("STATISTICS-PERIOD-OPEN", "The month is not over yet", 409)
SEAT_UNKNOWN: Final = ErrorKind("STATISTICS-SEAT", "No such seat reports statistics", 404)
RECEIVER_MISSING: Final = ErrorKind(
    "STATISTICS-RECEIVER", "Nobody is named to receive statistics reports", 409
)
SENDER_MISSING: Final = ErrorKind(
    "STATISTICS-SENDER", "The service provider is not registered as a sender", 409
)
UNDER_WAY: Final = ErrorKind("STATISTICS-UNDER-WAY", "A report of this month is on its way", 409)
DISAGREES: Final = ErrorKind(
    "STATISTICS-DISAGREES", "The counted traffic does not agree with the receipts", 500
)
REFUSED: Final = ErrorKind("STATISTICS-REFUSED", "The report breaks the rules", 422)

DUE: Final = AlarmKind(
    "STATISTICS-DUE",
    Severity.WARNING,
    "A statistics report is not delivered yet",
    "It must be delivered by the 15th. Look at what kept it and send it again.",
)
MISSED: Final = AlarmKind(
    "STATISTICS-MISSED",
    Severity.CRITICAL,
    "A statistics report was not delivered in time",
    "Late reports are not processed. Tell your Peppol Authority before it asks.",
)
INVALID: Final = AlarmKind(
    "STATISTICS-INVALID",
    Severity.CRITICAL,
    "A statistics report breaks the rules and was not sent",
    "Look at its findings, correct what the rows lack, and send it again.",
)
CHANGED: Final = AlarmKind(
    "STATISTICS-CHANGED",
    Severity.WARNING,
    "A month's figures changed after its report was delivered",
    "Look at the difference and send the report again: the newest one counts.",
)
MISCOUNTED: Final = AlarmKind(
    "STATISTICS-MISCOUNTED",
    Severity.CRITICAL,
    "The counted traffic does not agree with the receipts",
    "Do not trust the month's report before the listed exchanges are explained.",
)
