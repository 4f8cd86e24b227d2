"""What happens to a document's MLS from outside: deliveries, failures, arrivals, lateness.

Runs in the transaction that makes each of them true.
"""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.jobs.dialect import insert_once
from gateway.exchange.answer_tables import MLS_TABLE, MlsAsked, MlsEvent, MlsRecord, MlsSide
from gateway.exchange.answer_tables import MlsState as State
from gateway.exchange.mls import Statement
from gateway.exchange.mls_queries import owed_by
from gateway.exchange.states import NetworkState, advance
from gateway.exchange.tables import Document, DocumentKind, Transmission

__all__ = ["name_answer", "record_answer", "record_delivery"]


async def record_delivery(
    session: AsyncSession, document: Document, transmission: Transmission, *, at: datetime
) -> None:
    """A document has its receipt: await the MLS it asked for, or note that ours has arrived.

    Called once per delivered document. The MLS may have come before the receipt was read.
    """
    if document.kind is DocumentKind.MLS:
        await _sent(session, document, at=at)
        return
    asked = transmission.mls_asked
    if asked is None:
        return
    always = asked is MlsAsked.ALWAYS
    added = await insert_once(
        session,
        MlsRecord,
        document_id=document.id,
        tenant_id=document.tenant_id,
        side=MlsSide.AWAITED,
        state=State.AWAITED if always else State.QUIET,
        asked=asked,
        peer_seat=transmission.peer_seat,
        own_seat=transmission.own_seat,
        began_at=at,
        statement={},
    )
    if not added:
        record = await session.get_one(MlsRecord, document.id, with_for_update=True)
        record.began_at = min(record.began_at, at)
    elif always and document.network is NetworkState.NONE:
        document.network = NetworkState.AWAITED


async def record_answer(
    session: AsyncSession,
    document: Document,
    transmission: Transmission,
    statement: Statement,
    *,
    at: datetime,
) -> None:
    """The first MLS about a sent document came in from the provider it was delivered to."""
    record = await session.get(MlsRecord, document.id, with_for_update=True)
    if record is None:
        # It overtook its document's receipt, which will find this record.
        record = MlsRecord(
            document_id=document.id,
            tenant_id=document.tenant_id,
            side=MlsSide.AWAITED,
            state=State.AWAITED,
            asked=transmission.mls_asked or MlsAsked.FAILURES,
            peer_seat=transmission.peer_seat,
            own_seat=transmission.own_seat,
            began_at=at,
        )
        session.add(record)
    if (record.state, MlsEvent.RECEIVED) not in MLS_TABLE:
        return
    record.state = advance(MLS_TABLE, record.state, MlsEvent.RECEIVED)
    record.code, record.statement = statement.code.value, statement.to_json()
    _answered(record, at=at)


async def name_answer(session: AsyncSession, mls: Document) -> None:
    """Name the MLS whose word counted, once its row is written."""
    record = await session.get(MlsRecord, mls.related_id)
    if record is not None and record.state is State.ANSWERED and record.mls_id is None:
        record.mls_id = mls.id


async def _sent(session: AsyncSession, mls: Document, *, at: datetime) -> None:
    record = await owed_by(session, mls)
    if record is None:
        return
    record.state = advance(MLS_TABLE, record.state, MlsEvent.DELIVERED)
    _answered(record, at=at)


def _answered(record: MlsRecord, *, at: datetime) -> None:
    record.answered_at = at
    record.took_s = max(int((at - record.began_at).total_seconds()), 0)
