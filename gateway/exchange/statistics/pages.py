"""The console's statistics: what is owed, what a month says, and the exchanges behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from aiohttp import web
from babel.dates import format_date

from gateway.access.principal import principal
from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    INVOICE_RESPONSE,
    MESSAGE_LEVEL_STATUS,
    REMINDER,
    DocumentTypeId,
)
from gateway.core.errors import GatewayError
from gateway.core.http import RENDER, Face, Route, form_of, query_of, seen_other
from gateway.core.paging import Cut
from gateway.exchange.statistics.api import (
    get_document,
    get_report_document,
    rows_behind,
    send_csv,
    where,
)
from gateway.exchange.statistics.api_models import RowQuery, cursor_after
from gateway.exchange.statistics.figures import COUNTS, Family, Line
from gateway.exchange.statistics.keys import REPORTING, STATISTICS
from gateway.exchange.statistics.period import Period
from gateway.exchange.statistics.planning import Standing
from gateway.exchange.statistics.service import Month, Preview, read_period
from gateway.exchange.statistics.tables import ReportingDuty

__all__ = ["ROUTES"]

_ROWS: Final = 100
_PLACE: Final = "/network/statistics"
_REPORT: Final = (
    f"{_PLACE}/{{seat_id:P[A-Z]{{2}}[0-9]{{6}}}}/{{period:[0-9]{{4}}-[0-9]{{2}}}}/{{kind:tsr|eusr}}"
)
_KNOWN_TYPES: Final = {
    BILLING_INVOICE.value: "invoice",
    BILLING_CREDIT_NOTE.value: "credit-note",
    INVOICE_RESPONSE.value: "invoice-response",
    MESSAGE_LEVEL_STATUS.value: "mls",
    REMINDER.value: "reminder",
}
_LOOKS: Final[Mapping[Standing, tuple[str, str]]] = {
    Standing.NOT_OWED: ("grey", "pause"),
    Standing.OPEN: ("grey", "clock"),
    Standing.DUE: ("amber", "clock"),
    Standing.REFUSED: ("red", "cross"),
    Standing.ON_ITS_WAY: ("blue", "arrow"),
    Standing.DELIVERED: ("green", "check"),
    Standing.FAILED: ("red", "cross"),
    Standing.MISSED: ("red", "alert"),
}
"""Status colour and icon of where a report is."""
_WANTING: Final = frozenset({Standing.DUE, Standing.REFUSED, Standing.FAILED})
"""Where sending is the next thing to do."""


@dataclass(frozen=True, slots=True)
class _SeatView:
    """A seat's duty and its months, newest first, each with its reports in the order of kinds."""

    duty: ReportingDuty
    months: Sequence[tuple[Period, Sequence[Month]]]


async def show_months(request: web.Request) -> web.Response:
    """Which reports every seat owes and where they are."""
    return await _months(request, None)


async def _months(request: web.Request, fault: GatewayError | None) -> web.Response:
    statistics, reporting = request.app[STATISTICS], request.app[REPORTING]
    await reporting.settle()
    found = await statistics.months()
    seats = [
        _SeatView(duty, _by_period([one for one in found if one.seat_id == duty.seat_id]))
        for duty in await statistics.duties()
    ]
    return _page(
        request,
        "months",
        {"seats": seats, "timetable": statistics.timetable, "receiver": reporting.receiver},
        fault,
    )


def _by_period(months: Sequence[Month]) -> list[tuple[Period, Sequence[Month]]]:
    return [(period, list(some)) for period, some in groupby(months, key=lambda one: one.period)]


async def change_duty(request: web.Request) -> web.Response:
    """Let this instance report for a seat, or stop it."""
    form = await form_of(request)
    try:
        await request.app[STATISTICS].set_duty(
            principal(request),
            request.match_info["seat_id"],
            active=form.get("active") == "yes",
            since=read_period(str(form.get("since", ""))),
        )
    except GatewayError as error:
        return await _months(request, error)
    return seen_other(_PLACE)


async def show_month(request: web.Request) -> web.Response:
    """What the report of a month says now, and what became of those sent."""
    return await _month(request, None)


