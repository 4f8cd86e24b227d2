"""Open items as pages: the list, and one item with its entries as of any day."""

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import (
    RENDER,
    Face,
    Route,
    form_of,
    path_id,
    query_id,
    seen_other,
    shown_again,
)
from gateway.core.paging import Cut
from gateway.receivables.keys import BUSINESS, RECEIVABLES
from gateway.receivables.pages_forms import as_of, chosen, minor, text
from gateway.receivables.pages_looks import booked, look_of_row, look_of_state
from gateway.receivables.queries import (
    Filters,
    Standing,
    customer_of,
    customers_by_id,
    item_row_of,
    item_view,
    list_items,
)
from gateway.receivables.tables import HoldRow
from reminders.account import Hold, HoldReason
from reminders.ledger import open_disputes

__all__ = ["ITEM_PATH", "ROUTES", "paused_customers"]

ITEM_PATH: Final = "/items/{item_id:[0-9a-f]{8}-[0-9a-f-]{27}}"

_LIST: Final = "receivables/items.html"
_ITEM: Final = "receivables/item.html"
_SHOWN: Final = 50
_TEXT_LENGTH: Final = 200
_REASON_LENGTH: Final = 60

REASON_MISSING: Final = ErrorKind("DISPUTE-REASON", "The dispute has no reason", 422)


@dataclass(frozen=True, slots=True)
class _Choice:
    """How the address narrows the list."""

    standing: Standing
    text: str
    before: UUID | None

    @classmethod
    def of(cls, request: web.Request) -> "_Choice":
        return cls(
            standing=chosen(Standing, request.query.get("state"), Standing.OPEN),
            text=text(request.query, "q", length=_TEXT_LENGTH),
            before=query_id(request, "before"),
        )


async def show_items(request: web.Request) -> web.Response:
    """What customers owe, item by item."""
    choice, today = _Choice.of(request), request.app[BUSINESS].today()
    tenant_id = principal(request).tenant_id
    async with request.app[DATABASE].read() as session:
        rows = await list_items(
            session,
            tenant_id,
            filters=Filters(choice.standing, None, choice.text),
            on=today,
            before=choice.before,
            limit=_SHOWN + 1,
        )
        page = Cut.at(rows, _SHOWN)
        ids = sorted({one.customer_id for one in page.shown})
        customers = await customers_by_id(session, tenant_id, ids)
        paused = await paused_customers(session, tenant_id, ids, today)
    context = {
        "choice": choice,
        "standings": tuple(Standing),
        "rows": [(row, customers[row.customer_id], look_of_row(row, today)) for row in page.shown],
        "paused": paused,
        "older": page.cursor(lambda one: one.id),
    }
    return request.app[RENDER](request, _LIST, context)


async def paused_customers(
    session: AsyncSession, tenant_id: UUID, ids: list[UUID], on: date
) -> frozenset[UUID]:
    """Which of these customers are paused as a whole on a business date."""
    found = await session.exec(
        select(HoldRow).where(
            HoldRow.tenant_id == tenant_id,
            col(HoldRow.customer_id).in_(ids),
            HoldRow.reason == HoldReason.PAUSED,
            col(HoldRow.item_id).is_(None),
        )
    )
    return frozenset(
        one.customer_id
        for one in found
        if Hold(reason=one.reason, since=one.since, last_day=one.last_day).active(on)
    )


async def show_item(request: web.Request) -> web.Response:
    """One open item: where it stood on a day, and every entry until then."""
    return await _page(request, error=None)


async def dispute_item(request: web.Request) -> web.Response:
    """Note that the customer disputes the item, or a part of it."""
    form, item_id = await form_of(request), path_id(request, "item_id")
    caller = principal(request)
    try:
        reason = text(form, "reason", length=_REASON_LENGTH)
        if not reason:
            raise GatewayError(REASON_MISSING, "Write in a few words what the customer disputes.")
        async with request.app[DATABASE].read() as session:
            row = await item_row_of(session, caller.tenant_id, item_id)
        await request.app[RECEIVABLES].dispute(
            caller, item_id, reason=reason, amount_minor=minor(form, "amount", row.currency)
        )
    except GatewayError as error:
        return await _again(request, error)
    return seen_other(f"/items/{item_id}")


async def resolve_item(request: web.Request) -> web.Response:
    """End every dispute about the item."""
    form, item_id = await form_of(request), path_id(request, "item_id")
    try:
        await request.app[RECEIVABLES].resolve(
            principal(request), item_id, reason=text(form, "reason", length=_REASON_LENGTH)
        )
    except GatewayError as error:
        return await _again(request, error)
    return seen_other(f"/items/{item_id}")


async def _again(request: web.Request, error: GatewayError) -> web.Response:
    return await shown_again(error, partial(_page, request))


async def _page(request: web.Request, *, error: GatewayError | None) -> web.Response:
    today = request.app[BUSINESS].today()
    on = as_of(request, today)
    caller = principal(request)
    async with request.app[DATABASE].read() as session:
        view = await item_view(session, caller.tenant_id, path_id(request, "item_id"), on=on)
        customer = await customer_of(session, caller.tenant_id, view.row.customer_id)
    context: dict[str, Any] = {
        "row": view.row,
        "state": view.state,
        "look": look_of_state(view.state),
        "customer": customer,
        "entries": booked(view.item.entries, on),
        "later": sum(one.business_date > on for one in view.item.entries),
        "disputed_now": bool(open_disputes(view.item)),
        "on": on,
        "today": today,
        "error": error,
    }
    return request.app[RENDER](request, _ITEM, context)


ROUTES: Final = (
    Route(
        "GET", "/receivables/items", show_items, "receivables:read", "List open items", Face.PAGE
    ),
    Route("GET", ITEM_PATH, show_item, "receivables:read", "Show an open item", Face.PAGE),
    Route(
        "POST",
        f"{ITEM_PATH}/dispute",
        dispute_item,
        "receivables:write",
        "Note a dispute",
        Face.PAGE,
    ),
    Route(
        "POST",
        f"{ITEM_PATH}/resolve",
        resolve_item,
        "receivables:write",
        "End the disputes about an item",
        Face.PAGE,
    ),
)
