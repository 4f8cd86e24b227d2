"""Which format an invoice is sent in when its sender leaves that to the receiver. Pure.

The receiver's registrations decide. What the invoice arrived in is sent as it is where the
receiver takes it, for nothing can be lost then; else the first of ``PREFERENCES`` it takes.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.as4.identifiers import DocumentTypeId
from gateway.conversion.peppol_types import document_type_of
from ubl.formats import FORMATS, Format
from ubl.model import DocumentKind

__all__ = ["AUTO", "PREFERENCES", "Choice", "Reason", "choose", "fitting"]

AUTO: Final = "auto"
"""In place of a format: the one the receiver can take."""

PREFERENCES: Final = (
    "peppol-bis-3",
    "xrechnung-ubl",
    "xrechnung-cii",
    "en16931-ubl",
    "en16931-cii",
    "fr-extended-ctc-ubl",
    "fr-extended-ctc-cii",
    "peppol-bis-3-cii",
)
"""Best first. Peppol BIS in UBL leads because every receiver of invoices on Peppol must take it;
UBL comes before CII because more receivers can show it. Peppol BIS in CII is last: its rules are
not published for a plain install, and what cannot be judged is not sent."""


class Reason(StrEnum):
    """Why a format was chosen.

    ASKED: the sender named it. ARRIVED: the receiver takes the document as it came. REGISTERED:
    the receiver is registered for it. UNKNOWN: the network could not be asked, and every receiver
    must take it. NOT_ON_NETWORK: the receiver is not registered. NOTHING_FITS: it is registered
    for none of our formats.
    """

    ASKED = "asked"
    ARRIVED = "arrived"
    REGISTERED = "registered"
    UNKNOWN = "unknown"
    NOT_ON_NETWORK = "not-on-network"
    NOTHING_FITS = "nothing-fits"


@dataclass(frozen=True, slots=True)
class Choice:
    """A format, and why it; None leaves the document as it came."""

    format: Format | None
    reason: Reason


def fitting(kind: DocumentKind, registered: Collection[DocumentTypeId]) -> Iterator[Format]:
    """Our formats that a receiver is registered for, best first."""
    for name in PREFERENCES:
        if document_type_of(FORMATS[name], kind) in registered:
            yield FORMATS[name]


def choose(
    kind: DocumentKind, arrived: DocumentTypeId | None, registered: Collection[DocumentTypeId]
) -> Choice:
    """Choose by what a receiver is registered for; ``arrived`` is what the source travels as."""
    if arrived is not None and arrived in registered:
        return Choice(None, Reason.ARRIVED)
    wanted = next(fitting(kind, registered), None)
    if wanted is not None:
        return Choice(wanted, Reason.REGISTERED)
    return Choice(FORMATS[PREFERENCES[0]], Reason.NOTHING_FITS)
