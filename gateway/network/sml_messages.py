"""What our SMP and the SML say to each other: SOAP 1.1 requests, answers and faults.

Pure: values to bytes and back; sml_client carries them. Sources: the busdox locator services
ManageServiceMetadata 1.0 and ManageBusinessIdentifier 1.0 (SML 1.x), and the migration key rule
of their implementation.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lxml import etree

from gateway.as4.identifiers import IdentifierInvalid, ParticipantId
from gateway.network.smp import IDS_NAMESPACE
from ubl.safexml import Limits, XmlRefused, parse

__all__ = [
    "MIGRATION_KEY",
    "FaultKind",
    "ParticipantPage",
    "Publisher",
    "SmlAnswerInvalid",
    "SmlFault",
    "SmlOperation",
    "create_publisher",
    "migration_key",
    "migration_record",
    "page_request",
    "participant_entry",
    "publisher_named",
    "read_answer",
    "read_page",
    "read_publisher",
    "update_publisher",
]

SOAP_NAMESPACE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
LOCATOR_NAMESPACE: Final = "http://busdox.org/serviceMetadata/locator/1.0/"
_METADATA: Final = "http://busdox.org/serviceMetadata/ManageServiceMetadataService/1.0/"
# Nine blanks stand before the colon in the published service description; servers compare.
_IDENTIFIER: Final = (
    "http://busdox.org/serviceMetadata/ManageBusinessIdentifierService/1.0/         "
)
_PREFIXES: Final = {"soap": SOAP_NAMESPACE, "sml": LOCATOR_NAMESPACE, "ids": IDS_NAMESPACE}
_LIMITS: Final = Limits(max_bytes=4 * 1024 * 1024, max_depth=30)

_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"
_SPECIAL: Final = "@#$%()[]{}*^-!~|+="
_KEY_LENGTH: Final = 24
MIGRATION_KEY: Final = re.compile(
    r"(?=(?:.*[@#$%()\[\]{}*^_\-!~|+=]){2})(?=(?:.*[A-Z]){2})(?=(?:.*[a-z]){2})"
    r"(?=(?:.*[0-9]){2})\S{8,24}"
)
"""What the SML takes as a migration key: 8 to 24 characters, two of each of the four kinds."""


class SmlOperation(StrEnum):
    """What can be asked of the SML; the value is its SOAPAction."""

    CREATE_PUBLISHER = f"{_METADATA}:createIn"
    READ_PUBLISHER = f"{_METADATA}:readIn"
    UPDATE_PUBLISHER = f"{_METADATA}:updateIn"
    DELETE_PUBLISHER = f"{_METADATA}:deleteIn"
    CREATE = f"{_IDENTIFIER}:createIn"
    CREATE_LIST = f"{_IDENTIFIER}:createListIn"
    DELETE = f"{_IDENTIFIER}:deleteIn"
    DELETE_LIST = f"{_IDENTIFIER}:deleteListIn"
    LIST = f"{_IDENTIFIER}:listIn"
    PREPARE_MIGRATE = f"{_IDENTIFIER}:prepareMigrateIn"
    MIGRATE = f"{_IDENTIFIER}:migrateIn"

    @property
    def service(self) -> str:
        """The last part of the service's address."""
        about_smp = self.value.startswith(_METADATA)
        return "manageservicemetadata" if about_smp else "manageparticipantidentifier"


class FaultKind(StrEnum):
    """The faults the SML declares; OTHER is any other SOAP fault."""

    BAD_REQUEST = "BadRequestFault"
    INTERNAL_ERROR = "InternalErrorFault"
    NOT_FOUND = "NotFoundFault"
    UNAUTHORIZED = "UnauthorizedFault"
    OTHER = "Fault"


_FAULT_NAMES: Final = frozenset(one.value for one in FaultKind)


class SmlFault(Exception):
    """The SML refused; ``text`` is what it said, shortened."""

    def __init__(self, kind: FaultKind, text: str) -> None:
        super().__init__(f"{kind.value}: {text}")
        self.kind = kind
        self.text = text


class SmlAnswerInvalid(ValueError):
    """What came back is no answer of an SML."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """An SMP as the SML knows it: its identifier and the address its participants are led to."""

    smp_id: str
    logical_address: str
    physical_address: str


@dataclass(frozen=True, slots=True)
class ParticipantPage:
    """Some of an SMP's participants; ``next_page`` asks for more, empty on the last page."""

    participants: tuple[ParticipantId, ...]
    next_page: str


def migration_key() -> str:
    """A fresh random key for moving a participant to another SMP; it is a secret."""
    draw = secrets.SystemRandom()
    kinds = (_LOWER, _LOWER.upper(), _DIGITS, _SPECIAL)
    chosen = [secrets.choice(kind) for kind in kinds for _ in range(2)]
    chosen += [secrets.choice("".join(kinds)) for _ in range(_KEY_LENGTH - len(chosen))]
    draw.shuffle(chosen)
    return "".join(chosen)


def create_publisher(publisher: Publisher) -> bytes:
    """Ask the SML to know our SMP."""
    return _publisher("CreateServiceMetadataPublisherService", publisher)


def update_publisher(publisher: Publisher) -> bytes:
    """Tell the SML that our SMP has another address."""
    return _publisher("UpdateServiceMetadataPublisherService", publisher)


