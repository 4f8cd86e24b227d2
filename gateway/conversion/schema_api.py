"""The JSON Schema of an invoice, for those who write invoices as JSON."""

import json
from functools import cache
from typing import Final

from aiohttp import web

from gateway.core.http import Route
from ubl.model_json_schema import invoice_schema

__all__ = ["ROUTES"]

_MEDIA_TYPE: Final = "application/schema+json"


async def show_invoice_schema(_request: web.Request) -> web.Response:
    """What an invoice as JSON looks like, with the business term (EN 16931) of each field."""
    return web.Response(body=_schema(), content_type=_MEDIA_TYPE)


@cache
def _schema() -> bytes:
    return json.dumps(invoice_schema(), ensure_ascii=False).encode()


ROUTES: Final = (
    Route(
        "GET",
        "/v1/schemas/invoice.json",
        show_invoice_schema,
        None,
        "Describe an invoice as JSON (JSON Schema 2020-12)",
        answer=_MEDIA_TYPE,
    ),
)
