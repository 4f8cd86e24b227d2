"""Pages of the texts of e-mails: which there are, writing one, what it says of a sample."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND, RENDER, Face, Route, form_of, seen_other
from gateway.dispatch.keys import TEXTS
from gateway.dispatch.text_desk import text_key
from gateway.dispatch.wording import NAMES, TextKind, Wording
from ubl.localized import LANGUAGES

__all__ = ["ROUTES"]

_SCOPE: Final = "settings:write"
_HOME: Final = "/settings/mail-texts"
_ONE: Final = f"{_HOME}/{{kind}}/{{language}}"
_LONGEST: Final = 20_000


async def show_texts(request: web.Request) -> web.Response:
    """Which texts there are, and which of them are the account's own."""
    found = await request.app[TEXTS].all(principal(request))
    own = {(one.kind, one.language) for one in found if one.own is not None}
    context = {"kinds": tuple(TextKind), "letters": LANGUAGES, "own": own}
    return request.app[RENDER](request, "dispatch/texts.html", context)


async def show_text(request: web.Request) -> web.Response:
    """One text, with what it says of a sample document."""
    kind, language = _key(request)
    kept = await request.app[TEXTS].one(principal(request), kind, language)
    return await _page(request, kept.wording, {"saved": "saved" in request.query})


async def change_text(request: web.Request) -> web.Response:
    """Show, keep or give up what was written."""
    form, (kind, language) = await form_of(request), _key(request)
    caller, texts = principal(request), request.app[TEXTS]
    if form.get("do") == "forget":
        await texts.forget(caller, kind, language)
        return seen_other(f"{_HOME}/{kind}/{language}?saved=1")
    wording = Wording(
        **{name: _text(form.get(name)) for name in ("subject", "body", "closing")},
    )
    if form.get("do") == "save":
        try:
            await texts.save(caller, kind, language, wording)
        except GatewayError:
            return await _page(request, wording, {})
        return seen_other(f"{_HOME}/{kind}/{language}?saved=1")
    return await _page(request, wording, {})


async def _page(request: web.Request, wording: Wording, changes: Mapping[str, Any]) -> web.Response:
    """The form as it was filled in, with its preview or with what is wrong."""
    kind, language = _key(request)
    caller, texts = principal(request), request.app[TEXTS]
    kept = await texts.one(caller, kind, language)
    shown, error = None, None
    try:
        shown = await texts.preview(caller, language, wording)
    except GatewayError as refused:
        if refused.kind.status == NOT_FOUND.status:
            raise
        error = refused
    context = {
        "kind": kind,
        "letter": language,
        "wording": wording,
        "own": kept.own,
        "names": NAMES,
        "shown": shown,
        "error": error,
        "saved": False,
        **changes,
    }
    response = request.app[RENDER](request, "dispatch/text.html", context)
    if error is not None:
        response.set_status(error.kind.status)
    return response


def _text(value: object) -> str:
    """A field of the form, with the ends of lines a browser sends made ours."""
    return value.replace("\r\n", "\n").strip()[:_LONGEST] if isinstance(value, str) else ""


def _key(request: web.Request) -> tuple[TextKind, str]:
    return text_key(request.match_info["kind"], request.match_info["language"])


ROUTES: Final = (
    Route("GET", _HOME, show_texts, _SCOPE, "List the texts of e-mails", Face.PAGE),
    Route("GET", _ONE, show_text, _SCOPE, "Show a text of e-mails", Face.PAGE),
    Route("POST", _ONE, change_text, _SCOPE, "Write a text of e-mails", Face.PAGE),
)
