"""Dispatch of one process: the way out of Peppol, e-mails and links, bounces, discoveries."""

import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiohttp import web
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.assembly.platform import Platform
from gateway.assembly.renderings import InvoiceRenderings
from gateway.conversion.service import Conversion
from gateway.core.clock import now
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.tables import Job
from gateway.core.mail import SmtpMailer
from gateway.core.settings import DispatchSettings, Settings
from gateway.core.token_buckets import Rate, TokenBuckets
from gateway.dispatch import keys
from gateway.dispatch.addresses import read_address_rules
from gateway.dispatch.bounce_job import BounceJob, Reader
from gateway.dispatch.bounce_readers import FolderReader, ImapReader
from gateway.dispatch.bounces import Bounces
from gateway.dispatch.channels import Channels
from gateway.dispatch.desk import DispatchDesk
from gateway.dispatch.discovery import DiscoverJob
from gateway.dispatch.downloads import Downloads
from gateway.dispatch.lanes import BOUNCES, DISCOVER, SEND
from gateway.dispatch.links import DispatchLinks
from gateway.dispatch.sending import DISPATCH_PATIENCE, SendJob, give_up
from gateway.dispatch.steps import Steps
from gateway.dispatch.text_desk import TextDesk
from gateway.exchange.archive import Archive
from gateway.exchange.channels import Channel
from gateway.exchange.delivery_policies import DeliveryPolicies
from gateway.exchange.events import DocumentEvents
from gateway.exchange.ports import Bookkeeper
from gateway.network.smp_client import Lookup

__all__ = ["Dispatching", "dispatching_of", "register_dispatch", "serve_dispatch"]


_BURST: Final = 30
_PER_MINUTE: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatching:
    """What brings documents to buyers outside Peppol."""

    platform: Platform
    archive: Archive
    conversion: Conversion
    lookup: Lookup
    events: DocumentEvents
    books: Bookkeeper
    steps: Steps
    links: DispatchLinks
    channels: Channels


def dispatching_of(
    platform: Platform,
    *,
    archive: Archive,
    conversion: Conversion,
    lookup: Lookup,
    books: Bookkeeper,
    events: DocumentEvents,
    policies: DeliveryPolicies,
) -> Dispatching:
    """Build it."""
    settings = platform.settings
    steps = Steps(events=events, books=books, policies=policies)
    links = DispatchLinks(
        public_url=settings.public_url,
        link_days=settings.dispatch.link_days,
        vault=platform.vault,
        now=now,
    )
    return Dispatching(
        platform=platform,
        archive=archive,
        conversion=conversion,
        lookup=lookup,
        events=events,
        books=books,
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


def serve_dispatch(application: web.Application, parts: Dispatching) -> None:
    """Give the handlers their services."""
    platform = parts.platform
    database, archive = platform.database, parts.archive
    application[keys.LINKS] = parts.links
    application[keys.BOUNCES] = _bounces(parts)
    application[keys.DESK] = DispatchDesk(
        database=database,
        queue=platform.queue,
        channels=parts.channels,
        steps=parts.steps,
        links=parts.links,
        events=parts.events,
        books=parts.books,
        now=now,
    )
    application[keys.TEXTS] = TextDesk(
        database=database, link_days=platform.settings.dispatch.link_days, now=now
    )
    application[keys.DOWNLOADS] = Downloads(
        database=database, archive=archive, links=parts.links, steps=parts.steps, now=now
    )
    application[keys.DOWNLOAD_THROTTLE] = TokenBuckets(
        Rate(per_minute=_PER_MINUTE, burst=_BURST), now=time.monotonic
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
    settings = platform.settings.dispatch
    readers = _readers(settings)
    if readers:
        bounces = BounceJob(
            readers=readers, bounces=_bounces(parts), database=platform.database, now=now
        )
        registry.add(BOUNCES, bounces)
        registry.every(BOUNCES, f"every {settings.bounces_every_s} seconds")
    registry.add(
        DISCOVER,
        DiscoverJob(
            database=platform.database,
            archive=parts.archive,
            lookup=parts.lookup,
            rules=read_address_rules(platform.settings.config_dir),
            now=now,
        ),
    )
    registry.every(DISCOVER, f"daily {settings.discover_at} {platform.settings.time_zone}")


def _bounces(parts: Dispatching) -> Bounces:
    return Bounces(
        database=parts.platform.database, archive=parts.archive, steps=parts.steps, now=now
    )


def _readers(settings: DispatchSettings) -> list[Reader]:
    readers: list[Reader] = []
    if settings.bounce_folder is not None:
        readers.append(FolderReader(settings.bounce_folder))
    if settings.bounce_host:
        readers.append(ImapReader(settings))
    return readers


def _can_mail(settings: Settings) -> bool:
    return bool(settings.mail.host and settings.mail.sender)


def _standard(settings: Settings) -> Channel:
    """Without a word of the operator's: all channels where there is a mail server, else Peppol."""
    if settings.dispatch.channel is not None:
        return Channel(settings.dispatch.channel)
    return Channel.AUTO if _can_mail(settings) else Channel.PEPPOL
