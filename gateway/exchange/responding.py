"""The buyer's answer: an Invoice Response from the inbox back to the seller (BIS 63, T111)."""

import asyncio
import shutil
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.as4.identifiers import INVOICE_RESPONSE, PROCESS_INVOICE_RESPONSE, ParticipantId
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.faults import Faults
from gateway.core.http import NOT_FOUND
from gateway.core.ids import new_id
from gateway.core.jobs.queue import JobQueue
from gateway.core.spool import Spool
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.events import ANSWERED, DocumentEvents
from gateway.exchange.outbound import add_reply, enqueue_lookup
from gateway.exchange.tables import Direction, Document, DocumentKind, EventGroup, StoredBlob
from gateway.validation.service import ValidationService
from ubl.business_status import BusinessState, advance, may_send
from ubl.invoice import read_invoice
from ubl.model import Identifier
from ubl.response import (
    Clarification,
    Condition,
    InvoiceReference,
    InvoiceResponse,
    InvoiceStatus,
    ResponseParty,
    ResponseRefused,
    StatusAction,
    StatusReason,
    write_invoice_response,
)
from ubl.safexml import parse

__all__ = ["Responder", "ResponseOrder", "allowed_statuses"]

RESPONSE_ORDER: Final = ErrorKind("RESPONSE-ORDER", "This answer cannot follow the last one", 409)
RESPONSE_INVALID: Final = ErrorKind("RESPONSE-INVALID", "The answer is incomplete", 422)
RESPONSE_SUBJECT: Final = ErrorKind("RESPONSE-SUBJECT", "This document is not answered", 409)

