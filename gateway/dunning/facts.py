"""What is known of a customer at one moment, as the planner wants it, and steps as it made them.

Reads only. Whoever decides by it locks the customer first (``lock_customer``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import ErrorKind, GatewayError
from gateway.dunning.policies import rulebook
from gateway.dunning.states import TAKEN
from gateway.dunning.tables import Reminder, ReminderLine
from gateway.receivables.holds import holds_of
from gateway.receivables.ledger import items_of_customer
from gateway.receivables.tables import ItemRow
from reminders.account import Account, Rulebook, StepKey, StepTaken
from reminders.plan import Action, Cancelled, Line, still_due
from reminders.policy import Anchor, Level
from reminders.step import Because, Why

__all__ = [
    "Standing",
    "action_of",
    "level_of",
    "lines_of",
    "only_closed",
    "reason_of",
    "standing_of",
]

LEVEL_UNKNOWN: Final = ErrorKind("REMINDER-LEVEL-UNKNOWN", "The reminder's level is gone", 500)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one customer stands on a business date, and by which rules."""

    on: date
    account: Account
    items: Mapping[UUID, ItemRow]
    rulebook: Rulebook

    def check(self, action: Action) -> Action | Cancelled:
        """Whether a planned step is still due, and with what (``still_due``)."""
        return still_due(action, self.account, rulebook=self.rulebook, on=self.on)


async def standing_of(
    session: AsyncSession,
    tenant_id: UUID,
    customer_id: UUID,
    on: date,
    *,
    but: UUID | None = None,
) -> Standing:
    """Read a customer's items, holds and steps taken; ``but`` is a reminder taken as not sent."""
    found = await items_of_customer(session, tenant_id, customer_id)
    taken = await session.exec(
        select(Reminder)
        .where(
            Reminder.tenant_id == tenant_id,
            Reminder.customer_id == customer_id,
            col(Reminder.state).in_(TAKEN),
        )
        .execution_options(populate_existing=True)
    )
    history = [one for one in taken if one.id != but]
    claims = await lines_of(session, [one.id for one in history])
    account = Account(
        customer=str(customer_id),
        items=tuple(item for _, item in found.values()),
        history=tuple(
            StepTaken(
                key=step_key(one),
                items=frozenset(str(line.item_id) for line in claims[one.id] if line.is_claim),
                on=one.business_date,
                deadline=one.deadline,
            )
            for one in history
        ),
        holds=await holds_of(session, tenant_id, customer_id),
    )
    return Standing(
        on=on,
        account=account,
        items={item_id: row for item_id, (row, _) in found.items()},
        rulebook=await rulebook(session, tenant_id, on),
    )


async def lines_of(
    session: AsyncSession, reminder_ids: Sequence[UUID]
) -> dict[UUID, list[ReminderLine]]:
    """The lines of reminders: claims by their due date, then credits."""
    lines: dict[UUID, list[ReminderLine]] = {one: [] for one in reminder_ids}
    found = await session.exec(
        select(ReminderLine)
        .where(col(ReminderLine.reminder_id).in_(reminder_ids))
        .execution_options(populate_existing=True)
    )
    for line in found:
        lines[line.reminder_id].append(line)
    for of_one in lines.values():
        of_one.sort(key=lambda one: (not one.is_claim, one.due_date or date.max, str(one.item_id)))
    return lines


def step_key(row: Reminder) -> StepKey:
    """What makes the step unique."""
    return StepKey(
        customer=str(row.customer_id),
        policy=row.policy,
        version=row.version,
        level=row.level,
        period=row.period,
        currency=row.currency,
        item=str(row.item_id or ""),
    )


def action_of(row: Reminder, lines: Sequence[ReminderLine], rules: Rulebook) -> Action:
    """The step as it was last planned or checked, for ``Standing.check``."""
    # Why it was due then is not kept; whether and why it still is, the check finds out.
    because = Because(Anchor.DUE_DATE, row.period, row.period)
    return Action(
        key=step_key(row),
        level=level_of(row, rules),
        on=row.business_date,
        deadline=row.deadline,
        lines=tuple(
            Line(
                item=str(line.item_id),
                number=line.number,
                kind=line.kind,
                amount=line.amount_minor,
                due_date=line.due_date,
                days_late=(row.business_date - line.due_date).days if line.due_date else 0,
                because=because if line.is_claim else None,
            )
            for line in lines
        ),
        total=row.total_minor,
    )


def level_of(row: Reminder, rules: Rulebook) -> Level:
    """The level of the policy version a step was planned by.

    Raises GatewayError REMINDER-LEVEL-UNKNOWN.
    """
    for policy in rules.versions:
        if (policy.id, policy.version) == (row.policy, row.version):
            for level in policy.levels:
                if level.id == row.level:
                    return level
    raise GatewayError(
        LEVEL_UNKNOWN,
        f"Version {row.version} of policy '{row.policy}' has no level '{row.level}' any more. "
        "Restore it: a version that was used is never changed.",
    )


def reason_of(cancelled: Cancelled) -> str:
    """Why a step is not due, in one word: what is said of its first claim."""
    return cancelled.because[0].why.value if cancelled.because else Why.SETTLED.value


def only_closed(cancelled: Cancelled) -> bool:
    """Whether nothing but the day of the week stands against a step."""
    return all(one.why is Why.NOT_A_BUSINESS_DAY for one in cancelled.because)
