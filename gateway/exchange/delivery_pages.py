"""Pages of delivery and hand-over: two policies, and what people do with documents."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from gateway.access.principal import principal
from gateway.core.errors import GatewayError
from gateway.core.http import (
    BAD_REQUEST,
    RENDER,
    Face,
    Handler,
    Route,
    form_of,
    path_id,
    seen_other,
)
from gateway.exchange.answer_tables import MlsAsked
from gateway.exchange.delivery_api_models import DeliveryPolicyIn, HandOverPolicyIn
from gateway.exchange.delivery_keys import (
    DELIVERY_DESK,
    DELIVERY_POLICIES,
    HANDOVER_POLICIES,
    HANDOVERS,
)
from gateway.exchange.delivery_tables import Acknowledgement, OnFailure
from gateway.exchange.handover_policies import HandOverChoice

__all__ = ["ROUTES"]

_DELIVERY: Final = "/settings/delivery"
_HAND_OVER: Final = "/settings/hand-over"
_DOCUMENT: Final = "/documents/{document_id:[0-9a-f-]{36}}"
_HOUR_S: Final = 3600
_MINUTE_S: Final = 60


async def show_delivery(request: web.Request) -> web.Response:
    """How patiently the account's documents are sent."""
    return await _delivery(request, {"saved": "saved" in request.query})


async def keep_delivery(request: web.Request) -> web.Response:
    """Keep the policy, or show the form again with what is wrong."""
    form = await form_of(request)
    try:
        waits = [float(one) * _MINUTE_S for one in str(form.get("waits") or "").split()]
        policy = DeliveryPolicyIn.model_validate(
            {
                "backoff_s": waits,
                "deadline_s": float(str(form.get("deadline_h") or "0")) * _HOUR_S,
                "max_attempts": form.get("max_attempts"),
                "on_failure": form.get("on_failure"),
                "mls_asked": form.get("mls_asked"),
            }
        ).policy()
    except (ValidationError, ValueError):
        raise GatewayError(
            BAD_REQUEST,
            "Write waits as numbers with spaces between, and choose what is there.",
        ) from None
    try:
        await request.app[DELIVERY_POLICIES].save(principal(request), policy)
    except GatewayError as error:
        response = await _delivery(request, {"policy": policy, "error": error})
        response.set_status(error.kind.status)
        return response
    return seen_other(f"{_DELIVERY}?saved=1")


async def _delivery(request: web.Request, changes: Mapping[str, Any]) -> web.Response:
    policies = request.app[DELIVERY_POLICIES]
    policy, row = await policies.show(principal(request))
    context = {
        "policy": policy,
        "row": row,
        "bounds": policies.bounds,
        "outcomes": tuple(OnFailure),
        "asks": tuple(MlsAsked),
        "saved": False,
        "error": None,
    }
    return request.app[RENDER](request, "exchange/delivery.html", {**context, **changes})


async def show_hand_over(request: web.Request) -> web.Response:
    """How received documents come to the business."""
    return await _hand_over(request, {"saved": "saved" in request.query})


async def keep_hand_over(request: web.Request) -> web.Response:
    """Keep the choice, or show the form again with what is wrong."""
    form = await form_of(request)
    written = {name: str(form.get(name) or "").strip() for name in ("host", "secret", "host_key")}
    try:
        told: dict[str, Any] = {
            "channel": form.get("channel"),
            "acknowledgement": form.get("acknowledgement"),
            "ack_within_s": round(float(str(form.get("ack_hours") or "0")) * _HOUR_S),
            "with_rejected": form.get("with_rejected") == "on",
        }
        if form.get("channel") == "sftp":
            told["sftp"] = {
                "host": written["host"],
                "port": form.get("port") or 22,
                "username": str(form.get("username") or ""),
                "directory": str(form.get("directory") or ""),
                "host_key": written["host_key"],
                "with_key": form.get("login") == "key",
                "secret": written["secret"] or None,
            }
        choice = HandOverPolicyIn.model_validate(told).choice()
    except (ValidationError, ValueError):
        raise GatewayError(BAD_REQUEST, "Fill in the form with what it asks for.") from None
    try:
        await request.app[HANDOVER_POLICIES].save(principal(request), choice)
    except GatewayError as error:
        response = await _hand_over(request, {"error": error, **_as_typed(choice)})
        response.set_status(error.kind.status)
        return response
    return seen_other(f"{_HAND_OVER}?saved=1")


async def _hand_over(request: web.Request, changes: Mapping[str, Any]) -> web.Response:
    policies = request.app[HANDOVER_POLICIES]
    policy = await policies.show(principal(request))
    context = {
        "policy": policy,
        "with_key": policy is not None and policy.sftp_private_key is not None,
        "channels": policies.channels,
        "acknowledgements": tuple(Acknowledgement),
        "saved": False,
        "error": None,
    }
    return request.app[RENDER](request, "exchange/hand_over.html", {**context, **changes})


def _as_typed(choice: HandOverChoice) -> dict[str, Any]:
    """A choice that was refused, as the form shows it; secrets never go back to the browser."""
    place = choice.sftp
    shown: dict[str, Any] = {
        "channel": choice.channel,
        "acknowledgement": choice.acknowledgement,
        "ack_within_s": choice.ack_within_s,
        "with_rejected": choice.with_rejected,
    }
    if place is not None:
        shown |= {
            "sftp_host": place.host,
            "sftp_port": place.port,
            "sftp_username": place.username,
            "sftp_directory": place.directory,
            "sftp_host_key": place.host_key,
        }
    return {"policy": shown, "with_key": place is not None and place.with_key}


async def cancel(request: web.Request) -> web.Response:
    """Cancel a document and go back to its page."""
    document_id = path_id(request, "document_id")
    await request.app[DELIVERY_DESK].cancel(principal(request), document_id)
    return seen_other(f"/documents/{document_id}")


async def resend(request: web.Request) -> web.Response:
    """Send a document again and go back to its page."""
    document_id = path_id(request, "document_id")
    await request.app[DELIVERY_DESK].resend(principal(request), document_id)
    return seen_other(f"/documents/{document_id}")


async def acknowledge(request: web.Request) -> web.Response:
    """Note that the business has a document."""
    document_id = path_id(request, "document_id")
    await request.app[HANDOVERS].acknowledge(principal(request), document_id)
    return seen_other(f"/documents/{document_id}")


async def hand_over_again(request: web.Request) -> web.Response:
    """Hand a document over again."""
    document_id = path_id(request, "document_id")
    await request.app[HANDOVERS].replay(principal(request), document_id)
    return seen_other(f"/documents/{document_id}")


def _page(method: str, path: str, handler: Handler, scope: str, summary: str) -> Route:
    return Route(method, path, handler, scope, summary, Face.PAGE)


ROUTES: Final = (
    _page("GET", _DELIVERY, show_delivery, "settings:write", "Show how patiently we send"),
    _page("POST", _DELIVERY, keep_delivery, "settings:write", "Set how patiently we send"),
    _page("GET", _HAND_OVER, show_hand_over, "settings:write", "Show how documents come to us"),
    _page("POST", _HAND_OVER, keep_hand_over, "settings:write", "Set how documents come to us"),
    _page("POST", f"{_DOCUMENT}/cancel", cancel, "documents:send", "Cancel a document"),
    _page("POST", f"{_DOCUMENT}/resend", resend, "documents:send", "Send a document again"),
    _page("POST", f"{_DOCUMENT}/acknowledge", acknowledge, "responses:send", "Acknowledge"),
    _page("POST", f"{_DOCUMENT}/hand-over", hand_over_again, "responses:send", "Hand over again"),
)
