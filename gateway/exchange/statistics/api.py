"""The statistics API of the service provider: what is owed, previewed, sent, and why."""

from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND, Route, body_of, json_answer, path_id, query_of
from gateway.core.paging import Cut
from gateway.exchange.statistics.api_models import (
    DifferenceOut,
    DutyIn,
    DutyList,
    DutyOut,
    MonthList,
    MonthOut,
    MonthQuery,
    PreviewOut,
    ReportOut,
    ReportPage,
    ReportQuery,
    RowOut,
    RowPage,
    RowQuery,
    cursor_after,
    read_cursor,
)
from gateway.exchange.statistics.counting import ReportKind
from gateway.exchange.statistics.exporting import csv_lines
from gateway.exchange.statistics.keys import REPORTING, STATISTICS
from gateway.exchange.statistics.period import Period
from gateway.exchange.statistics.queries import TrafficRow
from gateway.exchange.statistics.service import read_period

__all__ = ["ROUTES", "rows_behind", "send_csv", "where"]

_PAGE: Final = 1000
_SEAT: Final = "/v1/statistics/{seat_id:P[A-Z]{2}[0-9]{6}}"
_REPORT: Final = _SEAT + "/{period:[0-9]{4}-[0-9]{2}}/{kind:tsr|eusr}"
_READ: Final = "operations:read"
_WRITE: Final = "operations:write"


def where(request: web.Request) -> tuple[str, Period, ReportKind]:
    """The seat, month and kind of report in the address. Raises GatewayError STATISTICS-PERIOD."""
    place = request.match_info
    return place["seat_id"], read_period(place["period"]), ReportKind(place["kind"])


async def rows_behind(
    request: web.Request, query: RowQuery, *, after: str | None, limit: int
) -> list[TrafficRow]:
    """The exchanges behind the report, or the line of it, that the address names.

    ``after`` is a cursor of `cursor_after`. Raises GatewayError STATISTICS-PERIOD,
    STATISTICS-SEAT, NOT-FOUND, and REQUEST-INVALID for a cursor that is none.
    """
    seat_id, period, kind = where(request)
    return await request.app[STATISTICS].rows(
        seat_id,
        period,
        kind=kind,
        line_id=query.line,
        after=read_cursor(after) if after else None,
        limit=limit,
    )


async def list_months(request: web.Request) -> web.Response:
    """Which reports are owed and where they are."""
    query = query_of(request, MonthQuery)
    await request.app[REPORTING].settle()
    found = await request.app[STATISTICS].months(query.seat_id)
    return json_answer(MonthList(items=[MonthOut.of(one) for one in found]))


async def list_duties(request: web.Request) -> web.Response:
    """Which seats report."""
    found = await request.app[STATISTICS].duties()
    return json_answer(DutyList(items=[DutyOut.of(one) for one in found]))


async def put_duty(request: web.Request) -> web.Response:
    """Let this instance report for a seat, or stop it."""
    body = await body_of(request, DutyIn)
    row = await request.app[STATISTICS].set_duty(
        principal(request),
        request.match_info["seat_id"],
        active=body.active,
        since=read_period(body.since),
    )
    return json_answer(DutyOut.of(row))


async def get_preview(request: web.Request) -> web.Response:
    """What the report of a month would say now."""
    await request.app[REPORTING].settle()
    preview = await request.app[STATISTICS].preview(principal(request), *where(request))
    return json_answer(PreviewOut.of(preview))


async def get_document(request: web.Request) -> web.Response:
    """The report of a month as it would be sent now."""
    seat_id, period, kind = where(request)
    content = await request.app[STATISTICS].content(seat_id, period, kind)
    return _xml(content, f"{kind.value}-{period}-{seat_id}.xml")


async def get_difference(request: web.Request) -> web.Response:
    """How the figures of a month differ from those delivered."""
    seat_id, period, kind = where(request)
    await request.app[REPORTING].settle()
    found = await request.app[STATISTICS].changes(seat_id, period, kind)
    if found is None:
        raise GatewayError(
            NOT_FOUND, f"No {kind.upper()} of {period} was delivered yet to compare with."
        )
    return json_answer(DifferenceOut.of(found, kind))


async def get_rows(request: web.Request) -> web.Response:
    """The exchanges behind a report or one line of it."""
    query = query_of(request, RowQuery)
    found = await rows_behind(request, query, after=query.cursor, limit=query.limit + 1)
    page = Cut.at(found, query.limit)
    return json_answer(
        RowPage(items=[RowOut.of(one) for one in page.shown], next_cursor=page.cursor(cursor_after))
    )


