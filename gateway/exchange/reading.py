"""Reading documents for the exchange: functions that also run in a worker process.

Everything here is a function of a module over bytes, and gives plain values that can be pickled:
a large document is read where its tree does no harm (``ValidationService.read``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from gateway.as4.identifiers import DocumentTypeId
from gateway.core.errors import ErrorKind, GatewayError
from gateway.exchange.facts import InvoiceFacts, ReminderFacts, read_facts, reminder_facts
from gateway.exchange.reminder_check import check_arrived_reminder
from gateway.validation.tables import ValidationRun
from ubl.invoice import read_invoice
from ubl.model import Invoice
from ubl.reading import DocumentUnreadable
from ubl.response import ResponseRefused, read_invoice_response
from ubl.safexml import XmlRefused, parse

__all__ = [
    "DOCUMENT_KIND",
    "OutgoingInvoice",
    "judge_reminder",
    "read_arrived_invoice",
    "read_outgoing_invoice",
    "refusal_of_response",
    "unreadable_report",
]

DOCUMENT_KIND: Final = ErrorKind("DOCUMENT-KIND", "This kind of document is not sent here", 422)


@dataclass(frozen=True, slots=True)
class OutgoingInvoice:
    """A submitted invoice: what delivery needs of it, and what the books take over.

    ``invoice`` has neither its lines nor the files inside it: nobody books them, and they are
    what makes a document large.
    """

    invoice: Invoice
    facts: InvoiceFacts


def read_outgoing_invoice(content: bytes) -> OutgoingInvoice:
    """Read who sends what to whom.

    Raises GatewayError DOCUMENT-KIND for what is no UBL invoice or credit note, DOCUMENT-ADDRESS
    for one that does not say where it goes.
    """
    try:
        root = parse(content)
        invoice = read_invoice(root).invoice
    except (XmlRefused, DocumentUnreadable) as error:
        raise GatewayError(DOCUMENT_KIND, error.message) from None
    return OutgoingInvoice(
        replace(invoice, lines=(), supporting_documents=()),
        read_facts(root, invoice, off_network=True),
    )


def read_arrived_invoice(content: bytes) -> InvoiceFacts | None:
    """Read what lists show of an invoice; None if it cannot be read: its report says why."""
    try:
        root = parse(content)
        return read_facts(root, read_invoice(root).invoice)
    except (XmlRefused, DocumentUnreadable, GatewayError):
        return None


def judge_reminder(
    content: bytes, document_type: DocumentTypeId, tenant_id: UUID, at: datetime
) -> tuple[ReminderFacts | None, ValidationRun]:
    """Hold an arrived reminder to its profile; its facts if it can be read, and the run."""
    reminder, run = check_arrived_reminder(content, document_type, tenant_id=tenant_id, at=at)
    return (reminder_facts(reminder) if reminder is not None else None), run


def refusal_of_response(content: bytes) -> Mapping[str, Any] | None:
    """Why an Invoice Response cannot be read, in the shape of a report; None if it can."""
    try:
        read_invoice_response(content)
    except (ResponseRefused, XmlRefused) as refused:
        return unreadable_report(refused.code, str(refused))
    return None


def unreadable_report(code: str, message: str) -> Mapping[str, Any]:
    """A report with the one finding that a document cannot be read."""
    finding = {
        "rule": code,
        "severity": "fatal",
        "layer": "input",
        "message": message,
        "location": None,
    }
    return {
        "valid": False,
        "verdict": "unreadable",
        "counts": {"fatal": 1, "warning": 0},
        "findings": [finding],
    }
