"""The API of dunning: reminders, what a person may do about them, e-mails, planning runs."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from aiohttp import web

from gateway.access.principal import Principal, principal
from gateway.core.app_keys import DATABASE
from gateway.core.http import Handler, Route, body_of, json_answer, path_id, query_of
from gateway.dunning.api_models import (
    DeclineIn,
    MailOut,
    MailPage,
    MailQuery,
    OutlookOut,
    PostedIn,
    PreviewOut,
    ReminderDetail,
    ReminderOut,
    ReminderPage,
    ReminderQuery,
    RunPage,
    RunQuery,
    RunRequested,
)
from gateway.dunning.keys import DUNNING
from gateway.dunning.queries import (
    MailFilters,
    ReminderFilters,
    dossier_of,
    list_mails,
    list_reminders,
    list_runs,
)
from gateway.dunning.service import Dunning
from gateway.dunning.tables import Reminder
from gateway.receivables.keys import BUSINESS

__all__ = ["ROUTES"]

_REMINDER: Final = "/v1/reminders/{reminder_id:[0-9a-f-]{36}}"
_MAIL: Final = "/v1/mails/{mail_id:[0-9a-f-]{36}}"
_CUSTOMER: Final = "/v1/customers/{customer_id:[0-9a-f-]{36}}"


async def get_reminders(request: web.Request) -> web.Response:
    """A page of the account's reminders, newest first."""
    query = query_of(request, ReminderQuery)
    async with request.app[DATABASE].read() as session:
        rows = await list_reminders(
            session,
            principal(request).tenant_id,
            filters=ReminderFilters((query.state,) if query.state else (), query.customer),
            before=query.cursor,
            limit=query.limit + 1,
        )
    return json_answer(ReminderPage.of(rows, query.limit))


async def get_reminder(request: web.Request) -> web.Response:
    """One reminder with its lines and e-mails."""
    async with request.app[DATABASE].read() as session:
        dossier = await dossier_of(
            session, principal(request).tenant_id, path_id(request, "reminder_id")
        )
    return json_answer(ReminderDetail.of_dossier(dossier))


async def get_letter(request: web.Request) -> web.Response:
    """The letter as it was written, or would be."""
    reminder_id = path_id(request, "reminder_id")
    letter = await request.app[DUNNING].letter(principal(request).tenant_id, reminder_id)
    return _file(letter, "application/pdf", f"reminder-{reminder_id}.pdf")


async def get_ubl(request: web.Request) -> web.Response:
    """The UBL Reminder as it was written, or would be."""
    reminder_id = path_id(request, "reminder_id")
    ubl = await request.app[DUNNING].ubl(principal(request).tenant_id, reminder_id)
    return _file(ubl, "application/xml", f"reminder-{reminder_id}.xml")


async def get_preview(request: web.Request) -> web.Response:
    """How a reminder would read if it went out now."""
    composed = await request.app[DUNNING].preview(
        principal(request).tenant_id, path_id(request, "reminder_id")
    )
    return json_answer(PreviewOut.of(composed))


async def get_outlook(request: web.Request) -> web.Response:
    """What a planning run would do about a customer today."""
    outlook = await request.app[DUNNING].outlook(
        principal(request).tenant_id, path_id(request, "customer_id")
    )
    return json_answer(OutlookOut.of(outlook))


async def decline(request: web.Request) -> web.Response:
    """Do not take a step."""
    body = await body_of(request, DeclineIn)
    row = await request.app[DUNNING].decline(
        principal(request), path_id(request, "reminder_id"), pause_until=body.pause_until
    )
    return json_answer(ReminderOut.of(row))


async def posted(request: web.Request) -> web.Response:
    """Note that a person posted the letter."""
    body = await body_of(request, PostedIn)
    row = await request.app[DUNNING].posted(
        principal(request), path_id(request, "reminder_id"), channel=body.channel
    )
    return json_answer(ReminderOut.of(row))


def _act(act: Callable[[Dunning, Principal, UUID], Awaitable[Reminder]]) -> Handler:
    """A handler for an act that needs no more than the reminder's id."""

    async def handle(request: web.Request) -> web.Response:
        row = await act(request.app[DUNNING], principal(request), path_id(request, "reminder_id"))
        return json_answer(ReminderOut.of(row))

    return handle


async def get_mails(request: web.Request) -> web.Response:
    """A page of the account's e-mails, newest first."""
    query = query_of(request, MailQuery)
    async with request.app[DATABASE].read() as session:
        rows = await list_mails(
            session,
            principal(request).tenant_id,
            filters=MailFilters(
                (query.state,) if query.state else (), query.purpose, query.customer
            ),
            before=query.cursor,
            limit=query.limit + 1,
        )
    return json_answer(MailPage.of(rows, query.limit))


