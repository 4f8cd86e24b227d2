"""The exchange of one process: its services for handlers, its background work."""

from dataclasses import dataclass
from uuid import UUID

from aiohttp import web
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.rate_limits import LIMITS, Limits
from gateway.as4.incoming import UnpackLimits
from gateway.as4.mime import MimeLimits
from gateway.assembly.answers import Answers, register_answers, serve_answers
from gateway.assembly.handover import HandingOver, register_handover, serve_handover
from gateway.assembly.platform import Platform
from gateway.conversion.service import Conversion
from gateway.core.clock import now
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.tables import Job
from gateway.exchange import as4_server, keys
from gateway.exchange.archive import Archive
from gateway.exchange.departure import Departures
from gateway.exchange.events import DocumentEvents
from gateway.exchange.evidence import EvidenceBuilder
from gateway.exchange.intake import Intake
from gateway.exchange.lanes import ROUTE
from gateway.exchange.mls_unrouted import owe_unrouted
from gateway.exchange.ports import Bookkeeper, OtherChannels
from gateway.exchange.reception import Receiver
from gateway.exchange.responding import Responder
from gateway.exchange.routing_job import RoutingJob
from gateway.exchange.salvage import salvage
from gateway.exchange.submission import Submission
from gateway.network.service import Network
from gateway.network.smp_client import Lookup
from gateway.validation.service import ValidationService

__all__ = ["Parts", "departures_of", "register_exchange", "serve_exchange"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The services that others are made of."""

    platform: Platform
    network: Network
    lookup: Lookup
    archive: Archive
    validation: ValidationService
    books: Bookkeeper
    channels: OtherChannels
    events: DocumentEvents
    answers: Answers
    handing_over: HandingOver
    conversion: Conversion


def departures_of(parts: Parts) -> Departures:
    """What sends documents off to the endpoints found for them."""
    return Departures(
        archive=parts.archive,
        queue=parts.platform.queue,
        lookup=parts.lookup,
        events=parts.events,
        now=now,
    )


def serve_exchange(application: web.Application, parts: Parts) -> None:
    """Give the handlers of the exchange their services."""
    platform, archive = parts.platform, parts.archive
    database, queue, faults = platform.database, platform.queue, platform.faults
    limit = platform.settings.http.max_body_bytes
    limits = Limits.of(platform.settings.limits)
    application[keys.ARCHIVE] = archive
    application[keys.EVIDENCE] = EvidenceBuilder(
        database=database, archive=archive, network=parts.network, now=now
    )
    application[keys.SUBMISSION] = Submission(
        database=database,
        archive=archive,
        queue=queue,
        validation=parts.validation,
        intake=Intake(conversion=parts.conversion, lookup=parts.lookup, now=now),
        books=parts.books,
        channels=parts.channels,
        departures=departures_of(parts),
        events=parts.events,
        now=now,
        faults=faults,
    )
    application[keys.RESPONDER] = Responder(
        database=database,
        archive=archive,
        queue=queue,
        validation=parts.validation,
        events=parts.events,
        now=now,
        faults=faults,
    )
    application[keys.RECEIVER] = Receiver(
        database=database,
        archive=archive,
        queue=queue,
        network=parts.network,
        now=now,
        faults=faults,
        limits=UnpackLimits(mime=MimeLimits(max_part_bytes=limit), max_document_bytes=limit),
        seats=limits.as4_seat,
        check=platform.settings.participants.receiver_check,
    )
    serve_handover(application, parts.handing_over)
    serve_answers(application, platform, archive, parts.answers)
    application[LIMITS] = limits
    application[as4_server.FAULTS] = faults


def register_exchange(registry: Registry, parts: Parts) -> None:
    """Say how what arrived is routed."""
    platform, archive = parts.platform, parts.archive
    database, queue = platform.database, platform.queue

    async def keep_unrouted(session: AsyncSession, job: Job, error: JobError) -> None:
        at = now()
        document = await salvage(session, UUID(job.payload["reception_id"]), error, at=at)
        if document is not None:
            await owe_unrouted(session, document, archive=archive, outcomes=parts.answers.outcomes)
            await parts.events.entered(session, document, {"code": error.code}, at=at)

    registry.add(
        ROUTE,
        RoutingJob(
            database=database,
            archive=archive,
            queue=queue,
            validation=parts.validation,
            correlator=parts.answers.correlator,
            outcomes=parts.answers.outcomes,
            events=parts.events,
            handovers=parts.handing_over.handovers,
            now=now,
            faults=platform.faults,
        ),
        on_dead=keep_unrouted,
    )
    register_handover(registry, platform, archive, parts.handing_over)
    register_answers(registry, platform, archive, parts.answers)
