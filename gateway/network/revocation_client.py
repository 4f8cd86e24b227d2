"""Asking authorities over HTTP: OCSP questions and the download of revocation lists.

Bounds time, size and redirects, and stays off addresses the stage forbids. Believes nothing: what
comes back is verified by its caller.
"""

from typing import Final

import aiohttp
from yarl import URL

from gateway.core.errors import GatewayError
from gateway.core.outgoing import check_url
from gateway.core.settings import Stage
from gateway.network.ocsp import MAX_OCSP_BYTES
from gateway.network.revocation import RevocationRefused

__all__ = ["RevocationClient"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_HOPS: Final = 2
_CHUNK: Final = 64 * 1024
_OCSP_HEADERS: Final = {
    "Content-Type": "application/ocsp-request",
    "Accept": "application/ocsp-response",
    "Accept-Encoding": "identity",
}
_CRL_HEADERS: Final = {"Accept": "application/pkix-crl, */*", "Accept-Encoding": "identity"}


class RevocationClient:
    """Speaks to OCSP responders and publishers of lists; ``timeout_s`` bounds one exchange."""

    def __init__(
        self, session: aiohttp.ClientSession, *, stage: Stage, timeout_s: float, max_crl_bytes: int
    ) -> None:
        self._session = session
        self._stage = stage
        self._timeout_s = timeout_s
        self._max_crl_bytes = max_crl_bytes

    async def ask(self, url: str, question: bytes) -> bytes:
        """Post an OCSP question and return the answer. Raises RevocationRefused."""
        return await self._exchange("POST", url, question, _OCSP_HEADERS, most=MAX_OCSP_BYTES)

    async def download(self, url: str) -> bytes:
        """Fetch a revocation list. Raises RevocationRefused."""
        return await self._exchange("GET", url, None, _CRL_HEADERS, most=self._max_crl_bytes)

    async def _exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], *, most: int
    ) -> bytes:
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        target = url
        for _ in range(_MAX_HOPS):
            try:
                check_url(target, self._stage, plain_http=True)
                async with self._session.request(
                    method,
                    URL(target),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=timeout,
                ) as response:
                    if response.status not in _REDIRECTS:
                        return await _read(response, most=most)
                    target = _next(response)
            except GatewayError as error:
                raise RevocationRefused("REVOCATION-ADDRESS", error.message) from error
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                raise RevocationRefused(
                    "REVOCATION-UNREACHABLE",
                    f"The authority's service did not answer ({type(error).__name__}).",
                ) from error
        raise RevocationRefused(
            "REVOCATION-ADDRESS", "The authority's service redirects more than once."
        )


def _next(response: aiohttp.ClientResponse) -> str:
    location = response.headers.get("Location", "")
    if not location:
        raise RevocationRefused("REVOCATION-ADDRESS", "The service redirects to nowhere.")
    return str(response.url.join(URL(location)))


async def _read(response: aiohttp.ClientResponse, *, most: int) -> bytes:
    if response.status != 200:
        raise RevocationRefused(
            "REVOCATION-UNREACHABLE",
            f"The authority's service answered with status {response.status}.",
        )
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > most:
            raise RevocationRefused(
                "REVOCATION-SIZE", f"The authority's answer is larger than {most} bytes."
            )
    return bytes(body)
