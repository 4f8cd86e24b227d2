"""What can go wrong while finding a receiver: one stable code per cause, with its retry class.

The classes are kept apart because they ask for different people: the sender (wrong identifier),
the receiver's provider (wrong publication), the network's operators (outage) or this instance's
operator (trust, addresses).
"""

from typing import Final

from gateway.core.errors import ErrorKind, GatewayError, Retry

__all__ = [
    "AP_CERTIFICATE",
    "CERTIFICATE_UNDECIDED",
    "DNS",
    "DNS_RECORD",
    "DOCUMENT_TYPE",
    "ENDPOINT_ADDRESS",
    "EXPIRED",
    "LOOKUP_DEADLINE",
    "MISMATCH",
    "NOT_ACTIVE",
    "NOT_REGISTERED",
    "NO_AS4_ENDPOINT",
    "NO_SMP_SERVICE",
    "PROCESS",
    "REDIRECT",
    "SIGNATURE",
    "SMP_ADDRESS",
    "SMP_ANSWER",
    "SMP_CERTIFICATE",
    "SMP_TLS",
    "SMP_UNAVAILABLE",
    "STATIC_FILE",
    "LookupFailed",
]

NOT_REGISTERED: Final = ErrorKind(
    "LOOKUP-NOT-REGISTERED", "The receiver is not registered in Peppol", 404
)
NO_SMP_SERVICE: Final = ErrorKind(
    "LOOKUP-NO-SMP", "The receiver is registered without a metadata publisher", 404
)
DNS_RECORD: Final = ErrorKind("LOOKUP-DNS-RECORD", "The receiver's DNS record cannot be used", 502)
DNS: Final = ErrorKind("LOOKUP-DNS", "The DNS did not answer", 502, Retry.BACKOFF)
STATIC_FILE: Final = ErrorKind(
    "LOOKUP-STATIC-FILE", "The file of SMP addresses cannot be used", 500, Retry.BACKOFF
)
SMP_ADDRESS: Final = ErrorKind("LOOKUP-SMP-ADDRESS", "The SMP's address is not allowed", 502)
SMP_UNAVAILABLE: Final = ErrorKind(
    "LOOKUP-SMP-UNAVAILABLE", "The SMP did not answer", 502, Retry.BACKOFF
)
SMP_TLS: Final = ErrorKind(
    "LOOKUP-SMP-TLS", "The SMP's TLS certificate is not accepted", 502, Retry.BACKOFF
)
SMP_ANSWER: Final = ErrorKind("LOOKUP-SMP-ANSWER", "The SMP's answer cannot be used", 502)
MISMATCH: Final = ErrorKind("LOOKUP-MISMATCH", "The SMP answered about something else", 502)
REDIRECT: Final = ErrorKind("LOOKUP-REDIRECT", "The SMP's redirect cannot be followed", 502)
SIGNATURE: Final = ErrorKind("LOOKUP-SIGNATURE", "The SMP's signature does not hold", 502)
SMP_CERTIFICATE: Final = ErrorKind(
    "LOOKUP-SMP-CERTIFICATE", "The SMP's certificate is not accepted", 502
)
AP_CERTIFICATE: Final = ErrorKind(
    "LOOKUP-AP-CERTIFICATE", "The receiving access point's certificate is not accepted", 502
)
CERTIFICATE_UNDECIDED: Final = ErrorKind(
    "LOOKUP-CERTIFICATE-UNDECIDED", "A certificate could not be judged", 503, Retry.BACKOFF
)
LOOKUP_DEADLINE: Final = ErrorKind(
    "LOOKUP-DEADLINE", "The network took too long to answer everything", 504, Retry.BACKOFF
)
DOCUMENT_TYPE: Final = ErrorKind(
    "LOOKUP-DOCUMENT-TYPE", "The receiver does not accept this document type", 404
)
PROCESS: Final = ErrorKind(
    "LOOKUP-PROCESS", "The receiver does not accept this document type in this process", 404
)
NO_AS4_ENDPOINT: Final = ErrorKind(
    "LOOKUP-NO-AS4-ENDPOINT", "The receiver has no Peppol AS4 endpoint for this", 404
)
NOT_ACTIVE: Final = ErrorKind(
    "LOOKUP-NOT-ACTIVE", "The receiver's endpoint is not active yet", 404, Retry.BACKOFF
)
EXPIRED: Final = ErrorKind("LOOKUP-EXPIRED", "The receiver's endpoint has expired", 404)
ENDPOINT_ADDRESS: Final = ErrorKind(
    "LOOKUP-ENDPOINT-ADDRESS", "The receiver's endpoint address is not allowed", 502
)


class LookupFailed(GatewayError):
    """The receiver's endpoint could not be established; the code says at which step and why."""
