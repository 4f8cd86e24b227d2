"""Rows of the way out and of the hand-over: each account's policies, and what the business has."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Column, Index, Integer, String, Text
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id
from gateway.core.vault import SealedText, place_of
from gateway.exchange.answer_tables import MlsAsked

__all__ = [
    "Acknowledgement",
    "Channel",
    "DeliveryPolicyRow",
    "HandOver",
    "HandOverPolicyRow",
    "HandOverState",
    "OnFailure",
]


class OnFailure(StrEnum):
    """What becomes of the open item when an invoice is given up.

    KEEP leaves it open, on hold until the invoice arrives; WITHDRAW takes it out of the books.
    """

    KEEP = "keep"
    WITHDRAW = "withdraw"


class DeliveryPolicyRow(SQLModel, table=True):
    """How patiently an account's documents are sent; an account without a row has the instance's.

    ``backoff_s`` are waits in seconds, the last one repeating; no attempt starts later than
    ``deadline_s`` seconds after the first, nor after ``max_attempts``. ``mls_asked`` is what
    receiving access points are asked for.
    """

    __tablename__ = "delivery_policy"

    tenant_id: UUID = Field(foreign_key="tenant.id", primary_key=True)
    backoff_s: list[int] = Field(sa_column=Column(Json, nullable=False))
    deadline_s: int = Field(sa_column=Column(Integer, nullable=False))
    max_attempts: int = Field(sa_column=Column(Integer, nullable=False))
    on_failure: OnFailure = Field(sa_column=Column(EnumText(OnFailure), nullable=False))
    mls_asked: MlsAsked = Field(sa_column=Column(EnumText(MlsAsked), nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_by: str = Field(max_length=200)


class Channel(StrEnum):
    """How a received document comes to the business (C3 to C4)."""

    PULL = "pull"
    WEBHOOK = "webhook"
    FOLDER = "folder"
    SFTP = "sftp"


class Acknowledgement(StrEnum):
    """What shows that the business has a document.

    DELIVERY: the endpoint answered 2xx, or the files lie where they belong. EXPLICIT: somebody
    said so (API, ``.ack`` file, file taken away).
    """

    DELIVERY = "delivery"
    EXPLICIT = "explicit"


class HandOverState(StrEnum):
    """Where a received document is between C3 and C4."""

    WAITING = "waiting"
    HANDED_OVER = "handed-over"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"


class HandOverPolicyRow(SQLModel, table=True):
    """How an account gets its documents; an account without a row fetches them (PULL).

    ``sftp_host_key`` is the server's public key in OpenSSH form, without which nothing is sent;
    exactly one of ``sftp_password`` and ``sftp_private_key`` (OpenSSH or PEM) is set. Both are
    sealed (`gateway.core.vault`) and never shown. ``ack_within_s`` is how long an explicit
    acknowledgement is waited for, in seconds.
    """

    __tablename__ = "handover_policy"

    tenant_id: UUID = Field(foreign_key="tenant.id", primary_key=True)
    channel: Channel = Field(sa_column=Column(EnumText(Channel), nullable=False))
    acknowledgement: Acknowledgement = Field(
        sa_column=Column(EnumText(Acknowledgement), nullable=False)
    )
    ack_within_s: int = Field(sa_column=Column(Integer, nullable=False))
    with_rejected: bool = False
    sftp_host: str = Field(default="", sa_type=String(255))
    sftp_port: int = 22
    sftp_username: str = Field(default="", sa_type=String(100))
    sftp_directory: str = Field(default="", sa_type=String(500))
    sftp_host_key: str = Field(default="", sa_column=Column(Text, nullable=False))
    sftp_password: str = Field(default="", sa_column=Column(SealedText, nullable=False), repr=False)
    sftp_private_key: str = Field(
        default="", sa_column=Column(SealedText, nullable=False), repr=False
    )
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_by: str = Field(max_length=200)

    @property
    def place(self) -> str:
        """What its secrets are sealed for."""
        return place_of(self.__tablename__, self.tenant_id)


class HandOver(SQLModel, table=True):
    """The way of one received document to the business.

    ``round`` counts replays, so that each has a job of its own. ``message_id`` is the webhook
    message that tells of the document. ``place`` is where its files were laid out, None where no
    files are. ``acknowledged_by`` says who or what acknowledged.
    """

    __tablename__ = "handover"
    __table_args__ = (
        Index("ix_handover_list", "tenant_id", "state", "id"),
        Index("ix_handover_ack_by", "ack_by"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    document_id: UUID = Field(foreign_key="document.id", unique=True)
    channel: Channel = Field(sa_column=Column(EnumText(Channel), nullable=False))
    acknowledgement: Acknowledgement = Field(
        sa_column=Column(EnumText(Acknowledgement), nullable=False)
    )
    state: HandOverState = Field(sa_column=Column(EnumText(HandOverState), nullable=False))
    round: int = 0
    message_id: UUID | None = None
    place: str | None = Field(default=None, sa_column=Column(Text))
    attempts: int = 0
    error_code: str | None = Field(default=None, max_length=60)
    error_text: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    handed_over_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    acknowledged_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    acknowledged_by: str | None = Field(default=None, max_length=200)
    ack_by: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
