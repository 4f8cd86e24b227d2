"""From a stored document to the frozen bytes of an AS4 message.

SBDH around the document, gzip, signature, encryption, MIME: in a thread and through spooled
files, so that a large document neither fills the memory nor holds up the event loop.
"""

import asyncio
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final, cast

from gateway.as4.ebms import UserMessage
from gateway.as4.errors import LocalAs4Error
from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId, spid_of_seat
from gateway.as4.outgoing import Encoded, encode
from gateway.as4.sbdh import MlsType, Sbdh, write
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.ids import new_id
from gateway.exchange.archive import Archive
from gateway.exchange.tables import Document, StoredBlob
from gateway.network.keys import KeyPair
from gateway.network.service import Network
from gateway.network.smp_selection import Endpoint
from ubl.safexml import Limits

__all__ = ["ENCODING_REFUSED", "EncodedMessage", "Encoder", "spool"]

ENCODING_REFUSED: Final = ErrorKind(
    "DELIVERY-ENCODING", "The document does not fit into an AS4 message", 422
)

SPOOL_IN_MEMORY: Final = 1024 * 1024


def spool() -> BinaryIO:
    """A temporary file that stays in memory while it is small."""
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY))


@dataclass(frozen=True, slots=True)
class EncodedMessage:
    """A message ready to travel: the rows of its stored bytes and what a receipt must name."""

    message_id: str
    own_seat: str
    wire: Encoded
    envelope: StoredBlob
    request: StoredBlob


class Encoder:
    """Makes AS4 messages out of documents, signed by the sender's seat."""

    def __init__(
        self, *, database: Database, archive: Archive, network: Network, now: MachineClock
    ) -> None:
        self._database = database
        self._archive = archive
        self._network = network
        self._now = now

    async def encode(
        self, document: Document, endpoint: Endpoint, *, mls_type: MlsType | None
    ) -> EncodedMessage:
        """Encode under a fresh MessageId; the SBDH identifier stays the document's own.

        ``mls_type`` is what C3 is asked for, None for what no MLS answers.
        """
        at = self._now()
        sender = ParticipantId.parse(document.sender)
        async with self._database.read() as session:
            own = await self._network.served(session, sender)
            content = await self._archive.row(session, document.content_id)
        pair = self._network.key_ring(own.seat_id).signing(at)
        header = _header(
            document, seat_id=own.seat_id, country=own.country, mls_type=mls_type, at=at
        )
        message = _message(document, own_seat=own.seat_id, peer_seat=endpoint.seat_id, at=at)
        source = await self._archive.open(content)
        with source, spool() as envelope, spool() as request:
            try:
                encoded = await asyncio.to_thread(
                    _encode,
                    source=source,
                    limits=Limits(max_bytes=content.size),
                    header=header,
                    message=message,
                    pair=pair,
                    endpoint=endpoint,
                    envelope=envelope,
                    request=request,
                )
            except LocalAs4Error as error:
                raise GatewayError(
                    ENCODING_REFUSED,
                    f"No AS4 message can be made of this document: {error.message}",
                    as4_code=error.code,
                ) from error
            tenant_id = document.tenant_id
            return EncodedMessage(
                message_id=message.message_id,
                own_seat=own.seat_id,
                wire=encoded,
                envelope=await self._archive.keep(
                    envelope, purpose="envelope", media_type="application/xml", tenant_id=tenant_id
                ),
                request=await self._archive.keep(
                    request, purpose="request", media_type="multipart/related", tenant_id=tenant_id
                ),
            )


def _header(
    document: Document, *, seat_id: str, country: str, mls_type: MlsType | None, at: datetime
) -> Sbdh:
    document_type = DocumentTypeId.parse(document.document_type)
    return Sbdh(
        sender=ParticipantId.parse(document.sender),
        receiver=ParticipantId.parse(document.receiver),
        document_type=document_type,
        process=ProcessId.parse(document.process),
        standard=document_type.namespace,
        type_version=document_type.version or "",
        type=document_type.root or "",
        instance_identifier=document.sbdh_id,
        created=at,
        country_c1=country,
        mls_to=spid_of_seat(seat_id) if mls_type else None,
        mls_type=mls_type,
    )


def _message(document: Document, *, own_seat: str, peer_seat: str, at: datetime) -> UserMessage:
    unique = new_id()
    return UserMessage(
        message_id=f"{unique}@{own_seat.lower()}.peppol-gateway",
        timestamp=at,
        conversation_id=document.sbdh_id,
        from_party=own_seat,
        to_party=peer_seat,
        service=ProcessId.parse(document.process),
        action=DocumentTypeId.parse(document.document_type),
        original_sender=ParticipantId.parse(document.sender),
        final_recipient=ParticipantId.parse(document.receiver),
        payload_id=f"{unique}.payload@peppol-gateway",
    )


def _encode(
    *,
    source: BinaryIO,
    limits: Limits,
    header: Sbdh,
    message: UserMessage,
    pair: KeyPair,
    endpoint: Endpoint,
    envelope: BinaryIO,
    request: BinaryIO,
) -> Encoded:
    write(header, source, envelope, limits=limits)
    envelope.seek(0)
    encoded = encode(
        message,
        envelope,
        key=pair.key,
        certificate=pair.certificate,
        recipient=endpoint.certificate,
        entropy=os.urandom,
        spool=spool,
        out=request,
    )
    envelope.seek(0)
    request.seek(0)
    return encoded
