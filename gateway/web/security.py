"""What every answer says to browsers, and whose address a request really comes from.

Source: architecture 3.3. A handler may set a header itself first, for example a stricter policy
for a rendered invoice.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from aiohttp import web

__all__ = ["CONTENT_SECURITY_POLICY", "ClientAddresses", "header_signal"]

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HSTS: Final = {"Strict-Transport-Security": "max-age=31536000"}
_SERVER: Final = "peppol-gateway"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Signal = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def header_signal(*, https: bool) -> _Signal:
    """A signal for ``on_response_prepare`` that completes the headers of every answer."""
    defaults = {**_HEADERS, **(_HSTS if https else {})}

    async def complete(_request: web.Request, response: web.StreamResponse) -> None:
        for name, value in defaults.items():
            response.headers.setdefault(name, value)
        # The server's default names its versions.
        response.headers["Server"] = _SERVER

    return complete


class ClientAddresses:
    """Finds the caller behind trusted proxies; anybody else's ``X-Forwarded-For`` is hearsay.

    ``proxies`` are addresses or networks (``10.0.0.0/8``). Raises ValueError for others.
    """

    def __init__(self, proxies: Sequence[str]) -> None:
        self._proxies = tuple(ipaddress.ip_network(one, strict=False) for one in proxies)

    def of(self, request: web.Request) -> str:
        """The address of the caller; empty when the connection has none."""
        caller = _parse(request.remote or "")
        if caller is None:
            return ""
        named = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        for text in reversed(named):
            if not self._is_proxy(caller):
                break
            before = _parse(text.strip())
            if before is None:
                break
            caller = before
        return str(caller)

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)


def _parse(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
