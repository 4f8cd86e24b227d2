"""Registering participants in the SML: durable, repeatable, and silent where it is off.

A participant's entry has a state; a job brings the SML into line with it and may run any number
of times. Whoever publishes or removes a participant asks for the job in the same transaction.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit
from gateway.access.principal import Principal
from gateway.as4.identifiers import ParticipantId
from gateway.core.alarms import AlarmKind, Severity, clear_alarm, raise_alarm
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.jobs.tables import Job
from gateway.network import queries
from gateway.network.registration_states import Registration, may_register
from gateway.network.sml_client import SML_NOT_FOUND, SML_REFUSED, SmlClient
from gateway.network.sml_messages import Publisher
from gateway.network.tables import Capability, Participant, SmlRegistration

__all__ = [
    "REGISTER",
    "REGISTRATION_FAILED",
    "REGISTRATION_STATE",
    "SML_OFF",
    "SmlRegistrar",
    "record_entry",
    "register_jobs",
]

REGISTER: Final = "network.sml-registration"
LANE: Final = "sml"
_MAX_PAGES: Final = 200

SML_OFF: Final = ErrorKind("SML-OFF", "Registration in the SML is switched off", 409)
REGISTRATION_STATE: Final = ErrorKind(
    "SML-REGISTRATION-STATE", "The entry in the SML is not in a state for this", 409
)
REGISTRATION_FAILED: Final = AlarmKind(
    code="SML-REGISTRATION-FAILED",
    severity=Severity.CRITICAL,
    title="A participant could not be registered in or removed from the SML",
    advice="Open the participant, read the reason, correct it and try again.",
)


class SmlRegistrar:
    """Keeps the SML in line with what our SMP publishes; ``client`` is None where SML is off.

    ``smp_url`` is the address participants are led to, ``smp_ip`` what the protocol asks beside.
    """

    def __init__(
        self,
        *,
        database: Database,
        queue: JobQueue,
        client: SmlClient | None,
        smp_url: str,
        smp_ip: str,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._queue = queue
        self._client = client
        self._smp_url = smp_url
        self._smp_ip = smp_ip
        self._now = now

    @property
    def is_on(self) -> bool:
        """Whether participants are registered at all."""
        return self._client is not None

    @property
    def client(self) -> SmlClient:
        """The way to the SML. Raises GatewayError SML-OFF."""
        if self._client is None:
            raise GatewayError(
                SML_OFF,
                "This gateway does not register participants in the SML. Switch it on with "
                "participants.sml and participants.smp_id.",
            )
        return self._client

    async def published(
        self, session: AsyncSession, tenant_id: UUID, participant: ParticipantId
    ) -> None:
        """A participant is published: its entry is wanted. Runs in the caller's transaction."""
        if self._client is None:
            return
        row = await queries.registration(session, participant)
        if row is None:
            row = await record_entry(
                session, tenant_id, participant, Registration.PENDING, at=self._now()
            )
        else:
            # Whoever publishes it now answers for the entry, whoever's it was before.
            row.tenant_id = tenant_id
            if row.state in (
                Registration.PENDING,
                Registration.REGISTERED,
                Registration.FAILED,
            ):
                return
            _turn(row, Registration.PENDING, at=self._now())
        await self._ask(session, row)

    async def removed(self, session: AsyncSession, participant: ParticipantId) -> None:
        """A participant is removed: so is its entry, if there is one of ours."""
        row = await queries.registration(session, participant)
        if row is None or not may_register(row.state, Registration.REMOVING):
            return
        if self._client is None:
            return
        _turn(row, Registration.REMOVING, at=self._now())
        await self._ask(session, row)

    async def try_again(self, caller: Principal, participant: ParticipantId) -> SmlRegistration:
        """Start over what failed. Raises GatewayError SML-OFF or SML-REGISTRATION-STATE."""
        _ = self.client
        again = {
            Registration.FAILED: Registration.PENDING,
            Registration.REMOVAL_FAILED: Registration.REMOVING,
        }
        async with self._database.write() as session:
            row = await queries.registration(session, participant)
            if row is None or row.tenant_id != caller.tenant_id or row.state not in again:
                raise GatewayError(
                    REGISTRATION_STATE,
                    "There is no failed registration of this participant to try again.",
                    participant=str(participant),
                )
            _turn(row, again[row.state], at=self._now())
            await self._ask(session, row)
            audit(session, caller, action="sml.tried-again", object=participant.value)
        return row

    async def synchronise(self, caller: Principal) -> int:
        """Ask for the entry of every published participant that has none; returns how many."""
        _ = self.client
        async with self._database.write() as session:
            published = await session.exec(
                select(Participant)
                .where(col(Participant.id).in_(select(Capability.participant_id)))
                .order_by(col(Participant.id))
            )
            asked = 0
            for row in published.all():
                participant = ParticipantId(row.scheme, row.value)
                known = await queries.registration(session, participant)
                if known is None or known.state is Registration.REMOVED:
                    await self.published(session, row.tenant_id, participant)
                    asked += 1
            audit(
                session, caller, action="sml.synchronised", object=self.client.smp_id, asked=asked
            )
        return asked

    async def announce_smp(self, caller: Principal) -> Publisher:
        """Make our SMP known to the SML under its present address.

        Raises GatewayError SML-OFF, and what `SmlClient` does.
        """
        publisher = await self._announce(self.client)
        async with self._database.write() as session:
            address = publisher.logical_address
            audit(session, caller, action="sml.smp-announced", object=publisher.smp_id, url=address)
        return publisher

    async def _announce(self, client: SmlClient) -> Publisher:
        wanted = Publisher(client.smp_id, self._smp_url, self._smp_ip)
        try:
            known = await client.publisher()
        except GatewayError as error:
            if error.kind is not SML_NOT_FOUND:
                raise
            await client.create_publisher(wanted)
            return wanted
        if known.logical_address != wanted.logical_address:
            await client.update_publisher(wanted)
        return wanted

    async def __call__(self, context: JobContext) -> None:
        """Bring one entry into line; may run any number of times."""
        async with self._database.read() as session:
            row = await session.get(SmlRegistration, UUID(context.payload["registration_id"]))
        if row is None:
            return
        participant = ParticipantId(row.scheme, row.value)
        if row.state is Registration.PENDING:
            await self._create(participant)
            reached = Registration.REGISTERED
        elif row.state is Registration.REMOVING:
            await self._delete(participant)
            reached = Registration.REMOVED
        else:
            return
        async with self._database.write() as session:
            now_row = await session.get_one(SmlRegistration, row.id)
            if now_row.round == row.round:
                _turn(now_row, reached, at=self._now())
                await clear_alarm(session, REGISTRATION_FAILED, row.value, at=self._now())

    async def gave_up(self, session: AsyncSession, job: Job, error: JobError) -> None:
        """Remember why an entry could not be brought into line, and raise the alarm."""
        row = await session.get(SmlRegistration, UUID(job.payload["registration_id"]))
        failed = {
            Registration.PENDING: Registration.FAILED,
            Registration.REMOVING: Registration.REMOVAL_FAILED,
        }
        if row is None or row.state not in failed or row.round != job.payload["round"]:
            return  # what is wanted now has a job of its own
        _turn(row, failed[row.state], at=self._now())
        row.error_code, row.error_text = error.code, error.text[:1000]
        await raise_alarm(
            session,
            REGISTRATION_FAILED,
            row.value,
            at=self._now(),
            facts={"code": error.code},
            tenant_id=row.tenant_id,
        )

    async def _create(self, participant: ParticipantId) -> None:
        try:
            await self.client.create([participant])
        except GatewayError as error:
            # An earlier attempt may have arrived although its answer did not.
            if error.kind is not SML_REFUSED or not await self._is_ours(participant):
                raise

    async def _delete(self, participant: ParticipantId) -> None:
        try:
            await self.client.delete([participant])
        except GatewayError as error:
            if error.kind is not SML_NOT_FOUND:
                raise

    async def _is_ours(self, participant: ParticipantId) -> bool:
        page = ""
        for _ in range(_MAX_PAGES):
            found = await self.client.page(page)
            if participant in found.participants:
                return True
            page = found.next_page
            if not page:
                return False
        return False

    async def _ask(self, session: AsyncSession, row: SmlRegistration) -> None:
        await session.flush()
        await self._queue.enqueue(
            session,
            kind=REGISTER,
            payload={"registration_id": str(row.id), "round": row.round},
            lane=LANE,
            dedupe_key=f"{REGISTER}:{row.id}:{row.round}",
        )


async def record_entry(
    session: AsyncSession,
    tenant_id: UUID,
    participant: ParticipantId,
    state: Registration,
    *,
    at: datetime,
) -> SmlRegistration:
    """Write down where an entry stands now; raises GatewayError SML-REGISTRATION-STATE."""
    row = await queries.registration(session, participant)
    if row is not None:
        _turn(row, state, at=at)
        row.tenant_id = tenant_id
        return row
    row = SmlRegistration(
        tenant_id=tenant_id,
        scheme=participant.scheme,
        value=participant.value,
        state=state,
        updated_at=at,
    )
    session.add(row)
    return row


def _turn(row: SmlRegistration, state: Registration, *, at: datetime) -> None:
    if not may_register(row.state, state):
        raise GatewayError(
            REGISTRATION_STATE,
            f"The entry of {row.value} in the SML is {row.state.value}; it cannot become "
            f"{state.value}.",
        )
    row.state, row.updated_at = state, at
    row.error_code = row.error_text = ""
    row.round += 1


def register_jobs(registry: Registry, registrar: SmlRegistrar) -> None:
    """Say who keeps the SML in line."""
    registry.add(REGISTER, registrar, on_dead=registrar.gave_up)
