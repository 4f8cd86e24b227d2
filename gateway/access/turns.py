"""One after another: whoever changes the settings of an account at the same moment."""

from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.tables import Tenant

__all__ = ["take_turn"]


async def take_turn(session: AsyncSession, tenant_id: UUID) -> None:
    """Hold the account's row until the write transaction ends.

    A row that is made by the first change would otherwise be made twice by two who are equally
    fast. Rows that refer to the account may be added meanwhile.
    """
    await session.exec(
        select(Tenant.id).where(Tenant.id == tenant_id).with_for_update(key_share=True)
    )
