"""Service Metadata Publisher: what a participant accepts, and where, as an SMP answers it.

Pure: judges the bytes an SMP answered; smp_client fetches them, smp_selection chooses. Strict
about meaning, free about prefixes. Everything a sender acts on comes from inside a verified
signature. Source: SMP 1.4.0 as in exchange facts 2.7 and 2.10.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

from cryptography import x509
from lxml import etree

from gateway.as4.identifiers import (
    DocumentTypeId,
    IdentifierInvalid,
    ParticipantId,
    ProcessId,
)
from gateway.as4.namespaces import leaf_text
from gateway.as4.xmldsig import SignatureRefused, verify_enveloped
from gateway.core.errors import ErrorKind
from gateway.network.errors import (
    AP_CERTIFICATE,
    CERTIFICATE_UNDECIDED,
    MISMATCH,
    SIGNATURE,
    SMP_ANSWER,
    SMP_CERTIFICATE,
    LookupFailed,
)
from gateway.network.pki import CertificateVerdict, Purpose, VerdictStatus
from ubl.safexml import Limits, XmlRefused, parse

__all__ = [
    "IDS_NAMESPACE",
    "MAX_ANSWER_BYTES",
    "SMP_NAMESPACE",
    "WSA_NAMESPACE",
    "PublishedEndpoint",
    "PublishedProcess",
    "Redirect",
    "ServiceGroup",
    "ServiceMetadata",
    "SignedAnswer",
    "open_signed_metadata",
    "read_metadata",
    "read_service_group",
    "require_same",
    "require_trusted",
]

SMP_NAMESPACE: Final = "http://busdox.org/serviceMetadata/publishing/1.0/"
IDS_NAMESPACE: Final = "http://busdox.org/transport/identifiers/1.0/"
WSA_NAMESPACE: Final = "http://www.w3.org/2005/08/addressing"
MAX_ANSWER_BYTES: Final = 2 * 1024 * 1024
_LIMITS: Final = Limits(max_bytes=MAX_ANSWER_BYTES, max_depth=30)


@dataclass(frozen=True, slots=True)
class ServiceGroup:
    """The document types a participant has registered.

    ``document_types`` are those whose reference could be read; others concern no one who asks.
    """

    participant: ParticipantId
    document_types: tuple[DocumentTypeId, ...]


@dataclass(frozen=True, slots=True)
class PublishedEndpoint:
    """One endpoint as an SMP publishes it, not judged yet.

    ``certificate`` is the base64 text as published. Times are aware UTC or None (unbounded).
    """

    transport_profile: str
    url: str
    certificate: str
    activation: datetime | None
    expiry: datetime | None
    service_description: str = ""
    technical_contact: str = ""


@dataclass(frozen=True, slots=True)
class PublishedProcess:
    """A process and the endpoints that take the document type within it."""

    process: ProcessId
    endpoints: tuple[PublishedEndpoint, ...]


@dataclass(frozen=True, slots=True)
class ServiceMetadata:
    """What one participant publishes about one document type."""

    participant: ParticipantId
    document_type: DocumentTypeId
    processes: tuple[PublishedProcess, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another SMP answers for this; ``certificate_uid`` is the subject name of its signer."""

    href: str
    certificate_uid: str


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """An answer whose signature holds. Its content is read once its signer has been judged."""

    signer: x509.Certificate
    root: etree._Element


