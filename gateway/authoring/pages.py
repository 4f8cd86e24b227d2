"""The pages invoices are written on: the list of drafts, and the editor.

Everything works without a script; with one, what is typed is saved and checked as one goes.
"""

import asyncio
import secrets
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from aiohttp.web_request import FileField
from multidict import MultiDictProxy

from gateway.access.principal import principal
from gateway.authoring.checking import Checked
from gateway.authoring.errors import (
    DRAFT_CHANGED,
    DRAFT_SENT,
    DRAFT_TOO_LONG,
    DraftChanged,
    DraftNotReady,
)
from gateway.authoring.form import Json, merged, place_of, without_row
from gateway.authoring.holding import enclosed
from gateway.authoring.keeping import restored
from gateway.authoring.keys import DRAFTS
from gateway.authoring.tables import Draft
from gateway.authoring.view import FormView, countries, known_format
from gateway.conversion.keys import CONVERSION
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, RENDER, Face, Route, form_of, path_id, seen_other
from gateway.exchange.submission import ReportedError
from schematron.report.view import report_view
from ubl.localized import LANGUAGES

__all__ = ["ROUTES"]

_EDITOR: Final = "authoring/edit.html"
_LIVE: Final = "authoring/live.html"
_LIST: Final = "authoring/drafts.html"
_PATH: Final = "/drafts/{draft_id:[0-9a-f]{8}-[0-9a-f-]{27}}"
_DOCUMENT: Final = "/documents/{document_id:[0-9a-f]{8}-[0-9a-f-]{27}}"
_FIELD: Final = "invoice."
_CARRIED: Final = ("kept", "kept_reasons")
_ROWS: Final = ("lines", "allowances", "charges", "preceding_invoices")
_LARGEST_FILE: Final = 10 * 1024 * 1024

Form = MultiDictProxy[str | bytes | bytearray | FileField]


async def show_drafts(request: web.Request) -> web.Response:
    """The invoices being written, and how to begin one."""
    return await _list(request, None)


async def _list(request: web.Request, error: GatewayError | None) -> web.Response:
    drafts = await request.app[DRAFTS].all(principal(request))
    response = request.app[RENDER](request, _LIST, {"drafts": drafts, "error": error})
    if error is not None:
        response.set_status(error.kind.status)
    return response


async def begin_draft(request: web.Request) -> web.Response:
    """Begin an empty invoice, or one from a file."""
    caller, drafts = principal(request), request.app[DRAFTS]
    form = await form_of(request)
    file = form.get("file")
    try:
        if isinstance(file, FileField) and file.filename:
            content = await asyncio.to_thread(_content, file)
            draft = await drafts.take_over(
                caller, content, file_name=file.filename, media_type=file.content_type
            )
        else:
            draft = await drafts.begin(caller)
    except GatewayError as error:
        return await _list(request, error)
    return _to(draft.id)


async def credit_document(request: web.Request) -> web.Response:
    """Begin a credit note for an invoice that was sent."""
    return await _copy(request, crediting=True)


async def duplicate_document(request: web.Request) -> web.Response:
    """Begin a new invoice like one that was sent."""
    return await _copy(request, crediting=False)


async def _copy(request: web.Request, *, crediting: bool) -> web.Response:
    document_id = path_id(request, "document_id")
    draft = await request.app[DRAFTS].copy(principal(request), document_id, crediting=crediting)
    return _to(draft.id)


async def show_draft(request: web.Request) -> web.Response:
    """The editor."""
    draft = await request.app[DRAFTS].get(principal(request), _draft_id(request))
    return await _editor(request, draft, tab=secrets.token_urlsafe(12))


async def change_draft(request: web.Request) -> web.Response:
    """Save what the form holds, and do what its button says."""
    caller, drafts = principal(request), request.app[DRAFTS]
    form = await form_of(request)
    action = _text(form, "do")
    if action == "discard":
        await drafts.discard(caller, _draft_id(request))
        return seen_other("/drafts")
    known = await drafts.get(caller, _draft_id(request))
    held = await _edited(request, known, form, action)
    wanted = known_format(_text(form, "wanted"))
    if action == "keep":
        return _to((await drafts.keep_apart(caller, known.id, held=held, wanted=wanted)).id)
    try:
        draft = await drafts.save(
            caller,
            known.id,
            version=_number(form, "version"),
            tab=_text(form, "tab"),
            held=held,
            wanted=wanted,
        )
    except GatewayError as error:
        if error.kind not in (DRAFT_CHANGED, DRAFT_TOO_LONG):
            raise
        saved = error.saved if isinstance(error, DraftChanged) else known
        return await _not_kept(request, error, saved, held, form)
    if "HX-Request" in request.headers:
        return await _live(request, draft, form)
    if action == "send":
        return await _send(request, draft, form)
    return _to(draft.id, _focus(action, held))


