"""The API of the receivables: open items, customers, holds, the aged balance."""

from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, Route, body_of, json_answer, path_id, query_of
from gateway.core.paging import Cut
from gateway.receivables.api_models import (
    AgedBalanceOut,
    AgedBalanceQuery,
    CustomerIn,
    CustomerOut,
    CustomerPage,
    CustomerQuery,
    DiscoveryIn,
    DisputeIn,
    HoldIn,
    HoldList,
    HoldOut,
    ItemOut,
    ItemPage,
    ItemQuery,
    ItemStateOut,
    ItemStateQuery,
    ResolveIn,
)
from gateway.receivables.keys import BUSINESS, RECEIVABLES
from gateway.receivables.queries import (
    Filters,
    aged_balance_of,
    customer_of,
    item_row_of,
    item_view,
    list_customers,
    list_holds,
    list_items,
)
from ubl.amounts import Amount, AmountUnreadable, parse_decimal, to_minor

__all__ = ["ROUTES"]

_ITEM: Final = "/v1/open-items/{item_id:[0-9a-f-]{36}}"
_CUSTOMER: Final = "/v1/customers/{customer_id:[0-9a-f-]{36}}"


async def get_items(request: web.Request) -> web.Response:
    """A page of open items, newest first."""
    query = query_of(request, ItemQuery)
    async with request.app[DATABASE].read() as session:
        rows = await list_items(
            session,
            principal(request).tenant_id,
            filters=Filters(query.state, query.customer, query.q),
            on=request.app[BUSINESS].today(),
            before=query.cursor,
            limit=query.limit + 1,
        )
    page = Cut.at(rows, query.limit)
    cursor = page.cursor(lambda one: str(one.id))
    return json_answer(ItemPage(items=[ItemOut.of(one) for one in page.shown], next_cursor=cursor))


async def get_item(request: web.Request) -> web.Response:
    """One open item with its entries, as of a date."""
    query = query_of(request, ItemStateQuery)
    if query.known_at is not None and query.known_at.tzinfo is None:
        raise GatewayError(BAD_REQUEST, "Give known_at with its time zone.")
    async with request.app[DATABASE].read() as session:
        view = await item_view(
            session,
            principal(request).tenant_id,
            path_id(request, "item_id"),
            on=query.as_of or request.app[BUSINESS].today(),
            known_at=query.known_at,
        )
    return json_answer(ItemStateOut.of(view))


async def dispute_item(request: web.Request) -> web.Response:
    """Note that an item is disputed."""
    body = await body_of(request, DisputeIn)
    caller, item_id = principal(request), path_id(request, "item_id")
    async with request.app[DATABASE].read() as session:
        row = await item_row_of(session, caller.tenant_id, item_id)
    amount = None if body.amount is None else _minor(body.amount, row.currency)
    row = await request.app[RECEIVABLES].dispute(
        caller, item_id, reason=body.reason, amount_minor=amount
    )
    return json_answer(ItemOut.of(row))


async def resolve_item(request: web.Request) -> web.Response:
    """End every dispute about an item."""
    body = await body_of(request, ResolveIn)
    row = await request.app[RECEIVABLES].resolve(
        principal(request), path_id(request, "item_id"), reason=body.reason
    )
    return json_answer(ItemOut.of(row))


async def get_customers(request: web.Request) -> web.Response:
    """A page of customers, newest first."""
    query = query_of(request, CustomerQuery)
    async with request.app[DATABASE].read() as session:
        rows = await list_customers(
            session,
            principal(request).tenant_id,
            text=query.q,
            before=query.cursor,
            limit=query.limit + 1,
        )
    page = Cut.at(rows, query.limit)
    cursor = page.cursor(lambda one: str(one.id))
    return json_answer(
        CustomerPage(items=[CustomerOut.of(one) for one in page.shown], next_cursor=cursor)
    )


async def get_customer(request: web.Request) -> web.Response:
    """One customer."""
    async with request.app[DATABASE].read() as session:
        row = await customer_of(
            session, principal(request).tenant_id, path_id(request, "customer_id")
        )
    return json_answer(CustomerOut.of(row))


async def change_customer(request: web.Request) -> web.Response:
    """Set where and in which language a customer is written to."""
    body = await body_of(request, CustomerIn)
    row = await request.app[RECEIVABLES].change_customer(
        principal(request), path_id(request, "customer_id"), body.change()
    )
    return json_answer(CustomerOut.of(row))


