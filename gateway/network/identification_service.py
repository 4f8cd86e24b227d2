"""Recording who the end users are: append-only, with the rule that unidentified ones stay hidden.

Writes the records, answers whether a participant may be published, and raises the alarm when a
record has to be looked at again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.as4.identifiers import SPID_ICD, ParticipantId
from gateway.core.alarms import AlarmKind, Severity, clear_alarm, raise_alarm
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.jobs.registry import JobContext, Registry
from gateway.network.identification import (
    IDENTIFICATION_INVALID,
    IdentificationRules,
    Proof,
    Standing,
    add_months,
    standing_of,
)
from gateway.network.tables import Capability, EndUserIdentification, Participant

__all__ = [
    "IDENTIFICATION_DUE",
    "IDENTIFICATION_MISSING",
    "Identifications",
    "NewIdentification",
    "register_jobs",
]

WATCH: Final = "network.identification-watch"

IDENTIFICATION_MISSING: Final = ErrorKind(
    "IDENTIFICATION-MISSING", "The end user has not been identified", 409
)
IDENTIFICATION_DUE: Final = AlarmKind(
    code="IDENTIFICATION-DUE",
    severity=Severity.WARNING,
    title="An end user's identification has to be looked at again",
    advice="Check who stands behind the participant and record it before the date.",
)


class Today(Protocol):
    """The business date of this instance."""

    def today(self) -> date:
        """The date in the instance's time zone."""
        ...


@dataclass(frozen=True, slots=True)
class NewIdentification:
    """What a person established; ``recheck_on`` None means after the usual time.

    ``valid`` is False to withdraw: then only ``note`` matters, which says why.
    """

    fields: dict[str, str]
    proofs: tuple[Proof, ...]
    method: str
    identified_on: date
    identified_by: str
    recheck_on: date | None = None
    note: str = ""
    valid: bool = True


