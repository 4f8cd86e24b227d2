"""Talking to the SML in the name of our SMP: mutual TLS, one question at a time.

Carries what sml_messages writes and turns what goes wrong into typed errors. Decides nothing
about participants; sml_registration does. The SMP's key must be a file: TLS of this platform
cannot use a key that stays in a PKCS#11 token.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import aiohttp
from cryptography import x509
from lxml import etree

from gateway.as4.identifiers import ParticipantId
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.outgoing import check_url
from gateway.core.settings import Stage
from gateway.network import sml_messages as messages
from gateway.network.sml_messages import (
    FaultKind,
    ParticipantPage,
    Publisher,
    SmlAnswerInvalid,
    SmlFault,
    SmlOperation,
)

__all__ = [
    "SML_ANSWER",
    "SML_KEY",
    "SML_MANAGEMENT",
    "SML_NOT_FOUND",
    "SML_REFUSED",
    "SML_TLS",
    "SML_UNAUTHORIZED",
    "SML_UNAVAILABLE",
    "SmlAddress",
    "SmlClient",
    "TlsProvider",
]

SML_KEY: Final = ErrorKind("SML-KEY", "The SMP's key cannot be used for TLS", 500)
SML_TLS: Final = ErrorKind("SML-TLS", "The SML's TLS certificate is not accepted", 502)
SML_UNAVAILABLE: Final = ErrorKind(
    "SML-UNAVAILABLE", "The SML could not be asked", 502, Retry.BACKOFF
)
SML_ANSWER: Final = ErrorKind("SML-ANSWER", "The SML's answer cannot be used", 502, Retry.BACKOFF)
SML_REFUSED: Final = ErrorKind("SML-REFUSED", "The SML refused the request", 422)
SML_NOT_FOUND: Final = ErrorKind("SML-NOT-FOUND", "The SML does not know this", 404)
SML_UNAUTHORIZED: Final = ErrorKind("SML-UNAUTHORIZED", "The SML does not take our SMP", 403)

SML_MANAGEMENT: Final[Mapping[Stage, str]] = {
    Stage.TEST: "https://api.sml.test.tech.peppol.org/edelivery-sml",
    Stage.PRODUCTION: "https://api.sml.prod.tech.peppol.org/edelivery-sml",
}
"""The management addresses of OpenPeppol's own SML, valid since 2026-03-19."""

SmpSigner = Callable[[], tuple[str, x509.Certificate]]
"""Says which seat is our SMP now, and with which certificate.

Raises what `Network.smp_signing` does."""

_Read = TypeVar("_Read")
_MAX_ANSWER: Final = 4 * 1024 * 1024
_FAULTS: Final[Mapping[FaultKind, ErrorKind]] = {
    FaultKind.BAD_REQUEST: SML_REFUSED,
    FaultKind.NOT_FOUND: SML_NOT_FOUND,
    FaultKind.UNAUTHORIZED: SML_UNAUTHORIZED,
    FaultKind.INTERNAL_ERROR: SML_UNAVAILABLE,
    FaultKind.OTHER: SML_ANSWER,
}


def _tls_of(folder: Path, certificate: x509.Certificate, *, ca_file: Path | None) -> ssl.SSLContext:
    """The TLS context that presents this certificate of the seat whose keys lie in ``folder``.

    ``ca_file`` holds the authorities of the SML's own certificate; None: those of this machine.
    Raises GatewayError SML-KEY when the pair is not there as files.
    """
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path in sorted(folder.glob("*.cert.pem")) if folder.is_dir() else ():
        try:
            if x509.load_pem_x509_certificate(path.read_bytes()) != certificate:
                continue
            key = path.with_name(path.name.removesuffix(".cert.pem") + ".key.pem")
            context.load_cert_chain(path, key, password="")
        except (ValueError, OSError) as error:
            raise GatewayError(
                SML_KEY,
                f"The key pair {path.name} of the SMP seat cannot be used for TLS "
                f"({type(error).__name__}). Put certificate and key there as readable PEM files.",
            ) from None
        return context
    raise GatewayError(
        SML_KEY,
        "The SMP seat's key is not in a file, so it cannot open the TLS connection the SML asks "
        "for; a key in a PKCS#11 token cannot be used there. Keep this seat's key as a file.",
    )


