"""What the exchange's API takes and gives, apart from the rows behind it."""

from datetime import date, datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.core.api_values import Money
from gateway.exchange.channels import Channel
from gateway.exchange.states import (
    BusinessState,
    NetworkState,
    PaymentState,
    TransportState,
    display_status,
)
from gateway.exchange.tables import Direction, Document, DocumentKind, Event, EventGroup
from ubl.facturx import OwnPdf
from ubl.response import InvoiceStatus, StatusAction, StatusReason

__all__ = [
    "ContentQuery",
    "DocumentOut",
    "DocumentPage",
    "DocumentQuery",
    "EvidenceQuery",
    "ResponseIn",
    "SubmitQuery",
    "TimelineEntry",
    "TimelineOut",
]


class States(BaseModel):
    """The four states of a document."""

    transport: TransportState
    network: NetworkState
    business: BusinessState
    payment: PaymentState


class Failure(BaseModel):
    """Why a document was refused or could not be delivered."""

    code: str
    text: str | None


class DocumentOut(BaseModel):
    """One document sent or received.

    ``pdf`` is where the PDF of a document is that was to be sent as Factur-X: its XML travels,
    the PDF is made of it, the same every time. Null for every other document.
    """

    id: UUID
    direction: Direction
    kind: DocumentKind
    number: str
    issue_date: date | None
    due_date: date | None
    total_due: Money | None
    sender: str
    sender_name: str
    receiver: str
    receiver_name: str
    document_type: str
    process: str
    sbdh_instance_identifier: str
    related_id: UUID | None
    validation_id: UUID | None
    pdf: str | None
    status: str
    states: States
    failure: Failure | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Document) -> Self:
        """The API's view of a row."""
        total: Money | None = None
        if row.amount_minor is not None and row.currency is not None:
            total = Money.of(row.amount_minor, row.currency)
        return cls(
            id=row.id,
            direction=row.direction,
            kind=row.kind,
            number=row.number,
            issue_date=row.issue_date,
            due_date=row.due_date,
            total_due=total,
            sender=row.sender,
            sender_name=row.sender_name,
            receiver=row.receiver,
            receiver_name=row.receiver_name,
            document_type=row.document_type,
            process=row.process,
            sbdh_instance_identifier=row.sbdh_id,
            related_id=row.related_id,
            validation_id=row.validation_id,
            pdf=(
                f"/v1/documents/{row.id}/content?format={row.pdf_format}"
                if row.pdf_format
                else None
            ),
            status=display_status(row.transport, row.network, row.business, row.payment).key,
            states=States(
                transport=row.transport,
                network=row.network,
                business=row.business,
                payment=row.payment,
            ),
            failure=(
                Failure(code=row.failure_code, text=row.failure_text) if row.failure_code else None
            ),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class DocumentPage(BaseModel):
    """A page of documents, newest first; ``next_cursor`` asks for the one after it."""

    items: list[DocumentOut]
    next_cursor: str | None


class ContentQuery(BaseModel):
    """Another format to read a document in, and the language of a PDF's pages."""

    model_config = ConfigDict(extra="forbid")

    format: str = Field("", max_length=60, description="Id of a format: GET /v1/formats.")
    lang: Literal["en", "fr", "nl", "de"] | None = None


class EvidenceQuery(BaseModel):
    """The language of the summary within a bundle; the caller's own where it is not said."""

    model_config = ConfigDict(extra="forbid")

    lang: Literal["en", "fr", "nl", "de"] | None = None


class DocumentQuery(BaseModel):
    """How to narrow and page a list of documents."""

    model_config = ConfigDict(extra="forbid")

    direction: Direction | None = None
    kind: DocumentKind | None = None
    state: TransportState | None = None
    q: str = Field("", max_length=200)
    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class SubmitQuery(BaseModel):
    """What may come beside a submitted document."""

    model_config = ConfigDict(extra="forbid")

    idempotency_key: str | None = Field(
        None,
        alias="Idempotency-Key",
        max_length=200,
        description="The same key with the same document gives the same answer again.",
        json_schema_extra={"in": "header"},
    )
    format: str = Field(
        "",
        max_length=60,
        description="Id of the format to send it in (GET /v1/formats), or auto: what the receiver "
        "is registered for. Without, XML stays as it is; JSON and PDF are auto.",
    )
    pdf: OwnPdf | None = Field(
        None,
        description="What becomes of the part 'pdf' of a form: the pages of the Factur-X, or a "
        "file inside the invoice. Without, pages in a Factur-X format and a file in any other.",
    )
    channel: Channel | None = Field(
        None,
        description="How this very document is to reach the buyer; without, the customer's "
        "channel holds.",
    )


class TimelineEntry(BaseModel):
    """One thing that happened to a document, with its evidence if there is any."""

    id: int
    at: datetime
    group: EventGroup
    kind: str
    facts: dict[str, Any]
    evidence_id: UUID | None

    @classmethod
    def of(cls, row: Event) -> Self:
        """The API's view of a row."""
        return cls(
            id=row.id or 0,
            at=row.at,
            group=row.group,
            kind=row.kind,
            facts=row.facts,
            evidence_id=row.evidence_id,
        )


class TimelineOut(BaseModel):
    """A document's timeline in order of happening, and its states now."""

    document_id: UUID
    states: States
    entries: list[TimelineEntry]


class ConditionIn(BaseModel):
    """A value the buyer expected instead: the business term (BT-13) or a name both know."""

    model_config = ConfigDict(extra="forbid")

    attribute: str = Field(min_length=1, max_length=200)
    value: str | None = Field(None, max_length=2000)


class ResponseIn(BaseModel):
    """The buyer's answer to a received invoice (Peppol BIS 63).

    UQ, CA and RE need a reason or an action; ``text`` and ``conditions`` belong to the first.
    """

    model_config = ConfigDict(extra="forbid")

    status: InvoiceStatus
    note: str | None = Field(None, max_length=2000)
    reasons: list[StatusReason] = Field(default_factory=list, max_length=10)
    actions: list[StatusAction] = Field(default_factory=list, max_length=10)
    text: str | None = Field(None, max_length=2000)
    effective_date: date | None = None
    conditions: list[ConditionIn] = Field(default_factory=list, max_length=20)
