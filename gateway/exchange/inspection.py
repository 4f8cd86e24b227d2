"""One AS4 message for somebody who has to find out what happened: headers, SBDH, security.

Shows what travelled around a document, never the document. Reads the archive in fixed memory.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography import x509
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.sbdheader import Sbdh
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.exchange.archive import Archive
from gateway.exchange.tables import Direction, Document, Reception, StoredBlob, Transmission
from gateway.exchange.wire_reading import (
    CertificateFacts,
    WireMessage,
    certificate_facts,
    read_wire_message,
    sbdh_of,
)

__all__ = ["Inspection", "Kept", "inspect", "kept_message", "raw_blob"]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the pieces of one message are kept: name of the piece and its blob."""

    direction: Direction
    id: UUID
    tenant_id: UUID
    document_id: UUID | None
    message_id: str
    from_seat: str
    to_seat: str
    content_type: str
    peer_certificate: str
    at: datetime
    blobs: Sequence[tuple[str, StoredBlob]]

    def blob(self, piece: str) -> StoredBlob | None:
        """One piece: request, envelope, receipt, lookup or revocation."""
        return next((blob for name, blob in self.blobs if name == piece), None)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a message says about itself; None for what cannot be read."""

    kept: Kept
    wire: WireMessage | None
    sbdh: Sbdh | None
    peer: CertificateFacts


async def kept_message(
    session: AsyncSession,
    archive: Archive,
    direction: Direction,
    row_id: UUID,
    *,
    tenant_id: UUID | None = None,
) -> Kept:
    """A transmission or reception, of one account or (for the operator) of any.

    Raises GatewayError NOT-FOUND.
    """
    row: Transmission | Reception | None
    if direction is Direction.OUT:
        row = await session.get(Transmission, row_id)
    else:
        row = await session.get(Reception, row_id)
    if row is None or not await _may_see(session, row, tenant_id):
        raise GatewayError(NOT_FOUND, "No message that you may see has that id.")
    pieces: dict[str, UUID | None] = {
        "request": row.request_id,
        "envelope": row.envelope_id,
        "receipt": row.receipt_id,
    }
    if isinstance(row, Transmission):
        pieces["lookup"] = row.lookup_id
    else:
        pieces["revocation"] = row.revocation_id
    blobs = [
        (name, await archive.row(session, blob_id))
        for name, blob_id in pieces.items()
        if blob_id is not None
    ]
    return _kept(row, blobs)


async def _may_see(
    session: AsyncSession, row: Transmission | Reception, tenant_id: UUID | None
) -> bool:
    """Whether a message is the account's: an MLS arrives at the provider's account for it."""
    if tenant_id is None or row.tenant_id == tenant_id:
        return True
    document = await session.get(Document, row.document_id) if row.document_id else None
    return document is not None and document.tenant_id == tenant_id


def _kept(row: Transmission | Reception, blobs: Sequence[tuple[str, StoredBlob]]) -> Kept:
    if isinstance(row, Transmission):
        return Kept(
            direction=Direction.OUT,
            id=row.id,
            tenant_id=row.tenant_id,
            document_id=row.document_id,
            message_id=row.message_id,
            from_seat=row.own_seat,
            to_seat=row.peer_seat,
            content_type=str(row.encoded["content_type"]),
            peer_certificate=row.peer_certificate,
            at=row.created_at,
            blobs=blobs,
        )
    return Kept(
        direction=Direction.IN,
        id=row.id,
        tenant_id=row.tenant_id,
        document_id=row.document_id,
        message_id=row.message_id,
        from_seat=row.signer_seat,
        to_seat=row.own_seat,
        content_type=row.content_type,
        peer_certificate=row.signer_certificate,
        at=row.received_at,
        blobs=blobs,
    )


def raw_blob(kept: Kept, blob_id: UUID, *, with_document: bool) -> tuple[str, StoredBlob]:
    """One piece of a message for download; raises GatewayError NOT-FOUND.

    Without ``with_document`` the envelope is not given out: it holds the document.
    """
    for name, blob in kept.blobs:
        if blob.id == blob_id and (with_document or name != "envelope"):
            return name, blob
    raise GatewayError(NOT_FOUND, "This message has no such piece.")


async def inspect(archive: Archive, kept: Kept) -> Inspection:
    """Take a message apart; raises GatewayError BLOB-MISSING or BLOB-DAMAGED."""
    request, envelope = kept.blob("request"), kept.blob("envelope")
    wire = sbdh = None
    if request is not None:
        with await archive.open(request) as file:
            wire = await asyncio.to_thread(read_wire_message, file, kept.content_type)
    if envelope is not None:
        with await archive.open(envelope) as file:
            sbdh = await asyncio.to_thread(sbdh_of, file)
    peer = certificate_facts(x509.load_pem_x509_certificate(kept.peer_certificate.encode()))
    return Inspection(kept=kept, wire=wire, sbdh=sbdh, peer=peer)
