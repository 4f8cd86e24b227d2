"""How one process finds receivers: DNS or file, SMPs, what is remembered of both."""

from gateway.assembly.platform import Platform, locator_of
from gateway.network.lookup_memory import AnswerMemory
from gateway.network.lookup_reader import SmpReader
from gateway.network.service import Network
from gateway.network.smp_client import Lookup

__all__ = ["lookup_of"]


def lookup_of(platform: Platform, network: Network) -> Lookup:
    """The lookup by the instance's settings."""
    settings = platform.settings
    return Lookup(
        locator=locator_of(settings),
        reader=SmpReader(
            session=platform.http,
            trust=network.trust,
            stage=settings.stage,
            timeout_s=settings.network.connect_timeout_s,
            memory=AnswerMemory(database=platform.database, ttl_s=settings.network.lookup_cache_s),
        ),
        cache_s=settings.network.lookup_cache_s,
    )
