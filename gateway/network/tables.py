"""Rows of the network: our seats, our participants, and what each of them accepts where."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, UtcDateTime
from gateway.core.ids import new_id
from gateway.core.settings import Stage
from gateway.network.pki import Purpose

__all__ = ["Capability", "Participant", "Seat"]


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
    our SMP, and its messages go to the access point that its capabilities name.
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
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


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
