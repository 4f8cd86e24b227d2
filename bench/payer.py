"""The payment page: ``GET /pay/{token}`` of a gateway in this process, beside its ``/healthz``.

The client runs in the same process and on the same loop, so rates say little; ``/healthz`` of the
same server pays for the client and for aiohttp too, which makes the ratio what the page costs.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from bench.books import open_account
from bench.figures import Section, median, percentile
from gateway.app import Gateway
from gateway.payments.keys import PAYER_THROTTLE
from gateway.payments.throttle import Throttle
from gateway.web.server import listening

__all__ = ["measure"]

_ITEMS: Final = 3
_AT_ONCE: Final = 4
_WARM_UP: Final = 5
_HEALTH: Final = "/healthz"
_PAGE: Final = "/pay/{token}"
_WITHOUT_END: Final = 1_000_000


@dataclass(slots=True)
class _Found:
    """What the rounds of one address came to; ``size`` is the answer's body in bytes."""

    rates: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    size: int = 0


async def measure(gateways: Mapping[str, Gateway], *, rounds: int, count: int) -> Section:
    """Requests per second of the page and of ``/healthz``, on each gateway."""
    found: dict[tuple[str, str], _Found] = {}
    async with AsyncExitStack() as closing:
        http = await closing.enter_async_context(aiohttp.ClientSession())
        places: dict[tuple[str, str], URL] = {}
        for name, gateway in gateways.items():
            # The limits for strangers stay in the way of the request, but never end it.
            gateway.web[PAYER_THROTTLE] = Throttle(
                burst=_WITHOUT_END, per_second=_WITHOUT_END, clock=time.monotonic
            )
            link = await _link(gateway)
            address = await closing.enter_async_context(
                listening(gateway.web, host="127.0.0.1", port=0)
            )
            places[name, _HEALTH] = URL(address + _HEALTH)
            places[name, _PAGE] = URL(address).join(URL(link).relative())
        for place, url in places.items():
            found[place] = _Found()
            await _ask(http, url, _WARM_UP, found[place])
            found[place] = _Found()
        for _ in range(rounds):
            for place, url in places.items():
                began = time.monotonic()
                await _ask(http, url, count, found[place])
                found[place].rates.append(count / (time.monotonic() - began))
    return _table(found, rounds=rounds, count=count)


async def _link(gateway: Gateway) -> str:
    """A payment link for some invoices of one customer."""
    account = await open_account(gateway, customers=1, items=_ITEMS)
    async with gateway.platform.database.write() as session:
        issued = await gateway.links.issue(
            session,
            tenant_id=account.tenant_id,
            customer_id=account.customers[0].id,
            items=[one.id for one in account.items],
            currency="EUR",
            locale="nl_BE",
        )
    return issued.url


async def _ask(http: aiohttp.ClientSession, url: URL, count: int, found: _Found) -> None:
    """Ask so often, some at once; anything but 200 and the same size ends the benchmark."""
    left = count

    async def asker() -> None:
        nonlocal left
        while left:
            left -= 1
            began = time.monotonic()
            async with http.get(url) as answer:
                body = await answer.read()
            found.waits.append(time.monotonic() - began)
            if answer.status != 200 or found.size not in (0, len(body)):
                raise RuntimeError(f"{url.path} answered HTTP {answer.status}, {len(body)} bytes")
            found.size = len(body)

    await asyncio.gather(*(asker() for _ in range(_AT_ONCE)))


def _table(found: Mapping[tuple[str, str], _Found], *, rounds: int, count: int) -> Section:
    section = Section(
        f"Payment page, {_AT_ONCE} at once, server and client in one process",
        ("address", "database", "requests/s", "time of /healthz", "median ms", "p95 ms", "bytes"),
    )
    for (database, address), one in found.items():
        rate, bare = median(one.rates), median(found[database, _HEALTH].rates)
        section.add(
            address,
            database,
            rate,
            f"{bare / rate:.1f} x",
            median(one.waits) * 1000,
            percentile(one.waits, 95) * 1000,
            one.size,
        )
    section.notes = [
        f"Medians of {rounds} rounds of {count}; every answer was 200. {_ITEMS} invoices asked "
        "for, with the payment code drawn anew each time.",
        "Bytes: the body, not compressed. The page is one answer: style and code are in it.",
        "The limit of requests by address and link is counted but set so high that it never bites.",
    ]
    return section
