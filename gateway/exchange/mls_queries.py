"""Reading the records of MLS owed and awaited."""

from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exchange.answer_tables import MlsRecord
from gateway.exchange.tables import Document

__all__ = ["owed_by", "record_of"]


async def record_of(
    session: AsyncSession, tenant_id: UUID, document_id: UUID, *, lock: bool = False
) -> MlsRecord | None:
    """The account's record about one document; ``lock`` keeps it for the caller's transaction."""
    record = await session.get(MlsRecord, document_id, with_for_update=lock or None)
    return record if record is not None and record.tenant_id == tenant_id else None


async def owed_by(session: AsyncSession, mls: Document) -> MlsRecord | None:
    """The record that an MLS on its way answers, locked; None for a superseded MLS."""
    found = await session.exec(
        select(MlsRecord).where(MlsRecord.mls_id == mls.id).with_for_update()
    )
    return found.first()
