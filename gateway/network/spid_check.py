"""Are we reachable ourselves? Our own identifiers (SPIDs) must be found in an SMP for MLS.

An MLS to a service provider that is not published is lost, and nobody tells the provider. So it
is looked up as any sender would, at start and every hour; an alarm stays until it is found.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.as4.identifiers import (
    MESSAGE_LEVEL_STATUS,
    PROCESS_MLS,
    ParticipantId,
    spid_of_seat,
)
from gateway.core.alarms import AlarmKind, Severity, clear_alarm, raise_alarm
from gateway.core.database import Database
from gateway.core.errors import Retry
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext, Registry
from gateway.network.errors import LookupFailed
from gateway.network.pki import Purpose
from gateway.network.service import Network
from gateway.network.smp_client import Lookup

__all__ = ["SPID_NOT_PUBLISHED", "SpidCheck", "SpidFinding", "ask_at_start", "register_jobs"]

CHECK: Final = "network.spid-check"
SETTLED_AFTER: Final = timedelta(minutes=1)

SPID_NOT_PUBLISHED: Final = AlarmKind(
    code="SPID-NOT-PUBLISHED",
    severity=Severity.CRITICAL,
    title="Our own service provider identifier cannot be found for MLS messages",
    advice="Publish it in an SMP for the MLS document type and register it in the SML.",
)


@dataclass(frozen=True, slots=True)
class SpidFinding:
    """Whether one of our SPIDs leads to us; ``code`` is empty then, else why not.

    ``certain`` is False where the network could not be asked.
    """

    seat_id: str
    spid: ParticipantId
    code: str
    message: str
    certain: bool


class SpidCheck:
    """Looks our own SPIDs up as a sender of an MLS would."""

    def __init__(self, *, database: Database, network: Network, lookup: Lookup) -> None:
        self._database = database
        self._network = network
        self._lookup = lookup

    async def look(self) -> tuple[SpidFinding, ...]:
        """Ask the network about every access point seat of this instance."""
        seats = self._network.seat_ids(Purpose.AP)
        return tuple([await self._one(seat_id) for seat_id in seats])

    async def _one(self, seat_id: str) -> SpidFinding:
        spid = spid_of_seat(seat_id)
        try:
            found = await self._lookup.find(
                spid, MESSAGE_LEVEL_STATUS, PROCESS_MLS, at=self._network.now(), fresh=True
            )
        except LookupFailed as error:
            certain = error.retry is Retry.NO
            return SpidFinding(seat_id, spid, error.code, error.message, certain)
        if found.endpoint.url == self._network.as4_url:
            return SpidFinding(seat_id, spid, "", "", certain=True)
        return SpidFinding(
            seat_id,
            spid,
            "SPID-ELSEWHERE",
            f"It leads to {found.endpoint.url}, not to this gateway.",
            certain=True,
        )

    async def __call__(self, context: JobContext) -> None:
        """Raise or clear the alarm of every SPID; what could not be asked changes nothing."""
        findings = await self.look()
        at = self._network.now()
        async with self._database.write() as session:
            for one in findings:
                if one.code and one.certain:
                    facts = {"code": one.code, "seat": one.seat_id}
                    await raise_alarm(
                        session, SPID_NOT_PUBLISHED, one.spid.value, at=at, facts=facts
                    )
                elif not one.code:
                    await clear_alarm(session, SPID_NOT_PUBLISHED, one.spid.value, at=at)
            await context.fence(session)


def register_jobs(registry: Registry, check: SpidCheck) -> None:
    """Look every hour, so that an alarm ends soon after its cause."""
    registry.add(CHECK, check)
    registry.every(CHECK, "every 3600 seconds")


async def ask_at_start(database: Database, queue: JobQueue, at: datetime) -> None:
    """Have it looked at a minute after a start, once however many processes start together.

    By then what starts beside this process (an SMP, a proxy) can be asked.
    """
    async with database.write() as session:
        await queue.enqueue(
            session,
            kind=CHECK,
            payload={},
            run_at=at + SETTLED_AFTER,
            dedupe_key=f"{CHECK}:start:{at:%Y-%m-%dT%H:%M}",
        )
