"""The one row of the platform: how far a demonstration has moved the business date."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from gateway.core.columns import UtcDateTime

__all__ = ["BusinessDateShift"]


class BusinessDateShift(SQLModel, table=True):
    """How many days the business date is ahead of the calendar; one row at most."""

    __tablename__ = "business_date_shift"

    id: int = Field(default=1, primary_key=True)
    days: int
    moved_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
