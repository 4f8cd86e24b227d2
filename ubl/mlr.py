"""Message Level Response (Peppol BIS 36, transaction T71): what a receiver made of a message.

The older sibling of the MLS, between the participants themselves; read and written for those who
still use it. Pure: identifiers and times are handed in.
"""

from dataclasses import dataclass
from datetime import date, time
from typing import Final

from ubl.model import Identifier
from ubl.response.codes import MlsCode, MlsReason
from ubl.response.document import ROOT, Faults, Node, Writer, read_date, read_time
from ubl.response.mls import NO_LOCATION, MlsIssue, write_issues
from ubl.safexml import parse

__all__ = ["MLR_CUSTOMIZATION", "MLR_PROFILE", "Mlr", "read_mlr", "write_mlr"]

MLR_CUSTOMIZATION: Final = "urn:fdc:peppol.eu:poacc:trns:mlr:3"
MLR_PROFILE: Final = "urn:fdc:peppol.eu:poacc:bis:mlr:3"
MLR_REASONS: Final = frozenset(MlsReason) - {MlsReason.FAILURE_OF_DELIVERY}
_ANSWER: Final = "cac:DocumentResponse"
_RESPONSE: Final = "cac:DocumentResponse/cac:Response"
_REFERENCE: Final = "cac:DocumentResponse/cac:DocumentReference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mlr:
    """What became of one message.

    ``code`` is AP accepted, AB acknowledged or RE rejected; ``reference`` the SBDH instance
    identifier of the message. ``issue_time`` may be without time zone. Issues carry BV, BW or SV.
    """

    identifier: str
    issue_date: date
    sender: Identifier
    receiver: Identifier
    code: MlsCode
    reference: str
    issue_time: time | None = None
    description: str | None = None
    issues: tuple[MlsIssue, ...] = ()
    document_type_code: str | None = None


def write_mlr(mlr: Mlr) -> bytes:
    """Write a response as UBL 2.1 ApplicationResponse. Raises ResponseRefused."""
    faults = Faults()
    _check_values(mlr, faults)
    faults.refuse_if_any()
    writer = Writer()
    root = writer.root
    writer.put(root, "cbc:CustomizationID", MLR_CUSTOMIZATION)
    writer.put(root, "cbc:ProfileID", MLR_PROFILE)
    writer.put(root, "cbc:ID", mlr.identifier)
    writer.issued(mlr.issue_date, mlr.issue_time)
    for name, address in (("cac:SenderParty", mlr.sender), ("cac:ReceiverParty", mlr.receiver)):
        writer.identifier(writer.group(root, name), "cbc:EndpointID", address)
    answer = writer.group(root, _ANSWER)
    response = writer.group(answer, "cac:Response")
    writer.put(response, "cbc:ResponseCode", mlr.code.value)
    writer.put(response, "cbc:Description", mlr.description)
    reference = writer.group(answer, "cac:DocumentReference")
    writer.put(reference, "cbc:ID", mlr.reference)
    writer.put(reference, "cbc:DocumentTypeCode", mlr.document_type_code)
    write_issues(writer, answer, mlr.issues)
    return writer.to_bytes()


def read_mlr(data: bytes) -> Mlr:
    """Read a response, checking what the official rules ask of its structure and codes.

    Raises ResponseRefused with every fault found, XmlRefused where the bytes are no XML.
    """
    root = parse(data)
    faults = Faults()
    if root.tag != ROOT:
        faults.add("RESPONSE-NOT-MLR", "/", "The document is no UBL 2.1 ApplicationResponse.")
        faults.refuse_if_any()
    return _Reader(Node(root), faults).read()


