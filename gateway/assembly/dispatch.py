"""Dispatch of one process: the way out of Peppol, e-mails and links, bounces, discoveries."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.assembly.platform import Platform
from gateway.assembly.renderings import InvoiceRenderings
from gateway.conversion.service import Conversion
from gateway.core.clock import now
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.tables import Job
from gateway.core.mail import SmtpMailer
from gateway.core.settings import Settings
from gateway.dispatch.channels import Channels
from gateway.dispatch.lanes import SEND
from gateway.dispatch.links import DispatchLinks
from gateway.dispatch.sending import DISPATCH_PATIENCE, SendJob, give_up
from gateway.dispatch.steps import Steps
from gateway.exchange.archive import Archive
from gateway.exchange.channels import Channel
from gateway.exchange.delivery_policies import DeliveryPolicies
from gateway.exchange.events import DocumentEvents
from gateway.exchange.ports import Bookkeeper

__all__ = ["Dispatching", "dispatching_of", "register_dispatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatching:
    """What brings documents to buyers outside Peppol."""

    platform: Platform
    archive: Archive
    conversion: Conversion
    steps: Steps
    links: DispatchLinks
    channels: Channels


def dispatching_of(
    platform: Platform,
    *,
    archive: Archive,
    conversion: Conversion,
    books: Bookkeeper,
    events: DocumentEvents,
    policies: DeliveryPolicies,
) -> Dispatching:
    """Build it."""
    settings = platform.settings
    steps = Steps(events=events, books=books, policies=policies)
    links = DispatchLinks(
        public_url=settings.public_url, link_days=settings.dispatch.link_days, now=now
    )
    return Dispatching(
        platform=platform,
        archive=archive,
        conversion=conversion,
        steps=steps,
        links=links,
        channels=Channels(
            queue=platform.queue,
            steps=steps,
            events=events,
            books=books,
            links=links,
            standard=_standard(settings),
            can_mail=_can_mail(settings),
        ),
    )


def register_dispatch(registry: Registry, parts: Dispatching) -> None:
    """Say how documents are sent outside Peppol."""
    platform = parts.platform

    async def abandon(session: AsyncSession, job: Job, error: JobError) -> None:
        await give_up(session, parts.steps, UUID(job.payload["dispatch_id"]), error, now=now)

    registry.add(
        SEND,
        SendJob(
            database=platform.database,
            archive=parts.archive,
            renderings=InvoiceRenderings(conversion=parts.conversion, now=now),
            mailer=SmtpMailer(platform.settings.mail),
            links=parts.links,
            steps=parts.steps,
            mail=platform.settings.mail,
            settings=platform.settings.dispatch,
            now=now,
            faults=platform.faults,
        ),
        policy=DISPATCH_PATIENCE,
        on_dead=abandon,
    )


def _can_mail(settings: Settings) -> bool:
    return bool(settings.mail.host and settings.mail.sender)


def _standard(settings: Settings) -> Channel:
    """Without a word of the operator's: all channels where there is a mail server, else Peppol."""
    if settings.dispatch.channel is not None:
        return Channel(settings.dispatch.channel)
    return Channel.AUTO if _can_mail(settings) else Channel.PEPPOL
