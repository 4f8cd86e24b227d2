"""The API's look at any participant of the network: what it accepts, where, and what is usable."""

from typing import Final

from aiohttp import web

from gateway.as4.identifiers import IdentifierInvalid
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND, Route, json_answer, query_of
from gateway.network.api_models import read_document_type, read_participant, read_process
from gateway.network.lookup_inspection import Inspector
from gateway.network.lookup_models import InspectionOut, InspectionQuery
from gateway.network.service import NETWORK

__all__ = ["INSPECTOR", "ROUTES"]

INSPECTOR: Final = web.AppKey("inspector", Inspector)


async def inspect(request: web.Request) -> web.Response:
    """Everything the network publishes about a participant now."""
    query = query_of(request, InspectionQuery)
    try:
        participant = read_participant(request.match_info["participant"])
    except IdentifierInvalid as error:
        raise GatewayError(NOT_FOUND, error.message, reason=error.code) from error
    asked, process = query.document_type, query.process
    found = await request.app[INSPECTOR].inspect(
        participant,
        at=request.app[NETWORK].now(),
        document_type=None if asked is None else read_document_type(asked),
        process=None if process is None else read_process(process),
        fresh=query.fresh,
    )
    return json_answer(InspectionOut.of(found))


ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/lookups/{participant}",
        handler=inspect,
        scope="network:read",
        summary="Look at a participant: its SMP, what it accepts and where, why it is usable",
        query=InspectionQuery,
        answer=InspectionOut,
    ),
)
