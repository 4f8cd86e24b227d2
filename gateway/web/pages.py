"""The console's own two pages that belong to no domain: the way in, and the language."""

from typing import Final

from aiohttp import web

from gateway.access.api import SESSIONS
from gateway.access.browser import safe_path
from gateway.access.principal import principal
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, Face, Route, form_of, seen_other
from gateway.web.i18n import LANGUAGES

__all__ = ["ROUTES"]

_HOME: Final = "/outbox"


async def show_home(_request: web.Request) -> web.Response:
    """Send whoever comes in to the outbox."""
    return seen_other(_HOME)


async def choose_language(request: web.Request) -> web.Response:
    """Remember the language a person wants and go back to where they were."""
    form = await form_of(request)
    language = form.get("language")
    if not isinstance(language, str) or language not in LANGUAGES:
        raise GatewayError(BAD_REQUEST, f"Choose one of {', '.join(LANGUAGES)}.")
    caller = principal(request)
    if caller.user_id is not None:
        await request.app[SESSIONS].speak(caller.user_id, language)
    back = form.get("back")
    return seen_other(safe_path(back if isinstance(back, str) else None))


ROUTES: Final = (
    Route("GET", "/", show_home, "documents:read", "Go to the outbox", Face.PAGE),
    Route("POST", "/language", choose_language, "documents:read", "Choose the language", Face.PAGE),
)
