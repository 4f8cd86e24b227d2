"""The page a payment link opens: what is asked, one button, the other ways to pay.

For people without an account here, first of all on a phone; works without script. A link that is
unknown, forged or expired gets one and the same answer.
"""

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Final

import structlog
from aiohttp import web
from yarl import URL

from gateway.access.browser import CLIENT_ADDRESS
from gateway.access.outside import render_outside
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND, Face, Route
from gateway.payments.basket import Standing
from gateway.payments.errors import PAYMENT_BUSY, TOO_MANY
from gateway.payments.keys import PAYER_THROTTLE, PAYING
from gateway.payments.links import PAY_PATH
from gateway.payments.payer_view import headers, style, transfer_of
from gateway.payments.paying import Invitation

__all__ = ["ROUTES"]

log = structlog.get_logger(__name__)

_SORRY: Final = "payments/sorry.html"
_NOTICES: Final = frozenset({"busy", "provider"})


async def show_payment(request: web.Request) -> web.Response:
    """What a link asks for now, and the ways to pay it."""
    return _slow_down(request) or await _show(request)


async def show_return(request: web.Request) -> web.Response:
    """The payer comes back from the bank: ask the provider what happened, believe nothing else."""
    if (refused := _slow_down(request)) is not None:
        return refused
    paying = request.app[PAYING]
    invitation = await paying.look(_token(request))
    if invitation is None:
        return _gone(request)
    try:
        await paying.inquire(invitation.link)
    except GatewayError as error:
        return await _show(request, notice=_notice_of(error))
    return await _show(request, notice="returned")


async def start_payment(request: web.Request) -> web.Response:
    """Lead the payer to the bank, or back to the page, which says why not."""
    paying, token = request.app[PAYING], _token(request)
    query = {name: request.query[name] for name in ("lang",) if name in request.query}
    place = None
    if not _waits(request) and (invitation := await paying.look(token)) is not None:
        try:
            place = await paying.start(invitation.link, token=token)
        except GatewayError as error:
            log.warning("payments.start_failed", code=error.code, **error.facts)
            query["notice"] = _notice_of(error)
    if place is None:
        place = str(URL(f"{PAY_PATH}{token}").with_query(query))
    response = web.Response(status=303, headers={"Location": place})
    response.headers.update(headers(provider_origin=_origin(request)))
    return response


async def _show(request: web.Request, *, notice: str | None = None) -> web.Response:
    invitation = await request.app[PAYING].look(_token(request))
    if invitation is None:
        return _gone(request)
    if request.method == "GET" and invitation.link.opened_at is None:
        await request.app[PAYING].opened(invitation.link.id)
    transfer = None
    if invitation.basket.standing is Standing.OPEN:
        transfer = await asyncio.to_thread(transfer_of, invitation.basket)
    provider = request.app[PAYING].provider
    asked = request.query.get("notice")
    return _render(
        request,
        "payments/pay.html",
        _language(request, invitation),
        {
            "invitation": invitation,
            "basket": invitation.basket,
            "transfer": transfer,
            "by_bank": provider is not None and bool(invitation.basket.payable),
            "trial": provider is not None and provider.is_trial,
            "notice": notice or (asked if asked in _NOTICES else None),
        },
    )


def _notice_of(error: GatewayError) -> str:
    """Which of the page's notices tells a payer what an error means."""
    return "busy" if error.kind is PAYMENT_BUSY else "provider"


def _waits(request: web.Request) -> float:
    """Seconds until this caller may ask again, counted by address and by link."""
    throttle = request.app[PAYER_THROTTLE]
    named = (f"address {request[CLIENT_ADDRESS]}", f"link {_token(request)[:100]}")
    return max([throttle.wait_for(one) for one in named])


def _slow_down(request: web.Request) -> web.Response | None:
    """Refuse somebody who asks too often."""
    wait = _waits(request)
    if not wait:
        return None
    response = _render(request, _SORRY, None, {"reason": "busy"})
    response.set_status(TOO_MANY.status)
    response.headers["Retry-After"] = str(math.ceil(wait))
    return response


def _gone(request: web.Request) -> web.Response:
    response = _render(request, _SORRY, None, {"reason": "gone"})
    response.set_status(NOT_FOUND.status)
    return response


def _render(
    request: web.Request, template: str, language: str | None, context: Mapping[str, Any]
) -> web.Response:
    framed = {**context, "style": style(), "address": f"{PAY_PATH}{_token(request)}"}
    response = render_outside(request, template, language, framed)
    response.headers.update(headers(provider_origin=_origin(request)))
    return response


def _language(request: web.Request, invitation: Invitation) -> str:
    """The language the payer chose, else the one the customer is written to in."""
    return request.query.get("lang") or invitation.link.locale[:2].lower()


def _token(request: web.Request) -> str:
    return request.match_info["token"]


def _origin(request: web.Request) -> str | None:
    provider = request.app[PAYING].provider
    return provider.payer_origin if provider is not None else None


ROUTES: Final = (
    Route("GET", f"{PAY_PATH}{{token}}", show_payment, None, "Show a payment link", Face.PAGE),
    Route("POST", f"{PAY_PATH}{{token}}", start_payment, None, "Pay by bank", Face.PAGE),
    Route("GET", f"{PAY_PATH}{{token}}/back", show_return, None, "Return from the bank", Face.PAGE),
)
