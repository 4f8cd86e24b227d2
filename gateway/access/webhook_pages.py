"""Pages of webhooks under Settings: endpoints, their secrets, what was delivered, sending again."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from multidict import MultiMapping

from gateway.access.principal import principal
from gateway.access.webhook_api import WEBHOOKS
from gateway.access.webhook_service import Changes, DeliveryFilters
from gateway.access.webhook_tables import DeliveryState
from gateway.core.errors import GatewayError
from gateway.core.http import RENDER, Face, Handler, Route, form_of, path_id, seen_other

__all__ = ["ROUTES"]

_HOME: Final = "/settings/webhooks"
_ONE: Final = _HOME + "/{endpoint_id:[0-9a-f]{8}-[0-9a-f-]{27}}"
_SCOPE: Final = "settings:write"
_SHOWN: Final = 50
_TEXT_LENGTH: Final = 200


async def show_webhooks(request: web.Request) -> web.Response:
    """The account's endpoints, and the form for a new one."""
    return await _list(request, {})


async def create_webhook(request: web.Request) -> web.Response:
    """Tell an address from now on, and show its secret this once."""
    form = await form_of(request)
    url, description = _text(form, "url"), _text(form, "description")[:_TEXT_LENGTH]
    chosen = _types(form)
    try:
        endpoint, secret = await request.app[WEBHOOKS].create(
            principal(request), url=url, event_types=chosen, description=description
        )
    except GatewayError as error:
        shown = {"error": error, "url": url, "description": description, "chosen": chosen}
        response = await _list(request, shown)
        response.set_status(422)
        return response
    return await _one(request, endpoint.id, {"secret": secret})


async def show_webhook(request: web.Request) -> web.Response:
    """One endpoint with what was delivered to it."""
    return await _one(request, path_id(request, "endpoint_id"), {})


async def change_webhook(request: web.Request) -> web.Response:
    """Change where and what an endpoint is told."""
    endpoint_id, form = path_id(request, "endpoint_id"), await form_of(request)
    changes = Changes(
        url=_text(form, "url"),
        description=_text(form, "description")[:_TEXT_LENGTH],
        event_types=_types(form),
    )
    try:
        await request.app[WEBHOOKS].change(principal(request), endpoint_id, changes)
    except GatewayError as error:
        response = await _one(request, endpoint_id, {"error": error})
        response.set_status(422)
        return response
    return seen_other(f"{_HOME}/{endpoint_id}")


async def rotate_secret(request: web.Request) -> web.Response:
    """Draw a new secret and show it this once."""
    endpoint_id = path_id(request, "endpoint_id")
    _, secret = await request.app[WEBHOOKS].rotate(principal(request), endpoint_id)
    return await _one(request, endpoint_id, {"secret": secret})


async def delete_webhook(request: web.Request) -> web.Response:
    """Forget an endpoint."""
    await request.app[WEBHOOKS].delete(principal(request), path_id(request, "endpoint_id"))
    return seen_other(_HOME)


def _switching(*, on: bool) -> Handler:
    async def switch(request: web.Request) -> web.Response:
        endpoint_id = path_id(request, "endpoint_id")
        await request.app[WEBHOOKS].change(principal(request), endpoint_id, Changes(active=on))
        return seen_other(f"{_HOME}/{endpoint_id}")

    return switch


async def try_webhook(request: web.Request) -> web.Response:
    """Send a message to try an endpoint."""
    endpoint_id = path_id(request, "endpoint_id")
    await request.app[WEBHOOKS].test(principal(request), endpoint_id)
    return seen_other(f"{_HOME}/{endpoint_id}")


async def replay_delivery(request: web.Request) -> web.Response:
    """Send a message again."""
    sent = await request.app[WEBHOOKS].replay(principal(request), path_id(request, "delivery_id"))
    return seen_other(f"{_HOME}/{sent.endpoint.id}")


async def _list(request: web.Request, changes: Mapping[str, Any]) -> web.Response:
    hooks = request.app[WEBHOOKS]
    context = {
        "endpoints": await hooks.endpoints(principal(request)),
        "types": list(hooks.types),
        "error": None,
        "url": "",
        "description": "",
        "chosen": (),
    }
    return request.app[RENDER](request, "access/webhooks.html", {**context, **changes})


async def _one(request: web.Request, endpoint_id: UUID, changes: Mapping[str, Any]) -> web.Response:
    caller, hooks = principal(request), request.app[WEBHOOKS]
    state = request.query.get("state", "")
    known = state if state in set(DeliveryState) else ""
    context = {
        "endpoint": await hooks.find(caller, endpoint_id),
        "types": list(hooks.types),
        "sent": await hooks.deliveries(
            caller,
            DeliveryFilters(endpoint_id, DeliveryState(known) if known else None),
            limit=_SHOWN,
        ),
        "state": known,
        "states": list(DeliveryState),
        "secret": None,
        "error": None,
    }
    return request.app[RENDER](request, "access/webhook.html", {**context, **changes})


def _types(form: MultiMapping[Any]) -> list[str]:
    return [one for one in form.getall("type", []) if isinstance(one, str)]


def _text(form: Mapping[str, Any], name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _page(method: str, path: str, handler: Handler, summary: str) -> Route:
    return Route(method, path, handler, _SCOPE, summary, Face.PAGE)


ROUTES: Final = (
    _page("GET", _HOME, show_webhooks, "Show webhooks"),
    _page("POST", _HOME, create_webhook, "Add a webhook endpoint"),
    _page("GET", _ONE, show_webhook, "Show a webhook endpoint"),
    _page("POST", _ONE, change_webhook, "Change a webhook endpoint"),
    _page("POST", f"{_ONE}/secret", rotate_secret, "Draw a new webhook secret"),
    _page("POST", f"{_ONE}/on", _switching(on=True), "Switch a webhook endpoint on"),
    _page("POST", f"{_ONE}/off", _switching(on=False), "Switch a webhook endpoint off"),
    _page("POST", f"{_ONE}/test", try_webhook, "Try a webhook endpoint"),
    _page("POST", f"{_ONE}/delete", delete_webhook, "Delete a webhook endpoint"),
    _page(
        "POST",
        f"{_HOME}/deliveries/{{delivery_id:[0-9a-f]{{8}}-[0-9a-f-]{{27}}}}/replay",
        replay_delivery,
        "Send a webhook message again",
    ),
)
