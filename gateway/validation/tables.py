"""Rows of validation: one run per document that was checked, with its full report."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from gateway.core.columns import Json, UtcDateTime
from gateway.core.ids import new_id

__all__ = ["ValidationRun"]


class ValidationRun(SQLModel, table=True):
    """One check of one document: its digest, the verdict and the report as it was given.

    ``report`` is the report object of ``POST /v1/validations``.
    """

    __tablename__ = "validation_run"
    __table_args__ = (Index("ix_validation_run_list", "tenant_id", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    file_name: str = Field(default="", max_length=300)
    sha256: str = Field(max_length=64)
    verdict: str = Field(max_length=20)
    report: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
