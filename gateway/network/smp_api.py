"""The SMP's public face: what anybody on the network may ask about our participants.

Source: SMP 1.4.0 as in exchange facts 2.10. Identifiers arrive percent-encoded in the path.
"""

from typing import Final

from aiohttp import web

from gateway.as4.identifiers import DocumentTypeId, IdentifierInvalid, ParticipantId
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, NOT_FOUND, Face, Route
from gateway.network.smp_server import SmpServer

__all__ = ["ROUTES", "SMP_SERVER"]

SMP_SERVER: Final = web.AppKey("smp_server", SmpServer)


async def get_service_group(request: web.Request) -> web.Response:
    """Answer what a participant accepts."""
    participant = _participant(request)
    body = await request.app[SMP_SERVER].service_group(participant)
    return _answer(body, f"{participant.value} is not registered here.")


async def get_service_metadata(request: web.Request) -> web.Response:
    """Answer where a participant accepts one document type."""
    participant = _participant(request)
    try:
        document_type = DocumentTypeId.parse(request.match_info["document_type"])
    except IdentifierInvalid as error:
        raise GatewayError(BAD_REQUEST, error.message, reason=error.code) from error
    body = await request.app[SMP_SERVER].service_metadata(participant, document_type)
    return _answer(body, f"{participant.value} has not registered this document type here.")


def _participant(request: web.Request) -> ParticipantId:
    try:
        return ParticipantId.parse(request.match_info["participant"])
    except IdentifierInvalid as error:
        raise GatewayError(BAD_REQUEST, error.message, reason=error.code) from error


def _answer(body: bytes | None, nothing: str) -> web.Response:
    if body is None:
        raise GatewayError(NOT_FOUND, nothing)
    return web.Response(body=body, content_type="text/xml", charset="utf-8")


ROUTES: Final = (
    Route(
        method="GET",
        path="/smp/{participant}",
        handler=get_service_group,
        scope=None,
        face=Face.NETWORK,
        summary="The document types a participant accepts (SMP ServiceGroup)",
        answer="text/xml",
        statuses={404: "Not a participant of this SMP"},
    ),
    Route(
        method="GET",
        path="/smp/{participant}/services/{document_type}",
        handler=get_service_metadata,
        scope=None,
        face=Face.NETWORK,
        summary="Where a participant accepts a document type (SMP SignedServiceMetadata)",
        answer="text/xml",
        statuses={404: "Nothing is registered under exactly this identifier"},
    ),
)
