"""Money that came under one of our end-to-end ids: the payment is under way no longer."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.payments.initiations import advance
from gateway.payments.ports import ProviderReport
from gateway.payments.states import InitiationEvent
from gateway.payments.tables import Initiation
from gateway.receivables.holds import lift_holds_of

__all__ = ["Arrivals"]

_THERE: Final = ProviderReport(InitiationEvent.SETTLED)


class Arrivals:
    """Port ``PaymentArrived`` of the receivables.

    What the money did not cover is asked for again: the holds of its payment end.
    """

    def __init__(self, *, today: Callable[[], date]) -> None:
        self._today = today

    async def arrived(
        self, session: AsyncSession, tenant_id: UUID, end_to_end_id: str, at: datetime
    ) -> None:
        """End what waited for this money; an id that is not ours changes nothing."""
        found = await session.exec(
            select(Initiation).where(
                Initiation.tenant_id == tenant_id, Initiation.end_to_end_id == end_to_end_id
            )
        )
        initiation = found.first()
        if initiation is None:
            return
        today = self._today()
        await advance(
            session, initiation, _THERE, today=today, wait=timedelta(0), at=at, learnt="bank"
        )
        await lift_holds_of(session, tenant_id, str(initiation.id), on=today, at=at)
