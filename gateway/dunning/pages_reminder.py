"""One reminder as a page: how it would read before it is sent, exactly what was sent after."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from gateway.access.principal import Principal, principal
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import (
    NOT_FOUND,
    RENDER,
    Face,
    Handler,
    Route,
    form_of,
    path_id,
    seen_other,
    shown_again,
)
from gateway.dunning.composing import TYPES
from gateway.dunning.keys import DUNNING
from gateway.dunning.pages_mail import MailView, framed, mail_view
from gateway.dunning.pages_view import MAIL_LOOKS, REMINDER_LOOKS
from gateway.dunning.queries import Dossier, dossier_of, mail_of
from gateway.dunning.service import BY_HAND, Dunning
from gateway.dunning.states import MailPurpose, MailState, ReminderState
from gateway.dunning.steps import TASKS
from gateway.dunning.tables import OutgoingMail, Reminder
from gateway.receivables.keys import BUSINESS
from gateway.receivables.pages_forms import chosen, day
from reminders.policy import Channel

__all__ = ["ROUTES"]

_PAGE: Final = "dunning/reminder.html"
_MAIL_PAGE: Final = "dunning/mail.html"
_ID: Final = "[0-9a-f]{8}-[0-9a-f-]{27}"
_PATH: Final = f"/reminders/{{reminder_id:{_ID}}}"
_MAIL_PATH: Final = f"/mails/{{mail_id:{_ID}}}"
# The console's policy, and frames of our own: the e-mail's HTML is shown in one.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_LAST_SHOWN: Final = frozenset({ReminderState.SENT, ReminderState.DONE, ReminderState.CANCELLED})


class Part(StrEnum):
    """The forms a reminder takes."""

    MAIL = "mail"
    LETTER = "letter"
    UBL = "ubl"


async def show_reminder(request: web.Request) -> web.Response:
    """The reminder with the chosen form of it."""
    return await _page(request, error=None)


async def _page(request: web.Request, *, error: GatewayError | None) -> web.Response:
    tenant_id = principal(request).tenant_id
    async with request.app[DATABASE].read() as session:
        dossier = await dossier_of(session, tenant_id, path_id(request, "reminder_id"))
    row = dossier.reminder
    wanted = request.query.get("part")
    part = chosen(Part, wanted, Part.MAIL)
    context: dict[str, Any] = {
        "row": row,
        "customer": dossier.customer,
        "lines": dossier.lines,
        "mails": [one for one in dossier.mails if one.purpose is MailPurpose.REMINDER],
        "look": REMINDER_LOOKS[row.state],
        "mail_looks": MAIL_LOOKS,
        "is_task": row.kind in TASKS,
        "acts": _acts(row),
        "hand_channels": sorted(BY_HAND),
        "part": part,
        "parts": tuple(Part),
        "today": request.app[BUSINESS].today(),
        "error": error,
        "shown": None,
        "ubl": "",
        "unwritten": None,
    }
    if row.kind in TYPES:
        try:
            context |= await _written(request, dossier, part)
            if not wanted and context["shown"] is None:
                context |= {"part": Part.LETTER, **await _written(request, dossier, Part.LETTER)}
        except GatewayError as unwritten:
            context["unwritten"] = unwritten
    response = request.app[RENDER](request, _PAGE, context)
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def _acts(row: Reminder) -> frozenset[str]:
    """What a person may do about a step in its state."""
    if row.state is ReminderState.AWAITING_APPROVAL:
        return frozenset({"done" if row.kind in TASKS else "approve", "decline"})
    if row.state is ReminderState.PLANNED:
        return frozenset({"decline"})
    if row.state in (ReminderState.UNREACHABLE, ReminderState.FAILED):
        return frozenset({"retry", "decline"} | ({"posted"} if row.letter_id else set()))
    return frozenset()


async def _written(request: web.Request, dossier: Dossier, part: Part) -> Mapping[str, Any]:
    """What the page shows of the chosen form; raises what keeps it from being written."""
    row = dossier.reminder
    if part is Part.MAIL:
        return {"shown": await _mail(request, dossier)}
    if part is Part.UBL:
        content = await request.app[DUNNING].ubl(row.tenant_id, row.id)
        return {"ubl": content.decode("utf-8", errors="replace"), "size": len(content)}
    content = await request.app[DUNNING].letter(row.tenant_id, row.id)
    return {"size": len(content)}


async def _mail(request: web.Request, dossier: Dossier) -> MailView | None:
    """The e-mail that was sent, else the one that would be; None where none is."""
    row, dunning = dossier.reminder, request.app[DUNNING]
    kept = [one for one in dossier.mails if one.purpose is MailPurpose.REMINDER]
    if kept:
        content: bytes | None = await dunning.mail_content(row.tenant_id, kept[-1].id)
    elif row.state in _LAST_SHOWN:
        content = None
    else:
        content = (await dunning.preview(row.tenant_id, row.id)).mail
    return None if content is None else await asyncio.to_thread(mail_view, content)


async def show_mail_frame(request: web.Request) -> web.Response:
    """The HTML of the reminder's e-mail, for the frame on its page."""
    tenant_id = principal(request).tenant_id
    async with request.app[DATABASE].read() as session:
        dossier = await dossier_of(session, tenant_id, path_id(request, "reminder_id"))
    shown = await _mail(request, dossier)
    if shown is None:
        raise GatewayError(NOT_FOUND, "This reminder goes out without an e-mail.")
    return framed(shown.html)