async def _month(request: web.Request, fault: GatewayError | None) -> web.Response:
    statistics, reporting = request.app[STATISTICS], request.app[REPORTING]
    seat_id, period, kind = where(request)
    await reporting.settle()
    preview = await statistics.preview(principal(request), seat_id, period, kind)
    context = {
        "preview": preview,
        "kind": kind,
        "period": period,
        "place": f"{_PLACE}/{seat_id}/{period}/{kind.value}",
        "counts": COUNTS[kind],
        "families": _families(preview),
        "reports": await statistics.reports(seat_id, period=period, kind=kind),
        "receiver": reporting.receiver,
        "may_send": _may_send(preview) and reporting.receiver is not None,
        "should_send": preview.month.standing in _WANTING or _changed(preview),
        "sent": "sent" in request.query,
    }
    return _page(request, "month", context, fault)


def _changed(preview: Preview) -> bool:
    return preview.changes is not None and not preview.changes.none


def _may_send(preview: Preview) -> bool:
    return preview.month.standing not in (Standing.OPEN, Standing.ON_ITS_WAY)


def _families(preview: Preview) -> list[tuple[Family, Sequence[Line]]]:
    found = ((family, preview.figures.family(family)) for family in Family)
    return [(family, lines) for family, lines in found if lines]


async def send_month(request: web.Request) -> web.Response:
    """Send the report of a month; a refusal is shown on its page."""
    seat_id, period, kind = where(request)
    try:
        await request.app[REPORTING].send(seat_id, period, kind, caller=principal(request))
    except GatewayError as error:
        return await _month(request, error)
    return seen_other(f"{_PLACE}/{seat_id}/{period}/{kind.value}?sent=1")


async def show_rows(request: web.Request) -> web.Response:
    """The exchanges behind a report or one line of it."""
    seat_id, period, kind = where(request)
    query = query_of(request, RowQuery)
    found = await rows_behind(request, query, after=query.cursor, limit=_ROWS + 1)
    page = Cut.at(found, _ROWS)
    context = {
        "rows": page.shown,
        "kind": kind,
        "period": period,
        "place": f"{_PLACE}/{seat_id}/{period}/{kind.value}",
        "line": query.line or "",
        "next_cursor": page.cursor(cursor_after),
    }
    return _page(request, "rows", context, None)


def _page(
    request: web.Request, name: str, context: Mapping[str, object], fault: GatewayError | None
) -> web.Response:
    language = principal(request).locale
    known = {
        "looks": _LOOKS,
        "month_name": lambda period: format_date(period.first_day, "LLLL yyyy", language),
        "type_name": _type_name,
        "own_tenant": principal(request).tenant_id,
        "fault": fault,
    }
    response = request.app[RENDER](request, f"statistics/{name}.html", {**known, **context})
    if fault is not None:
        response.set_status(fault.kind.status)
    return response


def _type_name(value: str) -> tuple[str, str]:
    """How a document type is called: the word of a known one, the root element of another."""
    known = _KNOWN_TYPES.get(value)
    if known is not None:
        return known, ""
    return "", DocumentTypeId("busdox-docid-qns", value).root or value


ROUTES: Final = (
    Route("GET", _PLACE, show_months, "operations:read", "Show statistics", Face.PAGE),
    Route(
        "POST",
        f"{_PLACE}/duties/{{seat_id:P[A-Z]{{2}}[0-9]{{6}}}}",
        change_duty,
        "operations:write",
        "Say whether a seat reports",
        Face.PAGE,
    ),
    Route("GET", _REPORT, show_month, "operations:read", "Show a month's statistics", Face.PAGE),
    Route(
        "POST",
        f"{_REPORT}/send",
        send_month,
        "operations:write",
        "Send a month's statistics",
        Face.PAGE,
    ),
    Route(
        "GET",
        f"{_REPORT}/rows",
        show_rows,
        "operations:read",
        "Show the exchanges behind a report",
        Face.PAGE,
    ),
    Route(
        "GET",
        f"{_REPORT}/rows.csv",
        send_csv,
        "operations:read",
        "Download the exchanges behind a report",
        Face.PAGE,
    ),
    Route(
        "GET",
        f"{_REPORT}/document",
        get_document,
        "operations:read",
        "Download a report",
        Face.PAGE,
    ),
    Route(
        "GET",
        f"{_PLACE}/reports/{{report_id:[0-9a-f-]{{36}}}}/document",
        get_report_document,
        "operations:read",
        "Download a report that was made",
        Face.PAGE,
    ),
)
