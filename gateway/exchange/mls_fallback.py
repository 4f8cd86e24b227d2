"""An owed MLS that cannot be delivered: first to the provider's own SPID, then an alarm.

Runs in the transaction that gives the MLS up. An address no SMP knows (MLS_TO) is replaced by
the SPID of the seat that sent the document; there is nobody else to tell after that.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import ParticipantId, spid_of_seat
from gateway.core.alarms import AlarmKind, Severity, raise_alarm
from gateway.core.jobs.backoff import JobError
from gateway.exchange import timeline
from gateway.exchange.answer_outcome import Outcomes
from gateway.exchange.answer_tables import MLS_TABLE, MlsEvent, MlsRecord
from gateway.exchange.answer_tables import MlsState as State
from gateway.exchange.mls_queries import owed_by
from gateway.exchange.states import advance
from gateway.exchange.tables import Document, DocumentKind, EventGroup, Transmission

__all__ = ["MLS_UNDELIVERABLE", "MlsFallback"]

MLS_UNDELIVERABLE: Final = AlarmKind(
    "MLS-UNDELIVERABLE",
    Severity.WARNING,
    "A service provider cannot be told what became of its documents",
    "Ask it to publish its SPID for MLS in an SMP, and to accept what is sent there.",
)


class MlsFallback:
    """What happens when the sending of an MLS has ended without success."""

    def __init__(self, *, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    async def given_up(
        self, session: AsyncSession, document_id: UUID, error: JobError, *, at: datetime
    ) -> None:
        """Try the SPID, or raise MLS-UNDELIVERABLE; nothing for documents that are no MLS."""
        mls = await session.get_one(Document, document_id)
        if mls.kind is not DocumentKind.MLS:
            return
        record = await owed_by(session, mls)
        if record is None or record.state is not State.QUEUED:
            return
        subject = await session.get_one(Document, record.document_id, with_for_update=True)
        spid = spid_of_seat(record.peer_seat)
        unknown = not await _was_found(session, mls)
        if unknown and record.address != str(spid):
            facts = {"from": _shown(record), "to": spid.value, "code": error.code}
            record.address, record.mls_id = str(spid), None
            await self._outcomes.enqueue(session, record)
            kind = "answer.fell-back"
        else:
            facts = {"to": _shown(record), "code": error.code, "text": error.text}
            record.state = advance(MLS_TABLE, record.state, MlsEvent.GIVEN_UP)
            kind = "answer.undeliverable"
            await raise_alarm(
                session,
                MLS_UNDELIVERABLE,
                _shown(record),
                at=at,
                facts={"seat": record.peer_seat, "code": error.code, "text": error.text[:500]},
            )
        subject.updated_at = at
        timeline.record(session, subject, EventGroup.NETWORK, kind, at=at, facts=facts)


def _shown(record: MlsRecord) -> str:
    return ParticipantId.parse(record.address or "").value


async def _was_found(session: AsyncSession, mls: Document) -> bool:
    """Whether an SMP named an endpoint, so that what failed was the delivery to it."""
    found = await session.exec(
        select(Transmission.id).where(Transmission.document_id == mls.id).limit(1)
    )
    return found.first() is not None
