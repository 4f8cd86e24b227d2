"""Pages of validation: check a file, read the report, see earlier ones."""

from typing import Final
from uuid import UUID

from aiohttp import web
from aiohttp.web_request import FileField

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, RENDER, Face, Route
from gateway.validation.keys import VALIDATION
from gateway.validation.queries import RunFilters, list_runs
from gateway.validation.service import CheckOptions
from schematron.report.view import report_view

__all__ = ["ROUTES"]

_SHOWN: Final = 50


async def show_reports(request: web.Request) -> web.Response:
    """The account's checks, newest first, and the form for a new one."""
    return await _list(request, fault=None)


async def _list(request: web.Request, *, fault: str | None) -> web.Response:
    async with request.app[DATABASE].read() as session:
        runs = await list_runs(
            session,
            principal(request).tenant_id,
            RunFilters(),
            before=_cursor(request),
            limit=_SHOWN + 1,
        )
    shown = runs[:_SHOWN]
    context = {
        "runs": shown,
        "older": shown[-1].id if len(runs) > _SHOWN else None,
        "fault": fault,
    }
    return request.app[RENDER](request, "validation/reports.html", context)


async def check_file(request: web.Request) -> web.Response:
    """Check an uploaded file and go to its report."""
    file = (await request.post()).get("file")
    if not isinstance(file, FileField) or not file.filename:
        response = await _list(request, fault="file-missing")
        response.set_status(422)
        return response
    caller = principal(request)
    run = await request.app[VALIDATION].look_over(
        caller,
        file.file.read(),
        file_name=file.filename,
        options=CheckOptions(lang=caller.locale),
    )
    return web.Response(status=303, headers={"Location": f"/reports/{run.id}"})


async def show_report(request: web.Request) -> web.Response:
    """One report."""
    run = await request.app[VALIDATION].find(principal(request), UUID(request.match_info["run_id"]))
    view = report_view(run.report, lang=principal(request).locale, checked_at=run.created_at)
    context = {"run": run, "report": view}
    return request.app[RENDER](request, "validation/report.html", context)


def _cursor(request: web.Request) -> UUID | None:
    text = request.query.get("before")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise GatewayError(BAD_REQUEST, "'before' names no report; start from the top.") from None


ROUTES: Final = (
    Route("GET", "/reports", show_reports, "documents:read", "List checks", Face.PAGE),
    Route("POST", "/reports", check_file, "validations:run", "Check a file", Face.PAGE),
    Route(
        "GET",
        "/reports/{run_id:[0-9a-f]{8}-[0-9a-f-]{27}}",
        show_report,
        "documents:read",
        "Show a report",
        Face.PAGE,
    ),
)
