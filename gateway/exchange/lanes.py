"""The kinds of background work of the exchange and the lanes they queue in.

Lookups queue per participant, deliveries per receiving access point: one slow peer never holds
up the others, and a peer is never flooded.
"""

from typing import Final
from uuid import UUID

from yarl import URL

from gateway.as4.identifiers import ParticipantId

__all__ = [
    "ACCESS_POINTS",
    "AGEING",
    "DELIVER",
    "HAND_OVER",
    "LOOKUP",
    "ROUTE",
    "delivery_lane",
    "job_key",
    "lookup_lane",
]

LOOKUP: Final = "exchange.lookup"
DELIVER: Final = "exchange.deliver"
ROUTE: Final = "exchange.route"
HAND_OVER: Final = "exchange.hand-over"
AGEING: Final = "exchange.ageing"

ACCESS_POINTS: Final = "ap:"
"""How the lanes of receiving access points begin."""


def job_key(kind: str, row_id: UUID, round_: int) -> str:
    """The dedupe key of the one job of this kind about a row in its n-th round."""
    return f"{kind}:{row_id}:{round_}" if round_ else f"{kind}:{row_id}"


def lookup_lane(participant: ParticipantId) -> str:
    """The lane of everything that asks the network about one participant."""
    return f"participant:{participant.value}"


def delivery_lane(endpoint_url: str) -> str:
    """The lane of everything that goes to one access point."""
    url = URL(endpoint_url)
    # The longest host names share a lane by their end: a lane's name has 200 characters.
    return f"{ACCESS_POINTS}{(url.host or '')[-180:]}:{url.port}"
