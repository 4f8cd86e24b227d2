"""The API of end-user identification: rules, records and whether they hold."""

from typing import Final
from uuid import UUID

from aiohttp import web
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal, principal
from gateway.access.tables import Tenant
from gateway.as4.identifiers import ParticipantId
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND, Route, body_of, json_answer
from gateway.network import queries
from gateway.network.identification_service import Identifications
from gateway.network.participant_api import named_participant
from gateway.network.participant_api_models import (
    IdentificationHistory,
    IdentificationIn,
    IdentificationOut,
    IdentificationRulesOut,
)
from gateway.network.participant_keys import IDENTIFICATIONS

__all__ = ["ROUTES", "account_of"]


async def get_rules(request: web.Request) -> web.Response:
    """What a complete record has."""
    return json_answer(IdentificationRulesOut.of(request.app[IDENTIFICATIONS].rules))


async def get_identification(request: web.Request) -> web.Response:
    """Whether the end user counts as identified, and the history."""
    caller, participant = principal(request), named_participant(request)
    service = request.app[IDENTIFICATIONS]
    async with request.app[DATABASE].read() as session:
        tenant_id = await account_of(session, caller, participant, slug=None)
        standing = await service.standing(session, tenant_id, participant)
    rows = await service.history(tenant_id, participant)
    return json_answer(IdentificationHistory.of(standing, rows, required=service.required))


async def record_identification(request: web.Request) -> web.Response:
    """Add a record to the history."""
    body = await body_of(request, IdentificationIn)
    caller, participant = principal(request), named_participant(request)
    service: Identifications = request.app[IDENTIFICATIONS]
    async with request.app[DATABASE].read() as session:
        tenant_id = await account_of(session, caller, participant, slug=body.account)
    row = await service.record(caller, tenant_id, participant, body.new())
    return json_answer(IdentificationOut.of(row), status=201)


async def account_of(
    session: AsyncSession, caller: Principal, participant: ParticipantId, *, slug: str | None
) -> UUID:
    """Whose participant is meant: the caller's own, or for the operator anybody's.

    Raises GatewayError NOT-FOUND for an account there is not.
    """
    if "operations:write" not in caller.scopes:
        return caller.tenant_id
    if slug:
        tenant = (await session.exec(select(Tenant).where(Tenant.slug == slug))).first()
        if tenant is None:
            raise GatewayError(NOT_FOUND, "There is no account of that short name.")
        return tenant.id
    row = await queries.registered_participant(session, participant)
    return caller.tenant_id if row is None else row.tenant_id


_PATH: Final = "/v1/participants/{participant}/identification"

ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/identification-rules",
        handler=get_rules,
        scope="participants:read",
        summary="Show what is recorded when an end user is identified",
        answer=IdentificationRulesOut,
    ),
    Route(
        method="GET",
        path=_PATH,
        handler=get_identification,
        scope="participants:read",
        summary="Show whether a participant's end user is identified, and the history",
        answer=IdentificationHistory,
    ),
    Route(
        method="POST",
        path=_PATH,
        handler=record_identification,
        scope="operations:write",
        summary="Record who stands behind a participant, or withdraw that",
        body=IdentificationIn,
        answer=IdentificationOut,
        status=201,
        statuses={404: "No such account", 422: "The record is not complete"},
    ),
)
