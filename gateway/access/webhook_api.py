"""The API of webhooks: endpoints, their secrets, what was delivered, and sending it again."""

from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.access.webhook_api_models import (
    DeliveryOut,
    DeliveryPage,
    DeliveryQuery,
    EndpointChange,
    EndpointCreated,
    EndpointIn,
    EndpointList,
    EndpointOut,
    EventTypeList,
    MissedIn,
    MissedOut,
)
from gateway.access.webhook_service import Changes, DeliveryFilters, Webhooks
from gateway.core.http import Route, body_of, json_answer, path_id, query_of

__all__ = ["ROUTES", "WEBHOOKS"]

WEBHOOKS: Final = web.AppKey("webhooks", Webhooks)

_SCOPE: Final = "settings:write"
_ENDPOINTS: Final = "/v1/webhook-endpoints"
_ENDPOINT: Final = _ENDPOINTS + "/{endpoint_id:[0-9a-f-]{36}}"
_DELIVERIES: Final = "/v1/webhook-deliveries"
_DELIVERY: Final = _DELIVERIES + "/{delivery_id:[0-9a-f-]{36}}"


async def list_webhook_endpoints(request: web.Request) -> web.Response:
    """The account's endpoints."""
    rows = await request.app[WEBHOOKS].endpoints(principal(request))
    return json_answer(EndpointList(items=[EndpointOut.of(row) for row in rows]))


async def create_webhook_endpoint(request: web.Request) -> web.Response:
    """Tell an address from now on, and show its secret this once."""
    wanted = await body_of(request, EndpointIn)
    row, secret = await request.app[WEBHOOKS].create(
        principal(request),
        url=wanted.url,
        event_types=wanted.event_types,
        description=wanted.description,
    )
    return json_answer(EndpointCreated(endpoint=EndpointOut.of(row), secret=secret), status=201)


async def get_webhook_endpoint(request: web.Request) -> web.Response:
    """One endpoint."""
    row = await request.app[WEBHOOKS].find(principal(request), path_id(request, "endpoint_id"))
    return json_answer(EndpointOut.of(row))


async def change_webhook_endpoint(request: web.Request) -> web.Response:
    """Change an endpoint, or switch it off or on."""
    wanted = await body_of(request, EndpointChange)
    row = await request.app[WEBHOOKS].change(
        principal(request),
        path_id(request, "endpoint_id"),
        Changes(
            url=wanted.url,
            description=wanted.description,
            event_types=wanted.event_types,
            active=wanted.active,
        ),
    )
    return json_answer(EndpointOut.of(row))


async def delete_webhook_endpoint(request: web.Request) -> web.Response:
    """Forget an endpoint and the log of what was sent to it."""
    await request.app[WEBHOOKS].delete(principal(request), path_id(request, "endpoint_id"))
    return web.Response(status=204)


async def rotate_webhook_secret(request: web.Request) -> web.Response:
    """Draw a new secret and show it this once; the old one signs beside it for a day."""
    row, secret = await request.app[WEBHOOKS].rotate(
        principal(request), path_id(request, "endpoint_id")
    )
    return json_answer(EndpointCreated(endpoint=EndpointOut.of(row), secret=secret), status=201)


async def test_webhook_endpoint(request: web.Request) -> web.Response:
    """Send a message to try an endpoint."""
    sent = await request.app[WEBHOOKS].test(principal(request), path_id(request, "endpoint_id"))
    return json_answer(DeliveryOut.of(sent), status=202)


async def replay_missed_webhooks(request: web.Request) -> web.Response:
    """Send again what did not get through to an endpoint."""
    wanted = await body_of(request, MissedIn)
    number = await request.app[WEBHOOKS].replay_missed(
        principal(request), path_id(request, "endpoint_id"), since=wanted.since
    )
    return json_answer(MissedOut(replayed=number), status=202)


async def list_webhook_event_types(request: web.Request) -> web.Response:
    """What an endpoint may ask to be told."""
    return json_answer(EventTypeList.of(list(request.app[WEBHOOKS].types)))


