"""Sending a statistics report: made, judged, kept, and put on its way as an ordinary document."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import and_, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit, operator_tenant
from gateway.as4.identifiers import PROCESS_REPORTING, ParticipantId, spid_of_seat
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.jobs.queue import JobQueue
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.events import DocumentEvents
from gateway.exchange.outbound import enqueue_lookup, outgoing_document
from gateway.exchange.states import TransportState, advance
from gateway.exchange.statistics import queries
from gateway.exchange.statistics.counting import ReportKind
from gateway.exchange.statistics.duties import require_duty
from gateway.exchange.statistics.errors import (
    PERIOD_OPEN,
    RECEIVER_MISSING,
    REFUSED,
    SENDER_MISSING,
    UNDER_WAY,
)
from gateway.exchange.statistics.figures import Figures
from gateway.exchange.statistics.judging import Judged, judge
from gateway.exchange.statistics.period import Period
from gateway.exchange.statistics.service import figures_of
from gateway.exchange.statistics.states import REPORT, ReportEvent, ReportState
from gateway.exchange.statistics.tables import StatisticsReport
from gateway.exchange.statistics.writing import FORMATS, write_report
from gateway.exchange.tables import Document, DocumentKind, StoredBlob
from gateway.network.identification import IdentificationRules
from gateway.network.queries import own_participant
from gateway.network.tables import Participant
from gateway.validation.service import ValidationService

__all__ = ["COLLECTOR", "Reporting"]

COLLECTOR: Final = ParticipantId.of("9925:be0848934496")
"""OpenPeppol, which collects the reports of the production network."""

_ENDS: Final = {
    TransportState.DELIVERED: ReportEvent.DELIVERED,
    TransportState.FAILED: ReportEvent.FAILED,
    TransportState.CANCELLED: ReportEvent.FAILED,
}


@dataclass(frozen=True, slots=True)
class _Draft:
    """A report ready to be saved: who sends it, what it says, its bytes, what rules say of it."""

    sender: Participant
    receiver: ParticipantId
    figures: Figures
    content: StoredBlob
    judged: Judged


class Reporting:
    """Makes and sends reports. ``receiver`` None: nobody is named to take them, nothing is sent."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        validation: ValidationService,
        events: DocumentEvents,
        receiver: ParticipantId | None,
        rules: IdentificationRules,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._validation = validation
        self._events = events
        self._receiver = receiver
        self.rules = rules
        self._now = now

    @property
    def receiver(self) -> ParticipantId | None:
        """Who gets the reports; None where nobody is named."""
        return self._receiver

    async def send(
        self, seat_id: str, period: Period, kind: ReportKind, *, caller: Principal | None = None
    ) -> StatisticsReport:
        """Report a month as it is now; a report of it that was sent before is replaced.

        ``caller`` None is the timetable. A report that breaks the rules is kept as refused and
        not sent. Raises GatewayError STATISTICS-SEAT, STATISTICS-PERIOD-OPEN,
        STATISTICS-RECEIVER, STATISTICS-SENDER, STATISTICS-UNDER-WAY, STATISTICS-REFUSED, or what
        checking raises.
        """
        at = self._now()
        if at < period.end:
            raise GatewayError(
                PERIOD_OPEN, f"{period} ends on {period.last_day} 24:00 UTC. Report it after that."
            )
        draft = await self._draft(seat_id, period, kind)
        async with self._database.write() as session:
            row = await self._save(session, draft, at=at)
            if caller is not None:
                audit(
                    session,
                    caller,
                    action=f"statistics.{row.state.value}",
                    object=f"{seat_id} {kind.value} {period}",
                    edition=row.edition,
                )
        if row.state is ReportState.REFUSED:
            flaws = draft.judged.judgement.flaws
            raise GatewayError(
                REFUSED,
                f"The report breaks {len(flaws)} rule(s), the first being {flaws[0].rule}: "
                f"{flaws[0].message} It was not sent; correct what its rows lack.",
                report=str(row.id),
            )
        return row

    async def _draft(self, seat_id: str, period: Period, kind: ReportKind) -> _Draft:
        receiver = self._receiver
        if receiver is None:
            raise GatewayError(
                RECEIVER_MISSING,
                "Outside production no statistics are collected. Name a test receiver in the "
                "setting statistics.receiver to send one.",
            )
        async with self._database.read() as session:
            await require_duty(session, seat_id)
            operator = await operator_tenant(session)
            spid = spid_of_seat(seat_id)
            sender = await own_participant(session, operator.id, spid) if operator else None
            if sender is None:
                raise GatewayError(
                    SENDER_MISSING,
                    f"{spid.value}, the service provider behind {seat_id}, is no participant of "
                    "the operator's account. Restart the gateway to register it.",
                )
            figures = await figures_of(session, seat_id, period, kind, self.rules)
        content = write_report(figures)
        judged = await judge(self._validation, sender.tenant_id, kind, content)
        stored = await self._archive.keep(
            content, purpose="document", media_type="application/xml", tenant_id=sender.tenant_id
        )
        return _Draft(sender, receiver, figures, stored, judged)

    async def _save(
        self, session: AsyncSession, draft: _Draft, *, at: datetime
    ) -> StatisticsReport:
        figures, judgement = draft.figures, draft.judged.judgement
        # The duty's row is the lock: two reports of one month never get the same edition.
        await require_duty(session, figures.seat_id, lock=True)
        earlier = await queries.reports_of(
            session, figures.seat_id, period=figures.period, kind=figures.kind, limit=1
        )
        if earlier and await _is_under_way(session, earlier[0]):
            raise GatewayError(
                UNDER_WAY,
                "The last report of this month is still on its way. Wait until it is delivered or "
                "given up, or cancel its document.",
                document=str(earlier[0].document_id),
            )
        row = StatisticsReport(
            tenant_id=draft.sender.tenant_id,
            seat_id=figures.seat_id,
            kind=figures.kind,
            period=str(figures.period),
            edition=earlier[0].edition + 1 if earlier else 1,
            state=ReportState.ON_ITS_WAY if judgement.valid else ReportState.REFUSED,
            content_id=draft.content.id,
            receiver=str(draft.receiver),
            figures=figures.to_json(),
            judgement=judgement.to_json(),
            created_at=at,
        )
        session.add(draft.content)
        if draft.judged.run is not None:
            session.add(draft.judged.run)
        await session.flush()
        if judgement.valid:
            row.document_id = await self._set_out(session, draft, row.edition, at=at)
        session.add(row)
        return row

    async def _set_out(
        self, session: AsyncSession, draft: _Draft, edition: int, *, at: datetime
    ) -> UUID:
        figures, run = draft.figures, draft.judged.run
        name = f"{figures.kind.upper()} {figures.period} {figures.seat_id}"
        document = outgoing_document(
            tenant_id=draft.sender.tenant_id,
            kind=DocumentKind.STATISTICS,
            number=name if edition == 1 else f"{name} ({edition})",
            sender=ParticipantId(draft.sender.scheme, draft.sender.value),
            sender_name=draft.sender.name,
            receiver=draft.receiver,
            receiver_name="",
            document_type=FORMATS[figures.kind].document_type,
            process=PROCESS_REPORTING,
            related_id=None,
            content=draft.content,
            at=at,
        )
        document.validation_id = run.id if run else None
        session.add(document)
        await session.flush()
        rules = [{"id": one} for one in draft.judged.judgement.rulesets]
        timeline.accepted(
            session, document, {"counts": {"fatal": 0, "warning": 0}, "rulesets": rules}
        )
        await self._events.entered(session, document, at=at)
        await enqueue_lookup(session, self._queue, document)
        return document.id

    async def settle(self) -> int:
        """Note what became of the reports on their way; returns how many were settled."""
        async with self._database.read() as session:
            if not await _arrived(session):
                return 0
        async with self._database.write() as session:
            ended = await _arrived(session)
            for row, document in ended:
                row.state = advance(REPORT, row.state, _ENDS[document.transport])
                row.failure = document.failure_text
                row.settled_at = document.updated_at
                session.add(row)
        return len(ended)


async def _is_under_way(session: AsyncSession, report: StatisticsReport) -> bool:
    """Whether a report may still arrive: it was not settled, or its document was sent again."""
    if report.state is not ReportState.FAILED or report.document_id is None:
        return report.state is ReportState.ON_ITS_WAY
    document = await session.get_one(Document, report.document_id)
    return document.transport not in _ENDS


async def _arrived(session: AsyncSession) -> list[tuple[StatisticsReport, Document]]:
    """Reports on their way whose document has come to an end, and late arrivals."""
    found = await session.exec(
        select(StatisticsReport, Document)
        .join(Document, col(Document.id) == col(StatisticsReport.document_id))
        .where(
            or_(
                and_(
                    col(StatisticsReport.state) == ReportState.ON_ITS_WAY,
                    col(Document.transport).in_(list(_ENDS)),
                ),
                and_(
                    col(StatisticsReport.state) == ReportState.FAILED,
                    col(Document.transport) == TransportState.DELIVERED,
                ),
            )
        )
    )
    return list(found)
