"""The ebMS header of a Peppol user message (AS4 profile 2.0.3 §5), to and from XML.

Pure values and strict reading. Knows no signature, no payload and no clock: whether the header
agrees with certificate and SBDH is decided where these are at hand.
"""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.envelope import only, read_text, read_timestamp, write_timestamp
from gateway.as4.errors import As4Error, EbmsCode, LocalAs4Error, PeerAs4Error
from gateway.as4.identifiers import (
    PARTICIPANT_SCHEME,
    SEAT_ID_TYPE,
    DocumentTypeId,
    IdentifierInvalid,
    ParticipantId,
    ProcessId,
    check_seat_id,
)
from gateway.as4.namespaces import leaf_text, q

__all__ = [
    "AGREEMENT",
    "UserMessage",
    "check_structure",
    "peek_message_id",
    "read_payload",
    "read_user_message",
    "write_user_message",
]

AGREEMENT: Final = "urn:fdc:peppol.eu:2017:agreements:tia:ap_provider"
INITIATOR: Final = ns.EB + "initiator"
RESPONDER: Final = ns.EB + "responder"
DEFAULT_MPC: Final = ns.EB + "defaultMPC"
GZIP: Final = "application/gzip"
_MESSAGE_ID: Final = re.compile(r"[\x21-\x7e]{1,255}")
_CONTENT_ID: Final = re.compile(r"[\x21-\x7e]{1,255}")
Identifier = TypeVar("Identifier", ProcessId, DocumentTypeId)


@dataclass(frozen=True, slots=True)
class UserMessage:
    """One document on its way from C2 to C3, as the ebMS header describes it.

    ``timestamp`` is aware UTC. ``from_party`` and ``to_party`` are seat ids, the subject CN of
    the access points' certificates. ``payload_id`` is the Content-ID of the payload without
    brackets. The agreement, the roles and the default MPC are fixed by the profile and left out.
    ``compressed`` is False only for a received payload that its sender did not gzip.
    """

    message_id: str
    timestamp: datetime.datetime
    conversation_id: str
    from_party: str
    to_party: str
    service: ProcessId
    action: DocumentTypeId
    original_sender: ParticipantId
    final_recipient: ParticipantId
    payload_id: str
    compressed: bool = True


def peek_message_id(messaging: etree._Element) -> str | None:
    """Find the MessageId without judging the message, so that an error can name it."""
    for kind in ("UserMessage", "SignalMessage"):
        for element in messaging.iterfind(f"{q(ns.EB, kind)}/{q(ns.EB, 'MessageInfo')}"):
            found = element.find(q(ns.EB, "MessageId"))
            text = leaf_text(found) if found is not None else None
            if text and _MESSAGE_ID.fullmatch(text):
                return text
    return None


def check_structure(messaging: etree._Element) -> etree._Element:
    """Check that Messaging holds one complete ``eb:UserMessage`` and return it.

    Missing or repeated parts and impossible values are EBMS:0009, a second user message is
    EBMS:0003, a signal or pull request where a document is expected is EBMS:0002.
    """
    users = messaging.findall(q(ns.EB, "UserMessage"))
    if len(users) > 1:
        raise PeerAs4Error(
            "AS4-USER-MESSAGE-MANY",
            f"Messaging holds {len(users)} user messages. Send each in a request of its own.",
            ebms=EbmsCode.VALUE_INCONSISTENT,
        )
    if messaging.find(q(ns.EB, "SignalMessage")) is not None:
        raise PeerAs4Error(
            "AS4-SIGNAL-UNEXPECTED",
            "Only One-Way/Push is supported: a request holds one user message and no signal.",
            ebms=EbmsCode.FEATURE_NOT_SUPPORTED,
        )
    user = only(messaging, ns.EB, "UserMessage")
    info = only(user, ns.EB, "MessageInfo")
    read_timestamp(only(info, ns.EB, "Timestamp"))
    _check_message_id(read_text(only(info, ns.EB, "MessageId")))
    parties = only(user, ns.EB, "PartyInfo")
    for side in ("From", "To"):
        party = only(parties, ns.EB, side)
        identifiers = party.findall(q(ns.EB, "PartyId"))
        if not identifiers or not all(leaf_text(item) for item in identifiers):
            raise PeerAs4Error(
                "AS4-PARTY-MISSING",
                f"{side} names no party. Send the seat id in PartyId.",
                ebms=EbmsCode.INVALID_HEADER,
            )
        read_text(only(party, ns.EB, "Role"))
    collaboration = only(user, ns.EB, "CollaborationInfo")
    for name in ("Service", "Action", "ConversationId"):
        read_text(only(collaboration, ns.EB, name))
    return user


