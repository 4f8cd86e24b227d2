"""What can go wrong when somebody pays by bank, as stable codes."""

from typing import Final

from gateway.core.errors import ErrorKind, Retry

__all__ = [
    "EVENT_FORGED",
    "EVENT_INVALID",
    "EVENT_OLD",
    "LINK_ITEMS",
    "PAYMENT_BUSY",
    "PROVIDER_ANSWER",
    "PROVIDER_DOWN",
    "PROVIDER_REFUSED",
    "TOO_MANY",
]

LINK_ITEMS: Final = ErrorKind("PAYMENT-LINK-ITEMS", "These items cannot share a payment link", 422)
PAYMENT_BUSY: Final = ErrorKind(
    "PAYMENT-BUSY", "Another payment of these items is being decided", 409, Retry.BACKOFF
)
PROVIDER_DOWN: Final = ErrorKind(
    "PAYMENT-PROVIDER-DOWN", "The payment provider cannot be reached", 502, Retry.BACKOFF
)
PROVIDER_REFUSED: Final = ErrorKind(
    "PAYMENT-PROVIDER-REFUSED", "The payment provider refused the request", 502
)
PROVIDER_ANSWER: Final = ErrorKind(
    "PAYMENT-PROVIDER-ANSWER", "The payment provider's answer is not as described", 502
)
EVENT_FORGED: Final = ErrorKind("PAYMENT-EVENT-FORGED", "The event is not the provider's", 401)
EVENT_OLD: Final = ErrorKind("PAYMENT-EVENT-OLD", "The event was signed at another time", 401)
EVENT_INVALID: Final = ErrorKind("PAYMENT-EVENT-INVALID", "The event is not as described", 400)
TOO_MANY: Final = ErrorKind("PAYMENT-TOO-MANY", "Too many requests for payment pages", 429)
