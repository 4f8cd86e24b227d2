"""Sending a Message Level Response about a received document, for partners who still use it.

Never by itself: the MLS is what the network asks for. One per document.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.as4.identifiers import MESSAGE_LEVEL_RESPONSE, PROCESS_MLR, ParticipantId
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND
from gateway.core.ids import new_id
from gateway.core.jobs.queue import JobQueue
from gateway.exchange import timeline
from gateway.exchange.answer_policy import UNANSWERED_KINDS
from gateway.exchange.archive import Archive
from gateway.exchange.outbound import add_reply, enqueue_lookup
from gateway.exchange.states import TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind, EventGroup
from ubl.mlr import Mlr, write_mlr
from ubl.model import Identifier
from ubl.response import FAILURES, MlsCode, MlsIssue, ResponseRefused

__all__ = ["MLR_INVALID", "MLR_SENT", "MLR_SUBJECT", "MlrDesk"]

MLR_SUBJECT: Final = ErrorKind("MLR-SUBJECT", "This document is not answered by an MLR", 409)
MLR_SENT: Final = ErrorKind("MLR-SENT", "An MLR about this document was sent already", 409)
MLR_INVALID: Final = ErrorKind("MLR-INVALID", "The MLR contradicts itself", 422)


class MlrDesk:
    """Writes and sends Message Level Responses (BIS 36)."""

    def __init__(
        self, *, database: Database, archive: Archive, queue: JobQueue, now: MachineClock
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._now = now

    async def send(
        self,
        caller: Principal,
        document_id: UUID,
        *,
        code: MlsCode,
        text: str | None = None,
        issues: Sequence[MlsIssue] = (),
    ) -> Document:
        """Send one MLR about a received document; returns the MLR's own document.

        Raises GatewayError NOT-FOUND, MLR-SUBJECT, MLR-SENT or MLR-INVALID.
        """
        caller.require("responses:send")
        at = self._now()
        async with self._database.read() as session:
            subject = await _subject(session, caller, document_id)
        stored = await self._archive.keep(
            _written(subject, code, text, issues, at=at),
            purpose="document",
            media_type="application/xml",
            tenant_id=caller.tenant_id,
        )
        async with self._database.write() as session:
            subject = await _subject(session, caller, document_id)
            reply = await add_reply(
                session,
                subject,
                kind=DocumentKind.MLR,
                number=f"MLR {subject.number}"[:200],
                document_type=MESSAGE_LEVEL_RESPONSE,
                process=PROCESS_MLR,
                content=stored,
                at=at,
            )
            await enqueue_lookup(session, self._queue, reply)
            subject.updated_at = at
            timeline.record(
                session,
                subject,
                EventGroup.NETWORK,
                "mlr.sent",
                at=at,
                facts={"code": code.value, "text": text or ""},
                evidence_id=stored.id,
            )
            audit(session, caller, action="mlr.sent", object=str(subject.id), code=code.value)
        return reply


async def _subject(session: AsyncSession, caller: Principal, document_id: UUID) -> Document:
    subject = await session.get(Document, document_id, with_for_update=True)
    if subject is None or subject.tenant_id != caller.tenant_id:
        raise GatewayError(NOT_FOUND, "No document of this account has that id.")
    if subject.direction is not Direction.IN or subject.kind in UNANSWERED_KINDS:
        raise GatewayError(MLR_SUBJECT, "Only received business documents are answered by an MLR.")
    earlier = await session.exec(
        select(Document.id).where(
            Document.related_id == subject.id,
            Document.kind == DocumentKind.MLR,
            Document.direction == Direction.OUT,
            Document.transport != TransportState.FAILED,
        )
    )
    if found := earlier.first():
        raise GatewayError(
            MLR_SENT, "One MLR about a document is enough; see the one sent.", document=str(found)
        )
    return subject


def _identifier(participant: str) -> Identifier:
    icd, _, value = ParticipantId.parse(participant).value.partition(":")
    return Identifier(value=value, scheme=icd)


def _written(
    subject: Document, code: MlsCode, text: str | None, issues: Sequence[MlsIssue], *, at: datetime
) -> bytes:
    """The MLR about ``subject``; raises GatewayError MLR-INVALID where it contradicts itself."""
    failing = any(one.reason in FAILURES for one in issues)
    if (code is MlsCode.REJECTED) != failing:
        raise GatewayError(
            MLR_INVALID, "A rejection (RE) names at least one violation, BV or SV; AP and AB none."
        )
    mlr = Mlr(
        identifier=str(new_id()),
        issue_date=at.date(),
        issue_time=at.time().replace(microsecond=0),
        sender=_identifier(subject.receiver),
        receiver=_identifier(subject.sender),
        code=code,
        reference=subject.sbdh_id,
        description=text,
        issues=tuple(issues),
    )
    try:
        return write_mlr(mlr)
    except ResponseRefused as refused:
        raise GatewayError(MLR_INVALID, str(refused), fault=refused.code) from None
