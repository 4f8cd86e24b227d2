"""The AS4 address of this access point: spools the request, answers with SOAP."""

import asyncio
from typing import BinaryIO, Final

from aiohttp import web

from gateway.access.rate_limits import LIMITS, TOO_OFTEN_AS4, require_address
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.faults import Faults
from gateway.core.http import Face, Route
from gateway.core.incoming import take_body
from gateway.exchange.encoding import spool
from gateway.exchange.keys import RECEIVER

__all__ = ["AS4_PATH", "FAULTS", "ROUTES"]

AS4_PATH: Final = "/as4"
FAULTS: Final = web.AppKey("faults", Faults)
MESSAGE_TOO_LARGE: Final = ErrorKind("AS4-TOO-LARGE", "The message is too large", 413)
MESSAGE_CUT: Final = ErrorKind("AS4-CUT", "The message ended early", 400)


async def receive(request: web.Request) -> web.StreamResponse:
    """Take one AS4 message; the receipt leaves only after everything is committed."""
    require_address(request, request.app[LIMITS].as4_address, TOO_OFTEN_AS4)
    body = spool()
    try:
        await _take(request, body)
        # Bytes of a header that are no text can be kept in no row.
        content_type = request.headers.get("Content-Type", "").encode(errors="replace").decode()
        reply = await request.app[RECEIVER].receive(body, content_type)
    finally:
        await asyncio.to_thread(body.close)
    if reply.accepted and request.app[FAULTS].cuts("receipt"):
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=204)
    response = web.Response(body=reply.body, headers={"Content-Type": reply.content_type})
    await response.prepare(request)
    await response.write_eof()
    request.app[FAULTS].reach("receipt-sent")
    return response


async def _take(request: web.Request, body: BinaryIO) -> None:
    """Spool the request's body, bounded by the server's limit, and rewind it."""
    too_large = GatewayError(
        MESSAGE_TOO_LARGE, f"At most {request.client_max_size} bytes are taken in one message."
    )
    try:
        await take_body(request, body, too_large=too_large)
    except (ConnectionError, web.RequestPayloadError) as error:
        raise GatewayError(MESSAGE_CUT, "The connection ended before the message did.") from error


ROUTES: Final = (
    Route(
        "POST",
        AS4_PATH,
        receive,
        None,
        "Receive an AS4 message",
        face=Face.NETWORK,
        statuses={
            413: "The message is larger than this access point takes",
            503: (
                "Too many at once, the signer cannot be judged now, or keys of ours are away; "
                "send the same bytes later"
            ),
        },
    ),
)
