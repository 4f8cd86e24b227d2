"""ebMS signals: the receipt with its proof of what was received, and the error.

Values to and from XML. Signs nothing and decides nothing: whether a receipt acknowledges what
was sent is decided by the sender that remembers it.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.envelope import only, read_text, read_timestamp, write_timestamp
from gateway.as4.errors import As4Error, EbmsCode, PeerAs4Error
from gateway.as4.namespaces import leaf_text, q
from gateway.as4.xmldsig import SignatureRefused, Transform, canonicalise, decode_base64
from ubl.safexml import parse

__all__ = [
    "ErrorSignal",
    "Receipt",
    "ReceivedReference",
    "SignalError",
    "read_signal",
    "write_error",
    "write_receipt",
]

_SEVERITIES = ("failure", "warning")


@dataclass(frozen=True, slots=True)
class ReceivedReference:
    """A ``ds:Reference`` of a received message or receipt.

    ``xml`` is the element as it stood there, canonical and complete in itself; a receipt repeats
    it. ``digest`` is the digest value.
    """

    uri: str
    digest_method: str
    digest: bytes
    xml: bytes

    @classmethod
    def of(cls, element: etree._Element) -> "ReceivedReference":
        """Take over a ``ds:Reference`` element; raises SignatureRefused if it is none."""
        method = element.find(q(ns.DS, "DigestMethod"))
        value = element.find(q(ns.DS, "DigestValue"))
        uri = element.get("URI")
        if method is None or value is None or uri is None:
            raise SignatureRefused("DSIG-STRUCTURE", "A ds:Reference is incomplete.")
        return cls(
            uri=uri,
            digest_method=method.get("Algorithm", ""),
            digest=decode_base64(leaf_text(value)),
            xml=canonicalise(element, Transform(ns.EXC_C14N)),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt with non-repudiation information for the message ``ref_to_message_id``."""

    message_id: str
    timestamp: datetime.datetime
    ref_to_message_id: str
    references: tuple[ReceivedReference, ...]


def _printable(text: str) -> str:
    """Make text safe for XML: a message may quote what a peer sent."""
    return "".join(char if char.isprintable() else "?" for char in text)


@dataclass(frozen=True, slots=True)
class SignalError:
    """One ``eb:Error``. ``code`` reads ``EBMS:0004``; ``severity`` is failure or warning."""

    code: str
    severity: str
    short_description: str
    category: str | None = None
    description: str | None = None
    detail: str | None = None
    ref_to_message_in_error: str | None = None

    @classmethod
    def of(cls, error: As4Error, *, ref_to_message_id: str | None) -> "SignalError":
        """Say to the peer what ``error`` says; our own code comes first in the description."""
        return cls(
            code=error.ebms.code,
            severity="failure",
            short_description=error.ebms.short_description,
            category=error.ebms.category.value,
            description=_printable(f"{error.code}: {error.message}"),
            detail=None if error.detail is None else _printable(error.detail),
            ref_to_message_in_error=ref_to_message_id,
        )


@dataclass(frozen=True, slots=True)
class ErrorSignal:
    """The answer of a peer that could not take a message."""

    message_id: str
    timestamp: datetime.datetime
    ref_to_message_id: str | None
    errors: tuple[SignalError, ...]


def read_signal(messaging: etree._Element) -> Receipt | ErrorSignal:
    """Read the one signal of an answer; what is neither receipt nor error is EBMS:0302."""
    signals = messaging.findall(q(ns.EB, "SignalMessage"))
    if len(signals) != 1 or messaging.find(q(ns.EB, "UserMessage")) is not None:
        raise _invalid(
            "AS4-SIGNAL-COUNT",
            f"An answer holds one signal and no user message; this holds {len(signals)} signals.",
        )
    signal = signals[0]
    info = only(signal, ns.EB, "MessageInfo")
    message_id = read_text(only(info, ns.EB, "MessageId"))
    timestamp = read_timestamp(only(info, ns.EB, "Timestamp"))
    refs = info.findall(q(ns.EB, "RefToMessageId"))
    ref = (leaf_text(refs[0]) or None) if len(refs) == 1 else None
    errors = signal.findall(q(ns.EB, "Error"))
    receipts = signal.findall(q(ns.EB, "Receipt"))
    if errors and not receipts:
        read = tuple(_read_error(element) for element in errors)
        return ErrorSignal(message_id, timestamp, ref, read)
    if len(receipts) != 1 or errors:
        raise _invalid("AS4-SIGNAL-KIND", "The answer is neither one receipt nor a list of errors.")
    if ref is None:
        raise _invalid("AS4-RECEIPT-REF", "The receipt does not say which message it is for.")
    return Receipt(message_id, timestamp, ref, _read_references(receipts[0]))


