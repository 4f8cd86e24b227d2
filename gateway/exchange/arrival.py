"""What arrived, read and judged as far as possible before anything is written.

Decides nothing: the routing job takes it from here.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from uuid import UUID

from gateway.as4.identifiers import INVOICE_RESPONSE, MESSAGE_LEVEL_STATUS, DocumentTypeId
from gateway.as4.sbdh import Sbdh, extract, read
from gateway.core.clock import MachineClock
from gateway.core.errors import GatewayError
from gateway.exchange.archive import Archive
from gateway.exchange.facts import InvoiceFacts, ReminderFacts, read_facts, reminder_facts
from gateway.exchange.mls import REJECTING
from gateway.exchange.reminder_check import check_arrived_reminder, is_reminder
from gateway.exchange.tables import DocumentKind, Reception, StoredBlob
from gateway.validation.service import ValidationService, require_verdict
from gateway.validation.tables import ValidationRun
from ubl.reader import DocumentUnreadable, read_invoice
from ubl.response import ResponseRefused, read_invoice_response
from ubl.safexml import XmlRefused, parse

__all__ = ["Arrival", "ArrivalReader"]

PATIENCE_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Arrival:
    """What arrived, read as far as possible before anything is written."""

    reception: Reception
    header: Sbdh
    content: bytes
    stored: StoredBlob
    kind: DocumentKind
    facts: InvoiceFacts | ReminderFacts | None
    run: ValidationRun | None
    refusal: Mapping[str, Any] | None

    @property
    def fingerprint(self) -> str:
        """What makes this document the same as another one: sender, identifier and content."""
        parts = (self.header.sender, self.header.instance_identifier, self.stored.sha256)
        return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()

    @property
    def report(self) -> Mapping[str, Any] | None:
        """What speaks for or against the document, if it was judged."""
        return self.run.report if self.run is not None else self.refusal

    @property
    def valid(self) -> bool:
        """Whether no rule speaks against handing the document to the business.

        What could not be judged is handed over too: it was acknowledged, so it must arrive.
        """
        return self.report is None or self.report["verdict"] not in REJECTING


class ArrivalReader:
    """Opens an envelope, keeps the document inside and judges it."""

    def __init__(
        self, *, archive: Archive, validation: ValidationService, now: MachineClock
    ) -> None:
        self._archive = archive
        self._validation = validation
        self._now = now

    async def read(self, reception: Reception, envelope: bytes, attempt: int) -> Arrival:
        """Read and judge one reception; ``attempt`` counts the tries of the job, from 1."""
        header, content = await asyncio.to_thread(_open, envelope)
        stored = await self._archive.keep(
            content,
            purpose="document",
            media_type="application/xml",
            tenant_id=reception.tenant_id,
        )
        kind = _kind(header.document_type)
        facts: InvoiceFacts | ReminderFacts | None = None
        run: ValidationRun | None = None
        refusal: Mapping[str, Any] | None = None
        if kind is DocumentKind.REMINDER:
            reminder, run = await asyncio.to_thread(
                check_arrived_reminder,
                content,
                header.document_type,
                tenant_id=reception.tenant_id,
                at=self._now(),
            )
            facts = reminder_facts(reminder) if reminder is not None else None
        if kind is DocumentKind.INVOICE_RESPONSE:
            refusal = await asyncio.to_thread(_refusal, content)
        if kind is DocumentKind.OTHER:
            run = await self._check(reception.tenant_id, content, attempt)
            facts = invoice = await asyncio.to_thread(_facts, content)
            kind = invoice.kind if invoice else kind
        return Arrival(reception, header, content, stored, kind, facts, run, refusal)

    async def _check(self, tenant_id: UUID, content: bytes, attempt: int) -> ValidationRun | None:
        """Judge the document, with patience for busy workers but not for ever.

        A document that breaks the engine each time is handed over without a verdict in the end.
        """
        try:
            run = await self._validation.check(tenant_id, content)
            if attempt < PATIENCE_ATTEMPTS:
                require_verdict(run)
        except GatewayError:
            if attempt < PATIENCE_ATTEMPTS:
                raise
            return None
        return run


def _open(envelope: bytes) -> tuple[Sbdh, bytes]:
    header = read(BytesIO(envelope))
    content = BytesIO()
    extract(BytesIO(envelope), content)
    return header, content.getvalue()


def _kind(document_type: DocumentTypeId) -> DocumentKind:
    """The kind by document type; invoices are recognised by what they are, not by their label."""
    if document_type == MESSAGE_LEVEL_STATUS:
        return DocumentKind.MLS
    if document_type == INVOICE_RESPONSE:
        return DocumentKind.INVOICE_RESPONSE
    if is_reminder(document_type):
        return DocumentKind.REMINDER
    return DocumentKind.OTHER


def _facts(content: bytes) -> InvoiceFacts | None:
    try:
        root = parse(content)
        return read_facts(root, read_invoice(root).invoice)
    except (XmlRefused, DocumentUnreadable, GatewayError):
        return None  # the report says what is wrong; the document is still shown in the inbox


def _refusal(content: bytes) -> Mapping[str, Any] | None:
    """Why an Invoice Response cannot be read, in the shape of a report; None if it can."""
    try:
        read_invoice_response(content)
    except (ResponseRefused, XmlRefused) as refused:
        finding = {
            "rule": refused.code,
            "severity": "fatal",
            "layer": "input",
            "message": str(refused),
            "location": None,
        }
        return {
            "valid": False,
            "verdict": "unreadable",
            "counts": {"fatal": 1, "warning": 0},
            "findings": [finding],
        }
    return None
