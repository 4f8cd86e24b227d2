"""The SOAP 1.2 envelope of an AS4 message: its one Messaging, Security and Body.

Finds and makes these parts, and guards that identifiers in it are unique. Reads neither the
ebMS content nor the security header.
"""

import datetime
import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.errors import EbmsCode, PeerAs4Error
from gateway.as4.namespaces import leaf_text, q
from ubl.safexml import Limits, XmlRefused, parse

__all__ = [
    "Envelope",
    "new_envelope",
    "only",
    "read_envelope",
    "read_text",
    "read_timestamp",
    "serialise",
    "unique_ids",
    "write_timestamp",
]

SOAP_LIMITS: Final = Limits(max_bytes=1024 * 1024, max_depth=60)
SOAP_CONTENT_TYPE: Final = "application/soap+xml;charset=UTF-8"
_ID_NAMES: Final = (q(ns.WSU, "Id"), q(ns.XML, "id"), "Id", "ID", "id")
_UNDERSTOOD: Final = frozenset({q(ns.EB, "Messaging"), q(ns.WSSE, "Security")})
_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)?"
)

# Parsed, not built: lxml honours a PrefixList only for prefixes its parser has met.
_TEMPLATE: Final = (
    f'<S12:Envelope xmlns:S12="{ns.SOAP12}"><S12:Header/>'
    f'<S12:Body xmlns:wsu="{ns.WSU}"/></S12:Envelope>'
).encode()


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of an envelope that are processed; each is the only one of its kind.

    ``messaging`` and ``security`` are direct children of the header, ``body`` of the root, so a
    signature over these very nodes covers what is processed. ``security`` is None when the
    message has no security header.
    """

    root: etree._Element
    messaging: etree._Element
    body: etree._Element
    security: etree._Element | None


def _invalid(code: str, message: str) -> PeerAs4Error:
    return PeerAs4Error(code, message, ebms=EbmsCode.INVALID_HEADER)


def only(parent: etree._Element, namespace: str, name: str) -> etree._Element:
    """Return the one child of that name; its absence or repetition is EBMS:0009."""
    found = parent.findall(q(namespace, name))
    if len(found) != 1:
        where = etree.QName(parent).localname
        raise _invalid(
            "AS4-HEADER-STRUCTURE",
            f"{where} must hold exactly one {name} and holds {len(found)}. Send a valid header.",
        )
    return found[0]


def read_text(element: etree._Element) -> str:
    """Return the text of an element that must hold text and nothing else (EBMS:0009)."""
    text = leaf_text(element)
    if not text:
        raise _invalid(
            "AS4-HEADER-VALUE",
            f"{etree.QName(element).localname} must hold a value and nothing but text.",
        )
    return text


def read_timestamp(element: etree._Element) -> datetime.datetime:
    """Read an ``xs:dateTime`` as aware UTC; without a zone it is UTC, as ebMS asks of senders.

    Digits beyond microseconds are cut. A date or time that does not exist is EBMS:0009.
    """
    text = read_text(element)
    match = _TIMESTAMP.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        seconds, fraction, zone = match.groups()
        micro = (fraction or "").ljust(6, "0")[:6]
        offset = "+00:00" if zone in (None, "Z") else zone
        moment = datetime.datetime.fromisoformat(f"{seconds}.{micro}{offset}")
        return moment.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        raise _invalid(
            "AS4-HEADER-TIMESTAMP", f"'{text[:40]}' is not a date and time. Send xs:dateTime."
        ) from None


def write_timestamp(moment: datetime.datetime) -> str:
    """Write an aware moment as UTC with milliseconds and ``Z``."""
    text = moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def read_envelope(data: bytes) -> Envelope:
    """Read the SOAP part of a message or an answer. Every fault is EBMS:0009.

    Refuses SOAP 1.1, repeated parts, and header blocks that must be understood and are not.
    """
    try:
        root = parse(data, SOAP_LIMITS)
    except XmlRefused as error:
        raise _invalid(f"AS4-{error.code}", error.message) from None
    if root.tag != q(ns.SOAP12, "Envelope"):
        hint = "SOAP 1.1 was sent; " if root.tag == q(ns.SOAP11, "Envelope") else ""
        raise _invalid(
            "AS4-SOAP-VERSION", f"This is no SOAP 1.2 envelope: {hint}AS4 needs SOAP 1.2."
        )
    header, body = only(root, ns.SOAP12, "Header"), only(root, ns.SOAP12, "Body")
    if [child for child in root if isinstance(child.tag, str)] != [header, body]:
        raise _invalid("AS4-SOAP-STRUCTURE", "An envelope holds one Header, then one Body.")
    messaging = only(header, ns.EB, "Messaging")
    securities = header.findall(q(ns.WSSE, "Security"))
    if len(securities) > 1:
        raise _invalid("AS4-SECURITY-MANY", "The header holds more than one Security block.")
    for block in header:
        if not isinstance(block.tag, str) or block.tag in _UNDERSTOOD:
            continue
        if block.get(q(ns.SOAP12, "mustUnderstand"), "").strip() in ("true", "1"):
            raise _invalid(
                "AS4-SOAP-MUST-UNDERSTAND",
                f"The header block {etree.QName(block).localname} must be understood and is not.",
            )
    return Envelope(root, messaging, body, securities[0] if securities else None)


def unique_ids(root: etree._Element) -> dict[str, etree._Element]:
    """Index every element by its identifier; one used twice is EBMS:0101.

    A signature names what it covers by identifier, so a repeated one may point at something
    other than what was signed.
    """
    found: dict[str, etree._Element] = {}
    for element in root.iter(etree.Element):
        for value in {element.get(name) for name in _ID_NAMES} - {None}:
            if value in found:
                raise PeerAs4Error(
                    "AS4-ID-DUPLICATE",
                    "An identifier is used twice in the envelope. Make each Id unique.",
                    ebms=EbmsCode.FAILED_AUTHENTICATION,
                )
            found[str(value)] = element
    return found


def new_envelope(*, messaging_id: str, body_id: str, secured: bool = True) -> Envelope:
    """Make an envelope with an empty Messaging and Body, ready to be filled and signed.

    Only an error that cannot be signed goes without a Security block (``secured`` False).
    """
    root = parse(_TEMPLATE)
    header, body = root
    security = None
    if secured:
        names = {"wsse": ns.WSSE, "wsu": ns.WSU}
        security = etree.SubElement(header, q(ns.WSSE, "Security"), nsmap=names)
        security.set(q(ns.SOAP12, "mustUnderstand"), "true")
    messaging = etree.SubElement(header, q(ns.EB, "Messaging"), nsmap={"eb": ns.EB, "wsu": ns.WSU})
    messaging.set(q(ns.SOAP12, "mustUnderstand"), "true")
    messaging.set(q(ns.WSU, "Id"), messaging_id)
    body.set(q(ns.WSU, "Id"), body_id)
    return Envelope(root, messaging, body, security)


def serialise(envelope: Envelope) -> bytes:
    """Write the envelope as it goes on the wire, without adding white space."""
    return etree.tostring(envelope.root, xml_declaration=True, encoding="UTF-8")
