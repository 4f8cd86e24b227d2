"""How an account answers as C3, and what follows for one received document.

``decide`` is pure; the rest reads and writes the account's one row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.access.turns import take_turn
from gateway.core.errors import ErrorKind, GatewayError
from gateway.exchange.answer_tables import AnswerPolicy, Confirm, InvalidPolicy, MlsAsked
from gateway.exchange.mls import REJECTING, Statement, delivered, delivered_in_spite, rejected
from gateway.exchange.tables import DocumentKind

__all__ = [
    "ANSWER_POLICY_INVALID",
    "DEFAULTS",
    "TIMER_MINUTES",
    "UNANSWERED_KINDS",
    "Decision",
    "Policy",
    "decide",
    "policy_of",
    "save_policy",
]

ANSWER_POLICY_INVALID: Final = ErrorKind(
    "ANSWER-POLICY-INVALID", "The answer policy cannot be kept", 422
)
TIMER_MINUTES: Final = range(1, 20)
"""What the timer may be set to: AB must have left before MLS-1's 20 minutes are over."""
UNANSWERED_KINDS: Final = frozenset({DocumentKind.MLS, DocumentKind.MLR})
"""What is never answered by an MLS: answers of access points themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of one account; times in minutes after reception."""

    confirm: Confirm = Confirm.AT_INBOX
    invalid: InvalidPolicy = InvalidPolicy.REJECT
    timer_minutes: int = 18

    @property
    def timer(self) -> timedelta:
        """How long an outcome is waited for."""
        return timedelta(minutes=self.timer_minutes)


DEFAULTS: Final = Policy()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy makes of one arrival.

    ``rejected`` keeps it from the business; ``statement`` is what can be said at once, None when
    the outcome is awaited; ``send`` whether C2 asked to hear it.
    """

    rejected: bool
    statement: Statement | None
    send: bool


def decide(
    policy: Policy,
    report: Mapping[str, Any] | None,
    *,
    kind: DocumentKind,
    asked: MlsAsked,
) -> Decision:
    """Decide about a received document by its report; documents without one are delivered."""
    broken = report is not None and report["verdict"] in REJECTING
    refused = broken and policy.invalid is InvalidPolicy.REJECT
    if kind in UNANSWERED_KINDS:
        return Decision(rejected=refused, statement=None, send=False)
    if refused and report is not None:
        return Decision(rejected=True, statement=rejected(report), send=True)
    if policy.confirm is not Confirm.AT_INBOX:
        return Decision(rejected=False, statement=None, send=False)
    statement = delivered_in_spite(report) if broken and report is not None else delivered()
    return Decision(rejected=False, statement=statement, send=asked is MlsAsked.ALWAYS)


async def policy_of(session: AsyncSession, tenant_id: UUID) -> Policy:
    """The account's policy, the defaults where it set none."""
    row = await session.get(AnswerPolicy, tenant_id)
    if row is None:
        return DEFAULTS
    return Policy(confirm=row.confirm, invalid=row.invalid, timer_minutes=row.timer_minutes)


async def save_policy(
    session: AsyncSession, caller: Principal, policy: Policy, *, at: datetime
) -> None:
    """Keep a policy from now on; a timer that runs already keeps its time.

    Raises GatewayError ACCESS-SCOPE or ANSWER-POLICY-INVALID.
    """
    caller.require("settings:write")
    if policy.timer_minutes not in TIMER_MINUTES:
        raise GatewayError(
            ANSWER_POLICY_INVALID,
            f"The timer must be {TIMER_MINUTES.start} to {TIMER_MINUTES.stop - 1} minutes: the "
            "network expects the answer within 20.",
        )
    await take_turn(session, caller.tenant_id)
    await session.merge(
        AnswerPolicy(
            tenant_id=caller.tenant_id,
            confirm=policy.confirm,
            invalid=policy.invalid,
            timer_minutes=policy.timer_minutes,
            updated_at=at,
            updated_by=caller.actor[:340],
        )
    )
    audit(
        session,
        caller,
        action="answers.policy",
        object=str(caller.tenant_id),
        confirm=policy.confirm.value,
        invalid=policy.invalid.value,
        timer_minutes=policy.timer_minutes,
    )
