"""Registering participants and publishing what they accept.

The one place that writes these rows. Every change is bounded by the caller's tenant; what it
publishes is checked first, because the whole network acts on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from cryptography import x509
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit
from gateway.access.principal import Principal
from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    INVOICE_RESPONSE,
    MESSAGE_LEVEL_STATUS,
    PROCESS_BILLING,
    PROCESS_INVOICE_RESPONSE,
    PROCESS_MLS,
    PROCESS_REMINDER,
    REMINDER,
    SPID_ICD,
    DocumentTypeId,
    ParticipantId,
    ProcessId,
    spid_of_seat,
)
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.settings import Stage
from gateway.network import queries
from gateway.network.pki import Purpose, verify_certificate
from gateway.network.service import PARTICIPANT_UNKNOWN, Network
from gateway.network.sml import is_web_address
from gateway.network.tables import Capability, Participant, Seat

__all__ = [
    "BILLING_OFFERS",
    "MLS_OFFER",
    "PARTICIPANT_EXISTS",
    "PUBLICATION_INVALID",
    "PUBLICATION_NOT_AGREED",
    "PUBLICATION_UNKNOWN",
    "REMINDER_OFFER",
    "SEAT_UNKNOWN",
    "Offer",
    "Participants",
    "require_own",
]

PARTICIPANT_EXISTS: Final = ErrorKind("PARTICIPANT-EXISTS", "The participant is registered", 409)
SEAT_UNKNOWN: Final = ErrorKind("SEAT-UNKNOWN", "There is no such access point seat", 422)
PUBLICATION_INVALID: Final = ErrorKind("PUBLICATION-INVALID", "This cannot be published", 422)
PUBLICATION_NOT_AGREED: Final = ErrorKind(
    "PUBLICATION-NOT-AGREED", "The network has not agreed on this document type", 422
)
PUBLICATION_UNKNOWN: Final = ErrorKind("PUBLICATION-UNKNOWN", "Nothing is published there", 404)


@dataclass(frozen=True, slots=True)
class Offer:
    """That a document type is accepted in a process, and where.

    Without ``endpoint_url`` and ``certificate_pem`` at this gateway, with its current certificate.
    """

    document_type: DocumentTypeId
    process: ProcessId
    endpoint_url: str | None = None
    certificate_pem: str | None = None
    activation: datetime | None = None
    expiry: datetime | None = None
    service_description: str = ""
    technical_contact: str = ""


BILLING_OFFERS: Final = (
    Offer(BILLING_INVOICE, PROCESS_BILLING),
    Offer(BILLING_CREDIT_NOTE, PROCESS_BILLING),
    Offer(INVOICE_RESPONSE, PROCESS_INVOICE_RESPONSE),
)
"""What a business accepts unless it says otherwise: invoices, credit notes, answers to its own."""
MLS_OFFER: Final = Offer(MESSAGE_LEVEL_STATUS, PROCESS_MLS)
REMINDER_OFFER: Final = Offer(REMINDER, PROCESS_REMINDER)
"""Structured reminders, for businesses that agreed with their suppliers to take them."""

_NOT_IN_CODE_LIST: Final = frozenset({REMINDER})
"""Types that Peppol's code list does not have: never published on a production SMP."""


class Directory(Protocol):
    """The network's own directory of participants (SML): learns who is published here."""

    async def published(
        self, session: AsyncSession, tenant_id: UUID, participant: ParticipantId
    ) -> None:
        """A participant is published, in the caller's transaction."""
        ...


class Gate(Protocol):
    """Who may be published: only end users that were identified, where that is asked for."""

    async def require(
        self, session: AsyncSession, tenant_id: UUID, participant: ParticipantId
    ) -> None:
        """Raises GatewayError for who may not."""
        ...