async def get_mail_content(request: web.Request) -> web.Response:
    """An e-mail exactly as it goes out."""
    mail_id = path_id(request, "mail_id")
    content = await request.app[DUNNING].mail_content(principal(request).tenant_id, mail_id)
    return _file(content, "message/rfc822", f"{mail_id}.eml")


async def send_again(request: web.Request) -> web.Response:
    """Send an e-mail again of which nobody knows whether it arrived."""
    mail = await request.app[DUNNING].send_again(principal(request), path_id(request, "mail_id"))
    return json_answer(MailOut.of(mail))


async def get_runs(request: web.Request) -> web.Response:
    """A page of planning runs, newest first."""
    query = query_of(request, RunQuery)
    async with request.app[DATABASE].read() as session:
        rows = await list_runs(
            session, principal(request).tenant_id, before=query.cursor, limit=query.limit + 1
        )
    return json_answer(RunPage.of(rows, query.limit))


async def run_now(request: web.Request) -> web.Response:
    """Plan the account's reminders now."""
    await request.app[DUNNING].run_now(principal(request))
    answer = RunRequested(business_date=request.app[BUSINESS].today())
    return json_answer(answer, status=202)


def _file(content: bytes, media_type: str, name: str) -> web.Response:
    return web.Response(
        body=content,
        content_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


_READ: Final = "receivables:read"
_WRITE: Final = "receivables:write"
_CONFLICT: Final = {409: "The reminder is not in the state for that"}

ROUTES: Final = (
    Route(
        "GET",
        "/v1/reminders",
        get_reminders,
        _READ,
        "List reminders, newest first",
        query=ReminderQuery,
        answer=ReminderPage,
    ),
    Route("GET", _REMINDER, get_reminder, _READ, "One reminder", answer=ReminderDetail),
    Route(
        "GET",
        f"{_REMINDER}/letter",
        get_letter,
        _READ,
        "The reminder's letter (PDF/A-3b)",
        answer="application/pdf",
    ),
    Route(
        "GET",
        f"{_REMINDER}/ubl",
        get_ubl,
        _READ,
        "The reminder as UBL 2.1",
        answer="application/xml",
    ),
    Route(
        "GET",
        f"{_REMINDER}/preview",
        get_preview,
        _READ,
        "How a reminder would read if it went out now",
        answer=PreviewOut,
        statuses={409: "There is nothing to send any more"},
    ),
    Route(
        "GET",
        f"{_CUSTOMER}/reminder-preview",
        get_outlook,
        _READ,
        "What a planning run would do about a customer today",
        answer=OutlookOut,
    ),
    Route(
        "POST",
        f"{_REMINDER}/approve",
        _act(Dunning.approve),
        _WRITE,
        "Let a reminder be sent that waits for approval",
        answer=ReminderOut,
        statuses=_CONFLICT,
    ),
    Route(
        "POST",
        f"{_REMINDER}/decline",
        decline,
        _WRITE,
        "Do not send a reminder, and pause the customer if asked",
        body=DeclineIn,
        answer=ReminderOut,
        statuses=_CONFLICT,
    ),
    Route(
        "POST",
        f"{_REMINDER}/retry",
        _act(Dunning.retry),
        _WRITE,
        "Send a reminder again that was refused or had no channel",
        answer=ReminderOut,
        statuses=_CONFLICT,
    ),
    Route(
        "POST",
        f"{_REMINDER}/posted",
        posted,
        _WRITE,
        "Note that a person posted the letter",
        body=PostedIn,
        answer=ReminderOut,
        statuses={409: "It is not due any more, or asks for other sums now"},
    ),
    Route(
        "POST",
        f"{_REMINDER}/done",
        _act(Dunning.done),
        _WRITE,
        "Note that a person carried out the task",
        answer=ReminderOut,
        statuses=_CONFLICT,
    ),
    Route(
        "GET",
        "/v1/reminder-runs",
        get_runs,
        _READ,
        "List planning runs, newest first",
        query=RunQuery,
        answer=RunPage,
    ),
    Route(
        "POST",
        "/v1/reminder-runs",
        run_now,
        _WRITE,
        "Plan reminders now",
        answer=RunRequested,
        status=202,
    ),
    Route(
        "GET",
        "/v1/mails",
        get_mails,
        _READ,
        "List e-mails, newest first",
        query=MailQuery,
        answer=MailPage,
    ),
    Route(
        "GET",
        f"{_MAIL}/content",
        get_mail_content,
        _READ,
        "An e-mail exactly as it goes out",
        answer="message/rfc822",
    ),
    Route(
        "POST",
        f"{_MAIL}/send-again",
        send_again,
        _WRITE,
        "Send an e-mail again that may not have arrived",
        answer=MailOut,
        statuses={409: "The e-mail arrived, or is still on its way"},
    ),
)