class Identifications:
    """Records of who the end users are; ``required`` says whether publishing hangs on them."""

    def __init__(
        self,
        *,
        database: Database,
        rules: IdentificationRules,
        required: bool,
        business: Today,
        now: MachineClock,
    ) -> None:
        self._database = database
        self.rules = rules
        self.required = required
        self._business = business
        self._now = now

    async def record(
        self,
        caller: Principal,
        tenant_id: UUID,
        participant: ParticipantId,
        new: NewIdentification,
    ) -> EndUserIdentification:
        """Add a record to the history of an account's participant, registered or not yet.

        Raises GatewayError IDENTIFICATION-INVALID.
        """
        today = self._business.today()
        fields = self.rules.check(new.fields, new.proofs, method=new.method) if new.valid else {}
        if not new.valid and not new.note.strip():
            raise GatewayError(IDENTIFICATION_INVALID, "Say why the identification is withdrawn.")
        if new.identified_on > today:
            raise GatewayError(
                IDENTIFICATION_INVALID, "The date of identification lies in the future."
            )
        latest = add_months(new.identified_on, self.rules.recheck_months)
        recheck_on = new.recheck_on or latest
        if not new.identified_on < recheck_on <= latest:
            raise GatewayError(
                IDENTIFICATION_INVALID,
                f"The next check must come after the identification and by {latest.isoformat()}.",
            )
        row = EndUserIdentification(
            tenant_id=tenant_id,
            scheme=participant.scheme,
            value=participant.value,
            valid=new.valid,
            fields=fields,
            proofs=[one.to_json() for one in new.proofs] if new.valid else [],
            method=new.method if new.valid else "",
            identified_on=new.identified_on,
            identified_by=new.identified_by[:200],
            recheck_on=recheck_on,
            note=new.note.strip()[:2000],
            recorded_by=caller.actor,
            recorded_at=self._now(),
        )
        async with self._database.write() as session:
            session.add(row)
            action = "identification.recorded" if new.valid else "identification.withdrawn"
            audit(session, caller, action=action, object=participant.value)
            await session.flush()
            await self._watch(session, tenant_id, participant)
        return row

    async def history(
        self, tenant_id: UUID, participant: ParticipantId
    ) -> Sequence[EndUserIdentification]:
        """Every record about a participant of the tenant, newest first."""
        async with self._database.read() as session:
            return (await session.exec(_history(tenant_id, participant))).all()

    async def standing(
        self, session: AsyncSession, tenant_id: UUID, participant: ParticipantId
    ) -> Standing:
        """Whether the end user counts as identified today."""
        newest = (await session.exec(_history(tenant_id, participant).limit(1))).first()
        return standing_of(
            valid=None if newest is None else newest.valid,
            recheck_on=None if newest is None else newest.recheck_on,
            today=self._business.today(),
            warn_days=self.rules.warn_days,
        )

    async def require(
        self, session: AsyncSession, tenant_id: UUID, participant: ParticipantId
    ) -> None:
        """Refuse to publish who is not identified. Raises GatewayError IDENTIFICATION-MISSING."""
        if not self.required:
            return
        standing = await self.standing(session, tenant_id, participant)
        if not standing.may_publish:
            raise GatewayError(
                IDENTIFICATION_MISSING,
                f"The end user behind {participant.value} must be identified before it is "
                f"published; its identification is {standing.code}. Record it first.",
                participant=str(participant),
                standing=standing.code,
            )

    async def __call__(self, context: JobContext) -> None:
        """Raise and clear the alarm of every published participant."""
        async with self._database.write() as session:
            if self.required:
                for row in await _published(session):
                    await self._watch(session, row.tenant_id, ParticipantId(row.scheme, row.value))
            await context.fence(session)

    async def unidentified(self) -> list[str]:
        """The values of published participants whose end user does not count as identified."""
        found = []
        async with self._database.read() as session:
            for row in await _published(session):
                participant = ParticipantId(row.scheme, row.value)
                standing = await self.standing(session, row.tenant_id, participant)
                if not standing.may_publish:
                    found.append(row.value)
        return found

    async def _watch(
        self, session: AsyncSession, tenant_id: UUID, participant: ParticipantId
    ) -> None:
        if not self.required:
            return
        standing = await self.standing(session, tenant_id, participant)
        subject, at = participant.value, self._now()
        if standing.code == "valid":
            await clear_alarm(session, IDENTIFICATION_DUE, subject, at=at)
            return
        facts = {"standing": standing.code}
        if standing.recheck_on is not None:
            facts["recheck_on"] = standing.recheck_on.isoformat()
        await raise_alarm(
            session, IDENTIFICATION_DUE, subject, at=at, facts=facts, tenant_id=tenant_id
        )

    def proposed_recheck(self) -> date:
        """The latest date for the next check of somebody identified today."""
        return add_months(self._business.today(), self.rules.recheck_months)

    def today(self) -> date:
        """The business date."""
        return self._business.today()


async def _published(session: AsyncSession) -> Sequence[Participant]:
    """Every published participant but our own identifiers."""
    found = await session.exec(
        select(Participant).where(
            col(Participant.id).in_(select(Capability.participant_id)),
            col(Participant.value).not_like(f"{SPID_ICD}:%"),
        )
    )
    return found.all()


def _history(tenant_id: UUID, participant: ParticipantId) -> SelectOfScalar[EndUserIdentification]:
    return (
        select(EndUserIdentification)
        .where(
            EndUserIdentification.tenant_id == tenant_id,
            EndUserIdentification.scheme == participant.scheme,
            EndUserIdentification.value == participant.value,
        )
        .order_by(col(EndUserIdentification.id).desc())
    )


def register_jobs(registry: Registry, identifications: Identifications, *, zone: str) -> None:
    """Look every morning for what is due."""
    registry.add(WATCH, identifications)
    registry.every(WATCH, f"daily 06:20 {zone}")
