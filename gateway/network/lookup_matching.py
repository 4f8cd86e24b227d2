"""Why a participant takes a document type or not, from what it has registered.

Pure: compares identifiers; chooses exactly as smp_selection does and says why. Source: PFUOI
4.3.0 as in exchange facts 2.7.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.as4.identifiers import (
    BILLING_INVOICE,
    DOCTYPE_SCHEME,
    DOCTYPE_WILDCARD_SCHEME,
    END_USER_STATISTICS_REPORT,
    INVOICE_RESPONSE,
    MESSAGE_LEVEL_RESPONSE,
    MESSAGE_LEVEL_STATUS,
    REMINDER,
    SELF_BILLING_INVOICE,
    TRANSACTION_STATISTICS_REPORT,
    DocumentTypeId,
    IdentifierInvalid,
)

__all__ = ["Match", "MatchReason", "document_title", "match_document_type"]

_SPECIFICATIONS: Final = {
    one.customization: title
    for one, title in (
        (BILLING_INVOICE, "Peppol BIS Billing 3"),
        (SELF_BILLING_INVOICE, "Peppol BIS Self-Billing 3"),
        (INVOICE_RESPONSE, "Peppol BIS Invoice Response 3"),
        (MESSAGE_LEVEL_RESPONSE, "Peppol BIS Message Level Response 3"),
        (MESSAGE_LEVEL_STATUS, "Peppol Message Level Status 1.0"),
        (TRANSACTION_STATISTICS_REPORT, "Peppol Transaction Statistics 1.0"),
        (END_USER_STATISTICS_REPORT, "Peppol End User Statistics 1.1"),
        (REMINDER, "Receivables Reminder"),
    )
}
_FAMILIES: Final = (
    ("urn:peppol:pint:", "PINT "),
    ("urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_", "XRechnung "),
    ("urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:", "Peppol BIS "),
    ("urn:fdc:peppol.eu:poacc:trns:", "Peppol BIS "),
)


class MatchReason(StrEnum):
    """Why a document type is taken, or what stands in the way."""

    EXACT = "exact"
    WILDCARD = "wildcard"
    OTHER_SCHEME = "other-scheme"
    OTHER_VERSION = "other-version"
    OTHER_SPECIFICATION = "other-specification"
    OTHER_DOCUMENT = "other-document"
    NOTHING_REGISTERED = "nothing-registered"


_SENTENCES: Final = {
    MatchReason.EXACT: "It is registered exactly as asked.",
    MatchReason.WILDCARD: "It is registered with a wildcard that covers it.",
    MatchReason.OTHER_SCHEME: (
        "It is registered under the other document type scheme: exact types and wildcard types "
        "never match each other. Ask with the scheme that is registered."
    ),
    MatchReason.OTHER_VERSION: (
        "The same document of the same specification is registered, but in another version of its "
        "syntax."
    ),
    MatchReason.OTHER_SPECIFICATION: (
        "The same kind of document is registered, but by another specification only."
    ),
    MatchReason.OTHER_DOCUMENT: "Only other kinds of documents are registered.",
    MatchReason.NOTHING_REGISTERED: "No document type is registered at all.",
}


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a registration takes the document type asked for.

    ``tried`` are the registrations that could take it, most specific first; ``matched`` is the
    first of them that exists, None if none does. ``near`` are registrations that come close when
    nothing matched, at most ten.
    """

    asked: DocumentTypeId
    tried: tuple[DocumentTypeId, ...]
    matched: DocumentTypeId | None
    reason: MatchReason
    near: tuple[DocumentTypeId, ...] = ()

    @property
    def sentence(self) -> str:
        """The reason in English, for logs, the API and the command line."""
        return _SENTENCES[self.reason]


def match_document_type(registered: Iterable[DocumentTypeId], asked: DocumentTypeId) -> Match:
    """Find the registration that takes a document type, and why it is this one or none."""
    known = tuple(registered)
    tried = asked.wildcard_candidates()
    for candidate in tried:
        if candidate in known:
            reason = MatchReason.EXACT if candidate == asked else MatchReason.WILDCARD
            return Match(asked, tried, candidate, reason)
    reason, near = _obstacle(known, asked)
    return Match(asked, tried, None, reason, near[:10])


def document_title(document_type: DocumentTypeId) -> str:
    """A short name for people: the root element and the specification.

    The specification is named where it is known, and given by its identifier otherwise.
    """
    customization = document_type.customization or document_type.namespace
    specification = _SPECIFICATIONS.get(document_type.customization)
    if specification is None:
        specification = next(
            (
                title + customization.removeprefix(prefix).replace(":", " ")
                for prefix, title in _FAMILIES
                if customization.startswith(prefix)
            ),
            customization,
        )
    root = document_type.root or document_type.namespace.rpartition(":")[2]
    return f"{root} · {specification}" if specification != root else root


def _obstacle(
    known: tuple[DocumentTypeId, ...], asked: DocumentTypeId
) -> tuple[MatchReason, tuple[DocumentTypeId, ...]]:
    if not known:
        return MatchReason.NOTHING_REGISTERED, ()
    others = _under_the_other_scheme(asked)
    if near := tuple(one for one in known if one in others):
        return MatchReason.OTHER_SCHEME, near
    kin = tuple(one for one in known if (one.namespace, one.root) == (asked.namespace, asked.root))
    if near := tuple(one for one in kin if one.customization == asked.customization):
        return MatchReason.OTHER_VERSION, near
    return (MatchReason.OTHER_SPECIFICATION if kin else MatchReason.OTHER_DOCUMENT), kin


def _under_the_other_scheme(asked: DocumentTypeId) -> frozenset[DocumentTypeId]:
    other = DOCTYPE_SCHEME if asked.scheme == DOCTYPE_WILDCARD_SCHEME else DOCTYPE_WILDCARD_SCHEME
    try:
        return frozenset(DocumentTypeId(other, asked.value).wildcard_candidates())
    except IdentifierInvalid:
        return frozenset()  # a '*' that only the asked scheme allows
