"""The row of one remembered answer of an SMP, shared by the processes of this instance."""

from datetime import datetime

from sqlalchemy import Column, LargeBinary, Text
from sqlmodel import Field, SQLModel

from gateway.core.columns import UtcDateTime

__all__ = ["LookupAnswer"]


class LookupAnswer(SQLModel, table=True):
    """One answer as received, under the SHA-256 of the address asked (64 hexadecimal digits).

    It belongs to the network, not to a tenant. Nothing in it is believed unread: signature and
    certificates are judged again whenever it is used.
    """

    __tablename__ = "lookup_answer"

    address_hash: str = Field(primary_key=True, max_length=64)
    url: str = Field(sa_column=Column(Text, nullable=False))
    status: int
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    fetched_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
