"""The kinds of background work of the exchange and the lanes they queue in.

Lookups queue per participant, deliveries per receiving access point: one slow peer never holds
up the others, and a peer is never flooded.
"""

from typing import Final

from yarl import URL

from gateway.as4.identifiers import ParticipantId

__all__ = ["DELIVER", "LOOKUP", "ROUTE", "delivery_lane", "lookup_lane"]

LOOKUP: Final = "exchange.lookup"
DELIVER: Final = "exchange.deliver"
ROUTE: Final = "exchange.route"


def lookup_lane(participant: ParticipantId) -> str:
    """The lane of everything that asks the network about one participant."""
    return f"participant:{participant.value}"


def delivery_lane(endpoint_url: str) -> str:
    """The lane of everything that goes to one access point."""
    url = URL(endpoint_url)
    # The longest host names share a lane by their end: a lane's name has 200 characters.
    return f"ap:{(url.host or '')[-180:]}:{url.port}"
