"""Pages of answers: the account's policy, reporting an outcome, the operator's service levels."""

from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import ValidationError

from gateway.access.principal import principal
from gateway.core.errors import GatewayError
from gateway.core.http import (
    BAD_REQUEST,
    RENDER,
    Face,
    Route,
    form_of,
    path_id,
    query_of,
    seen_other,
)
from gateway.exchange.answer_api import asked_month
from gateway.exchange.answer_csv import csv_of
from gateway.exchange.answer_keys import ANSWER_DESK
from gateway.exchange.answer_models import PolicyIn, SlaCsvQuery, SlaQuery
from gateway.exchange.answer_outcome import Outcome
from gateway.exchange.answer_policy import TIMER_MINUTES, Policy
from gateway.exchange.answer_tables import Confirm, InvalidPolicy, MlsSide
from gateway.exchange.mls_sla import PERCENTILES
from gateway.exchange.mls_view import took
from ubl.response import MlsIssue, MlsReason

__all__ = ["ROUTES"]

_Query = TypeVar("_Query", bound=SlaQuery)

_POLICY: Final = "exchange/answers.html"
_LEVELS: Final = "exchange/mls_sla.html"
_DOCUMENT: Final = "/documents/{document_id:[0-9a-f]{8}-[0-9a-f-]{27}}"
_SIDES: Final = (MlsSide.OWED, MlsSide.AWAITED)
_ALL_ROWS: Final = 50_000
_TEXT_LENGTH: Final = 2000


async def show_policy(request: web.Request) -> web.Response:
    """How the account answers received documents."""
    policy = await request.app[ANSWER_DESK].policy(principal(request))
    return _policy_page(request, policy, saved="saved" in request.query)


async def keep_policy(request: web.Request) -> web.Response:
    """Keep the policy, or show the form again with what is wrong."""
    form = await form_of(request)
    names = ("confirm", "invalid", "timer_minutes")
    try:
        policy = PolicyIn.model_validate({one: form.get(one) for one in names}).policy()
    except ValidationError:
        raise GatewayError(BAD_REQUEST, "Choose what the form offers.") from None
    try:
        await request.app[ANSWER_DESK].save_policy(principal(request), policy)
    except GatewayError as error:
        response = _policy_page(request, policy, error=error)
        response.set_status(error.kind.status)
        return response
    return seen_other("/settings/answers?saved=1")


def _policy_page(
    request: web.Request, policy: Policy, *, saved: bool = False, error: GatewayError | None = None
) -> web.Response:
    context = {
        "policy": policy,
        "confirms": tuple(Confirm),
        "invalids": tuple(InvalidPolicy),
        "timer": TIMER_MINUTES,
        "saved": saved,
        "error": error,
    }
    return request.app[RENDER](request, _POLICY, context)


async def report_outcome(request: web.Request) -> web.Response:
    """Report what became of a received document, and go back to its page."""
    form, document_id = await form_of(request), path_id(request, "document_id")
    try:
        outcome = Outcome(str(form.get("outcome") or ""))
        reason = MlsReason(str(form.get("reason") or MlsReason.RULE_VIOLATION))
    except ValueError:
        raise GatewayError(BAD_REQUEST, "Choose what the form offers.") from None
    written = form.get("text")
    text = written.strip()[:_TEXT_LENGTH] if isinstance(written, str) else ""
    issues: tuple[MlsIssue, ...] = ()
    if outcome is Outcome.REJECTED:
        issues = (MlsIssue(reason=reason, text=text or reason.value),)
    await request.app[ANSWER_DESK].report(
        principal(request), document_id, outcome, issues, text=text or None
    )
    return seen_other(f"/documents/{document_id}#mls")


async def show_levels(request: web.Request) -> web.Response:
    """The service levels of a month, over all accounts."""
    year, month = asked_month(request, _query(request, SlaQuery))
    desk, caller = request.app[ANSWER_DESK], principal(request)
    context: dict[str, Any] = {
        "month": f"{year}-{month:02}",
        "sides": [await desk.service_level(caller, side, year, month) for side in _SIDES],
        "percentiles": PERCENTILES,
        "took": took,
    }
    return request.app[RENDER](request, _LEVELS, context)


async def download_levels(request: web.Request) -> web.Response:
    """The late documents, or the access points, of a month as CSV."""
    query = _query(request, SlaCsvQuery)
    year, month = asked_month(request, query)
    desk, caller = request.app[ANSWER_DESK], principal(request)
    found = [
        await desk.service_level(caller, side, year, month, limit=_ALL_ROWS) for side in _SIDES
    ]
    name = f"mls-{query.rows}-{year}-{month:02}.csv"
    return web.Response(
        body=csv_of(found, query.rows).encode(),
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _query(request: web.Request, model: type[_Query]) -> _Query:
    try:
        return query_of(request, model)
    except ValidationError:
        raise GatewayError(BAD_REQUEST, "There is no such month; choose one.") from None


ROUTES: Final = (
    Route(
        "GET", "/settings/answers", show_policy, "settings:write", "Show how we answer", Face.PAGE
    ),
    Route(
        "POST", "/settings/answers", keep_policy, "settings:write", "Set how we answer", Face.PAGE
    ),
    Route(
        "POST",
        f"{_DOCUMENT}/outcome",
        report_outcome,
        "responses:send",
        "Report an outcome",
        Face.PAGE,
    ),
    Route(
        "GET",
        "/operations/mls",
        show_levels,
        "operations:read",
        "Show the service levels of MLS",
        Face.PAGE,
    ),
    Route(
        "GET",
        "/operations/mls.csv",
        download_levels,
        "operations:read",
        "Download the service levels of MLS",
        Face.PAGE,
    ),
)
