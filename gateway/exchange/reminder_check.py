"""Judging a reminder that arrived: is it one, and does it keep the profile it came under.

The rules of the project's own profile are code (``ubl.reminder_rules``), so no worker is needed;
the outcome has the shape of every other validation run.
"""

import hashlib
from datetime import datetime
from typing import Final
from uuid import UUID

from gateway.as4.identifiers import REMINDER, DocumentTypeId
from gateway.validation.tables import ValidationRun
from schematron.finding import (
    Authority,
    Document,
    Finding,
    Layer,
    Report,
    RulesetRun,
    RunVerdict,
    Severity,
    Verdict,
)
from ubl.namespaces import document_namespace
from ubl.reminder import Reminder, ReminderFault, ReminderRefused
from ubl.reminder_read import ReminderKind, read_reminder
from ubl.reminder_rules import check_reminder
from ubl.safexml import XmlRefused

__all__ = ["check_arrived_reminder", "is_reminder"]

RULE_BROKEN: Final = "REMINDER-RULE"
_NOT_UBL: Final = frozenset({"REMINDER-NOT-UBL", "REMINDER-IS-INVOICE"})
_NAMESPACE: Final = document_namespace("Reminder")


def is_reminder(document_type: DocumentTypeId) -> bool:
    """Tell whether a document type names a UBL Reminder, of whichever profile."""
    return document_type.namespace == _NAMESPACE


def check_arrived_reminder(
    content: bytes, document_type: DocumentTypeId, *, tenant_id: UUID, at: datetime
) -> tuple[Reminder | None, ValidationRun]:
    """Read a reminder and hold it to the profile it was sent under.

    Ours is held to all rules of the document itself; not to R05, because the sender's business
    date is the sender's. Of a foreign profile only what UBL requires is asked, and its verdict
    is ``undetermined``. Returns the reminder where it could be read, and the run, still to be
    saved.
    """
    is_ours = document_type == REMINDER
    try:
        reading = read_reminder(content)
    except XmlRefused as refused:
        finding = Finding(
            rule=refused.code,
            severity=Severity.FATAL,
            layer=Layer.INPUT,
            message=refused.message,
            line=refused.line or None,
            column=refused.column or None,
        )
        report = _report(content, Verdict.UNREADABLE, None, (finding,))
        return None, _run(report, tenant_id=tenant_id, at=at)
    except ReminderRefused as refused:
        reminder, faults = refused.reminder, refused.faults
    else:
        reminder, faults = reading.reminder, reading.warnings
        if is_ours and reading.kind is not ReminderKind.RECEIVABLES:
            faults = check_reminder(reminder)
        is_ours = is_ours or reading.kind is ReminderKind.RECEIVABLES
    verdict = Verdict.VALID if is_ours else Verdict.UNDETERMINED
    if any(not fault.is_warning for fault in faults):
        verdict = Verdict.INVALID
    report = _report(content, verdict, reminder, tuple(map(_finding, faults)))
    return reminder, _run(report, tenant_id=tenant_id, at=at)


def _finding(fault: ReminderFault) -> Finding:
    layer = Layer.RULES if fault.code == RULE_BROKEN else Layer.XSD
    return Finding(
        rule=fault.rule or fault.code,
        severity=Severity.WARNING if fault.is_warning else Severity.FATAL,
        layer=Layer.INPUT if fault.code in _NOT_UBL else layer,
        message=fault.message,
        ruleset=ReminderKind.RECEIVABLES.value if layer is Layer.RULES else None,
        location=fault.path,
    )


def _report(
    content: bytes, verdict: Verdict, reminder: Reminder | None, findings: tuple[Finding, ...]
) -> Report:
    return Report(
        verdict=verdict,
        sha256=hashlib.sha256(content).hexdigest(),
        document=_described(reminder),
        rulesets=() if reminder is None else _rulesets(verdict),
        findings=findings,
        counts={
            severity: sum(one.severity is severity for one in findings)
            for severity in (Severity.FATAL, Severity.WARNING)
        },
    )


def _run(report: Report, *, tenant_id: UUID, at: datetime) -> ValidationRun:
    return ValidationRun.of(report.to_json(), tenant_id=tenant_id, file_name="", at=at)


def _rulesets(verdict: Verdict) -> tuple[RulesetRun, ...]:
    ends = {Verdict.VALID: RunVerdict.VALID, Verdict.INVALID: RunVerdict.INVALID}
    if verdict not in ends:
        return ()
    return (
        RulesetRun(
            id=ReminderKind.RECEIVABLES.value,
            source="ubl.reminder_rules",
            authority=Authority.OFFICIAL,
            engine="native",
            verdict=ends[verdict],
        ),
    )


def _described(reminder: Reminder | None) -> Document:
    if reminder is None:
        return Document()
    return Document(
        syntax="ubl-reminder",
        root="Reminder",
        customization=reminder.customization,
        profile=reminder.profile,
        id=reminder.identifier,
        issue_date=reminder.issue_date,
    )
