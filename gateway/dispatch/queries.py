"""Reading dispatches: of one document, and of an account by what is to be done about them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.dispatch.states import DispatchState
from gateway.dispatch.tables import Dispatch
from gateway.exchange.tables import Document

__all__ = [
    "Listed",
    "count_by_state",
    "dispatch_of",
    "dispatches_of",
    "list_dispatches",
    "was_sent",
]

_TAKEN: Final = (DispatchState.SENT, DispatchState.OPENED)


@dataclass(frozen=True, slots=True)
class Listed:
    """A dispatch with the document it carries."""

    dispatch: Dispatch
    document: Document


async def dispatches_of(session: AsyncSession, document_id: UUID) -> Sequence[Dispatch]:
    """Every dispatch of a document, the newest first."""
    found = await session.exec(
        select(Dispatch)
        .where(Dispatch.document_id == document_id)
        .order_by(col(Dispatch.number).desc())
    )
    return found.all()


async def dispatch_of(
    session: AsyncSession, tenant_id: UUID, document_id: UUID, dispatch_id: UUID
) -> Dispatch:
    """One dispatch of a document of the account; raises GatewayError NOT-FOUND."""
    row = await session.get(Dispatch, dispatch_id)
    if row is None or row.tenant_id != tenant_id or row.document_id != document_id:
        raise GatewayError(NOT_FOUND, "No dispatch of this document has that id.")
    return row


async def was_sent(session: AsyncSession, row: Dispatch) -> bool:
    """Whether a mail server took an earlier e-mail with the document, which did not come back."""
    found = await session.exec(
        select(Dispatch.id)
        .where(
            Dispatch.document_id == row.document_id,
            col(Dispatch.number) < row.number,
            col(Dispatch.sent_at).is_not(None),
            col(Dispatch.state).in_(_TAKEN),
        )
        .limit(1)
    )
    return found.first() is not None


async def list_dispatches(
    session: AsyncSession,
    tenant_id: UUID,
    *,
    states: Collection[DispatchState] = (),
    latest: bool = False,
    before: UUID | None = None,
    limit: int = 50,
) -> list[Listed]:
    """Dispatches of an account, newest first; ``latest`` leaves out those sent again since."""
    query = (
        select(Dispatch, Document)
        .join(Document, col(Document.id) == col(Dispatch.document_id))
        .where(Dispatch.tenant_id == tenant_id)
        .order_by(col(Dispatch.id).desc())
        .limit(limit)
    )
    if states:
        query = query.where(col(Dispatch.state).in_(list(states)))
    if latest:
        query = query.where(_is_newest())
    if before is not None:
        query = query.where(col(Dispatch.id) < before)
    return [Listed(*one) for one in (await session.exec(query)).all()]


async def count_by_state(session: AsyncSession, tenant_id: UUID) -> dict[DispatchState, int]:
    """How many documents stand in each state by their newest dispatch."""
    found = await session.exec(
        select(Dispatch.state, func.count())
        .where(Dispatch.tenant_id == tenant_id, _is_newest())
        .group_by(col(Dispatch.state))
    )
    return {DispatchState(state): count for state, count in found}


def _is_newest() -> ColumnElement[bool]:
    later = aliased(Dispatch)
    return ~(
        select(later.id)
        .where(
            later.document_id == col(Dispatch.document_id),
            col(later.number) > col(Dispatch.number),
        )
        .exists()
    )
