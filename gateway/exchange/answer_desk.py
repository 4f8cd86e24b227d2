"""What people and programs do about answers: report outcomes, set the policy, read the levels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.exchange.answer_outcome import Outcome, Outcomes
from gateway.exchange.answer_policy import Policy, policy_of, save_policy
from gateway.exchange.answer_tables import MlsRecord, MlsSide
from gateway.exchange.mls_queries import record_of
from gateway.exchange.mls_sla import PeerLevel, ServiceLevel, measure
from gateway.exchange.mls_sla_queries import LateMls, bins_of, late_of, month_of
from gateway.exchange.queries import document_of
from gateway.exchange.tables import Document
from ubl.response import MlsIssue

__all__ = ["OUTCOME_SUBJECT", "AnswerDesk", "SideLevel"]

OUTCOME_SUBJECT: Final = ErrorKind(
    "OUTCOME-SUBJECT", "No outcome is asked about this document", 409
)
MLS_UNKNOWN: Final = ErrorKind("MLS-UNKNOWN", "No MLS is about this document", 404)

SHOWN_LATE: Final = 500


@dataclass(frozen=True, slots=True)
class SideLevel:
    """One service level of a month, whole and by access point, and what was late or missing."""

    side: MlsSide
    total: ServiceLevel
    peers: tuple[PeerLevel, ...]
    late: Sequence[LateMls]


class AnswerDesk:
    """The use cases of answers behind API and console."""

    def __init__(self, *, database: Database, outcomes: Outcomes, now: MachineClock) -> None:
        self._database = database
        self.outcomes = outcomes
        self._now = now

    async def policy(self, caller: Principal) -> Policy:
        """How the account answers; the defaults where it decided nothing."""
        async with self._database.read() as session:
            return await policy_of(session, caller.tenant_id)

    async def save_policy(self, caller: Principal, policy: Policy) -> None:
        """Let a policy hold from the next document on.

        Raises GatewayError ACCESS-SCOPE or ANSWER-POLICY-INVALID.
        """
        async with self._database.write() as session:
            await save_policy(session, caller, policy, at=self._now())

    async def record(self, caller: Principal, document_id: UUID) -> MlsRecord:
        """The MLS about one document. Raises GatewayError NOT-FOUND or MLS-UNKNOWN."""
        async with self._database.read() as session:
            await document_of(session, caller.tenant_id, document_id)
            record = await record_of(session, caller.tenant_id, document_id)
        if record is None:
            raise GatewayError(
                MLS_UNKNOWN, "Nobody owes or awaits a Message Level Status about this document."
            )
        return record

    async def report(
        self,
        caller: Principal,
        document_id: UUID,
        outcome: Outcome,
        reasons: Sequence[MlsIssue] = (),
        *,
        text: str | None = None,
    ) -> MlsRecord:
        """Report what the business made of a received document.

        Raises GatewayError NOT-FOUND, OUTCOME-SUBJECT or OUTCOME-INVALID.
        """
        caller.require("responses:send")
        async with self._database.write() as session:
            document = await _locked(session, caller, document_id)
            record = await record_of(session, caller.tenant_id, document_id)
            if record is None or record.side is not MlsSide.OWED:
                raise GatewayError(
                    OUTCOME_SUBJECT,
                    "Outcomes are reported about received documents that an MLS speaks about.",
                )
            await self.outcomes.report_outcome(
                session,
                document,
                outcome,
                reasons,
                at=self._now(),
                text=text,
                by=caller.actor,
                spoken=True,
            )
            audit(
                session,
                caller,
                action="outcome.reported",
                object=str(document_id),
                outcome=outcome.value,
            )
        return record

    async def service_level(
        self, caller: Principal, side: MlsSide, year: int, month: int, *, limit: int = SHOWN_LATE
    ) -> SideLevel:
        """One service level of a month (UTC) over all accounts, for the operator."""
        caller.require("operations:read")
        (begin, end), at = month_of(year, month), self._now()
        async with self._database.read() as session:
            bins = await bins_of(session, side, begin, end, at=at)
            late = await late_of(session, side, begin, end, at=at, limit=limit)
        total, peers = measure(side, bins)
        return SideLevel(side, total, peers, late)

    def this_month(self) -> tuple[int, int]:
        """The present year and month in UTC."""
        at = self._now()
        return at.year, at.month


async def _locked(session: AsyncSession, caller: Principal, document_id: UUID) -> Document:
    document = await document_of(session, caller.tenant_id, document_id)
    await session.refresh(document, with_for_update=True)
    return document
