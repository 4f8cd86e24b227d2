"""Rows of paying: links, payment initiations, provider events, and the keys links are signed with.

Amounts are never kept on a link: what is open is read from the open items when it is used.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, UtcDateTime
from gateway.core.ids import new_id
from gateway.core.vault import SealedText
from gateway.payments.states import InitiationState

__all__ = [
    "Initiation",
    "InitiationItem",
    "LinkKey",
    "PaymentLink",
    "PaymentLinkItem",
    "ProviderEvent",
]


class LinkKey(SQLModel, table=True):
    """A key payment links are signed with, sealed (`gateway.core.vault`).

    The highest number signs, the others still open.
    """

    __tablename__ = "link_key"

    number: int = Field(primary_key=True)
    secret: str = Field(sa_column=Column(SealedText, nullable=False), repr=False)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class PaymentLink(SQLModel, table=True):
    """An invitation to pay some open items of one customer in one currency.

    ``id`` is random: it is the 16 bytes that the signed token names. Expires by machine time.
    """

    __tablename__ = "payment_link"

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    customer_id: UUID = Field(foreign_key="customer.id", index=True)
    version: int = 1
    currency: str = Field(max_length=3)
    locale: str = Field(max_length=10)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    opened_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class PaymentLinkItem(SQLModel, table=True):
    """One open item a link is about."""

    __tablename__ = "payment_link_item"

    link_id: UUID = Field(foreign_key="payment_link.id", primary_key=True)
    item_id: UUID = Field(foreign_key="open_item.id", primary_key=True, index=True)


class Initiation(SQLModel, table=True):
    """One payment started from a link at a provider; amount and account are fixed from then on.

    ``end_to_end_id`` goes with the money and comes back on the bank statement. ``state`` is the
    provider's word: the items are paid only when the bank message says so.
    """

    __tablename__ = "payment_initiation"
    __table_args__ = (
        UniqueConstraint("provider", "provider_id"),
        Index("ix_payment_initiation_quiet", "state", "updated_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    link_id: UUID = Field(foreign_key="payment_link.id", index=True)
    customer_id: UUID = Field(foreign_key="customer.id")
    provider: str = Field(max_length=40)
    provider_id: str | None = Field(default=None, max_length=200)
    end_to_end_id: str = Field(max_length=35, unique=True)
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: InitiationState = Field(sa_column=Column(EnumText(InitiationState), nullable=False))
    authorise_url: str | None = Field(default=None, sa_column=Column(Text))
    failure_code: str | None = Field(default=None, max_length=60)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class InitiationItem(SQLModel, table=True):
    """The share of a payment for one open item (minor units, below zero for a credit)."""

    __tablename__ = "payment_initiation_item"

    initiation_id: UUID = Field(foreign_key="payment_initiation.id", primary_key=True)
    item_id: UUID = Field(foreign_key="open_item.id", primary_key=True, index=True)
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))


class ProviderEvent(SQLModel, table=True):
    """A provider's event that was taken in: each is acted on once."""

    __tablename__ = "provider_event"

    provider: str = Field(max_length=40, primary_key=True)
    event_id: str = Field(max_length=200, primary_key=True)
    initiation_id: UUID | None = Field(
        default=None, foreign_key="payment_initiation.id", index=True
    )
    kind: str = Field(max_length=40)
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