class TlsProvider:
    """The TLS context of our SMP's present certificate, made anew when that changes."""

    def __init__(self, *, smp: SmpSigner, folder: Path, ca_file: Path | None) -> None:
        self._smp = smp
        self._folder = folder
        self._ca_file = ca_file
        self._made: tuple[x509.Certificate, ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext:
        """The context to connect with now.

        Raises GatewayError SML-KEY, and what `Network.smp_signing` does.
        """
        seat_id, certificate = self._smp()
        if self._made is None or self._made[0] != certificate:
            tls = _tls_of(self._folder / seat_id, certificate, ca_file=self._ca_file)
            self._made = (certificate, tls)
        return self._made[1]


@dataclass(frozen=True, slots=True)
class SmlAddress:
    """Where the SML is managed and who asks: ``smp_id`` is the name it knows our SMP by."""

    url: str
    smp_id: str
    stage: Stage
    timeout_s: float


class SmlClient:
    """Asks the SML, over TLS in which our SMP shows its certificate; https only.

    Every question raises GatewayError: SML-UNAVAILABLE and SML-ANSWER are worth another try;
    SML-REFUSED, SML-NOT-FOUND and SML-UNAUTHORIZED are the SML's own word; SML-TLS, SML-KEY and
    OUTGOING-ADDRESS are faults of the installation, as is what `Network.smp_signing` raises.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        tls: TlsProvider,
        address: SmlAddress,
    ) -> None:
        self._session = session
        self._tls = tls
        self._address = address

    @property
    def smp_id(self) -> str:
        """The identifier the SML knows our SMP by."""
        return self._address.smp_id

    async def publisher(self) -> Publisher:
        """What the SML knows of our SMP."""
        body = messages.publisher_named(self.smp_id, read=True)
        answer = await self._ask(SmlOperation.READ_PUBLISHER, body)
        return _understood(lambda: messages.read_publisher(answer))

    async def create_publisher(self, publisher: Publisher) -> None:
        """Make our SMP known to the SML."""
        await self._ask(SmlOperation.CREATE_PUBLISHER, messages.create_publisher(publisher))

    async def update_publisher(self, publisher: Publisher) -> None:
        """Tell the SML our SMP's address of today."""
        await self._ask(SmlOperation.UPDATE_PUBLISHER, messages.update_publisher(publisher))

    async def delete_publisher(self) -> None:
        """Make the SML forget our SMP with all its participants."""
        body = messages.publisher_named(self.smp_id, read=False)
        await self._ask(SmlOperation.DELETE_PUBLISHER, body)

    async def create(self, participants: Sequence[ParticipantId]) -> None:
        """Register participants of our SMP: all or none."""
        many = len(participants) != 1
        name = "CreateList" if many else "CreateParticipantIdentifier"
        body = messages.participant_entry(self.smp_id, participants, name=name)
        await self._ask(SmlOperation.CREATE_LIST if many else SmlOperation.CREATE, body)

    async def delete(self, participants: Sequence[ParticipantId]) -> None:
        """Remove participants of our SMP: all or none."""
        many = len(participants) != 1
        name = "DeleteList" if many else "DeleteParticipantIdentifier"
        body = messages.participant_entry(self.smp_id, participants, name=name)
        await self._ask(SmlOperation.DELETE_LIST if many else SmlOperation.DELETE, body)

    async def page(self, page: str = "") -> ParticipantPage:
        """A page of the participants the SML leads to our SMP."""
        answer = await self._ask(SmlOperation.LIST, messages.page_request(self.smp_id, page))
        return _understood(lambda: messages.read_page(answer))

    async def prepare_migration(self, participant: ParticipantId, key: str) -> None:
        """Let a participant leave with this key."""
        body = messages.migration_record(self.smp_id, participant, key=key, complete=False)
        await self._ask(SmlOperation.PREPARE_MIGRATE, body)

    async def migrate(self, participant: ParticipantId, key: str) -> None:
        """Take a participant over from another SMP."""
        body = messages.migration_record(self.smp_id, participant, key=key, complete=True)
        await self._ask(SmlOperation.MIGRATE, body)

    async def _ask(self, operation: SmlOperation, body: bytes) -> etree._Element | None:
        url = f"{self._address.url.rstrip('/')}/{operation.service}"
        if not url.startswith("https://"):
            raise GatewayError(
                SML_TLS, "The SML is managed over https only. Correct participants.sml_url."
            )
        check_url(url, self._address.stage)
        received = await self._post(url, operation, body)
        try:
            return messages.read_answer(received)
        except SmlFault as fault:
            raise GatewayError(
                _FAULTS[fault.kind],
                f"The SML answered {fault.kind.value}: {fault.text or 'without a reason'}.",
                operation=operation.name,
            ) from fault
        except SmlAnswerInvalid as error:
            raise _unusable(str(error)) from error

    async def _post(self, url: str, operation: SmlOperation, body: bytes) -> bytes:
        try:
            async with self._session.post(
                url,
                data=body,
                ssl=self._tls.context(),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._address.timeout_s),
                headers={
                    "Content-Type": "text/xml; charset=utf-8",
                    "SOAPAction": f'"{operation.value}"',
                    "Accept-Encoding": "identity",
                },
            ) as response:
                received = await response.content.read(_MAX_ANSWER + 1)
                while len(received) <= _MAX_ANSWER and not response.content.at_eof():
                    received += await response.content.read(_MAX_ANSWER + 1 - len(received))
                status = response.status
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            raise GatewayError(
                SML_TLS,
                f"The TLS connection to {url} was not accepted ({type(error).__name__}). Check "
                "participants.sml_ca_file and that the SMP's certificate is valid.",
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GatewayError(
                SML_UNAVAILABLE,
                f"{url} could not be asked ({type(error).__name__}); it is tried again.",
            ) from error
        if len(received) > _MAX_ANSWER:
            raise _unusable(f"it is larger than {_MAX_ANSWER} bytes")
        # Faults come with status 500; anything else that is no 200 is not the service speaking.
        if status not in (200, 202, 500):
            raise GatewayError(
                SML_UNAVAILABLE, f"{url} answered with status {status}; it is tried again."
            )
        return received


def _understood(read: Callable[[], _Read]) -> _Read:
    try:
        return read()
    except SmlAnswerInvalid as error:
        raise _unusable(str(error)) from error


def _unusable(fault: str) -> GatewayError:
    return GatewayError(SML_ANSWER, f"The SML's answer cannot be used: {fault}. It is asked again.")
