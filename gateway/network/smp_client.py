"""Finding a receiver: locate its SMP, ask it, verify the answer, choose the endpoint.

The one place that talks HTTP to SMPs. Follows no HTTP redirect (SMP 1.4.0 §5.1), bounds size and
time, keeps the raw answers as evidence. Decides nothing that smp and smp_selection decide.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn

import aiohttp
from cryptography import x509
from yarl import URL

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.outgoing import check_url
from gateway.core.settings import Stage
from gateway.network.errors import (
    NOT_REGISTERED,
    REDIRECT,
    SMP_ADDRESS,
    SMP_ANSWER,
    SMP_TLS,
    SMP_UNAVAILABLE,
    LookupFailed,
)
from gateway.network.lookup_cache import LookupCache
from gateway.network.pki import TrustAnchors, same_name
from gateway.network.sml import Locator, SmpAddress, is_web_address
from gateway.network.smp import (
    MAX_ANSWER_BYTES,
    Redirect,
    ServiceGroup,
    ServiceMetadata,
    SignedServiceMetadata,
    read_service_group,
    read_signed_metadata,
    require_same,
)
from gateway.network.smp_selection import Endpoint, select_document_type, select_endpoint

__all__ = ["Found", "Lookup", "SmpAnswer"]

# The session hands over bytes as they come, so they must come as they are.
_HEADERS: Final = {"Accept": "text/xml, application/xml", "Accept-Encoding": "identity"}
_CHUNK: Final = 64 * 1024
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class SmpAnswer:
    """One raw answer of an SMP: evidence of what was published at that moment."""

    url: str
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """A receiver's endpoint and how it was established.

    ``document_type`` is the registration that matched (a wildcard may differ from what was asked).
    ``asked_url`` is the metadata address at the participant's own SMP, ``signer`` the certificate
    of the SMP whose answer decided, ``evidence`` every answer in the order received, at
    ``found_at`` (aware UTC).
    """

    endpoint: Endpoint
    document_type: DocumentTypeId
    smp: SmpAddress
    asked_url: str
    signer: x509.Certificate
    evidence: tuple[SmpAnswer, ...]
    found_at: datetime

    @property
    def best_before(self) -> datetime:
        """Until when this holds at most: the endpoint's expiry and both certificates' ends."""
        ends = [self.endpoint.certificate.not_valid_after_utc, self.signer.not_valid_after_utc]
        return min(ends if self.endpoint.expiry is None else [*ends, self.endpoint.expiry])


class Lookup:
    """Asks the network where a participant takes a document.

    ``session`` is the HTTP client for this ``stage``; production asks public https addresses
    only. ``timeout_s`` bounds one HTTP exchange, ``cache_s`` is how long an answer is remembered
    (0: not at all), both in seconds.
    """

    def __init__(
        self,
        *,
        locator: Locator,
        session: aiohttp.ClientSession,
        anchors: TrustAnchors,
        stage: Stage,
        timeout_s: float,
        cache_s: float = 0,
    ) -> None:
        self._locator = locator
        self._session = session
        self._anchors = anchors
        self._stage = stage
        self._https_only = stage is Stage.PRODUCTION
        self._cache: LookupCache[Found] = LookupCache(ttl_s=cache_s)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def find(
        self,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        process: ProcessId,
        *,
        at: datetime,
        fresh: bool = False,
    ) -> Found:
        """The endpoint that takes this document type in this process, at machine time ``at``.

        ``fresh`` asks the network even if an answer is remembered: after a failed delivery, or
        when a person wants to know. Raises LookupFailed; its code names the step that failed,
        its retry class whether the same question may succeed later.
        """
        question = (participant, document_type, process)
        known = None if fresh else self._cache.get(question, at)
        if known is not None:
            return known
        found = await self._ask(participant, document_type, process, at=at)
        self._cache.put(question, found, at)
        return found

    async def _ask(
        self,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        process: ProcessId,
        *,
        at: datetime,
    ) -> Found:
        smp = await self._locator.locate(participant)
        evidence: list[SmpAnswer] = []
        registered = document_type
        if len(document_type.wildcard_candidates()) > 1:
            group = await self._group(smp, participant, evidence)
            registered = select_document_type(group, document_type)
        asked = f"{smp.url}/{participant.percent_encoded}/services/{registered.percent_encoded}"
        body = await self._get(asked, evidence)
        if body is None:
            await self._explain_missing(smp, participant, registered, evidence)
        signed = read_signed_metadata(body, anchors=self._anchors, at=at)
        if isinstance(signed.content, Redirect):
            signed = await self._follow(signed.content, evidence, at=at)
        metadata = signed.content
        if not isinstance(metadata, ServiceMetadata):
            raise _redirect_failed("The SMP redirects twice; one redirect is allowed.")
        require_same(metadata, participant=participant, document_type=registered)
        endpoint = select_endpoint(
            metadata,
            process=process,
            anchors=self._anchors,
            https_only=self._https_only,
            at=at,
        )
        return Found(
            endpoint=endpoint,
            document_type=registered,
            smp=smp,
            asked_url=asked,
            signer=signed.signer,
            evidence=tuple(evidence),
            found_at=at,
        )

    async def _group(
        self, smp: SmpAddress, participant: ParticipantId, evidence: list[SmpAnswer]
    ) -> ServiceGroup:
        body = await self._get(f"{smp.url}/{participant.percent_encoded}", evidence)
        if body is None:
            raise LookupFailed(
                NOT_REGISTERED,
                "The SMP in charge does not know the receiver. Check the identifier, or ask the "
                "receiver to have its registration completed.",
                participant=str(participant),
                smp=smp.url,
            )
        return read_service_group(body, participant=participant)

    async def _explain_missing(
        self,
        smp: SmpAddress,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        evidence: list[SmpAnswer],
    ) -> NoReturn:
        """Tell an unknown receiver from one that does not take this document type."""
        group = await self._group(smp, participant, evidence)
        select_document_type(group, document_type)
        raise LookupFailed(
            SMP_ANSWER,
            "The SMP lists the document type but does not publish it. The receiver's provider "
            "has to correct this.",
            smp=smp.url,
            document_type=str(document_type),
        )

    async def _follow(
        self, redirect: Redirect, evidence: list[SmpAnswer], *, at: datetime
    ) -> SignedServiceMetadata:
        """Ask the SMP redirected to; its signer must be the one the first SMP announced."""
        if not is_web_address(redirect.href, https_only=self._https_only):
            raise _redirect_failed("The SMP redirects to an address that is not allowed.")
        body = await self._get(redirect.href, evidence)
        if body is None:
            raise _redirect_failed("The SMP redirects to an address where there is nothing.")
        signed = read_signed_metadata(body, anchors=self._anchors, at=at)
        if not same_name(signed.signer, redirect.certificate_uid):
            raise _redirect_failed("The redirect's target was signed by somebody else.")
        return signed

    async def _get(self, url: str, evidence: list[SmpAnswer]) -> bytes | None:
        """Fetch one address; None for 404. Raises LookupFailed for everything but an answer."""
        try:
            check_url(url, self._stage)
            async with self._session.get(
                URL(url, encoded=True),
                allow_redirects=False,
                timeout=self._timeout,
                headers=_HEADERS,
            ) as response:
                body = await _read(response, url=url)
        except LookupFailed:
            raise
        except GatewayError as error:
            raise LookupFailed(SMP_ADDRESS, error.message, url=url[:600]) from error
        except aiohttp.ClientSSLError as error:
            raise _unreachable(SMP_TLS, url=url, error=error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(SMP_UNAVAILABLE, url=url, error=error) from error
        evidence.append(SmpAnswer(url=url, status=response.status, body=body))
        return None if response.status == _NOT_FOUND else body


async def _read(response: aiohttp.ClientResponse, *, url: str) -> bytes:
    status = response.status
    if status == _TOO_MANY or status >= _SERVER_ERROR:
        raise LookupFailed(
            SMP_UNAVAILABLE,
            f"The SMP answered with status {status}; it will be asked again.",
            url=url[:600],
            status=status,
        )
    if status not in (200, _NOT_FOUND):
        raise LookupFailed(
            SMP_ANSWER,
            f"The SMP answered with status {status}, which the protocol does not foresee. Its "
            "provider has to correct this.",
            url=url[:600],
            status=status,
        )
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise LookupFailed(
                SMP_ANSWER,
                f"The SMP's answer is larger than {MAX_ANSWER_BYTES} bytes.",
                url=url[:600],
            )
    return bytes(body)


def _unreachable(kind: ErrorKind, *, url: str, error: Exception) -> LookupFailed:
    return LookupFailed(
        kind,
        "The SMP could not be asked. This says nothing about the receiver; it will be asked again.",
        url=url[:600],
        reason=type(error).__name__,
    )


def _redirect_failed(fault: str) -> LookupFailed:
    return LookupFailed(REDIRECT, f"{fault} The receiver's provider has to correct this.")
