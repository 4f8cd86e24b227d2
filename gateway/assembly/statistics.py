"""The statistics of one process: services for handlers, the scheduled job."""

from aiohttp import web

from gateway.as4.identifiers import ParticipantId
from gateway.assembly.exchange import Parts
from gateway.core.clock import now
from gateway.core.jobs.registry import Registry
from gateway.core.settings import Settings, Stage
from gateway.exchange.statistics import job, keys
from gateway.exchange.statistics.period import Timetable
from gateway.exchange.statistics.sending import COLLECTOR, Reporting
from gateway.exchange.statistics.service import Statistics
from gateway.network.identification import read_rules

__all__ = ["register_statistics", "serve_statistics"]


def serve_statistics(application: web.Application, parts: Parts) -> None:
    """Give the handlers their services."""
    application[keys.REPORTING] = _reporting(parts)
    application[keys.STATISTICS] = Statistics(
        database=parts.platform.database,
        archive=parts.archive,
        validation=parts.validation,
        timetable=_timetable(parts.platform.settings),
        rules=read_rules(parts.platform.settings.config_dir),
        collected=_receiver(parts.platform.settings) is not None,
        now=now,
    )


def register_statistics(registry: Registry, parts: Parts) -> None:
    """Say how months are reported by themselves."""
    platform = parts.platform
    job.register(
        registry,
        job.StatisticsJob(
            database=platform.database,
            reporting=_reporting(parts),
            timetable=_timetable(platform.settings),
            now=now,
        ),
    )


def _reporting(parts: Parts) -> Reporting:
    return Reporting(
        database=parts.platform.database,
        archive=parts.archive,
        queue=parts.platform.queue,
        validation=parts.validation,
        events=parts.events,
        receiver=_receiver(parts.platform.settings),
        rules=read_rules(parts.platform.settings.config_dir),
        now=now,
    )


def _timetable(settings: Settings) -> Timetable:
    return Timetable(day=settings.statistics.day, hour=settings.statistics.hour)


def _receiver(settings: Settings) -> ParticipantId | None:
    """Who is told: in production OpenPeppol unless somebody is named, elsewhere only who is."""
    if settings.statistics.receiver:
        return ParticipantId.of(settings.statistics.receiver)
    return COLLECTOR if settings.stage is Stage.PRODUCTION else None
