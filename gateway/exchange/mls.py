"""The Message Level Status that C3 owes C2: what became of a document it took.

Source: exchange facts 2.11 (MLS 1.1.0). At most one per document, never about another MLS.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from gateway.as4.identifiers import MESSAGE_LEVEL_STATUS, PROCESS_MLS, ParticipantId, spid_of_seat
from gateway.core.ids import new_id
from gateway.exchange.answer_tables import MlsRecord
from gateway.exchange.outbound import outgoing_document
from gateway.exchange.tables import Document, DocumentKind, StoredBlob
from ubl.model import Identifier
from ubl.response import Mls, MlsCode, MlsIssue, MlsReason, write_mls

__all__ = [
    "MAX_ISSUES",
    "REJECTING",
    "Statement",
    "delivered",
    "delivered_in_spite",
    "forwarded",
    "mls_document",
    "rejected",
    "write_statement",
]

REJECTING: Final = frozenset({"invalid", "unreadable"})
"""The verdicts that speak against a document; what could not be judged is delivered."""

MAX_ISSUES: Final = 50
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SYNTAX_LAYERS: Final = frozenset({"input", "xsd"})


@dataclass(frozen=True, slots=True)
class Statement:
    """What an MLS says about one document: its code, why in words, and the single issues."""

    code: MlsCode
    text: str | None = None
    issues: tuple[MlsIssue, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, for a column or an API answer."""
        return {
            "text": self.text,
            "issues": [
                {"reason": one.reason.value, "text": one.text, "location": one.location}
                for one in self.issues
            ],
        }

    @classmethod
    def of_mls(cls, mls: Mls) -> Self:
        """What a received MLS says."""
        return cls(mls.code, mls.description, mls.issues)

    @classmethod
    def of(cls, record: MlsRecord) -> Self:
        """What a decided record says; raises ValueError for one that is undecided."""
        return cls(
            MlsCode(record.code or ""),
            record.statement["text"],
            tuple(
                MlsIssue(
                    reason=MlsReason(one["reason"]), text=one["text"], location=one["location"]
                )
                for one in record.statement["issues"]
            ),
        )


def delivered() -> Statement:
    """The business has the document (AP)."""
    return Statement(MlsCode.DELIVERED)


def forwarded() -> Statement:
    """The document was passed on, and nobody said yet that it arrived (AB)."""
    return Statement(MlsCode.FORWARDED, "Forwarded to the receiver, no confirmation yet.")


def rejected(report: Mapping[str, Any]) -> Statement:
    """The document breaks rules and is kept from the business (RE), with the findings."""
    issues = _issues(report, "fatal", MAX_ISSUES)
    text = _description(report)
    if not issues:
        issues = (MlsIssue(reason=MlsReason.SYNTAX_VIOLATION, text=text),)
    return Statement(MlsCode.REJECTED, text, issues)


def delivered_in_spite(report: Mapping[str, Any]) -> Statement:
    """The business has a document that breaks rules (AP): the findings go along as warnings.

    An MLS that does not reject may carry no fatal reason (SCH-MLS-25), so each is a BW.
    """
    found = _issues(report, "fatal", MAX_ISSUES)
    issues = tuple(
        MlsIssue(reason=MlsReason.RULE_WARNING, text=one.text, location=one.location)
        for one in found
    )
    return Statement(MlsCode.DELIVERED, "Delivered although it breaks rules.", issues)


def write_statement(
    statement: Statement,
    *,
    reference: str,
    own_seat: str,
    address: ParticipantId,
    at: datetime,
) -> bytes:
    """Write the MLS of the seat ``own_seat`` to ``address``.

    ``reference`` is the SBDH instance identifier of the document spoken of. Raises
    ubl.response.ResponseRefused for a statement that contradicts itself.
    """
    return write_mls(
        Mls(
            identifier=str(new_id()),
            issued_at=at,
            sender=_identifier(spid_of_seat(own_seat)),
            receiver=_identifier(address),
            code=statement.code,
            reference=reference,
            description=statement.text,
            issues=statement.issues,
        )
    )


def mls_document(
    document: Document, record: MlsRecord, content: StoredBlob, *, at: datetime
) -> Document:
    """The row of the MLS about ``document`` on its way to the record's address."""
    if record.address is None:
        raise ValueError("an MLS that is owed has an address")
    return outgoing_document(
        tenant_id=document.tenant_id,
        kind=DocumentKind.MLS,
        number=f"MLS {document.number}"[:200],
        sender=spid_of_seat(record.own_seat),
        sender_name=record.own_seat,
        receiver=ParticipantId.parse(record.address),
        receiver_name=record.peer_seat,
        document_type=MESSAGE_LEVEL_STATUS,
        process=PROCESS_MLS,
        related_id=document.id,
        content=content,
        at=at,
    )


def _identifier(participant: ParticipantId) -> Identifier:
    icd, _, value = participant.value.partition(":")
    return Identifier(value=value, scheme=icd)


def _description(report: Mapping[str, Any]) -> str:
    fatal = report["counts"]["fatal"]
    return f"The document breaks {fatal} rule(s) and was not accepted ({report['verdict']})."


def _issues(report: Mapping[str, Any], severity: str, most: int) -> tuple[MlsIssue, ...]:
    found: Sequence[Mapping[str, Any]] = report["findings"]
    return tuple(_issue(one) for one in found if one["severity"] == severity)[:most]


def _issue(finding: Mapping[str, Any]) -> MlsIssue:
    syntax = finding["layer"] in _SYNTAX_LAYERS
    reason = MlsReason.SYNTAX_VIOLATION if syntax else MlsReason.RULE_VIOLATION
    text = _clean(f"[{finding['rule']}] {finding['message']}")
    location = _clean(finding["location"] or "").strip()
    if not location:
        return MlsIssue(reason=reason, text=text)
    return MlsIssue(reason=reason, text=text, location=location)


def _clean(text: str) -> str:
    """Without what XML cannot carry: an MLS must never fail over a rule's choice of words."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
