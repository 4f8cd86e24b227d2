"""Rows of the network: our seats, our participants, and what each of them accepts where."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Integer, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id
from gateway.core.settings import Stage
from gateway.network.pki import Purpose
from gateway.network.registration_states import ChangeState, MoveState, Registration

__all__ = [
    "BusinessCardRow",
    "Capability",
    "EndUserIdentification",
    "Participant",
    "ParticipantMove",
    "PublicationChange",
    "PublishedRedirect",
    "Seat",
    "SmlRegistration",
]


class Seat(SQLModel, table=True):
    """A service provider's place on the network: one common name, one key ring.

    It belongs to the instance, not to a tenant: many tenants send through one seat. Its keys lie
    in the folder named by ``seat_id``. ``spid`` and ``mls_address`` are participant values with
    ICD 0242; the MLS address is where answers about what we sent are asked for.
    """

    __tablename__ = "seat"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    seat_id: str = Field(max_length=9, unique=True)
    purpose: Purpose = Field(sa_column=Column(EnumText(Purpose), nullable=False))
    spid: str = Field(max_length=135)
    mls_address: str = Field(max_length=135)
    stage: Stage = Field(sa_column=Column(EnumText(Stage), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Participant(SQLModel, table=True):
    """A sender and receiver we serve: C1 and C4 of its tenant.

    ``country`` is ISO 3166 alpha-2, the SBDH's COUNTRY_C1 when this participant sends.
    ``seat_id`` is the seat that sends and receives for it; without one it is only published in
    our SMP, and its messages go to the access point that its capabilities name. It is served
    from ``serves_from`` until before ``serves_until`` (unbounded when empty) and not while
    ``suspended_at`` is set: then it is kept, but neither sends, receives nor is published.
    """

    __tablename__ = "participant"
    __table_args__ = (UniqueConstraint("scheme", "value"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    scheme: str = Field(max_length=25)
    value: str = Field(max_length=135)
    name: str = Field(max_length=300)
    country: str = Field(max_length=2)
    seat_id: str | None = Field(default=None, foreign_key="seat.seat_id", max_length=9)
    serves_from: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    serves_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    suspended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    suspended_because: str = Field(
        default="", max_length=300, sa_column_kwargs={"server_default": ""}
    )
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))

    def is_served(self, at: datetime) -> bool:
        """Whether this instance sends, receives and publishes for it at that moment."""
        if self.suspended_at is not None:
            return False
        started = self.serves_from is None or self.serves_from <= at
        return started and (self.serves_until is None or at < self.serves_until)


class Capability(SQLModel, table=True):
    """One document type in one process that a participant accepts, as our SMP publishes it.

    Without ``endpoint_url`` it is this gateway's own AS4 address, without ``certificate_pem`` the
    seat's current certificate: a renewed key or a moved gateway is then published by itself.
    Document types and processes are stored as ``scheme::value``. Times bound the publication.
    """

    __tablename__ = "capability"
    __table_args__ = (UniqueConstraint("participant_id", "document_type", "process"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    participant_id: UUID = Field(foreign_key="participant.id")
    document_type: str = Field(max_length=527)
    process: str = Field(max_length=227)
    endpoint_url: str | None = Field(default=None, max_length=2000)
    certificate_pem: str | None = Field(default=None, sa_column=Column(Text))
    activation: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    expiry: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    service_description: str = Field(default="", max_length=500)
    technical_contact: str = Field(default="", max_length=500)
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class PublishedRedirect(SQLModel, table=True):
    """That another SMP answers for one document type of a participant (SMP 1.4.0, Redirect).

    ``certificate_uid`` is the subject name of the certificate the other SMP signs with.
    """

    __tablename__ = "published_redirect"
    __table_args__ = (UniqueConstraint("participant_id", "document_type"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    participant_id: UUID = Field(foreign_key="participant.id")
    document_type: str = Field(max_length=527)
    href: str = Field(max_length=2000)
    certificate_uid: str = Field(max_length=500)
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class BusinessCardRow(SQLModel, table=True):
    """What the Peppol Directory may show of a participant; ``entities``: see business_card."""

    __tablename__ = "business_card"

    participant_id: UUID = Field(foreign_key="participant.id", primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    entities: list[dict[str, Any]] = Field(sa_column=Column(Json, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class EndUserIdentification(SQLModel, table=True):
    """One act of identifying an end user; append-only, and kept when the participant is gone.

    ``fields`` and ``proofs`` are what identification_rules ask for. ``valid`` is False for an
    entry that withdraws what was established before. ``recheck_on`` is a business date.
    """

    __tablename__ = "end_user_identification"
    __table_args__ = (Index("ix_identification_of", "tenant_id", "scheme", "value", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    scheme: str = Field(max_length=25)
    value: str = Field(max_length=135)
    valid: bool
    fields: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    proofs: list[dict[str, Any]] = Field(sa_column=Column(Json, nullable=False))
    method: str = Field(max_length=60)
    identified_on: date
    identified_by: str = Field(max_length=200)
    recheck_on: date
    note: str = Field(default="", max_length=2000)
    recorded_by: str = Field(max_length=340)
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class SmlRegistration(SQLModel, table=True):
    """Where the registration of one participant in the SML stands; kept when it is removed."""

    __tablename__ = "sml_registration"
    __table_args__ = (UniqueConstraint("scheme", "value"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    scheme: str = Field(max_length=25)
    value: str = Field(max_length=135)
    state: Registration = Field(sa_column=Column(EnumText(Registration), nullable=False))
    round: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    error_code: str = Field(default="", max_length=60)
    error_text: str = Field(default="", max_length=1000)
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class ParticipantMove(SQLModel, table=True):
    """A participant on its way between our SMP and another; of the key only its SHA-256 is kept."""

    __tablename__ = "participant_move"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    scheme: str = Field(max_length=25)
    value: str = Field(max_length=135, index=True)
    state: MoveState = Field(sa_column=Column(EnumText(MoveState), nullable=False))
    key_sha256: str = Field(max_length=64)
    error_code: str = Field(default="", max_length=60)
    started_by: str = Field(max_length=340)
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class PublicationChange(SQLModel, table=True):
    """One certificate or address replaced by another wherever it is published, at one moment.

    ``what`` is ``certificate`` (fingerprint to PEM) or ``endpoint`` (address to address).
    ``everywhere`` reaches every account; otherwise only its own. ``affected`` counts what was
    changed once it is applied.
    """

    __tablename__ = "publication_change"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    everywhere: bool
    what: str = Field(max_length=20)
    old: str = Field(max_length=2000)
    new: str = Field(sa_column=Column(Text, nullable=False))
    state: ChangeState = Field(sa_column=Column(EnumText(ChangeState), nullable=False))
    affected: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    effective_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    asked_by: str = Field(max_length=340)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
