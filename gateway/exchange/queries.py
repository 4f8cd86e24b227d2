"""Reading the exchange's rows: lists, one document with everything about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.exchange.states import TransportState
from gateway.exchange.tables import (
    Attempt,
    Direction,
    Document,
    DocumentKind,
    Event,
    Reception,
    StoredBlob,
    Transmission,
)

__all__ = [
    "Dossier",
    "Filters",
    "attempts_of",
    "document_of",
    "dossier",
    "list_documents",
    "named_invoices",
    "receptions_of",
    "stored_blob",
    "timeline_of",
    "transmissions_of",
]


MAX_NAMED: Final = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """How a list of documents is narrowed: free text, transport state, kinds."""

    text: str = ""
    state: TransportState | None = None
    kinds: tuple[DocumentKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Dossier:
    """One document with its messages, attempts, receptions, timeline, answers and reminders."""

    document: Document
    transmissions: Sequence[Transmission]
    attempts: Sequence[Attempt]
    receptions: Sequence[Reception]
    events: Sequence[Event]
    answers: Sequence[Document]


async def document_of(session: AsyncSession, tenant_id: UUID, document_id: UUID) -> Document:
    """One document of the tenant; raises GatewayError NOT-FOUND for anybody else's."""
    document = await session.get(Document, document_id)
    if document is None or document.tenant_id != tenant_id:
        raise GatewayError(NOT_FOUND, "No document of this account has that id.")
    return document


async def list_documents(
    session: AsyncSession,
    tenant_id: UUID,
    *,
    direction: Direction | None = None,
    filters: Filters | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[Document]:
    """The tenant's documents, newest first, those created before ``before``."""
    filters = filters or Filters()
    query = select(Document).where(Document.tenant_id == tenant_id)
    if direction is not None:
        query = query.where(Document.direction == direction)
    if filters.kinds:
        query = query.where(col(Document.kind).in_(filters.kinds))
    if filters.state is not None:
        query = query.where(Document.transport == filters.state)
    if filters.text:
        like = f"%{_escaped(filters.text)}%"
        columns = (
            Document.number,
            Document.receiver_name,
            Document.sender_name,
            Document.receiver,
            Document.sender,
        )
        query = query.where(or_(*(col(one).ilike(like, escape="\\") for one in columns)))
    if before is not None:
        query = query.where(col(Document.id) < before)
    return list(await session.exec(query.order_by(col(Document.id).desc()).limit(limit)))


def _escaped(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text


async def timeline_of(session: AsyncSession, document_id: UUID) -> list[Event]:
    """The document's timeline in order of happening."""
    return list(
        await session.exec(
            select(Event).where(Event.document_id == document_id).order_by(col(Event.id))
        )
    )


async def transmissions_of(session: AsyncSession, document_id: UUID) -> list[Transmission]:
    """The AS4 messages made for a document, oldest first."""
    return list(
        await session.exec(
            select(Transmission)
            .where(Transmission.document_id == document_id)
            .order_by(col(Transmission.id))
        )
    )


async def attempts_of(
    session: AsyncSession, transmissions: Sequence[Transmission]
) -> list[Attempt]:
    """Every try to send one of these messages, oldest first."""
    return list(
        await session.exec(
            select(Attempt)
            .where(col(Attempt.transmission_id).in_([one.id for one in transmissions]))
            .order_by(col(Attempt.id))
        )
    )


async def receptions_of(session: AsyncSession, document_id: UUID) -> list[Reception]:
    """The AS4 messages a document arrived in, oldest first."""
    return list(
        await session.exec(
            select(Reception)
            .where(Reception.document_id == document_id)
            .order_by(col(Reception.id))
        )
    )


async def dossier(session: AsyncSession, tenant_id: UUID, document_id: UUID) -> Dossier:
    """Everything about one document of the tenant; raises GatewayError NOT-FOUND."""
    document = await document_of(session, tenant_id, document_id)
    transmissions = await transmissions_of(session, document_id)
    answers = await session.exec(
        select(Document).where(Document.related_id == document_id).order_by(col(Document.id))
    )
    return Dossier(
        document=document,
        transmissions=transmissions,
        attempts=await attempts_of(session, transmissions),
        receptions=await receptions_of(session, document_id),
        events=await timeline_of(session, document_id),
        answers=list(answers),
    )


async def named_invoices(
    session: AsyncSession, reminder: Document, numbers: Sequence[str], *, lock: bool = False
) -> list[Document]:
    """The tenant's newest invoice of each number between the parties of a reminder.

    In the order they came; of the numbers at most the first 500 are looked for. ``lock`` keeps
    the rows for the caller's transaction.
    """
    query = (
        select(Document)
        .where(
            Document.tenant_id == reminder.tenant_id,
            Document.direction == reminder.direction,
            Document.kind == DocumentKind.INVOICE,
            col(Document.number).in_(numbers[:MAX_NAMED]),
            Document.sender == reminder.sender,
            Document.receiver == reminder.receiver,
        )
        .order_by(col(Document.id))
    )
    found = await session.exec(query.with_for_update() if lock else query)
    newest = {one.number: one for one in found}
    return sorted(newest.values(), key=lambda one: one.id)


async def stored_blob(session: AsyncSession, tenant_id: UUID, blob_id: UUID) -> StoredBlob:
    """A blob's row, if it is the tenant's; raises GatewayError NOT-FOUND."""
    stored = await session.get(StoredBlob, blob_id)
    if stored is None or stored.tenant_id != tenant_id:
        raise GatewayError(NOT_FOUND, "No stored bytes of this account have that id.")
    return stored
