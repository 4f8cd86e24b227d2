"""What can stop a document, in one table: class, whether it passes, and who does what about it.

Pure. The classes ask for different people; a code that is not in the table is a
fault of this gateway. Root causes come first: ``root_cause`` says which of two failures a
person must see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.core import mail
from gateway.core.blobs_object import BLOB_STORE_DOWN
from gateway.core.errors import STORAGE_FULL, ErrorKind, Retry
from gateway.core.jobs.backoff import JOB_CRASH, JOB_DEADLINE, JOB_FAULT, JobError
from gateway.core.outgoing import ADDRESS_REFUSED
from gateway.exchange import as4_client
from gateway.exchange import delivery_policy as delivery
from gateway.exchange.channels import (
    CHANNEL_MISSING,
    DISPATCH_ADDRESS_MISSING,
    DISPATCH_UNWRITABLE,
    MAIL_BOUNCED,
)
from gateway.exchange.encoding import ENCODING_REFUSED
from gateway.network import errors as lookup
from gateway.network import keys

__all__ = ["ADVICE", "FAILURES", "Failure", "FailureClass", "Remedy", "failure_of", "root_cause"]


class FailureClass(StrEnum):
    """Where on its way a document failed; MAIL is outside Peppol, INTERNAL this gateway itself."""

    DNS = "dns"
    SMP = "smp"
    CERTIFICATE = "certificate"
    TLS = "tls"
    CONNECTION = "connection"
    AS4 = "as4"
    BUSINESS = "business"
    MAIL = "mail"
    INTERNAL = "internal"


class Remedy(StrEnum):
    """What a person does about a failure; the console words it under ``remedy.<value>``."""

    CHECK_RECEIVER = "check-receiver"
    CHECK_DOCUMENT_TYPE = "check-document-type"
    ASK_RECEIVER_PROVIDER = "ask-receiver-provider"
    ASK_SMP_OPERATOR = "ask-smp-operator"
    CHECK_RESOLVER = "check-resolver"
    CHECK_TRUST = "check-trust"
    CHECK_OWN_CERTIFICATE = "check-own-certificate"
    CHECK_ADDRESS_RULE = "check-address-rule"
    WAIT_FOR_PEER = "wait-for-peer"
    COMPARE_MESSAGE = "compare-message"
    CORRECT_DOCUMENT = "correct-document"
    FREE_STORAGE = "free-storage"
    CHECK_MAIL_ADDRESS = "check-mail-address"
    CHECK_MAIL_SERVER = "check-mail-server"
    READ_LOG = "read-log"


ADVICE: Final[Mapping[Remedy, str]] = {
    Remedy.CHECK_RECEIVER: (
        "Check the receiver's identifier with the customer. If it is right, the customer must be "
        "registered by a provider first; until then send by e-mail or letter."
    ),
    Remedy.CHECK_DOCUMENT_TYPE: (
        "Ask the customer which document types its provider has registered, or send a type that "
        "the lookup shows."
    ),
    Remedy.ASK_RECEIVER_PROVIDER: (
        "Ask the receiver's access point provider and give the message id; then resend."
    ),
    Remedy.ASK_SMP_OPERATOR: (
        "Ask the operator of the receiver's SMP to correct what it publishes; then resend."
    ),
    Remedy.CHECK_RESOLVER: (
        "Check the DNS resolvers of this gateway; the name servers of the network may be away."
    ),
    Remedy.CHECK_TRUST: (
        "Compare the certificate with the trust anchors of this gateway. If those are current, "
        "the other side must renew its certificate."
    ),
    Remedy.CHECK_OWN_CERTIFICATE: (
        "Check the validity, the registration and the keys of this access point's own certificate."
    ),
    Remedy.CHECK_ADDRESS_RULE: (
        "The address is private or not https. The publisher must correct it; the stage of this "
        "gateway decides which addresses it contacts."
    ),
    Remedy.WAIT_FOR_PEER: (
        "Nothing yet: it is tried again. If it lasts, ask the operator of the other side."
    ),
    Remedy.COMPARE_MESSAGE: (
        "Compare the message with the answer in the evidence; sending the same again will not "
        "help. Report it to the receiver's provider with both."
    ),
    Remedy.CORRECT_DOCUMENT: "Correct the document and submit it as a new one.",
    Remedy.FREE_STORAGE: "Free or add storage; the work goes on by itself.",
    Remedy.CHECK_MAIL_ADDRESS: (
        "Ask the customer for the right address and send it again, or choose another channel: a "
        "link to pass on, or Peppol where the customer is registered."
    ),
    Remedy.CHECK_MAIL_SERVER: (
        "Check the mail server and the settings under [mail]; then send it again."
    ),
    Remedy.READ_LOG: "Read the log of this gateway at that time and report the fault; then resend.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure as an operator needs it."""

    code: str
    title: str
    failure_class: FailureClass
    permanent: bool
    remedy: Remedy

    @property
    def advice(self) -> str:
        """What to do about it, in English."""
        return ADVICE[self.remedy]


