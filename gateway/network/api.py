"""The network's API: participants, what our SMP publishes about them, seats."""

from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.as4.identifiers import DocumentTypeId, IdentifierInvalid, ParticipantId
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND, Route, body_of, json_answer, query_of
from gateway.core.paging import Cut
from gateway.network.api_models import (
    ParticipantIn,
    ParticipantOut,
    ParticipantPage,
    ParticipantQuery,
    PublicationIn,
    PublicationOut,
    SeatList,
    SeatOut,
    read_document_type,
    read_participant,
)
from gateway.network.participants import BILLING_OFFERS, Participants
from gateway.network.service import NETWORK, Network
from gateway.network.tables import Seat

__all__ = ["PARTICIPANTS", "ROUTES"]

PARTICIPANTS: Final = web.AppKey("participants", Participants)


async def list_participants(request: web.Request) -> web.Response:
    """A page of the caller's participants."""
    query = query_of(request, ParticipantQuery)
    rows = await request.app[PARTICIPANTS].page(
        principal(request).tenant_id, after=query.cursor, limit=query.limit + 1
    )
    page = Cut.at(rows, query.limit)
    cursor = page.cursor(lambda one: str(one.id))
    return json_answer(
        ParticipantPage(items=[ParticipantOut.of(one) for one in page.shown], next_cursor=cursor)
    )


async def register_participant(request: web.Request) -> web.Response:
    """Register a participant of the caller."""
    body = await body_of(request, ParticipantIn)
    services = body.services
    offers = (
        BILLING_OFFERS
        if services is None
        else [
            process.offer(read_document_type(service.document_type))
            for service in services
            for process in service.processes
        ]
    )
    caller = principal(request)
    row = await request.app[PARTICIPANTS].register(
        caller.tenant_id,
        read_participant(body.participant),
        name=body.name,
        country=body.country,
        seat_id=body.seat_id,
        offers=offers,
        announce=body.announce,
        caller=caller,
    )
    return json_answer(ParticipantOut.of(row), status=201)


async def get_publication(request: web.Request) -> web.Response:
    """What is published about one document type."""
    participant, document_type = _published_thing(request)
    rows = await request.app[PARTICIPANTS].published(
        principal(request).tenant_id, participant, document_type
    )
    return json_answer(PublicationOut.of(participant, document_type, rows))


async def put_publication(request: web.Request) -> web.Response:
    """Publish one document type, in place of what was published about it."""
    participant, document_type = _published_thing(request)
    body = await body_of(request, PublicationIn)
    caller = principal(request)
    rows = await request.app[PARTICIPANTS].publish(
        caller.tenant_id,
        participant,
        document_type,
        [process.offer(document_type) for process in body.processes],
        caller=caller,
    )
    return json_answer(PublicationOut.of(participant, document_type, rows))


async def delete_publication(request: web.Request) -> web.Response:
    """Publish nothing about one document type any more."""
    participant, document_type = _published_thing(request)
    caller = principal(request)
    await request.app[PARTICIPANTS].withdraw(
        caller.tenant_id, participant, document_type, caller=caller
    )
    return web.Response(status=204)


async def list_seats(request: web.Request) -> web.Response:
    """The seats of this instance with the certificates to publish."""
    network = request.app[NETWORK]
    rows = await request.app[PARTICIPANTS].seats()
    return json_answer(SeatList(items=[_seat(network, row) for row in rows]))


def _seat(network: Network, row: Seat) -> SeatOut:
    """One seat; lost keys of one must not hide the others."""
    try:
        return SeatOut.of(row, network.key_ring(row.seat_id).pairs)
    except GatewayError as error:
        return SeatOut.of(row, (), key_problem=error.code)


def _published_thing(request: web.Request) -> tuple[ParticipantId, DocumentTypeId]:
    try:
        return (
            read_participant(request.match_info["participant"]),
            read_document_type(request.match_info["document_type"]),
        )
    except IdentifierInvalid as error:
        raise GatewayError(NOT_FOUND, error.message, reason=error.code) from error


_PUBLICATION: Final = "/v1/smp/participants/{participant}/services/{document_type}"

ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/participants",
        handler=list_participants,
        scope="participants:read",
        summary="List the account's participants",
        query=ParticipantQuery,
        answer=ParticipantPage,
    ),
    Route(
        method="POST",
        path="/v1/participants",
        handler=register_participant,
        scope="participants:write",
        summary="Register a participant and what it accepts",
        body=ParticipantIn,
        answer=ParticipantOut,
        status=201,
        statuses={409: "The participant is registered here already", 422: "Not publishable"},
    ),
    Route(
        method="GET",
        path=_PUBLICATION,
        handler=get_publication,
        scope="participants:read",
        summary="Show what is published about a document type",
        answer=PublicationOut,
        statuses={404: "Nothing is published about it"},
    ),
    Route(
        method="PUT",
        path=_PUBLICATION,
        handler=put_publication,
        scope="participants:write",
        summary="Publish a document type of a participant",
        body=PublicationIn,
        answer=PublicationOut,
        statuses={404: "No such participant", 422: "Not publishable"},
    ),
    Route(
        method="DELETE",
        path=_PUBLICATION,
        handler=delete_publication,
        scope="participants:write",
        summary="Withdraw a document type of a participant",
        status=204,
        statuses={404: "Nothing is published about it"},
    ),
    Route(
        method="GET",
        path="/v1/seats",
        handler=list_seats,
        scope="network:read",
        summary="List the seats of this gateway with their certificates",
        answer=SeatList,
    ),
)
