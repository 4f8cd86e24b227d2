"""Rows of trust: what authorities said about certificates, and from when a seat's keys sign."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, LargeBinary, Text
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, UtcDateTime
from gateway.core.ids import new_id
from gateway.network.revocation import RevocationStatus

__all__ = ["CertificateStanding", "KeySchedule", "StoredRevocationList"]


class CertificateStanding(SQLModel, table=True):
    """The last word of an authority about one certificate, shared by every process.

    ``body`` is the OCSP answer as received; empty when the word came from a list, which is a row
    of its own. ``last_good_at`` is when the authority last said it was good. Times are UTC.
    """

    __tablename__ = "certificate_standing"

    fingerprint: str = Field(max_length=64, primary_key=True)
    subject: str = Field(max_length=600)
    status: RevocationStatus = Field(sa_column=Column(EnumText(RevocationStatus), nullable=False))
    kind: str = Field(max_length=4)
    url: str = Field(sa_column=Column(Text, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    this_update: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    next_update: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    fetched_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    last_good_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class StoredRevocationList(SQLModel, table=True):
    """A verified revocation list as fetched; ``key`` is of its address and its authority."""

    __tablename__ = "revocation_list"

    key: str = Field(max_length=64, primary_key=True)
    url: str = Field(sa_column=Column(Text, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    next_update: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    fetched_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class KeySchedule(SQLModel, table=True):
    """From when a certificate of one of our seats signs and is published.

    A certificate without a row does so from the beginning of its validity. ``set_by`` says who
    decided it. Times are UTC.
    """

    __tablename__ = "key_schedule"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    seat_id: str = Field(max_length=9, index=True)
    fingerprint: str = Field(max_length=64, unique=True)
    signs_from: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    set_by: str = Field(max_length=200)
    set_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
