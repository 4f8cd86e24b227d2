"""The bank's pages: the queue of payments that wait for a person, one payment, the messages."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from aiohttp.web_request import FileField

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import (
    BAD_REQUEST,
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
from gateway.exchange.keys import ARCHIVE
from gateway.receivables.bank_api import BANK_DESK
from gateway.receivables.bank_decisions import Accept, Allocate, Decision, SetAside, Unapplied
from gateway.receivables.bank_queries import (
    bank_message_of,
    bank_payment_of,
    count_waiting,
    list_bank_messages,
    list_bank_payments,
)
from gateway.receivables.keys import BUSINESS
from gateway.receivables.pages_bank_view import (
    STATES,
    Tab,
    choices_for,
    outcomes_by_message,
    payment_named,
    payment_views,
)
from gateway.receivables.pages_forms import chosen, minor, text
from gateway.receivables.pages_looks import MESSAGE_LOOKS, PAYMENT_LOOKS
from gateway.receivables.queries import item_row_of
from gateway.receivables.tables import BankMessageState, BankOrigin, BankPayment, ItemRow
from reminders.bank import Direction

__all__ = ["ROUTES"]

_QUEUE: Final = "receivables/bank.html"
_PAYMENT: Final = "receivables/bank_payment.html"
_MESSAGES: Final = "receivables/bank_messages.html"
_SHOWN: Final = 25
_TEXT_LENGTH: Final = 200
_NOTE_LENGTH: Final = 500
_PAYMENT_PATH: Final = "/bank/payments/{payment_id:[0-9a-f]{8}-[0-9a-f-]{27}}"
_MESSAGE_PATH: Final = "/bank/messages/{message_id:[0-9a-f]{8}-[0-9a-f-]{27}}"

NOTHING_CHOSEN: Final = ErrorKind("BANK-NOTHING-CHOSEN", "No item was chosen", 422)
NOTE_MISSING: Final = ErrorKind("BANK-NOTE-MISSING", "The reason is missing", 422)


async def show_queue(request: web.Request) -> web.Response:
    """The payments that wait for a person, or others."""
    return await _queue(request, error=None)


async def _queue(request: web.Request, *, error: GatewayError | None) -> web.Response:
    tab = chosen(Tab, request.query.get("state"), Tab.WAITING)
    tenant_id = principal(request).tenant_id
    message_id, before = query_id(request, "message"), query_id(request, "before")
    async with request.app[DATABASE].read() as session:
        rows = await list_bank_payments(
            session,
            tenant_id,
            states=STATES[tab],
            message_id=message_id,
            before=before,
            limit=_SHOWN + 1,
        )
        page = Cut.at(rows, _SHOWN)
        views = await payment_views(session, tenant_id, page.shown)
        done = await _done(request, session)
        waiting = await count_waiting(session, tenant_id)
    context = {
        "tab": tab,
        "tabs": tuple(Tab),
        "views": views,
        "looks": PAYMENT_LOOKS,
        "message_id": message_id,
        "before": before,
        "older": page.cursor(lambda one: one.id),
        "waiting": waiting,
        "done": done,
        "error": error,
    }
    return request.app[RENDER](request, _QUEUE, context)


async def _done(request: web.Request, session: Any) -> BankPayment | None:
    """The payment that was just decided on, so that the queue can say what became of it."""
    payment_id = query_id(request, "done")
    if payment_id is None:
        return None
    return await bank_payment_of(session, principal(request).tenant_id, payment_id)


async def show_payment(request: web.Request) -> web.Response:
    """One payment, what is known of it, and every way to decide."""
    return await _payment(request, error=None)


async def _payment(request: web.Request, *, error: GatewayError | None) -> web.Response:
    tenant_id = principal(request).tenant_id
    wanted = text(request.query, "q", length=_TEXT_LENGTH)
    async with request.app[DATABASE].read() as session:
        row = await bank_payment_of(session, tenant_id, path_id(request, "payment_id"))
        [view] = await payment_views(session, tenant_id, [row])
        message = await bank_message_of(session, tenant_id, row.bank_message_id)
        like = await payment_named(session, tenant_id, row.result.get("like", ""))
        choices = await choices_for(session, view, text=wanted, on=request.app[BUSINESS].today())
    context = {
        "view": view,
        "message": message,
        "like": like,
        "choices": choices,
        "wanted": wanted,
        "looks": PAYMENT_LOOKS,
        "error": error,
    }
    return request.app[RENDER](request, _PAYMENT, context)


async def decide(request: web.Request) -> web.Response:
    """Carry out what a person decided; the page again with the reason why not."""
    payment_id, caller = path_id(request, "payment_id"), principal(request)
    form = await form_of(request)
    try:
        async with request.app[DATABASE].read() as session:
            row = await bank_payment_of(session, caller.tenant_id, payment_id)
        decision = await _decision(request, row, form)
        await request.app[BANK_DESK].decide(caller, payment_id, decision)
    except GatewayError as error:
        return await shown_again(error, partial(_payment, request))
    return seen_other(f"/bank?done={payment_id}")


async def _decision(request: web.Request, row: BankPayment, form: Mapping[str, Any]) -> Decision:
    match form.get("decision"):
        case "accept":
            number = text(form, "number", length=4)
            return Accept(int(number) if number.isascii() and number.isdigit() else -1)
        case "allocate":
            return await _allocation(request, row, form)
        case "credit":
            return Unapplied(_id(form, "customer"))
        case "set-aside":
            note = text(form, "note", length=_NOTE_LENGTH)
            if not note:
                raise GatewayError(NOTE_MISSING, "Write why the payment concerns no customer.")
            return SetAside(note)
    raise GatewayError(BAD_REQUEST, "Use one of the buttons of the page.")


async def _allocation(request: web.Request, row: BankPayment, form: Mapping[str, Any]) -> Allocate:
    """The items that were ticked or given an amount; a ticked one without an amount in full."""
    names = [name.removeprefix("amount-") for name in form if name.startswith("amount-")]
    shares: list[tuple[UUID, int]] = []
    async with request.app[DATABASE].read() as session:
        for name in names:
            amount = minor(form, f"amount-{name}", row.currency)
            if amount is None and f"take-{name}" not in form:
                continue
            item = await item_row_of(session, row.tenant_id, _uuid(name))
            share = abs(amount if amount is not None else _whole(row, item))
            shares.append((item.id, -share if item.kind.is_credit else share))
    if not shares:
        raise GatewayError(NOTHING_CHOSEN, "Tick an item, or write an amount beside it.")
    return Allocate(tuple(shares))


def _whole(row: BankPayment, item: ItemRow) -> int:
    """What ticking an item means: all that is open; of money that went, all of it."""
    return item.open_minor if row.direction is Direction.CREDIT else row.minor


def _id(form: Mapping[str, Any], name: str) -> UUID:
    return _uuid(text(form, name, length=40))


def _uuid(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise GatewayError(BAD_REQUEST, "Choose one of those the form offers.") from None


async def show_messages(request: web.Request) -> web.Response:
    """Every bank message with its outcome, and the way to bring one."""
    return await _messages(request, fault=None, error=None)


async def _messages(
    request: web.Request, *, fault: str | None, error: GatewayError | None
) -> web.Response:
    tenant_id = principal(request).tenant_id
    before, done = query_id(request, "before"), query_id(request, "done")
    async with request.app[DATABASE].read() as session:
        rows = await list_bank_messages(session, tenant_id, before=before, limit=_SHOWN + 1)
        page = Cut.at(rows, _SHOWN)
        outcomes = await outcomes_by_message(session, tenant_id, [one.id for one in page.shown])
        taken = await bank_message_of(session, tenant_id, done) if done else None
        waiting = await count_waiting(session, tenant_id)
    context = {
        "rows": [(one, outcomes[one.id]) for one in page.shown],
        "looks": MESSAGE_LOOKS,
        "payment_looks": PAYMENT_LOOKS,
        "refused": BankMessageState.REFUSED,
        "taken": taken,
        "known": "known" in request.query,
        "waiting": waiting,
        "before": before,
        "older": page.cursor(lambda one: one.id),
        "fault": fault,
        "error": error,
    }
    return request.app[RENDER](request, _MESSAGES, context)


async def upload(request: web.Request) -> web.Response:
    """Take in a bank message; the page says what became of it, a refused one included."""
    file = (await form_of(request)).get("file")
    if not isinstance(file, FileField) or not file.filename:
        response = await _messages(request, fault="file-missing", error=None)
        response.set_status(422)
        return response
    caller = principal(request)
    try:
        taken = await request.app[BANK_DESK].take(
            caller.tenant_id,
            file.file.read(),
            origin=BankOrigin.UPLOAD,
            file_name=file.filename,
            caller=caller,
        )
    except GatewayError as error:
        response = await _messages(request, fault=None, error=error)
        response.set_status(error.kind.status)
        return response
    known = "" if taken.new else "&known=1"
    return seen_other(f"/bank/messages?done={taken.message.id}{known}")


async def download_message(request: web.Request) -> web.Response:
    """A bank message exactly as it came."""
    tenant_id = principal(request).tenant_id
    async with request.app[DATABASE].read() as session:
        message = await bank_message_of(session, tenant_id, path_id(request, "message_id"))
        content = await request.app[ARCHIVE].fetch(session, message.content_id)
    return web.Response(
        body=content,
        content_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="bank-message-{message.id}.xml"'},
    )


ROUTES: Final = (
    Route("GET", "/bank", show_queue, "receivables:read", "Show the bank queue", Face.PAGE),
    Route("GET", _PAYMENT_PATH, show_payment, "receivables:read", "Show a payment", Face.PAGE),
    Route(
        "POST",
        f"{_PAYMENT_PATH}/decision",
        decide,
        "receivables:write",
        "Decide about a payment",
        Face.PAGE,
    ),
    Route(
        "GET", "/bank/messages", show_messages, "receivables:read", "List bank messages", Face.PAGE
    ),
    Route(
        "POST", "/bank/messages", upload, "receivables:write", "Take in a bank message", Face.PAGE
    ),
    Route(
        "GET",
        f"{_MESSAGE_PATH}/file",
        download_message,
        "receivables:read",
        "Download a bank message",
        Face.PAGE,
    ),
)