def read_service_group(data: bytes, *, participant: ParticipantId) -> ServiceGroup:
    """Read the answer to ``GET /{participant}``.

    A ServiceGroup is not signed; it serves to choose what to ask next, never to send anywhere.
    Raises LookupFailed LOOKUP-SMP-ANSWER or LOOKUP-MISMATCH.
    """
    root = _parse(data, expected="ServiceGroup")
    found = _participant(_one(root, IDS_NAMESPACE, "ParticipantIdentifier"))
    if found != participant:
        raise _mismatch(asked=str(participant), answered=str(found))
    references = _one(root, SMP_NAMESPACE, "ServiceMetadataReferenceCollection")
    types = []
    for reference in references.iterchildren(_smp("ServiceMetadataReference")):
        # Some publishers escape the slashes of the path, too.
        _, separator, last = unquote(reference.get("href", "")).partition("/services/")
        if not separator:
            continue
        try:
            types.append(DocumentTypeId.parse(last))
        except IdentifierInvalid:
            continue  # a registration for another network does not spoil the rest
    return ServiceGroup(participant=found, document_types=tuple(types))


def open_signed_metadata(data: bytes) -> SignedAnswer:
    """Verify the signature of the answer to ``GET /{participant}/services/{documentType}``.

    Inclusive canonicalisation is what SMPs write since SMP 1.2, exclusive is as safe and read too;
    SHA-1 is refused. Whether the signer is an SMP of this stage is for the caller to judge, before
    anything is read. Raises LookupFailed LOOKUP-SMP-ANSWER or LOOKUP-SIGNATURE.
    """
    root = _parse(data, expected="SignedServiceMetadata")
    try:
        return SignedAnswer(signer=verify_enveloped(root), root=root)
    except SignatureRefused as error:
        raise LookupFailed(
            SIGNATURE,
            f"The SMP's answer cannot be trusted. {error.message} Its provider has to correct "
            "this.",
            reason=error.code,
        ) from error


def read_metadata(answer: SignedAnswer) -> ServiceMetadata | Redirect:
    """What a verified answer says. Raises LookupFailed LOOKUP-SMP-ANSWER."""
    metadata = _one(answer.root, SMP_NAMESPACE, "ServiceMetadata")
    kinds = [one for one in metadata if isinstance(one.tag, str)]
    if len(kinds) == 1 and kinds[0].tag == _smp("Redirect"):
        return _redirect(kinds[0])
    if len(kinds) == 1 and kinds[0].tag == _smp("ServiceInformation"):
        return _information(kinds[0])
    raise _unusable("ServiceMetadata must hold either ServiceInformation or Redirect")


def require_same(
    metadata: ServiceMetadata, *, participant: ParticipantId, document_type: DocumentTypeId
) -> None:
    """Refuse an answer about another participant or document type (LOOKUP-MISMATCH)."""
    if metadata.participant != participant:
        raise _mismatch(asked=str(participant), answered=str(metadata.participant))
    if metadata.document_type != document_type:
        raise _mismatch(asked=str(document_type), answered=str(metadata.document_type))


_REFUSED: Final[dict[Purpose, tuple[ErrorKind, str]]] = {
    Purpose.AP: (AP_CERTIFICATE, "The receiving access point's certificate is not accepted."),
    Purpose.SMP: (SMP_CERTIFICATE, "The SMP's answer was not signed by an SMP of this stage."),
}


def require_trusted(verdict: CertificateVerdict, *, purpose: Purpose) -> None:
    """Refuse what the PKI does not vouch for.

    Raises LookupFailed LOOKUP-SMP-CERTIFICATE or LOOKUP-AP-CERTIFICATE for good, or
    LOOKUP-CERTIFICATE-UNDECIDED for now.
    """
    if verdict.ok:
        return
    kind, sentence = _REFUSED[purpose]
    if verdict.status is VerdictStatus.INDETERMINATE:
        kind = CERTIFICATE_UNDECIDED
    raise LookupFailed(
        kind,
        f"{sentence} {verdict.message}",
        reason=verdict.code,
        subject=verdict.subject,
        fingerprint=verdict.fingerprint,
    )


def _smp(name: str) -> str:
    return f"{{{SMP_NAMESPACE}}}{name}"


def _unusable(fault: str) -> LookupFailed:
    return LookupFailed(
        SMP_ANSWER, f"The SMP's answer cannot be used: {fault}. Its provider has to correct this."
    )


