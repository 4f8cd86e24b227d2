"""The API about one participant: its life, business card and redirects."""

from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.as4.identifiers import DocumentTypeId, IdentifierInvalid, ParticipantId
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND, Route, body_of, json_answer
from gateway.network.api_models import ParticipantOut, read_document_type, read_participant
from gateway.network.participant_api_models import (
    AmendmentIn,
    BusinessCardIn,
    BusinessCardOut,
    ParticipantInFull,
    RedirectIn,
    RedirectOut,
    SuspensionIn,
)
from gateway.network.participant_keys import CHANGES
from gateway.network.service import NETWORK

__all__ = ["ROUTES", "named_participant"]


async def get_participant(request: web.Request) -> web.Response:
    """One participant in full."""
    found = await request.app[CHANGES].show(principal(request), named_participant(request))
    return json_answer(ParticipantInFull.of(found, at=request.app[NETWORK].now()))


async def put_participant(request: web.Request) -> web.Response:
    """Change name, country and service times."""
    body = await body_of(request, AmendmentIn)
    row = await request.app[CHANGES].amend(
        principal(request), named_participant(request), body.amendment()
    )
    return json_answer(ParticipantOut.of(row))


async def delete_participant(request: web.Request) -> web.Response:
    """Remove a participant and its entry in the SML."""
    await request.app[CHANGES].remove(principal(request), named_participant(request))
    return web.Response(status=204)


async def put_suspension(request: web.Request) -> web.Response:
    """Serve a participant no longer."""
    body = await body_of(request, SuspensionIn)
    row = await request.app[CHANGES].suspend(
        principal(request), named_participant(request), because=body.because
    )
    return json_answer(ParticipantOut.of(row))


async def delete_suspension(request: web.Request) -> web.Response:
    """Serve a participant again."""
    row = await request.app[CHANGES].resume(principal(request), named_participant(request))
    return json_answer(ParticipantOut.of(row))


async def put_card(request: web.Request) -> web.Response:
    """Publish a business card."""
    body = await body_of(request, BusinessCardIn)
    row = await request.app[CHANGES].set_card(
        principal(request), named_participant(request), body.entities
    )
    return json_answer(BusinessCardOut.of(row))


async def delete_card(request: web.Request) -> web.Response:
    """Withdraw a business card."""
    await request.app[CHANGES].withdraw_card(principal(request), named_participant(request))
    return web.Response(status=204)


async def put_redirect(request: web.Request) -> web.Response:
    """Let another SMP answer for a document type."""
    body = await body_of(request, RedirectIn)
    row = await request.app[CHANGES].redirect(
        principal(request),
        named_participant(request),
        _document_type(request),
        href=body.href,
        certificate_uid=body.certificate_uid,
    )
    return json_answer(RedirectOut.of(row))


async def delete_redirect(request: web.Request) -> web.Response:
    """Redirect no longer."""
    await request.app[CHANGES].end_redirect(
        principal(request), named_participant(request), _document_type(request)
    )
    return web.Response(status=204)


def named_participant(request: web.Request) -> ParticipantId:
    """The participant in the address. Raises GatewayError NOT-FOUND."""
    try:
        return read_participant(request.match_info["participant"])
    except IdentifierInvalid as error:
        raise GatewayError(NOT_FOUND, error.message, reason=error.code) from error


def _document_type(request: web.Request) -> DocumentTypeId:
    try:
        return read_document_type(request.match_info["document_type"])
    except IdentifierInvalid as error:
        raise GatewayError(NOT_FOUND, error.message, reason=error.code) from error


_ONE: Final = "/v1/participants/{participant}"
_REDIRECT: Final = "/v1/smp/participants/{participant}/redirects/{document_type}"
_UNKNOWN: Final = {404: "No such participant"}

ROUTES: Final = (
    Route(
        method="GET",
        path=_ONE,
        handler=get_participant,
        scope="participants:read",
        summary="Show a participant with everything published about it",
        answer=ParticipantInFull,
        statuses=_UNKNOWN,
    ),
    Route(
        method="PUT",
        path=_ONE,
        handler=put_participant,
        scope="participants:write",
        summary="Change a participant's name, country and service times",
        body=AmendmentIn,
        answer=ParticipantOut,
        statuses={**_UNKNOWN, 422: "It would be served at no time"},
    ),
    Route(
        method="DELETE",
        path=_ONE,
        handler=delete_participant,
        scope="participants:write",
        summary="Remove a participant and its entry in the SML",
        status=204,
        statuses=_UNKNOWN,
    ),
    Route(
        method="PUT",
        path=f"{_ONE}/suspension",
        handler=put_suspension,
        scope="participants:write",
        summary="Keep a participant but serve it no longer",
        body=SuspensionIn,
        answer=ParticipantOut,
        statuses=_UNKNOWN,
    ),
    Route(
        method="DELETE",
        path=f"{_ONE}/suspension",
        handler=delete_suspension,
        scope="participants:write",
        summary="Serve a suspended participant again",
        answer=ParticipantOut,
        statuses=_UNKNOWN,
    ),
    Route(
        method="PUT",
        path=f"{_ONE}/business-card",
        handler=put_card,
        scope="participants:write",
        summary="Publish a participant's business card",
        body=BusinessCardIn,
        answer=BusinessCardOut,
        statuses=_UNKNOWN,
    ),
    Route(
        method="DELETE",
        path=f"{_ONE}/business-card",
        handler=delete_card,
        scope="participants:write",
        summary="Withdraw a participant's business card",
        status=204,
        statuses={404: "No such participant, or it has no card"},
    ),
    Route(
        method="PUT",
        path=_REDIRECT,
        handler=put_redirect,
        scope="participants:write",
        summary="Let another SMP answer for a document type",
        body=RedirectIn,
        answer=RedirectOut,
        statuses={**_UNKNOWN, 422: "Not publishable"},
    ),
    Route(
        method="DELETE",
        path=_REDIRECT,
        handler=delete_redirect,
        scope="participants:write",
        summary="Redirect a document type no longer",
        status=204,
        statuses={404: "No such participant, or no redirect"},
    ),
)
