"""Rows of validation: runs with their reports, and orders of checks done in the background."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from gateway.core.blob_format import BlobRef
from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id

__all__ = [
    "ItemState",
    "OrderItem",
    "OrderState",
    "ValidationKey",
    "ValidationOrder",
    "ValidationRun",
]

_NAME: Final = 300
_RULESETS: Final = 500


class OrderState(StrEnum):
    """Where an order is; ``failed`` means that at least one of its files has no report."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ItemState(StrEnum):
    """Where one file of an order is."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


class ValidationRun(SQLModel, table=True):
    """One check of one document: its digest, the verdict and the report as it was given.

    ``report`` is the report object of ``POST /v1/validations``. What lists show and narrow by
    stands beside it: ``sender``, ``number`` and ``syntax`` of the document as it names them,
    empty where it does not; ``rulesets`` are the ids of what was applied, each between blanks.
    """

    __tablename__ = "validation_run"
    __table_args__ = (
        Index("ix_validation_run_list", "tenant_id", "id"),
        Index("ix_validation_run_verdict", "tenant_id", "verdict", "id"),
        Index("ix_validation_run_sha256", "tenant_id", "sha256"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    file_name: str = Field(default="", max_length=_NAME)
    sha256: str = Field(max_length=64)
    verdict: str = Field(max_length=20)
    sender: str = Field(default="", max_length=_NAME, sa_column_kwargs={"server_default": ""})
    number: str = Field(default="", max_length=_NAME, sa_column_kwargs={"server_default": ""})
    syntax: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": ""})
    rulesets: str = Field(default="", max_length=_RULESETS, sa_column_kwargs={"server_default": ""})
    fatal: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    warnings: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    report: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))

    @classmethod
    def of(
        cls, report: Mapping[str, Any], *, tenant_id: UUID, file_name: str, at: datetime
    ) -> Self:
        """The row of a report."""
        document = report.get("document") or {}
        return cls(
            tenant_id=tenant_id,
            file_name=_kept(file_name, _NAME),
            sha256=report["sha256"],
            verdict=report["verdict"],
            sender=_kept(document.get("sender"), _NAME),
            number=_kept(document.get("id"), _NAME),
            syntax=_kept(document.get("syntax"), 40),
            rulesets=_between_blanks(one["id"] for one in report["rulesets"]),
            fatal=report["counts"]["fatal"],
            warnings=report["counts"]["warning"],
            report=_storable(report),
            created_at=at,
        )


class ValidationOrder(SQLModel, table=True):
    """Files to be checked in the background, accepted only when all of them are stored.

    ``options`` are ``rules``, ``as_of`` and ``lang`` as JSON values; ``open_items`` counts the
    files that have no answer yet.
    """

    __tablename__ = "validation_order"
    __table_args__ = (Index("ix_validation_order_list", "tenant_id", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    actor: str = Field(max_length=340)
    state: OrderState = Field(sa_column=Column(EnumText(OrderState), nullable=False))
    options: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    items: int
    open_items: int
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class OrderItem(SQLModel, table=True):
    """One file of an order: where its bytes wait, and the run they led to.

    The blob is removed once the file has its report; ``blob_id`` is None from then on.
    """

    __tablename__ = "validation_order_item"

    order_id: UUID = Field(foreign_key="validation_order.id", primary_key=True)
    position: int = Field(primary_key=True)
    file_name: str = Field(default="", max_length=_NAME)
    sha256: str = Field(max_length=64)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    blob_id: UUID | None = None
    state: ItemState = Field(sa_column=Column(EnumText(ItemState), nullable=False))
    run_id: UUID | None = Field(default=None, foreign_key="validation_run.id")
    error_code: str | None = Field(default=None, max_length=40)

    @classmethod
    def of(cls, order_id: UUID, position: int, file_name: str, stored: BlobRef) -> Self:
        """The row of a file that waits in a blob."""
        return cls(
            order_id=order_id,
            position=position,
            file_name=_kept(file_name, _NAME),
            sha256=stored.sha256,
            size=stored.size,
            blob_id=stored.id,
            state=ItemState.QUEUED,
        )

    @property
    def stored(self) -> BlobRef:
        """Where its bytes wait; raises ValueError once they are removed."""
        if self.blob_id is None:
            raise ValueError("the file's bytes were removed with its report")
        return BlobRef(self.blob_id, self.sha256, self.size)


class ValidationKey(SQLModel, table=True):
    """An ``Idempotency-Key`` with the request it was used for and what that led to.

    ``fingerprint`` covers files and options; exactly one of run and order is set.
    """

    __tablename__ = "validation_key"

    tenant_id: UUID = Field(foreign_key="tenant.id", primary_key=True)
    key: str = Field(max_length=200, primary_key=True)
    fingerprint: str = Field(max_length=64)
    run_id: UUID | None = Field(default=None, foreign_key="validation_run.id")
    order_id: UUID | None = Field(default=None, foreign_key="validation_order.id")
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


def _kept(text: object, length: int) -> str:
    """A document's own text as a row keeps it."""
    return _plain(str(text or ""))[:length]


def _plain(text: str) -> str:
    """A text without what no database keeps: NUL, halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _storable(value: Any) -> Any:
    """A JSON value whose every text a database keeps; names in PDFs and forms are anybody's."""
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, Mapping):
        return {key: _storable(inner) for key, inner in value.items()}
    return [_storable(inner) for inner in value] if isinstance(value, list | tuple) else value


def _between_blanks(ids: Iterable[str]) -> str:
    shown = " "
    for one in ids:
        if len(shown) + len(one) < _RULESETS:
            shown += f"{one} "
    return shown if shown.strip() else ""
