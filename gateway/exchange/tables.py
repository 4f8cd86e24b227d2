"""Rows of the exchange: documents, their AS4 messages out and in, attempts and events."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer, Text, UniqueConstraint, Uuid
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id
from gateway.exchange.answer_tables import MlsAsked
from gateway.exchange.channels import Channel
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState

__all__ = [
    "Attempt",
    "AttemptOutcome",
    "Direction",
    "Document",
    "DocumentKind",
    "DocumentPages",
    "Event",
    "EventGroup",
    "IdempotencyKey",
    "Reception",
    "StoredBlob",
    "Transmission",
]


class Direction(StrEnum):
    """Whether the tenant sent the document (outbox) or received it (inbox)."""

    OUT = "out"
    IN = "in"


class DocumentKind(StrEnum):
    """What a document is to the business."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit-note"
    INVOICE_RESPONSE = "invoice-response"
    MLS = "mls"
    MLR = "mlr"
    REMINDER = "reminder"
    STATISTICS = "statistics"
    OTHER = "other"


class EventGroup(StrEnum):
    """The four histories a timeline is grouped by."""

    TRANSPORT = "transport"
    NETWORK = "network"
    BUSINESS = "business"
    PAYMENT = "payment"


class AttemptOutcome(StrEnum):
    """How one try to send ended. UNKNOWN until something definite is known."""

    UNKNOWN = "unknown"
    NOT_SENT = "not-sent"
    RECEIPT = "receipt"
    ERROR = "error"
    DUPLICATE = "duplicate"