async def list_webhook_deliveries(request: web.Request) -> web.Response:
    """A page of the log of deliveries."""
    query = query_of(request, DeliveryQuery)
    rows = await request.app[WEBHOOKS].deliveries(
        principal(request),
        DeliveryFilters(query.endpoint, query.state, query.event_type),
        before=query.cursor,
        limit=query.limit + 1,
    )
    return json_answer(DeliveryPage.of(rows, limit=query.limit))


async def get_webhook_delivery(request: web.Request) -> web.Response:
    """One delivery."""
    sent = await request.app[WEBHOOKS].delivery(principal(request), path_id(request, "delivery_id"))
    return json_answer(DeliveryOut.of(sent))


async def replay_webhook_delivery(request: web.Request) -> web.Response:
    """Send a message again."""
    sent = await request.app[WEBHOOKS].replay(principal(request), path_id(request, "delivery_id"))
    return json_answer(DeliveryOut.of(sent), status=202)


ROUTES: Final = (
    Route(
        "GET",
        _ENDPOINTS,
        list_webhook_endpoints,
        _SCOPE,
        "List the account's webhook endpoints",
        answer=EndpointList,
    ),
    Route(
        "POST",
        _ENDPOINTS,
        create_webhook_endpoint,
        _SCOPE,
        "Tell an address what happens (Standard Webhooks)",
        body=EndpointIn,
        answer=EndpointCreated,
        status=201,
        statuses={
            422: "No such type of event, or too many endpoints",
            502: "The address may not be contacted",
        },
    ),
    Route(
        "GET",
        _ENDPOINT,
        get_webhook_endpoint,
        _SCOPE,
        "Read a webhook endpoint",
        answer=EndpointOut,
        statuses={404: "No such endpoint"},
    ),
    Route(
        "PATCH",
        _ENDPOINT,
        change_webhook_endpoint,
        _SCOPE,
        "Change a webhook endpoint, or switch it off or on",
        body=EndpointChange,
        answer=EndpointOut,
        statuses={404: "No such endpoint", 422: "No such type of event"},
    ),
    Route(
        "DELETE",
        _ENDPOINT,
        delete_webhook_endpoint,
        _SCOPE,
        "Delete a webhook endpoint and its log",
        status=204,
        statuses={404: "No such endpoint"},
    ),
    Route(
        "POST",
        f"{_ENDPOINT}/secret",
        rotate_webhook_secret,
        _SCOPE,
        "Draw a new secret; the old one is good for a day",
        answer=EndpointCreated,
        status=201,
        statuses={404: "No such endpoint"},
    ),
    Route(
        "POST",
        f"{_ENDPOINT}/test",
        test_webhook_endpoint,
        _SCOPE,
        "Send a message to try a webhook endpoint",
        answer=DeliveryOut,
        status=202,
        statuses={404: "No such endpoint", 409: "The endpoint is disabled"},
    ),
    Route(
        "POST",
        f"{_ENDPOINT}/replay",
        replay_missed_webhooks,
        _SCOPE,
        "Send again what an endpoint missed",
        body=MissedIn,
        answer=MissedOut,
        status=202,
        statuses={404: "No such endpoint", 409: "The endpoint is disabled"},
    ),
    Route(
        "GET",
        "/v1/webhook-event-types",
        list_webhook_event_types,
        _SCOPE,
        "List the types of events",
        answer=EventTypeList,
    ),
    Route(
        "GET",
        _DELIVERIES,
        list_webhook_deliveries,
        _SCOPE,
        "Read the log of webhook deliveries, newest first",
        query=DeliveryQuery,
        answer=DeliveryPage,
    ),
    Route(
        "GET",
        _DELIVERY,
        get_webhook_delivery,
        _SCOPE,
        "Read a webhook delivery",
        answer=DeliveryOut,
        statuses={404: "No such delivery"},
    ),
    Route(
        "POST",
        f"{_DELIVERY}/replay",
        replay_webhook_delivery,
        _SCOPE,
        "Send a webhook message again",
        answer=DeliveryOut,
        status=202,
        statuses={404: "No such delivery", 409: "The endpoint is disabled"},
    ),
)
