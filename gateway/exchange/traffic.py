"""Traffic: every exchange with a positive receipt, recorded once, in the transaction that made it.

Statistics reports are sums over these rows and over nothing else. A presumed delivery (the peer
calls the message a duplicate, its receipt is missing) is no row: only a verified receipt counts.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ScalarSelect
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.as4.sbdheader import Sbdh
from gateway.core.jobs.dialect import insert_once
from gateway.exchange.statistics.counting import counting_of
from gateway.exchange.statistics.tables import Traffic
from gateway.exchange.tables import Direction, Document, Reception, Transmission
from gateway.network.tables import Participant

__all__ = ["TRANSPORT_PROFILE", "record_received", "record_sent"]

TRANSPORT_PROFILE: Final = "peppol-transport-as4-v2_0"
"""The one transport profile this access point speaks (Peppol AS4 profile 2.0.3)."""


async def record_sent(
    session: AsyncSession, document: Document, transmission: Transmission, *, at: datetime
) -> None:
    """Count a sent message whose receipt was verified at ``at``; a second call changes nothing."""
    await _record(
        session,
        Traffic(
            id=transmission.id,
            tenant_id=document.tenant_id,
            document_id=document.id,
            direction=Direction.OUT,
            exchanged_at=at,
            recorded_at=at,
            own_seat=transmission.own_seat,
            c2_seat=transmission.own_seat,
            c3_seat=transmission.peer_seat,
            **_subject(
                DocumentTypeId.parse(document.document_type), ProcessId.parse(document.process)
            ),
            transport_profile=TRANSPORT_PROFILE,
            participant=document.sender,
            counting=counting_of(DocumentTypeId.parse(document.document_type)),
        ),
        c1_country=_country_of(ParticipantId.parse(document.sender)),
    )


async def record_received(
    session: AsyncSession, reception: Reception, header: Sbdh, *, at: datetime
) -> None:
    """Count a message that is acknowledged with this commit; a second call changes nothing.

    C4's country is the one its participant has in our own table at this moment.
    """
    await _record(
        session,
        Traffic(
            id=reception.id,
            tenant_id=reception.tenant_id,
            direction=Direction.IN,
            exchanged_at=at,
            recorded_at=at,
            own_seat=reception.own_seat,
            c2_seat=reception.signer_seat,
            c3_seat=reception.own_seat,
            **_subject(header.document_type, header.process),
            transport_profile=TRANSPORT_PROFILE,
            c1_country=header.country_c1 or None,
            participant=str(header.receiver),
            counting=counting_of(header.document_type),
        ),
        c4_country=_country_of(header.receiver),
    )


def _subject(document_type: DocumentTypeId, process: ProcessId) -> dict[str, Any]:
    return {
        "document_type_scheme": document_type.scheme,
        "document_type": document_type.value,
        "process_scheme": process.scheme,
        "process": process.value,
    }


def _country_of(participant: ParticipantId) -> ScalarSelect[str]:
    """The country a participant of ours has when the row is written; null for anybody else."""
    return (
        select(Participant.country)
        .where(Participant.scheme == participant.scheme, Participant.value == participant.value)
        .scalar_subquery()
    )


async def _record(session: AsyncSession, row: Traffic, **country: ScalarSelect[str]) -> None:
    await insert_once(session, Traffic, **row.model_dump() | country)