async def send_csv(request: web.Request) -> web.StreamResponse:
    """Stream the rows behind the report that the address names, or one line of it, as CSV."""
    seat_id, period, kind = where(request)
    query = query_of(request, RowQuery)

    async def page(after: str | None) -> tuple[str, str | None]:
        found = await rows_behind(request, query, after=after, limit=_PAGE)
        text = csv_lines(found, header=after is None)
        return text, cursor_after(found[-1]) if len(found) == _PAGE else None

    # The first page is read before anything is answered, so that a refusal is still one.
    text, after = await page(None)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{kind.value}-{period}-{seat_id}.csv"',
        }
    )
    await response.prepare(request)
    await response.write(text.encode())
    while after is not None:
        text, after = await page(after)
        await response.write(text.encode())
    await response.write_eof()
    return response


async def send_report(request: web.Request) -> web.Response:
    """Send the report of a month as it is now, in place of an earlier one."""
    seat_id, period, kind = where(request)
    row = await request.app[REPORTING].send(seat_id, period, kind, caller=principal(request))
    return json_answer(ReportOut.of(row), status=202)


async def list_reports(request: web.Request) -> web.Response:
    """The reports made for a seat."""
    query = query_of(request, ReportQuery)
    await request.app[REPORTING].settle()
    found = await request.app[STATISTICS].reports(
        request.match_info["seat_id"],
        period=read_period(query.period) if query.period else None,
        kind=query.kind,
        before=query.cursor,
        limit=query.limit + 1,
    )
    page = Cut.at(found, query.limit)
    return json_answer(
        ReportPage(
            items=[ReportOut.of(one) for one in page.shown],
            next_cursor=page.cursor(lambda one: one.id),
        )
    )


async def get_report(request: web.Request) -> web.Response:
    """One report that was made."""
    await request.app[REPORTING].settle()
    row = await request.app[STATISTICS].report(path_id(request, "report_id"))
    return json_answer(ReportOut.of(row))


async def get_report_document(request: web.Request) -> web.Response:
    """The bytes of a report as it was made."""
    report_id = path_id(request, "report_id")
    content = await request.app[STATISTICS].report_content(report_id)
    return _xml(content, f"report-{report_id}.xml")


def _xml(content: bytes, name: str) -> web.Response:
    return web.Response(
        body=content,
        content_type="application/xml",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


_NO_SEAT: Final = {404: "No such access point seat"}

ROUTES: Final = (
    Route(
        "GET",
        "/v1/statistics",
        list_months,
        _READ,
        "List the statistics reports that are owed",
        query=MonthQuery,
        answer=MonthList,
    ),
    Route(
        "GET",
        "/v1/statistics/duties",
        list_duties,
        _READ,
        "List which seats report statistics",
        answer=DutyList,
    ),
    Route(
        "PUT",
        "/v1/statistics/duties/{seat_id:P[A-Z]{2}[0-9]{6}}",
        put_duty,
        _WRITE,
        "Say whether this instance reports for a seat",
        body=DutyIn,
        answer=DutyOut,
        statuses=_NO_SEAT,
    ),
    Route(
        "GET",
        _REPORT,
        get_preview,
        _READ,
        "What the report of a month would say now",
        answer=PreviewOut,
        statuses=_NO_SEAT,
    ),
    Route(
        "GET",
        f"{_REPORT}/document",
        get_document,
        _READ,
        "The report of a month as it would be sent now",
        answer="application/xml",
        statuses=_NO_SEAT,
    ),
    Route(
        "GET",
        f"{_REPORT}/difference",
        get_difference,
        _READ,
        "How a month's figures differ from those delivered",
        answer=DifferenceOut,
        statuses={404: "No such seat, or nothing was delivered yet"},
    ),
    Route(
        "GET",
        f"{_REPORT}/rows",
        get_rows,
        _READ,
        "The exchanges behind a report",
        query=RowQuery,
        answer=RowPage,
        statuses={404: "No such seat or line"},
    ),
    Route(
        "GET",
        f"{_REPORT}/rows.csv",
        send_csv,
        _READ,
        "The exchanges behind a report, as CSV",
        query=RowQuery,
        answer="text/csv",
        statuses={404: "No such seat or line"},
    ),
    Route(
        "POST",
        f"{_REPORT}/reports",
        send_report,
        _WRITE,
        "Send the report of a month",
        answer=ReportOut,
        status=202,
        statuses={
            404: "No such access point seat",
            409: "The month is not over, a report is on its way, or nobody is named to take it",
            422: "The report breaks the rules; it is kept and not sent",
        },
    ),
    Route(
        "GET",
        f"{_SEAT}/reports",
        list_reports,
        _READ,
        "List the reports made for a seat",
        query=ReportQuery,
        answer=ReportPage,
        statuses=_NO_SEAT,
    ),
    Route(
        "GET",
        "/v1/statistics/reports/{report_id:[0-9a-f-]{36}}",
        get_report,
        _READ,
        "Show one report",
        answer=ReportOut,
        statuses={404: "No such report"},
    ),
    Route(
        "GET",
        "/v1/statistics/reports/{report_id:[0-9a-f-]{36}}/document",
        get_report_document,
        _READ,
        "A report as it was made",
        answer="application/xml",
        statuses={404: "No such report"},
    ),
)
