"""The API of conversion: every format in, every format out, nothing kept."""

import asyncio
import shutil
from typing import Final

from aiohttp import web
from aiohttp.web_request import FileField

from gateway.access.principal import principal
from gateway.conversion.api_models import (
    ConversionOut,
    ConversionQuery,
    FormatList,
    FormatOut,
)
from gateway.conversion.keys import CONVERSION
from gateway.conversion.service import Judged
from gateway.conversion.writing import format_named
from gateway.core.errors import GatewayError
from gateway.core.http import Route, form_of, json_answer, query_of
from gateway.core.incoming import take_body
from gateway.core.spool import Spool
from gateway.validation.errors import FILE_MISSING
from gateway.validation.negotiation import JSON, Format, choose_format
from ubl.formats import FORMATS

__all__ = ["ROUTES", "document_answer"]

_FORM: Final = "multipart/form-data"


async def list_formats(request: web.Request) -> web.Response:
    """Every format this gateway writes."""
    return json_answer(FormatList(items=[FormatOut.of(one) for one in FORMATS.values()]))


async def convert(request: web.Request) -> web.Response:
    """Write what is posted in another format and judge it; nothing is kept.

    A conversion that loses something, or whose result breaks rules, is no error: the answer says
    so.
    """
    caller, query = principal(request), query_of(request, ConversionQuery)
    wanted, lang = format_named(query.to), query.lang or caller.locale
    document = Format("document", wanted.media_type, "")
    form, _ = choose_format(request.headers.get("Accept", ""), (JSON, document))
    service = request.app[CONVERSION]
    with Spool() as body:
        media_type, own_pdf = await _take(request, body)
        content = await asyncio.to_thread(lambda: body.content)
        converted = await service.convert(
            content, wanted.id, media_type=media_type, lang=lang, own_pdf=own_pdf
        )
    judged = await service.judge(caller.tenant_id, converted, lang=lang)
    if form is JSON:
        return json_answer(ConversionOut.of(judged, lang=lang))
    return document_answer(judged)


async def _take(request: web.Request, body: Spool) -> tuple[str, bytes | None]:
    """Take in the document; its media type, and the pages somebody wants it to have."""
    if request.content_type != _FORM:
        await take_body(request, body.binary)
        return request.content_type, None
    form = await form_of(request)
    file, pages = form.get("file"), form.get("pdf")
    if not isinstance(file, FileField):
        raise GatewayError(FILE_MISSING, "Send the invoice as the part 'file', with a file name.")
    await asyncio.to_thread(shutil.copyfileobj, file.file, body)
    own_pdf = None
    if isinstance(pages, FileField):
        own_pdf = await asyncio.to_thread(pages.file.read)
    return file.content_type, own_pdf


def document_answer(judged: Judged) -> web.Response:
    """The document alone, with what is known of it in headers."""
    converted = judged.converted
    return web.Response(
        body=converted.content,
        content_type=converted.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{converted.file_name}"',
            "Gateway-Outcome": judged.outcome.value,
            "Gateway-Unread": str(len(converted.unread)),
            "Gateway-Lost": str(len(converted.lost)),
            "Vary": "Accept",
        },
    )


ROUTES: Final = (
    Route(
        "GET",
        "/v1/formats",
        list_formats,
        None,
        "List the formats invoices are written in",
        answer=FormatList,
    ),
    Route(
        "POST",
        "/v1/conversions",
        convert,
        "validations:run",
        "Write an invoice in another format, and say what it cannot hold",
        body="application/json, application/xml, application/pdf, multipart/form-data",
        files={"pdf": "A PDF of one's own, for the pages of a format that is a PDF."},
        query=ConversionQuery,
        answer=ConversionOut,
        answer_also="application/xml, application/pdf",
        statuses={
            406: "The format is not written as that media type",
            422: "There is no such format, or no invoice in what was sent",
            503: "The workers are busy; send again later",
        },
    ),
)
