"""The job that writes an MLS when its time has come, and lets timers run out.

The bytes are durable before the row that names them; what is decided commits with the end of
the job.
"""

from uuid import UUID

from gateway.as4.identifiers import ParticipantId
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.faults import Faults
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext
from gateway.exchange.answer_outcome import Outcomes
from gateway.exchange.answer_tables import MlsRecord
from gateway.exchange.answer_tables import MlsState as State
from gateway.exchange.archive import Archive
from gateway.exchange.mls import Statement, mls_document, write_statement
from gateway.exchange.outbound import enqueue_lookup
from gateway.exchange.tables import Document

__all__ = ["AnswerJob"]


class AnswerJob:
    """Brings one record on: out of its timer, or from decided to a document on its way."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        outcomes: Outcomes,
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._outcomes = outcomes
        self._now = now
        self._faults = faults

    async def __call__(self, job: JobContext) -> None:
        """Run once for one record."""
        document_id = UUID(job.payload["document_id"])
        if job.payload["timer"]:
            async with self._database.write() as session:
                await job.fence(session)
                document = await session.get_one(Document, document_id, with_for_update=True)
                record = await session.get_one(MlsRecord, document_id, with_for_update=True)
                await self._outcomes.expire(session, document, record, at=self._now())
            return
        if not self._faults.cuts("mls"):
            await self._write(job, document_id)

    async def _write(self, job: JobContext, document_id: UUID) -> None:
        at = self._now()
        async with self._database.read() as session:
            document = await session.get_one(Document, document_id)
            record = await session.get_one(MlsRecord, document_id)
        if not _due(record):
            return
        stored = await self._archive.keep(
            write_statement(
                Statement.of(record),
                reference=document.sbdh_id,
                own_seat=record.own_seat,
                address=ParticipantId.parse(record.address or ""),
                at=at,
            ),
            purpose="document",
            media_type="application/xml",
            tenant_id=document.tenant_id,
        )
        async with self._database.write() as session:
            await job.fence(session)
            document = await session.get_one(Document, document_id, with_for_update=True)
            record = await session.get_one(MlsRecord, document_id, with_for_update=True)
            if not _due(record):
                return
            session.add(stored)
            await session.flush()
            mls = mls_document(document, record, stored, at=at)
            session.add(mls)
            await session.flush()
            record.mls_id = mls.id
            await enqueue_lookup(session, self._queue, mls)


def _due(record: MlsRecord) -> bool:
    return record.state is State.QUEUED and record.mls_id is None
