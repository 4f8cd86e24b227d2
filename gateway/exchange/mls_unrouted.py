"""The MLS about what was acknowledged but could not be routed: its sender waits for one too.

Nothing is known of the document but its header, so its outcome is left to whoever looks at it;
without one the timer says that it was forwarded (AB). Runs where the routing is given up.
"""

import asyncio
from typing import BinaryIO

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.errors import PeerAs4Error
from gateway.as4.identifiers import MESSAGE_LEVEL_RESPONSE, MESSAGE_LEVEL_STATUS, spid_of_seat
from gateway.as4.sbdh import MlsType, Sbdh, read_header
from gateway.exchange.answer_outcome import Outcomes
from gateway.exchange.answer_policy import policy_of
from gateway.exchange.answer_tables import MlsAsked, MlsRecord, MlsSide
from gateway.exchange.answer_tables import MlsState as State
from gateway.exchange.archive import Archive
from gateway.exchange.tables import Document, Reception

__all__ = ["owe_unrouted"]


async def owe_unrouted(
    session: AsyncSession, document: Document, *, archive: Archive, outcomes: Outcomes
) -> None:
    """Owe the MLS about a salvaged document; nothing where its header cannot be read either."""
    reception = (
        await session.exec(select(Reception).where(Reception.document_id == document.id))
    ).one()
    stored = await archive.row(session, reception.envelope_id)
    try:
        header = await asyncio.to_thread(_header, await archive.open(stored))
    except PeerAs4Error:
        return
    if header.document_type in (MESSAGE_LEVEL_STATUS, MESSAGE_LEVEL_RESPONSE):
        return
    always = header.mls_type is MlsType.ALWAYS_SEND
    address = header.mls_to or spid_of_seat(reception.signer_seat)
    policy = await policy_of(session, document.tenant_id)
    document.mls_to = str(address)
    record = MlsRecord(
        document_id=document.id,
        tenant_id=document.tenant_id,
        side=MlsSide.OWED,
        state=State.WAITING,
        asked=MlsAsked.ALWAYS if always else MlsAsked.FAILURES,
        peer_seat=reception.signer_seat,
        own_seat=reception.own_seat,
        address=str(address),
        began_at=reception.received_at,
        timer_at=reception.received_at + policy.timer,
    )
    session.add(record)
    await outcomes.enqueue(session, record, timer=True)


def _header(envelope: BinaryIO) -> Sbdh:
    with envelope:
        return read_header(envelope)
