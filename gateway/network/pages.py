"""The page of the network: our participants, our seats, and a look at anybody else's address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web
from cryptography import x509

from gateway.access.principal import principal
from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    INVOICE_RESPONSE,
    MESSAGE_LEVEL_STATUS,
    PROCESS_BILLING,
    PROCESS_INVOICE_RESPONSE,
    PROCESS_MLS,
    PROCESS_REMINDER,
    REMINDER,
    IdentifierInvalid,
)
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import RENDER, Face, Route
from gateway.network import queries
from gateway.network.api import LOOKUP, PARTICIPANTS
from gateway.network.api_models import read_participant
from gateway.network.service import NETWORK, Network
from gateway.network.smp_client import Found
from gateway.network.tables import Capability, Participant, Seat

__all__ = ["ROUTES"]

_SHOWN: Final = 100
_SUBJECTS: Final = {
    "invoice": (BILLING_INVOICE, PROCESS_BILLING),
    "credit-note": (BILLING_CREDIT_NOTE, PROCESS_BILLING),
    "invoice-response": (INVOICE_RESPONSE, PROCESS_INVOICE_RESPONSE),
    "mls": (MESSAGE_LEVEL_STATUS, PROCESS_MLS),
    "reminder": (REMINDER, PROCESS_REMINDER),
}
_KNOWN_TYPES: Final = {str(pair[0]): name for name, pair in _SUBJECTS.items()}


@dataclass(frozen=True, slots=True)
class _SeatView:
    """A seat and how long its newest certificate holds; ``problem`` is an error code."""

    seat: Seat
    expires: datetime | None
    days_left: int | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class _Question:
    """What the visitor asked the network, and the answer or the reason there is none."""

    participant: str
    subject: str
    found: Found | None = None
    fault: str = ""
    reason: str = ""


async def show_network(request: web.Request) -> web.Response:
    """Participants with what they accept, seats with their certificates, and a lookup."""
    caller, network = principal(request), request.app[NETWORK]
    participants = request.app[PARTICIPANTS]
    rows = await participants.page(caller.tenant_id, after=None, limit=_SHOWN)
    context = {
        "participants": await _accepted(request, rows),
        "seats": [_seat(network, one) for one in await participants.seats()],
        "subjects": tuple(_SUBJECTS),
        "question": await _ask(request),
        "known_types": _KNOWN_TYPES,
        "common_name": _common_name,
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


async def _ask(request: web.Request) -> _Question | None:
    participant = request.query.get("participant", "").strip()
    subject = request.query.get("subject", "invoice")
    if not participant:
        return None
    document_type, process = _SUBJECTS.get(subject, _SUBJECTS["invoice"])
    try:
        found = await request.app[LOOKUP].find(
            read_participant(participant),
            document_type,
            process,
            at=request.app[NETWORK].now(),
            fresh=True,
        )
    except IdentifierInvalid as error:
        return _Question(participant, subject, fault=error.code, reason=error.message)
    except GatewayError as error:
        return _Question(participant, subject, fault=error.code, reason=error.message)
    return _Question(participant, subject, found=found)


def _common_name(certificate: x509.Certificate) -> str:
    """The seat a certificate was issued for, or its whole subject."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


ROUTES: Final = (
    Route("GET", "/network", show_network, "network:read", "Show the network", Face.PAGE),
)
