"""Shapes of the network's API: participants, publications and seats."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gateway.as4.identifiers import (
    PROCESS_SCHEME,
    DocumentTypeId,
    ParticipantId,
    ProcessId,
)
from gateway.core.api_values import Instant
from gateway.network.keys import KeyPair
from gateway.network.participants import Offer
from gateway.network.pki import fingerprint
from gateway.network.tables import Capability, Participant, Seat

__all__ = [
    "CertificateOut",
    "Country",
    "Line",
    "ParticipantIn",
    "ParticipantOut",
    "ParticipantPage",
    "ParticipantQuery",
    "PublicationIn",
    "PublicationOut",
    "SeatList",
    "SeatOut",
    "read_document_type",
    "read_participant",
    "read_process",
]


def read_participant(text: str) -> ParticipantId:
    """Read ``scheme::value`` or a bare ISO 6523 value. Raises IdentifierInvalid."""
    return ParticipantId.parse(text) if "::" in text else ParticipantId.of(text)


def read_document_type(text: str) -> DocumentTypeId:
    """Read ``scheme::value``; the value itself may hold ``::``. Raises IdentifierInvalid."""
    return DocumentTypeId.parse(text)


def read_process(text: str) -> ProcessId:
    """Read ``scheme::value`` or a bare value of Peppol's scheme. Raises IdentifierInvalid."""
    return ProcessId.parse(text) if "::" in text else ProcessId(PROCESS_SCHEME, text)


def _participant(text: str) -> str:
    return str(read_participant(text))


def _document_type_id(text: str) -> str:
    return str(read_document_type(text))


def _process_id(text: str) -> str:
    return str(read_process(text))


def _xml_text(text: str) -> str:
    if any(ord(one) < 0x20 or 0xD800 <= ord(one) < 0xE000 or ord(one) > 0xFFFD for one in text):
        raise ValueError("control characters and characters outside the BMP are not allowed")
    return text


ParticipantText = Annotated[str, AfterValidator(_participant)]
DocumentTypeText = Annotated[str, AfterValidator(_document_type_id)]
ProcessText = Annotated[str, AfterValidator(_process_id)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Line = Annotated[str, StringConstraints(max_length=500), AfterValidator(_xml_text)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ProcessIn(_In):
    """A process that takes the document type; endpoint and certificate default to our own."""

    process: ProcessText
    endpoint_url: Annotated[str, StringConstraints(max_length=2000)] | None = None
    certificate_pem: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    activation: Instant | None = None
    expiry: Instant | None = None
    service_description: Line = ""
    technical_contact: Line = ""

    def offer(self, document_type: DocumentTypeId) -> Offer:
        """The same as a value of the domain."""
        return Offer(
            document_type=document_type,
            process=read_process(self.process),
            endpoint_url=self.endpoint_url,
            certificate_pem=self.certificate_pem,
            activation=self.activation,
            expiry=self.expiry,
            service_description=self.service_description,
            technical_contact=self.technical_contact,
        )


class PublicationIn(_In):
    """What to publish about one document type."""

    processes: Annotated[list[ProcessIn], Field(min_length=1, max_length=50)]


class ServiceIn(PublicationIn):
    """One document type a new participant accepts."""

    document_type: DocumentTypeText


class ParticipantIn(_In):
    """A participant to register.

    Without ``services`` it accepts BIS Billing invoices, credit notes and Invoice Responses;
    an empty list registers a participant that only sends. With ``announce`` false it is not
    registered in the SML: it moves here from another SMP with a migration key.
    """

    participant: ParticipantText
    name: Annotated[Line, StringConstraints(min_length=1, max_length=300)]
    country: Country
    seat_id: str | None = None
    announce: bool = True
    services: Annotated[list[ServiceIn], Field(max_length=200)] | None = None


class ParticipantOut(BaseModel):
    """A participant of this account."""

    participant: str
    name: str
    country: str
    seat_id: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: Participant) -> Self:
        """The API's view of a row."""
        return cls(
            participant=str(ParticipantId(row.scheme, row.value)),
            name=row.name,
            country=row.country,
            seat_id=row.seat_id,
            created_at=row.created_at,
        )


class ParticipantPage(BaseModel):
    """A page of participants; ``next_cursor`` is empty on the last one."""

    items: list[ParticipantOut]
    next_cursor: str | None


class ProcessOut(BaseModel):
    """A published process; null endpoint and certificate mean this gateway's own."""

    process: str
    endpoint_url: str | None
    certificate_pem: str | None
    activation: datetime | None
    expiry: datetime | None
    service_description: str
    technical_contact: str
    updated_at: datetime


class PublicationOut(BaseModel):
    """What is published about one document type of one participant."""

    participant: str
    document_type: str
    processes: list[ProcessOut]

    @classmethod
    def of(
        cls, participant: ParticipantId, document_type: DocumentTypeId, rows: Sequence[Capability]
    ) -> Self:
        """The API's view of rows of one document type."""
        return cls(
            participant=str(participant),
            document_type=str(document_type),
            processes=[ProcessOut.model_validate(one, from_attributes=True) for one in rows],
        )


class CertificateOut(BaseModel):
    """A certificate: what to publish in an SMP, and until when it holds."""

    subject: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    pem: str

    @classmethod
    def of(cls, certificate: x509.Certificate) -> Self:
        """The API's view of a certificate."""
        return cls(
            subject=certificate.subject.rfc4514_string(),
            fingerprint=fingerprint(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            pem=certificate.public_bytes(Encoding.PEM).decode(),
        )


class SeatOut(BaseModel):
    """A seat of this instance with its certificates, newest first; never its keys.

    ``key_problem`` is the code of what keeps its keys from being used, if anything does.
    """

    seat_id: str
    purpose: str
    spid: str
    mls_address: str
    stage: str
    certificates: list[CertificateOut]
    key_problem: str | None

    @classmethod
    def of(cls, row: Seat, pairs: tuple[KeyPair, ...], *, key_problem: str | None = None) -> Self:
        """The API's view of a row and its key ring."""
        return cls(
            seat_id=row.seat_id,
            purpose=row.purpose,
            spid=row.spid,
            mls_address=row.mls_address,
            stage=row.stage,
            certificates=[CertificateOut.of(one.certificate) for one in pairs],
            key_problem=key_problem,
        )


class SeatList(BaseModel):
    """Every seat of this instance."""

    items: list[SeatOut]


class ParticipantQuery(_In):
    """Which page of participants: the ``next_cursor`` of the page before, and how many."""

    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
