"""Invoice Response (Peppol BIS 63, transaction T111): the buyer tells where an invoice stands.

Strict in structure both ways. What the official rules only warn about is left to validation.
"""

from dataclasses import dataclass
from datetime import date, time
from typing import Final

from lxml import etree

from ubl.model import Contact, Identifier
from ubl.response.codes import ClarificationList, InvoiceStatus, StatusAction, StatusReason
from ubl.response.document import ROOT, Faults, Node, Writer, read_date, read_time
from ubl.safexml import parse

__all__ = [
    "INVOICE_RESPONSE_CUSTOMIZATION",
    "INVOICE_RESPONSE_PROFILES",
    "Clarification",
    "Condition",
    "InvoiceReference",
    "InvoiceResponse",
    "NamedParty",
    "ResponseParty",
    "read_invoice_response",
    "write_invoice_response",
]

INVOICE_RESPONSE_CUSTOMIZATION: Final = "urn:fdc:peppol.eu:poacc:trns:invoice_response:3"
INVOICE_RESPONSE_PROFILES: Final = (
    "urn:fdc:peppol.eu:poacc:bis:invoice_response:3",
    "urn:peppol:france:billing:regulated",
    "urn:peppol:france:billing:non-regulated",
)
_CODES: Final = {
    ClarificationList.REASON: frozenset(StatusReason),
    ClarificationList.ACTION: frozenset(StatusAction),
}
_NEEDS_CLARIFICATION: Final = frozenset(
    {
        InvoiceStatus.CONDITIONALLY_ACCEPTED,
        InvoiceStatus.UNDER_QUERY,
        InvoiceStatus.REJECTED,
    }
)
_RESPONSE: Final = "cac:DocumentResponse/cac:Response"
_REFERENCE: Final = "cac:DocumentResponse/cac:DocumentReference"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseParty:
    """Who sends or receives the response; ``endpoint`` is the address with an EAS scheme."""

    endpoint: Identifier
    name: str
    identifier: Identifier | None = None
    contact: Contact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedParty:
    """Seller or buyer of the invoice, where someone else answers for them."""

    name: str
    identifier: Identifier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A value the buyer expected instead.

    ``attribute`` is the business term of the invoice, for instance BT-13, or a name both sides
    know; ``value`` is what the buyer proposes.
    """

    attribute: str
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clarification:
    """A reason for the status, or an action asked of the seller, by code, in words or both."""

    code: StatusReason | StatusAction | None = None
    text: str | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def code_list(self) -> ClarificationList | None:
        """List the code is of; OTH stands in both, hence it is told by the type."""
        if self.code is None:
            return None
        is_reason = isinstance(self.code, StatusReason)
        return ClarificationList.REASON if is_reason else ClarificationList.ACTION


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceReference:
    """The invoice answered: its number (BT-1), issue date (BT-2) and type code (BT-3)."""

    number: str
    type_code: str
    issue_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceResponse:
    """Where one invoice stands at the buyer.

    ``issue_time`` may be without time zone, as the BIS allows; ``effective_date`` is the day the
    status took effect. ``seller`` and ``buyer`` are given where sender or receiver act for them.
    """

    identifier: str
    issue_date: date
    sender: ResponseParty
    receiver: ResponseParty
    status: InvoiceStatus
    invoice: InvoiceReference
    issue_time: time | None = None
    note: str | None = None
    effective_date: date | None = None
    clarifications: tuple[Clarification, ...] = ()
    seller: NamedParty | None = None
    buyer: NamedParty | None = None
    profile: str = INVOICE_RESPONSE_PROFILES[0]
    customization: str = INVOICE_RESPONSE_CUSTOMIZATION

    @property
    def is_partial_payment(self) -> bool:
        """Tell whether the status is paid in part: PD with the reason PPD."""
        return self.status is InvoiceStatus.PAID and any(
            entry.code is StatusReason.PARTIALLY_PAID for entry in self.clarifications
        )


def write_invoice_response(response: InvoiceResponse) -> bytes:
    """Write a response as UBL 2.1 ApplicationResponse. Raises ResponseRefused."""
    faults = Faults()
    _check_values(response, faults)
    faults.refuse_if_any()
    writer = Writer()
    root = writer.root
    writer.put(root, "cbc:CustomizationID", response.customization)
    writer.put(root, "cbc:ProfileID", response.profile)
    writer.put(root, "cbc:ID", response.identifier)
    writer.issued(response.issue_date, response.issue_time)
    writer.put(root, "cbc:Note", response.note)
    _write_party(writer, "cac:SenderParty", response.sender)
    _write_party(writer, "cac:ReceiverParty", response.receiver)
    answer = writer.group(root, "cac:DocumentResponse")
    status = writer.group(answer, "cac:Response")
    writer.put(status, "cbc:ResponseCode", response.status.value)
    writer.put(status, "cbc:EffectiveDate", response.effective_date)
    for clarification in response.clarifications:
        _write_clarification(writer, status, clarification)
    reference = writer.group(answer, "cac:DocumentReference")
    writer.put(reference, "cbc:ID", response.invoice.number)
    writer.put(reference, "cbc:IssueDate", response.invoice.issue_date)
    writer.put(reference, "cbc:DocumentTypeCode", response.invoice.type_code)
    _write_named(writer, answer, "cac:IssuerParty", response.seller)
    _write_named(writer, answer, "cac:RecipientParty", response.buyer)
    return writer.to_bytes()


def _write_party(writer: Writer, name: str, party: ResponseParty) -> None:
    place = writer.group(writer.root, name)
    writer.identifier(place, "cbc:EndpointID", party.endpoint)
    if party.identifier is not None:
        identification = writer.group(place, "cac:PartyIdentification")
        writer.identifier(identification, "cbc:ID", party.identifier)
    legal = writer.group(place, "cac:PartyLegalEntity")
    writer.put(legal, "cbc:RegistrationName", party.name)
    if party.contact is not None:
        contact = writer.group(place, "cac:Contact")
        writer.put(contact, "cbc:Name", party.contact.name)
        writer.put(contact, "cbc:Telephone", party.contact.telephone)
        writer.put(contact, "cbc:ElectronicMail", party.contact.email)


def _write_clarification(writer: Writer, parent: etree._Element, entry: Clarification) -> None:
    status = writer.group(parent, "cac:Status")
    code = None if entry.code is None else entry.code.value
    writer.put(status, "cbc:StatusReasonCode", code, listID=entry.code_list)
    writer.put(status, "cbc:StatusReason", entry.text)
    for condition in entry.conditions:
        place = writer.group(status, "cac:Condition")
        writer.put(place, "cbc:AttributeID", condition.attribute)
        writer.put(place, "cbc:Description", condition.value)


def _write_named(
    writer: Writer, parent: etree._Element, name: str, party: NamedParty | None
) -> None:
    if party is None:
        return
    place = writer.group(parent, name)
    if party.identifier is not None:
        identification = writer.group(place, "cac:PartyIdentification")
        writer.identifier(identification, "cbc:ID", party.identifier)
    writer.put(writer.group(place, "cac:PartyName"), "cbc:Name", party.name)


def _check_values(response: InvoiceResponse, faults: Faults) -> None:
    """Check what the types of a response built here do not already ensure."""
    _check_specification(response.customization, response.profile, faults)
    for path, text in (
        ("cbc:ID", response.identifier),
        (f"{_REFERENCE}/cbc:ID", response.invoice.number),
        (f"{_REFERENCE}/cbc:DocumentTypeCode", response.invoice.type_code),
        ("cac:SenderParty/cbc:EndpointID", response.sender.endpoint.value),
        ("cac:SenderParty/cbc:EndpointID/@schemeID", response.sender.endpoint.scheme or ""),
        ("cac:SenderParty/cac:PartyLegalEntity/cbc:RegistrationName", response.sender.name),
        ("cac:ReceiverParty/cbc:EndpointID", response.receiver.endpoint.value),
        ("cac:ReceiverParty/cbc:EndpointID/@schemeID", response.receiver.endpoint.scheme or ""),
        ("cac:ReceiverParty/cac:PartyLegalEntity/cbc:RegistrationName", response.receiver.name),
    ):
        if not text.strip():
            faults.add("RESPONSE-MISSING", path, "The value is blank. Give it.")
    codes = {entry.code for entry in response.clarifications}
    _check_clarified(response.status, has_code=bool(codes - {None}), faults=faults)
    for position, entry in enumerate(response.clarifications, start=1):
        path = f"{_RESPONSE}/cac:Status[{position}]"
        _check_partial_payment(entry.code, entry.text, path, faults)
        if entry.code is None and entry.text is None:
            faults.add("RESPONSE-MISSING", path, "Clarify by a code, in words or both.")
    if StatusReason.PARTIALLY_PAID in codes and response.status is not InvoiceStatus.PAID:
        faults.add(
            "RESPONSE-CONTRADICTION",
            f"{_RESPONSE}/cbc:ResponseCode",
            "The reason PPD (partially paid) goes with the status PD only.",
            "PEPPOL-T111-R005",
        )


def _check_specification(customization: str | None, profile: str | None, faults: Faults) -> None:
    if not (customization or "").startswith(INVOICE_RESPONSE_CUSTOMIZATION):
        faults.add(
            "RESPONSE-NOT-INVOICE-RESPONSE",
            "cbc:CustomizationID",
            f"The value must start with '{INVOICE_RESPONSE_CUSTOMIZATION}'.",
            "PEPPOL-T111-R003",
        )
    if profile not in INVOICE_RESPONSE_PROFILES:
        faults.add(
            "RESPONSE-NOT-INVOICE-RESPONSE",
            "cbc:ProfileID",
            f"The value must be one of {', '.join(INVOICE_RESPONSE_PROFILES)}.",
            "PEPPOL-T111-R008",
        )


def _check_clarified(status: InvoiceStatus, *, has_code: bool, faults: Faults) -> None:
    if status in _NEEDS_CLARIFICATION and not has_code:
        faults.add(
            "RESPONSE-MISSING",
            f"{_RESPONSE}/cac:Status",
            f"The status {status.value} needs a clarification code.",
            "PEPPOL-T111-R001",
        )


def _check_partial_payment(code: str | None, text: str | None, path: str, faults: Faults) -> None:
    if code == StatusReason.PARTIALLY_PAID and not (text or "").strip():
        faults.add(
            "RESPONSE-MISSING",
            f"{path}/cbc:StatusReason",
            "Say in words what has been paid in part.",
            "PEPPOL-T111-R004",
        )


def read_invoice_response(data: bytes) -> InvoiceResponse:
    """Read a response, checking what the official rules ask of its structure and codes.

    Raises ResponseRefused with every fault found, XmlRefused where the bytes are no XML.
    """
    root = parse(data)
    faults = Faults()
    if root.tag != ROOT:
        faults.add(
            "RESPONSE-NOT-INVOICE-RESPONSE", "/", "The document is no UBL 2.1 ApplicationResponse."
        )
        faults.refuse_if_any()
    return _Reader(Node(root), faults).read()


class _Reader:
    """Reads one response; every missing or wrong value becomes a fault and a blank stand-in."""

    def __init__(self, document: Node, faults: Faults) -> None:
        self.document = document
        self.faults = faults

    def read(self) -> InvoiceResponse:
        customization = self.document.text("cbc:CustomizationID")
        profile = self.document.text("cbc:ProfileID")
        _check_specification(customization, profile, self.faults)
        self._exactly_one(self.document, "cac:DocumentResponse", "")
        answer = self.document.first("cac:DocumentResponse")
        if answer:
            self._exactly_one(answer, "cac:Response", "cac:DocumentResponse/")
            self._exactly_one(answer, "cac:DocumentReference", "cac:DocumentResponse/")
        status = self._status(answer)
        response = InvoiceResponse(
            customization=customization or "",
            profile=profile or "",
            identifier=self._needed(self.document, "cbc:ID"),
            issue_date=self._day(self.document, "cbc:IssueDate") or date.min,
            issue_time=self._time(),
            note=self.document.text("cbc:Note"),
            sender=self._party("cac:SenderParty"),
            receiver=self._party("cac:ReceiverParty"),
            status=status,
            effective_date=self._optional_day(
                answer.first("cac:Response"), "cbc:EffectiveDate", f"{_RESPONSE}/"
            ),
            clarifications=self._clarifications(answer, status),
            invoice=InvoiceReference(
                number=self._needed(
                    answer.first("cac:DocumentReference"), "cbc:ID", within=f"{_REFERENCE}/"
                ),
                type_code=self._needed(
                    answer.first("cac:DocumentReference"),
                    "cbc:DocumentTypeCode",
                    within=f"{_REFERENCE}/",
                ),
                issue_date=self._optional_day(
                    answer.first("cac:DocumentReference"), "cbc:IssueDate", f"{_REFERENCE}/"
                ),
            ),
            seller=self._named(answer, "cac:IssuerParty"),
            buyer=self._named(answer, "cac:RecipientParty"),
        )
        self.faults.refuse_if_any()
        return response

    def _exactly_one(self, parent: Node, name: str, prefix: str) -> None:
        count = len(parent.all(name))
        if count != 1:
            code = "RESPONSE-COUNT" if count else "RESPONSE-MISSING"
            message = f"There are {count}; a response has exactly one."
            self.faults.add(code, prefix + name, message)

    def _needed(self, place: Node, *path: str, within: str = "") -> str:
        text = place.text(*path)
        if text is None:
            where = within + "/".join(path)
            self.faults.add("RESPONSE-MISSING", where, "The value is missing. Give it.")
        return text or ""

    def _day(self, place: Node, name: str) -> date | None:
        day = read_date(place.text(name) or "")
        if day is None:
            self.faults.add("RESPONSE-DATE", name, "Give the date as YYYY-MM-DD without time zone.")
        return day

    def _optional_day(self, place: Node, name: str, prefix: str) -> date | None:
        text = place.text(name)
        day = None if text is None else read_date(text)
        if text is not None and day is None:
            self.faults.add(
                "RESPONSE-DATE", prefix + name, "Give the date as YYYY-MM-DD without time zone."
            )
        return day

    def _time(self) -> time | None:
        text = self.document.text("cbc:IssueTime")
        clock = None if text is None else read_time(text)
        if text is not None and clock is None:
            self.faults.add("RESPONSE-TIME", "cbc:IssueTime", "Give the time as hh:mm:ss.")
        return clock

    def _party(self, name: str) -> ResponseParty:
        place = self.document.first(name)
        endpoint = place.identifier("cbc:EndpointID")
        if endpoint is None:
            self.faults.add(
                "RESPONSE-MISSING", f"{name}/cbc:EndpointID", "Give the electronic address."
            )
        elif endpoint.scheme is None:
            self.faults.add(
                "RESPONSE-MISSING", f"{name}/cbc:EndpointID/@schemeID", "Give the EAS scheme."
            )
        contact = place.first("cac:Contact")
        return ResponseParty(
            endpoint=endpoint or Identifier(""),
            identifier=place.identifier("cac:PartyIdentification", "cbc:ID"),
            name=self._needed(self.document, name, "cac:PartyLegalEntity", "cbc:RegistrationName"),
            contact=Contact(
                name=contact.text("cbc:Name"),
                telephone=contact.text("cbc:Telephone"),
                email=contact.text("cbc:ElectronicMail"),
            )
            if contact
            else None,
        )

    def _status(self, answer: Node) -> InvoiceStatus:
        text = answer.text("cac:Response", "cbc:ResponseCode")
        if text in set(InvoiceStatus):
            return InvoiceStatus(text)
        self.faults.add(
            "RESPONSE-CODE",
            f"{_RESPONSE}/cbc:ResponseCode",
            f"The status must be one of {', '.join(InvoiceStatus)}.",
        )
        return InvoiceStatus.ACKNOWLEDGED

    def _clarifications(self, answer: Node, status: InvoiceStatus) -> tuple[Clarification, ...]:
        found: list[Clarification] = []
        for position, place in enumerate(answer.first("cac:Response").all("cac:Status"), start=1):
            path = f"{_RESPONSE}/cac:Status[{position}]"
            entry = Clarification(
                code=self._code(place, path),
                text=place.text("cbc:StatusReason"),
                conditions=tuple(
                    Condition(
                        attribute=self._needed(
                            condition, "cbc:AttributeID", within=f"{path}/cac:Condition/"
                        ),
                        value=condition.text("cbc:Description"),
                    )
                    for condition in place.all("cac:Condition")
                ),
            )
            _check_partial_payment(entry.code, entry.text, path, self.faults)
            found.append(entry)
        has_code = any(entry.code for entry in found)
        _check_clarified(status, has_code=has_code, faults=self.faults)
        return tuple(found)

    def _code(self, place: Node, path: str) -> StatusReason | StatusAction | None:
        text = place.text("cbc:StatusReasonCode")
        if text is None:
            return None
        list_id = place.first("cbc:StatusReasonCode").attribute("listID")
        if list_id == ClarificationList.REASON and text in set(StatusReason):
            return StatusReason(text)
        if list_id == ClarificationList.ACTION and text in set(StatusAction):
            return StatusAction(text)
        rule = {"OPStatusAction": "PEPPOL-T111-R006", "OPStatusReason": "PEPPOL-T111-R007"}
        self.faults.add(
            "RESPONSE-CODE",
            f"{path}/cbc:StatusReasonCode",
            f"'{text}' is no code of the list {list_id or '(listID missing)'}. Use "
            "OPStatusReason or OPStatusAction with a code of that list.",
            rule.get(list_id or ""),
        )
        return None

    def _named(self, answer: Node, name: str) -> NamedParty | None:
        place = answer.first(name)
        if not place:
            return None
        return NamedParty(
            name=self._needed(
                place, "cac:PartyName", "cbc:Name", within=f"cac:DocumentResponse/{name}/"
            ),
            identifier=place.identifier("cac:PartyIdentification", "cbc:ID"),
        )
