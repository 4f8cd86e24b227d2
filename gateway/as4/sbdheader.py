"""What the header of a Peppol business message says, and whether it holds together.

Values and rules only (Peppol Envelope Specification 2.0.2): takes the header as the scanner
found it and never touches bytes. Whether a receiver is served here is the exchange's question.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from gateway.as4.errors import As4Error, EbmsCode, LocalAs4Error, PeerAs4Error
from gateway.as4.identifiers import (
    DOCTYPE_SCHEME,
    PARTICIPANT_SCHEME,
    PROCESS_SCHEME,
    DocumentTypeId,
    IdentifierInvalid,
    ParticipantId,
    ProcessId,
)
from gateway.as4.sbdscan import Found, HeaderElement, Name

__all__ = [
    "BINARY_CONTENT",
    "HEADER_VERSION",
    "TEXT_CONTENT",
    "MlsType",
    "Payload",
    "Refusal",
    "Sbdh",
    "check_agreement",
    "check_country",
    "header_of",
    "local_refusal",
    "payload_of",
    "peer_refusal",
]

_WRAPPER_NAMESPACE: Final = "http://peppol.eu/xsd/ticc/envelope/1.0"
BINARY_CONTENT: Final = Name(_WRAPPER_NAMESPACE, "BinaryContent")
TEXT_CONTENT: Final = Name(_WRAPPER_NAMESPACE, "TextContent")
HEADER_VERSION: Final = "1.0"
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)


class MlsType(Enum):
    """When C2 wants a Message Level Status: only on failure, or always."""

    FAILURE_ONLY = "FAILURE_ONLY"
    ALWAYS_SEND = "ALWAYS_SEND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sbdh:
    """The header of one business message.

    ``standard``, ``type`` and ``type_version`` repeat root namespace, root name and syntax
    version of the business document. ``created`` is timezone-aware and kept in UTC, to the
    millisecond as it is written, so that a header reads back equal to itself.
    ``country_c1`` is the ISO 3166-1 alpha-2 code of the sender's country. ``mls_type`` None
    means the header says nothing, which counts as FAILURE_ONLY.
    """

    sender: ParticipantId
    receiver: ParticipantId
    document_type: DocumentTypeId
    process: ProcessId
    standard: str
    type_version: str
    type: str
    instance_identifier: str
    created: datetime
    country_c1: str
    mls_to: ParticipantId | None = None
    mls_type: MlsType | None = None

    def __post_init__(self) -> None:
        """Bring ``created`` to UTC and whole milliseconds. Raises ValueError if it has no zone."""
        if self.created.tzinfo is None:
            raise ValueError("The creation time of an SBDH needs a time zone.")
        created = self.created.astimezone(UTC)
        whole = created.microsecond // 1000 * 1000
        object.__setattr__(self, "created", created.replace(microsecond=whole))


@dataclass(frozen=True, slots=True)
class Payload:
    """The business document found in an envelope.

    ``namespace`` and ``root`` are those of its root element, or of the wrapper.
    ``media_type`` is what a BinaryContent or TextContent wrapper declares, and None for XML.
    """

    namespace: str
    root: str
    media_type: str | None = None

    @property
    def is_wrapped(self) -> bool:
        """Whether the payload is carried in a BinaryContent or TextContent wrapper."""
        return Name(self.namespace, self.root) in (BINARY_CONTENT, TEXT_CONTENT)


def peer_refusal(code: str, message: str) -> PeerAs4Error:
    """The error for a message that a peer sent; ``code`` gets the prefix ``SBDH-``."""
    return PeerAs4Error(f"SBDH-{code}", message, ebms=EbmsCode.OTHER)


def local_refusal(code: str, message: str) -> LocalAs4Error:
    """The error for a message that we were about to send."""
    return LocalAs4Error(f"SBDH-{code}", message, ebms=EbmsCode.OTHER)


Refusal = Callable[[str, str], As4Error]


def _one(parent: HeaderElement, local: str, code: str) -> HeaderElement:
    found = parent.all(local)
    if not found:
        raise peer_refusal(f"{code}-MISSING", f"The header has no {local}. Add exactly one.")
    if len(found) > 1:
        raise peer_refusal(
            f"{code}-MULTIPLE", f"The header has {len(found)} {local} elements. Keep exactly one."
        )
    return found[0]


def _participant(header: HeaderElement, local: str) -> ParticipantId:
    code = local.upper()
    identifier = _one(_one(header, local, code), "Identifier", f"{code}-IDENTIFIER")
    authority = identifier.attributes.get("Authority", "")
    if authority != PARTICIPANT_SCHEME:
        raise peer_refusal(
            f"{code}-AUTHORITY",
            f"The {local} is identified under {authority[:80]!r}. Peppol uses "
            f"{PARTICIPANT_SCHEME} as the Authority.",
        )
    try:
        return ParticipantId(authority, identifier.text.strip())
    except IdentifierInvalid as error:
        raise peer_refusal(f"{code}-INVALID", f"{local}: {error.message}") from None


def _created(text: str) -> datetime:
    if _DATE_TIME.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
            # The header's schema allows a time without zone; it is then read as UTC.
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise peer_refusal(
        "CREATION-TIME-INVALID",
        f"CreationDateAndTime is {text[:40]!r}. Write date, time and zone, such as "
        "2026-07-02T08:30:00Z.",
    )


class _Scopes:
    """The BusinessScope of a header, by type of scope."""

    def __init__(self, header: HeaderElement) -> None:
        self._scopes = _one(header, "BusinessScope", "BUSINESS-SCOPE").all("Scope")

    def find(self, kind: str) -> HeaderElement | None:
        found = [scope for scope in self._scopes if scope.first_text("Type") == kind]
        if len(found) > 1:
            raise peer_refusal(
                f"{kind.replace('_', '-')}-MULTIPLE",
                f"The BusinessScope has {len(found)} scopes of type {kind}. Keep one.",
            )
        return found[0] if found else None

    def need(self, kind: str) -> HeaderElement:
        scope = self.find(kind)
        if scope is None:
            raise peer_refusal(
                f"{kind.replace('_', '-')}-MISSING",
                f"The BusinessScope has no scope of type {kind}, which is mandatory. Add it.",
            )
        return scope

    def document_type(self) -> DocumentTypeId:
        scope = self.need("DOCUMENTID")
        try:
            return DocumentTypeId(
                scope.first_text("Identifier") or DOCTYPE_SCHEME,
                scope.first_text("InstanceIdentifier"),
            )
        except IdentifierInvalid as error:
            raise peer_refusal("DOCUMENTID-INVALID", f"Scope DOCUMENTID: {error.message}") from None

    def process(self) -> ProcessId:
        scope = self.need("PROCESSID")
        try:
            return ProcessId(
                scope.first_text("Identifier") or PROCESS_SCHEME,
                scope.first_text("InstanceIdentifier"),
            )
        except IdentifierInvalid as error:
            raise peer_refusal("PROCESSID-INVALID", f"Scope PROCESSID: {error.message}") from None

    def country_c1(self) -> str:
        country = self.need("COUNTRY_C1").first_text("InstanceIdentifier")
        check_country(country, peer_refusal)
        return country

    def mls_to(self) -> ParticipantId | None:
        scope = self.find("MLS_TO")
        if scope is None:
            return None
        value, scheme = scope.first_text("InstanceIdentifier"), scope.first_text("Identifier")
        if not value:
            raise peer_refusal(
                "MLS-TO-EMPTY", "Scope MLS_TO names nobody. Fill it or leave it out."
            )
        if scheme != PARTICIPANT_SCHEME:
            raise peer_refusal(
                "MLS-TO-SCHEME",
                f"Scope MLS_TO has the scheme {scheme[:80]!r}. Its Identifier must be "
                f"{PARTICIPANT_SCHEME}.",
            )
        try:
            return ParticipantId(scheme, value)
        except IdentifierInvalid as error:
            raise peer_refusal("MLS-TO-INVALID", f"Scope MLS_TO: {error.message}") from None

    def mls_type(self) -> MlsType | None:
        scope = self.find("MLS_TYPE")
        if scope is None:
            return None
        text = scope.first_text("InstanceIdentifier")
        try:
            return MlsType(text)
        except ValueError:
            raise peer_refusal(
                "MLS-TYPE-INVALID",
                f"Scope MLS_TYPE is {text[:40]!r}. Write FAILURE_ONLY or ALWAYS_SEND.",
            ) from None


def check_country(country: str, refusal: Refusal) -> None:
    """Refuse a COUNTRY_C1 that is not written as an ISO 3166-1 alpha-2 code."""
    if not _COUNTRY.fullmatch(country):
        raise refusal(
            "COUNTRY-C1-INVALID",
            f"Scope COUNTRY_C1 is {country[:40]!r}. Write the two capital letters of ISO 3166-1.",
        )


def header_of(found: Found) -> Sbdh:
    """The header a scan found, rule by rule. Raises PeerAs4Error with an ``SBDH-`` code."""
    header = found.header
    if header is None:
        raise peer_refusal(
            "HEADER-MISSING",
            "The envelope does not begin with a StandardBusinessDocumentHeader. Add it as the "
            "first element.",
        )
    version = header.first_text("HeaderVersion")
    if version != HEADER_VERSION:
        raise peer_refusal(
            "HEADER-VERSION", f"HeaderVersion is {version[:40]!r}; it must be {HEADER_VERSION}."
        )
    sender, receiver = _participant(header, "Sender"), _participant(header, "Receiver")
    identification = _one(header, "DocumentIdentification", "DOCUMENT-IDENTIFICATION")

    def stated(local: str, code: str) -> str:
        text = _one(identification, local, code).text.strip()
        if not text:
            raise peer_refusal(
                f"{code}-EMPTY", f"DocumentIdentification has an empty {local}. Fill it."
            )
        return text

    standard = stated("Standard", "STANDARD")
    type_version = stated("TypeVersion", "TYPE-VERSION")
    instance_identifier = stated("InstanceIdentifier", "INSTANCE-IDENTIFIER")
    type_ = stated("Type", "TYPE")
    created = _created(identification.first_text("CreationDateAndTime"))
    scopes = _Scopes(header)
    return Sbdh(
        sender=sender,
        receiver=receiver,
        document_type=scopes.document_type(),
        process=scopes.process(),
        standard=standard,
        type_version=type_version,
        type=type_,
        instance_identifier=instance_identifier,
        created=created,
        country_c1=scopes.country_c1(),
        mls_to=scopes.mls_to(),
        mls_type=scopes.mls_type(),
    )


def check_agreement(header: Sbdh, payload: Payload, refusal: Refusal) -> None:
    """Hold header, document type and business document together; see check_consistency."""
    expected = header.document_type
    rows = [("STANDARD", "Standard", header.standard, expected.namespace)]
    if expected.root is not None:
        rows.append(("TYPE", "Type", header.type, expected.root))
        if expected.version is not None:
            rows.append(("TYPE-VERSION", "TypeVersion", header.type_version, expected.version))
    for code, name, stated, wanted in rows:
        if stated != wanted:
            raise refusal(
                f"{code}-MISMATCH",
                f"{name} is {stated[:200]!r}, but the document type in scope DOCUMENTID says "
                f"{wanted!r}. Make both agree.",
            )
    if expected.root is None and payload.is_wrapped:
        return
    if (payload.namespace, payload.root) != (header.standard, header.type):
        raise refusal(
            "PAYLOAD-MISMATCH",
            f"The business document is {payload.root[:80]!r} in namespace "
            f"{payload.namespace[:200]!r}, but the header announces {header.type!r} in "
            f"{header.standard!r}.",
        )


def payload_of(found: Found, refusal: Refusal) -> Payload:
    """The one business document a scan found. Raises SBDH-PAYLOAD-MISSING or -MULTIPLE."""
    if found.root is None:
        raise refusal(
            "PAYLOAD-MISSING", "The envelope holds no business document. Put one after the header."
        )
    if found.bodies > 1:
        raise refusal(
            "PAYLOAD-MULTIPLE",
            "The envelope holds more than one business document. Send one in each message.",
        )
    is_wrapper = found.root in (BINARY_CONTENT, TEXT_CONTENT)
    media_type = found.root_attributes.get("mimeType", "") if is_wrapper else None
    return Payload(found.root.namespace, found.root.local, media_type)
