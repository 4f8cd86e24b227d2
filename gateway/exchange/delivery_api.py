"""The API of delivery and hand-over: policies, cancel and resend, fetch and acknowledge."""

from typing import Final

from aiohttp import web
from sqlmodel import col, select

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.http import Route, body_of, json_answer, path_id, query_of
from gateway.core.paging import Cut
from gateway.exchange.api_models import DocumentOut
from gateway.exchange.delivery_api_models import (
    CancelIn,
    DeliveryPolicyIn,
    DeliveryPolicyOut,
    HandOverOut,
    HandOverPolicyIn,
    HandOverPolicyOut,
    InboxItem,
    InboxPage,
    InboxQuery,
)
from gateway.exchange.delivery_keys import (
    DELIVERY_DESK,
    DELIVERY_POLICIES,
    HANDOVER_POLICIES,
    HANDOVERS,
)
from gateway.exchange.delivery_tables import HandOver, HandOverState
from gateway.exchange.tables import Document

__all__ = ["ROUTES"]

_DOCUMENT: Final = "/v1/documents/{document_id:[0-9a-f-]{36}}"


async def get_delivery_policy(request: web.Request) -> web.Response:
    """How patiently the account's documents are sent."""
    policies = request.app[DELIVERY_POLICIES]
    policy, row = await policies.show(principal(request))
    return json_answer(DeliveryPolicyOut.of(policy, row, policies.bounds))


async def put_delivery_policy(request: web.Request) -> web.Response:
    """Set it, within what the instance allows."""
    body, policies = await body_of(request, DeliveryPolicyIn), request.app[DELIVERY_POLICIES]
    row = await policies.save(principal(request), body.policy())
    return json_answer(DeliveryPolicyOut.of(body.policy(), row, policies.bounds))


async def get_handover_policy(request: web.Request) -> web.Response:
    """How the account gets its documents."""
    policies = request.app[HANDOVER_POLICIES]
    row = await policies.show(principal(request))
    return json_answer(HandOverPolicyOut.of(row, policies.channels))


async def put_handover_policy(request: web.Request) -> web.Response:
    """Choose another way for what arrives from now on."""
    body, policies = await body_of(request, HandOverPolicyIn), request.app[HANDOVER_POLICIES]
    row = await policies.save(principal(request), body.choice())
    return json_answer(HandOverPolicyOut.of(row, policies.channels))


async def cancel_document(request: web.Request) -> web.Response:
    """Stop a document of which nothing can have arrived."""
    body = await body_of(request, CancelIn) if request.can_read_body else CancelIn(reason="")
    document = await request.app[DELIVERY_DESK].cancel(
        principal(request), path_id(request, "document_id"), reason=body.reason
    )
    return json_answer(DocumentOut.of(document))


async def resend_document(request: web.Request) -> web.Response:
    """Send a document that was given up once more."""
    document = await request.app[DELIVERY_DESK].resend(
        principal(request), path_id(request, "document_id")
    )
    return json_answer(DocumentOut.of(document), status=202)


async def get_inbox(request: web.Request) -> web.Response:
    """Received documents with their way to the business, oldest first."""
    query, caller = query_of(request, InboxQuery), principal(request)
    wanted = (
        select(HandOver, Document)
        .join(Document, col(Document.id) == col(HandOver.document_id))
        .where(HandOver.tenant_id == caller.tenant_id)
        .order_by(col(HandOver.id))
        .limit(query.limit + 1)
    )
    if query.acknowledged is not None:
        taken = col(HandOver.state) == HandOverState.ACKNOWLEDGED
        wanted = wanted.where(taken if query.acknowledged else ~taken)
    if query.cursor is not None:
        wanted = wanted.where(col(HandOver.id) > query.cursor)
    async with request.app[DATABASE].read() as session:
        rows = (await session.exec(wanted)).all()
    page = Cut.at(rows, query.limit)
    return json_answer(
        InboxPage(
            items=[InboxItem.of(document, row) for row, document in page.shown],
            next_cursor=page.cursor(lambda row: row[0].id),
        )
    )


async def acknowledge(request: web.Request) -> web.Response:
    """The business has the document; saying so again changes nothing."""
    row = await request.app[HANDOVERS].acknowledge(
        principal(request), path_id(request, "document_id")
    )
    return json_answer(HandOverOut.of(row))


async def hand_over_again(request: web.Request) -> web.Response:
    """Hand a document over again, by the way of today."""
    row = await request.app[HANDOVERS].replay(principal(request), path_id(request, "document_id"))
    return json_answer(HandOverOut.of(row), status=202)


ROUTES: Final = (
    Route(
        "GET",
        "/v1/delivery-policy",
        get_delivery_policy,
        "documents:read",
        "How patiently documents are sent",
        answer=DeliveryPolicyOut,
    ),
    Route(
        "PUT",
        "/v1/delivery-policy",
        put_delivery_policy,
        "settings:write",
        "Set how patiently documents are sent",
        body=DeliveryPolicyIn,
        answer=DeliveryPolicyOut,
        statuses={422: "This instance does not allow that policy"},
    ),
    Route(
        "GET",
        "/v1/hand-over-policy",
        get_handover_policy,
        "documents:read",
        "How received documents come to the business",
        answer=HandOverPolicyOut,
    ),
    Route(
        "PUT",
        "/v1/hand-over-policy",
        put_handover_policy,
        "settings:write",
        "Choose how received documents come to the business",
        body=HandOverPolicyIn,
        answer=HandOverPolicyOut,
        statuses={422: "Documents cannot be handed over that way"},
    ),
    Route(
        "POST",
        f"{_DOCUMENT}/cancel",
        cancel_document,
        "documents:send",
        "Cancel a document of which nothing can have arrived",
        body=CancelIn,
        answer=DocumentOut,
        statuses={409: "It has arrived, or nobody knows whether it has"},
    ),
    Route(
        "POST",
        f"{_DOCUMENT}/resend",
        resend_document,
        "documents:send",
        "Send a document that was given up once more",
        answer=DocumentOut,
        status=202,
        statuses={409: "The document was not given up"},
    ),
    Route(
        "GET",
        "/v1/inbox",
        get_inbox,
        "documents:read",
        "Received documents to fetch, oldest first",
        query=InboxQuery,
        answer=InboxPage,
    ),
    Route(
        "POST",
        f"{_DOCUMENT}/acknowledge",
        acknowledge,
        "responses:send",
        "Acknowledge that the business has a received document",
        answer=HandOverOut,
        statuses={409: "This document is not handed over"},
    ),
    Route(
        "POST",
        f"{_DOCUMENT}/hand-over",
        hand_over_again,
        "responses:send",
        "Hand a received document over again",
        answer=HandOverOut,
        status=202,
        statuses={409: "This document is not handed over"},
    ),
)
