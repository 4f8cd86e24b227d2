"""The ways by which a document may reach its buyer, and the buyers whom Peppol cannot reach. Pure.

A buyer without an electronic address (BT-49) has an address of the account's own making, which
tells it from other buyers and is never looked up.
"""

import hashlib
import re
from enum import StrEnum
from typing import Final

from gateway.as4.identifiers import ParticipantId
from gateway.core.errors import ErrorKind
from ubl.model import Buyer, Identifier

__all__ = [
    "CHANNEL_MISSING",
    "DISPATCH_ADDRESS_MISSING",
    "DISPATCH_UNWRITABLE",
    "MAIL_BOUNCED",
    "OFF_NETWORK",
    "Channel",
    "DispatchFormat",
    "off_network_address",
    "on_network",
]

CHANNEL_MISSING: Final = ErrorKind(
    "CHANNEL-MISSING", "The document cannot go by the channel it was to go by", 422
)
DISPATCH_ADDRESS_MISSING: Final = ErrorKind(
    "DISPATCH-ADDRESS-MISSING", "The customer has no e-mail address for invoices", 409
)
DISPATCH_UNWRITABLE: Final = ErrorKind(
    "DISPATCH-UNWRITABLE", "The document cannot be made readable for the customer", 422
)
MAIL_BOUNCED: Final = ErrorKind("MAIL-BOUNCED", "The e-mail came back", 502)

OFF_NETWORK: Final = "buyer-off-network"
"""The scheme of addresses of the account's own making."""

_UNFIT: Final = re.compile(r"[^!-~]+")
_LONGEST: Final = 100


class Channel(StrEnum):
    """How a document is to reach its buyer.

    AUTO is Peppol where the buyer is registered for the document, else e-mail where an address is
    known, else a link. LINK is a page to download from, whose address a person or a program
    passes on.
    """

    AUTO = "auto"
    PEPPOL = "peppol"
    EMAIL = "email"
    LINK = "link"


class DispatchFormat(StrEnum):
    """What a buyer outside Peppol gets: one PDF with or without data inside, or PDF and XML.

    XML is the document as it was submitted, with a PDF to read beside it.
    """

    FACTURX = "facturx-en16931"
    FACTURX_EXTENDED = "facturx-extended"
    FACTURX_XRECHNUNG = "facturx-xrechnung"
    PDF = "pdf"
    XML = "xml"


def on_network(address: str) -> bool:
    """Whether an address (``scheme::value``) is one that can be looked up at all."""
    return not address.startswith(f"{OFF_NETWORK}::")


def off_network_address(buyer: Buyer | None) -> ParticipantId | None:
    """What a buyer without BT-49 is told from others by; None for one that says nothing.

    The first there is of VAT identifier (BT-48), registration (BT-47), e-mail (BT-58) and name
    (BT-44) with post code (BT-53), without blanks. An address is short and US-ASCII only, so
    what does not fit stands in it as a digest: two buyers are never taken for one by that.
    """
    if buyer is None:
        return None
    registration = buyer.registration
    known = (
        ("vat", buyer.vat_identifier),
        ("registration", _numbered(registration)),
        ("e-mail", buyer.contact.email if buyer.contact else None),
        ("name", _named(buyer)),
    )
    for kind, text in known:
        value = "".join((text or "").split()).casefold()
        if value:
            return ParticipantId(OFF_NETWORK, f"{kind}:{_fitting(value)}")
    return None


def _numbered(registration: Identifier | None) -> str | None:
    if registration is None or not registration.value:
        return None
    return ":".join(filter(None, (registration.scheme, registration.value)))


def _named(buyer: Buyer) -> str | None:
    post_code = buyer.address.post_code if buyer.address else None
    return f"{buyer.name},{post_code}" if buyer.name and post_code else buyer.name


def _fitting(value: str) -> str:
    """The value itself where an address can hold it, else what fits of it and its digest."""
    fits = _UNFIT.sub("", value)[:_LONGEST]
    if fits == value:
        return value
    return f"{fits}#{hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
