"""The API of registration in the SML: entries, moves between SMPs, our SMP itself."""

from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.http import Route, body_of, json_answer, path_id
from gateway.network import queries
from gateway.network.participant_api import named_participant
from gateway.network.participant_api_models import (
    ArrivalIn,
    MoveList,
    MoveOut,
    PublisherOut,
    RegistrationOut,
    SynchroniseOut,
)
from gateway.network.participant_keys import MOVES, REGISTRAR
from gateway.network.participants import require_own

__all__ = ["ROUTES"]


async def list_moves(request: web.Request) -> web.Response:
    """The participant's entry in the SML and its moves."""
    caller, participant = principal(request), named_participant(request)
    async with request.app[DATABASE].read() as session:
        entry = await queries.registration(session, participant)
        moves = await queries.moves(session, caller.tenant_id, participant)
        if not moves:
            await require_own(session, caller.tenant_id, participant)
    known = entry is not None and entry.tenant_id == caller.tenant_id
    return json_answer(
        MoveList(
            registration=RegistrationOut.of(entry) if entry is not None and known else None,
            items=[MoveOut.of(one) for one in moves],
        )
    )


async def prepare_move(request: web.Request) -> web.Response:
    """Let a participant leave; the key is shown this once."""
    prepared = await request.app[MOVES].prepare(principal(request), named_participant(request))
    return json_answer(MoveOut.of(prepared.move, key=prepared.key), status=201)


async def arrive(request: web.Request) -> web.Response:
    """Take a participant over from another SMP."""
    body = await body_of(request, ArrivalIn)
    row = await request.app[MOVES].arrive(
        principal(request), named_participant(request), body.migration_key
    )
    return json_answer(MoveOut.of(row), status=201)


async def complete_move(request: web.Request) -> web.Response:
    """Note that the other SMP has taken over."""
    row = await request.app[MOVES].complete(principal(request), path_id(request, "move_id"))
    return json_answer(MoveOut.of(row))


async def cancel_move(request: web.Request) -> web.Response:
    """Make a key void."""
    row = await request.app[MOVES].cancel(principal(request), path_id(request, "move_id"))
    return json_answer(MoveOut.of(row))


async def retry_registration(request: web.Request) -> web.Response:
    """Try a failed registration again."""
    row = await request.app[REGISTRAR].try_again(principal(request), named_participant(request))
    return json_answer(RegistrationOut.of(row), status=202)


async def put_publisher(request: web.Request) -> web.Response:
    """Make our SMP known to the SML under its present address."""
    publisher = await request.app[REGISTRAR].announce_smp(principal(request))
    return json_answer(
        PublisherOut(smp_id=publisher.smp_id, logical_address=publisher.logical_address)
    )


async def synchronise(request: web.Request) -> web.Response:
    """Register every published participant that is not."""
    asked = await request.app[REGISTRAR].synchronise(principal(request))
    return json_answer(SynchroniseOut(asked=asked), status=202)


_ONE: Final = "/v1/participants/{participant}"
_SML: Final = {409: "SML is off, or not in a state for this", 502: "The SML could not be asked"}

ROUTES: Final = (
    Route(
        method="GET",
        path=f"{_ONE}/moves",
        handler=list_moves,
        scope="participants:read",
        summary="Show a participant's entry in the SML and its moves between SMPs",
        answer=MoveList,
        statuses={404: "No such participant"},
    ),
    Route(
        method="POST",
        path=f"{_ONE}/moves",
        handler=prepare_move,
        scope="participants:write",
        summary="Let a participant leave for another SMP; the key is shown once",
        answer=MoveOut,
        status=201,
        statuses=_SML,
    ),
    Route(
        method="POST",
        path=f"{_ONE}/arrival",
        handler=arrive,
        scope="participants:write",
        summary="Take a participant over from another SMP with its migration key",
        body=ArrivalIn,
        answer=MoveOut,
        status=201,
        statuses={**_SML, 422: "No migration key, or refused by the SML"},
    ),
    Route(
        method="POST",
        path="/v1/moves/{move_id}/completion",
        handler=complete_move,
        scope="participants:write",
        summary="Note that the other SMP has taken a participant over",
        answer=MoveOut,
        statuses={404: "No such move", 409: "The SML still leads here, or it is over"},
    ),
    Route(
        method="DELETE",
        path="/v1/moves/{move_id}",
        handler=cancel_move,
        scope="participants:write",
        summary="Make a migration key void",
        answer=MoveOut,
        statuses={404: "No such move", **_SML},
    ),
    Route(
        method="POST",
        path=f"{_ONE}/registration",
        handler=retry_registration,
        scope="participants:write",
        summary="Try a failed registration in the SML again",
        answer=RegistrationOut,
        status=202,
        statuses=_SML,
    ),
    Route(
        method="PUT",
        path="/v1/sml/publisher",
        handler=put_publisher,
        scope="operations:write",
        summary="Make our SMP known to the SML under its present address",
        answer=PublisherOut,
        statuses=_SML,
    ),
    Route(
        method="POST",
        path="/v1/sml/synchronisation",
        handler=synchronise,
        scope="operations:write",
        summary="Register every published participant that is not in the SML",
        answer=SynchroniseOut,
        status=202,
        statuses=_SML,
    ),
)
