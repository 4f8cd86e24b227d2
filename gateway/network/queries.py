"""Questions about our participants. The public ones, which the whole network may ask, say so."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ParticipantId
from gateway.network.tables import (
    Capability,
    Participant,
    ParticipantMove,
    PublishedRedirect,
    Seat,
    SmlRegistration,
)

__all__ = [
    "capabilities",
    "moves",
    "own_participant",
    "participants",
    "redirects",
    "registered_participant",
    "registration",
    "seat",
    "seats",
    "served_participant",
]


async def own_participant(
    session: AsyncSession, tenant_id: UUID, participant: ParticipantId
) -> Participant | None:
    """The tenant's participant with this identifier, served or not."""
    found = await registered_participant(session, participant)
    return found if found is not None and found.tenant_id == tenant_id else None


async def registered_participant(
    session: AsyncSession, participant: ParticipantId
) -> Participant | None:
    """The participant with this identifier, whoever's it is and served or not."""
    found = await session.exec(
        select(Participant).where(
            Participant.scheme == participant.scheme, Participant.value == participant.value
        )
    )
    return found.first()


async def served_participant(
    session: AsyncSession, participant: ParticipantId, *, at: datetime
) -> Participant | None:
    """The participant served at that moment (public: C3's receiver check, the SMP's content)."""
    found = await registered_participant(session, participant)
    return found if found is not None and found.is_served(at) else None


async def participants(
    session: AsyncSession, tenant_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[Participant]:
    """A page of the tenant's participants in order of registration, after the given one."""
    query = select(Participant).where(Participant.tenant_id == tenant_id)
    if after is not None:
        query = query.where(col(Participant.id) > after)
    found = await session.exec(query.order_by(col(Participant.id)).limit(limit))
    return found.all()


async def capabilities(
    session: AsyncSession, participant: Participant, document_type: DocumentTypeId | None = None
) -> Sequence[Capability]:
    """What a participant accepts: all of it, or one document type (public: the SMP's content)."""
    query = select(Capability).where(Capability.participant_id == participant.id)
    if document_type is not None:
        query = query.where(Capability.document_type == str(document_type))
    found = await session.exec(query.order_by(Capability.document_type, Capability.process))
    return found.all()


async def redirects(
    session: AsyncSession, participant: Participant, document_type: DocumentTypeId | None = None
) -> Sequence[PublishedRedirect]:
    """What another SMP answers for a participant: all of it, or one document type (public)."""
    query = select(PublishedRedirect).where(PublishedRedirect.participant_id == participant.id)
    if document_type is not None:
        query = query.where(PublishedRedirect.document_type == str(document_type))
    found = await session.exec(query.order_by(PublishedRedirect.document_type))
    return found.all()


async def registration(session: AsyncSession, participant: ParticipantId) -> SmlRegistration | None:
    """Where the participant's entry in the SML stands; None when there never was one."""
    found = await session.exec(
        select(SmlRegistration).where(
            SmlRegistration.scheme == participant.scheme,
            SmlRegistration.value == participant.value,
        )
    )
    return found.first()


async def moves(
    session: AsyncSession, tenant_id: UUID, participant: ParticipantId
) -> Sequence[ParticipantMove]:
    """The tenant's moves of a participant between SMPs, newest first."""
    found = await session.exec(
        select(ParticipantMove)
        .where(
            ParticipantMove.tenant_id == tenant_id,
            ParticipantMove.scheme == participant.scheme,
            ParticipantMove.value == participant.value,
        )
        .order_by(col(ParticipantMove.id).desc())
    )
    return found.all()


async def seats(session: AsyncSession) -> Sequence[Seat]:
    """Every seat of this instance, sorted by seat id (seats belong to no tenant)."""
    found = await session.exec(select(Seat).order_by(Seat.seat_id))
    return found.all()


async def seat(session: AsyncSession, seat_id: str) -> Seat | None:
    """The seat with this common name."""
    found = await session.exec(select(Seat).where(Seat.seat_id == seat_id))
    return found.first()
