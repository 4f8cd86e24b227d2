"""The API of validation: check documents now or later, read reports in any format."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.http import Route, idempotency_key, json_answer, path_id, query_of
from gateway.core.spool import Spool
from gateway.validation.api_models import (
    CheckQuery,
    OrderOut,
    ReadQuery,
    ReportOut,
    RunPage,
    RunQuery,
)
from gateway.validation.idempotency import Once
from gateway.validation.keys import ORDERS, VALIDATION
from gateway.validation.negotiation import (
    Format,
    choose_format,
    choose_language,
    wants_async,
)
from gateway.validation.queries import list_runs
from gateway.validation.rendering import file_stem, write_report
from gateway.validation.service import CheckOptions
from gateway.validation.tables import ValidationRun
from gateway.validation.uploads import Brought, read_request
from schematron.texts import LANGUAGES

__all__ = ["ROUTES"]

_RUNS: Final = "/v1/validations"
_RUN: Final = _RUNS + "/{validation_id:[0-9a-f-]{36}}"
_ORDERS: Final = "/v1/validation-orders"
_ORDER: Final = _ORDERS + "/{order_id:[0-9a-f-]{36}}"
_VARY: Final = "Accept, Accept-Language, Authorization, Cookie"


async def validate(request: web.Request) -> web.Response:
    """Check what is posted; an invalid document is no error.

    One file is answered with its report, several (or ``Prefer: respond-async``) with an order.
    """
    with Spool() as spool:
        return await _validate(request, await read_request(request, spool))


async def _validate(request: web.Request, brought: Brought) -> web.Response:
    wanted = CheckQuery.model_validate(brought.options)
    lang = _language(request, wanted.lang)
    options = wanted.options(lang)
    asked_later = wants_async(wanted.prefer or "")
    later = asked_later or len(brought.uploads) > 1
    once = _once(request, brought, {**options.to_json(), "later": later})
    if later:
        return await _order(request, brought, options, once, preferred=asked_later)
    form, media_type = choose_format(request.headers.get("Accept", ""))
    name, content = await brought.only()
    run = await request.app[VALIDATION].validate(
        principal(request), content, file_name=name, options=options, once=once
    )
    answer = await _report(run, form, media_type, lang=lang)
    answer.headers["Content-Location"] = f"{_RUNS}/{run.id}"
    return answer


async def _order(
    request: web.Request,
    brought: Brought,
    options: CheckOptions,
    once: Once | None,
    *,
    preferred: bool,
) -> web.Response:
    placed = await request.app[ORDERS].place(
        principal(request), brought.uploads, options=options, once=once
    )
    answer = json_answer(OrderOut.of(placed), status=202)
    answer.headers["Location"] = f"{_ORDERS}/{placed.order.id}"
    if preferred:
        answer.headers["Preference-Applied"] = "respond-async"
    return answer


def _once(request: web.Request, brought: Brought, options: Mapping[str, Any]) -> Once | None:
    key = idempotency_key(request)
    if key is None:
        return None
    files = [(one.name, one.sha256) for one in brought.uploads]
    return Once.of(key, files, options)


async def list_validations(request: web.Request) -> web.Response:
    """A page of the account's reports in short."""
    query = query_of(request, RunQuery)
    async with request.app[DATABASE].read() as session:
        rows = await list_runs(
            session,
            principal(request).tenant_id,
            query.filters(),
            before=query.cursor,
            limit=query.limit + 1,
        )
    return json_answer(RunPage.of(rows, limit=query.limit))


async def get_validation(request: web.Request) -> web.Response:
    """One earlier report, in the format and language asked for."""
    wanted = query_of(request, ReadQuery)
    form, media_type = choose_format(request.headers.get("Accept", ""))
    run = await request.app[VALIDATION].find(principal(request), path_id(request, "validation_id"))
    return await _report(run, form, media_type, lang=_language(request, wanted.lang))


async def get_validation_order(request: web.Request) -> web.Response:
    """How an order stands."""
    placed = await request.app[ORDERS].find(principal(request), path_id(request, "order_id"))
    return json_answer(OrderOut.of(placed))


def _language(request: web.Request, named: str | None) -> str:
    asked = choose_language(request.headers.get("Accept-Language", ""), LANGUAGES)
    return named or asked or principal(request).locale


async def _report(run: ValidationRun, form: Format, media_type: str, *, lang: str) -> web.Response:
    spoken = lang if lang in LANGUAGES else LANGUAGES[0]
    name = f"{file_stem(run)}{form.suffix}"
    return web.Response(
        body=await write_report(run, form, lang=spoken),
        content_type=media_type,
        charset="utf-8" if media_type.startswith("text/") else None,
        headers={
            "Content-Language": spoken,
            "Content-Disposition": f'inline; filename="{name}"',
            "Vary": _VARY,
        },
    )


_ALSO: Final = (
    "application/vnd.svrl+xml, application/xml, text/html, application/pdf, text/plain, text/csv"
)

ROUTES: Final = (
    Route(
        "POST",
        _RUNS,
        validate,
        "validations:run",
        "Check documents against every rule that applies to them",
        body="application/xml, application/pdf, multipart/form-data",
        query=CheckQuery,
        answer=ReportOut,
        answer_also=_ALSO,
        statuses={
            202: "Taken in; the order of several files or of Prefer: respond-async",
            406: "Reports are not written in that format",
            409: "The Idempotency-Key was used for another check",
            422: "No such rule set, no file, or too many",
            503: "The validation workers are busy or could not finish",
            504: "The check took too long; ask with Prefer: respond-async to have it recorded",
        },
    ),
    Route(
        "GET",
        _RUNS,
        list_validations,
        "validations:run",
        "List earlier reports, newest first",
        query=RunQuery,
        answer=RunPage,
    ),
    Route(
        "GET",
        _RUN,
        get_validation,
        "validations:run",
        "Read an earlier report",
        query=ReadQuery,
        answer=ReportOut,
        answer_also=_ALSO,
        statuses={404: "No such report", 406: "Reports are not written in that format"},
    ),
    Route(
        "GET",
        _ORDER,
        get_validation_order,
        "validations:run",
        "Read how an order of checks stands",
        answer=OrderOut,
        statuses={404: "No such order"},
    ),
)
