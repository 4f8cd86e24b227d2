"""Moving participants between SMPs: a key lets one leave, a key lets one arrive.

A migration key is a secret: it is shown once, sent to the SML, and only its SHA-256 is kept.
The SML is asked while the person waits, because a key must not lie in a queue. Source: SML
prepareToMigrate and migrate (exchange facts 2.9, 3.15).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.as4.identifiers import ParticipantId
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND
from gateway.network import queries
from gateway.network.participants import require_own
from gateway.network.registration_states import MOVES, MoveState, Registration
from gateway.network.sml import Locator
from gateway.network.sml_messages import MIGRATION_KEY, migration_key
from gateway.network.sml_registration import (
    REGISTRATION_STATE,
    SmlRegistrar,
    record_entry,
)
from gateway.network.tables import ParticipantMove

__all__ = ["MIGRATION_KEY_INVALID", "MOVE_STATE", "ParticipantMoves", "Prepared"]

MIGRATION_KEY_INVALID: Final = ErrorKind("MIGRATION-KEY-INVALID", "This is no migration key", 422)
MOVE_STATE: Final = ErrorKind("MOVE-STATE", "The move is not in a state for this", 409)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A move that may begin; ``key`` is shown this once."""

    move: ParticipantMove
    key: str


class ParticipantMoves:
    """Lets participants leave our SMP for another one, and arrive from one."""

    def __init__(
        self,
        *,
        database: Database,
        registrar: SmlRegistrar,
        locator: Locator,
        smp_url: str,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._registrar = registrar
        self._locator = locator
        self._smp_url = smp_url
        self._now = now

    async def history(
        self, tenant_id: UUID, participant: ParticipantId
    ) -> Sequence[ParticipantMove]:
        """The participant's moves, newest first."""
        async with self._database.read() as session:
            return await queries.moves(session, tenant_id, participant)

    async def prepare(self, caller: Principal, participant: ParticipantId) -> Prepared:
        """Let a participant leave: a fresh key, known to the SML; an older key becomes void.

        Raises GatewayError PARTICIPANT-UNKNOWN, SML-OFF or SML-REGISTRATION-STATE, and what
        `SmlClient` does.
        """
        async with self._database.read() as session:
            await require_own(session, caller.tenant_id, participant)
            entry = await queries.registration(session, participant)
        client = self._registrar.client
        if entry is None or entry.state is not Registration.REGISTERED:
            raise GatewayError(
                REGISTRATION_STATE,
                f"{participant.value} is not registered in the SML by this gateway, so it cannot "
                "be let go from here.",
                participant=str(participant),
            )
        key = migration_key()
        await client.prepare_migration(participant, key)
        async with self._database.write() as session:
            await self._void(session, caller, participant)
            move = self._row(caller, participant, MoveState.PREPARED, key)
            session.add(move)
            audit(session, caller, action="participant-move.prepared", object=participant.value)
        return Prepared(move, key)

    async def cancel(self, caller: Principal, move_id: UUID) -> ParticipantMove:
        """Make a key void: the SML is given another that nobody is told.

        Raises GatewayError NOT-FOUND, MOVE-STATE or SML-OFF, and what `SmlClient` does.
        """
        move = await self._open(caller, move_id)
        participant = ParticipantId(move.scheme, move.value)
        await self._registrar.client.prepare_migration(participant, migration_key())
        async with self._database.write() as session:
            row = await session.get_one(ParticipantMove, move.id)
            _turn(row, MoveState.CANCELLED)
            row.updated_at = self._now()
            audit(session, caller, action="participant-move.cancelled", object=move.value)
        return row

    async def complete(self, caller: Principal, move_id: UUID) -> ParticipantMove:
        """Note that the other SMP has taken over, as the network's own directory says.

        Raises GatewayError NOT-FOUND, MOVE-STATE while the SML still leads here, and
        LookupFailed where the directory cannot be asked.
        """
        move = await self._open(caller, move_id)
        participant = ParticipantId(move.scheme, move.value)
        found = await self._locator.locate(participant)
        if found.url.rstrip("/") == self._smp_url.rstrip("/"):
            raise GatewayError(
                MOVE_STATE,
                f"The SML still leads {participant.value} to this SMP. Wait until the other "
                "provider has used the key; the directory follows within an hour.",
                participant=str(participant),
            )
        async with self._database.write() as session:
            row = await session.get_one(ParticipantMove, move.id)
            _turn(row, MoveState.LEFT)
            row.updated_at = self._now()
            await record_entry(
                session, caller.tenant_id, participant, Registration.MOVED, at=self._now()
            )
            audit(session, caller, action="participant-move.left", object=participant.value)
        return row

    async def arrive(
        self, caller: Principal, participant: ParticipantId, key: str
    ) -> ParticipantMove:
        """Take a participant of ours over from another SMP with the key its provider gave.

        Raises GatewayError PARTICIPANT-UNKNOWN, MIGRATION-KEY-INVALID or SML-OFF, and what
        `SmlClient` does.
        """
        async with self._database.read() as session:
            await require_own(session, caller.tenant_id, participant)
        if not MIGRATION_KEY.fullmatch(key):
            raise GatewayError(
                MIGRATION_KEY_INVALID,
                "A migration key has 8 to 24 characters without blanks: at least two capital "
                "letters, two small ones, two digits and two special characters.",
            )
        try:
            await self._registrar.client.migrate(participant, key)
        except GatewayError as error:
            async with self._database.write() as session:
                move = self._row(caller, participant, MoveState.REFUSED, key)
                move.error_code = error.code
                session.add(move)
            raise
        async with self._database.write() as session:
            move = self._row(caller, participant, MoveState.ARRIVED, key)
            session.add(move)
            await self._registered(session, caller, participant)
            audit(session, caller, action="participant-move.arrived", object=participant.value)
        return move

    async def _registered(
        self, session: AsyncSession, caller: Principal, participant: ParticipantId
    ) -> None:
        known = await queries.registration(session, participant)
        if known is None or known.state is not Registration.REGISTERED:
            await record_entry(
                session, caller.tenant_id, participant, Registration.REGISTERED, at=self._now()
            )

    async def _void(
        self, session: AsyncSession, caller: Principal, participant: ParticipantId
    ) -> None:
        for old in await queries.moves(session, caller.tenant_id, participant):
            if old.state is MoveState.PREPARED:
                _turn(old, MoveState.CANCELLED)
                old.updated_at = self._now()

    async def _open(self, caller: Principal, move_id: UUID) -> ParticipantMove:
        async with self._database.read() as session:
            move = await session.get(ParticipantMove, move_id)
        if move is None or move.tenant_id != caller.tenant_id:
            raise GatewayError(NOT_FOUND, "No move of this account has that id.")
        if not MOVES[move.state]:
            raise GatewayError(MOVE_STATE, f"The move is {move.state.value} already.")
        return move

    def _row(
        self, caller: Principal, participant: ParticipantId, state: MoveState, key: str
    ) -> ParticipantMove:
        at = self._now()
        return ParticipantMove(
            tenant_id=caller.tenant_id,
            scheme=participant.scheme,
            value=participant.value,
            state=state,
            key_sha256=hashlib.sha256(key.encode()).hexdigest(),
            started_by=caller.actor,
            started_at=at,
            updated_at=at,
        )


def _turn(move: ParticipantMove, state: MoveState) -> None:
    if state not in MOVES[move.state]:
        raise GatewayError(MOVE_STATE, f"The move is {move.state.value} already.")
    move.state = state