def _mismatch(*, asked: str, answered: str) -> LookupFailed:
    return LookupFailed(
        MISMATCH,
        "The SMP answered about something other than what was asked. Its provider has to correct "
        "this.",
        asked=asked,
        answered=answered[:600],
    )


def _parse(data: bytes, *, expected: str) -> etree._Element:
    try:
        root = parse(data, _LIMITS)
    except XmlRefused as error:
        raise LookupFailed(
            SMP_ANSWER, f"The SMP's answer cannot be used. {error.message}", reason=error.code
        ) from error
    if root.tag != _smp(expected):
        raise _unusable(f"it is not a {expected} of {SMP_NAMESPACE}")
    return root


def _one(parent: etree._Element, namespace: str, name: str) -> etree._Element:
    found = list(parent.iterchildren(f"{{{namespace}}}{name}"))
    if len(found) != 1:
        raise _unusable(f"it needs exactly one {name} and has {len(found)}")
    return found[0]


def _optional(parent: etree._Element, name: str) -> str:
    found = list(parent.iterchildren(_smp(name)))
    if len(found) > 1:
        raise _unusable(f"it has more than one {name}")
    return _text(found[0]) if found else ""


def _text(element: etree._Element) -> str:
    text = leaf_text(element)
    if text is None:
        raise _unusable(f"{etree.QName(element).localname} holds more than text")
    return text


def _participant(element: etree._Element) -> ParticipantId:
    try:
        return ParticipantId(element.get("scheme", ""), _text(element))
    except IdentifierInvalid as error:
        raise _unusable(f"it names an impossible participant ({error.code})") from error


def _information(information: etree._Element) -> ServiceMetadata:
    named = _one(information, IDS_NAMESPACE, "DocumentIdentifier")
    try:
        document_type = DocumentTypeId(named.get("scheme", ""), _text(named))
    except IdentifierInvalid as error:
        raise _unusable(f"it names an impossible document type ({error.code})") from error
    processes = _one(information, SMP_NAMESPACE, "ProcessList")
    read = (_process(one) for one in processes.iterchildren(_smp("Process")))
    return ServiceMetadata(
        participant=_participant(_one(information, IDS_NAMESPACE, "ParticipantIdentifier")),
        document_type=document_type,
        processes=tuple(one for one in read if one is not None),
    )


def _process(element: etree._Element) -> PublishedProcess | None:
    named = _one(element, IDS_NAMESPACE, "ProcessIdentifier")
    try:
        process = ProcessId(named.get("scheme", ""), _text(named))
    except IdentifierInvalid:
        return None  # not a process anybody could ask for
    endpoints = _one(element, SMP_NAMESPACE, "ServiceEndpointList")
    found = tuple(_endpoint(one) for one in endpoints.iterchildren(_smp("Endpoint")))
    return PublishedProcess(process=process, endpoints=found)


def _endpoint(element: etree._Element) -> PublishedEndpoint:
    reference = _one(element, WSA_NAMESPACE, "EndpointReference")
    return PublishedEndpoint(
        transport_profile=element.get("transportProfile", ""),
        url=_text(_one(reference, WSA_NAMESPACE, "Address")),
        certificate=_text(_one(element, SMP_NAMESPACE, "Certificate")),
        activation=_moment(element, "ServiceActivationDate"),
        expiry=_moment(element, "ServiceExpirationDate"),
        service_description=_optional(element, "ServiceDescription"),
        technical_contact=_optional(element, "TechnicalContactUrl"),
    )


def _moment(element: etree._Element, name: str) -> datetime | None:
    text = _optional(element, name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        # xs:dateTime without zone is read as UTC, the zone of every clock on the network.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _unusable(f"{name} is not a date with time") from None


def _redirect(element: etree._Element) -> Redirect:
    return Redirect(
        href=element.get("href", ""),
        certificate_uid=_text(_one(element, SMP_NAMESPACE, "CertificateUID")),
    )
