"""Receivables, payments and dunning of one process: services for handlers, background work."""

import time
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.assembly.platform import Platform
from gateway.core.clock import now
from gateway.core.jobs.registry import Registry
from gateway.core.mail import SmtpMailer
from gateway.core.settings import PaymentSettings
from gateway.dunning import jobs as dunning_jobs
from gateway.dunning import keys as dunning_keys
from gateway.dunning.lanes import RUN
from gateway.dunning.peppol import PeppolReminders
from gateway.dunning.policies import read_seed, seed_policies
from gateway.dunning.service import Dunning
from gateway.dunning.thanks import Settlement
from gateway.exchange.archive import Archive
from gateway.network.smp_client import Lookup
from gateway.payments import keys as payment_keys
from gateway.payments import poll_job
from gateway.payments.adapters.sandbox import SandboxProvider
from gateway.payments.arrivals import Arrivals
from gateway.payments.events import ProviderEvents
from gateway.payments.links import PaymentLinks
from gateway.payments.paying import Paying
from gateway.payments.ports import Provider
from gateway.payments.queries import items_of_end_to_end_ids
from gateway.payments.throttle import Throttle
from gateway.receivables import bank_api
from gateway.receivables import keys as receivables_keys
from gateway.receivables.bank_folder import BANK_FOLDER, BankFolder
from gateway.receivables.bank_messages import BankDesk
from gateway.receivables.bookkeeping import Books
from gateway.receivables.desk import Receivables
from gateway.receivables.ledger import Ledger

__all__ = ["Money", "money_of", "plan_again", "register_money", "seed_money", "serve_money"]

HOLD_FOR: Final = timedelta(days=5)
"""How long reminders wait for money a payer ordered (receivables practice: a transfer's way)."""
_BURST: Final = 30
_PER_SECOND: Final = 0.5


@dataclass(frozen=True, slots=True)
class Money:
    """The services of the second half of an invoice's life."""

    ledger: Ledger
    books: Books
    receivables: Receivables
    desk: BankDesk
    links: PaymentLinks
    paying: Paying
    events: ProviderEvents
    dunning: Dunning
    dunning_parts: dunning_jobs.Parts


def money_of(platform: Platform, *, archive: Archive, lookup: Lookup) -> Money:
    """Build them; raises GatewayError OUTGOING-ADDRESS for a provider the stage refuses."""
    settings, database, today = platform.settings, platform.database, platform.business.today
    ledger = Ledger(followers=[Settlement(queue=platform.queue)])
    links = PaymentLinks(
        public_url=settings.public_url,
        link_days=settings.payments.link_days,
        vault=platform.vault,
        now=now,
    )
    provider = _provider(platform, settings.payments)
    parts = _dunning_parts(platform, archive=archive, lookup=lookup, links=links)
    return Money(
        ledger=ledger,
        books=Books(ledger=ledger, today=today),
        receivables=Receivables(database=database, ledger=ledger, today=today, now=now),
        desk=BankDesk(
            database=database,
            archive=archive,
            ledger=ledger,
            issued_ids=items_of_end_to_end_ids,
            arrivals=[Arrivals(today=today)],
            zone=ZoneInfo(settings.time_zone),
            now=now,
            today=today,
            faults=platform.faults,
        ),
        links=links,
        paying=Paying(
            database=database,
            links=links,
            provider=provider,
            now=now,
            today=today,
            patience=timedelta(minutes=settings.payments.initiation_minutes),
            wait=HOLD_FOR,
        ),
        events=ProviderEvents(
            database=database, provider=provider, now=now, today=today, wait=HOLD_FOR
        ),
        dunning=dunning_jobs.service_of(parts),
        dunning_parts=parts,
    )


def _dunning_parts(
    platform: Platform, *, archive: Archive, lookup: Lookup, links: PaymentLinks
) -> dunning_jobs.Parts:
    mail = platform.settings.mail
    return dunning_jobs.Parts(
        database=platform.database,
        archive=archive,
        queue=platform.queue,
        links=links,
        network=PeppolReminders(lookup=lookup, queue=platform.queue, now=now),
        mailer=SmtpMailer(mail),
        mail=mail,
        today=platform.business.today,
        now=now,
        faults=platform.faults,
    )


def _provider(platform: Platform, settings: PaymentSettings) -> Provider | None:
    if settings.provider == "none":
        return None
    return SandboxProvider(
        http=platform.http,
        stage=platform.settings.stage,
        url=settings.provider_url,
        key=settings.provider_key.get_secret_value(),
        secrets=[one.get_secret_value() for one in settings.webhook_secrets],
    )


def serve_money(application: web.Application, platform: Platform, money: Money) -> None:
    """Give the handlers their services."""
    application[receivables_keys.BUSINESS] = platform.business
    application[receivables_keys.RECEIVABLES] = money.receivables
    application[bank_api.BANK_DESK] = money.desk
    application[payment_keys.LINKS] = money.links
    application[payment_keys.PAYING] = money.paying
    application[payment_keys.PROVIDER_EVENTS] = money.events
    application[payment_keys.PAYER_THROTTLE] = Throttle(
        burst=_BURST, per_second=_PER_SECOND, clock=time.monotonic
    )
    application[dunning_keys.DUNNING] = money.dunning


def register_money(registry: Registry, platform: Platform, money: Money) -> None:
    """Say how reminders, e-mails, bank files and silent payments are dealt with."""
    settings = platform.settings
    dunning_jobs.register(
        registry, money.dunning_parts, run_at=settings.dunning.run_at, zone=settings.time_zone
    )
    poll_job.register(
        registry, poll_job.PollJob(database=platform.database, paying=money.paying, now=now)
    )
    folder = settings.receivables.bank_folder
    registry.add(
        BANK_FOLDER, BankFolder(folder=folder, database=platform.database, desk=money.desk)
    )
    registry.every(BANK_FOLDER, f"every {settings.receivables.bank_folder_s} seconds")


async def seed_money(platform: Platform) -> None:
    """Bring the policies and calendars of this release into the database."""
    seed = read_seed(platform.settings.config_dir)
    async with platform.database.write() as session:
        await seed_policies(session, seed, at=now())


async def plan_again(platform: Platform, session: AsyncSession, on: date) -> None:
    """Plan reminders for every account because the business date was moved."""
    await platform.queue.enqueue(
        session, kind=RUN, payload={}, dedupe_key=f"{RUN}:moved:{on.isoformat()}"
    )