class Participants:
    """Registers participants of tenants and keeps what our SMP publishes about them.

    ``directory`` is told of everybody published, ``gate`` asked before; without them nobody is.
    Who changed what is in the audit log; a ``caller`` of None is the gateway itself.
    """

    def __init__(
        self,
        *,
        database: Database,
        network: Network,
        directory: Directory | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._database = database
        self._network = network
        self._directory = directory
        self._gate = gate

    async def register(
        self,
        tenant_id: UUID,
        participant: ParticipantId,
        *,
        name: str,
        country: str,
        seat_id: str | None = None,
        offers: Sequence[Offer] = BILLING_OFFERS,
        announce: bool = True,
        caller: Principal | None = None,
    ) -> Participant:
        """Register a participant with what it accepts; ``seat_id`` defaults to the only AP seat.

        Where this instance is no access point and every offer names its own endpoint, the
        participant is published only. Without ``announce`` the SML is not told: the participant
        is still led to another SMP, from which it moves here.

        Raises GatewayError PARTICIPANT-EXISTS (here, whoever's it is), SEAT-UNKNOWN,
        IDENTIFICATION-MISSING, PUBLICATION-INVALID or PUBLICATION-NOT-AGREED.
        """
        self._check_all(offers)
        row = Participant(
            tenant_id=tenant_id,
            scheme=participant.scheme,
            value=participant.value,
            name=name,
            country=country,
            seat_id=self._seat(seat_id, offers),
            created_at=self._network.now(),
        )
        try:
            async with self._database.write() as session:
                await self._enter(session, row)
                if offers:
                    await self._may_publish(session, row)
                session.add_all(self._row(row, offer) for offer in offers)
                if offers and announce and self._directory is not None:
                    await self._directory.published(session, tenant_id, participant)
                if caller is not None:
                    action = "participant.registered"
                    audit(session, caller, action=action, object=participant.value)
        except IntegrityError:
            raise GatewayError(
                PARTICIPANT_EXISTS,
                f"{participant.value} is registered at this gateway already.",
                participant=str(participant),
            ) from None
        return row

    async def register_provider(
        self, tenant_id: UUID, seat_id: str, *, name: str, country: str
    ) -> Participant:
        """Register a seat's own identifier (SPID) so that MLS messages reach us; idempotent.

        Every service provider must publish it: an MLS to an unregistered SPID is lost.
        """
        spid = spid_of_seat(seat_id)
        async with self._database.read() as session:
            known = await queries.own_participant(session, tenant_id, spid)
        if known is not None:
            return known
        return await self.register(
            tenant_id, spid, name=name, country=country, seat_id=seat_id, offers=[MLS_OFFER]
        )

    async def page(
        self, tenant_id: UUID, *, after: UUID | None, limit: int
    ) -> Sequence[Participant]:
        """The tenant's first ``limit`` participants by registration, after the row ``after``."""
        async with self._database.read() as session:
            return await queries.participants(session, tenant_id, after=after, limit=limit)

    async def seats(self) -> Sequence[Seat]:
        """Every enrolled seat of this instance."""
        async with self._database.read() as session:
            return await queries.seats(session)

    async def published(
        self, tenant_id: UUID, participant: ParticipantId, document_type: DocumentTypeId
    ) -> Sequence[Capability]:
        """What is published about one document type.

        Raises GatewayError PARTICIPANT-UNKNOWN, or PUBLICATION-UNKNOWN where nothing is.
        """
        async with self._database.read() as session:
            row = await require_own(session, tenant_id, participant)
            found = await queries.capabilities(session, row, document_type)
        if not found:
            raise _nothing_published(participant, document_type)
        return found

    async def publish(
        self,
        tenant_id: UUID,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        offers: Sequence[Offer],
        *,
        caller: Principal | None = None,
    ) -> Sequence[Capability]:
        """Publish exactly these offers about one document type, in place of what was there.

        Raises GatewayError PARTICIPANT-UNKNOWN, IDENTIFICATION-MISSING, PUBLICATION-INVALID or
        PUBLICATION-NOT-AGREED.
        """
        processes = [offer.process for offer in offers]
        same_type = all(offer.document_type == document_type for offer in offers)
        if not offers or not same_type or len(set(processes)) != len(processes):
            raise _invalid("Name at least one process, and each process once.")
        for offer in offers:
            self._check(offer)
        async with self._database.write() as session:
            row = await require_own(session, tenant_id, participant)
            if row.seat_id is None and any(offer.endpoint_url is None for offer in offers):
                raise _invalid(
                    "This participant has no seat here: name the endpoint and its certificate."
                )
            await self._may_publish(session, row)
            first = not await queries.capabilities(session, row)
            for old in await queries.capabilities(session, row, document_type):
                await session.delete(old)
            for other in await queries.redirects(session, row, document_type):
                await session.delete(other)
            await session.flush()
            new = [self._row(row, offer) for offer in offers]
            session.add_all(new)
            if first and self._directory is not None:
                await self._directory.published(session, tenant_id, participant)
            _audit(session, caller, "service.published", participant, document_type)
        return new

    async def withdraw(
        self,
        tenant_id: UUID,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        *,
        caller: Principal | None = None,
    ) -> None:
        """Publish nothing about this document type any more.

        Raises GatewayError PARTICIPANT-UNKNOWN, or PUBLICATION-UNKNOWN where nothing was.
        """
        async with self._database.write() as session:
            row = await require_own(session, tenant_id, participant)
            found = await queries.capabilities(session, row, document_type)
            if not found:
                raise _nothing_published(participant, document_type)
            for old in found:
                await session.delete(old)
            _audit(session, caller, "service.withdrawn", participant, document_type)

    async def _enter(self, session: AsyncSession, row: Participant) -> None:
        """Add a participant's row, and the seat it names where that is not enrolled yet."""
        if row.seat_id and await queries.seat(session, row.seat_id) is None:
            await self._network.enrol_seats(session)
        session.add(row)
        await session.flush()

    async def _may_publish(self, session: AsyncSession, row: Participant) -> None:
        participant = ParticipantId(row.scheme, row.value)
        if self._gate is not None and participant.icd != SPID_ICD:
            await self._gate.require(session, row.tenant_id, participant)

    def _seat(self, wanted: str | None, offers: Sequence[Offer]) -> str | None:
        seats = self._network.seat_ids(Purpose.AP)
        elsewhere = all(offer.endpoint_url is not None for offer in offers)
        if wanted is None and not seats and offers and elsewhere:
            return None
        if wanted is None and len(seats) == 1:
            return seats[0]
        if wanted not in seats:
            raise GatewayError(
                SEAT_UNKNOWN,
                "Name the access point seat that sends and receives for this participant: "
                f"{', '.join(seats) or 'none is installed here'}.",
            )
        return wanted

    def _check_all(self, offers: Sequence[Offer]) -> None:
        if len({(one.document_type, one.process) for one in offers}) != len(offers):
            raise _invalid("Name each document type and process once.")
        for offer in offers:
            self._check(offer)

    def _check(self, offer: Offer) -> None:
        in_production = self._network.stage is Stage.PRODUCTION
        if in_production and offer.document_type in _NOT_IN_CODE_LIST:
            raise GatewayError(
                PUBLICATION_NOT_AGREED,
                "This document type is not in Peppol's code list, so a production SMP must not "
                "publish it. Offer it on a test network, or leave it out.",
                document_type=str(offer.document_type),
            )
        url = offer.endpoint_url
        if url is not None and not is_web_address(url, https_only=in_production):
            raise _invalid("The endpoint must be an https address.")
        if (url is None) != (offer.certificate_pem is None):
            raise _invalid(
                "Give the endpoint and its certificate together, or neither for this gateway's own."
            )
        if offer.certificate_pem is not None:
            self._check_certificate(offer.certificate_pem)
        start, end = offer.activation, offer.expiry
        if start is not None and end is not None and end <= start:
            raise _invalid("The expiry must be after the activation.")

    def _check_certificate(self, pem: str) -> None:
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
        except ValueError:
            raise _invalid("The certificate is not readable PEM.") from None
        verdict = verify_certificate(
            certificate, anchors=self._network.anchors, purpose=Purpose.AP, at=self._network.now()
        )
        if not verdict.ok:
            raise _invalid(f"{verdict.message} ({verdict.code})")

    def _row(self, participant: Participant, offer: Offer) -> Capability:
        return Capability(
            tenant_id=participant.tenant_id,
            participant_id=participant.id,
            document_type=str(offer.document_type),
            process=str(offer.process),
            endpoint_url=offer.endpoint_url,
            certificate_pem=offer.certificate_pem,
            activation=offer.activation,
            expiry=offer.expiry,
            service_description=offer.service_description,
            technical_contact=offer.technical_contact,
            updated_at=self._network.now(),
        )


def _audit(
    session: AsyncSession,
    caller: Principal | None,
    action: str,
    participant: ParticipantId,
    document_type: DocumentTypeId,
) -> None:
    if caller is not None:
        about = {"document_type": str(document_type)}
        audit(session, caller, action=action, object=participant.value, **about)


async def require_own(
    session: AsyncSession, tenant_id: UUID, participant: ParticipantId
) -> Participant:
    """The tenant's own participant. Raises GatewayError PARTICIPANT-UNKNOWN."""
    row = await queries.own_participant(session, tenant_id, participant)
    if row is None:
        raise GatewayError(
            PARTICIPANT_UNKNOWN,
            f"{participant.value} is not a participant of this account. Register it first.",
            participant=str(participant),
        )
    return row


def _invalid(fault: str) -> GatewayError:
    return GatewayError(PUBLICATION_INVALID, fault)


def _nothing_published(participant: ParticipantId, document_type: DocumentTypeId) -> GatewayError:
    return GatewayError(
        PUBLICATION_UNKNOWN,
        "Nothing is published about this document type for this participant.",
        participant=str(participant),
        document_type=str(document_type),
    )
