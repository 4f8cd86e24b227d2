"""Pages of validation: check files, read reports in any language and format, find earlier ones."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, RENDER, Face, Route, path_id, query_id, seen_other
from gateway.core.paging import Cut
from gateway.core.spool import Spool
from gateway.validation.keys import ORDERS, VALIDATION
from gateway.validation.negotiation import FORMATS, Format
from gateway.validation.orders import Placed
from gateway.validation.queries import RunFilters, list_runs
from gateway.validation.rendering import file_stem, write_report
from gateway.validation.service import CheckOptions
from gateway.validation.tables import ItemState, OrderState
from gateway.validation.uploads import Brought, read_page_form
from schematron.report.view import report_view
from schematron.texts import LANGUAGES

__all__ = ["ROUTES"]

_SHOWN: Final = 50
_LIST: Final = "validation/reports.html"
_ID: Final = "[0-9a-f]{8}-[0-9a-f-]{27}"
_VERDICTS: Final = ("valid", "invalid", "undetermined", "unreadable", "engine-error")
_REFRESH_S: Final = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """How the list is narrowed, as the address says it; days are UTC's."""

    text: str = ""
    verdict: str = ""
    ruleset: str = ""
    begin: date | None = None
    end: date | None = None
    before: UUID | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything is left out."""
        return bool(self.text or self.verdict or self.ruleset or self.begin or self.end)

    def filters(self) -> RunFilters:
        """The narrowing as the query takes it."""
        return RunFilters(
            text=self.text,
            verdict=self.verdict,
            ruleset=self.ruleset,
            since=_midnight(self.begin),
            until=_midnight(self.end + timedelta(days=1)) if self.end else None,
        )


async def show_reports(request: web.Request) -> web.Response:
    """The account's checks, newest first, and the form for new ones."""
    return await _list(request, _choice(request))


async def _list(
    request: web.Request, choice: Choice, *, fault: str = "", error: GatewayError | None = None
) -> web.Response:
    async with request.app[DATABASE].read() as session:
        runs = await list_runs(
            session,
            principal(request).tenant_id,
            choice.filters(),
            before=choice.before,
            limit=_SHOWN + 1,
        )
    page = Cut.at(runs, _SHOWN)
    context = {
        "runs": page.shown,
        "older": page.cursor(lambda one: one.id),
        "choice": choice,
        "verdicts": _VERDICTS,
        "fault": fault,
        "error": error,
    }
    return request.app[RENDER](request, _LIST, context)


async def check_files(request: web.Request) -> web.Response:
    """Check what was chosen: one file at once, several as an order."""
    with Spool() as spool:
        try:
            place = await _check(request, await read_page_form(request, spool))
        except GatewayError as error:
            response = await _list(request, Choice(), error=error)
            response.set_status(error.kind.status)
            return response
    if place is None:
        response = await _list(request, Choice(), fault="file-missing")
        response.set_status(422)
        return response
    return _go(place)


async def _check(request: web.Request, brought: Brought) -> str | None:
    """The address of the report, of several files' order; None without a file."""
    caller = principal(request)
    options = CheckOptions(lang=caller.locale)
    if not brought.uploads:
        return None
    if len(brought.uploads) > 1:
        placed = await request.app[ORDERS].place(caller, brought.uploads, options=options)
        return f"/reports/orders/{placed.order.id}"
    name, content = await brought.only()
    run = await request.app[VALIDATION].look_over(caller, content, file_name=name, options=options)
    return f"/reports/{run.id}"


async def show_report(request: web.Request) -> web.Response:
    """One report, in the reader's language or the one asked for."""
    run = await request.app[VALIDATION].find(principal(request), path_id(request, "run_id"))
    lang = _language(request)
    context = {
        "run": run,
        "report": report_view(run.report, lang=lang, checked_at=run.created_at),
        "lang": lang,
        "formats": FORMATS,
    }
    return request.app[RENDER](request, "validation/report.html", context)


async def download_report(request: web.Request) -> web.Response:
    """One report as a file."""
    wanted = _format(request)
    run = await request.app[VALIDATION].find(principal(request), path_id(request, "run_id"))
    lang = _language(request)
    name = f"{file_stem(run)}-{lang}{wanted.suffix}"
    return web.Response(
        body=await write_report(run, wanted, lang=lang),
        content_type=wanted.media_type,
        charset="utf-8" if wanted.media_type.startswith("text/") else None,
        headers={
            "Content-Language": lang,
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


async def show_order(request: web.Request) -> web.Response:
    """How several files checked together stand."""
    return await _order(request, "validation/order.html")


async def show_order_live(request: web.Request) -> web.Response:
    """The part of an order's page that changes."""
    return await _order(request, "validation/order_live.html")


async def _order(request: web.Request, template: str) -> web.Response:
    placed = await request.app[ORDERS].find(principal(request), path_id(request, "order_id"))
    return request.app[RENDER](request, template, _standing(placed))


def _standing(placed: Placed) -> dict[str, Any]:
    verdicts = Counter(one.run.verdict for one in placed.files if one.run is not None)
    ended = placed.order.state in (OrderState.DONE, OrderState.FAILED)
    return {
        "order": placed.order,
        "files": placed.files,
        "counts": [(name, verdicts[name]) for name in _VERDICTS if verdicts[name]],
        "failed": sum(one.item.state is ItemState.FAILED for one in placed.files),
        "refresh_s": 0 if ended else _REFRESH_S,
    }


def _choice(request: web.Request) -> Choice:
    query = request.query
    verdict = query.get("verdict", "")
    return Choice(
        text=query.get("q", "").strip()[:200],
        verdict=verdict if verdict in _VERDICTS else "",
        ruleset=query.get("ruleset", "").strip()[:80],
        begin=_day(query.get("from", "")),
        end=_day(query.get("to", "")),
        before=query_id(request, "before"),
    )


def _day(text: str) -> date | None:
    """A day out of the address; what is none narrows nothing."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date.min < day < date.max else None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def _language(request: web.Request) -> str:
    asked = request.query.get("lang", principal(request).locale)
    return asked if asked in LANGUAGES else LANGUAGES[0]


def _format(request: web.Request) -> Format:
    name = request.query.get("format", "")
    for one in FORMATS:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in FORMATS)
    raise GatewayError(BAD_REQUEST, f"Reports are written as one of {known}.")


def _go(place: str) -> web.Response:
    return seen_other(place)


ROUTES: Final = (
    Route("GET", "/reports", show_reports, "documents:read", "List checks", Face.PAGE),
    Route(
        "POST",
        "/reports",
        check_files,
        "validations:run",
        "Check files",
        Face.PAGE,
        takes_pieces=True,
    ),
    Route(
        "GET",
        f"/reports/{{run_id:{_ID}}}",
        show_report,
        "documents:read",
        "Show a report",
        Face.PAGE,
    ),
    Route(
        "GET",
        f"/reports/{{run_id:{_ID}}}/file",
        download_report,
        "documents:read",
        "Download a report",
        Face.PAGE,
    ),
    Route(
        "GET",
        f"/reports/orders/{{order_id:{_ID}}}",
        show_order,
        "documents:read",
        "Show files checked together",
        Face.PAGE,
    ),
    Route(
        "GET",
        f"/reports/orders/{{order_id:{_ID}}}/live",
        show_order_live,
        "documents:read",
        "Show how far files checked together are",
        Face.PAGE,
    ),
)
