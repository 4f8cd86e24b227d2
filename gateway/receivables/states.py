"""What a person sees of an open item: one status, a pure function of its figures and a date."""

from datetime import date
from enum import StrEnum

from reminders.ledger import ItemState

__all__ = ["ItemStatus", "item_status"]


class ItemStatus(StrEnum):
    """Where an open item stands, the news that matters most first."""

    CLOSED = "closed"
    DISPUTED = "disputed"
    ANNOUNCED = "announced"
    OVERDUE = "overdue"
    PARTLY_PAID = "partly-paid"
    OPEN = "open"
    CREDIT = "credit"


def item_status(state: ItemState) -> ItemStatus:
    """The status at the end of the state's date."""
    if state.open == 0:
        return ItemStatus.CLOSED
    if state.open < 0:
        return ItemStatus.CREDIT
    if state.disputed:
        return ItemStatus.DISPUTED
    if state.announced:
        return ItemStatus.ANNOUNCED
    if _is_overdue(state.due_date, state.on):
        return ItemStatus.OVERDUE
    return ItemStatus.PARTLY_PAID if state.open < state.original else ItemStatus.OPEN


def _is_overdue(due: date | None, on: date) -> bool:
    return due is not None and due < on
