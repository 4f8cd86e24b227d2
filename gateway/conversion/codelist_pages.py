"""The pages of code lists: which there are and how old, and the codes of one."""

from itertools import islice
from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.conversion.codelist_service import CODE_LISTS
from gateway.core.http import RENDER, Face, Route
from gateway.core.paging import Cut

__all__ = ["ROUTES"]

_SHOWN: Final = 200
_HOME: Final = "/settings/code-lists"


async def show_lists(request: web.Request) -> web.Response:
    """Every list, its release, and a warning where it is out of date."""
    context = {"lists": await request.app[CODE_LISTS].all()}
    return request.app[RENDER](request, "conversion/code_lists.html", context)


async def show_list(request: web.Request) -> web.Response:
    """The codes of one list that have the text searched for; the first of them."""
    service = request.app[CODE_LISTS]
    one = await service.one(request.match_info["id"])
    text = request.query.get("find", "")[:100]
    found = one.codes.find(text, lang=principal(request).locale, on=service.today)
    page = Cut.at(list(islice(found, _SHOWN + 1)), _SHOWN)
    context = {
        "one": one,
        "codes": page.shown,
        "more": page.more,
        "shown": _SHOWN,
        "text": text,
    }
    return request.app[RENDER](request, "conversion/code_list.html", context)


ROUTES: Final = (
    Route("GET", _HOME, show_lists, "settings:write", "List the code lists", Face.PAGE),
    Route("GET", _HOME + "/{id}", show_list, "settings:write", "Show a code list", Face.PAGE),
)