async def show_letter(request: web.Request) -> web.Response:
    """The letter as it was written, or would be."""
    reminder_id = path_id(request, "reminder_id")
    content = await request.app[DUNNING].letter(principal(request).tenant_id, reminder_id)
    return _file(content, "application/pdf", f"reminder-{reminder_id}.pdf", inline=True)


async def download_ubl(request: web.Request) -> web.Response:
    """The UBL Reminder as it was written, or would be."""
    reminder_id = path_id(request, "reminder_id")
    content = await request.app[DUNNING].ubl(principal(request).tenant_id, reminder_id)
    return _file(content, "application/octet-stream", f"reminder-{reminder_id}.xml")


def _file(content: bytes, kind: str, name: str, *, inline: bool = False) -> web.Response:
    way = "inline" if inline else "attachment"
    return web.Response(
        body=content,
        content_type=kind,
        headers={"Content-Disposition": f'{way}; filename="{name}"'},
    )


_Act = Callable[[Dunning, Principal, UUID, Mapping[str, Any]], Awaitable[Any]]


def _acting(act: _Act) -> Handler:
    """A handler that acts on a reminder and shows it again, with the reason where it failed."""

    async def handle(request: web.Request) -> web.Response:
        reminder_id, form = path_id(request, "reminder_id"), await form_of(request)
        try:
            await act(request.app[DUNNING], principal(request), reminder_id, form)
        except GatewayError as error:
            return await shown_again(error, partial(_page, request))
        return seen_other(f"/reminders/{reminder_id}")

    return handle


async def _approve(
    dunning: Dunning, caller: Principal, reminder_id: UUID, _form: Mapping[str, Any]
) -> Reminder:
    return await dunning.approve(caller, reminder_id)


async def _decline(
    dunning: Dunning, caller: Principal, reminder_id: UUID, form: Mapping[str, Any]
) -> Reminder:
    return await dunning.decline(caller, reminder_id, pause_until=day(form, "pause_until"))


async def _retry(
    dunning: Dunning, caller: Principal, reminder_id: UUID, _form: Mapping[str, Any]
) -> Reminder:
    return await dunning.retry(caller, reminder_id)


async def _done(
    dunning: Dunning, caller: Principal, reminder_id: UUID, _form: Mapping[str, Any]
) -> Reminder:
    return await dunning.done(caller, reminder_id)


async def _posted(
    dunning: Dunning, caller: Principal, reminder_id: UUID, form: Mapping[str, Any]
) -> Reminder:
    channel = chosen(Channel, form.get("channel"), Channel.POST)
    return await dunning.posted(caller, reminder_id, channel=channel)


async def show_mail(request: web.Request) -> web.Response:
    """One e-mail exactly as it went out, and what became of it."""
    return await _mail_page(request, error=None)


async def _mail_page(request: web.Request, *, error: GatewayError | None) -> web.Response:
    row = await _mail_row(request)
    content = await request.app[DUNNING].mail_content(row.tenant_id, row.id)
    context = {
        "row": row,
        "shown": await asyncio.to_thread(mail_view, content),
        "mail_looks": MAIL_LOOKS,
        "may_repeat": row.state is MailState.UNKNOWN
        or (row.state is MailState.REFUSED and row.reminder_id is None),
        "error": error,
    }
    response = request.app[RENDER](request, _MAIL_PAGE, context)
    response.headers["Content-Security-Policy"] = _POLICY
    return response


async def _mail_row(request: web.Request) -> OutgoingMail:
    async with request.app[DATABASE].read() as session:
        return await mail_of(session, principal(request).tenant_id, path_id(request, "mail_id"))


async def show_mail_html(request: web.Request) -> web.Response:
    """The HTML of one e-mail, for the frame on its page."""
    row = await _mail_row(request)
    content = await request.app[DUNNING].mail_content(row.tenant_id, row.id)
    return framed((await asyncio.to_thread(mail_view, content)).html)


async def send_again(request: web.Request) -> web.Response:
    """Send an e-mail again that may not have arrived."""
    mail_id = path_id(request, "mail_id")
    try:
        await request.app[DUNNING].send_again(principal(request), mail_id)
    except GatewayError as error:
        return await shown_again(error, partial(_mail_page, request))
    return seen_other(f"/mails/{mail_id}")


def _read(path: str, handler: Handler, summary: str) -> Route:
    return Route("GET", path, handler, "receivables:read", summary, Face.PAGE)


def _write(path: str, handler: Handler, summary: str) -> Route:
    return Route("POST", path, handler, "receivables:write", summary, Face.PAGE)


ROUTES: Final = (
    _read(_PATH, show_reminder, "Show a reminder"),
    _read(f"{_PATH}/mail", show_mail_frame, "Show a reminder's e-mail"),
    _read(f"{_PATH}/letter.pdf", show_letter, "Show a reminder's letter"),
    _read(f"{_PATH}/ubl.xml", download_ubl, "Download a UBL Reminder"),
    _write(f"{_PATH}/approve", _acting(_approve), "Approve a reminder"),
    _write(f"{_PATH}/decline", _acting(_decline), "Decline a reminder"),
    _write(f"{_PATH}/retry", _acting(_retry), "Try a reminder again"),
    _write(f"{_PATH}/posted", _acting(_posted), "Note that a letter was posted"),
    _write(f"{_PATH}/done", _acting(_done), "Note that a task was carried out"),
    _read(_MAIL_PATH, show_mail, "Show an e-mail"),
    _read(f"{_MAIL_PATH}/html", show_mail_html, "Show an e-mail's HTML"),
    _write(f"{_MAIL_PATH}/again", send_again, "Send an e-mail again"),
)
