"""What arrived, read and judged as far as possible before anything is written.

Decides nothing: the routing job takes it from here.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from uuid import UUID

from gateway.as4.identifiers import (
    INVOICE_RESPONSE,
    MESSAGE_LEVEL_RESPONSE,
    MESSAGE_LEVEL_STATUS,
    DocumentTypeId,
)
from gateway.as4.sbdh import Sbdh, extract, read
from gateway.core.clock import MachineClock
from gateway.core.errors import GatewayError
from gateway.core.spool import LARGE_BYTES, Content, Spool
from gateway.exchange.archive import Archive
from gateway.exchange.facts import InvoiceFacts, ReminderFacts
from gateway.exchange.mls import REJECTING
from gateway.exchange.reading import (
    judge_reminder,
    read_arrived_invoice,
    refusal_of_response,
    unreadable_report,
)
from gateway.exchange.reminder_check import is_reminder
from gateway.exchange.tables import DocumentKind, Reception, StoredBlob
from gateway.validation.service import ValidationService, require_verdict
from gateway.validation.tables import ValidationRun
from ubl.safexml import Limits

__all__ = ["Arrival", "ArrivalReader"]

PATIENCE_ATTEMPTS: Final = 3

_ANSWERS: Final = frozenset({DocumentKind.MLS, DocumentKind.MLR, DocumentKind.INVOICE_RESPONSE})


@dataclass(frozen=True, slots=True)
class Arrival:
    """What arrived, read as far as possible before anything is written.

    ``content`` are the bytes of an answer (MLS, MLR, Invoice Response) and None for everything
    else, and for an answer of more than LARGE_BYTES: that is refused, none needs so many.
    """

    reception: Reception
    header: Sbdh
    content: bytes | None
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

    async def read(self, reception: Reception, envelope: StoredBlob, attempt: int) -> Arrival:
        """Read and judge one reception; ``attempt`` counts the tries of the job, from 1.

        Memory stays fixed: a large document passes through files, and is read in a worker
        process.
        """
        source = await self._archive.open(envelope)
        with Spool() as document:
            # What was taken and acknowledged is read, whatever the limits are by now.
            limits = Limits(max_bytes=envelope.size)
            header = await asyncio.to_thread(_open, source, document.binary, limits)
            stored = await self._archive.keep(
                document.binary,
                purpose="document",
                media_type="application/xml",
                tenant_id=reception.tenant_id,
            )
            content = await asyncio.to_thread(lambda: document.content)
            return await self._judge(reception, header, stored, content, attempt)

    async def _judge(
        self,
        reception: Reception,
        header: Sbdh,
        stored: StoredBlob,
        content: Content,
        attempt: int,
    ) -> Arrival:
        kind = _kind(header.document_type)
        answer: bytes | None = None
        facts: InvoiceFacts | ReminderFacts | None = None
        run: ValidationRun | None = None
        refusal: Mapping[str, Any] | None = None
        if kind is DocumentKind.REMINDER:
            facts, run = await self._validation.read(
                content, judge_reminder, header.document_type, reception.tenant_id, self._now()
            )
        elif kind in _ANSWERS:
            if not isinstance(content, bytes):
                refusal = unreadable_report(
                    "XML-TOO-LARGE", f"An answer of more than {LARGE_BYTES} bytes is not read."
                )
            else:
                answer = content
                if kind is DocumentKind.INVOICE_RESPONSE:
                    refusal = await asyncio.to_thread(refusal_of_response, content)
        else:
            run = await self._check(reception.tenant_id, content, attempt)
            facts = invoice = await self._facts(content, attempt)
            kind = invoice.kind if invoice else kind
        return Arrival(reception, header, answer, stored, kind, facts, run, refusal)

    async def _facts(self, content: Content, attempt: int) -> InvoiceFacts | None:
        """Read what lists show, with the same patience: what no worker can read is shown bare."""
        try:
            return await self._validation.read(content, read_arrived_invoice)
        except GatewayError:
            if attempt < PATIENCE_ATTEMPTS:
                raise
            return None

    async def _check(self, tenant_id: UUID, content: Content, attempt: int) -> ValidationRun | None:
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


def _open(envelope: BinaryIO, document: BinaryIO, limits: Limits) -> Sbdh:
    """Copy the business document out of its envelope; returns the header."""
    with envelope:
        header = read(envelope, limits=limits)
        extract(envelope, document, limits=limits)
    document.seek(0)
    return header


def _kind(document_type: DocumentTypeId) -> DocumentKind:
    """The kind by document type; invoices are recognised by what they are, not by their label."""
    if document_type == MESSAGE_LEVEL_STATUS:
        return DocumentKind.MLS
    if document_type == MESSAGE_LEVEL_RESPONSE:
        return DocumentKind.MLR
    if document_type == INVOICE_RESPONSE:
        return DocumentKind.INVOICE_RESPONSE
    if is_reminder(document_type):
        return DocumentKind.REMINDER
    return DocumentKind.OTHER
