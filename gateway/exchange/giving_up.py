"""Giving a document up: the end of its lookup or delivery, with the cause a person must see."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.tables import Job
from gateway.exchange import timeline
from gateway.exchange.delivery_policies import DeliveryPolicies
from gateway.exchange.delivery_tables import OnFailure
from gateway.exchange.events import DocumentEvents
from gateway.exchange.failures import failure_of, root_cause
from gateway.exchange.ports import Bookkeeper
from gateway.exchange.states import NetworkState, TransportEvent, terminal
from gateway.exchange.tables import Attempt, Document, EventGroup, Transmission

__all__ = ["AfterGivingUp", "GivingUp"]


class AfterGivingUp(Protocol):
    """Who else acts when a document is given up, in the same transaction."""

    async def __call__(
        self, session: AsyncSession, document_id: UUID, error: JobError, *, at: datetime
    ) -> None:
        """Act on it."""
        ...


_ANSWERED: Final = frozenset({NetworkState.ACCEPTED, NetworkState.FORWARDED, NetworkState.REJECTED})


class GivingUp:
    """What happens in the transaction that buries a lookup or a delivery."""

    def __init__(
        self,
        *,
        policies: DeliveryPolicies,
        events: DocumentEvents,
        books: Bookkeeper,
        then: Sequence[AfterGivingUp],
        now: MachineClock,
    ) -> None:
        self._policies = policies
        self._events = events
        self._books = books
        self._then = tuple(then)
        self._now = now

    async def __call__(self, session: AsyncSession, job: Job, error: JobError) -> None:
        """Mark the job's document as failed, with the root cause and what the policy says."""
        document = await session.get_one(Document, UUID(job.payload["document_id"]))
        # The books before the document, as everybody does it.
        await self._books.hold(session, document)
        await session.refresh(document, with_for_update=True)
        if terminal(document.transport):
            return
        at = self._now()
        if document.network in _ANSWERED:
            await self._proven(session, document, at=at)
            return
        cause = root_cause(error, await _earlier(session, document, job))
        document.failure_code, document.failure_text = cause.code, cause.text
        known = failure_of(cause.code)
        facts = {
            "code": cause.code,
            "text": cause.text,
            "class": known.failure_class.value,
            "permanent": known.permanent,
        }
        if cause != error:
            facts["ended_by"] = error.code
        await self._events.step(session, document, TransportEvent.GIVEN_UP, facts, at=at)
        timeline.record(
            session, document, EventGroup.TRANSPORT, "delivery.failed", at=at, facts=facts
        )
        policy = await self._policies.of(session, document.tenant_id)
        if policy.on_failure is OnFailure.WITHDRAW:
            await self._books.withdrawn(session, document, at=at)
        for follow in self._then:
            await follow(session, document.id, cause, at=at)

    async def _proven(self, session: AsyncSession, document: Document, *, at: datetime) -> None:
        """The receiving access point spoke about the document, so it has it; no receipt came."""
        facts = {"network": document.network.value}
        await self._events.step(session, document, TransportEvent.CONCLUDED, facts, at=at)
        timeline.record(
            session, document, EventGroup.TRANSPORT, "delivery.proven", at=at, facts=facts
        )


async def _earlier(session: AsyncSession, document: Document, job: Job) -> JobError | None:
    """The failure recorded last before the one that ended the job."""
    found = await session.exec(
        select(Attempt.code, Attempt.detail)
        .join(Transmission, col(Transmission.id) == col(Attempt.transmission_id))
        .where(
            Transmission.document_id == document.id,
            col(Attempt.code).is_not(None),
            # What stopped it before somebody had it sent again explains nothing now.
            col(Attempt.started_at) >= job.created_at,
        )
        .order_by(col(Attempt.id).desc())
        .limit(1)
    )
    attempt = found.first()
    if attempt is not None:
        return JobError(attempt[0] or "", attempt[1] or "")
    return JobError(job.error_code, job.error_text or "") if job.error_code else None
