"""Message-level status (MLS 1.0): an access point tells another what became of a message.

Building and reading are strict: every rule SCH-MLS-01 to 31 of the official artefact 1.0.1 is
checked here in structure, so a faulty status neither leaves nor passes unnoticed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from itertools import groupby
from typing import Final

from lxml import etree

from ubl.model import Identifier
from ubl.response.codes import FAILURES, MlsCode, MlsReason
from ubl.response.document import ROOT, Faults, Node, Writer, read_date, read_time
from ubl.safexml import parse

__all__ = [
    "MLS_ADDRESS_RULES",
    "MLS_CUSTOMIZATION",
    "MLS_PROFILE",
    "NO_LOCATION",
    "Mls",
    "MlsIssue",
    "read_mls",
    "write_issues",
    "write_mls",
]

MLS_CUSTOMIZATION: Final = "urn:peppol:edec:mls:1.0"
MLS_PROFILE: Final = "urn:peppol:edec:mls"
NO_LOCATION: Final = "NA"
SPIS_SCHEME: Final = "0242"
MLS_ADDRESS_RULES: Final = frozenset({"SCH-MLS-09", "SCH-MLS-11", "SCH-MLS-14", "SCH-MLS-16"})
"""The rules on addresses: a status that breaks only these still says everything."""
_SPIS = re.compile(
    r"[0-9]{6}(?:-[0-9A-Z_]{3,12}(?:\.[0-9A-Z\-._~]{3,24})?)?", re.ASCII | re.IGNORECASE
)
_RESPONSE: Final = "cac:DocumentResponse/cac:Response"
_PARTIES: Final = (
    ("cac:SenderParty", ("SCH-MLS-07", "SCH-MLS-08", "SCH-MLS-09", "SCH-MLS-10", "SCH-MLS-11")),
    ("cac:ReceiverParty", ("SCH-MLS-12", "SCH-MLS-13", "SCH-MLS-14", "SCH-MLS-15", "SCH-MLS-16")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MlsIssue:
    """One thing found in the message.

    ``location`` is the XPath of the place in the business document, ``NA`` where there is none.
    """

    reason: MlsReason
    text: str
    location: str = NO_LOCATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Mls:
    """What became of one message.

    ``issued_at`` is timezone-aware and held in UTC. ``sender`` and ``receiver`` are service
    provider identifiers of scheme 0242. ``reference`` is the SBDH instance identifier of the
    message spoken of.
    """

    identifier: str
    issued_at: datetime
    sender: Identifier
    receiver: Identifier
    code: MlsCode
    reference: str
    description: str | None = None
    issues: tuple[MlsIssue, ...] = ()


def write_mls(mls: Mls) -> bytes:
    """Write a status as UBL 2.1 ApplicationResponse. Raises ResponseRefused."""
    faults = Faults()
    _check_values(mls, faults)
    faults.refuse_if_any()
    issued_at = mls.issued_at.astimezone(UTC)
    writer = Writer()
    writer.put(writer.root, "cbc:CustomizationID", MLS_CUSTOMIZATION)
    writer.put(writer.root, "cbc:ProfileID", MLS_PROFILE)
    writer.put(writer.root, "cbc:ID", mls.identifier)
    writer.issued(issued_at, issued_at.timetz())
    for name, address in (("cac:SenderParty", mls.sender), ("cac:ReceiverParty", mls.receiver)):
        writer.identifier(writer.group(writer.root, name), "cbc:EndpointID", address)
    answer = writer.group(writer.root, "cac:DocumentResponse")
    response = writer.group(answer, "cac:Response")
    writer.put(response, "cbc:ResponseCode", mls.code.value)
    writer.put(response, "cbc:Description", mls.description)
    writer.put(writer.group(answer, "cac:DocumentReference"), "cbc:ID", mls.reference)
    write_issues(writer, answer, mls.issues)
    return writer.to_bytes()


def write_issues(writer: Writer, answer: etree._Element, issues: Iterable[MlsIssue]) -> None:
    """Append the issues to a DocumentResponse, a LineResponse for each run of one location.

    MLS and MLR put them alike. Raises ResponseRefused (RESPONSE-TEXT).
    """
    for location, found in groupby(issues, key=lambda issue: issue.location):
        line = writer.group(answer, "cac:LineResponse")
        writer.put(writer.group(line, "cac:LineReference"), "cbc:LineID", location)
        for issue in found:
            detail = writer.group(line, "cac:Response")
            writer.put(detail, "cbc:Description", issue.text)
            status = writer.group(detail, "cac:Status")
            writer.put(status, "cbc:StatusReasonCode", issue.reason.value)


def read_mls(data: bytes, *, tolerate: Iterable[str] = ()) -> Mls:
    """Read a status, checking everything the official rules ask of its structure.

    ``tolerate`` names official rules whose breach is overlooked, for instance SCH-MLS-14 for
    the many senders that address a status wrongly; only the rules on addresses (09, 11, 14, 16)
    leave a status that can be held. Raises ResponseRefused with every fault found, XmlRefused
    where the bytes are no XML.
    """
    root = parse(data)
    document = Node(root)
    faults = Faults(set(tolerate) & MLS_ADDRESS_RULES)
    if root.tag != ROOT:
        faults.add("RESPONSE-NOT-MLS", "/", "The document is no UBL 2.1 ApplicationResponse.")
        faults.refuse_if_any()
    _check_heading(document, faults)
    _check_parties(document, faults)
    _check_answer(document, faults)
    faults.refuse_if_any()
    return _mls_of(document)


def _check_heading(document: Node, faults: Faults) -> None:
    for name, expected, rule in (
        ("cbc:CustomizationID", MLS_CUSTOMIZATION, "SCH-MLS-01"),
        ("cbc:ProfileID", MLS_PROFILE, "SCH-MLS-02"),
    ):
        if document.text(name) != expected:
            faults.add("RESPONSE-NOT-MLS", name, f"The value must be '{expected}'.", rule)
    if document.text("cbc:ID") is None:
        faults.add("RESPONSE-MISSING", "cbc:ID", "Give the status an identifier.", "SCH-MLS-03")
    day = read_date(document.text("cbc:IssueDate") or "")
    if day is None or not MINYEAR < day.year < MAXYEAR:
        faults.add(
            "RESPONSE-DATE",
            "cbc:IssueDate",
            "Give the date of issue as YYYY-MM-DD without time zone.",
            "SCH-MLS-04",
        )
    clock = read_time(document.text("cbc:IssueTime") or "")
    if not document.first("cbc:IssueTime"):
        faults.add("RESPONSE-MISSING", "cbc:IssueTime", "Give the time of issue.", "SCH-MLS-05")
    elif clock is None or clock.tzinfo is None:
        faults.add(
            "RESPONSE-TIME",
            "cbc:IssueTime",
            "Give the time of issue as hh:mm:ss with its time zone, for instance 12:00:00Z.",
            "SCH-MLS-06",
        )


def _check_parties(document: Node, faults: Faults) -> None:
    for party, (absent, blank, form, no_scheme, other_scheme) in _PARTIES:
        path = f"{party}/cbc:EndpointID"
        place = document.first(party, "cbc:EndpointID")
        if not place:
            faults.add("RESPONSE-MISSING", path, "Give the service provider's address.", absent)
            continue
        address = place.text()
        if address is None:
            faults.add("RESPONSE-MISSING", path, "Give the service provider's address.", blank)
        elif not _SPIS.fullmatch(address):
            faults.add(
                "RESPONSE-ADDRESS", path, f"'{address}' is no service provider identifier.", form
            )
        scheme = place.attribute("schemeID")
        if scheme is None:
            faults.add("RESPONSE-MISSING", path + "/@schemeID", "Give scheme 0242.", no_scheme)
        elif scheme != SPIS_SCHEME:
            faults.add(
                "RESPONSE-ADDRESS", path + "/@schemeID", "The scheme must be 0242.", other_scheme
            )


def _check_answer(document: Node, faults: Faults) -> None:
    answers = document.all("cac:DocumentResponse")
    if len(answers) != 1:
        faults.add(
            "RESPONSE-COUNT",
            "cac:DocumentResponse",
            f"There are {len(answers)}; a status speaks of exactly one message.",
            "SCH-MLS-17",
        )
        return
    answer = answers[0]
    _check_code(answer, faults)
    references = answer.all("cac:DocumentReference")
    if len(references) != 1:
        faults.add(
            "RESPONSE-COUNT",
            "cac:DocumentResponse/cac:DocumentReference",
            f"There are {len(references)}; a status refers to exactly one message.",
            "SCH-MLS-22",
        )
    elif references[0].text("cbc:ID") is None:
        faults.add(
            "RESPONSE-MISSING",
            "cac:DocumentResponse/cac:DocumentReference/cbc:ID",
            "Give the instance identifier of the message.",
            "SCH-MLS-26",
        )
    for position, line in enumerate(answer.all("cac:LineResponse"), start=1):
        _check_line(line, f"cac:DocumentResponse/cac:LineResponse[{position}]", faults)


def _check_code(answer: Node, faults: Faults) -> None:
    path = f"{_RESPONSE}/cbc:ResponseCode"
    if not answer.first("cac:Response", "cbc:ResponseCode"):
        faults.add("RESPONSE-MISSING", path, "Give the status: AP, AB or RE.", "SCH-MLS-18")
        return
    code = answer.text("cac:Response", "cbc:ResponseCode")
    if code not in set(MlsCode):
        faults.add("RESPONSE-CODE", path, "The status must be AP, AB or RE.", "SCH-MLS-19")
        return
    reasons = {
        detail.text("cac:Status", "cbc:StatusReasonCode")
        for line in answer.all("cac:LineResponse")
        for detail in line.all("cac:Response")
    }
    _check_consistency(
        rejected=code == MlsCode.REJECTED,
        description=answer.text("cac:Response", "cbc:Description"),
        undescribed="SCH-MLS-21"
        if answer.first("cac:Response", "cbc:Description")
        else "SCH-MLS-20",
        has_issues=bool(answer.all("cac:LineResponse")),
        has_failure=bool(reasons & FAILURES),
        faults=faults,
    )


def _check_consistency(
    *,
    rejected: bool,
    description: str | None,
    undescribed: str,
    has_issues: bool,
    has_failure: bool,
    faults: Faults,
) -> None:
    """Check that code, description and issues agree; ``undescribed`` is the rule on the text."""
    lines = "cac:DocumentResponse/cac:LineResponse"
    if rejected and description is None:
        faults.add(
            "RESPONSE-MISSING",
            f"{_RESPONSE}/cbc:Description",
            "Say in words why the message was rejected.",
            undescribed,
        )
    if rejected and not has_issues:
        faults.add("RESPONSE-MISSING", lines, "A rejection needs an issue.", "SCH-MLS-23")
    elif rejected and not has_failure:
        faults.add(
            "RESPONSE-CONTRADICTION",
            lines,
            "A rejection needs an issue that is a failure: BV, SV or FD.",
            "SCH-MLS-24",
        )
    if not rejected and has_failure:
        faults.add(
            "RESPONSE-CONTRADICTION",
            lines,
            "A status AP or AB may carry warnings only. Use RE, or report the issue as BW.",
            "SCH-MLS-25",
        )


def _check_line(line: Node, path: str, faults: Faults) -> None:
    if line.text("cac:LineReference", "cbc:LineID") is None:
        faults.add(
            "RESPONSE-MISSING",
            f"{path}/cac:LineReference/cbc:LineID",
            "Give the XPath of the issue, or NA.",
            "SCH-MLS-27",
        )
    details = line.all("cac:Response")
    if not details:
        faults.add("RESPONSE-MISSING", f"{path}/cac:Response", "Say what the issue is.")
    for detail in details:
        if detail.text("cbc:Description") is None:
            rule = "SCH-MLS-29" if detail.first("cbc:Description") else "SCH-MLS-28"
            faults.add(
                "RESPONSE-MISSING",
                f"{path}/cac:Response/cbc:Description",
                "Say in words what the issue is.",
                rule,
            )
        statuses = detail.all("cac:Status")
        if len(statuses) != 1:
            faults.add(
                "RESPONSE-COUNT",
                f"{path}/cac:Response/cac:Status",
                "Give exactly one reason for each issue.",
                None if statuses else "SCH-MLS-30",
            )
        elif statuses[0].text("cbc:StatusReasonCode") not in set(MlsReason):
            faults.add(
                "RESPONSE-CODE",
                f"{path}/cac:Response/cac:Status/cbc:StatusReasonCode",
                "The reason must be BV, BW, SV or FD.",
                "SCH-MLS-31",
            )


def _check_values(mls: Mls, faults: Faults) -> None:
    """Check what the types of a status built here do not already ensure."""
    if mls.issued_at.tzinfo is None:
        faults.add(
            "RESPONSE-TIME", "cbc:IssueTime", "The time of issue needs a time zone.", "SCH-MLS-06"
        )
    for path, rule, text in (
        ("cbc:ID", "SCH-MLS-03", mls.identifier),
        ("cac:DocumentResponse/cac:DocumentReference/cbc:ID", "SCH-MLS-26", mls.reference),
    ):
        if not text.strip():
            faults.add("RESPONSE-MISSING", path, "The identifier is blank.", rule)
    for address, (party, rules) in zip((mls.sender, mls.receiver), _PARTIES, strict=True):
        path = f"{party}/cbc:EndpointID"
        if address.scheme != SPIS_SCHEME:
            faults.add("RESPONSE-ADDRESS", path, "The scheme must be 0242.", rules[4])
        if not _SPIS.fullmatch(address.value):
            faults.add(
                "RESPONSE-ADDRESS",
                path,
                f"'{address.value}' is no service provider identifier.",
                rules[2],
            )
    _check_consistency(
        rejected=mls.code is MlsCode.REJECTED,
        description=(mls.description or "").strip() or None,
        undescribed="SCH-MLS-20" if mls.description is None else "SCH-MLS-21",
        has_issues=bool(mls.issues),
        has_failure=any(issue.reason in FAILURES for issue in mls.issues),
        faults=faults,
    )
    for position, issue in enumerate(mls.issues, start=1):
        path = f"cac:DocumentResponse/cac:LineResponse[{position}]"
        if not issue.text.strip():
            faults.add("RESPONSE-MISSING", path, "Say in words what the issue is.", "SCH-MLS-29")
        if not issue.location.strip():
            faults.add("RESPONSE-MISSING", path, "Give the XPath, or NA.", "SCH-MLS-27")


def _required(value: str | None) -> str:
    """Narrow what the checks have already ensured."""
    if value is None:
        raise AssertionError("a checked status lacks a value")
    return value


def _mls_of(document: Node) -> Mls:
    answer = document.first("cac:DocumentResponse")
    issued_on = _required(document.text("cbc:IssueDate"))
    clock = read_time(_required(document.text("cbc:IssueTime")))
    day = read_date(issued_on)
    if clock is None or day is None:
        raise AssertionError("a checked status lacks its time of issue")
    return Mls(
        identifier=_required(document.text("cbc:ID")),
        issued_at=datetime.combine(day, clock).astimezone(UTC),
        sender=_address(document.first("cac:SenderParty", "cbc:EndpointID")),
        receiver=_address(document.first("cac:ReceiverParty", "cbc:EndpointID")),
        code=MlsCode(_required(answer.text("cac:Response", "cbc:ResponseCode"))),
        reference=_required(answer.text("cac:DocumentReference", "cbc:ID")),
        description=answer.text("cac:Response", "cbc:Description"),
        issues=tuple(
            MlsIssue(
                reason=MlsReason(_required(detail.text("cac:Status", "cbc:StatusReasonCode"))),
                text=_required(detail.text("cbc:Description")),
                location=_required(line.text("cac:LineReference", "cbc:LineID")),
            )
            for line in answer.all("cac:LineResponse")
            for detail in line.all("cac:Response")
        ),
    )


def _address(endpoint: Node) -> Identifier:
    return Identifier(_required(endpoint.text()), endpoint.attribute("schemeID"))