def _invalid(code: str, message: str) -> PeerAs4Error:
    return PeerAs4Error(code, message, ebms=EbmsCode.INVALID_RECEIPT)


def _read_references(receipt: etree._Element) -> tuple[ReceivedReference, ...]:
    """Read the acknowledged references; foreign elements beside them are ignored."""
    boxes = receipt.findall(q(ns.EBBP, "NonRepudiationInformation"))
    path = f"{q(ns.EBBP, 'MessagePartNRInformation')}/{q(ns.DS, 'Reference')}"
    elements = boxes[0].findall(path) if len(boxes) == 1 else []
    if not elements:
        raise _invalid(
            "AS4-RECEIPT-NRR", "The receipt does not repeat the digests of what was received."
        )
    try:
        return tuple(ReceivedReference.of(element) for element in elements)
    except SignatureRefused as error:
        raise _invalid("AS4-RECEIPT-REFERENCE", error.message) from None


def _read_error(element: etree._Element) -> SignalError:
    code = element.get("errorCode", "").strip()
    severity = element.get("severity", "").strip().lower()
    known = EbmsCode.of(f"EBMS:{code}" if code.isdigit() else code)
    return SignalError(
        code=known.code if known else code,
        # A peer that states no severity has refused the message all the same.
        severity=severity if severity in _SEVERITIES else "failure",
        short_description=element.get("shortDescription")
        or (known.short_description if known else ""),
        category=element.get("category"),
        description=_loose_text(element.find(q(ns.EB, "Description"))),
        detail=_loose_text(element.find(q(ns.EB, "ErrorDetail"))),
        ref_to_message_in_error=element.get("refToMessageInError") or None,
    )


def _loose_text(element: etree._Element | None) -> str | None:
    """Read words meant for people: any markup is dropped, white space collapsed."""
    if element is None:
        return None
    return " ".join("".join(str(part) for part in element.itertext()).split()) or None


def _write_info(
    messaging: etree._Element,
    *,
    message_id: str,
    timestamp: datetime.datetime,
    ref_to_message_id: str | None,
) -> etree._Element:
    signal = etree.SubElement(messaging, q(ns.EB, "SignalMessage"))
    info = etree.SubElement(signal, q(ns.EB, "MessageInfo"))
    values = {"Timestamp": write_timestamp(timestamp), "MessageId": message_id}
    if ref_to_message_id is not None:
        values["RefToMessageId"] = ref_to_message_id
    for name, text in values.items():
        etree.SubElement(info, q(ns.EB, name)).text = text
    return signal


def write_receipt(messaging: etree._Element, receipt: Receipt) -> None:
    """Fill an empty ``eb:Messaging`` with a receipt that repeats every reference."""
    signal = _write_info(
        messaging,
        message_id=receipt.message_id,
        timestamp=receipt.timestamp,
        ref_to_message_id=receipt.ref_to_message_id,
    )
    element = etree.SubElement(signal, q(ns.EB, "Receipt"))
    information = etree.SubElement(
        element, q(ns.EBBP, "NonRepudiationInformation"), nsmap={"ebbp": ns.EBBP}
    )
    for reference in receipt.references:
        part = etree.SubElement(information, q(ns.EBBP, "MessagePartNRInformation"))
        part.append(parse(reference.xml))


def write_error(messaging: etree._Element, signal: ErrorSignal) -> None:
    """Fill an empty ``eb:Messaging`` with an error signal."""
    parent = _write_info(
        messaging,
        message_id=signal.message_id,
        timestamp=signal.timestamp,
        ref_to_message_id=signal.ref_to_message_id,
    )
    for error in signal.errors:
        _write_error(parent, error)


def _write_error(parent: etree._Element, error: SignalError) -> None:
    attributes: Iterable[tuple[str, str | None]] = (
        ("category", error.category),
        ("errorCode", error.code),
        ("origin", "ebMS"),
        ("refToMessageInError", error.ref_to_message_in_error),
        ("severity", error.severity),
        ("shortDescription", error.short_description),
    )
    element = etree.SubElement(parent, q(ns.EB, "Error"))
    for name, value in attributes:
        if value is not None:
            element.set(name, value)
    if error.description:
        text = etree.SubElement(element, q(ns.EB, "Description"))
        text.set(q(ns.XML, "lang"), "en")
        text.text = error.description
    if error.detail:
        etree.SubElement(element, q(ns.EB, "ErrorDetail")).text = error.detail