async def answer_discovery(request: web.Request) -> web.Response:
    """Take up, or decline, that a customer was found on Peppol."""
    body = await body_of(request, DiscoveryIn)
    row = await request.app[RECEIVABLES].answer_discovery(
        principal(request), path_id(request, "customer_id"), accept=body.accept
    )
    return json_answer(CustomerOut.of(row))


async def get_holds(request: web.Request) -> web.Response:
    """Every hold of a customer."""
    async with request.app[DATABASE].read() as session:
        customer = await customer_of(
            session, principal(request).tenant_id, path_id(request, "customer_id")
        )
        rows = await list_holds(session, customer.tenant_id, customer.id)
    return json_answer(HoldList(items=[HoldOut.of(one) for one in rows]))


async def pause_customer(request: web.Request) -> web.Response:
    """Send a customer, or about one item, nothing for a while."""
    body = await body_of(request, HoldIn)
    hold = await request.app[RECEIVABLES].pause(
        principal(request),
        path_id(request, "customer_id"),
        note=body.note,
        last_day=body.last_day,
        item_id=body.item_id,
    )
    return json_answer(HoldOut.of(hold), status=201)


async def lift_hold(request: web.Request) -> web.Response:
    """Lift a hold from today on."""
    hold = await request.app[RECEIVABLES].resume(principal(request), path_id(request, "hold_id"))
    return json_answer(HoldOut.of(hold))


async def get_aged_balance(request: web.Request) -> web.Response:
    """The aged balance at the end of a business date."""
    query = query_of(request, AgedBalanceQuery)
    async with request.app[DATABASE].read() as session:
        balance = await aged_balance_of(
            session,
            principal(request).tenant_id,
            on=query.as_of or request.app[BUSINESS].today(),
        )
    return json_answer(AgedBalanceOut.of(balance))


def _minor(text: str, currency: str) -> int:
    try:
        return to_minor(Amount(parse_decimal(text), currency))
    except AmountUnreadable as error:
        raise GatewayError(BAD_REQUEST, error.message) from None


ROUTES: Final = (
    Route(
        "GET",
        "/v1/open-items",
        get_items,
        "receivables:read",
        "List open items",
        query=ItemQuery,
        answer=ItemPage,
    ),
    Route(
        "GET",
        _ITEM,
        get_item,
        "receivables:read",
        "Get an open item as of a date",
        query=ItemStateQuery,
        answer=ItemStateOut,
    ),
    Route(
        "POST",
        f"{_ITEM}/disputes",
        dispute_item,
        "receivables:write",
        "Note a dispute",
        body=DisputeIn,
        answer=ItemOut,
        statuses={409: "the item has nothing open that could be disputed"},
    ),
    Route(
        "POST",
        f"{_ITEM}/disputes/resolve",
        resolve_item,
        "receivables:write",
        "End every dispute about an item",
        body=ResolveIn,
        answer=ItemOut,
        statuses={409: "nothing is disputed"},
    ),
    Route(
        "GET",
        "/v1/customers",
        get_customers,
        "receivables:read",
        "List customers",
        query=CustomerQuery,
        answer=CustomerPage,
    ),
    Route("GET", _CUSTOMER, get_customer, "receivables:read", "Get a customer", answer=CustomerOut),
    Route(
        "PATCH",
        _CUSTOMER,
        change_customer,
        "receivables:write",
        "Change how a customer is written to",
        body=CustomerIn,
        answer=CustomerOut,
        statuses={422: "the address, the language or the channel cannot be used"},
    ),
    Route(
        "POST",
        f"{_CUSTOMER}/peppol",
        answer_discovery,
        "receivables:write",
        "Answer that a customer was found on Peppol",
        body=DiscoveryIn,
        answer=CustomerOut,
        statuses={409: "nothing was found that has not been answered already"},
    ),
    Route(
        "GET",
        f"{_CUSTOMER}/holds",
        get_holds,
        "receivables:read",
        "List a customer's holds",
        answer=HoldList,
    ),
    Route(
        "POST",
        f"{_CUSTOMER}/holds",
        pause_customer,
        "receivables:write",
        "Pause a customer",
        body=HoldIn,
        answer=HoldOut,
        status=201,
        statuses={422: "the pause would end before it begins"},
    ),
    Route(
        "POST",
        "/v1/holds/{hold_id:[0-9a-f-]{36}}/lift",
        lift_hold,
        "receivables:write",
        "Lift a hold",
        answer=HoldOut,
    ),
    Route(
        "GET",
        "/v1/aged-balance",
        get_aged_balance,
        "receivables:read",
        "Get the aged balance as of a date",
        query=AgedBalanceQuery,
        answer=AgedBalanceOut,
    ),
)
