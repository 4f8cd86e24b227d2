"""Pages of access: signing in and out, and the account's keys, people and audit log."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gateway.access.api import ACCESS, SESSIONS
from gateway.access.browser import CLIENT_ADDRESS, SESSION_COOKIE, safe_path
from gateway.access.directory import DIRECTORY
from gateway.access.principal import PRINCIPAL, principal
from gateway.access.roles import SCOPES
from gateway.core.errors import GatewayError
from gateway.core.http import RENDER, Face, Route, form_of, seen_other

__all__ = ["ROUTES"]

_SIGN_IN: Final = "access/sign_in.html"
_SETTINGS: Final = "access/settings.html"
_AUDIT_SHOWN: Final = 50
_NAME_LENGTH: Final = 200


async def show_sign_in(request: web.Request) -> web.Response:
    """The sign-in form; whoever is signed in already goes on."""
    target = safe_path(request.query.get("next"))
    if PRINCIPAL in request:
        return seen_other(target)
    return request.app[RENDER](request, _SIGN_IN, _form(target))


async def sign_in(request: web.Request) -> web.Response:
    """Open a session, or show the form again with the reason why not."""
    form = await form_of(request)
    email, target = _text(form, "email"), safe_path(_text(form, "next"))
    cookie = request.app[SESSION_COOKIE]
    try:
        text, _ = await request.app[SESSIONS].sign_in(
            email=email,
            password=_text(form, "password"),
            address=request[CLIENT_ADDRESS],
            previous=cookie.read(request),
        )
    except GatewayError as error:
        shown = _form(target, email=email, error=error)
        response = request.app[RENDER](request, _SIGN_IN, shown)
        response.set_status(error.kind.status)
        if "retry_after" in error.facts:
            response.headers["Retry-After"] = str(error.facts["retry_after"])
        return response
    response = seen_other(target)
    cookie.set(response, text)
    return response


async def sign_out(request: web.Request) -> web.Response:
    """End the session."""
    cookie = request.app[SESSION_COOKIE]
    text = cookie.read(request)
    if text is not None:
        await request.app[SESSIONS].sign_out(text)
    response = seen_other("/sign-in")
    cookie.clear(response)
    return response


async def show_settings(request: web.Request) -> web.Response:
    """The account's keys, people and audit log."""
    return await _settings(request, {})


async def create_key(request: web.Request) -> web.Response:
    """Make an API key and show its secret this once."""
    form = await form_of(request)
    name = _text(form, "name").strip()[:_NAME_LENGTH]
    scopes = frozenset(one for one in form.getall("scope", []) if isinstance(one, str))
    if not name.isprintable() or not name or not scopes:
        shown = {"key_name": name, "key_scopes": scopes, "key_fault": True}
        response = await _settings(request, shown)
        response.set_status(422)
        return response
    key, secret = await request.app[ACCESS].create_api_key(
        principal(request), name=name, scopes=scopes
    )
    return await _settings(request, {"new_key": key, "new_secret": secret})


async def revoke_key(request: web.Request) -> web.Response:
    """Close an API key for good."""
    await request.app[ACCESS].revoke_api_key(principal(request), request.match_info["key_id"])
    return seen_other("/settings")


async def _settings(request: web.Request, changes: Mapping[str, Any]) -> web.Response:
    caller, access = principal(request), request.app[ACCESS]
    context = {
        "keys": await access.list_api_keys(caller),
        "people": await request.app[DIRECTORY].people(caller.tenant_id),
        "entries": await access.audit_log(caller, limit=_AUDIT_SHOWN),
        "all_scopes": sorted(SCOPES & caller.scopes),
        "new_key": None,
        "new_secret": None,
        "key_name": "",
        "key_scopes": frozenset(),
        "key_fault": False,
    }
    return request.app[RENDER](request, _SETTINGS, {**context, **changes})


def _form(target: str, *, email: str = "", error: GatewayError | None = None) -> dict[str, Any]:
    return {"next": target, "email": email, "error": error}


def _text(form: Mapping[str, Any], name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


ROUTES: Final = (
    Route("GET", "/sign-in", show_sign_in, None, "Show the sign-in form", Face.PAGE),
    Route("POST", "/sign-in", sign_in, None, "Sign in", Face.PAGE),
    Route("POST", "/sign-out", sign_out, None, "Sign out", Face.PAGE),
    Route("GET", "/settings", show_settings, "settings:write", "Show the account", Face.PAGE),
    Route("POST", "/settings/keys", create_key, "settings:write", "Make an API key", Face.PAGE),
    Route(
        "POST",
        "/settings/keys/{key_id:[0-9a-f]{8}}/revoke",
        revoke_key,
        "settings:write",
        "Revoke an API key",
        Face.PAGE,
    ),
)