async def _edited(request: web.Request, known: Draft, form: Form, action: str) -> Json:
    """What the page says, in its fields and beyond, and what its button adds or takes away."""
    fields = (
        (name.removeprefix(_FIELD), value)
        for name, value in form.items()
        if name.startswith(_FIELD) and isinstance(value, str)
    )
    carried = {name: str(form.get(name, "")) for name in _CARRIED}
    language = _text(form, "language")
    held = merged(
        await asyncio.to_thread(restored, carried, known.invoice),
        fields,
        language=language if language in LANGUAGES else _language(request),
    )
    verb, _, what = action.partition(":")
    if verb == "remove":
        return without_row(held, what)
    if verb == "add" and what in _ROWS:
        held[what] = [*held.get(what, ()), {}]
    if verb == "customer":
        held["buyer"] = await _buyer(request, form)
    if verb == "attach":
        file = form.get("attachment")
        if isinstance(file, FileField) and file.filename:
            document = await asyncio.to_thread(_enclosed, file)
            held["supporting_documents"] = [*held.get("supporting_documents", ()), document]
    return held


async def _buyer(request: web.Request, form: Form) -> Json:
    try:
        customer = UUID(_text(form, "customer"))
    except ValueError:
        raise GatewayError(BAD_REQUEST, "Choose a customer from the list first.") from None
    return await request.app[DRAFTS].buyer(principal(request), customer)


async def _send(request: web.Request, draft: Draft, form: Form) -> web.Response:
    """Send the invoice if the rules allow it; else the editor again with what they say."""
    caller, drafts = principal(request), request.app[DRAFTS]
    tab = _text(form, "tab")
    try:
        submitted = await drafts.issue(caller, draft, lang=caller.locale)
    except DraftNotReady as error:
        return await _editor(request, draft, tab=tab, checked=error.checked, refused=True)
    except GatewayError as error:
        report = error.report if isinstance(error, ReportedError) else None
        return await _editor(
            request,
            draft,
            tab=tab,
            error=error,
            report=report,
            refused=True,
            conflict=error.kind is DRAFT_SENT,
        )
    if submitted.refused:
        return await _editor(request, draft, tab=tab, report=submitted.report, refused=True)
    location = f"/documents/{submitted.document.id}"
    return seen_other(location)


async def _not_kept(
    request: web.Request, error: GatewayError, saved: Draft, held: Json, form: Form
) -> web.Response:
    """The page as it is, told why it was not saved: nothing on it is lost, nor what was saved."""
    tab = _text(form, "tab")
    if "HX-Request" in request.headers:
        view = FormView(held, Checked(), language=_language(request))
        frame = {**_frame(view, saved, tab), "error": error, "posted": ()}
        return request.app[RENDER](request, _LIVE, frame)
    mine = saved.model_copy(update={"invoice": held})
    response = await _editor(request, mine, tab=tab, error=error, conflict=True)
    response.set_status(error.kind.status)
    return response


async def _live(request: web.Request, draft: Draft, form: Form) -> web.Response:
    """What changes beside the fields: sums, findings, messages."""
    caller = principal(request)
    checked = await request.app[DRAFTS].check(caller, draft, lang=caller.locale)
    view = FormView(draft.invoice, checked, language=_language(request))
    posted = tuple(one for one in dict.fromkeys(_visible(form)) if view.differs(one, _told(form)))
    context = {
        **_frame(view, draft, _text(form, "tab")),
        "posted": posted,
        "reasons_changed": _text(form, "vat_keys") != view.vat_keys(),
        "strict": bool(_text(form, "strict")),
    }
    return request.app[RENDER](request, _LIVE, context)


def _told(form: Form) -> frozenset[str]:
    """The fields at which the page says something."""
    told = form.get("told")
    return frozenset(told.split()) if isinstance(told, str) else frozenset()


