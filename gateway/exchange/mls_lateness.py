"""The clock over every MLS: what is late is marked, told and alarmed, for both sides.

MLS-1: C3 answers within 20 minutes of the reception. MLS-2: C2 has the answer within 25 minutes
of sending (Peppol Network Policy, quoted in exchange facts 2.11). A job that comes every minute.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.alarms import Alarm, AlarmKind, Severity, clear_alarm, raise_alarm
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.jobs.registry import JobContext
from gateway.exchange import timeline
from gateway.exchange.answer_tables import MlsAsked, MlsRecord, MlsSide
from gateway.exchange.answer_tables import MlsState as State
from gateway.exchange.mls_fallback import MLS_UNDELIVERABLE
from gateway.exchange.mls_sla import TARGETS
from gateway.exchange.tables import Document, EventGroup

__all__ = ["MLS_LATE", "MLS_OWED_LATE", "WATCH", "MlsLateness"]

WATCH: Final = "exchange.mls-watch"
"""The job's kind; it comes every minute."""

MLS_LATE: Final = AlarmKind(
    "MLS-LATE",
    Severity.WARNING,
    "An access point owes us the MLS about delivered documents",
    "Ask its provider, naming the SBDH identifiers; the documents themselves were delivered.",
)
MLS_OWED_LATE: Final = AlarmKind(
    "MLS-OWED-LATE",
    Severity.CRITICAL,
    "We are late with the MLS about received documents",
    "See whether the workers run and whether the access point of the sender can be reached.",
)

_OPEN: Final = {
    MlsSide.AWAITED: (State.AWAITED,),
    MlsSide.OWED: (State.WAITING, State.QUEUED),
}
_KINDS: Final = {MlsSide.AWAITED: MLS_LATE, MlsSide.OWED: MLS_OWED_LATE}
_ALARMED: Final = timedelta(days=1)
"""How long something late keeps its alarm up: after a day nobody waits for it any more."""
_AT_ONCE: Final = 500


class MlsLateness:
    """Marks late MLS and keeps the alarms about them true."""

    def __init__(self, *, database: Database, now: MachineClock) -> None:
        self._database = database
        self._now = now

    async def __call__(self, _job: JobContext) -> None:
        """Look once at everything that is open."""
        at = self._now()
        for side in MlsSide:
            while await self._mark(side, at) == _AT_ONCE:
                pass
        async with self._database.write() as session:
            for side in MlsSide:
                await _alarm(session, side, at=at)
            await _clear_reached(session, at=at)

    async def _mark(self, side: MlsSide, at: datetime) -> int:
        """Mark what became late; returns how many."""
        async with self._database.write() as session:
            found = await session.exec(
                select(MlsRecord)
                .where(
                    col(MlsRecord.state).in_(_OPEN[side]),
                    col(MlsRecord.began_at) < at - TARGETS[side],
                    col(MlsRecord.late_at).is_(None),
                    # Who asks for failures only does not wait for a document's success.
                    (col(MlsRecord.asked) == MlsAsked.ALWAYS)
                    | (col(MlsRecord.state) == State.QUEUED),
                )
                .limit(_AT_ONCE)
                .with_for_update(skip_locked=True)
            )
            records = found.all()
            for record in records:
                record.late_at = at
                document = await session.get_one(Document, record.document_id)
                timeline.record(
                    session,
                    document,
                    EventGroup.NETWORK,
                    "answer.late",
                    at=at,
                    facts={"side": side.value, "seat": record.peer_seat},
                )
        return len(records)


async def _alarm(session: AsyncSession, side: MlsSide, *, at: datetime) -> None:
    """One alarm per peer with something late and open, none for the others."""
    kind = _KINDS[side]
    found = await session.exec(
        select(MlsRecord.peer_seat, func.count(), func.min(MlsRecord.began_at))
        .where(
            col(MlsRecord.state).in_(_OPEN[side]),
            col(MlsRecord.late_at).is_not(None),
            col(MlsRecord.began_at) > at - _ALARMED,
        )
        .group_by(MlsRecord.peer_seat)
    )
    late = {peer: (count, oldest) for peer, count, oldest in found}
    for peer, (count, oldest) in sorted(late.items()):
        await raise_alarm(
            session,
            kind,
            peer,
            at=at,
            facts={"documents": count, "since": oldest.isoformat(), "seat": peer},
        )
    for alarm in await _open_alarms(session, kind):
        if alarm.subject not in late:
            await clear_alarm(session, kind, alarm.subject, at=at)


async def _clear_reached(session: AsyncSession, *, at: datetime) -> None:
    """An address that took an MLS after its alarm is reachable again."""
    for alarm in await _open_alarms(session, MLS_UNDELIVERABLE):
        found = await session.exec(
            select(MlsRecord.document_id)
            .where(
                MlsRecord.state == State.SENT,
                col(MlsRecord.address).endswith(f"::{alarm.subject}"),
                col(MlsRecord.answered_at) > alarm.last_seen_at,
            )
            .limit(1)
        )
        if found.first() is not None:
            await clear_alarm(session, MLS_UNDELIVERABLE, alarm.subject, at=at)


async def _open_alarms(session: AsyncSession, kind: AlarmKind) -> list[Alarm]:
    found = await session.exec(
        select(Alarm).where(Alarm.code == kind.code, col(Alarm.cleared_at).is_(None))
    )
    return list(found)
