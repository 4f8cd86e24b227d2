"""How the parts of dunning are put together, for the composition root and for tests."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.faults import Faults
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.tables import Job
from gateway.core.mail import Mailer
from gateway.core.settings import MailSettings
from gateway.dunning.drafting import Drafter
from gateway.dunning.lanes import MAIL, RUN, SEND, THANK
from gateway.dunning.mailing import MAIL_PATIENCE, MailJob, give_up_mail
from gateway.dunning.planning import Planner, RunJob
from gateway.dunning.ports import Links, ReminderNetwork
from gateway.dunning.sending import SendJob, abandon
from gateway.dunning.service import Dunning
from gateway.dunning.thanks import ThankJob
from gateway.exchange.archive import Archive

__all__ = ["Parts", "register", "service_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What dunning runs on; ``today`` is the business date, ``now`` machine time."""

    database: Database
    archive: Archive
    queue: JobQueue
    links: Links
    network: ReminderNetwork
    mailer: Mailer
    mail: MailSettings
    today: Callable[[], date]
    now: MachineClock
    faults: Faults

    @property
    def drafter(self) -> Drafter:
        """Who gathers what a reminder says."""
        return Drafter(links=self.links, mail=self.mail, today=self.today)


def service_of(parts: Parts) -> Dunning:
    """What people and programs may do about reminders."""
    return Dunning(
        database=parts.database,
        archive=parts.archive,
        queue=parts.queue,
        drafter=parts.drafter,
        sender=parts.mail.sender,
        today=parts.today,
        now=parts.now,
    )


def register(registry: Registry, parts: Parts, *, run_at: str, zone: str) -> None:
    """Add the background work; a run comes daily at a local time (``07:00``) of a time zone."""
    planner = Planner(database=parts.database, queue=parts.queue, today=parts.today, now=parts.now)
    registry.add(
        RUN,
        RunJob(
            database=parts.database,
            queue=parts.queue,
            planner=planner,
            today=parts.today,
            now=parts.now,
            faults=parts.faults,
        ),
    )
    registry.every(RUN, f"daily {run_at} {zone}")
    registry.add(SEND, _send_job(parts), on_dead=_abandon)
    registry.add(MAIL, _mail_job(parts), policy=MAIL_PATIENCE, on_dead=_give_up_mail)
    registry.add(
        THANK,
        ThankJob(
            database=parts.database,
            archive=parts.archive,
            queue=parts.queue,
            mail=parts.mail,
            now=parts.now,
        ),
    )


def _send_job(parts: Parts) -> SendJob:
    return SendJob(
        database=parts.database,
        archive=parts.archive,
        queue=parts.queue,
        drafter=parts.drafter,
        network=parts.network,
        mail=parts.mail,
        today=parts.today,
        now=parts.now,
        faults=parts.faults,
    )


def _mail_job(parts: Parts) -> MailJob:
    return MailJob(
        database=parts.database,
        archive=parts.archive,
        mailer=parts.mailer,
        sender=parts.mail.sender,
        today=parts.today,
        now=parts.now,
        faults=parts.faults,
    )


async def _abandon(session: AsyncSession, job: Job, error: JobError) -> None:
    await abandon(session, UUID(job.payload["reminder_id"]), error)


async def _give_up_mail(session: AsyncSession, job: Job, error: JobError) -> None:
    await give_up_mail(session, UUID(job.payload["mail_id"]), error)
