"""The Message Level Status that C3 owes C2: what became of a document it took.

Source: exchange facts 2.11 (MLS 1.1.0). At most one per document, never about another MLS.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.as4.identifiers import (
    MESSAGE_LEVEL_STATUS,
    PROCESS_MLS,
    ParticipantId,
    spid_of_seat,
)
from gateway.as4.sbdh import Sbdh
from gateway.core.ids import new_id
from gateway.exchange.outbound import outgoing_document
from gateway.exchange.tables import Document, DocumentKind, Reception, StoredBlob
from ubl.model import Identifier
from ubl.response import Mls, MlsCode, MlsIssue, MlsReason, write_mls

__all__ = ["REJECTING", "mls_document", "write_mls_for"]

REJECTING: Final = frozenset({"invalid", "unreadable"})
"""The verdicts that speak against a document; what could not be judged is delivered."""

MAX_ISSUES: Final = 50
_SYNTAX_LAYERS: Final = frozenset({"input", "xsd"})


def write_mls_for(
    header: Sbdh, reception: Reception, report: Mapping[str, Any] | None, *, at: datetime
) -> bytes:
    """Write the MLS: delivered (AP), or rejected (RE) with the findings that say why."""
    rejected = report is not None and report["verdict"] in REJECTING
    return write_mls(
        Mls(
            identifier=str(new_id()),
            issued_at=at,
            sender=_identifier(spid_of_seat(reception.own_seat)),
            receiver=_identifier(_receiver(header, reception)),
            code=MlsCode.REJECTED if rejected else MlsCode.DELIVERED,
            reference=header.instance_identifier,
            description=_description(report) if rejected and report else None,
            issues=_issues(report) if rejected and report else (),
        )
    )


def mls_document(
    header: Sbdh, document: Document, reception: Reception, content: StoredBlob, *, at: datetime
) -> Document:
    """The row of the MLS on its way to the sender's service provider."""
    return outgoing_document(
        tenant_id=document.tenant_id,
        kind=DocumentKind.MLS,
        number=f"MLS {document.number}"[:200],
        sender=spid_of_seat(reception.own_seat),
        sender_name=reception.own_seat,
        receiver=_receiver(header, reception),
        receiver_name=reception.signer_seat,
        document_type=MESSAGE_LEVEL_STATUS,
        process=PROCESS_MLS,
        related_id=document.id,
        content=content,
        at=at,
    )


def _receiver(header: Sbdh, reception: Reception) -> ParticipantId:
    return header.mls_to or spid_of_seat(reception.signer_seat)


def _identifier(participant: ParticipantId) -> Identifier:
    icd, _, value = participant.value.partition(":")
    return Identifier(value=value, scheme=icd)


def _description(report: Mapping[str, Any]) -> str:
    fatal = report["counts"]["fatal"]
    return f"The document breaks {fatal} rule(s) and was not accepted ({report['verdict']})."


def _issues(report: Mapping[str, Any]) -> tuple[MlsIssue, ...]:
    """The fatal findings, or one line for a document no rule could be applied to."""
    fatal = [one for one in report["findings"] if one["severity"] == "fatal"]
    if not fatal:
        return (MlsIssue(reason=MlsReason.SYNTAX_VIOLATION, text=_description(report)),)
    return tuple(_issue(one) for one in fatal[:MAX_ISSUES])


def _issue(finding: Mapping[str, Any]) -> MlsIssue:
    syntax = finding["layer"] in _SYNTAX_LAYERS
    reason = MlsReason.SYNTAX_VIOLATION if syntax else MlsReason.RULE_VIOLATION
    text = f"[{finding['rule']}] {finding['message']}"
    location = finding["location"]
    if not location:
        return MlsIssue(reason=reason, text=text)
    return MlsIssue(reason=reason, text=text, location=location)
