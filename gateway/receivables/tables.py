"""Rows of the receivables: customers, open items with their entries, holds, bank messages.

The entries are the truth of an open item and only ever grow; the figures on its own row are what
all entries come to, kept beside them for lists and sums in SQL.
"""

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, String, Text, UniqueConstraint
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlmodel import Field, SQLModel

from gateway.core.columns import EnumText, Json, UtcDateTime
from gateway.core.ids import new_id
from gateway.exchange.channels import Channel, DispatchFormat
from reminders.account import HoldReason
from reminders.bank import Direction
from reminders.entries import EntryKind, ItemKind
from reminders.references import normal_form

__all__ = [
    "BankMessage",
    "BankMessageState",
    "BankOrigin",
    "BankPayment",
    "BankPaymentState",
    "Customer",
    "CustomerAccount",
    "EntryRow",
    "HoldRow",
    "ItemRow",
]


class BankOrigin(StrEnum):
    """By which door a bank message came."""

    API = "api"
    FOLDER = "folder"
    UPLOAD = "upload"


class BankMessageState(StrEnum):
    """Whether the payments of a bank message could be read and booked."""

    BOOKING = "booking"
    """Read and being booked, some payments at a time; the same bytes again go on with it."""
    BOOKED = "booked"
    REFUSED = "refused"


class BankPaymentState(StrEnum):
    """What became of one movement of money the bank told about."""

    MATCHED = "matched"
    """Allocated to open items, by evidence or by a person."""
    PROPOSED = "proposed"
    """Waits for a person, with proposals."""
    UNALLOCATED = "unallocated"
    """Waits for a person; nothing is proposed."""
    DOUBTFUL = "doubtful"
    """May be a repetition of another; waits for a person."""
    REOPENED = "reopened"
    """Took back an earlier payment."""
    SET_ASIDE = "set-aside"
    """Concerns no customer: money sent, or declared so by a person."""


_KEY_LENGTH: Final = 200


def _key_of(column: str) -> Callable[[DefaultExecutionContext], str | None]:
    """Derive the normal form of another column when a row is inserted."""

    def key(context: DefaultExecutionContext) -> str | None:
        written = (context.current_parameters or {}).get(column)
        return None if written is None else normal_form(written)[:_KEY_LENGTH]

    return key