def _check_message_id(text: str) -> str:
    if not _MESSAGE_ID.fullmatch(text):
        raise PeerAs4Error(
            "AS4-MESSAGE-ID",
            "MessageId must be at most 255 printable characters without spaces.",
            ebms=EbmsCode.INVALID_HEADER,
        )
    return text


def read_user_message(messaging: etree._Element) -> UserMessage:
    """Read the user message and hold every value against the Peppol profile.

    Raises PeerAs4Error: EBMS:0009, 0003, 0002 as check_structure; EBMS:0004 for parties and
    properties; EBMS:0003 for fixed values; EBMS:0001 for identifiers that are none.
    """
    user = check_structure(messaging)
    info = only(user, ns.EB, "MessageInfo")
    collaboration = only(user, ns.EB, "CollaborationInfo")
    parties = only(user, ns.EB, "PartyInfo")
    if user.get("mpc", DEFAULT_MPC) != DEFAULT_MPC:
        raise _inconsistent("AS4-MPC", "Only the default message partition channel is used.")
    from_party = _read_party(only(parties, ns.EB, "From"), role=INITIATOR)
    to_party = _read_party(only(parties, ns.EB, "To"), role=RESPONDER)
    _check_agreement(collaboration)
    service = only(collaboration, ns.EB, "Service")
    scheme = service.get("type", "")
    process = _recognise("Service", lambda: ProcessId(scheme, read_text(service)))
    action = read_text(only(collaboration, ns.EB, "Action"))
    payload_id, compressed = read_payload(user)
    properties = _read_properties(user)
    return UserMessage(
        message_id=read_text(only(info, ns.EB, "MessageId")),
        timestamp=read_timestamp(only(info, ns.EB, "Timestamp")),
        conversation_id=read_text(only(collaboration, ns.EB, "ConversationId")),
        from_party=from_party,
        to_party=to_party,
        service=process,
        action=_recognise("Action", lambda: DocumentTypeId.parse(action)),
        original_sender=_participant(properties, "originalSender"),
        final_recipient=_participant(properties, "finalRecipient"),
        payload_id=payload_id,
        compressed=compressed,
    )


def _inconsistent(code: str, message: str) -> PeerAs4Error:
    return PeerAs4Error(code, message, ebms=EbmsCode.VALUE_INCONSISTENT)


def _other(code: str, message: str) -> PeerAs4Error:
    return PeerAs4Error(code, message, ebms=EbmsCode.OTHER)


def _recognise(what: str, read: Callable[[], Identifier]) -> Identifier:
    try:
        return read()
    except IdentifierInvalid as error:
        raise PeerAs4Error(
            f"AS4-{what.upper()}-VALUE",
            f"{what} is not usable: {error.message}",
            ebms=EbmsCode.VALUE_NOT_RECOGNIZED,
        ) from None


def _read_party(party: etree._Element, *, role: str) -> str:
    side = etree.QName(party).localname
    identifiers = party.findall(q(ns.EB, "PartyId"))
    if len(identifiers) != 1:
        raise _other("AS4-PARTY-MANY", f"{side} must name exactly one party.")
    if identifiers[0].get("type") != SEAT_ID_TYPE:
        raise _other(
            "AS4-PARTY-TYPE", f"The PartyId of {side} must have the type '{SEAT_ID_TYPE}'."
        )
    seat = read_text(identifiers[0])
    try:
        check_seat_id(seat)
    except IdentifierInvalid as error:
        raise _other("AS4-PARTY-SEAT", error.message) from None
    if read_text(only(party, ns.EB, "Role")) != role:
        raise _inconsistent("AS4-PARTY-ROLE", f"The Role of {side} must be '{role}'.")
    return seat


def _check_agreement(collaboration: etree._Element) -> None:
    found = collaboration.findall(q(ns.EB, "AgreementRef"))
    if len(found) != 1 or leaf_text(found[0]) != AGREEMENT:
        raise _inconsistent("AS4-AGREEMENT", f"AgreementRef must be '{AGREEMENT}'.")
    if found[0].get("type") is not None or found[0].get("pmode") is not None:
        raise _inconsistent(
            "AS4-AGREEMENT-ATTRIBUTE", "AgreementRef must carry neither type nor pmode."
        )


def _read_properties(user: etree._Element) -> dict[str, etree._Element]:
    """Index the message properties by name; a repeated or forbidden one is EBMS:0004."""
    found: dict[str, etree._Element] = {}
    path = f"{q(ns.EB, 'MessageProperties')}/{q(ns.EB, 'Property')}"
    for element in user.iterfind(path):
        name = element.get("name", "")
        if name in found:
            raise _other("AS4-PROPERTY-MANY", f"The property '{name[:60]}' is given twice.")
        if name == "trackingIdentifier":
            raise _other("AS4-PROPERTY-FORBIDDEN", "trackingIdentifier must not be used in Peppol.")
        found[name] = element
    return found


