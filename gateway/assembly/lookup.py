"""How one process finds receivers: DNS or file, SMPs, what is remembered of both."""

from dataclasses import dataclass

from aiohttp import web

from gateway.assembly.platform import Platform, locator_of
from gateway.network.lookup_api import INSPECTOR
from gateway.network.lookup_inspection import Inspector
from gateway.network.lookup_memory import AnswerMemory
from gateway.network.lookup_reader import SmpReader
from gateway.network.service import Network
from gateway.network.smp_client import Lookup

__all__ = ["Lookups", "lookups_of", "serve_lookups"]


@dataclass(frozen=True, slots=True)
class Lookups:
    """For whoever sends, and for whoever looks; both read with the same rules and memory."""

    lookup: Lookup
    inspector: Inspector


def lookups_of(platform: Platform, network: Network) -> Lookups:
    """The lookups by the instance's settings."""
    settings = platform.settings
    locator = locator_of(settings)
    reader = SmpReader(
        session=platform.http,
        trust=network.trust,
        stage=settings.stage,
        timeout_s=settings.network.connect_timeout_s,
        memory=AnswerMemory(database=platform.database, ttl_s=settings.network.lookup_cache_s),
    )
    return Lookups(
        lookup=Lookup(locator=locator, reader=reader, cache_s=settings.network.lookup_cache_s),
        inspector=Inspector(locator=locator, reader=reader),
    )


def serve_lookups(application: web.Application, lookups: Lookups) -> None:
    """Give the handlers of lookups their service."""
    application[INSPECTOR] = lookups.inspector