def _visible(form: Form) -> Iterable[str]:
    for name in form:
        if name.startswith(_FIELD):
            path = name.removeprefix(_FIELD)
            place_of(path)
            yield path


async def _editor(
    request: web.Request,
    draft: Draft,
    *,
    tab: str,
    checked: Checked | None = None,
    error: GatewayError | None = None,
    report: dict[str, Any] | None = None,
    refused: bool = False,
    conflict: bool = False,
) -> web.Response:
    caller, drafts = principal(request), request.app[DRAFTS]
    if checked is None:
        checked = await drafts.check(caller, draft, lang=caller.locale)
    if checked.failure is not None and refused:
        error = None
    view = FormView(draft.invoice, checked, language=_language(request))
    frame = _frame(view, draft, tab)
    if report is not None:
        frame["report"] = report_view(report, lang=caller.locale)
    context = {
        **frame,
        "error": error,
        "refused": refused,
        "strict": refused,
        "conflict": conflict,
        "customers": await drafts.customers(caller),
        "countries": countries(_language(request)),
        "focus": request.query.get("focus", ""),
    }
    response = request.app[RENDER](request, _EDITOR, context)
    if refused:
        response.set_status(422)
    return response


def _frame(view: FormView, draft: Draft, tab: str) -> dict[str, Any]:
    judged = view.checked.judged
    report = report_view(judged.report, lang=view.words.language) if judged else None
    return {
        "form": view,
        "draft": draft,
        "tab": tab,
        "report": report,
        "error": None,
        "conflict": False,
        "reasons_changed": False,
        "strict": False,
    }


async def download_draft(request: web.Request) -> web.Response:
    """The draft in a format, to look at or to hand over; nothing is sent."""
    caller, drafts = principal(request), request.app[DRAFTS]
    draft = await drafts.get(caller, _draft_id(request))
    checked = await drafts.check(caller, draft, lang=caller.locale)
    if checked.invoice is None:
        return await _editor(
            request, draft, tab=secrets.token_urlsafe(12), checked=checked, refused=True
        )
    written = await request.app[CONVERSION].write(
        checked.invoice, request.query.get("format", ""), lang=caller.locale
    )
    return web.Response(
        body=written.content,
        content_type=written.media_type,
        headers={"Content-Disposition": f'attachment; filename="{written.file_name}"'},
    )


def _content(file: FileField) -> bytes:
    content = file.file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise GatewayError(
            BAD_REQUEST, f"The file has more than {_LARGEST_FILE // 1024 // 1024} MB. Send less."
        )
    return content


def _enclosed(file: FileField) -> Json:
    return enclosed(_content(file), file.filename, file.content_type)


def _draft_id(request: web.Request) -> UUID:
    return path_id(request, "draft_id")


def _language(request: web.Request) -> str:
    locale = principal(request).locale
    return locale if locale in LANGUAGES else "en"


def _text(form: Form, name: str) -> str:
    value = form.get(name)
    return value.strip()[:100] if isinstance(value, str) else ""


def _number(form: Form, name: str) -> int:
    text = _text(form, name)
    return int(text) if text.isascii() and text.isdigit() else 0


def _focus(action: str, held: Json) -> str:
    """Where the page is to be taken up again: in the row that was just added."""
    verb, _, what = action.partition(":")
    if verb == "add" and what in _ROWS:
        return f"{what}-{len(held[what]) - 1}"
    return ""


def _to(draft_id: UUID, focus: str = "") -> web.Response:
    place = f"?focus={focus}" if focus else ""
    return seen_other(f"/drafts/{draft_id}{place}")


_SCOPE: Final = "documents:send"

ROUTES: Final = (
    Route("GET", "/drafts", show_drafts, _SCOPE, "List drafts", Face.PAGE),
    Route("POST", "/drafts", begin_draft, _SCOPE, "Begin an invoice", Face.PAGE),
    Route("GET", _PATH, show_draft, _SCOPE, "Write an invoice", Face.PAGE),
    Route("POST", _PATH, change_draft, _SCOPE, "Save, check or send a draft", Face.PAGE),
    Route("GET", f"{_PATH}/download", download_draft, _SCOPE, "Download a draft", Face.PAGE),
    Route("POST", f"{_DOCUMENT}/credit", credit_document, _SCOPE, "Credit", Face.PAGE),
    Route("POST", f"{_DOCUMENT}/duplicate", duplicate_document, _SCOPE, "Duplicate", Face.PAGE),
)
