"""The aged balance as a page: the figure, its chart, its table, and the same as a file."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, RENDER, Face, Route
from gateway.receivables.keys import BUSINESS
from gateway.receivables.pages_forms import as_of
from gateway.receivables.queries import aged_balance_of, customers_by_id
from gateway.receivables.tables import Customer
from reminders.ageing import AgedBalance, AgedRow, Bucket
from ubl.amounts import decimal_text, from_minor

__all__ = ["ROUTES"]

_PAGE: Final = "receivables/aged.html"
_CHUNK: Final = 400
_BARS: Final = 12
_ROWS: Final = 200
_WIDTH: Final = 1000
_GAP: Final = 3
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

_SORTS: Final[Mapping[str, Callable[[AgedRow], int]]] = {
    "overdue": lambda row: row.overdue,
    "credits": lambda row: -row.credits,
    "balance": lambda row: row.balance,
}
_HEADS: Final = frozenset({"customer", *_SORTS, *Bucket})
"""What the table may be sorted by: names upwards, amounts the largest first."""


@dataclass(frozen=True, slots=True)
class Line:
    """A customer's row of the aged balance in one currency."""

    customer: Customer
    row: AgedRow


@dataclass(frozen=True, slots=True)
class Segment:
    """One bucket's part of a bar, from ``x`` on, of 1000 for the longest bar."""

    bucket: Bucket
    minor: int
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Share:
    """One currency: its total, the bars of who owes most, and all customers."""

    total: AgedRow
    customers: int
    overdue_percent: int
    bars: tuple[tuple[Line, tuple[Segment, ...]], ...]
    lines: tuple[Line, ...]


async def show_aged(request: web.Request) -> web.Response:
    """Who owes what, by how long it has been due."""
    today = request.app[BUSINESS].today()
    on, sort = as_of(request, today), request.query.get("sort") or "overdue"
    if sort not in _HEADS:
        raise GatewayError(BAD_REQUEST, "This table cannot be sorted by that; use its heads.")
    balance, customers = await _balance(request, on)
    context = {
        "on": on,
        "today": today,
        "sort": sort,
        "buckets": tuple(Bucket),
        "shares": _shares(balance, customers, sort),
        "shown_rows": _ROWS,
    }
    return request.app[RENDER](request, _PAGE, context)


async def download_aged(request: web.Request) -> web.Response:
    """The aged balance as comma-separated values: ISO dates, decimal points, UTF-8."""
    on = as_of(request, request.app[BUSINESS].today())
    balance, customers = await _balance(request, on)
    return web.Response(
        body=_csv(balance, customers).encode("utf-8"),
        content_type="text/csv",
        charset="utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="aged-balance-{on.isoformat()}.csv"'
        },
    )


async def _balance(request: web.Request, on: date) -> tuple[AgedBalance, Mapping[str, Customer]]:
    tenant_id = principal(request).tenant_id
    async with request.app[DATABASE].read() as session:
        balance = await aged_balance_of(session, tenant_id, on=on)
        ids = sorted({UUID(row.customer) for row in balance.rows})
        customers: dict[str, Customer] = {}
        for start in range(0, len(ids), _CHUNK):
            found = await customers_by_id(session, tenant_id, ids[start : start + _CHUNK])
            customers |= {str(one.id): one for one in found.values()}
    return balance, customers


def _shares(
    balance: AgedBalance, customers: Mapping[str, Customer], sort: str
) -> tuple[Share, ...]:
    shares = []
    for total in balance.totals:
        lines = [
            Line(customers[row.customer], row)
            for row in balance.rows
            if row.currency == total.currency
        ]
        shares.append(
            Share(
                total=total,
                customers=len(lines),
                overdue_percent=round(100 * total.overdue / total.open) if total.open else 0,
                bars=_bars(lines),
                lines=tuple(_sorted(lines, sort)),
            )
        )
    return tuple(sorted(shares, key=lambda one: (-one.customers, one.total.currency)))


def _sorted(lines: Sequence[Line], sort: str) -> list[Line]:
    by_name = sorted(lines, key=lambda one: (one.customer.name.casefold(), one.customer.id))
    if sort == "customer":
        return by_name
    amount = _SORTS.get(sort) or (lambda row: row[Bucket(sort)])
    return sorted(by_name, key=lambda one: -amount(one.row))


def _bars(lines: Sequence[Line]) -> tuple[tuple[Line, tuple[Segment, ...]], ...]:
    """Bars of those who owe most, on one scale; a bucket that holds anything is visible."""
    owing = [one for one in _sorted(lines, "overdue") if one.row.open][:_BARS]
    longest = max((one.row.open for one in owing), default=0)
    return tuple((line, _segments(line.row, longest)) for line in owing)


def _segments(row: AgedRow, longest: int) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    x = 0
    for bucket in Bucket:
        if row[bucket]:
            width = max(_GAP, round(row[bucket] * _WIDTH / longest) - _GAP)
            segments.append(Segment(bucket, row[bucket], x, min(width, _WIDTH - x)))
            x += width + _GAP
    return tuple(segments)


def _csv(balance: AgedBalance, customers: Mapping[str, Customer]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(
        (
            *("as_of", "customer", "participant", "currency"),
            *(f"{one}" for one in Bucket),
            *("credits", "balance", "disputed", "oldest_days_late"),
        )
    )
    for row in balance.rows:
        customer = customers[row.customer]
        amounts = (*row.buckets, row.credits, row.balance, row.disputed)
        writer.writerow(
            (
                balance.on.isoformat(),
                _cell(customer.name),
                _cell(customer.participant),
                row.currency,
                *(decimal_text(from_minor(one, row.currency).value) for one in amounts),
                row.oldest_days,
            )
        )
    return file.getvalue()


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


ROUTES: Final = (
    Route("GET", "/receivables", show_aged, "receivables:read", "Show the aged balance", Face.PAGE),
    Route(
        "GET",
        "/receivables/aged.csv",
        download_aged,
        "receivables:read",
        "Download the aged balance",
        Face.PAGE,
    ),
)
