"""The API of bank messages: hand them in, follow their payments, decide what waits."""

from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import Route, body_of, json_answer, path_id, query_of
from gateway.core.paging import Cut
from gateway.receivables.bank_api_models import (
    BankMessageOut,
    BankMessagePage,
    BankMessageQuery,
    BankMessageTaken,
    BankPaymentOut,
    BankPaymentPage,
    BankPaymentQuery,
    DecisionIn,
    TakeQuery,
)
from gateway.receivables.bank_decisions import Accept, Allocate, Decision, SetAside, Unapplied
from gateway.receivables.bank_errors import ALLOCATION_INVALID, refusal
from gateway.receivables.bank_messages import BankDesk
from gateway.receivables.bank_queries import (
    bank_message_of,
    bank_payment_of,
    list_bank_messages,
    list_bank_payments,
    outcomes_of,
)
from gateway.receivables.tables import BankMessage, BankMessageState, BankOrigin
from ubl.amounts import Amount, AmountUnreadable, parse_decimal, to_minor

__all__ = ["BANK_DESK", "ROUTES"]

BANK_DESK: Final = web.AppKey("bank-desk", BankDesk)

_MESSAGE: Final = "/v1/bank-messages/{message_id:[0-9a-f-]{36}}"
_PAYMENT: Final = "/v1/bank-payments/{payment_id:[0-9a-f-]{36}}"
_NEWEST: Final = 50


async def take_message(request: web.Request) -> web.Response:
    """Take a camt message: 201 when it is new, 200 when the same bytes had come before."""
    caller = principal(request)
    taken = await request.app[BANK_DESK].take(
        caller.tenant_id,
        await request.read(),
        origin=BankOrigin.API,
        file_name=query_of(request, TakeQuery).file_name,
        caller=caller,
    )
    message = taken.message
    if message.state is BankMessageState.REFUSED:
        raise refusal(
            message.failure_code or "", message.failure_text or "", bank_message=str(message.id)
        )
    return await _told(request, message, status=201 if taken.new else 200)


async def get_messages(request: web.Request) -> web.Response:
    """A page of bank messages, newest first."""
    query = query_of(request, BankMessageQuery)
    async with request.app[DATABASE].read() as session:
        rows = await list_bank_messages(
            session,
            principal(request).tenant_id,
            before=query.cursor,
            limit=query.limit + 1,
        )
    page = Cut.at(rows, query.limit)
    cursor = page.cursor(lambda one: str(one.id))
    return json_answer(
        BankMessagePage(items=[BankMessageOut.of(one) for one in page.shown], next_cursor=cursor)
    )


async def get_message(request: web.Request) -> web.Response:
    """One bank message with what became of its payments."""
    async with request.app[DATABASE].read() as session:
        row = await bank_message_of(
            session, principal(request).tenant_id, path_id(request, "message_id")
        )
    return await _told(request, row)


async def get_payments(request: web.Request) -> web.Response:
    """A page of payments, newest first."""
    query = query_of(request, BankPaymentQuery)
    async with request.app[DATABASE].read() as session:
        rows = await list_bank_payments(
            session,
            principal(request).tenant_id,
            states=(query.state,) if query.state else (),
            message_id=query.message,
            before=query.cursor,
            limit=query.limit + 1,
        )
    page = Cut.at(rows, query.limit)
    cursor = page.cursor(lambda one: str(one.id))
    return json_answer(
        BankPaymentPage(items=[BankPaymentOut.of(one) for one in page.shown], next_cursor=cursor)
    )


async def decide_payment(request: web.Request) -> web.Response:
    """Carry out a decision about a payment that waits."""
    body = await body_of(request, DecisionIn)
    caller, payment_id = principal(request), path_id(request, "payment_id")
    async with request.app[DATABASE].read() as session:
        row = await bank_payment_of(session, caller.tenant_id, payment_id)
    decided = await request.app[BANK_DESK].decide(caller, payment_id, _decision(body, row.currency))
    return json_answer(BankPaymentOut.of(decided))


async def _told(request: web.Request, row: BankMessage, *, status: int = 200) -> web.Response:
    async with request.app[DATABASE].read() as session:
        outcomes = await outcomes_of(session, row.tenant_id, row.id)
        newest = await list_bank_payments(session, row.tenant_id, message_id=row.id, limit=_NEWEST)
    return json_answer(
        BankMessageTaken(
            **BankMessageOut.of(row).model_dump(),
            outcomes=outcomes,
            newest=[BankPaymentOut.of(one) for one in newest],
        ),
        status=status,
    )


def _decision(body: DecisionIn, currency: str) -> Decision:
    if body.accept is not None:
        return Accept(body.accept)
    if body.set_aside is not None:
        return SetAside(body.set_aside)
    if body.unapplied is not None:
        return Unapplied(body.unapplied)
    shares = []
    for one in body.allocations or ():
        if one.amount.currency != currency:
            raise GatewayError(
                ALLOCATION_INVALID, f"The payment is in {currency}; allocate in that currency."
            )
        try:
            minor = to_minor(Amount(parse_decimal(one.amount.amount), currency))
        except AmountUnreadable as error:
            raise GatewayError(ALLOCATION_INVALID, error.message) from None
        shares.append((one.item, minor))
    return Allocate(tuple(shares))


ROUTES: Final = (
    Route(
        "POST",
        "/v1/bank-messages",
        take_message,
        "receivables:write",
        "Hand in a camt.053 or camt.054 message of a bank",
        query=TakeQuery,
        body="application/xml",
        answer=BankMessageTaken,
        status=201,
        statuses={
            200: "The same bytes had been taken before",
            422: "The message cannot be trusted; it is kept as refused, with the reason",
            507: "The storage is full; nothing was taken",
        },
    ),
    Route(
        "GET",
        "/v1/bank-messages",
        get_messages,
        "receivables:read",
        "List bank messages, newest first",
        query=BankMessageQuery,
        answer=BankMessagePage,
    ),
    Route(
        "GET",
        _MESSAGE,
        get_message,
        "receivables:read",
        "One bank message with what became of its payments",
        answer=BankMessageTaken,
    ),
    Route(
        "GET",
        "/v1/bank-payments",
        get_payments,
        "receivables:read",
        "List payments of bank messages, newest first",
        query=BankPaymentQuery,
        answer=BankPaymentPage,
    ),
    Route(
        "POST",
        f"{_PAYMENT}/decision",
        decide_payment,
        "receivables:write",
        "Decide what a waiting payment is for",
        body=DecisionIn,
        answer=BankPaymentOut,
        statuses={
            409: "It is booked already, or the open items have changed meanwhile",
            422: "The money cannot be shared so",
        },
    ),
)
