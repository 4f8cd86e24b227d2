"""The API of paying: links for other programs to hand out, and the door for providers' events."""

from typing import Final

from aiohttp import web
from sqlmodel import col, select

from gateway.access.principal import principal
from gateway.access.service import audit
from gateway.core.app_keys import DATABASE
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import Face, Route, body_of, json_answer, query_of
from gateway.core.paging import Cut
from gateway.payments.api_models import LinkIn, LinkMade, LinkOut, LinkPage, LinkQuery
from gateway.payments.errors import LINK_ITEMS
from gateway.payments.keys import LINKS, PAYING, PROVIDER_EVENTS
from gateway.payments.queries import histories_of, list_links
from gateway.receivables.tables import Customer, ItemRow

__all__ = ["EVENTS_PATH", "ROUTES"]

EVENTS_PATH: Final = "/v1/provider-events/"

EVENT_TOO_LARGE: Final = ErrorKind("PAYMENT-EVENT-TOO-LARGE", "The event is too large", 413)

_MAX_EVENT: Final = 64 * 1024


async def get_links(request: web.Request) -> web.Response:
    """A page of the caller's payment links, newest first."""
    query = query_of(request, LinkQuery)
    tenant_id = principal(request).tenant_id
    paying = request.app[PAYING]
    async with request.app[DATABASE].read() as session:
        rows = await list_links(session, tenant_id, before=query.cursor, limit=query.limit + 1)
        page = Cut.at(rows, query.limit)
        histories = await histories_of(session, page.shown)
        baskets = await paying.baskets(session, [one.link for one in histories])
    shown = [
        LinkOut.of(one, baskets[one.link.id], expired=paying.is_expired(one.link))
        for one in histories
    ]
    cursor = page.cursor(lambda one: str(one.id))
    return json_answer(LinkPage(items=shown, next_cursor=cursor))


async def make_link(request: web.Request) -> web.Response:
    """Make a payment link for some open items of one customer."""
    caller, wanted = principal(request), await body_of(request, LinkIn)
    async with request.app[DATABASE].write() as session:
        found = await session.exec(
            select(ItemRow, Customer)
            .join(Customer, col(Customer.id) == col(ItemRow.customer_id))
            .where(ItemRow.tenant_id == caller.tenant_id, ItemRow.id == wanted.items[0])
        )
        first = found.first()
        if first is None:
            raise GatewayError(
                LINK_ITEMS, "No open item of this account has that id.", item=str(wanted.items[0])
            )
        item, customer = first
        link = await request.app[LINKS].issue(
            session,
            tenant_id=caller.tenant_id,
            customer_id=customer.id,
            items=wanted.items,
            currency=item.currency,
            locale=wanted.locale or customer.locale,
        )
        audit(
            session,
            caller,
            action="payment-link.issued",
            object=str(link.id),
            items=len(wanted.items),
        )
    return json_answer(LinkMade(id=link.id, url=link.url), status=201)


async def take_event(request: web.Request) -> web.Response:
    """Take in what a payment provider tells; a repetition is acknowledged and changes nothing."""
    await request.app[PROVIDER_EVENTS].take(
        request.match_info["provider"], request.headers, await _event_body(request)
    )
    return web.Response(status=204)


async def _event_body(request: web.Request) -> bytes:
    """The raw body, as it was signed; nobody yet knows who sends it, so it has to be small."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > _MAX_EVENT:
            raise GatewayError(EVENT_TOO_LARGE, f"An event has at most {_MAX_EVENT} bytes.")
    return bytes(body)


ROUTES: Final = (
    Route(
        "GET",
        "/v1/payment-links",
        get_links,
        "receivables:read",
        "List payment links, newest first",
        query=LinkQuery,
        answer=LinkPage,
    ),
    Route(
        "POST",
        "/v1/payment-links",
        make_link,
        "receivables:write",
        "Make a payment link for open items",
        body=LinkIn,
        answer=LinkMade,
        status=201,
        statuses={422: "The items are not claims on one customer in one currency"},
    ),
    Route(
        "POST",
        f"{EVENTS_PATH}{{provider:[a-z0-9-]{{1,40}}}}",
        take_event,
        None,
        "Take in an event of a payment provider",
        Face.NETWORK,
        body="application/json",
        status=204,
        statuses={401: "The event is not signed by the provider", 404: "No such provider"},
    ),
)
