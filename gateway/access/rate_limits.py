"""Limits on how often one address may ask what everybody may ask.

For the doors without sign-in: the AS4 address and the public SMP. A caller over the limit is told
with HTTP when to come again; nothing of its request was read.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Final

from aiohttp import web

from gateway.access.browser import CLIENT_ADDRESS
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.http import Handler, Route
from gateway.core.settings import LimitSettings
from gateway.core.token_buckets import Rate, TokenBuckets, neighbourhood

__all__ = [
    "LIMITS",
    "TOO_OFTEN",
    "TOO_OFTEN_AS4",
    "Limits",
    "limited",
    "require_address",
    "too_often",
]

TOO_OFTEN: Final = ErrorKind("RATE-LIMITED", "Too many requests", 429, Retry.BACKOFF)
TOO_OFTEN_AS4: Final = ErrorKind(
    "AS4-RATE-LIMITED", "Too many messages at once", 503, Retry.BACKOFF
)
"""503 and not an ebMS error: an access point sends the same bytes again after a 503 with
Retry-After, whereas it takes an ebMS error for an answer to the message, and many for the last.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """The buckets of one process: AS4 by address and by signing seat, SMP by address."""

    as4_address: TokenBuckets
    as4_seat: TokenBuckets
    smp_address: TokenBuckets

    @classmethod
    def of(cls, settings: LimitSettings) -> "Limits":
        """The buckets the settings ask for, full."""

        def buckets(per_minute: float) -> TokenBuckets:
            rate = Rate(per_minute, max(1, round(per_minute * settings.burst_s / 60)))
            return TokenBuckets(rate, now=time.monotonic)

        return cls(
            buckets(settings.as4_address_per_minute),
            buckets(settings.as4_seat_per_minute),
            buckets(settings.smp_address_per_minute),
        )


LIMITS: Final = web.AppKey("rate_limits", Limits)


def too_often(kind: ErrorKind, wait_s: float) -> GatewayError:
    """The refusal of a caller that has to wait so many seconds."""
    seconds = max(1, math.ceil(wait_s))
    return GatewayError(
        kind,
        f"More arrive from you than this gateway takes. Come again in {seconds} s.",
        retry_after=seconds,
    )


def require_address(request: web.Request, buckets: TokenBuckets, kind: ErrorKind) -> None:
    """Count a request for its address; raises GatewayError of that kind over the limit."""
    wait = buckets.take(neighbourhood(request[CLIENT_ADDRESS]))
    if wait:
        raise too_often(kind, wait)


def limited(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The same routes of the public SMP, each request counted for its address."""

    def guarded(handler: Handler) -> Handler:
        @wraps(handler)
        async def handle(request: web.Request) -> web.StreamResponse:
            require_address(request, request.app[LIMITS].smp_address, TOO_OFTEN)
            return await handler(request)

        return handle

    return tuple(
        replace(
            route,
            handler=guarded(route.handler),
            statuses={**route.statuses, 429: "Too many questions; Retry-After says when to ask"},
        )
        for route in routes
    )
