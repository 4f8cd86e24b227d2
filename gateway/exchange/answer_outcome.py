"""What became of a received document at the business, and the one MLS that follows from it.

The account's policy says what counts as delivered; an outcome that comes after the MLS has left
is recorded and changes nothing on the network.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import ParticipantId
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.jobs.queue import JobQueue
from gateway.exchange import timeline
from gateway.exchange.answer_policy import policy_of
from gateway.exchange.answer_tables import MLS_TABLE, Confirm, MlsAsked, MlsEvent, MlsRecord
from gateway.exchange.answer_tables import MlsState as State
from gateway.exchange.events import MLS, DocumentEvents
from gateway.exchange.mls import Statement, forwarded, write_statement
from gateway.exchange.mls_queries import record_of
from gateway.exchange.states import NetworkState, advance
from gateway.exchange.tables import Document, EventGroup
from ubl.response import FAILURES, MlsCode, MlsIssue, MlsReason, ResponseRefused

__all__ = ["ANSWER", "OUTCOME_INVALID", "Outcome", "Outcomes", "statement_of"]

ANSWER: Final = "exchange.answer"
"""The job that writes an MLS that is due, or lets a timer run out."""

OUTCOME_INVALID: Final = ErrorKind("OUTCOME-INVALID", "The outcome contradicts itself", 422)

BY_HAND_OVER: Final = "hand-over"
_RULE_BREACHES: Final = frozenset({MlsReason.RULE_VIOLATION, MlsReason.SYNTAX_VIOLATION})


class Outcome(StrEnum):
    """What the business made of a document it was handed."""

    DELIVERED = "delivered"
    FORWARDED = "forwarded"
    REJECTED = "rejected"
    FAILED = "failed"


_CODES: Final = {
    Outcome.DELIVERED: MlsCode.DELIVERED,
    Outcome.FORWARDED: MlsCode.FORWARDED,
    Outcome.REJECTED: MlsCode.REJECTED,
    Outcome.FAILED: MlsCode.REJECTED,
}


def statement_of(
    outcome: Outcome, reasons: Sequence[MlsIssue] = (), text: str | None = None
) -> Statement:
    """What an outcome says on the network: AP, AB, or RE with why.

    A rejection needs a rule or syntax violation (BV, SV); FD belongs to a failure that is
    permanent, and is added there. Raises GatewayError OUTCOME-INVALID.
    """
    issues, codes = tuple(reasons), {one.reason for one in reasons}
    if outcome in (Outcome.DELIVERED, Outcome.FORWARDED) and codes & FAILURES:
        raise _invalid("A document that was not rejected may carry warnings (BW) only.")
    if outcome is Outcome.REJECTED and not codes & _RULE_BREACHES:
        raise _invalid("A rejection names at least one violation: BV for a rule, SV for syntax.")
    if outcome is Outcome.REJECTED and MlsReason.FAILURE_OF_DELIVERY in codes:
        raise _invalid("FD is for documents that could not be delivered: report 'failed'.")
    if outcome is Outcome.FAILED and MlsReason.FAILURE_OF_DELIVERY not in codes:
        lost = "The document could not be delivered to the receiver for good."
        issues = (MlsIssue(reason=MlsReason.FAILURE_OF_DELIVERY, text=text or lost), *issues)
    if _CODES[outcome] is MlsCode.REJECTED and not (text or "").strip():
        text = issues[0].text
    return Statement(_CODES[outcome], text, issues)


def _invalid(fault: str) -> GatewayError:
    return GatewayError(OUTCOME_INVALID, fault)


class Outcomes:
    """Where every part that learns an outcome reports it: hand-over, API, console, timer."""

    def __init__(self, *, queue: JobQueue, events: DocumentEvents) -> None:
        self._queue = queue
        self._events = events

    async def report_outcome(
        self,
        session: AsyncSession,
        document: Document,
        outcome: Outcome | str,
        reasons: Sequence[MlsIssue] = (),
        *,
        at: datetime,
        text: str | None = None,
        by: str = BY_HAND_OVER,
        spoken: bool = False,
    ) -> MlsRecord | None:
        """Note what became of a received document, and decide its MLS if none was decided.

        ``by`` is who says so; ``spoken`` whether the business said it in so many words, rather
        than a hand-over having come off or failed. None for documents no MLS is about. Raises
        GatewayError OUTCOME-INVALID. Runs in the caller's transaction.
        """
        outcome = Outcome(outcome)
        statement = statement_of(outcome, reasons, text)
        record = await record_of(session, document.tenant_id, document.id, lock=True)
        if record is None:
            return None
        _require_writable(statement, document, record, at=at)
        record.outcome, record.outcome_at, record.outcome_by = outcome.value, at, by[:340]
        record.outcome_text = statement.text
        confirm = (await policy_of(session, document.tenant_id)).confirm
        # Where the business itself reports, that it was handed the document proves nothing.
        premature = not spoken and outcome is Outcome.DELIVERED and confirm is Confirm.BY_API
        told = not premature and await self.decide(session, document, record, statement, at=at)
        if not told and not spoken:
            return record  # the hand-over has its own entry in the timeline
        document.updated_at = at
        timeline.record(
            session,
            document,
            EventGroup.NETWORK,
            f"outcome.{outcome.value}",
            at=at,
            facts={"text": statement.text, "by": None if by == BY_HAND_OVER else by, "told": told},
        )
        return record

    async def decide(
        self,
        session: AsyncSession,
        document: Document,
        record: MlsRecord,
        statement: Statement,
        *,
        at: datetime,
        write: bool = True,
    ) -> bool:
        """Let an undecided record say ``statement``; whether an MLS is sent for it.

        False as well when C2 did not ask to hear this, or an MLS was decided before. ``record``
        is locked by the caller, who writes the MLS itself unless ``write``.
        """
        failing = statement.code is MlsCode.REJECTED
        wanted = record.asked is MlsAsked.ALWAYS or failing
        event = MlsEvent.DECIDED if wanted else MlsEvent.NOT_ASKED
        if (record.state, event) not in MLS_TABLE:
            return False
        record.state = advance(MLS_TABLE, record.state, event)
        record.code, record.statement = statement.code.value, statement.to_json()
        if failing:
            document.network = NetworkState.REJECTED
        if wanted:
            if write:
                await self.enqueue(session, record)
            await self._events.publish(
                session,
                document,
                MLS,
                {"side": record.side.value, "code": record.code, **record.statement},
                at=at,
            )
        return wanted

    async def expire(
        self, session: AsyncSession, document: Document, record: MlsRecord, *, at: datetime
    ) -> None:
        """The timer ran out without an outcome: say that the document was forwarded (AB)."""
        if record.state is not State.WAITING:
            return
        told = await self.decide(session, document, record, forwarded(), at=at)
        document.updated_at = at
        timeline.record(
            session,
            document,
            EventGroup.NETWORK,
            "answer.timer",
            at=at,
            facts={"told": told},
        )

    async def enqueue(
        self, session: AsyncSession, record: MlsRecord, *, timer: bool = False
    ) -> None:
        """Queue the writing of a record's MLS, or the end of its timer."""
        about = "timer" if timer else ParticipantId.parse(record.address or "").value
        await self._queue.enqueue(
            session,
            kind=ANSWER,
            payload={"document_id": str(record.document_id), "timer": timer},
            run_at=record.timer_at if timer else None,
            dedupe_key=f"{ANSWER}:{record.document_id}:{about}"[:200],
        )


def _require_writable(
    statement: Statement, document: Document, record: MlsRecord, *, at: datetime
) -> None:
    """Refuse what no MLS could say while the reporter still listens."""
    try:
        write_statement(
            statement,
            reference=document.sbdh_id,
            own_seat=record.own_seat,
            address=ParticipantId.parse(record.address or ""),
            at=at,
        )
    except ResponseRefused as refused:
        raise GatewayError(OUTCOME_INVALID, str(refused), fault=refused.code) from None