class StoredBlob(SQLModel, table=True):
    """Immutable bytes in the blob store: digest (SHA-256, hex), size, class for retention."""

    __tablename__ = "stored_blob"

    id: UUID = Field(primary_key=True)
    tenant_id: UUID | None = Field(default=None, index=True)
    purpose: str = Field(max_length=40)
    media_type: str = Field(max_length=200)
    sha256: str = Field(max_length=64)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Document(SQLModel, table=True):
    """One business document of a tenant, sent or received, with its four states.

    ``fingerprint`` tells the same document from another: a received one has it from its sender,
    SBDH identifier and content, so that nobody can push a document aside by reusing its
    identifier; a sent one is itself from the moment it is accepted. ``sending_round`` counts how
    often somebody had it sent again after it was given up. ``channel`` is what was asked for this
    very document; without, the customer's holds. ``pdf_format`` is the Factur-X format it was to
    be read in: its XML travels, the PDF is made of it when somebody asks.
    """

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("tenant_id", "direction", "fingerprint"),
        Index("ix_document_list", "tenant_id", "direction", "id"),
        Index("ix_document_transport", "transport", "created_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    direction: Direction = Field(sa_column=Column(EnumText(Direction), nullable=False))
    kind: DocumentKind = Field(sa_column=Column(EnumText(DocumentKind), nullable=False))
    number: str = Field(max_length=200, index=True)
    issue_date: date | None = None
    due_date: date | None = None
    currency: str | None = Field(default=None, max_length=3)
    amount_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    sender: str = Field(max_length=200)
    sender_name: str = Field(default="", max_length=300)
    receiver: str = Field(max_length=200)
    receiver_name: str = Field(default="", max_length=300)
    document_type: str = Field(max_length=600)
    process: str = Field(max_length=300)
    sbdh_id: str = Field(max_length=200, index=True)
    fingerprint: str = Field(default_factory=lambda: new_id().hex, max_length=64)
    related_id: UUID | None = Field(default=None, foreign_key="document.id", index=True)
    content_id: UUID = Field(foreign_key="stored_blob.id")
    validation_id: UUID | None = Field(default=None, foreign_key="validation_run.id")
    transport: TransportState = Field(sa_column=Column(EnumText(TransportState), nullable=False))
    network: NetworkState = Field(sa_column=Column(EnumText(NetworkState), nullable=False))
    business: BusinessState = Field(sa_column=Column(EnumText(BusinessState), nullable=False))
    payment: PaymentState = Field(sa_column=Column(EnumText(PaymentState), nullable=False))
    channel: Channel | None = Field(default=None, sa_column=Column(EnumText(Channel)))
    pdf_format: str | None = Field(default=None, max_length=60)
    mls_to: str | None = Field(default=None, max_length=200)
    failure_code: str | None = Field(default=None, max_length=60)
    failure_text: str | None = Field(default=None, sa_column=Column(Text))
    sending_round: int = 0
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class DocumentPages(SQLModel, table=True):
    """The seller's own PDF of a document: the pages of every Factur-X made of it."""

    __tablename__ = "document_pages"

    document_id: UUID = Field(foreign_key="document.id", primary_key=True)
    blob_id: UUID = Field(foreign_key="stored_blob.id")


class Transmission(SQLModel, table=True):
    """One AS4 user message towards C3: frozen once encoded, replaced rather than changed.

    ``encoded`` holds the content type and the signed digests the receipt must acknowledge
    (``gateway.as4.outgoing.Encoded``). A new row (and AS4
    MessageId) is made when the endpoint changed or the last attempt ended in an ebMS error.
    ``mls_asked`` is what its SBDH asks of C3, None where no MLS answers.
    """

    __tablename__ = "transmission"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    document_id: UUID = Field(foreign_key="document.id", index=True)
    message_id: str = Field(max_length=200, unique=True)
    endpoint_url: str = Field(max_length=1000)
    peer_seat: str = Field(max_length=40)
    own_seat: str = Field(max_length=40)
    peer_certificate: str = Field(sa_column=Column(Text, nullable=False))
    lookup_id: UUID = Field(foreign_key="stored_blob.id")
    envelope_id: UUID = Field(foreign_key="stored_blob.id")
    request_id: UUID = Field(foreign_key="stored_blob.id")
    encoded: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    mls_asked: MlsAsked | None = Field(default=None, sa_column=Column(EnumText(MlsAsked)))
    receipt_id: UUID | None = Field(default=None, foreign_key="stored_blob.id")
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    delivered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Attempt(SQLModel, table=True):
    """One try to hand a transmission to the receiving access point, written before it starts."""

    __tablename__ = "attempt"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    transmission_id: UUID = Field(foreign_key="transmission.id", index=True)
    outcome: AttemptOutcome = Field(sa_column=Column(EnumText(AttemptOutcome), nullable=False))
    code: str | None = Field(default=None, max_length=60)
    detail: str | None = Field(default=None, sa_column=Column(Text))
    http_status: int | None = None
    answer_id: UUID | None = Field(default=None, foreign_key="stored_blob.id")
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Reception(SQLModel, table=True):
    """One AS4 user message from C2, with the receipt that was or will be given for it.

    ``digest`` is the SHA-256 over the signed references: the same message again has the same.
    ``flagged`` marks an SBDH identifier that had already arrived under another MessageId.
    ``revocation_id`` are the OCSP answers and CRLs by which the signer was judged, if any.
    """

    __tablename__ = "reception"
    __table_args__ = (UniqueConstraint("message_id", "signer_fingerprint"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    document_id: UUID | None = Field(default=None, foreign_key="document.id", index=True)
    message_id: str = Field(max_length=200)
    signer_seat: str = Field(max_length=40)
    signer_fingerprint: str = Field(max_length=64)
    signer_certificate: str = Field(sa_column=Column(Text, nullable=False))
    own_seat: str = Field(max_length=40)
    digest: str = Field(max_length=64)
    sbdh_id: str = Field(max_length=200, index=True)
    sender: str = Field(max_length=200)
    receiver: str = Field(max_length=200)
    request_id: UUID = Field(foreign_key="stored_blob.id")
    content_type: str = Field(max_length=500)
    envelope_id: UUID = Field(foreign_key="stored_blob.id")
    receipt_id: UUID = Field(foreign_key="stored_blob.id")
    revocation_id: UUID | None = Field(default=None, foreign_key="stored_blob.id")
    flagged: bool = False
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Event(SQLModel, table=True):
    """One entry of a document's timeline; never changed, numbered in order of happening."""

    __tablename__ = "event"

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    )
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    document_id: UUID = Field(foreign_key="document.id", index=True)
    group: EventGroup = Field(sa_column=Column("event_group", EnumText(EventGroup), nullable=False))
    kind: str = Field(max_length=60)
    facts: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    evidence_id: UUID | None = Field(default=None, foreign_key="stored_blob.id")
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class IdempotencyKey(SQLModel, table=True):
    """A caller's key for one submission: the same key with the same bytes gives the same answer."""

    __tablename__ = "idempotency_key"

    tenant_id: UUID = Field(foreign_key="tenant.id", primary_key=True)
    key: str = Field(max_length=200, primary_key=True)
    fingerprint: str = Field(max_length=64)
    document_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
