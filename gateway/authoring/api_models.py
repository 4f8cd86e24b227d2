"""What the API of drafts takes and gives."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.authoring.checking import Checked
from gateway.authoring.form import pointer_of
from gateway.authoring.starting import kind_of_type
from gateway.authoring.tables import Draft, Origin
from gateway.conversion.outcome import Outcome
from gateway.core.paging import Cut
from ubl.model_json import invoice_to_json

__all__ = [
    "BeginQuery",
    "CheckOut",
    "CheckQuery",
    "CopyIn",
    "CopyQuery",
    "DraftHead",
    "DraftOut",
    "DraftPage",
    "DraftQuery",
    "Made",
    "ReplaceQuery",
    "SendQuery",
]

_KEY: Any = Field(
    None,
    alias="Idempotency-Key",
    max_length=200,
    description="The same key with the same content gives the same draft again.",
    json_schema_extra={"in": "header"},
)


class DraftQuery(BaseModel):
    """How to page the list of drafts."""

    model_config = ConfigDict(extra="forbid")

    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class BeginQuery(BaseModel):
    """What may come beside the content of a new draft."""

    model_config = ConfigDict(extra="forbid")

    idempotency_key: str | None = _KEY
    file: str = Field("", max_length=200, description="The name of a PDF that is enclosed.")


class CopyQuery(BaseModel):
    """What may come beside the wish for a copy."""

    model_config = ConfigDict(extra="forbid")

    idempotency_key: str | None = _KEY


class ReplaceQuery(BaseModel):
    """Which version is replaced."""

    model_config = ConfigDict(extra="forbid")

    if_match: str | None = Field(
        None,
        alias="If-Match",
        description="The ETag of the version this one is made from.",
        json_schema_extra={"in": "header"},
    )


class CheckQuery(BaseModel):
    """The language of what is said; the caller's own where neither names one that is spoken."""

    model_config = ConfigDict(extra="forbid")

    lang: Literal["en", "fr", "nl", "de"] | None = None
    accept_language: str | None = Field(
        None,
        alias="Accept-Language",
        max_length=1000,
        description="The language of sentences, where lang is absent.",
        json_schema_extra={"in": "header"},
    )


class SendQuery(CheckQuery):
    """Which version is sent, and the language of what is said where it cannot be."""

    if_match: str | None = Field(
        None,
        alias="If-Match",
        description="The ETag of the version that was looked at; without, the last one is sent.",
        json_schema_extra={"in": "header"},
    )


class Made(StrEnum):
    """What is made of a document: a credit note for it, or the same again as a new one."""

    CREDIT_NOTE = "credit-note"
    COPY = "copy"


class CopyIn(BaseModel):
    """What is made of a document that was sent."""

    model_config = ConfigDict(extra="forbid")

    make: Made


class DraftHead(BaseModel):
    """One draft in a list. ``format`` is the one it will be sent in, by its id, or ``auto``.

    ``document_id`` is what it was copied from or credits.
    """

    id: UUID
    version: int
    origin: Origin
    document_id: UUID | None
    number: str
    buyer_name: str
    format: str
    created_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Draft) -> Self:
        """The API's view of a row."""
        return cls.model_validate({**_head(row), **cls._more(row)})

    @classmethod
    def _more(cls, _row: Draft) -> dict[str, Any]:
        return {}


class DraftOut(DraftHead):
    """One draft. ``invoice`` is as in ``/v1/schemas/invoice.json``, half filled in as it may be.

    What somebody typed at the console and nobody can read stands there as it was typed. ``unread``
    are XPaths of the file it was made from that were not understood.
    """

    unread: list[str]
    invoice: dict[str, Any]

    @classmethod
    def _more(cls, row: Draft) -> dict[str, Any]:
        kind = kind_of_type(row.invoice.get("type_code"))
        return {"unread": row.unread, "invoice": {**row.invoice, "kind": kind.value}}


def _head(row: Draft) -> dict[str, Any]:
    return {
        "id": row.id,
        "version": row.version,
        "origin": row.origin,
        "document_id": row.document_id,
        "number": row.number,
        "buyer_name": row.buyer_name,
        "format": row.wanted,
        "created_by": row.created_by,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


class DraftPage(BaseModel):
    """A page of drafts, newest first; ``next_cursor`` asks for the one after it."""

    items: list[DraftHead]
    next_cursor: UUID | None

    @classmethod
    def of(cls, rows: Sequence[Draft], limit: int) -> Self:
        """The page of up to ``limit`` rows; one more says that another page follows."""
        page = Cut.at(rows, limit)
        return cls(
            items=[DraftHead.of(one) for one in page.shown],
            next_cursor=page.cursor(lambda one: one.id),
        )


class FieldMessageOut(BaseModel):
    """What is wrong with one field; ``pointer`` is its place in the invoice (RFC 6901).

    ``code`` is a rule or a problem's code; ``MISSING``: it has to be filled in first.
    """

    pointer: str
    code: str
    message: str
    fatal: bool


class CheckOut(BaseModel):
    """What a draft comes to, and what is wrong with it.

    ``outcome`` and ``report`` are null where too much is missing for the rules to be asked.
    ``lines`` are the net amounts (BT-131) in the order of the lines; ``lines``, ``totals`` and
    ``vat_breakdown`` are empty where the fields cannot be read.
    """

    version: int
    valid: bool
    outcome: Outcome | None
    missing: int
    messages: list[FieldMessageOut]
    lines: list[dict[str, Any] | None]
    totals: dict[str, Any] | None
    vat_breakdown: list[dict[str, Any]]
    report: dict[str, Any] | None = Field(description="As POST /v1/validations answers.")

    @classmethod
    def of(cls, row: Draft, checked: Checked) -> Self:
        """The API's view of a check."""
        judged, invoice = checked.judged, checked.invoice
        worked_out = invoice_to_json(invoice) if invoice is not None else {}
        return cls(
            version=row.version,
            valid=checked.valid,
            outcome=judged.outcome if judged is not None else None,
            missing=checked.missing,
            messages=[
                FieldMessageOut(
                    pointer=pointer_of(path), code=one.code, message=one.text, fatal=one.fatal
                )
                for path, messages in checked.messages.items()
                for one in messages
            ],
            lines=[one.get("net_amount") for one in worked_out.get("lines", ())],
            totals=worked_out.get("totals"),
            vat_breakdown=worked_out.get("vat_breakdown", []),
            report=dict(judged.report) if judged is not None else None,
        )