class _Reader:
    """Reads one response; every missing or wrong value becomes a fault and a blank stand-in."""

    def __init__(self, document: Node, faults: Faults) -> None:
        self.document = document
        self.faults = faults

    def read(self) -> Mlr:
        self._heading()
        answers = self.document.all(_ANSWER)
        if len(answers) != 1:
            self.faults.add(
                "RESPONSE-COUNT",
                _ANSWER,
                f"There are {len(answers)}; a response speaks of exactly one message.",
                None if answers else "PEPPOL-T71-B00107",
            )
        answer = answers[0] if answers else Node(None)
        found = Mlr(
            identifier=self._needed(self.document, "cbc:ID", "PEPPOL-T71-B00103"),
            issue_date=self._day(),
            issue_time=self._time(),
            sender=self._address("cac:SenderParty", ("B00801", "B00701")),
            receiver=self._address("cac:ReceiverParty", ("B01101", "B01001")),
            code=self._code(answer),
            reference=self._needed(
                answer.first("cac:DocumentReference"), "cbc:ID", "PEPPOL-T71-B01701", _REFERENCE
            ),
            description=answer.text("cac:Response", "cbc:Description"),
            issues=self._issues(answer),
            document_type_code=answer.text("cac:DocumentReference", "cbc:DocumentTypeCode"),
        )
        self.faults.refuse_if_any()
        return found

    def _heading(self) -> None:
        customization = self.document.first("cbc:CustomizationID")
        if not (customization.text() or "").startswith(MLR_CUSTOMIZATION):
            self.faults.add(
                "RESPONSE-NOT-MLR",
                "cbc:CustomizationID",
                f"The value must start with '{MLR_CUSTOMIZATION}'.",
                "PEPPOL-T71-R001" if customization else "PEPPOL-T71-B00101",
            )
        profile = self.document.first("cbc:ProfileID")
        if profile.text() != MLR_PROFILE:
            self.faults.add(
                "RESPONSE-NOT-MLR",
                "cbc:ProfileID",
                f"The value must be '{MLR_PROFILE}'.",
                "PEPPOL-T71-B00301" if profile else "PEPPOL-T71-B00102",
            )

    def _needed(self, place: Node, name: str, rule: str, within: str = "") -> str:
        text = place.text(name)
        if text is None:
            path = f"{within}/{name}" if within else name
            absent = rule if place and not place.first(name) else None
            self.faults.add("RESPONSE-MISSING", path, "The value is missing. Give it.", absent)
        return text or ""

    def _day(self) -> date:
        day = read_date(self.document.text("cbc:IssueDate") or "")
        if day is None:
            self.faults.add(
                "RESPONSE-DATE",
                "cbc:IssueDate",
                "Give the date of issue as YYYY-MM-DD without time zone.",
                None if self.document.first("cbc:IssueDate") else "PEPPOL-T71-B00104",
            )
        return day or date.min

    def _time(self) -> time | None:
        text = self.document.text("cbc:IssueTime")
        clock = None if text is None else read_time(text)
        if text is not None and clock is None:
            self.faults.add("RESPONSE-TIME", "cbc:IssueTime", "Give the time as hh:mm:ss.")
        return clock

    def _address(self, party: str, rules: tuple[str, str]) -> Identifier:
        path = f"{party}/cbc:EndpointID"
        found = self.document.first(party).identifier("cbc:EndpointID")
        if found is None:
            place = self.document.first(party)
            absent = place and not place.first("cbc:EndpointID")
            rule = f"PEPPOL-T71-{rules[1]}" if absent else None
            self.faults.add("RESPONSE-MISSING", path, "Give the electronic address.", rule)
        elif found.scheme is None:
            scheme = f"PEPPOL-T71-{rules[0]}"
            self.faults.add("RESPONSE-MISSING", f"{path}/@schemeID", "Give the EAS scheme.", scheme)
        return found or Identifier("")

    def _code(self, answer: Node) -> MlsCode:
        response = answer.first("cac:Response")
        place = response.first("cbc:ResponseCode")
        text = place.text()
        if text in set(MlsCode):
            return MlsCode(text)
        absent = "PEPPOL-T71-B01401" if response else None
        self.faults.add(
            "RESPONSE-CODE" if place else "RESPONSE-MISSING",
            f"{_RESPONSE}/cbc:ResponseCode",
            "The status must be AP, AB or RE.",
            "PEPPOL-T71-B01501" if place else absent,
        )
        return MlsCode.FORWARDED

    def _issues(self, answer: Node) -> tuple[MlsIssue, ...]:
        found: list[MlsIssue] = []
        for position, line in enumerate(answer.all("cac:LineResponse"), start=1):
            path = f"{_ANSWER}/cac:LineResponse[{position}]"
            location = self._needed(
                line.first("cac:LineReference"),
                "cbc:LineID",
                "PEPPOL-T71-B02201",
                f"{path}/cac:LineReference",
            )
            details = line.all("cac:Response")
            if not details:
                self.faults.add(
                    "RESPONSE-MISSING",
                    f"{path}/cac:Response",
                    "Say what the issue is.",
                    "PEPPOL-T71-B02102",
                )
            found.extend(self._issue(one, location, f"{path}/cac:Response") for one in details)
        return tuple(found)

    def _issue(self, detail: Node, location: str, path: str) -> MlsIssue:
        status = detail.first("cac:Status")
        place = status.first("cbc:StatusReasonCode")
        reason = place.text()
        if reason not in MLR_REASONS:
            absent = "PEPPOL-T71-B02701" if status else None
            self.faults.add(
                "RESPONSE-CODE",
                f"{path}/cac:Status/cbc:StatusReasonCode",
                "The reason must be BV, BW or SV.",
                "PEPPOL-T71-B02801" if place else absent,
            )
            reason = MlsReason.RULE_VIOLATION
        return MlsIssue(
            reason=MlsReason(reason),
            text=self._needed(detail, "cbc:Description", "PEPPOL-T71-B02401", path),
            location=location or NO_LOCATION,
        )


def _check_values(mlr: Mlr, faults: Faults) -> None:
    """Check what the types of a response built here do not already ensure."""
    for path, text in (
        ("cbc:ID", mlr.identifier),
        (f"{_REFERENCE}/cbc:ID", mlr.reference),
        ("cac:SenderParty/cbc:EndpointID", mlr.sender.value),
        ("cac:SenderParty/cbc:EndpointID/@schemeID", mlr.sender.scheme or ""),
        ("cac:ReceiverParty/cbc:EndpointID", mlr.receiver.value),
        ("cac:ReceiverParty/cbc:EndpointID/@schemeID", mlr.receiver.scheme or ""),
    ):
        if not text.strip():
            faults.add("RESPONSE-MISSING", path, "The value is blank. Give it.")
    for position, issue in enumerate(mlr.issues, start=1):
        path = f"{_ANSWER}/cac:LineResponse[{position}]"
        if issue.reason not in MLR_REASONS:
            faults.add(
                "RESPONSE-CODE",
                f"{path}/cac:Response/cac:Status/cbc:StatusReasonCode",
                "The reason must be BV, BW or SV; FD is the MLS's alone.",
                "PEPPOL-T71-B02801",
            )
        if not issue.text.strip() or not issue.location.strip():
            faults.add("RESPONSE-MISSING", path, "Give the place and say what the issue is.")
