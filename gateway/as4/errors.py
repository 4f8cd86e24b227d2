"""What can go wrong with an AS4 message, and the ebMS error that a peer is told.

May name errors only: it neither builds nor reads signal messages.
"""

from enum import Enum
from typing import Final

__all__ = ["NOT_SERVICED", "As4Error", "Category", "EbmsCode", "LocalAs4Error", "PeerAs4Error"]

NOT_SERVICED: Final = "PEPPOL:NOT_SERVICED"
"""``ErrorDetail`` for a receiver this access point does not serve (AS4 profile 2.0.3 §4)."""


class Category(Enum):
    """The ebMS error category, as written in ``eb:Error/@category``."""

    CONTENT = "Content"
    UNPACKAGING = "Unpackaging"
    PROCESSING = "Processing"
    COMMUNICATION = "Communication"


class EbmsCode(Enum):
    """Every error code of ebMS 3.0 core and the AS4 profile, with what goes into ``eb:Error``.

    ``EBMS:4001`` is phase4's own (since 4.5.0). ``severity`` is ``failure`` or ``warning``.
    """

    VALUE_NOT_RECOGNIZED = ("EBMS:0001", "ValueNotRecognized", Category.CONTENT, "failure")
    FEATURE_NOT_SUPPORTED = ("EBMS:0002", "FeatureNotSupported", Category.CONTENT, "warning")
    VALUE_INCONSISTENT = ("EBMS:0003", "ValueInconsistent", Category.CONTENT, "failure")
    OTHER = ("EBMS:0004", "Other", Category.CONTENT, "failure")
    CONNECTION_FAILURE = ("EBMS:0005", "ConnectionFailure", Category.COMMUNICATION, "failure")
    EMPTY_MPC = (
        "EBMS:0006",
        "EmptyMessagePartitionChannel",
        Category.COMMUNICATION,
        "warning",
    )
    MIME_INCONSISTENCY = ("EBMS:0007", "MimeInconsistency", Category.UNPACKAGING, "failure")
    PACKAGING_NOT_SUPPORTED = (
        "EBMS:0008",
        "FeatureNotSupported",
        Category.UNPACKAGING,
        "failure",
    )
    INVALID_HEADER = ("EBMS:0009", "InvalidHeader", Category.UNPACKAGING, "failure")
    PROCESSING_MODE_MISMATCH = (
        "EBMS:0010",
        "ProcessingModeMismatch",
        Category.PROCESSING,
        "failure",
    )
    EXTERNAL_PAYLOAD_ERROR = ("EBMS:0011", "ExternalPayloadError", Category.CONTENT, "failure")
    FAILED_AUTHENTICATION = ("EBMS:0101", "FailedAuthentication", Category.PROCESSING, "failure")
    FAILED_DECRYPTION = ("EBMS:0102", "FailedDecryption", Category.PROCESSING, "failure")
    POLICY_NONCOMPLIANCE = ("EBMS:0103", "PolicyNoncompliance", Category.PROCESSING, "failure")
    DYSFUNCTIONAL_RELIABILITY = (
        "EBMS:0201",
        "DysfunctionalReliability",
        Category.PROCESSING,
        "failure",
    )
    DELIVERY_FAILURE = ("EBMS:0202", "DeliveryFailure", Category.COMMUNICATION, "failure")
    MISSING_RECEIPT = ("EBMS:0301", "MissingReceipt", Category.COMMUNICATION, "failure")
    INVALID_RECEIPT = ("EBMS:0302", "InvalidReceipt", Category.COMMUNICATION, "failure")
    DECOMPRESSION_FAILURE = (
        "EBMS:0303",
        "DecompressionFailure",
        Category.COMMUNICATION,
        "failure",
    )
    DUPLICATE_DETECTED = ("EBMS:4001", "DuplicateDetected", Category.PROCESSING, "failure")

    def __init__(
        self, code: str, short_description: str, category: Category, severity: str
    ) -> None:
        self.code = code
        self.short_description = short_description
        self.category = category
        self.severity = severity

    @classmethod
    def of(cls, code: str) -> "EbmsCode | None":
        """Find the row of a code a peer sent, such as ``EBMS:0004``; None if it is unknown."""
        return next((row for row in cls if row.code == code), None)


class As4Error(Exception):
    """An AS4 message breaks a rule of the profile.

    ``code`` is ours and stable (``AS4-MIME-BOUNDARY``). ``ebms`` is what the peer is told.
    ``message`` says what is wrong and what to do. ``detail`` goes into ``eb:ErrorDetail``.
    Raised only as one of the two subclasses, which say who broke the rule.
    """

    def __init__(
        self, code: str, message: str, *, ebms: EbmsCode, detail: str | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.ebms = ebms
        self.message = message
        self.detail = detail


class PeerAs4Error(As4Error):
    """The other access point sent something that breaks a rule; it is answered with ``ebms``."""


class LocalAs4Error(As4Error):
    """We were about to send something that breaks a rule; nothing has left this machine."""
