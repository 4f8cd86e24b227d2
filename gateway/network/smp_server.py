"""Our own SMP: answers the network's questions about our participants from our tables.

Reads and signs; participants writes. Answers are built at the moment of asking, so a renewed
certificate or a withdrawn document type is what the next asker sees.
"""

import asyncio
import base64
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.network import queries
from gateway.network.business_card import BusinessCard, BusinessEntity, business_card_xml
from gateway.network.keys import KEYS_MISSING
from gateway.network.service import Network
from gateway.network.smp import PublishedEndpoint, PublishedProcess, Redirect, ServiceMetadata
from gateway.network.smp_documents import service_group, signed_metadata, signed_redirect
from gateway.network.smp_selection import TRANSPORT_PROFILE
from gateway.network.tables import BusinessCardRow, Capability, Participant, PublishedRedirect

__all__ = ["SmpServer"]


class SmpServer:
    """Builds and signs what anybody on the network may read about our participants."""

    def __init__(self, *, database: Database, network: Network) -> None:
        self._database = database
        self._network = network

    async def service_group(self, participant: ParticipantId) -> bytes | None:
        """The ServiceGroup of a participant of ours; None for everybody else."""
        async with self._database.read() as session:
            row = await self._served(session, participant)
            if row is None:
                return None
            published = {one.document_type for one in await queries.capabilities(session, row)}
            published |= {one.document_type for one in await queries.redirects(session, row)}
        types = [DocumentTypeId.parse(one) for one in sorted(published)]
        return service_group(participant, types, base_url=self._network.smp_url)

    async def service_metadata(
        self, participant: ParticipantId, document_type: DocumentTypeId
    ) -> bytes | None:
        """The SignedServiceMetadata; None when nothing is registered under exactly this type.

        Where another SMP answers for the type it holds a Redirect. Raises what
        `Network.smp_signing` does.
        when no SMP certificate is valid now.
        """
        async with self._database.read() as session:
            row = await self._served(session, participant)
            if row is None:
                return None
            rows = await queries.capabilities(session, row, document_type)
            elsewhere = await queries.redirects(session, row, document_type)
        if elsewhere:
            return await asyncio.to_thread(self._redirecting, elsewhere[0])
        if not rows:
            return None
        return await asyncio.to_thread(self._signed, row, document_type, rows)

    async def business_card(self, participant: ParticipantId) -> bytes | None:
        """The business card of a participant of ours; None where it has none to show."""
        async with self._database.read() as session:
            row = await self._served(session, participant)
            card = None if row is None else await session.get(BusinessCardRow, row.id)
        if card is None:
            return None
        entities = tuple(BusinessEntity.model_validate(one) for one in card.entities)
        return business_card_xml(BusinessCard(participant, entities))

    async def _served(
        self, session: AsyncSession, participant: ParticipantId
    ) -> Participant | None:
        return await queries.served_participant(session, participant, at=self._network.now())

    def _redirecting(self, row: PublishedRedirect) -> bytes:
        pair = self._network.smp_signing(self._network.now())
        redirect = Redirect(href=row.href, certificate_uid=row.certificate_uid)
        return signed_redirect(redirect, key=pair.key, certificate=pair.certificate)

    def _signed(
        self, row: Participant, document_type: DocumentTypeId, rows: Sequence[Capability]
    ) -> bytes:
        metadata = ServiceMetadata(
            participant=ParticipantId(row.scheme, row.value),
            document_type=document_type,
            processes=tuple(
                PublishedProcess(
                    process=ProcessId.parse(one.process), endpoints=(self._endpoint(row, one),)
                )
                for one in rows
            ),
        )
        pair = self._network.smp_signing(self._network.now())
        return signed_metadata(metadata, key=pair.key, certificate=pair.certificate)

    def _endpoint(self, row: Participant, capability: Capability) -> PublishedEndpoint:
        if capability.certificate_pem is not None:
            certificate = x509.load_pem_x509_certificate(capability.certificate_pem.encode())
        elif row.seat_id is not None:
            ring = self._network.key_ring(row.seat_id)
            certificate = ring.signing(self._network.now()).certificate
        else:
            raise GatewayError(
                KEYS_MISSING,
                "The participant has neither a seat here nor a certificate of its own to publish. "
                "Publish its document type again with endpoint and certificate.",
                participant=row.value,
            )
        return PublishedEndpoint(
            transport_profile=TRANSPORT_PROFILE,
            url=capability.endpoint_url or self._network.as4_url,
            certificate=base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
            activation=capability.activation,
            expiry=capability.expiry,
            service_description=capability.service_description,
            technical_contact=capability.technical_contact,
        )