class Customer(SQLModel, table=True):
    """A debtor of a tenant, known by its Peppol participant identifier (``scheme::value``).

    ``email`` is where reminders go; ``locale`` (en, fr, nl, de, with country such as fr_BE) is
    the language they are written in. ``channel`` is how invoices go (None: as the instance does
    it), ``invoice_email`` where to if not to ``email``, ``invoice_format`` in which form.
    ``peppol_found_at`` is when somebody who gets them otherwise was found on Peppol; a person
    takes that up, or declines at ``peppol_declined_at``. ``peppol_address`` is where, for a
    customer whose invoices name no address; ``peppol_asked_at`` when the network was asked last,
    or so long before that it is their turn again (it did not answer).
    """

    __tablename__ = "customer"
    __table_args__ = (
        UniqueConstraint("tenant_id", "participant"),
        Index("ix_customer_name", "tenant_id", "name"),
        Index("ix_customer_peppol_address", "tenant_id", "peppol_address"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    participant: str = Field(max_length=200)
    name: str = Field(max_length=300)
    country: str | None = Field(default=None, max_length=2)
    email: str | None = Field(default=None, max_length=254)
    locale: str = Field(default="en", max_length=10)
    channel: Channel | None = Field(default=None, sa_column=Column(EnumText(Channel)))
    invoice_email: str | None = Field(default=None, max_length=254)
    invoice_format: DispatchFormat | None = Field(
        default=None, sa_column=Column(EnumText(DispatchFormat))
    )
    peppol_found_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    peppol_declined_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    peppol_address: str | None = Field(default=None, max_length=200)
    peppol_asked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class CustomerAccount(SQLModel, table=True):
    """An account a customer is known to pay from (IBAN without spaces), learnt from a person."""

    __tablename__ = "customer_account"

    customer_id: UUID = Field(foreign_key="customer.id", primary_key=True)
    iban: str = Field(max_length=34, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    learnt_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class ItemRow(SQLModel, table=True):
    """One open item: a claim on a customer or a credit in the customer's favour.

    ``open_minor`` (0 or less for a credit), ``disputed_minor``, ``announced_minor``, ``due_date``
    and ``closed_on`` are what all entries booked so far come to. ``payee_*`` and ``reference``
    say how the document asks to be paid (EN 16931 BT-84, BT-85, BT-86, BT-83). ``number_key`` and
    ``reference_key`` are what payers write of ``number`` and ``reference``, in normal form
    (`reminders.references.normal_form`), filled in when the row is inserted.
    """

    __tablename__ = "open_item"
    __table_args__ = (
        Index("ix_open_item_list", "tenant_id", "closed_on", "due_date", "id"),
        Index("ix_open_item_number", "tenant_id", "number"),
        Index("ix_open_item_number_key", "tenant_id", "number_key"),
        Index("ix_open_item_reference_key", "tenant_id", "reference_key"),
        Index("ix_open_item_amount", "tenant_id", "currency", "open_minor"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    customer_id: UUID = Field(foreign_key="customer.id", index=True)
    document_id: UUID | None = Field(default=None, foreign_key="document.id", unique=True)
    arises_from: UUID | None = Field(default=None, foreign_key="open_item.id")
    kind: ItemKind = Field(sa_column=Column(EnumText(ItemKind), nullable=False))
    number: str = Field(max_length=200)
    number_key: str | None = Field(
        default=None,
        sa_column=Column(String(_KEY_LENGTH), nullable=False, default=_key_of("number")),
    )
    currency: str = Field(max_length=3)
    original_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    opened_on: date
    due_date: date | None = None
    open_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    disputed_minor: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    announced_minor: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    closed_on: date | None = None
    reference: str | None = Field(default=None, max_length=140)
    reference_key: str | None = Field(
        default=None, sa_column=Column(String(_KEY_LENGTH), default=_key_of("reference"))
    )
    payee_name: str | None = Field(default=None, max_length=300)
    payee_iban: str | None = Field(default=None, max_length=34)
    payee_bic: str | None = Field(default=None, max_length=11)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class EntryRow(SQLModel, table=True):
    """One entry of an open item, never changed; ``position`` counts from 1 within the item."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        UniqueConstraint("item_id", "position"),
        UniqueConstraint("item_id", "kind", "source_kind", "source_reference"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    item_id: UUID = Field(foreign_key="open_item.id", index=True)
    position: int
    kind: EntryKind = Field(sa_column=Column(EnumText(EntryKind), nullable=False))
    currency: str = Field(max_length=3)
    amount_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    business_date: date
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    due_date: date | None = None
    dispute: str = Field(default="", max_length=200)
    reason: str = Field(default="", max_length=60)
    source_kind: str = Field(max_length=40)
    source_reference: str = Field(max_length=700)


class HoldRow(SQLModel, table=True):
    """A time in which a customer, or one item, is left alone; ``last_day`` is included.

    A hold is ended by setting ``last_day`` to the day before, never deleted; one that is lifted
    on its first day has a ``last_day`` before ``since``.
    """

    __tablename__ = "hold"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    customer_id: UUID = Field(foreign_key="customer.id", index=True)
    item_id: UUID | None = Field(default=None, foreign_key="open_item.id")
    reason: HoldReason = Field(sa_column=Column(EnumText(HoldReason), nullable=False))
    since: date
    last_day: date | None = None
    note: str = Field(default="", sa_column=Column(Text, nullable=False))
    reference: str = Field(default="", max_length=200)
    actor: str = Field(max_length=300)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    lifted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class BankMessage(SQLModel, table=True):
    """A camt message as it came, read or refused; the same bytes are taken once per tenant."""

    __tablename__ = "bank_message"
    __table_args__ = (UniqueConstraint("tenant_id", "sha256"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    content_id: UUID = Field(foreign_key="stored_blob.id")
    sha256: str = Field(max_length=64)
    origin: BankOrigin = Field(sa_column=Column(EnumText(BankOrigin), nullable=False))
    file_name: str = Field(default="", max_length=300)
    state: BankMessageState = Field(sa_column=Column(EnumText(BankMessageState), nullable=False))
    kind: str = Field(default="", max_length=20)
    message_id: str = Field(default="", max_length=200)
    account: str = Field(default="", max_length=100)
    payments: int = 0
    repeated: int = 0
    failure_code: str | None = Field(default=None, max_length=60)
    failure_text: str | None = Field(default=None, sa_column=Column(Text))
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class BankPayment(SQLModel, table=True):
    """One movement of money a bank told about, why it was booked as it was, and by whom.

    ``payment`` holds every field of `reminders.payments.Payment`. ``twin`` and ``content`` are
    digests of what tells a repetition. ``result`` holds allocations, or the proposals a person
    may accept, as the matcher gave them: ``{"allocations": [{"item", "minor"}], ...}``.
    """

    __tablename__ = "bank_payment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        Index("ix_bank_payment_queue", "tenant_id", "state", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    bank_message_id: UUID = Field(foreign_key="bank_message.id", index=True)
    name: str = Field(max_length=700)
    account: str = Field(max_length=100)
    minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(max_length=3)
    direction: Direction = Field(sa_column=Column(EnumText(Direction), nullable=False))
    booked: date | None = None
    valued: date | None = None
    end_to_end_id: str | None = Field(default=None, max_length=200, index=True)
    party_name: str | None = Field(default=None, max_length=300)
    party_iban: str | None = Field(default=None, max_length=34)
    payment: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    twin: str | None = Field(default=None, max_length=64, index=True)
    content: str = Field(max_length=64, index=True)
    state: BankPaymentState = Field(sa_column=Column(EnumText(BankPaymentState), nullable=False))
    reason: str = Field(max_length=60)
    customer_id: UUID | None = Field(default=None, foreign_key="customer.id", index=True)
    result: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    decided_by: str | None = Field(default=None, max_length=300)
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