_C, _R = FailureClass, Remedy
_KINDS: Final[tuple[tuple[ErrorKind, FailureClass, Remedy], ...]] = (
    (lookup.DNS, _C.DNS, _R.CHECK_RESOLVER),
    (lookup.DNS_RECORD, _C.DNS, _R.ASK_SMP_OPERATOR),
    (lookup.NOT_REGISTERED, _C.DNS, _R.CHECK_RECEIVER),
    (lookup.NO_SMP_SERVICE, _C.DNS, _R.ASK_RECEIVER_PROVIDER),
    (lookup.STATIC_FILE, _C.DNS, _R.CHECK_RESOLVER),
    (lookup.SMP_ADDRESS, _C.SMP, _R.CHECK_ADDRESS_RULE),
    (lookup.SMP_UNAVAILABLE, _C.SMP, _R.WAIT_FOR_PEER),
    (lookup.LOOKUP_DEADLINE, _C.SMP, _R.WAIT_FOR_PEER),
    (lookup.SMP_ANSWER, _C.SMP, _R.ASK_SMP_OPERATOR),
    (lookup.MISMATCH, _C.SMP, _R.ASK_SMP_OPERATOR),
    (lookup.REDIRECT, _C.SMP, _R.ASK_SMP_OPERATOR),
    (lookup.SIGNATURE, _C.SMP, _R.ASK_SMP_OPERATOR),
    (lookup.DOCUMENT_TYPE, _C.BUSINESS, _R.CHECK_DOCUMENT_TYPE),
    (lookup.PROCESS, _C.BUSINESS, _R.CHECK_DOCUMENT_TYPE),
    (lookup.NO_AS4_ENDPOINT, _C.BUSINESS, _R.ASK_RECEIVER_PROVIDER),
    (lookup.NOT_ACTIVE, _C.SMP, _R.ASK_RECEIVER_PROVIDER),
    (lookup.EXPIRED, _C.SMP, _R.ASK_RECEIVER_PROVIDER),
    (lookup.ENDPOINT_ADDRESS, _C.SMP, _R.CHECK_ADDRESS_RULE),
    (lookup.SMP_TLS, _C.TLS, _R.ASK_SMP_OPERATOR),
    (lookup.SMP_CERTIFICATE, _C.CERTIFICATE, _R.CHECK_TRUST),
    (lookup.AP_CERTIFICATE, _C.CERTIFICATE, _R.CHECK_TRUST),
    (lookup.CERTIFICATE_UNDECIDED, _C.CERTIFICATE, _R.CHECK_TRUST),
    (keys.KEYS_NOT_VALID_NOW, _C.CERTIFICATE, _R.CHECK_OWN_CERTIFICATE),
    (keys.KEYS_MISSING, _C.CERTIFICATE, _R.CHECK_OWN_CERTIFICATE),
    (keys.KEYS_INVALID, _C.CERTIFICATE, _R.CHECK_OWN_CERTIFICATE),
    (delivery.PEER_TLS, _C.TLS, _R.ASK_RECEIVER_PROVIDER),
    (as4_client.PEER_DNS, _C.DNS, _R.CHECK_RESOLVER),
    (as4_client.PEER_STALLED, _C.CONNECTION, _R.WAIT_FOR_PEER),
    (as4_client.ANSWER_CUT, _C.CONNECTION, _R.WAIT_FOR_PEER),
    (delivery.PEER_UNREACHABLE, _C.CONNECTION, _R.WAIT_FOR_PEER),
    (delivery.PEER_SILENT, _C.CONNECTION, _R.WAIT_FOR_PEER),
    (ADDRESS_REFUSED, _C.CONNECTION, _R.CHECK_ADDRESS_RULE),
    (delivery.RECEIPT_INVALID, _C.AS4, _R.ASK_RECEIVER_PROVIDER),
    (delivery.PEER_ERROR, _C.AS4, _R.ASK_RECEIVER_PROVIDER),
    (delivery.REFUSED_ONCE, _C.AS4, _R.WAIT_FOR_PEER),
    (delivery.PEER_REFUSAL, _C.AS4, _R.COMPARE_MESSAGE),
    (delivery.NOT_SERVICED_KIND, _C.BUSINESS, _R.CHECK_RECEIVER),
    (ENCODING_REFUSED, _C.BUSINESS, _R.CORRECT_DOCUMENT),
    (CHANNEL_MISSING, _C.BUSINESS, _R.CHECK_RECEIVER),
    (DISPATCH_ADDRESS_MISSING, _C.MAIL, _R.CHECK_MAIL_ADDRESS),
    (DISPATCH_UNWRITABLE, _C.BUSINESS, _R.CORRECT_DOCUMENT),
    (MAIL_BOUNCED, _C.MAIL, _R.CHECK_MAIL_ADDRESS),
    (mail.MAIL_REFUSED, _C.MAIL, _R.CHECK_MAIL_ADDRESS),
    (mail.MAIL_SERVER_AWAY, _C.MAIL, _R.CHECK_MAIL_SERVER),
    (mail.MAIL_SERVER_TLS, _C.MAIL, _R.CHECK_MAIL_SERVER),
    (mail.MAIL_LOGIN, _C.MAIL, _R.CHECK_MAIL_SERVER),
    (mail.MAIL_DEFERRED, _C.MAIL, _R.CHECK_MAIL_SERVER),
    (STORAGE_FULL, _C.INTERNAL, _R.FREE_STORAGE),
    (BLOB_STORE_DOWN, _C.INTERNAL, _R.WAIT_FOR_PEER),
)

