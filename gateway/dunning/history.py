"""What an invoice's payment history says about its reminders."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.dunning.facts import lines_of
from gateway.dunning.tables import Reminder, ReminderLine
from gateway.exchange import timeline
from gateway.exchange.tables import Document, EventGroup
from gateway.receivables.tables import ItemRow

__all__ = ["tell_cancelled", "tell_sent"]


async def tell_sent(session: AsyncSession, row: Reminder, *, at: datetime) -> None:
    """Every invoice it asks for was reminded of."""

    def facts(line: ReminderLine) -> Mapping[str, Any]:
        return {
            "reminder_id": str(row.id),
            "number": row.number or "",
            "level": row.kind.value,
            "channel": row.channel.value if row.channel else "",
            "amount_minor": line.amount_minor,
            "currency": row.currency,
            "deadline": row.deadline.isoformat() if row.deadline else None,
        }

    for line, document in await _invoices(session, row):
        timeline.record(
            session,
            document,
            EventGroup.PAYMENT,
            "reminder.sent",
            at=at,
            facts=facts(line),
            evidence_id=row.ubl_id or row.letter_id,
        )


async def tell_cancelled(session: AsyncSession, row: Reminder, *, at: datetime) -> None:
    """The reminder that was as good as sent was called off before it left."""
    for _, document in await _invoices(session, row):
        timeline.record(
            session,
            document,
            EventGroup.PAYMENT,
            "reminder.cancelled",
            at=at,
            facts={
                "reminder_id": str(row.id),
                "number": row.number or "",
                "reason": row.reason or "",
            },
        )


async def _invoices(session: AsyncSession, row: Reminder) -> list[tuple[ReminderLine, Document]]:
    """The lines that ask for an invoice which is a document here."""
    found: list[tuple[ReminderLine, Document]] = []
    for line in (await lines_of(session, [row.id]))[row.id]:
        item = await session.get_one(ItemRow, line.item_id)
        if line.is_claim and item.document_id is not None:
            found.append((line, await session.get_one(Document, item.document_id)))
    return found
