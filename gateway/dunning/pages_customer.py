"""The page of a customer: what is open, what was sent, and the button that stops reminders.

It is with dunning because it shows reminders and e-mails beside what the receivables know.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import (
    RENDER,
    Face,
    Handler,
    Route,
    form_of,
    path_id,
    seen_other,
    shown_again,
)
from gateway.core.paging import Cut
from gateway.dunning.keys import DUNNING
from gateway.dunning.pages_view import (
    HOLD_LOOKS,
    MAIL_LOOKS,
    REMINDER_LOOKS,
    accounts_of,
    history_of,
    is_active,
    next_steps,
)
from gateway.dunning.policies import POLICY_NONE
from gateway.dunning.queries import MailFilters, ReminderFilters, list_mails, list_reminders
from gateway.exchange.channels import Channel, DispatchFormat, on_network
from gateway.receivables.customers import LOCALES
from gateway.receivables.desk import CustomerChange
from gateway.receivables.keys import BUSINESS, RECEIVABLES
from gateway.receivables.pages_forms import chosen, day, text
from gateway.receivables.pages_looks import look_of_row
from gateway.receivables.queries import (
    Filters,
    Standing,
    aged_balance_of,
    customer_of,
    list_holds,
    list_items,
)
from gateway.receivables.tables import Customer, HoldRow
from reminders.account import HoldReason
from reminders.plan import Plan

__all__ = ["ROUTES"]

_PAGE: Final = "dunning/customer.html"
_PATH: Final = "/customers/{customer_id:[0-9a-f]{8}-[0-9a-f-]{27}}"
_ITEMS: Final = 100
_SENT: Final = 20
_NOTE_LENGTH: Final = 500
_EMAIL_LENGTH: Final = 254


async def show_customer(request: web.Request) -> web.Response:
    """Everything about a customer."""
    return await _page(request, error=None)


async def _page(request: web.Request, *, error: GatewayError | None) -> web.Response:
    tenant_id, today = principal(request).tenant_id, request.app[BUSINESS].today()
    customer_id = path_id(request, "customer_id")
    async with request.app[DATABASE].read() as session:
        customer = await customer_of(session, tenant_id, customer_id)
        balance = await aged_balance_of(session, tenant_id, on=today, customer_id=customer_id)
        items = await list_items(
            session,
            tenant_id,
            filters=Filters(Standing.OPEN, customer_id),
            on=today,
            limit=_ITEMS + 1,
        )
        holds = await list_holds(session, tenant_id, customer_id)
        accounts = await accounts_of(session, tenant_id, customer_id)
        past = await _past(session, customer, holds)
    open_items = Cut.at(items, _ITEMS)
    active = [one for one in holds if is_active(one, today)]
    context: dict[str, Any] = {
        "customer": customer,
        "totals": balance.totals,
        "items": [(one, look_of_row(one, today)) for one in open_items.shown],
        "more_items": open_items.more,
        "numbers": {one.id: one.number for one in items},
        "next": next_steps(await _outlook(request, tenant_id, customer_id)),
        "pauses": [one for one in active if _is_pause(one)],
        "holds": [one for one in active if not _is_pause(one)],
        "hold_looks": HOLD_LOOKS,
        **past,
        "reminder_looks": REMINDER_LOOKS,
        "mail_looks": MAIL_LOOKS,
        "accounts": accounts,
        "locales": LOCALES,
        "channels": _channels_of(customer),
        "formats": tuple(DispatchFormat),
        "today": today,
        "error": error,
    }
    return request.app[RENDER](request, _PAGE, context)


async def _past(
    session: AsyncSession, customer: Customer, holds: Sequence[HoldRow]
) -> dict[str, Any]:
    """What was sent to the customer, newest first, and the story with the pauses in it."""
    tenant_id, customer_id = customer.tenant_id, customer.id
    listed = await list_reminders(
        session, tenant_id, filters=ReminderFilters(customer_id=customer_id), limit=_SENT
    )
    reminders = [one.reminder for one in listed]
    mails = await list_mails(
        session, tenant_id, filters=MailFilters(customer_id=customer_id), limit=_SENT
    )
    history = await history_of(
        session, tenant_id, customer_id, holds=holds, reminders=reminders, mails=mails
    )
    return {"reminders": reminders, "mails": mails, "history": history}


def _is_pause(hold: HoldRow) -> bool:
    return hold.reason is HoldReason.PAUSED and hold.item_id is None


async def _outlook(request: web.Request, tenant_id: UUID, customer_id: UUID) -> Plan | None:
    """What a run would do now; None before any policy is in force."""
    try:
        return await request.app[DUNNING].outlook(tenant_id, customer_id)
    except GatewayError as error:
        if error.kind is not POLICY_NONE:
            raise
        return None


async def pause(request: web.Request) -> web.Response:
    """Send the customer nothing for a while."""
    form, customer_id = await form_of(request), path_id(request, "customer_id")
    try:
        await request.app[RECEIVABLES].pause(
            principal(request),
            customer_id,
            note=text(form, "note", length=_NOTE_LENGTH),
            last_day=day(form, "last_day"),
        )
    except GatewayError as error:
        return await _again(request, error)
    return seen_other(f"/customers/{customer_id}")


async def resume(request: web.Request) -> web.Response:
    """End every pause of the customer as a whole."""
    customer_id, caller = path_id(request, "customer_id"), principal(request)
    today = request.app[BUSINESS].today()
    async with request.app[DATABASE].read() as session:
        await customer_of(session, caller.tenant_id, customer_id)
        holds = await list_holds(session, caller.tenant_id, customer_id)
    for hold in holds:
        if _is_pause(hold) and is_active(hold, today):
            await request.app[RECEIVABLES].resume(caller, hold.id)
    return seen_other(f"/customers/{customer_id}")


async def change_contact(request: web.Request) -> web.Response:
    """Set where and in which language the customer is written to."""
    form, customer_id = await form_of(request), path_id(request, "customer_id")
    try:
        await request.app[RECEIVABLES].change_customer(
            principal(request),
            customer_id,
            CustomerChange(
                email=text(form, "email", length=_EMAIL_LENGTH),
                locale=text(form, "locale", length=10) or None,
            ),
        )
    except GatewayError as error:
        return await _again(request, error)
    return seen_other(f"/customers/{customer_id}")


async def change_channel(request: web.Request) -> web.Response:
    """Set how invoices reach the customer."""
    form, customer_id = await form_of(request), path_id(request, "customer_id")
    try:
        await request.app[RECEIVABLES].change_customer(
            principal(request),
            customer_id,
            CustomerChange(
                channel=_channel(form.get("channel")),
                invoice_email=text(form, "invoice_email", length=_EMAIL_LENGTH),
                invoice_format=chosen(
                    DispatchFormat, form.get("invoice_format"), DispatchFormat.FACTURX
                ),
            ),
        )
    except GatewayError as error:
        return await _again(request, error)
    return seen_other(f"/customers/{customer_id}")


def _channels_of(customer: Customer) -> tuple[Channel, ...]:
    """The channels to choose from: Peppol only for whom it could find."""
    findable = on_network(customer.participant)
    return tuple(one for one in Channel if findable or one is not Channel.PEPPOL)


def _channel(value: object) -> Channel | None:
    return chosen(Channel, value, Channel.AUTO) if value else None


async def answer_discovery(request: web.Request) -> web.Response:
    """Take up, or decline, that the customer was found on Peppol."""
    form, customer_id = await form_of(request), path_id(request, "customer_id")
    try:
        await request.app[RECEIVABLES].answer_discovery(
            principal(request), customer_id, accept=form.get("answer") == "accept"
        )
    except GatewayError as error:
        return await _again(request, error)
    return seen_other(f"/customers/{customer_id}")


async def _again(request: web.Request, error: GatewayError) -> web.Response:
    return await shown_again(error, partial(_page, request))


def _write(path: str, handler: Handler, summary: str) -> Route:
    return Route("POST", path, handler, "receivables:write", summary, Face.PAGE)


ROUTES: Final = (
    Route("GET", _PATH, show_customer, "receivables:read", "Show a customer", Face.PAGE),
    _write(f"{_PATH}/pause", pause, "Pause a customer"),
    _write(f"{_PATH}/resume", resume, "Resume a customer"),
    _write(f"{_PATH}/contact", change_contact, "Change how a customer is written to"),
    _write(f"{_PATH}/channel", change_channel, "Change how invoices reach a customer"),
    _write(f"{_PATH}/peppol", answer_discovery, "Answer that a customer was found on Peppol"),
)
