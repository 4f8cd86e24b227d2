"""The page of the network: our participants and our seats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    INVOICE_RESPONSE,
    MESSAGE_LEVEL_STATUS,
    REMINDER,
)
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import RENDER, Face, Route
from gateway.network import queries
from gateway.network.api import PARTICIPANTS
from gateway.network.service import NETWORK, Network
from gateway.network.tables import Capability, Participant, Seat

__all__ = ["ROUTES"]

_SHOWN: Final = 100
_KNOWN_TYPES: Final = {
    str(BILLING_INVOICE): "invoice",
    str(BILLING_CREDIT_NOTE): "credit-note",
    str(INVOICE_RESPONSE): "invoice-response",
    str(MESSAGE_LEVEL_STATUS): "mls",
    str(REMINDER): "reminder",
}


@dataclass(frozen=True, slots=True)
class _SeatView:
    """A seat and how long its newest certificate holds; ``problem`` is an error code."""

    seat: Seat
    expires: datetime | None
    days_left: int | None
    problem: str | None


async def show_network(request: web.Request) -> web.Response:
    """Participants with what they accept, and seats with their certificates."""
    caller, network = principal(request), request.app[NETWORK]
    participants = request.app[PARTICIPANTS]
    rows = await participants.page(caller.tenant_id, after=None, limit=_SHOWN)
    context = {
        "participants": await _accepted(request, rows),
        "seats": [_seat(network, one) for one in await participants.seats()],
        "known_types": _KNOWN_TYPES,
    }
    return request.app[RENDER](request, "network/network.html", context)


async def _accepted(
    request: web.Request, rows: Sequence[Participant]
) -> list[tuple[Participant, Sequence[Capability]]]:
    async with request.app[DATABASE].read() as session:
        return [(row, await queries.capabilities(session, row)) for row in rows]


def _seat(network: Network, row: Seat) -> _SeatView:
    """One seat; lost keys of one must not hide the others."""
    try:
        pairs = network.key_ring(row.seat_id).pairs
    except GatewayError as error:
        return _SeatView(row, None, None, error.code)
    expires = pairs[0].certificate.not_valid_after_utc
    return _SeatView(row, expires, (expires - network.now()).days, None)


ROUTES: Final = (
    Route("GET", "/network", show_network, "network:read", "Show the network", Face.PAGE),
)
