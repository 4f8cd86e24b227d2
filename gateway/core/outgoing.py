"""Outgoing HTTP: where this instance may connect to, decided by its stage.

Addresses come from other people's registries and settings, so production refuses every address
that is not public: a forged SMP entry must not make the gateway talk to its own network.
"""

import asyncio
import ipaddress
import socket
import ssl
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.patience import Phase, enter
from gateway.core.settings import Stage

__all__ = ["ADDRESS_REFUSED", "TLS_AUTHORITIES", "check_url", "client_session", "tls_profile"]

ADDRESS_REFUSED: Final = ErrorKind("OUTGOING-ADDRESS", "This address may not be contacted", 502)
TLS_AUTHORITIES: Final = ErrorKind(
    "OUTGOING-TLS-AUTHORITIES", "The further TLS authorities cannot be read", 500
)

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether everybody's packets reach it: an IPv6 address is no better than the IPv4 in it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo is not None:
            inner = address.teredo[1]
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
        if address not in _GLOBAL_UNICAST:
            # The only part of IPv6 that is given out to the public (RFC 4291 §2.4).
            return False
    return address.is_global and not address.is_multicast


def _refuse_private(address: str, host: str) -> None:
    if not _is_public(ipaddress.ip_address(address)):
        raise GatewayError(
            ADDRESS_REFUSED,
            f"{host} is the address {address}, which is not public. In production only public "
            "addresses are contacted; the peer must correct its published address.",
            host=host,
        )


def check_url(url: str, stage: Stage, *, plain_http: bool = False) -> None:
    """Refuse an address the stage does not allow; raises GatewayError OUTGOING-ADDRESS.

    Production takes ``https`` only, unless ``plain_http`` says that the answers are signed and
    come without TLS (OCSP, CRL). A literal IP address is judged here, because the HTTP client
    does not resolve it.
    """
    try:
        parsed = URL(url)
        host = parsed.host
    except ValueError:
        parsed, host = URL(), None
    if parsed.scheme not in ("http", "https") or not host:
        raise GatewayError(ADDRESS_REFUSED, f"'{url[:200]}' is not an HTTP address.")
    if stage is not Stage.PRODUCTION:
        return
    if parsed.scheme != "https" and not plain_http:
        raise GatewayError(
            ADDRESS_REFUSED, f"{host} is published without TLS; production needs https."
        )
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host.replace(".", "").isdigit():
            # 127.1 and 2130706433 are 127.0.0.1 to many a resolver, and no name to anybody.
            raise GatewayError(
                ADDRESS_REFUSED, f"{host} is an address in a form that nobody publishes."
            ) from None
        return
    _refuse_private(host, host)


class _Resolver(AbstractResolver):
    """Resolves names within a time; where guarded, refuses addresses that are not public."""

    def __init__(self, *, guarded: bool, timeout_s: float) -> None:
        self._inner = aiohttp.ThreadedResolver()
        self._guarded = guarded
        self._timeout_s = timeout_s

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        enter(Phase.DNS)
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._inner.resolve(host, port, family)
        except TimeoutError:
            # The client makes a DNS error of it, which is what it is.
            raise OSError(f"no name server answered within {self._timeout_s:g} s") from None
        if self._guarded:
            for one in found:
                _refuse_private(one["host"], host)
        enter(Phase.CONNECT)
        return found

    async def close(self) -> None:
        await self._inner.close()


class _TlsContext(ssl.SSLContext):
    """A client's TLS settings that tell when a handshake begins."""

    def wrap_bio(self, *arguments: Any, **settings: Any) -> ssl.SSLObject:
        enter(Phase.TLS)
        return super().wrap_bio(*arguments, **settings)


def tls_profile(authorities: Path | None = None) -> ssl.SSLContext:
    """What we ask of a server's TLS: 1.2 or newer, a certificate for its name by a known CA.

    Known are the CAs of the system and those in the PEM file ``authorities``. Raises
    GatewayError OUTGOING-TLS-AUTHORITIES. Source: AS4 profile 2.0.3 §2.
    """
    # This protocol constant switches on the checks of certificate and host name.
    context = _TlsContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if authorities is not None:
        try:
            context.load_verify_locations(cafile=str(authorities))
        except (OSError, ssl.SSLError) as error:
            raise GatewayError(
                TLS_AUTHORITIES,
                f"network.tls_ca_file {authorities} holds no certificates in PEM "
                f"({type(error).__name__}). Correct the file or leave the setting out.",
            ) from None
    return context


def client_session(
    stage: Stage,
    *,
    connect_timeout_s: float,
    answer_timeout_s: float,
    dns_timeout_s: float = 5,
    tls_authorities: Path | None = None,
) -> aiohttp.ClientSession:
    """An HTTP client that follows the stage's address rule; the caller closes it.

    Time-outs are seconds: for the name server, for connecting (with TLS), for each wait for
    data. ``tls_authorities`` is a PEM file of CAs beside the system's.
    """
    guarded = stage is Stage.PRODUCTION
    connector = aiohttp.TCPConnector(
        resolver=_Resolver(guarded=guarded, timeout_s=dns_timeout_s),
        use_dns_cache=not guarded,
        limit_per_host=16,
        ssl=tls_profile(tls_authorities),
    )
    timeout = aiohttp.ClientTimeout(
        total=None,
        connect=dns_timeout_s + connect_timeout_s,
        sock_connect=connect_timeout_s,
        sock_read=answer_timeout_s,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        auto_decompress=False,
        # One session speaks to every peer: what one of them sets is nobody's business.
        cookie_jar=aiohttp.DummyCookieJar(),
    )
