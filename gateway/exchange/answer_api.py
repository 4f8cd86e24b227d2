"""The API of answers: policy, outcomes, Message Level Responses, service levels."""

from typing import Final
from uuid import UUID

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.http import Route, body_of, json_answer, path_id, query_of
from gateway.exchange.answer_csv import csv_of
from gateway.exchange.answer_keys import ANSWER_DESK, MLR_DESK
from gateway.exchange.answer_models import (
    MlrIn,
    OutcomeIn,
    OutcomeOut,
    PolicyIn,
    PolicyOut,
    SideOut,
    SlaCsvQuery,
    SlaOut,
    SlaQuery,
)
from gateway.exchange.answer_tables import MlsSide
from gateway.exchange.api_models import DocumentOut

__all__ = ["ROUTES", "asked_month"]

_DOCUMENT: Final = "/v1/documents/{document_id:[0-9a-f-]{36}}"
_ALL_ROWS: Final = 50_000


async def get_policy(request: web.Request) -> web.Response:
    """How the account answers received documents."""
    policy = await request.app[ANSWER_DESK].policy(principal(request))
    return json_answer(PolicyOut.of(policy))


async def put_policy(request: web.Request) -> web.Response:
    """Set how the account answers received documents."""
    policy = (await body_of(request, PolicyIn)).policy()
    await request.app[ANSWER_DESK].save_policy(principal(request), policy)
    return json_answer(PolicyOut.of(policy))


async def get_outcome(request: web.Request) -> web.Response:
    """The MLS about one document, owed or awaited."""
    record = await request.app[ANSWER_DESK].record(principal(request), _document_id(request))
    return json_answer(OutcomeOut.of(record))


async def post_outcome(request: web.Request) -> web.Response:
    """Report what the business made of a received document."""
    body = await body_of(request, OutcomeIn)
    record = await request.app[ANSWER_DESK].report(
        principal(request),
        _document_id(request),
        body.outcome,
        tuple(one.issue() for one in body.reasons),
        text=body.text,
    )
    return json_answer(OutcomeOut.of(record))


async def post_mlr(request: web.Request) -> web.Response:
    """Send a Message Level Response about a received document."""
    body = await body_of(request, MlrIn)
    mlr = await request.app[MLR_DESK].send(
        principal(request),
        _document_id(request),
        code=body.code,
        text=body.text,
        issues=tuple(one.issue() for one in body.reasons),
    )
    return json_answer(DocumentOut.of(mlr), status=202)


async def get_sla(request: web.Request) -> web.Response:
    """The service levels of one month."""
    year, month = asked_month(request, query_of(request, SlaQuery))
    desk, caller = request.app[ANSWER_DESK], principal(request)
    sides = [
        SideOut.build(found.side, found.total, found.peers, found.late)
        for found in [
            await desk.service_level(caller, side, year, month)
            for side in (MlsSide.OWED, MlsSide.AWAITED)
        ]
    ]
    return json_answer(SlaOut(month=f"{year}-{month:02}", owed=sides[0], awaited=sides[1]))


async def get_sla_csv(request: web.Request) -> web.Response:
    """The service levels of one month as a table."""
    query = query_of(request, SlaCsvQuery)
    year, month = asked_month(request, query)
    desk, caller = request.app[ANSWER_DESK], principal(request)
    found = [
        await desk.service_level(caller, side, year, month, limit=_ALL_ROWS)
        for side in (MlsSide.OWED, MlsSide.AWAITED)
    ]
    name = f"mls-{query.rows}-{year}-{month:02}.csv"
    return web.Response(
        body=csv_of(found, query.rows).encode(),
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def asked_month(request: web.Request, query: SlaQuery) -> tuple[int, int]:
    """The year and month a query names; the present month without."""
    if query.month is None:
        return request.app[ANSWER_DESK].this_month()
    year, month = query.month.split("-")
    return int(year), int(month)


def _document_id(request: web.Request) -> UUID:
    return path_id(request, "document_id")


ROUTES: Final = (
    Route(
        "GET",
        "/v1/answers/policy",
        get_policy,
        "documents:read",
        "How the account answers received documents",
        answer=PolicyOut,
    ),
    Route(
        "PUT",
        "/v1/answers/policy",
        put_policy,
        "settings:write",
        "Set how the account answers received documents",
        body=PolicyIn,
        answer=PolicyOut,
    ),
    Route(
        "GET",
        f"{_DOCUMENT}/outcome",
        get_outcome,
        "documents:read",
        "The MLS about a document, owed or awaited",
        answer=OutcomeOut,
    ),
    Route(
        "POST",
        f"{_DOCUMENT}/outcome",
        post_outcome,
        "responses:send",
        "Report what became of a received document",
        body=OutcomeIn,
        answer=OutcomeOut,
        statuses={
            409: "No outcome is asked about this document",
            422: "The outcome contradicts its reasons",
        },
    ),
    Route(
        "POST",
        f"{_DOCUMENT}/mlr",
        post_mlr,
        "responses:send",
        "Send a Message Level Response (BIS 36) about a received document",
        body=MlrIn,
        answer=DocumentOut,
        status=202,
        statuses={
            409: "This document is not answered by an MLR, or was already",
            422: "The answer contradicts its reasons",
        },
    ),
    Route(
        "GET",
        "/v1/mls/sla",
        get_sla,
        "operations:read",
        "The service levels MLS-1 and MLS-2 of a month",
        query=SlaQuery,
        answer=SlaOut,
    ),
    Route(
        "GET",
        "/v1/mls/sla.csv",
        get_sla_csv,
        "operations:read",
        "The late documents or the access points of a month, as a table",
        query=SlaCsvQuery,
        answer="text/csv",
    ),
)
