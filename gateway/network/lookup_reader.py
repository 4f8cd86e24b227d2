"""Asking SMPs: fetch an answer, verify it, judge its signer, read it.

The one place that talks HTTP to SMPs. Follows no HTTP redirect (SMP 1.4.0 §5.1) and one redirect
of the protocol, bounds size and time, keeps the raw answers as evidence. Chooses nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import aiohttp
from cryptography import x509
from yarl import URL

from gateway.as4.identifiers import DocumentTypeId, ParticipantId
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
from gateway.network.lookup_memory import AnswerMemory, SmpAnswer
from gateway.network.pki import CertificateVerdict, Purpose, same_name
from gateway.network.revocation import RevocationAnswer
from gateway.network.sml import SmpAddress, is_web_address
from gateway.network.smp import (
    MAX_ANSWER_BYTES,
    Redirect,
    ServiceGroup,
    ServiceMetadata,
    SignedAnswer,
    open_signed_metadata,
    read_metadata,
    read_service_group,
    require_same,
    require_trusted,
)
from gateway.network.trust import Trust

__all__ = ["Asking", "Published", "SmpReader", "metadata_address"]

# The session hands over bytes as they come, so they must come as they are.
_HEADERS: Final = {"Accept": "text/xml, application/xml", "Accept-Encoding": "identity"}
_CHUNK: Final = 64 * 1024
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


@dataclass(slots=True)
class Asking:
    """One question to the network at machine time ``at``, and what it has brought so far.

    ``fresh`` uses no remembered answer. ``answers`` and ``revocation`` grow in the order received,
    also when the question fails in the end: they are its evidence.
    """

    at: datetime
    fresh: bool = False
    answers: list[SmpAnswer] = field(default_factory=list)
    revocation: list[RevocationAnswer] = field(default_factory=list)

    @property
    def oldest(self) -> datetime:
        """When the oldest answer was received: nothing that follows from them is younger."""
        return min((one.fetched_at for one in self.answers), default=self.at)


@dataclass(frozen=True, slots=True)
class Published:
    """Verified metadata about one document type.

    ``signer`` signed the answer that decided, with ``verdict`` over its certificate; ``redirect``
    is set when that was another SMP than the participant's own.
    """

    metadata: ServiceMetadata
    signer: x509.Certificate
    verdict: CertificateVerdict
    redirect: Redirect | None


class SmpReader:
    """Reads from SMPs of one ``stage``; production asks public https addresses only.

    ``session`` is the HTTP client of that stage, ``timeout_s`` bounds one HTTP exchange in
    seconds, ``memory`` keeps answers for a while.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        trust: Trust,
        stage: Stage,
        timeout_s: float,
        memory: AnswerMemory | None = None,
    ) -> None:
        self._session = session
        self._trust = trust
        self._stage = stage
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._memory = memory

    @property
    def https_only(self) -> bool:
        """Whether only https addresses count, as in production."""
        return self._stage is Stage.PRODUCTION

    async def group(
        self, smp: SmpAddress, participant: ParticipantId, asking: Asking
    ) -> ServiceGroup:
        """What a participant has registered, unsigned.

        Raises LookupFailed LOOKUP-NOT-REGISTERED, LOOKUP-SMP-ADDRESS, -UNAVAILABLE, -TLS or
        -ANSWER, and LOOKUP-MISMATCH.
        """
        body = await self._get(f"{smp.url}/{participant.percent_encoded}", asking)
        if body is None:
            raise LookupFailed(
                NOT_REGISTERED,
                "The SMP in charge does not know the receiver. Check the identifier, or ask the "
                "receiver to have its registration completed.",
                participant=str(participant),
                smp=smp.url,
            )
        return read_service_group(body, participant=participant)

    async def metadata(
        self,
        smp: SmpAddress,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        asking: Asking,
    ) -> Published | None:
        """What a participant publishes about one document type; None where there is nothing.

        Raises LookupFailed LOOKUP-SMP-ADDRESS, -UNAVAILABLE, -TLS, -ANSWER or -CERTIFICATE,
        LOOKUP-SIGNATURE, LOOKUP-CERTIFICATE-UNDECIDED, LOOKUP-REDIRECT and LOOKUP-MISMATCH.
        """
        body = await self._get(metadata_address(smp, participant, document_type), asking)
        if body is None:
            return None
        signed, verdict = await self._open(body, asking)
        content, redirect = read_metadata(signed), None
        if isinstance(content, Redirect):
            redirect = content
            signed, verdict = await self._follow(redirect, asking)
            content = read_metadata(signed)
        if isinstance(content, Redirect):
            raise _redirect_failed("The SMP redirects twice; one redirect is allowed.")
        require_same(content, participant=participant, document_type=document_type)
        return Published(content, signed.signer, verdict, redirect)

    async def judge(self, certificate: x509.Certificate, asking: Asking) -> CertificateVerdict:
        """The verdict over a receiving access point's certificate."""
        return await self._judge(certificate, Purpose.AP, asking)

    async def _judge(
        self, certificate: x509.Certificate, purpose: Purpose, asking: Asking
    ) -> CertificateVerdict:
        judgement = await self._trust.judge(certificate, purpose=purpose, at=asking.at)
        asking.revocation.extend(judgement.answers)
        return judgement.verdict

    async def _open(self, body: bytes, asking: Asking) -> tuple[SignedAnswer, CertificateVerdict]:
        """Signature and signer are judged before anything is read."""
        signed = open_signed_metadata(body)
        verdict = await self._judge(signed.signer, Purpose.SMP, asking)
        require_trusted(verdict, purpose=Purpose.SMP)
        return signed, verdict

    async def _follow(
        self, redirect: Redirect, asking: Asking
    ) -> tuple[SignedAnswer, CertificateVerdict]:
        """Ask the SMP redirected to; its signer must be the one the first SMP announced."""
        if not is_web_address(redirect.href, https_only=self.https_only):
            raise _redirect_failed("The SMP redirects to an address that is not allowed.")
        body = await self._get(redirect.href, asking)
        if body is None:
            raise _redirect_failed("The SMP redirects to an address where there is nothing.")
        signed, verdict = await self._open(body, asking)
        if not same_name(signed.signer, redirect.certificate_uid):
            raise _redirect_failed("The redirect's target was signed by somebody else.")
        return signed, verdict

    async def _get(self, url: str, asking: Asking) -> bytes | None:
        """One address; None for 404. Raises LookupFailed for everything but an answer."""
        answer = None
        if self._memory is not None and not asking.fresh:
            answer = await self._memory.get(url, asking.at)
        if answer is None:
            answer = await self._fetch(url, asking.at)
            if self._memory is not None:
                await self._memory.put(answer)
        asking.answers.append(answer)
        return None if answer.status == _NOT_FOUND else answer.body

    async def _fetch(self, url: str, at: datetime) -> SmpAnswer:
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
        return SmpAnswer(url=url, status=response.status, body=body, fetched_at=at)


def metadata_address(
    smp: SmpAddress, participant: ParticipantId, document_type: DocumentTypeId
) -> str:
    """Where an SMP publishes what a participant says about a document type."""
    return f"{smp.url}/{participant.percent_encoded}/services/{document_type.percent_encoded}"


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