DEFAULT_TYPE_CODE: Final = "380"
_ANSWERED: Final = frozenset({DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseOrder:
    """What the buyer wants to say.

    ``status`` is AB, IP, UQ, CA, RE, AP or PD; UQ, CA and RE need a reason or an action. ``text``
    and ``conditions`` (what the buyer expected instead) belong to the first of them.
    """

    status: InvoiceStatus
    note: str | None = None
    reasons: tuple[StatusReason, ...] = ()
    actions: tuple[StatusAction, ...] = ()
    text: str | None = None
    effective_date: date | None = None
    conditions: tuple[Condition, ...] = ()


class Responder:
    """Writes and sends Invoice Responses for received invoices."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        validation: ValidationService,
        events: DocumentEvents,
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._validation = validation
        self._events = events
        self._now = now
        self._faults = faults

    async def respond(self, caller: Principal, document_id: UUID, order: ResponseOrder) -> Document:
        """Send one answer about a received invoice; returns the answer's own document.

        Raises GatewayError NOT-FOUND, RESPONSE-SUBJECT, RESPONSE-ORDER or RESPONSE-INVALID.
        """
        caller.require("responses:send")
        at = self._now()
        async with self._database.read() as session:
            subject = await _subject(session, caller, document_id)
            content = await self._archive.row(session, subject.content_id)
        response = _response(subject, await self._type_code(content), order, at.date())
        _require_order(subject.business, response)
        stored = await self._archive.keep(
            _write(response),
            purpose="document",
            media_type="application/xml",
            tenant_id=caller.tenant_id,
        )
        async with self._database.write() as session:
            subject = await _subject(session, caller, document_id)
            state = _require_order(subject.business, response)
            answer = await add_reply(
                session,
                subject,
                kind=DocumentKind.INVOICE_RESPONSE,
                number=response.identifier,
                document_type=INVOICE_RESPONSE,
                process=PROCESS_INVOICE_RESPONSE,
                content=stored,
                at=at,
            )
            subject.business, subject.updated_at = state, at
            await self._tell(session, subject, answer, response, at=at)
            if not self._faults.cuts("response"):
                await enqueue_lookup(session, self._queue, answer)
            audit(
                session,
                caller,
                action="response.sent",
                object=str(subject.id),
                status=order.status.value,
            )
        return answer

    async def _tell(
        self,
        session: AsyncSession,
        subject: Document,
        answer: Document,
        response: InvoiceResponse,
        *,
        at: datetime,
    ) -> None:
        """Say on the invoice's timeline, and to who follows its events, what was answered."""
        facts = {"status": response.status.value, "note": response.note or ""}
        timeline.record(
            session,
            subject,
            EventGroup.BUSINESS,
            "response.sent",
            at=at,
            facts=facts,
            evidence_id=answer.content_id,
        )
        told = {"response_id": str(answer.id), "order": "sent", **facts}
        await self._events.publish(session, subject, ANSWERED, told, at=at)

    async def _type_code(self, content: StoredBlob) -> str:
        """The type code (BT-3) of the invoice; a large one is read in a worker process."""
        source = await self._archive.open(content)
        with source, Spool() as spool:
            await asyncio.to_thread(shutil.copyfileobj, source, spool.binary)
            return await self._validation.read(spool.content, type_code_of)


def type_code_of(content: bytes) -> str:
    """The type code of an invoice in any syntax; 380 where it states none."""
    return read_invoice(parse(content)).invoice.type_code or DEFAULT_TYPE_CODE


def allowed_statuses(document: Document) -> tuple[InvoiceStatus, ...]:
    """The answers that may follow now; empty for documents that are not answered."""
    if document.direction is not Direction.IN or document.kind not in _ANSWERED:
        return ()
    return tuple(status for status in InvoiceStatus if may_send(document.business, _probe(status)))


def _probe(status: InvoiceStatus) -> InvoiceResponse:
    party = ResponseParty(endpoint=Identifier(value="0", scheme="0088"), name="-")
    return InvoiceResponse(
        identifier="-",
        issue_date=date.min,
        sender=party,
        receiver=party,
        status=status,
        invoice=InvoiceReference(number="-", type_code="380"),
    )


async def _subject(session: AsyncSession, caller: Principal, document_id: UUID) -> Document:
    subject = await session.get(Document, document_id, with_for_update=True)
    if subject is None or subject.tenant_id != caller.tenant_id:
        raise GatewayError(NOT_FOUND, "No document of this account has that id.")
    if subject.direction is not Direction.IN or subject.kind not in _ANSWERED:
        raise GatewayError(
            RESPONSE_SUBJECT,
            "Only received invoices and credit notes are answered with an Invoice Response.",
        )
    return subject


def _require_order(state: BusinessState, response: InvoiceResponse) -> BusinessState:
    step = advance(state, response)
    if not may_send(state, response):
        raise GatewayError(
            RESPONSE_ORDER,
            f"The invoice stands at '{state}'; the answer {response.status} cannot follow "
            f"({step.basis}).",
            state=state.value,
        )
    return step.state


def _response(
    subject: Document, type_code: str, order: ResponseOrder, day: date
) -> InvoiceResponse:
    codes: tuple[StatusReason | StatusAction, ...] = (*order.reasons, *order.actions)
    clarifications = tuple(
        Clarification(
            code=code,
            text=order.text if number == 0 else None,
            conditions=order.conditions if number == 0 else (),
        )
        for number, code in enumerate(codes)
    )
    if order.conditions and not codes:
        raise GatewayError(
            RESPONSE_INVALID,
            "Conditions say what was expected instead: give the reason they belong to.",
        )
    return InvoiceResponse(
        identifier=str(new_id()),
        issue_date=day,
        sender=_party(subject.receiver, subject.receiver_name),
        receiver=_party(subject.sender, subject.sender_name),
        status=order.status,
        invoice=InvoiceReference(
            number=subject.number,
            type_code=type_code,
            issue_date=subject.issue_date,
        ),
        note=order.note,
        effective_date=order.effective_date,
        clarifications=clarifications,
    )


def _party(participant: str, name: str) -> ResponseParty:
    icd, _, value = ParticipantId.parse(participant).value.partition(":")
    return ResponseParty(endpoint=Identifier(value=value, scheme=icd), name=name or value)


def _write(response: InvoiceResponse) -> bytes:
    try:
        return write_invoice_response(response)
    except ResponseRefused as refused:
        raise GatewayError(RESPONSE_INVALID, str(refused), fault=refused.code) from None
