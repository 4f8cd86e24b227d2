"""Pages for people without an account here: whoever holds a link we sent.

Renders only; whether a link holds is its owner's to say.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.access.principal import PRINCIPAL
from gateway.core.http import RENDER

__all__ = ["render_outside"]


def render_outside(
    request: web.Request, template: str, language: str | None, context: Mapping[str, Any]
) -> web.Response:
    """Render in the link's language, whoever is signed in to the console in this browser.

    ``language`` is a code such as ``nl``; None leaves it to the request.
    """
    address = request.rel_url
    asked = request.clone(
        rel_url=address.update_query(lang=language) if language is not None else address
    )
    asked.pop(PRINCIPAL, None)
    return request.app[RENDER](asked, template, context)