FAILURES: Final[Mapping[str, Failure]] = {
    kind.code: Failure(kind.code, kind.title, failure_class, kind.retry is Retry.NO, remedy)
    for kind, failure_class, remedy in _KINDS
}
"""Every failure the exchange knows of a document on its way, by its stable code."""

_AFTERMATH: Final = frozenset({JOB_CRASH, JOB_DEADLINE, JOB_FAULT})
"""What ends a job without saying why its work did not succeed before."""
_ON_THE_WAY: Final = frozenset({_C.TLS, _C.CONNECTION, _C.AS4})


def failure_of(code: str) -> Failure:
    """What is known of a code; one that is not in the table is a fault of this gateway."""
    return FAILURES.get(code) or Failure(
        code, "The gateway failed", FailureClass.INTERNAL, permanent=True, remedy=Remedy.READ_LOG
    )


def root_cause(final: JobError, earlier: JobError | None) -> JobError:
    """Which failure a person must see when a document is given up.

    ``earlier`` is the last failure that was recorded before ``final`` ended the work. A deadline
    or a crash explains nothing, and a lookup that fails for a passing reason between two
    attempts does not explain why the attempts failed.
    """
    if earlier is None:
        return final
    if final.code in _AFTERMATH:
        return earlier
    last, before = failure_of(final.code), failure_of(earlier.code)
    passing_lookup = final.code.startswith("LOOKUP-") and not last.permanent
    return earlier if passing_lookup and before.failure_class in _ON_THE_WAY else final
