"""The page of conversion: an invoice from one format into another, nothing sent, nothing kept."""

import asyncio
import shutil
from base64 import b64encode
from typing import Any, Final

from aiohttp import web
from aiohttp.web_request import FileField

from gateway.access.principal import principal
from gateway.conversion.accounts import account_of, laid_out
from gateway.conversion.keys import CONVERSION
from gateway.conversion.service import Judged
from gateway.conversion.writing import format_named
from gateway.core.errors import GatewayError
from gateway.core.http import RENDER, Face, Route, form_of
from gateway.core.spool import Spool
from schematron.report.view import report_view
from ubl.formats import FORMATS

__all__ = ["ROUTES"]

_HOME: Final = "/convert"
_LISTED: Final = 50
_MEGABYTE: Final = 1024 * 1024
LARGEST_IN_A_PAGE: Final = 8 * _MEGABYTE
"""A converted document up to this size is in the answer itself: nothing has to be kept for it."""


async def show_form(request: web.Request) -> web.Response:
    """The form that takes an invoice in any format."""
    return _page(request, wanted=request.query.get("to", ""))


async def convert(request: web.Request) -> web.Response:
    """Convert an uploaded invoice: the document to download, and the account of it."""
    form = await form_of(request)
    file, pages, wanted = form.get("file"), form.get("pdf"), str(form.get("to", ""))
    if not isinstance(file, FileField) or not file.filename:
        return _page(request, wanted=wanted, fault="file-missing", status=422)
    try:
        judged = await _convert(request, file, pages, wanted)
    except GatewayError as error:
        return _page(
            request,
            wanted=wanted,
            error=error,
            problems=getattr(error, "problems", [])[:_LISTED],
            status=error.kind.status,
        )
    return _page(request, wanted=wanted, **_shown(judged, lang=principal(request).locale))


async def _convert(request: web.Request, file: FileField, pages: Any, wanted: str) -> Judged:
    caller, service = principal(request), request.app[CONVERSION]
    own_pdf = None
    if isinstance(pages, FileField) and pages.filename and format_named(wanted).attachment:
        own_pdf = await asyncio.to_thread(pages.file.read)
    with Spool() as body:
        await asyncio.to_thread(shutil.copyfileobj, file.file, body)
        content = await asyncio.to_thread(lambda: body.content)
        converted = await service.convert(
            content,
            wanted,
            media_type=file.content_type,
            lang=caller.locale,
            own_pdf=own_pdf or None,
        )
    return await service.judge(caller.tenant_id, converted, lang=caller.locale)


def _shown(judged: Judged, *, lang: str) -> dict[str, Any]:
    converted = judged.converted
    account = laid_out(account_of(converted, lang=lang, most=_LISTED), lang=lang)
    fits = len(converted.content) <= LARGEST_IN_A_PAGE
    encoded = b64encode(converted.content).decode() if fits else ""
    return {
        "converted": converted,
        "outcome": judged.outcome,
        "account": account,
        "report": report_view(judged.report, lang=lang),
        "download": f"data:{converted.media_type};base64,{encoded}" if fits else "",
    }


def _page(request: web.Request, *, wanted: str, status: int = 200, **shown: Any) -> web.Response:
    nothing: dict[str, Any] = {
        "fault": None,
        "error": None,
        "problems": [],
        "converted": None,
        "outcome": None,
        "account": None,
        "report": None,
        "download": "",
    }
    context = {**nothing, **shown, "formats": FORMATS.values(), "wanted": wanted}
    response = request.app[RENDER](request, "conversion/convert.html", context)
    response.set_status(status)
    return response


ROUTES: Final = (
    Route("GET", _HOME, show_form, "validations:run", "Show the form of conversion", Face.PAGE),
    Route("POST", _HOME, convert, "validations:run", "Convert an invoice", Face.PAGE),
)
