"""The SMP's public face: what anybody on the network may ask about our participants.

Source: SMP 1.4.0 as in exchange facts 2.10; the business card as the Peppol Directory asks for
it. Identifiers arrive percent-encoded in the path, by some peers twice; participants are
compared without regard to case. Answers carry an ETag, so that who asks often need not read the
same thing again; a minute is as long as anybody may go without asking.
"""

import hashlib
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import unquote

from aiohttp import ETag, web

from gateway.as4.identifiers import DocumentTypeId, IdentifierInvalid, ParticipantId
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, NOT_FOUND, Face, Route
from gateway.network.smp_server import SmpServer

__all__ = ["ROUTES", "SMP_SERVER"]

SMP_SERVER: Final = web.AppKey("smp_server", SmpServer)
FRESH_FOR_S: Final = 60

_Id = TypeVar("_Id")


async def get_service_group(request: web.Request) -> web.Response:
    """Answer what a participant accepts."""
    participant = _participant(request)
    body = await request.app[SMP_SERVER].service_group(participant)
    return _answer(request, body, f"{participant.value} is not registered here.")


async def get_service_metadata(request: web.Request) -> web.Response:
    """Answer where a participant accepts one document type."""
    participant = _participant(request)
    document_type = _read(DocumentTypeId.parse, request.match_info["document_type"])
    body = await request.app[SMP_SERVER].service_metadata(participant, document_type)
    nothing = f"{participant.value} has not registered this document type here."
    return _answer(request, body, nothing)


async def get_business_card(request: web.Request) -> web.Response:
    """Answer what the directory may show about a participant."""
    participant = _participant(request)
    body = await request.app[SMP_SERVER].business_card(participant)
    return _answer(request, body, f"{participant.value} has no business card here.")


def _participant(request: web.Request) -> ParticipantId:
    return _read(ParticipantId.parse, request.match_info["participant"])


def _read(parse: Callable[[str], _Id], text: str) -> _Id:
    """An identifier of the path, once more decoded if the peer encoded it twice."""
    try:
        return parse(unquote(text) if "%3A%3A" in text.upper() else text)
    except IdentifierInvalid as error:
        raise GatewayError(BAD_REQUEST, error.message, reason=error.code) from error


def _answer(request: web.Request, body: bytes | None, nothing: str) -> web.Response:
    if body is None:
        raise GatewayError(NOT_FOUND, nothing)
    tag = ETag(hashlib.sha256(body).hexdigest()[:32])
    known = request.if_none_match or ()
    if any(one.value in (tag.value, "*") for one in known):
        response = web.Response(status=304)
    else:
        response = web.Response(body=body, content_type="text/xml", charset="utf-8")
    response.etag = tag
    response.headers["Cache-Control"] = f"public, max-age={FRESH_FOR_S}, must-revalidate"
    return response


ROUTES: Final = (
    Route(
        method="GET",
        path="/smp/businesscard/{participant}",
        handler=get_business_card,
        scope=None,
        face=Face.NETWORK,
        summary="What the Peppol Directory may show about a participant (business card)",
        answer="text/xml",
        statuses={304: "As before", 404: "Nothing to show"},
    ),
    Route(
        method="GET",
        path="/smp/{participant}",
        handler=get_service_group,
        scope=None,
        face=Face.NETWORK,
        summary="The document types a participant accepts (SMP ServiceGroup)",
        answer="text/xml",
        statuses={304: "As before", 404: "Not a participant of this SMP"},
    ),
    Route(
        method="GET",
        path="/smp/{participant}/services/{document_type}",
        handler=get_service_metadata,
        scope=None,
        face=Face.NETWORK,
        summary="Where a participant accepts a document type (SMP SignedServiceMetadata)",
        answer="text/xml",
        statuses={304: "As before", 404: "Nothing is registered under exactly this identifier"},
    ),
)