def publisher_named(smp_id: str, *, read: bool) -> bytes:
    """Ask what the SML knows of an SMP (``read``), or ask it to forget it."""
    if read:
        return _publisher("ReadServiceMetadataPublisherService", Publisher(smp_id, "", ""))
    envelope, body = _envelope()
    _leaf(body, "ServiceMetadataPublisherID", smp_id)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def participant_entry(smp_id: str, participants: Iterable[ParticipantId], *, name: str) -> bytes:
    """Add or remove participants; ``name`` is the element the operation asks for.

    CreateParticipantIdentifier and DeleteParticipantIdentifier take one; CreateList and
    DeleteList many, named before the SMP.
    """
    envelope, body = _envelope()
    element = etree.SubElement(body, _sml(name))
    many = name.endswith("List")
    if not many:
        _leaf(element, "ServiceMetadataPublisherID", smp_id)
    for participant in participants:
        _participant(element, participant)
    if many:
        _leaf(element, "ServiceMetadataPublisherID", smp_id)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def page_request(smp_id: str, page: str) -> bytes:
    """Ask for a page of an SMP's participants; an empty ``page`` is the first."""
    envelope, body = _envelope()
    element = etree.SubElement(body, _sml("PageRequest"))
    _leaf(element, "ServiceMetadataPublisherID", smp_id)
    if page:
        _leaf(element, "NextPageIdentifier", page)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def migration_record(smp_id: str, participant: ParticipantId, *, key: str, complete: bool) -> bytes:
    """Announce that a participant may leave with this key, or take one over (``complete``)."""
    envelope, body = _envelope()
    name = "CompleteMigrationRecord" if complete else "PrepareMigrationRecord"
    element = etree.SubElement(body, _sml(name))
    _leaf(element, "ServiceMetadataPublisherID", smp_id)
    _participant(element, participant)
    _leaf(element, "MigrationKey", key)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def read_answer(data: bytes) -> etree._Element | None:
    """The element in the body of an answer; None for an empty one, which means done.

    Raises SmlFault for a fault and SmlAnswerInvalid for anything else.
    """
    try:
        root = parse(data, _LIMITS)
    except XmlRefused as error:
        raise SmlAnswerInvalid(error.message) from error
    body = root.find(f"{{{SOAP_NAMESPACE}}}Body")
    if root.tag != f"{{{SOAP_NAMESPACE}}}Envelope" or body is None:
        raise SmlAnswerInvalid("it is no SOAP envelope with a body")
    first = next((one for one in body if isinstance(one.tag, str)), None)
    if first is not None and first.tag == f"{{{SOAP_NAMESPACE}}}Fault":
        raise _fault(first)
    return first


def read_publisher(answer: etree._Element | None) -> Publisher:
    """What the SML knows of an SMP. Raises SmlAnswerInvalid."""
    if answer is None or answer.tag != _sml("ServiceMetadataPublisherService"):
        raise SmlAnswerInvalid("it does not describe an SMP")
    endpoint = answer.find(_sml("PublisherEndpoint"))
    return Publisher(
        smp_id=_text(answer, "ServiceMetadataPublisherID"),
        logical_address="" if endpoint is None else _text(endpoint, "LogicalAddress"),
        physical_address="" if endpoint is None else _text(endpoint, "PhysicalAddress"),
    )


def read_page(answer: etree._Element | None) -> ParticipantPage:
    """A page of participants; entries of other networks are left out. Raises SmlAnswerInvalid."""
    if answer is None or answer.tag != _sml("ParticipantIdentifierPage"):
        raise SmlAnswerInvalid("it is no page of participants")
    found = []
    for one in answer.iterchildren(f"{{{IDS_NAMESPACE}}}ParticipantIdentifier"):
        try:
            found.append(ParticipantId(one.get("scheme", ""), one.text or ""))
        except IdentifierInvalid:
            continue  # nobody here asks about what is no participant of this network
    return ParticipantPage(tuple(found), _text(answer, "NextPageIdentifier"))


def _publisher(name: str, publisher: Publisher) -> bytes:
    envelope, body = _envelope()
    element = etree.SubElement(body, _sml(name))
    endpoint = etree.SubElement(element, _sml("PublisherEndpoint"))
    _leaf(endpoint, "LogicalAddress", publisher.logical_address)
    _leaf(endpoint, "PhysicalAddress", publisher.physical_address)
    _leaf(element, "ServiceMetadataPublisherID", publisher.smp_id)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def _envelope() -> tuple[etree._Element, etree._Element]:
    envelope = etree.Element(f"{{{SOAP_NAMESPACE}}}Envelope", nsmap=_PREFIXES)
    return envelope, etree.SubElement(envelope, f"{{{SOAP_NAMESPACE}}}Body")


def _fault(fault: etree._Element) -> SmlFault:
    said = (fault.findtext("faultstring") or "").strip()
    kind = FaultKind.OTHER
    for detail in fault.iterchildren("detail"):
        for one in detail:
            name = etree.QName(one).localname if isinstance(one.tag, str) else ""
            if name in _FAULT_NAMES:
                kind = FaultKind(name)
                said = (one.findtext(_sml("FaultMessage")) or said).strip()
    return SmlFault(kind, " ".join(said.split())[:500])


def _participant(parent: etree._Element, participant: ParticipantId) -> None:
    element = etree.SubElement(
        parent, f"{{{IDS_NAMESPACE}}}ParticipantIdentifier", scheme=participant.scheme
    )
    element.text = participant.value


def _leaf(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, _sml(name)).text = text


def _text(parent: etree._Element, name: str) -> str:
    return (parent.findtext(_sml(name)) or "").strip()


def _sml(name: str) -> str:
    return f"{{{LOCATOR_NAMESPACE}}}{name}"