def _participant(properties: dict[str, etree._Element], name: str) -> ParticipantId:
    element = properties.get(name)
    if element is None:
        raise _other("AS4-PROPERTY-MISSING", f"The property {name} is missing.")
    if element.get("type") != PARTICIPANT_SCHEME:
        raise _other(
            "AS4-PROPERTY-TYPE", f"The property {name} must have the type '{PARTICIPANT_SCHEME}'."
        )
    try:
        return ParticipantId(PARTICIPANT_SCHEME, leaf_text(element) or "")
    except IdentifierInvalid as error:
        raise _other("AS4-PROPERTY-VALUE", f"{name}: {error.message}") from None


def read_payload(user: etree._Element) -> tuple[str, bool]:
    """Return the Content-ID of the one payload of an ``eb:UserMessage`` and whether it is gzipped.

    Another number of payloads, another kind of reference or compression is EBMS:0003.
    """
    parts = user.findall(f"{q(ns.EB, 'PayloadInfo')}/{q(ns.EB, 'PartInfo')}")
    if len(parts) != 1:
        raise _inconsistent(
            "AS4-PAYLOAD-COUNT", f"A message carries exactly one payload; this has {len(parts)}."
        )
    href = parts[0].get("href", "")
    payload_id = href.removeprefix("cid:")
    if payload_id == href or not _CONTENT_ID.fullmatch(payload_id):
        raise _inconsistent(
            "AS4-PAYLOAD-HREF", "PartInfo must refer to the payload part as 'cid:' + Content-ID."
        )
    path = f"{q(ns.EB, 'PartProperties')}/{q(ns.EB, 'Property')}"
    properties = [(item.get("name"), leaf_text(item)) for item in parts[0].iterfind(path)]
    if len({name for name, _ in properties}) != len(properties):
        raise _inconsistent("AS4-PAYLOAD-PROPERTY", "A property of the payload is given twice.")
    compression = dict(properties).get("CompressionType")
    if compression not in (None, GZIP):
        raise _inconsistent(
            "AS4-PAYLOAD-COMPRESSION", f"CompressionType must be '{GZIP}' or left out."
        )
    return payload_id, compression == GZIP


def write_user_message(messaging: etree._Element, message: UserMessage) -> None:
    """Fill an empty ``eb:Messaging`` with the message.

    Raises LocalAs4Error when a strict receiver would refuse the result or read something else.
    """
    try:
        _fill(messaging, message)
        read = read_user_message(messaging)
    except As4Error as error:
        raise LocalAs4Error(error.code, error.message, ebms=error.ebms) from None
    except ValueError:
        # lxml refuses characters that no XML document can hold.
        read = None
    # The wire has milliseconds only.
    if read is None or replace(read, timestamp=message.timestamp) != message:
        raise LocalAs4Error(
            "AS4-HEADER-LOSS",
            "The message header cannot be written without loss: a value holds control characters "
            "or surrounding blanks, or the payload is said to be uncompressed.",
            ebms=EbmsCode.INVALID_HEADER,
        )


def _fill(messaging: etree._Element, message: UserMessage) -> None:
    user = etree.SubElement(messaging, q(ns.EB, "UserMessage"))
    info = _add(user, "MessageInfo")
    _add(info, "Timestamp", write_timestamp(message.timestamp))
    _add(info, "MessageId", message.message_id)
    parties = _add(user, "PartyInfo")
    for side, seat, role in (
        ("From", message.from_party, INITIATOR),
        ("To", message.to_party, RESPONDER),
    ):
        party = _add(parties, side)
        _add(party, "PartyId", seat, type=SEAT_ID_TYPE)
        _add(party, "Role", role)
    collaboration = _add(user, "CollaborationInfo")
    _add(collaboration, "AgreementRef", AGREEMENT)
    _add(collaboration, "Service", message.service.value, type=message.service.scheme)
    _add(collaboration, "Action", str(message.action))
    _add(collaboration, "ConversationId", message.conversation_id)
    properties = _add(user, "MessageProperties")
    for name, participant in (
        ("originalSender", message.original_sender),
        ("finalRecipient", message.final_recipient),
    ):
        _add(properties, "Property", participant.value, name=name, type=participant.scheme)
    part = _add(_add(user, "PayloadInfo"), "PartInfo", href=f"cid:{message.payload_id}")
    properties = _add(part, "PartProperties")
    _add(properties, "Property", "application/xml", name="MimeType")
    _add(properties, "Property", GZIP, name="CompressionType")


def _add(
    parent: etree._Element, tag: str, text: str | None = None, /, **names: str
) -> etree._Element:
    element = etree.SubElement(parent, q(ns.EB, tag), names)
    element.text = text
    return element
