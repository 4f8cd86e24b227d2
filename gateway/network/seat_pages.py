"""The page of the seats: what each certificate does, until when, and letting one take over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiohttp import web
from cryptography import x509

from gateway.access.principal import principal
from gateway.as4.agreement import common_name
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import RENDER, Face, Route, form_of, seen_other
from gateway.network import queries
from gateway.network.key_schedule import KEY_SCHEDULE_INVALID, SCHEDULES
from gateway.network.seat_view import SeatCertificate, seat_certificates
from gateway.network.service import NETWORK, Network
from gateway.network.tables import Seat

__all__ = ["ROUTES"]

_SOON_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class _SeatView:
    """A seat with its certificates; ``problem`` is what keeps its keys from being used."""

    seat: Seat
    certificates: Sequence[SeatCertificate]
    problem: GatewayError | None


@dataclass(frozen=True, slots=True)
class _AnchorView:
    """A trust anchor: root, or issuer for access points (``ap``) or SMPs (``smp``)."""

    kind: str
    name: str
    not_after: datetime
    days_left: int


async def show_seats(request: web.Request) -> web.Response:
    """Every seat, and whom this instance trusts."""
    return await _page(request, fault=None)


async def let_sign(request: web.Request) -> web.Response:
    """Let a certificate take over at the moment typed; a refusal is shown on the page."""
    caller, network = principal(request), request.app[NETWORK]
    seat_id = request.match_info["seat_id"]
    form = await form_of(request)
    try:
        if seat_id not in network.all_seat_ids():
            raise GatewayError(KEY_SCHEDULE_INVALID, "No seat of that name has its keys here.")
        await request.app[SCHEDULES].decide(
            seat_id,
            str(form.get("fingerprint", "")),
            _moment(str(form.get("signs_from", ""))) or network.now(),
            tenant_id=caller.tenant_id,
            actor=caller.actor,
        )
    except GatewayError as error:
        return await _page(request, fault=error)
    return seen_other(f"/network/seats?changed={seat_id}")


async def _page(request: web.Request, *, fault: GatewayError | None) -> web.Response:
    network = request.app[NETWORK]
    async with request.app[DATABASE].read() as session:
        rows = await queries.seats(session)
    now = network.now()
    context = {
        "seats": [_seat(network, row, now) for row in rows],
        "anchors": _anchors(network, now),
        "may_change": "operations:write" in principal(request).scopes,
        "soon": _SOON_DAYS,
        "now": now,
        "changed": request.query.get("changed", ""),
        "fault": fault,
    }
    response = request.app[RENDER](request, "network/seats.html", context)
    if fault is not None:
        response.set_status(fault.kind.status)
    return response


def _seat(network: Network, row: Seat, now: datetime) -> _SeatView:
    """One seat; lost keys of one must not hide the others."""
    try:
        ring = network.key_ring(row.seat_id)
    except GatewayError as error:
        return _SeatView(row, (), error)
    return _SeatView(row, seat_certificates(ring, now), None)


def _anchors(network: Network, now: datetime) -> list[_AnchorView]:
    found = network.anchors
    groups = (("root", found.roots), ("ap", found.ap), ("smp", found.smp))
    return [_anchor(kind, one, now) for kind, group in groups for one in group]


def _anchor(kind: str, certificate: x509.Certificate, now: datetime) -> _AnchorView:
    end = certificate.not_valid_after_utc
    name = common_name(certificate) or certificate.subject.rfc4514_string()
    return _AnchorView(kind=kind, name=name, not_after=end, days_left=(end - now).days)


def _moment(text: str) -> datetime | None:
    """What a browser's date and time field holds, read as UTC; None when it is empty."""
    if not text.strip():
        return None
    try:
        typed = datetime.fromisoformat(text.strip())
        return typed.replace(tzinfo=UTC) if typed.tzinfo is None else typed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise GatewayError(
            KEY_SCHEDULE_INVALID, f"'{text[:40]}' is no date with time; write 2026-12-31T08:00."
        ) from None


ROUTES: Final = (
    Route("GET", "/network/seats", show_seats, "network:read", "Show the seats", Face.PAGE),
    Route(
        "POST",
        "/network/seats/{seat_id}",
        let_sign,
        "operations:write",
        "Let a certificate take over",
        Face.PAGE,
    ),
)
