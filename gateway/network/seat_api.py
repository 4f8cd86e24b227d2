"""The API of a seat: what each of its certificates does now, and when a renewed one takes over."""

from datetime import datetime
from typing import Final

from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import AwareDatetime, BaseModel, ConfigDict

from gateway.access.principal import principal
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import Route, body_of, json_answer
from gateway.network.key_schedule import SCHEDULES
from gateway.network.seat_view import SeatCertificate, seat_certificates
from gateway.network.service import NETWORK, Network

__all__ = ["ROUTES", "SEAT_NOT_HERE"]

SEAT_NOT_HERE: Final = ErrorKind("SEAT-NOT-HERE", "There is no such seat here", 404)


class SeatCertificateOut(BaseModel):
    """One certificate of a seat.

    ``state`` is signing (signs, decrypts, published by our SMP), waiting (decrypts, takes over at
    ``signs_from``), retiring (decrypts until senders have noticed) or expired. From
    ``removable_from`` on its files may be removed. ``key`` is where the private key is kept.
    """

    fingerprint: str
    name: str
    subject: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    days_left: int
    state: str
    signs: bool
    decrypts: bool
    published: bool
    signs_from: datetime
    removable_from: datetime | None
    key: str
    pem: str


class SeatDetail(BaseModel):
    """A seat's certificates, newest first; never its keys."""

    seat_id: str
    certificates: list[SeatCertificateOut]


class ScheduleIn(BaseModel):
    """From when the certificate signs and is published, with time zone."""

    model_config = ConfigDict(extra="forbid")

    signs_from: AwareDatetime


async def get_seat(request: web.Request) -> web.Response:
    """One seat with what each of its certificates does."""
    return json_answer(_detail(request.app[NETWORK], request.match_info["seat_id"]))


async def schedule_certificate(request: web.Request) -> web.Response:
    """Decide from when a certificate signs; the answer shows the seat as it is now."""
    caller = principal(request)
    body = await body_of(request, ScheduleIn)
    network, seat_id = request.app[NETWORK], request.match_info["seat_id"]
    _require_here(network, seat_id)
    await request.app[SCHEDULES].decide(
        seat_id,
        request.match_info["fingerprint"],
        body.signs_from,
        tenant_id=caller.tenant_id,
        actor=caller.actor,
    )
    return json_answer(_detail(network, seat_id))


def _detail(network: Network, seat_id: str) -> SeatDetail:
    _require_here(network, seat_id)
    found = seat_certificates(network.key_ring(seat_id), network.now())
    return SeatDetail(seat_id=seat_id, certificates=[_certificate(one) for one in found])


def _require_here(network: Network, seat_id: str) -> None:
    if seat_id not in network.all_seat_ids():
        raise GatewayError(
            SEAT_NOT_HERE,
            "No seat of that name has its keys here. GET /v1/seats lists the seats.",
        )


def _certificate(one: SeatCertificate) -> SeatCertificateOut:
    certificate = one.pair.certificate
    signs = one.state == "signing"
    return SeatCertificateOut(
        fingerprint=one.fingerprint,
        name=one.pair.name,
        subject=certificate.subject.rfc4514_string(),
        serial_number=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=one.not_after,
        days_left=one.days_left,
        state=one.state.value,
        signs=signs,
        decrypts=True,
        published=signs,
        signs_from=one.signs_from,
        removable_from=one.removable_from,
        key="token" if one.pair.on_token else "file",
        pem=certificate.public_bytes(Encoding.PEM).decode(),
    )


ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/seats/{seat_id}",
        handler=get_seat,
        scope="operations:read",
        summary="Show what each certificate of a seat does",
        answer=SeatDetail,
        statuses={404: "No such seat here", 500: "Its keys cannot be used"},
    ),
    Route(
        method="PUT",
        path="/v1/seats/{seat_id}/certificates/{fingerprint}/schedule",
        handler=schedule_certificate,
        scope="operations:write",
        summary="Decide from when a certificate of a seat signs and is published",
        body=ScheduleIn,
        answer=SeatDetail,
        statuses={404: "No such seat or certificate", 422: "Outside of its validity"},
    ),
)
